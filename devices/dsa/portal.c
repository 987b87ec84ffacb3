/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gathering descriptors: a slot has its bytes, and a bit for each of them that has come.
 */
#include "portal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_OF_PAGE ((unsigned int)(DSA_PORTAL_PAGE / DSA_DESCRIPTOR_SIZE))
#define ALL_BYTES     UINT64_MAX
#define SENDER_BYTES  4u /* the first dword of a descriptor */

struct slot {
	uint64_t have; /* bit n: byte n */
	uint8_t bytes[DSA_DESCRIPTOR_SIZE];
};

struct dsa_portals {
	unsigned int pages;
	struct slot slots[];
};

int dsa_portals_create(unsigned int pages, struct dsa_portals **ret)
{
	struct dsa_portals *portals;

	if (!pages || pages > UINT8_MAX * DSA_PORTAL_PAGES)
		return -EINVAL;

	portals = calloc(1, sizeof(*portals) + sizeof(portals->slots[0]) * SLOTS_OF_PAGE * pages);
	if (!portals)
		return -ENOMEM;
	portals->pages = pages;
	*ret = portals;
	return 0;
}

void dsa_portals_destroy(struct dsa_portals *portals)
{
	free(portals);
}

static void reset_pages(struct dsa_portals *portals, unsigned int first, unsigned int end)
{
	for (unsigned int i = first * SLOTS_OF_PAGE; i < end * SLOTS_OF_PAGE; i++)
		portals->slots[i].have = 0;
}

void dsa_portals_reset(struct dsa_portals *portals)
{
	reset_pages(portals, 0, portals->pages);
}

void dsa_portals_reset_wq(struct dsa_portals *portals, unsigned int wq)
{
	unsigned int first = wq * DSA_PORTAL_PAGES;
	unsigned int end = first + DSA_PORTAL_PAGES;

	if (first < portals->pages)
		reset_pages(portals, first, end < portals->pages ? end : portals->pages);
}

static bool is_shape(uint64_t offset, size_t size)
{
	bool is_size = size == 4 || size == 8 || size == 16 || size == 32 || size == 64;

	return is_size && offset % size == 0;
}

/* Adds bytes to a slot. True: all are there, and the slot is free again. */
static bool gather(struct slot *slot, unsigned int at, const uint8_t *bytes, size_t size)
{
	uint64_t bits = (size == DSA_DESCRIPTOR_SIZE ? ALL_BYTES : (UINT64_C(1) << size) - 1) << at;

	if (slot->have & bits)
		slot->have = 0;
	memcpy(slot->bytes + at, bytes, size);
	slot->have |= bits;
	if (slot->have != ALL_BYTES)
		return false;

	slot->have = 0;
	return true;
}

int dsa_portals_write(struct dsa_portals *portals, uint64_t offset, const uint8_t *bytes,
		      size_t size, struct dsa_submission *ret)
{
	uint64_t page = offset / DSA_PORTAL_PAGE;
	struct slot *slot;

	if (!is_shape(offset, size) || page >= portals->pages)
		return -EINVAL;

	slot = &portals->slots[offset / DSA_DESCRIPTOR_SIZE];
	if (!gather(slot, offset % DSA_DESCRIPTOR_SIZE, bytes, size))
		return 0;

	ret->wq = (unsigned int)(page / DSA_PORTAL_PAGES);
	ret->kind = (enum dsa_portal_kind)(page % DSA_PORTAL_PAGES);
	memcpy(ret->descriptor, slot->bytes, DSA_DESCRIPTOR_SIZE);
	return 1;
}

void dsa_submission_drop_sender(struct dsa_submission *submission)
{
	memset(submission->descriptor, 0, SENDER_BYTES);
}

bool dsa_portal_admits(const struct dsa_portal_wq *wq, enum dsa_portal_kind kind)
{
	bool limited = kind == DSA_PORTAL_LIMITED || kind == DSA_PORTAL_IMS_LIMITED;
	unsigned int limit = wq->size;

	if (limited && !wq->dedicated && wq->threshold < limit)
		limit = wq->threshold;
	return wq->occupied < limit;
}
