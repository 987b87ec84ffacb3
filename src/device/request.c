/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/request.h"

#include <errno.h>

#include "base/export.h"
#include "device/device.h"

UMD_EXPORT bool umd_request_is_write(const struct umd_request *request)
{
	return request->write;
}

UMD_EXPORT uint64_t umd_request_offset(const struct umd_request *request)
{
	return request->offset;
}

UMD_EXPORT size_t umd_request_size(const struct umd_request *request)
{
	return request->size;
}

UMD_EXPORT uint8_t *umd_request_data(struct umd_request *request)
{
	return request->data;
}

void umd_request_run(struct umd_request *request,
		     void (*handler)(void *data, struct umd_request *request), void *data)
{
	request->state = UMD_REQUEST_RUNNING;
	handler(data, request);
	if (request->state == UMD_REQUEST_RUNNING)
		umd_request_complete(request, -EIO);
}

static void finish(struct umd_request *request, int error)
{
	bool deferred = request->state == UMD_REQUEST_DEFERRED;

	request->state = UMD_REQUEST_DONE;
	request->error = error;
	if (!deferred)
		return;

	request->device->deferred = NULL;
	umd_power_access_ends(request->device);
	request->done(request->done_data);
}

UMD_EXPORT void umd_request_complete(struct umd_request *request, int error)
{
	if (request->state != UMD_REQUEST_DONE)
		finish(request, error);
}

UMD_EXPORT void umd_request_defer(struct umd_request *request, umd_cancel_fn *cancel, void *data)
{
	if (request->state != UMD_REQUEST_RUNNING)
		return;

	request->state = UMD_REQUEST_DEFERRED;
	request->cancel = cancel;
	request->cancel_data = data;
	request->device->deferred = request;
}

void umd_request_cancel(struct umd_request *request, int error)
{
	umd_cancel_fn *cancel = request->cancel;

	if (request->state != UMD_REQUEST_DEFERRED)
		return;

	request->cancel = NULL; /* told once, though it may reset the device, which cancels */
	if (cancel)
		cancel(request->cancel_data);
	finish(request, error);
}
