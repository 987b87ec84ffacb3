/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of capabilities share: config space to declare them in, and the registers that the
 * specification gives them, written out as bytes in hex, in the order in which lspci -xxx has them.
 */
#ifndef PCI_CAPS_FIXTURE_H
#define PCI_CAPS_FIXTURE_H

#include "unit.h"

#include <stdio.h>

#include "pci/caps.h"

/* What there is to see of a capability. NULL: as said. */
struct caps_golden {
	const char *initial; /* its bytes before anything is written */
	const char *ones;    /* after all ones have been written; as before */
	const char *zeros;   /* after all zeroes have been written then; as initially */
	const char *w1c;     /* bits that are cleared by writing ones; none */
	const char *sticky;  /* bits that a function reset leaves alone; none */
};

static struct umd_pci_config config;
static struct umd_error error;

/* A device without capabilities, with room for all kinds. */
static inline int caps_setup(void **state)
{
	static const struct umd_device_info identity = {.size = sizeof(identity),
							.vendor = 0x1b36,
							.device = 0xffe1,
							.class_code = 0xff0000};

	memset(&config, 0, sizeof(config));
	umd_pci_config_init(&config, &identity);
	config.size = UMD_PCIE_CONFIG_SIZE;
	error = (struct umd_error){0};
	return 0;
}

/* ---- Bytes --------------------------------------------------------------------------------- */

/* Bytes in hex, divided by spaces; their number. */
static inline size_t caps_hex(const char *text, uint8_t *to, size_t size)
{
	size_t count = 0;
	int taken = 0;
	unsigned int byte;

	for (; sscanf(text, "%2x %n", &byte, &taken) == 1; text += taken) {
		assert_true(count < size);
		to[count++] = (uint8_t)byte;
	}
	assert_string_equal(text, "");
	return count;
}

/* A mask in hex; NULL: zeroes. */
static inline void caps_mask(const char *text, uint8_t *to, size_t size)
{
	memset(to, 0, size);
	if (text)
		assert_int_equal(caps_hex(text, to, size), size);
}

static inline void caps_same(const char *what, int at, const uint8_t *expected, size_t size)
{
	uint8_t bytes[UMD_PCIE_CONFIG_SIZE];

	umd_pci_config_read(&config, (size_t)at, bytes, size);
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != expected[i])
			fail_msg("%s: byte 0x%zx is %02x, not %02x", what, i, bytes[i],
				 expected[i]);
	}
}

static inline void caps_same_hex(const char *what, int at, const char *text)
{
	uint8_t expected[UMD_PCIE_CONFIG_SIZE];

	caps_same(what, at, expected, caps_hex(text, expected, sizeof(expected)));
}

/* The driver writes a byte everywhere from `at` to the end of config space. */
static inline void caps_write(int at, uint8_t byte)
{
	uint8_t from[UMD_PCIE_CONFIG_SIZE];

	memset(from, byte, sizeof(from));
	umd_pci_config_write(&config, (size_t)at, from, config.size - (size_t)at);
}

/* ---- What a capability is held against ----------------------------------------------------- */

/* Whatever its bits are, ones clear those of `w1c` and set those that can be written. */
static inline void caps_check_w1c(int at, size_t size, const struct caps_golden *golden)
{
	uint8_t w1c[UMD_PCIE_CONFIG_SIZE];

	caps_mask(golden->w1c, w1c, size);
	for (size_t i = 0; i < size; i++)
		w1c[i] = (uint8_t)~w1c[i];
	memset(&config.bytes[at], 0xff, size);
	caps_write(at, 0xff);
	caps_same("ones written to ones", at, w1c, size);
}

/* Zeroes clear nothing but what can be written: what reads as zero then and as one before. */
static inline void caps_check_w0(int at, size_t size, const struct caps_golden *golden)
{
	uint8_t ones[UMD_PCIE_CONFIG_SIZE], zeros[UMD_PCIE_CONFIG_SIZE];
	const char *initial = golden->initial;

	caps_hex(golden->ones ? golden->ones : initial, ones, sizeof(ones));
	caps_hex(golden->zeros ? golden->zeros : initial, zeros, sizeof(zeros));
	for (size_t i = 0; i < size; i++)
		zeros[i] = (uint8_t) ~(ones[i] & ~zeros[i]);
	memset(&config.bytes[at], 0xff, size);
	caps_write(at, 0);
	caps_same("zeroes written to ones", at, zeros, size);
}

