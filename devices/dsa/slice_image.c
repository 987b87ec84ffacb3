/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slice's registers after a reset. Group, engine and WQ number 0 belong together; there is no
 * PASID, hence no page requests, no blocking on faults, and no command for PASIDs; nothing of the
 * optional tables.
 */
#include "slice_image.h"

#include <errno.h>
#include <string.h>

#include <umdev/parent.h>

#include "descriptor.h"
#include "engine.h"
#include "regs.h"

#define COMMAND(code) (1u << (code))

#define COMMANDS                                                                             \
	(COMMAND(DSA_ENABLE_DEVICE) | COMMAND(DSA_DISABLE_DEVICE) | COMMAND(DSA_DRAIN_ALL) | \
	 COMMAND(DSA_ABORT_ALL) | COMMAND(DSA_RESET_DEVICE) | COMMAND(DSA_ENABLE_WQ) |       \
	 COMMAND(DSA_DISABLE_WQ) | COMMAND(DSA_DRAIN_WQ) | COMMAND(DSA_ABORT_WQ) |           \
	 COMMAND(DSA_RESET_WQ) | COMMAND(DSA_REQUEST_HANDLE) | COMMAND(DSA_RELEASE_HANDLE))

#define MAX_XFER_SHIFT	31u /* 2 GiB: what Sapphire Rapids has */
#define MAX_BATCH_SHIFT 10u

uint64_t slice_image_get(const struct slice_image *image, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = size; i-- > 0;)
		value = value << 8 | (offset + i < SLICE_IMAGE_SIZE ? image->bytes[offset + i] : 0);
	return value;
}

void slice_image_put(struct slice_image *image, uint64_t offset, unsigned int size, uint64_t value)
{
	for (unsigned int i = 0; i < size && offset + i < SLICE_IMAGE_SIZE; i++)
		image->bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

static unsigned int shift_of(uint64_t value, unsigned int max)
{
	unsigned int shift = 0;

	while (shift < max && value >> (shift + 1))
		shift++;
	return shift;
}

struct limits {
	unsigned int max_xfer, max_batch; /* logarithms */
	uint32_t slots;
};

static void put_capabilities(struct slice_image *image, bool shared, const struct limits *limits)
{
	slice_image_put(image, DSA_VERSION, 4, DSA_VERSION_1_0);
	slice_image_put(image, DSA_GENCAP, 8,
			DSA_GENCAP_OVERLAP | DSA_GENCAP_CC_MEMORY | DSA_GENCAP_CMDCAP |
				DSA_PUT(limits->max_xfer, DSA_GENCAP_MAX_XFER) |
				DSA_PUT(limits->max_batch, DSA_GENCAP_MAX_BATCH));
	slice_image_put(image, DSA_WQCAP, 8,
			DSA_PUT(limits->slots, DSA_WQCAP_SLOTS) | DSA_PUT(1, DSA_WQCAP_COUNT) |
				(shared ? DSA_WQCAP_SHARED : DSA_WQCAP_DEDICATED));
	slice_image_put(image, DSA_GRPCAP, 8, DSA_PUT(1, DSA_GRPCAP_COUNT));
	slice_image_put(image, DSA_ENGCAP, 8, DSA_PUT(1, DSA_ENGCAP_COUNT));
	slice_image_put(image, DSA_OPCAP, 8, DSA_OPCAP_1_0);
	slice_image_put(image, DSA_TABLE_OFFSET, 8,
			DSA_PUT(SLICE_GRPCFG_AT / DSA_TABLE_UNIT, DSA_TABLE_GRPCFG) |
				DSA_PUT(SLICE_WQCFG_AT / DSA_TABLE_UNIT, DSA_TABLE_WQCFG) |
				DSA_PUT(SLICE_MSIX_PERM_AT / DSA_TABLE_UNIT, DSA_TABLE_MSIX_PERM));
	slice_image_put(image, DSA_CMDCAP, 4, COMMANDS);
}

static void put_configuration(struct slice_image *image, bool shared, const struct limits *limits)
{
	slice_image_put(image, SLICE_GRPCFG_AT + DSA_GRPCFG_WQS, 8, 1);
	slice_image_put(image, SLICE_GRPCFG_AT + DSA_GRPCFG_ENGINES, 8, 1);
	slice_image_put(image, SLICE_WQCFG_AT + 4 * DSA_WQCFG_SIZE, 4, limits->slots);
	slice_image_put(image, SLICE_WQCFG_AT + 4 * DSA_WQCFG_THRESHOLD, 4,
			shared ? limits->slots : 0);
	slice_image_put(image, SLICE_WQCFG_AT + 4 * DSA_WQCFG_MODE, 4,
			shared ? 0 : DSA_WQ_DEDICATED);
	slice_image_put(image, SLICE_WQCFG_AT + 4 * DSA_WQCFG_LIMITS, 4,
			DSA_PUT(limits->max_xfer, DSA_WQ_MAX_XFER) |
				DSA_PUT(limits->max_batch, DSA_WQ_MAX_BATCH));
}

/* All that OPCAP names, in the engine's words. */
static const char *const algorithms[] = {
	"nop",	 "batch",    "drain", "move",	  "fill", "compare",	 "compare-pattern",
	"delta", "dualcast", "crc",   "copy-crc", "dif",  "cache-flush",
};

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	while (*words) {
		size_t next = strcspn(words, " ");

		if (next == length && memcmp(words, word, length) == 0)
			return true;
		words += next + (words[next] == ' ');
	}
	return false;
}

static bool has_all(const struct umd_parent_info *parent)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (!has_word(parent->algorithms, algorithms[i]))
			return false;
	}
	return true;
}

int slice_image_init(struct slice_image *image, bool shared, const struct umd_parent_info *parent)
{
	const struct limits limits = {
		.max_xfer = shift_of(parent->max_transfer, MAX_XFER_SHIFT),
		.max_batch = shift_of(parent->max_batch, MAX_BATCH_SHIFT),
		.slots = parent->max_depth < SLICE_WQ_SLOTS ? parent->max_depth : SLICE_WQ_SLOTS,
	};

	if (strncmp(parent->api, DSA_API, sizeof(parent->api)) != 0 ||
	    parent->entry_size != DSA_DESCRIPTOR_SIZE || !limits.slots || !has_all(parent))
		return -ENOTSUP;
	memset(image, 0, sizeof(*image));
	put_capabilities(image, shared, &limits);
	put_configuration(image, shared, &limits);
	return 0;
}
