/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The spaces of a device's PASIDs: attached and detached by the client, looked up for requests
 * whose prefix the driver's settings allow.
 *
 * A space that was detached stays for as long as readers of it do, and until the client has been
 * sent its Stop Marker; until then it counts as one that is attached, so that a client cannot make
 * them pile up.
 */
#ifndef UMD_DEVICE_PASID_H
#define UMD_DEVICE_PASID_H

#include <stdbool.h>
#include <stdint.h>

#include <umdev/pasid.h>

#include "dma/space.h"

#define UMD_PASID_SPACES_MAX 256u

struct umd_device;

struct umd_pasid_space {
	struct umd_dma_space space; /* its owner is the PASID */
	struct umd_device *device;
	bool is_marked; /* its Stop Marker has not been sent yet */
	struct umd_pasid_space *next;
};

struct umd_pasids {
	uint32_t width; /* bits */
	bool required;	/* a client without the extension is refused */
	struct umd_pasid_ops ops;

	unsigned int limit; /* spaces that the client may attach */
	bool sends_markers; /* the client takes them */
	struct umd_pasid_space *attached[UMD_PASID_SPACES_MAX]; /* by PASID */
	unsigned int count;
	struct umd_pasid_space *gone; /* detached, and still there */
	unsigned int gone_count;
	unsigned int marked;
};

void umd_pasid_finish(struct umd_device *device);

/* What the driver has enabled has changed, or whether the device may master the bus. */
void umd_pasid_update(struct umd_device *device);

/* Begins with a client that may attach so many spaces, and is sent Stop Markers or not. */
void umd_pasid_open(struct umd_device *device, unsigned int limit, bool sends_markers);

/* Stop Markers cannot be sent any more. */
void umd_pasid_drop_markers(struct umd_device *device);

/*
 * 0; -ERANGE for a PASID that is too wide; -EEXIST; -ENOSPC beyond the limit; -EBUSY where one of
 * the same PASID waits for its Stop Marker, or too many that were detached are still in use, or a
 * dirty log runs: it does not cover PASIDs; -ENOMEM.
 */
int umd_pasid_attach(struct umd_device *device, uint32_t pasid);

/*
 * Its maps go, its page requests end with -ENXIO. 0 or -ENOENT. The space stays at least until
 * another one is attached or detached.
 */
int umd_pasid_detach(struct umd_device *device, uint32_t pasid, struct umd_dma_space **ret_space);

/* The client is gone: so are its spaces, and no marker is sent. */
void umd_pasid_forget(struct umd_device *device);

/* What is still in use of spaces that have gone is taken away from those who use it. */
void umd_pasid_revoke(struct umd_device *device);

/* The space of a PASID; NULL for none. */
struct umd_dma_space *umd_pasid_find(const struct umd_device *device, uint32_t pasid);

/* A Stop Marker is to be sent for a space. 0 or -ENXIO. */
int umd_pasid_mark(struct umd_device *device, uint32_t pasid);

static inline bool umd_pasids_have_marker(const struct umd_pasids *pasids)
{
	return pasids && pasids->marked;
}

/* The PASID of the next Stop Marker, which counts as sent; there is one. */
uint32_t umd_pasid_take_marker(struct umd_pasids *pasids);

/* The space that a request with this prefix goes to, and what it asks of maps: 0 or a refusal. */
int umd_pasid_resolve(struct umd_device *device, const struct umd_dma_prefix *prefix, bool write,
		      struct umd_dma_space **ret_space, uint32_t *ret_prot);

#endif
