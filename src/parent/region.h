/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions as a link holds them, whichever way it leads. What is held is mapped here, or, where the
 * link is a socket's, in another process. Each index is held once at most.
 */
#ifndef UMD_PARENT_REGION_H
#define UMD_PARENT_REGION_H

#include "parent/link.h"

struct umd_held_region {
	struct umd_held_region *next;
	uint32_t index;
	uint64_t bytes;
	bool writable;
	bool revoked, told; /* taken away; and the link's user has been told */
	void *address;	    /* NULL: it is mapped elsewhere */
};

/* Whether a description is one: of whole pages, and not too many. */
bool umd_region_is_valid(const struct umd_parent_region *region);

/* Whether the file is there to the region's end, and cannot be cut short. */
bool umd_region_is_safe(const struct umd_parent_region *region);

/*
 * Asks for a region; holds it from now on where `holds` says so: then with a file, the caller's to
 * close. What way->get_region() returns; -EBUSY for one to be held that is; -ENOMEM.
 */
int umd_region_get(struct umd_link *link, uint32_t index, bool holds,
		   struct umd_parent_region *ret);

/* The parent takes it away: whether it was there to be taken. The user is told later. */
bool umd_region_revoke(struct umd_link *link, uint32_t index);

/* One that was taken away and not told of yet, which is told of now. */
bool umd_region_next_revoked(struct umd_link *link, uint32_t *ret);

/* Nothing is held any more. */
void umd_region_drop_all(struct umd_link *link);

#endif
