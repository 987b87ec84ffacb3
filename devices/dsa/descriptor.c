/* SPDX-License-Identifier: BSD-2-Clause */
#include "descriptor.h"

#include "bytes.h"

#define RESERVED_0 0x7ff00000u /* of dword 0 */

void dsa_descriptor_decode(const uint8_t *raw, struct dsa_descriptor *ret)
{
	uint32_t first = dsa_get32(raw), second = dsa_get32(raw + 4);

	ret->pasid = first & 0xfffff;
	ret->privileged = first >> 31;
	ret->flags = second & 0xffffff;
	ret->opcode = (uint8_t)(second >> 24);
	ret->completion = dsa_get64(raw + 8);
	ret->source = dsa_get64(raw + 16);
	ret->destination = dsa_get64(raw + 24);
	ret->size = dsa_get32(raw + 32);
	ret->handle = dsa_get16(raw + 36);
	ret->reserved = (first & RESERVED_0) | dsa_get16(raw + 38);
	memcpy(ret->specific, raw + 40, DSA_SPECIFIC_SIZE);
}

void dsa_record_encode(const struct dsa_record *record, uint8_t *raw)
{
	raw[0] = record->status;
	raw[1] = record->result;
	raw[2] = 0;
	raw[3] = 0;
	dsa_put32(raw + 4, record->bytes);
	dsa_put64(raw + 8, record->fault_address);
	memcpy(raw + 16, record->specific, sizeof(record->specific));
}
