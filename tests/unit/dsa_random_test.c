/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random descriptors in random memory, by the accelerator and by the slow reference: the same
 * records, and the same memory.
 */
#include "dsa_fixture.h"
#include "dsa_reference.h"

#define PAGES 160u
#define STEPS 2500

#define FLAGS 0x0cu /* CRAV, RCR */

struct scene {
	struct world world;
	struct ref ref;
	uint64_t random;
	uint8_t image[PAGES * PAGE], after[PAGES * PAGE], rights[PAGES];
};

static struct scene scene;

static uint64_t below(uint64_t limit)
{
	return unit_below(&scene.random, limit);
}

static bool one_in(uint64_t count)
{
	return below(count) == 0;
}

/* ---- Memory -------------------------------------------------------------------------------- */

static void shuffle(struct world *world)
{
	for (unsigned int i = PAGES - 1; i; i--) {
		unsigned int other = (unsigned int)below(i + 1);
		uint32_t place = world->place[i];

		world->place[i] = world->place[other];
		world->place[other] = place;
	}
}

/* Some worlds are whole, in some a few pages are not as they should be. */
static void make_scene(uint64_t seed)
{
	struct world *world = &scene.world;
	bool whole;

	scene.random = seed;
	whole = one_in(3);
	world_init(world, PAGES);
	if (!one_in(3))
		shuffle(world);
	for (unsigned int i = 0; i < PAGES; i++)
		world_map(world, i, !whole && one_in(12) ? (uint8_t)below(3) : RIGHTS_ALL);
	for (size_t i = 0; i < sizeof(scene.image); i++)
		scene.image[i] = (uint8_t)unit_random(&scene.random);
	world_scatter(world, scene.image);
	scene.ref = (struct ref){.base = WORLD,
				 .pages = PAGES,
				 .bytes = scene.image,
				 .rights = world->rights,
				 .max_transfer = UINT64_C(1) << 31,
				 .opcodes = UINT64_MAX,
				 .may_block = true};
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static uint8_t *raw(void)
{
	return scene.ref.raw;
}

static uint64_t get(unsigned int at, int bytes)
{
	return ref_number(raw() + at, bytes);
}

static uint32_t random_size(void)
{
	switch (below(8)) {
	case 0:
		return (uint32_t)below(4);
	case 1:
		return (uint32_t)below(64);
	case 2:
	case 3:
		return (uint32_t)below(512);
	case 4:
		return (uint32_t)(below(3) * PAGE + below(9));
	case 5:
		return (uint32_t)below(280000);
	default:
		return (uint32_t)below(20000);
	}
}

/* Now and then it leaves the world at an end. */
static uint64_t random_address(uint32_t size)
{
	uint64_t room = (uint64_t)PAGES * PAGE;

	if (one_in(60))
		return WORLD - below(64);
	if (one_in(60))
		return WORLD + room - below(size + 64u);
	return WORLD + below(room - (size < room ? size : 0));
}

static void random_addresses(void)
{
	uint32_t size = (uint32_t)get(32, 4);

	put(raw(), 16, 8, random_address(size));
	put(raw(), 24, 8,
	    one_in(4) ? get(16, 8) + below(size + 1u) - size / 2 : random_address(size));
}

static void align_addresses(void)
{
	put(raw(), 16, 8, get(16, 8) & ~UINT64_C(7));
	put(raw(), 24, 8, get(24, 8) & ~UINT64_C(7));
}

static uint8_t *image_at(uint64_t iova)
{
	return iova - WORLD < sizeof(scene.image) ? scene.image + (iova - WORLD) : NULL;
}

/* What lies at one address becomes, for the most part, what lies at the other. */
static void make_similar(uint64_t a, uint64_t b, uint32_t size, uint64_t rarity)
{
	for (uint32_t i = 0; i < size; i++) {
		uint8_t *from = image_at(a + i), *to = image_at(b + i);

		if (from && to)
			*to = rarity && one_in(rarity) ? (uint8_t) ~*from : *from;
	}
}

static void dress_compare(void)
{
	if (!one_in(4))
		make_similar(get(16, 8), get(24, 8), (uint32_t)get(32, 4), one_in(2) ? 5000 : 0);
	raw()[40] = (uint8_t)below(2);
}

static void dress_pattern(void)
{
	uint64_t pattern = unit_random(&scene.random);

	put(raw(), 24, 8, one_in(3) ? pattern % 256 * UINT64_C(0x0101010101010101) : pattern);
	for (uint32_t i = 0; i < get(32, 4); i++) {
		uint8_t *to = image_at(get(16, 8) + i);

		if (to && !one_in(40000))
			*to = raw()[24 + i % 8];
	}
	raw()[40] = (uint8_t)below(2);
}

static void dress_create(void)
{
	uint32_t size = (uint32_t)get(32, 4);

	if (!one_in(10))
		put(raw(), 32, 4, size &= ~7u);
	align_addresses();
	make_similar(get(16, 8), get(24, 8), size, one_in(2) ? 50 : 2000);
	put(raw(), 40, 8, random_address(size + size / 4) & ~UINT64_C(7));
	put(raw(), 48, 4, one_in(20) ? below(80) : 80 + below(size * 2 + 1));
	raw()[56] = (uint8_t)below(8);
}

/* A record that goes up, now and then not. */
static void dress_apply(void)
{
	uint32_t size = (uint32_t)get(32, 4), entries = (uint32_t)below(size / 8 + 2), offset = 0;

	if (!one_in(10))
		put(raw(), 32, 4, size & ~7u);
	align_addresses();
	if (entries > 6000)
		entries = 6000;
	put(raw(), 40, 4, one_in(30) ? entries : entries * 10);
	for (uint32_t i = 0; i < entries; i++) {
		uint8_t *low = image_at(get(16, 8) + i * 10),
			*high = image_at(get(16, 8) + i * 10 + 1);

		if (low && high) {
			*low = (uint8_t)offset;
			*high = (uint8_t)(offset >> 8);
		}
		offset += one_in(3000) ? 0 : 1 + (uint32_t)below(size / 8 / entries + 1);
	}
}

static void dress_crc(void)
{
	put(raw(), 40, 4, unit_random(&scene.random));
	put(raw(), 48, 8, random_address(4) & ~(one_in(10) ? UINT64_C(0) : UINT64_C(3)));
	raw()[6] = (uint8_t)below(8);
}

/* Fields that are right for the most part. */
static void make_fields(uint32_t block, uint32_t size)
{
	struct ref_tags tags = ref_take_tags(&scene.ref, 48);
	uint64_t at = get(16, 8);

	for (uint32_t done = 0; done + block + 8 <= size; done += block + 8) {
		uint16_t guard = raw()[42] & 4 ? 0xffff : 0;
		uint8_t *from = image_at(at + done), *end = image_at(at + done + block + 7);

		if (!from || !end)
			return;
		for (uint32_t i = 0; i < block; i++)
			guard = ref_crc16(guard, from[i]);
		ref_make_field(from + block, NULL, raw()[42] & 8 ? (uint16_t)~guard : guard, 0,
			       &tags);
		if (one_in(20))
			memset(from + block + below(3) * 2, 0xff, 6);
		if (one_in(20))
			memset(from + block, 0xff, 8);
		if (one_in(100))
			from[below(block + 8)] ^= 1;
		ref_count(&tags, raw()[40]);
	}
}

static void dress_dif(uint8_t opcode)
{
	static const uint32_t blocks[] = {512, 520, 4096, 4104};
	uint32_t kind = (uint32_t)below(4),
		 stride = blocks[kind] + (opcode == DSA_DIF_INSERT ? 0 : 8);
	uint32_t size = (uint32_t)(below(12) * stride + (one_in(20) ? below(9) : 0));

	put(raw(), 32, 4, size);
	random_addresses();
	for (unsigned int i = 48; i < 64; i++)
		raw()[i] = one_in(3) ? 0xff : (uint8_t)unit_random(&scene.random);
	raw()[40] = (uint8_t)(one_in(2) ? below(256) : below(4) << 6);
	raw()[41] = (uint8_t)(below(32) << 3);
	raw()[42] = (uint8_t)(kind | below(4) << 2);
	if (one_in(2)) { /* no bits are masked */
		put(raw(), 52, 2, 0);
		put(raw(), 60, 2, 0);
	}
	if (opcode != DSA_DIF_INSERT)
		make_fields(blocks[kind], size);
	if (opcode == DSA_DIF_CHECK || opcode == DSA_DIF_STRIP) {
		raw()[41] = 0;
		memset(raw() + 56, 0, 8);
	}
	if (opcode == DSA_DIF_CHECK)
		put(raw(), 24, 8, 0);
	if (opcode == DSA_DIF_INSERT) {
		raw()[40] = 0;
		raw()[41] &= 0x90;
		memset(raw() + 48, 0, 8);
	}
}

static void dress(uint8_t opcode)
{
	switch (opcode) {
	case DSA_NOP:
		memset(raw() + 16, 0, 20);
		break;
	case DSA_FILL:
		put(raw(), 16, 8, one_in(3) ? 0x7777777777777777 : unit_random(&scene.random));
		break;
	case DSA_COMPARE:
		dress_compare();
		break;
	case DSA_COMPARE_PATTERN:
		dress_pattern();
		break;
	case DSA_CREATE_DELTA:
		dress_create();
		break;
	case DSA_APPLY_DELTA:
		dress_apply();
		break;
	case DSA_DUALCAST:
		put(raw(), 40, 8,
		    (random_address((uint32_t)get(32, 4)) & ~UINT64_C(0xfff)) |
			    (get(24, 8) & 0xfff));
		break;
	case DSA_CRC:
		put(raw(), 24, 8, 0);
		dress_crc();
		break;
	case DSA_COPY_CRC:
		dress_crc();
		break;
	case DSA_CACHE_FLUSH:
		put(raw(), 16, 8, 0);
		break;
	default:
		if (opcode >= DSA_DIF_CHECK && opcode <= DSA_DIF_UPDATE)
			dress_dif(opcode);
	}
}

static uint8_t random_opcode(void)
{
	static const uint8_t opcodes[] = {
		DSA_NOP,	  DSA_MOVE,	    DSA_MOVE,
		DSA_FILL,	  DSA_COMPARE,	    DSA_COMPARE_PATTERN,
		DSA_CREATE_DELTA, DSA_CREATE_DELTA, DSA_APPLY_DELTA,
		DSA_APPLY_DELTA,  DSA_DUALCAST,	    DSA_CRC,
		DSA_COPY_CRC,	  DSA_DIF_CHECK,    DSA_DIF_INSERT,
		DSA_DIF_STRIP,	  DSA_DIF_UPDATE,   DSA_CACHE_FLUSH,
	};

	return opcodes[below(UNIT_COUNT(opcodes))];
}

static void make_descriptor(void)
{
	uint8_t opcode = random_opcode();

	make(raw(), opcode, FLAGS, 0, 0, random_size());
	random_addresses();
	dress(opcode);
	raw()[4] |= (uint8_t)(below(2) * 0x80 &
			      (opcode >= DSA_COMPARE && opcode <= DSA_CREATE_DELTA ? 0x80 : 0));
	if (one_in(12))
		raw()[below(64)] ^= (uint8_t)(1u << below(8));
	if (one_in(40))
		raw()[below(64)] = (uint8_t)below(256);
}

/* ---- Both ---------------------------------------------------------------------------------- */

static size_t random_budget(void)
{
	switch (below(4)) {
	case 0:
		return 1 + (size_t)below(600);
	case 1:
		return 1 + (size_t)below(10000);
	default:
		return 1 + (size_t)below(1000000);
	}
}

static bool is_same(const struct dsa_job *job)
{
	uint8_t record[DSA_RECORD_SIZE];

	dsa_record_encode(&job->record, record);
	return !memcmp(record, scene.ref.record, sizeof(record));
}

static long run(uint64_t seed)
{
	long wrong = -1;

	make_scene(seed);
	for (long step = 0; step < STEPS && wrong < 0; step++) {
		struct dsa_job job;

		make_descriptor();
		world_scatter(&scene.world, scene.image);
		ref_run(&scene.ref);
		run_job(&scene.world, &job, raw(), random_budget());
		world_copy(&scene.world, scene.after);
		if (!is_same(&job) || memcmp(scene.after, scene.image, sizeof(scene.image)))
			wrong = step;
	}
	world_finish(&scene.world);
	return wrong;
}

static void test_random_jobs_do_what_the_reference_does(void **state)
{
	unit_run_seeds(run);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_jobs_do_what_the_reference_does),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
