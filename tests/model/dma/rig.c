/* SPDX-License-Identifier: BSD-2-Clause */
#include "rig.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

/* ---- Random numbers, records --------------------------------------------------------------- */

uint64_t rig_below(struct rig *rig, uint64_t limit)
{
	return unit_below(&rig->random, limit);
}

bool rig_chance(struct rig *rig, unsigned int percent)
{
	return rig_below(rig, 100) < percent;
}

void rig_note(struct rig *rig, uint64_t number)
{
	struct rig_record *record = &rig->history[rig->step % RIG_HISTORY];

	if (record->count < RIG_NUMBERS)
		record->numbers[record->count++] = number;
}

void rig_wrong(struct rig *rig, const char *what, int64_t is, int64_t should)
{
	if (rig->mismatch[0])
		return;
	snprintf(rig->mismatch, sizeof(rig->mismatch), "%s: %" PRId64 ", not %" PRId64, what, is,
		 should);
}

bool rig_expect(struct rig *rig, const char *what, bool right)
{
	if (!right)
		rig_wrong(rig, what, 0, 1);
	return right;
}

static void count_error(struct rig *rig, int error)
{
	static const struct {
		int error;
		enum rig_event event;
	} rows[] = {
		{-EINVAL, RIG_SAW_EINVAL},	     {-EOVERFLOW, RIG_SAW_EOVERFLOW},
		{-EEXIST, RIG_SAW_EEXIST},	     {-ENOSPC, RIG_SAW_ENOSPC},
		{-ENOMEM, RIG_SAW_ENOMEM},	     {-EACCES, RIG_SAW_EACCES},
		{-EMEDIUMTYPE, RIG_SAW_EMEDIUMTYPE}, {-EFAULT, RIG_SAW_EFAULT},
		{-EREMOTE, RIG_SAW_EREMOTE},	     {-E2BIG, RIG_SAW_E2BIG},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		if (rows[i].error == error)
			rig_saw(rig, rows[i].event);
	}
}

bool rig_expect_result(struct rig *rig, const char *what, int result, unsigned int reasons,
		       unsigned int may)
{
	bool right = ref_allows(reasons | may, result) || (!reasons && result >= 0);

	if (!right) {
		char text[100];

		snprintf(text, sizeof(text), "%s, reasons %#x (result, reasons)", what, reasons);
		rig_wrong(rig, text, result, reasons);
		return false;
	}
	if (result < 0)
		count_error(rig, result);
	return result >= 0;
}

void rig_print_history(const struct rig *rig)
{
	uint64_t from = rig->step < RIG_HISTORY ? 0 : rig->step - RIG_HISTORY + 1;

	for (uint64_t step = from; step <= rig->step; step++) {
		const struct rig_record *record = &rig->history[step % RIG_HISTORY];

		print_message("%8" PRIu64 "  %s", step, record->name);
		for (unsigned int i = 0; i < record->count; i++)
			print_message(" %#" PRIx64, record->numbers[i]);
		print_message("\n");
	}
	print_message("          %s\n", rig->mismatch);
}

/* ---- Addresses ----------------------------------------------------------------------------- */

uint64_t rig_choose_page(struct rig *rig)
{
	const uint64_t middles[RIG_CLUSTERS] = {
		rig->width / 2,				/* from the first page on */
		UINT64_C(1) << (32 - 12),		/* around 2^32 */
		UINT64_C(1) << (63 - 12),		/* around 2^63 */
		(UINT64_C(1) << 52) - (rig->width / 2), /* to the last page */
	};

	return middles[rig_below(rig, RIG_CLUSTERS)] - rig->width / 2 + rig_below(rig, rig->width);
}

const struct ref_map *rig_choose_map(struct rig *rig)
{
	return rig->ref.count ? &rig->ref.maps[rig_below(rig, rig->ref.count)] : NULL;
}

uint64_t rig_choose_iova(struct rig *rig)
{
	const struct ref_map *map = rig_choose_map(rig);
	uint64_t size;

	if (!map || rig_chance(rig, 15))
		return rig_choose_page(rig) * MEMORY_PAGE + rig_below(rig, MEMORY_PAGE);

	size = map->last - map->iova;
	switch (rig_below(rig, 4)) {
	case 0:
		return map->iova;
	case 1:
		return map->last - rig_below(rig, 16);
	default:
		return map->iova + (size == UINT64_MAX ? 0 : rig_below(rig, size + 1));
	}
}

uint32_t rig_choose_prot(struct rig *rig, unsigned int percent_both)
{
	if (rig_chance(rig, percent_both))
		return UMD_DMA_READ | UMD_DMA_WRITE;
	return rig_chance(rig, 50) ? UMD_DMA_READ : UMD_DMA_WRITE;
}

uint64_t rig_choose_size(struct rig *rig, uint64_t iova, uint64_t limit)
{
	const struct ref_map *map = ref_at(&rig->ref, iova);

	if (map && map->last - iova < limit - 1 && rig_chance(rig, 40))
		return map->last - iova + 1 + rig_below(rig, 2);
	return rig_below(rig, rig_chance(rig, 70) ? 130 : limit + 1);
}

/* ---- Memory -------------------------------------------------------------------------------- */

