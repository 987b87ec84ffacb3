/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slices: the accelerator with one work queue and a configuration that cannot be changed, as the
 * kernel's mdev series of 2020 had it. A slice is one owner's queue of a parent: it emulates
 * registers and portals, and uses the parent's link and nothing else of it (umdev/parent.h), so
 * that it is the same with a parent of its process and of another one.
 *
 *	BAR0	8 KiB	registers; tables at 300 (MSI-X permissions), 400 (groups), 500 (WQs),
 *			600 (MSI-X), 700 (its pending bits)
 *	BAR2	8 KiB	the WQ's unlimited portal, and at 1000 its limited one
 *	MSI-X	2	0: commands, errors, halts; 1: the WQ's completions, backed by a vector of
 *			the link's while the driver has its handle
 *
 * Linux reckons with 16 KiB of portals for each WQ, and uses the limited one; the last two pages
 * are for handles of an interrupt store in the device, which a slice has not. So the series' 8 KiB
 * hold all that can be used.
 *
 * A parent that is lost halts the device. A reset of the function looks for a new one.
 */
#ifndef DSA_SLICE_H
#define DSA_SLICE_H

#include <umdev/device.h>
#include <umdev/parent.h>

extern const struct umd_device_kind dsa_1dwq_kind, dsa_1swq_kind;

/* Where a slice's link comes from: the first one, and another one after a parent was lost. */
struct dsa_slice_source {
	/*
	 * The link reaches the memory of the device's client, and is dispatched with the device. 0;
	 * a negative errno.
	 */
	int (*connect)(void *data, struct umd_device *device, struct umd_link **ret,
		       struct umd_error *error);

	/* Once the last link is closed. May be NULL. */
	void (*destroy)(void *data);
	void *data;
};

struct dsa_slice_options {
	const char *name;   /* of the type */
	bool shared;	    /* the WQ is number 1 of those that links share */
	uint16_t device_id; /* 0: DSA_DEVICE_SPR */
	struct dsa_slice_source source;
};

/* Makes and realises a slice. The source is taken over, also where that fails. */
int dsa_slice_create(const struct dsa_slice_options *options, struct umd_device **ret,
		     struct umd_error *error);

#endif
