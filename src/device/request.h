/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests: an access to a region, from the message that asks for it to its completion. A server
 * has one for each connection and uses it over and over, since a connection's accesses take effect
 * one after the other.
 */
#ifndef UMD_DEVICE_REQUEST_H
#define UMD_DEVICE_REQUEST_H

#include <umdev/device.h>

enum umd_request_state {
	UMD_REQUEST_DONE,     /* with `error` */
	UMD_REQUEST_RUNNING,  /* in its handler */
	UMD_REQUEST_DEFERRED, /* its handler returned without completing it */
};

struct umd_request {
	struct umd_device *device;
	uint32_t region;
	bool write;
	uint64_t offset;
	size_t size;
	uint8_t *data;

	enum umd_request_state state;
	int error;
	umd_cancel_fn *cancel;
	void *cancel_data;

	/* Told when a deferred request is completed or cancelled. */
	void (*done)(void *data);
	void *done_data;
};

/* Hands a request to a handler. One that neither completes nor defers it has failed: -EIO. */
void umd_request_run(struct umd_request *request,
		     void (*handler)(void *data, struct umd_request *request), void *data);

/* Ends a deferred request with an error, telling its handler. Nothing happens to others. */
void umd_request_cancel(struct umd_request *request, int error);

#endif
