/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies past the cache: a destination that does not fit into it need not be read before it is
 * written. For descriptors that do not ask for the cache (DSA_FLAG_CC).
 */
#ifndef DSA_STREAM_H
#define DSA_STREAM_H

#include "job.h"

/* From which size on; the cost is that what is in the cache is written to memory, too. */
#define DSA_STREAM_MOVE	    ((uint32_t)8 << 20)
#define DSA_STREAM_COPY_CRC ((uint32_t)4 << 20)

static inline bool dsa_is_streamed(const struct dsa_descriptor *descriptor, uint32_t from_size)
{
	return descriptor->size >= from_size && !(descriptor->flags & DSA_FLAG_CC);
}

/* As memmove(), for memory that does not overlap; if it does, some of it is copied in any order. */
void dsa_stream(uint8_t *to, const uint8_t *from, size_t size);

#endif
