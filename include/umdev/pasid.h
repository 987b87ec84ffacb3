/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PASIDs: DMA in spaces of a device that belong to processes or other owners, and page requests.
 *
 * A device with the PASID capability (umd_device_add_pasid()) has, besides its default space, any
 * number of spaces that its client attaches and fills, each under a PASID. A request with a PASID
 * prefix reaches memory through the space of that PASID and through no other. A client needs the
 * extension of docs/extensions.md for that; one without it sees the capability, unless the device
 * says `required`, but attaches nothing.
 *
 * A device with the Page Request Interface (umd_device_add_pri()) can ask its client for pages that
 * are not mapped, and try again: umd_dma_start_tagged() does both.
 *
 * What the driver has enabled in the two capabilities is asked of every request. The refusals:
 *
 *	-ENODEV		bus mastering is off, or the device is below D0 or unplugged
 *	-EACCES		PASIDs are not enabled, or the device has none
 *	-ERANGE		the PASID is wider than the capability says
 *	-ENOEXEC	the permission to execute is asked for and not enabled
 *	-EPERM		a privileged request, and Privileged Mode is not enabled
 *	-EINVAL		the permission to execute is asked for by a write; a request of no shape
 *	-ENXIO		no space is attached for the PASID, or it was detached meanwhile
 *
 * Threads: as in umdev/device.h; other threads use readers (umdev/dma.h).
 */
#ifndef UMDEV_PASID_H
#define UMDEV_PASID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/dma.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Requests with a prefix ---------------------------------------------------------------- */

/** What a request carries before it: the PASID TLP prefix (PCIe Base 5.0, section 6.20.2). */
struct umd_dma_prefix {
	uint32_t pasid;	 /* 20 bits; UMD_DMA_NO_OWNER: no prefix, the default space */
	bool execute;	 /* Execute Requested: a read of what is to be executed */
	bool privileged; /* Privileged Mode Requested */
};

/**
 * As umd_dma_read() and umd_dma_write(), through the space of the prefix. A map grants what it was
 * made for: reading, writing, and execution to requests that ask for it; where it was made for
 * privileged requests, only to these.
 *
 * @return 0; -EFAULT where something is not mapped, or does not grant all that is asked; the
 *	   refusals above; -EREMOTE, without a prefix only. On error, part may be copied
 */
int umd_dma_read_tagged(struct umd_device *device, const struct umd_dma_prefix *prefix,
			uint64_t iova, void *to, size_t size);
int umd_dma_write_tagged(struct umd_device *device, const struct umd_dma_prefix *prefix,
			 uint64_t iova, const void *from, size_t size);

/* ---- Spaces -------------------------------------------------------------------------------- */

/** What a device is told of its client's spaces. Every member may be NULL. */
struct umd_pasid_ops {
	/** There is a space for this PASID: time to make readers for the engines. */
	void (*attached)(void *data, uint32_t pasid, struct umd_dma_space *space);

	/** As umd_device_ops.dma_unmap, of the space of a PASID. */
	void (*unmapped)(void *data, uint32_t pasid, uint64_t iova, uint64_t last);

	/**
	 * It has gone: nothing is mapped in it any more, and lookups find nothing. Whoever uses its
	 * memory still has a second to end that. It lives on for the readers and pins that it has;
	 * until they have ended, it counts as one that the client may attach. Told also when the
	 * client leaves.
	 */
	void (*detached)(void *data, uint32_t pasid, struct umd_dma_space *space);
};

/** Asks to be told; `data` is struct umd_device_info's. @return 0; -ENOENT without PASIDs */
int umd_device_set_pasid_ops(struct umd_device *device, const struct umd_pasid_ops *ops);

/**
 * The space of a PASID, for readers in other threads. Readers get -ENODEV also while the driver has
 * PASIDs disabled; whether it has enabled what else an engine asks for, umd_dma_check_prefix() says
 * on the device's thread.
 *
 * @return NULL where none is attached
 */
struct umd_dma_space *umd_device_pasid_space(struct umd_device *device, uint32_t pasid);

/** Whether a request with this prefix may be made now. @return 0; the refusals above */
int umd_dma_check_prefix(struct umd_device *device, const struct umd_dma_prefix *prefix,
			 bool write);

/* ---- Page requests ------------------------------------------------------------------------- */

#define UMD_PAGE_REQUEST_PAGES 16u  /* that one may ask for */
#define UMD_PAGE_REQUEST_QUEUE 256u /* requests that may wait for their turn */

