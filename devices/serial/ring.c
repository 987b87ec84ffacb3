/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring's positions run freely: their difference is what is in it, and their low bits are where.
 */
#include "ring.h"

#include <string.h>

uint32_t serial_ring_used(const struct serial_ring *ring)
{
	return ring->in - ring->out;
}

uint32_t serial_ring_room(const struct serial_ring *ring)
{
	return SERIAL_RING_SIZE - serial_ring_used(ring);
}

void serial_ring_put(struct serial_ring *ring, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		ring->bytes[ring->in++ % SERIAL_RING_SIZE] = bytes[i];
}

uint32_t serial_ring_get(struct serial_ring *ring, uint8_t *to, uint32_t max)
{
	uint32_t count = serial_ring_used(ring);

	if (count > max)
		count = max;
	for (uint32_t i = 0; i < count; i++)
		to[i] = ring->bytes[ring->out++ % SERIAL_RING_SIZE];
	return count;
}

/* `count` bytes from a position on, in the one or two pieces that they lie in. */
static int segments(struct serial_ring *ring, uint32_t from, uint32_t count, struct iovec iov[2])
{
	uint32_t at = from % SERIAL_RING_SIZE;
	uint32_t first = SERIAL_RING_SIZE - at;

	if (!count)
		return 0;
	if (first > count)
		first = count;

	iov[0] = (struct iovec){.iov_base = ring->bytes + at, .iov_len = first};
	iov[1] = (struct iovec){.iov_base = ring->bytes, .iov_len = count - first};
	return count > first ? 2 : 1;
}

int serial_ring_room_iov(struct serial_ring *ring, struct iovec iov[2])
{
	return segments(ring, ring->in, serial_ring_room(ring), iov);
}

int serial_ring_used_iov(struct serial_ring *ring, struct iovec iov[2])
{
	return segments(ring, ring->out, serial_ring_used(ring), iov);
}

void serial_ring_added(struct serial_ring *ring, uint32_t count)
{
	ring->in += count;
}

void serial_ring_taken(struct serial_ring *ring, uint32_t count)
{
	ring->out += count;
}

void serial_ring_drop(struct serial_ring *ring)
{
	if (serial_ring_used(ring))
		ring->out = ring->in;
}

/* A ring that was never used is not touched, so that its page need not exist. */
void serial_ring_scrub(struct serial_ring *ring)
{
	if (!ring->in && !ring->out)
		return;
	explicit_bzero(ring, sizeof(*ring));
}