static inline void caps_check_reset(int at, size_t size, const struct caps_golden *golden)
{
	uint8_t initial[UMD_PCIE_CONFIG_SIZE], sticky[UMD_PCIE_CONFIG_SIZE];

	caps_hex(golden->initial, initial, sizeof(initial));
	caps_mask(golden->sticky, sticky, size);

	memset(&config.bytes[at], 0xff, size);
	umd_pci_config_reset(&config, 0);
	caps_same("reset of everything", at, initial, size);

	for (size_t i = 0; i < size; i++)
		initial[i] |= sticky[i];
	memset(&config.bytes[at], 0xff, size);
	umd_pci_config_reset(&config, UMD_PCI_KEEP_STICKY);
	caps_same("function reset of ones", at, initial, size);

	for (size_t i = 0; i < size; i++)
		initial[i] = (uint8_t)(initial[i] & ~sticky[i]);
	memset(&config.bytes[at], 0, size);
	umd_pci_config_reset(&config, UMD_PCI_KEEP_STICKY);
	caps_same("function reset of zeroes", at, initial, size);
}

/* The bytes behind the capability are nobody's: nothing lies there, nothing can be written. */
static inline void caps_check_end(int at, size_t size)
{
	static const uint8_t nothing[UMD_PCIE_CONFIG_SIZE];

	caps_same("behind the capability", at + (int)size, nothing,
		  config.size - (size_t)at - size);
}

/* The last declared capability, which lies at `at`, is the golden one. */
static inline void caps_check(int at, const struct caps_golden *golden)
{
	uint8_t initial[UMD_PCIE_CONFIG_SIZE];
	size_t size = caps_hex(golden->initial, initial, sizeof(initial));

	if (at < 0)
		fail_msg("%d: %s", at, error.text);
	assert_int_equal(config.caps[config.cap_count - 1].size, size);
	caps_same_hex("initially", at, golden->initial);
	caps_write(at, 0xff);
	caps_same_hex("after ones", at, golden->ones ? golden->ones : golden->initial);
	caps_check_end(at, size);
	caps_write(at, 0);
	caps_same_hex("after zeroes", at, golden->zeros ? golden->zeros : golden->initial);
	caps_check_w1c(at, size, golden);
	caps_check_w0(at, size, golden);
	caps_check_reset(at, size, golden);
}

/* ---- Declarations that cannot be ----------------------------------------------------------- */

/* What a refused declaration returns and says, and that it has left no trace. */
static inline void caps_refused(int result, int code, const char *text,
				const struct umd_pci_config *before)
{
	if (result != code || strcmp(error.text, text) != 0)
		fail_msg("%d \"%s\", not %d \"%s\"", result, error.text, code, text);
	assert_int_equal(error.code, code);
	assert_memory_equal(before, &config, sizeof(config));
}

/* Rows of {cap, text}: each is refused with -EINVAL and its sentence. */
#define CAPS_REFUSES(add, rows)                                                       \
	do {                                                                          \
		for (size_t row = 0; row < UNIT_COUNT(rows); row++) {                 \
			struct umd_pci_config before;                                 \
                                                                                      \
			caps_setup(NULL);                                             \
			before = config;                                              \
			caps_refused(add(&config, &(rows)[row].cap, &error), -EINVAL, \
				     (rows)[row].text, &before);                      \
		}                                                                     \
	} while (0)

/* A device has one of them: the second is refused with -EEXIST, wherever it is to lie. */
#define CAPS_SINGLE(add, first, second, name)                                       \
	do {                                                                        \
		struct umd_pci_config before;                                       \
		char text[sizeof(error.text)];                                      \
		int at;                                                             \
                                                                                    \
		caps_setup(NULL);                                                   \
		at = add(&config, first, &error);                                   \
		assert_true(at > 0);                                                \
		before = config;                                                    \
		snprintf(text, sizeof(text), name ": there is one at 0x%x already", \
			 (unsigned int)at);                                         \
		caps_refused(add(&config, second, &error), -EEXIST, text, &before); \
	} while (0)

#define CAPS_TEST(name) cmocka_unit_test_setup(name, caps_setup)

#endif
