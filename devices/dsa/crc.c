/* SPDX-License-Identifier: BSD-2-Clause */
#include "crc.h"

#include <pthread.h>

#include "bytes.h"

/* ---- By table: eight bytes a step ---------------------------------------------------------- */

#define SLICES 8u

/* tables.X[n][byte]: what a byte does to the register, n bytes later. */
static struct {
	uint32_t crc32c[SLICES][256];
	uint16_t crc16[SLICES][256];
} tables;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_first(unsigned int byte)
{
	uint32_t crc32c = byte;
	uint16_t crc16 = (uint16_t)(byte << 8);

	for (int bit = 0; bit < 8; bit++) {
		crc32c = crc32c >> 1 ^ (crc32c & 1 ? 0x82f63b78u : 0);
		crc16 = (uint16_t)(crc16 << 1 ^ (crc16 & 0x8000 ? 0x8bb7 : 0));
	}
	tables.crc32c[0][byte] = crc32c;
	tables.crc16[0][byte] = crc16;
}

static void make_tables(void)
{
	for (unsigned int byte = 0; byte < 256; byte++)
		make_first(byte);
	for (unsigned int n = 1; n < SLICES; n++) {
		for (unsigned int byte = 0; byte < 256; byte++) {
			uint32_t crc32c = tables.crc32c[n - 1][byte];
			uint16_t crc16 = tables.crc16[n - 1][byte];

			tables.crc32c[n][byte] = crc32c >> 8 ^ tables.crc32c[0][crc32c & 0xff];
			tables.crc16[n][byte] =
				(uint16_t)(crc16 << 8 ^ tables.crc16[0][crc16 >> 8]);
		}
	}
}

uint32_t dsa_crc32c_by_table(uint32_t crc, const uint8_t *from, size_t size)
{
	pthread_once(&once, make_tables);
	for (; size >= SLICES; size -= SLICES, from += SLICES) {
		uint64_t word = dsa_get64(from) ^ crc;

		crc = 0;
		for (unsigned int i = 0; i < SLICES; i++)
			crc ^= tables.crc32c[SLICES - 1 - i][word >> 8 * i & 0xff];
	}
	for (; size; size--, from++)
		crc = crc >> 8 ^ tables.crc32c[0][(crc ^ *from) & 0xff];
	return crc;
}

uint16_t dsa_crc16_by_table(uint16_t crc, const uint8_t *from, size_t size)
{
	pthread_once(&once, make_tables);
	for (; size >= SLICES; size -= SLICES, from += SLICES) {
		uint64_t word = dsa_get64(from) ^ (crc >> 8 | (crc & 0xff) << 8);

		crc = 0;
		for (unsigned int i = 0; i < SLICES; i++)
			crc ^= tables.crc16[SLICES - 1 - i][word >> 8 * i & 0xff];
	}
	for (; size; size--, from++)
		crc = (uint16_t)(crc << 8 ^ tables.crc16[0][crc >> 8 ^ *from]);
	return crc;
}

/* ---- The best there is --------------------------------------------------------------------- */

#ifdef DSA_ISAL
#include <isa-l/crc.h>

/* ISA-L takes int lengths, and only its types lack const. */
uint32_t dsa_crc32c(uint32_t crc, const uint8_t *from, size_t size)
{
	return crc32_iscsi((unsigned char *)(uintptr_t)from, (int)size, crc);
}

uint16_t dsa_crc16(uint16_t crc, const uint8_t *from, size_t size)
{
	return crc16_t10dif(crc, from, size);
}
#else
uint32_t dsa_crc32c(uint32_t crc, const uint8_t *from, size_t size)
{
	return dsa_crc32c_by_table(crc, from, size);
}

uint16_t dsa_crc16(uint16_t crc, const uint8_t *from, size_t size)
{
	return dsa_crc16_by_table(crc, from, size);
}
#endif

/* The bits of each byte, turned round. */
static uint64_t mirror(uint64_t bytes)
{
	bytes = (bytes >> 1 & UINT64_C(0x5555555555555555)) | (bytes & UINT64_C(0x5555555555555555))
								      << 1;
	bytes = (bytes >> 2 & UINT64_C(0x3333333333333333)) | (bytes & UINT64_C(0x3333333333333333))
								      << 2;
	return (bytes >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (bytes & UINT64_C(0x0f0f0f0f0f0f0f0f))
								     << 4;
}

#define MIRRORED 2048u /* bytes that are turned round at a time */

uint32_t dsa_crc32c_msb(uint32_t crc, const uint8_t *from, size_t size)
{
	uint64_t words[MIRRORED / 8];

	while (size) {
		size_t part = size < MIRRORED ? size : MIRRORED, count = (part + 7) / 8;

		words[count - 1] = 0;
		memcpy(words, from, part);
		for (size_t i = 0; i < count; i++)
			words[i] = mirror(words[i]);
		crc = dsa_crc32c(crc, (const uint8_t *)words, part);
		from += part;
		size -= part;
	}
	return crc;
}
