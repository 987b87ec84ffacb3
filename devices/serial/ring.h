/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded queue of bytes between a UART and its host end, which a readv() can fill and a writev()
 * can empty in one call.
 */
#ifndef SERIAL_RING_H
#define SERIAL_RING_H

#include <stdint.h>
#include <sys/uio.h>

#define SERIAL_RING_SIZE 4096u /* a power of two */

/** Zeroed is empty. The positions count bytes since the start and wrap with their type. */
struct serial_ring {
	uint8_t bytes[SERIAL_RING_SIZE];
	uint32_t in, out;
};

/** Bytes in the ring. */
uint32_t serial_ring_used(const struct serial_ring *ring);

/** Bytes that fit. */
uint32_t serial_ring_room(const struct serial_ring *ring);

/** Adds bytes, of which there must be room for all. */
void serial_ring_put(struct serial_ring *ring, const uint8_t *bytes, uint32_t count);

/** Takes up to `max` bytes. @return how many */
uint32_t serial_ring_get(struct serial_ring *ring, uint8_t *to, uint32_t max);

/** Where the room is. @return segments filled in, 0 to 2 */
int serial_ring_room_iov(struct serial_ring *ring, struct iovec iov[2]);

/** Where the bytes are. @return segments filled in, 0 to 2 */
int serial_ring_used_iov(struct serial_ring *ring, struct iovec iov[2]);

/** Bytes were put into the segments of serial_ring_room_iov(). */
void serial_ring_added(struct serial_ring *ring, uint32_t count);

/** Bytes were taken from the segments of serial_ring_used_iov(). */
void serial_ring_taken(struct serial_ring *ring, uint32_t count);

/** Forgets what is in the ring. */
void serial_ring_drop(struct serial_ring *ring);

/** Forgets what is in the ring, and overwrites whatever was. */
void serial_ring_scrub(struct serial_ring *ring);

#endif
