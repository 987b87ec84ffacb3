/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA with a PASID prefix, and transfers that ask for the pages they miss: what is mapped is
 * copied, the rest is asked for, up to the next page that is mapped, and then it goes on.
 */
#include <errno.h>

#include "base/export.h"
#include "device/device.h"
#include "device/pasid.h"
#include "device/pri.h"

#define PAGE 4096u

/* ---- At once ------------------------------------------------------------------------------- */

/* As umd_dma_space_copy(), where the prefix leads. */
static int copy(struct umd_device *device, const struct umd_dma_prefix *prefix, uint64_t iova,
		void *local, size_t size, bool write, size_t *done)
{
	struct umd_dma_space *space;
	uint32_t prot;
	int err = umd_pasid_resolve(device, prefix, write, &space, &prot);

	return err ? err : umd_dma_space_copy(space, iova, local, size, prot, done);
}

UMD_EXPORT int umd_dma_read_tagged(struct umd_device *device, const struct umd_dma_prefix *prefix,
				   uint64_t iova, void *to, size_t size)
{
	size_t done = 0;

	return copy(device, prefix, iova, to, size, false, &done);
}

UMD_EXPORT int umd_dma_write_tagged(struct umd_device *device, const struct umd_dma_prefix *prefix,
				    uint64_t iova, const void *from, size_t size)
{
	size_t done = 0;

	return copy(device, prefix, iova, (void *)(uintptr_t)from, size, true, &done);
}

/* ---- With faults --------------------------------------------------------------------------- */

static void answered(void *data, int result);

static uint64_t page_of(const struct umd_tagged_transfer *transfer, size_t at)
{
	return (transfer->iova + at) / PAGE;
}

/* Pages from the one that is missing up to the next one that is mapped, or the transfer's end. */
static uint32_t count_missing(struct umd_dma_space *space,
			      const struct umd_tagged_transfer *transfer, uint32_t prot,
			      uint32_t limit)
{
	uint64_t first = page_of(transfer, transfer->own.at);
	uint64_t last = page_of(transfer, transfer->size - 1);
	uint32_t count = 1;

	while (count < limit && first + count <= last &&
	       !umd_dma_space_grants(space, (first + count) * PAGE, prot))
		count++;
	return count;
}

static uint32_t request_limit(const struct umd_device *device)
{
	uint32_t limit = device->pri ? umd_pages_limit(&device->pri->pages) : 0;

	return limit < UMD_PAGE_REQUEST_PAGES ? limit : UMD_PAGE_REQUEST_PAGES;
}

static int ask(struct umd_tagged_transfer *transfer)
{
	struct umd_device *device = transfer->own.device;
	uint64_t page = page_of(transfer, transfer->own.at);
	struct umd_dma_space *space;
	uint32_t prot, count;
	int err = umd_pasid_resolve(device, &transfer->prefix, transfer->write, &space, &prot);

	if (err)
		return err;
	if (page < transfer->own.asked)
		return -EFAULT;

	count = count_missing(space, transfer, prot, request_limit(device));
	transfer->own.request = (struct umd_page_request){.prefix = transfer->prefix,
							  .address = page * PAGE,
							  .pages = count,
							  .read = !transfer->write,
							  .write = transfer->write,
							  .done = answered,
							  .data = transfer};
	transfer->own.asked = page + count;
	return umd_page_request_start(device, &transfer->own.request);
}

/* Copies what can be, and asks for what comes then. */
static int go_on(struct umd_tagged_transfer *transfer)
{
	size_t at = transfer->own.at;
	int err = copy(transfer->own.device, &transfer->prefix, transfer->iova + at,
		       (uint8_t *)transfer->buffer + at, transfer->size - at, transfer->write,
		       &transfer->own.at);

	return err == -EFAULT && transfer->may_wait ? ask(transfer) : err;
}

static void answered(void *data, int result)
{
	struct umd_tagged_transfer *transfer = data;

	if (!result)
		result = go_on(transfer);
	if (result != -EINPROGRESS)
		transfer->done(transfer->data, result);
}

UMD_EXPORT int umd_dma_start_tagged(struct umd_device *device, struct umd_tagged_transfer *transfer)
{
	if (transfer->size && transfer->iova > UINT64_MAX - (transfer->size - 1))
		return -EFAULT;

	transfer->own.device = device;
	transfer->own.at = 0;
	transfer->own.asked = 0;
	return go_on(transfer);
}

UMD_EXPORT void umd_dma_cancel_tagged(struct umd_device *device,
				      struct umd_tagged_transfer *transfer)
{
	umd_page_request_cancel(device, &transfer->own.request);
}