static const struct {
	enum memory_kind kind;
	uint64_t pages;
} memories[RIG_MEMORIES] = {
	{MEMORY_PLAIN, 64},  {MEMORY_PLAIN, 16},  {MEMORY_PLAIN, 3},	{MEMORY_PLAIN, 1},
	{MEMORY_FUTURE, 16}, {MEMORY_SEALED, 16}, {MEMORY_ADDRESS, 64}, {MEMORY_ADDRESS, 2},
};

static void open_foreign(struct rig *rig)
{
	int pipe_fds[2];

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	close(pipe_fds[1]);
	rig->foreign[0] = pipe_fds[0];
	rig->foreign[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rig->foreign[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	rig->foreign[3] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < UNIT_COUNT(rig->foreign); i++)
		assert_true(rig->foreign[i] >= 0);
}

void rig_check_memory(struct rig *rig)
{
	for (unsigned int i = 0; i < RIG_MEMORIES; i++) {
		const struct memory *memory = &rig->memories[i];

		if (!memory_is_right(memory, 0, memory->room * MEMORY_PAGE))
			rig_wrong(rig, "bytes of a memory", i, -1);
	}
}

void rig_adopt(struct rig *rig, unsigned int memory, uint64_t at, const uint8_t *written,
	       size_t size)
{
	const struct memory *of = &rig->memories[memory];

	for (uint64_t i = 0; i < size && at + i < of->pages * MEMORY_PAGE; i++) {
		uint8_t is = of->view[at + i], *was = &of->bytes[at + i];

		if (written && is != *was && is != written[i])
			rig_wrong(rig, "a byte of a write that failed", is, written[i]);
		*was = is;
	}
}

static bool is_any_shaky(const struct rig *rig)
{
	for (unsigned int i = 0; i < RIG_MEMORIES; i++) {
		if (rig->memories[i].shaky)
			return true;
	}
	return false;
}

unsigned int rig_doubts(const struct rig *rig, const struct ref_piece *pieces, unsigned int count)
{
	for (unsigned int i = 0; i < count && i < RIG_PIECES; i++) {
		if (pieces[i].kind == UMD_DMA_BY_FD && rig->memories[pieces[i].memory].shaky)
			return REF_FAULT;
	}
	return count > RIG_PIECES && is_any_shaky(rig) ? REF_FAULT : 0;
}

/* ---- Life ---------------------------------------------------------------------------------- */

/* Some spaces are for many maps. The others have limits, or none, or none worth the name. */
static void choose_options(struct rig *rig)
{
	static const uint32_t max_maps[] = {0, 0, 3, 40, 700};
	static const uint64_t widths[] = {16, 64, 64, 512, 1024};
	struct umd_dma_space_options *options = &rig->options;

	*options = (struct umd_dma_space_options){.size = sizeof(*options),
						  .owner = (uint32_t)rig_below(rig, 1 << 20)};
	rig->is_crowded = rig_chance(rig, 25);
	rig->width = 1024;
	if (rig->is_crowded)
		return;
	options->max_maps = max_maps[rig_below(rig, UNIT_COUNT(max_maps))];
	if (rig_chance(rig, 30))
		options->max_mapped_bytes = 1 + rig_below(rig, 200 * MEMORY_PAGE);
	else if (rig_chance(rig, 10))
		options->max_mapped_bytes = UINT64_C(1) << (40 + rig_below(rig, 24));
	if (rig_chance(rig, 40))
		options->max_pinned_bytes = 1 + rig_below(rig, 8 * MEMORY_PAGE);
	rig->width = widths[rig_below(rig, UNIT_COUNT(widths))];
}

static void create(struct rig *rig)
{
	choose_options(rig);
	ref_init(&rig->ref, &rig->options);
	assert_int_equal(umd_dma_space_create(&rig->options, &rig->space), 0);
	rig_expect(rig, "owner", umd_dma_space_owner(rig->space) == rig->options.owner);
	memset(rig->marks, 0, sizeof(rig->marks));
}

static void destroy(struct rig *rig)
{
	for (unsigned int i = 0; i < RIG_PINS; i++)
		rig_unpin(rig, &rig->pins[i]);
	for (unsigned int i = 0; i < RIG_READERS; i++) {
		rig_leave(rig, &rig->readers[i]);
		umd_dma_reader_destroy(rig->readers[i].reader);
		rig->readers[i].reader = NULL;
	}
	umd_dma_space_destroy(rig->space);
	rig->space = NULL;
	rig_check_memory(rig);
}

void rig_renew(struct rig *rig)
{
	int fds = unit_count_fds();

	destroy(rig);
	create(rig);
	/* What the space kept open is closed; the new one has as little as the old one had. */
	rig_expect(rig, "fewer fds", unit_count_fds() <= fds);
}

bool rig_is_spent(const struct rig *rig)
{
	return rig->ref.last_id > REF_IDS - 100 || rig->ref.count > REF_MAPS - 100;
}

void rig_init(struct rig *rig, uint64_t seed)
{
	memset(rig, 0, sizeof(*rig));
	rig->random = seed;
	for (unsigned int i = 0; i < RIG_MEMORIES; i++)
		memory_init(&rig->memories[i], memories[i].kind, memories[i].pages, &rig->random);
	open_foreign(rig);
	create(rig);
}

void rig_finish(struct rig *rig)
{
	destroy(rig);
	for (unsigned int i = 0; i < RIG_MEMORIES; i++)
		memory_finish(&rig->memories[i]);
	for (size_t i = 0; i < UNIT_COUNT(rig->foreign); i++)
		close(rig->foreign[i]);
}
