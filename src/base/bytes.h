/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Little-endian numbers in raw bytes: PCI registers and config space. The compiler turns each of
 * these into one load or store.
 */
#ifndef UMD_BASE_BYTES_H
#define UMD_BASE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t umd_get_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t umd_get_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t umd_get_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void umd_put_le16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void umd_put_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void umd_put_le64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

/* A little-endian number of 1, 2, 4 or 8 bytes. */
static inline uint64_t umd_get_le(const uint8_t *p, unsigned int size)
{
	switch (size) {
	case 1:
		return *p;
	case 2:
		return umd_get_le16(p);
	case 4:
		return umd_get_le32(p);
	default:
		return umd_get_le64(p);
	}
}

static inline void umd_put_le(uint8_t *p, unsigned int size, uint64_t v)
{
	switch (size) {
	case 1:
		*p = (uint8_t)v;
		break;
	case 2:
		umd_put_le16(p, (uint16_t)v);
		break;
	case 4:
		umd_put_le32(p, (uint32_t)v);
		break;
	default:
		umd_put_le64(p, v);
	}
}

#endif
