/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities of other makers' devices beside ours with the same parameters: 32-bit words as they
 * were seen, and a list of the bits in which ours differ, each with the reason. A difference that
 * is not listed fails, and so does a listed one that is not there.
 */
#ifndef PCI_CAPS_SEEN_H
#define PCI_CAPS_SEEN_H

#include "pci_caps_fixture.h"

/* A word as it was seen: its value, and the bits that read as they are written. */
struct caps_seen {
	uint32_t at, initial, rw;
};

/* Bits of such a word that are the other way round in ours. */
struct caps_differ {
	uint32_t at, initial, rw;
	const char *why;
};

struct caps_other {
	const struct caps_seen *seen; /* words that are not listed are zero and read-only */
	size_t seen_count;
	const struct caps_differ *differ;
	size_t differ_count;
	bool initial_only; /* what can be written was not seen */
};

#define CAPS_OTHER(seen, differ)                                          \
	{                                                                 \
		seen, UNIT_COUNT(seen), differ, UNIT_COUNT(differ), false \
	}

/* Declares a capability of the device. */
#define CAPS_ADD(add, ...)                                    \
	do {                                                  \
		if (add(&config, &(__VA_ARGS__), &error) < 0) \
			fail_msg("%s", error.text);           \
	} while (0)

/* Registers of a maker's own, which ours have as a body: from `at` on, as they were seen. */
struct caps_seen_body {
	uint8_t bytes[256], writable[256];
};

static inline struct umd_cap_body
caps_body(struct caps_seen_body *store, const struct caps_other *other, uint32_t at, size_t size)
{
	assert_true(size <= sizeof(store->bytes));
	memset(store, 0, sizeof(*store));
	for (size_t i = 0; i < other->seen_count; i++) {
		const struct caps_seen *word = &other->seen[i];

		for (uint32_t b = 0; b < 4; b++) {
			if (word->at + b < at || word->at + b >= at + size)
				continue;
			store->bytes[word->at + b - at] = (uint8_t)(word->initial >> 8 * b);
			store->writable[word->at + b - at] = (uint8_t)(word->rw >> 8 * b);
		}
	}
	return (struct umd_cap_body){
		.size = size, .bytes = store->bytes, .writable = store->writable};
}

static inline uint32_t caps_word(const uint8_t *bytes, uint32_t at)
{
	return (uint32_t)bytes[at] | (uint32_t)bytes[at + 1] << 8 | (uint32_t)bytes[at + 2] << 16 |
	       (uint32_t)bytes[at + 3] << 24;
}

static inline void caps_compare_word(const struct caps_other *other, uint32_t at, uint32_t mask,
				     uint32_t initial, uint32_t rw)
{
	struct caps_seen seen = {0};
	struct caps_differ differ = {.why = "nothing"};

	for (size_t i = 0; i < other->seen_count; i++) {
		if (other->seen[i].at == at)
			seen = other->seen[i];
	}
	for (size_t i = 0; i < other->differ_count; i++) {
		if (other->differ[i].at == at)
			differ = other->differ[i];
	}
	if (((initial ^ seen.initial ^ differ.initial) & mask) ||
	    (!other->initial_only && ((rw ^ seen.rw ^ differ.rw) & mask)))
		fail_msg("0x%x: ours %08x rw %08x, seen %08x rw %08x; to differ: %08x rw %08x (%s)",
			 at, initial, rw, seen.initial, seen.rw, differ.initial, differ.rw,
			 differ.why);
}

/* Whether a word lies in a declared capability; the bytes of it that do, as a mask. */
static inline uint32_t caps_declared(uint32_t at)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < config.cap_count; i++) {
		for (uint32_t b = 0; b < 4; b++) {
			if (at + b >= config.caps[i].at &&
			    at + b < config.caps[i].at + config.caps[i].size)
				mask |= 0xffu << 8 * b;
		}
	}
	return mask;
}

/* Every word of what was declared, against what was seen. */
static inline void caps_compare(const struct caps_other *other)
{
	uint8_t initial[UMD_PCIE_CONFIG_SIZE], ones[UMD_PCIE_CONFIG_SIZE],
		zeros[UMD_PCIE_CONFIG_SIZE];

	umd_pci_config_read(&config, 0, initial, sizeof(initial));
	caps_write(0, 0xff);
	umd_pci_config_read(&config, 0, ones, sizeof(ones));
	caps_write(0, 0);
	umd_pci_config_read(&config, 0, zeros, sizeof(zeros));

	for (size_t i = 0; i < other->seen_count; i++)
		assert_true(caps_declared(other->seen[i].at));
	for (size_t i = 0; i < other->differ_count; i++)
		assert_true(caps_declared(other->differ[i].at));
	for (uint32_t at = 0x40; at < UMD_PCIE_CONFIG_SIZE; at += 4)
		caps_compare_word(other, at, caps_declared(at), caps_word(initial, at),
				  caps_word(ones, at) & ~caps_word(zeros, at));
}

#endif