/**
 * A page request group (PCIe Base 5.0, section 10.4.1): consecutive pages that the client is asked
 * to map. The struct is the caller's and stays untouched until the request has ended.
 */
struct umd_page_request {
	struct umd_dma_prefix prefix;
	uint64_t address; /* of the first page; a multiple of 4096 */
	uint32_t pages;	  /* of 4096 bytes: 1 to UMD_PAGE_REQUEST_PAGES */
	bool read, write; /* what they are to allow: either or both */

	/** Told how it has ended; may start the next one. */
	void (*done)(void *data, int result);
	void *data;

	struct { /* the library's */
		struct umd_page_request *previous, *next;
		uint64_t started_ns;
		uint32_t group;
	} own;
};

/**
 * Asks the client for pages. done() is called once, from umd_server_dispatch() or whatever else
 * ends the request, with
 *
 *	0		the client has mapped them: Success
 *	-EFAULT		it will not: Invalid Request
 *	-EIO		Response Failure: no more requests until the driver enables them again
 *	-ETIMEDOUT	it has not answered for five seconds
 *	-ENXIO		the space was detached; -EACCES: the driver has disabled PASIDs
 *	-ESHUTDOWN	the driver has disabled page requests before it was sent
 *	-ECANCELED	the device was reset, the driver has reset the Page Request Interface, or
 *			the client left, or closed the socket for messages
 *	-ENODEV		bus mastering went off, or the device left D0 or was unplugged
 *
 * No more pages are asked for at a time than the driver allows (Outstanding Page Request
 * Allocation) and the client takes; other requests wait for their turn. Not to be waited for by an
 * access of the driver's: the client may serve page requests only after it.
 *
 * @return -EINPROGRESS where done() will be called; -EBUSY where UMD_PAGE_REQUEST_QUEUE wait
 *	   already; -E2BIG where more pages are asked for than the driver or the client allow at a
 *	   time; -EOPNOTSUPP while the driver has page requests disabled, or the device has none;
 *	   -EIO after a Response Failure; -ENOTCONN for a client without the extension, or without a
 *	   socket for it any more; the refusals above. Never 0
 */
int umd_page_request_start(struct umd_device *device, struct umd_page_request *request);

/** Takes a request back; done() is not called. Nothing for one that is not under way. */
void umd_page_request_cancel(struct umd_device *device, struct umd_page_request *request);

/**
 * The device has ceased to use a PASID at its driver's word: its page requests end with -ECANCELED
 * and the client is sent a Stop Marker (section 10.4.1.2), behind which no request of before comes.
 *
 * @return 0; -EOPNOTSUPP, -ENOTCONN, -ENXIO as above
 */
int umd_page_request_stop(struct umd_device *device, uint32_t pasid);

/* ---- Transfers that fault ------------------------------------------------------------------ */

/**
 * A copy through the space of a prefix that may ask for the pages it misses. The struct and the
 * buffer are the caller's, and stay where they are until it has ended.
 */
struct umd_tagged_transfer {
	struct umd_dma_prefix prefix;
	uint64_t iova;
	void *buffer;
	size_t size;
	bool write;    /* to the driver's memory, from the buffer */
	bool may_wait; /* for pages, by page requests; else a page that is missing is an error */

	/** Told how a transfer that was in progress has ended; may start the next one. */
	void (*done)(void *data, int error);
	void *data;

	struct { /* the library's */
		struct umd_device *device;
		struct umd_page_request request;
		size_t at;	/* bytes copied */
		uint64_t asked; /* pages below this number have been asked for */
	} own;
};

/**
 * Copies, and where a page is missing asks for it and tries again: fault, request, response, retry.
 * Each page is asked for once. What is missing after a Success ends the transfer with -EFAULT.
 *
 * @return 0 when it is done; -EINPROGRESS where done() will be called, with what a page request or
 *	   the copy ends with; what umd_dma_read_tagged() and umd_page_request_start() return. On
 *	   error, part may be copied
 */
int umd_dma_start_tagged(struct umd_device *device, struct umd_tagged_transfer *transfer);

/** Takes a transfer back; done() is not called. Nothing for one that is not in progress. */
void umd_dma_cancel_tagged(struct umd_device *device, struct umd_tagged_transfer *transfer);

#ifdef __cplusplus
}
#endif
#endif
