/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Portals: pages of BAR 2 to which descriptors are written, four of them for each WQ.
 *
 * A descriptor is 64 bytes in a slot, an aligned 64 bytes of a page: in one write, as MOVDIR64B and
 * ENQCMD make them, or in several aligned ones of 4, 8, 16 or 32 bytes, as they come from a guest
 * whose MOVDIR64B was taken apart. These are gathered, slot by slot and in any order, until all 64
 * bytes are there. A byte that is written a second time begins the slot anew: what was gathered
 * before was never finished. Which slot was used means nothing otherwise.
 *
 * Gathering takes no memory but what dsa_portals_create() has made.
 */
#ifndef DSA_PORTAL_H
#define DSA_PORTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "descriptor.h"
#include "regs.h"

/* The pages of a WQ, in their order. */
enum dsa_portal_kind {
	DSA_PORTAL_UNLIMITED,
	DSA_PORTAL_LIMITED, /* up to the WQ's threshold */
	DSA_PORTAL_IMS_UNLIMITED,
	DSA_PORTAL_IMS_LIMITED,
};

/* A descriptor that has arrived. */
struct dsa_submission {
	unsigned int wq;
	enum dsa_portal_kind kind;
	uint8_t descriptor[DSA_DESCRIPTOR_SIZE];
};

/*
 * Drops the sender: the PASID, and whether it is privileged. In a device without PASIDs these bits
 * mean nothing, and drivers leave what they like there: Linux sets the privileged one.
 */
void dsa_submission_drop_sender(struct dsa_submission *submission);

struct dsa_portals;

/* @param pages of BAR 2, from the first WQ's first on. 0; -EINVAL; -ENOMEM */
int dsa_portals_create(unsigned int pages, struct dsa_portals **ret);

/* NULL is allowed. */
void dsa_portals_destroy(struct dsa_portals *portals);

/* Drops what is gathered: all of it, or what is a WQ's. */
void dsa_portals_reset(struct dsa_portals *portals);
void dsa_portals_reset_wq(struct dsa_portals *portals, unsigned int wq);

/*
 * Takes a write to BAR 2.
 *
 * @return 1 where it has completed a descriptor; 0 where more is to come; -EINVAL for a write of
 *	   another size, one that is not aligned to its size, or one behind the last page
 */
int dsa_portals_write(struct dsa_portals *portals, uint64_t offset, const uint8_t *bytes,
		      size_t size, struct dsa_submission *ret);

/* What a WQ is to its portals. */
struct dsa_portal_wq {
	bool dedicated;
	unsigned int size, threshold; /* descriptors */
	unsigned int occupied;	      /* that wait in it */
};

/*
 * Whether a WQ takes a descriptor from a page of that kind. A limited page of a shared WQ has no
 * more than the threshold; a dedicated WQ knows no threshold.
 */
bool dsa_portal_admits(const struct dsa_portal_wq *wq, enum dsa_portal_kind kind);

#endif
