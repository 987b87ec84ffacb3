/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pri.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include <umdev/caps.h>

#include "base/export.h"
#include "device/caps.h"
#include "device/pasid.h"
#include "pci/caps.h"

#define PAGE 4096u

/* ---- Registers ----------------------------------------------------------------------------- */

static uint32_t get(const struct umd_device *device, unsigned int offset, unsigned int size)
{
	return umd_pci_config_get(&device->config, device->at.pri + offset, size);
}

static void set(struct umd_device *device, unsigned int offset, uint32_t value)
{
	umd_pci_config_set(&device->config, device->at.pri + offset, 2, value);
}

static void set_status(struct umd_device *device, uint32_t bits)
{
	set(device, PCI_PRI_STATUS, get(device, PCI_PRI_STATUS, 2) | bits);
}

/*
 * Stopped: off, and nobody waits for an answer. It means nothing while requests are on, and is
 * clear then (section 10.5.2.3).
 */
static void update_stopped(struct umd_device *device)
{
	const struct umd_pri_state *pri = device->pri;
	uint32_t status = get(device, PCI_PRI_STATUS, 2) & ~(uint32_t)PCI_PRI_STATUS_STOPPED;

	if (!pri->enabled && !pri->pages.asking)
		status |= PCI_PRI_STATUS_STOPPED;
	set(device, PCI_PRI_STATUS, status);
}

static void settled(void *data)
{
	update_stopped(data);
}

/*
 * Switched off, what has not been sent is not sent any more, and what has been is waited for,
 * unless Reset ends that, too. Reset does nothing while requests are on.
 */
static void control_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;
	struct umd_pri_state *pri = device->pri;
	uint32_t control = get(device, PCI_PRI_CTRL, 2);
	bool enable = control & PCI_PRI_CTRL_ENABLE;

	if (enable && !pri->enabled)
		pri->failed = false;
	pri->enabled = enable;
	set(device, PCI_PRI_CTRL, control & ~(uint32_t)PCI_PRI_CTRL_RESET);
	update_stopped(device);
	if (enable)
		return;
	umd_pages_end_waiting(&pri->pages, -ESHUTDOWN);
	if (control & PCI_PRI_CTRL_RESET)
		umd_pages_end_all(&pri->pages, -ECANCELED);
}

/* More than the device is capable of is no more than that. */
static void allocation_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;
	struct umd_pri_state *pri = device->pri;
	uint32_t allowed = get(device, PCI_PRI_ALLOC_REQ, 4);

	pri->pages.allowed = allowed < pri->capacity ? allowed : pri->capacity;
	if (pri->pages.waiting && pri->pages.wake)
		pri->pages.wake(pri->pages.wake_data);
}

static int declare(struct umd_device *device, const struct umd_pri *pri, int at)
{
	int err;

	device->at.pri = (unsigned int)at;
	device->pri = calloc(1, sizeof(*device->pri));
	if (!device->pri)
		return umd_error_set(umd_device_declaring(device), -ENOMEM, "PRI: out of memory");

	device->pri->capacity = pri->capacity;
	device->pri->pages.settled = settled;
	device->pri->pages.settled_data = device;
	err = umd_caps_hook(device, (size_t)at + PCI_PRI_CTRL, 2, control_written);
	return err ? err
		   : umd_caps_hook(device, (size_t)at + PCI_PRI_ALLOC_REQ, 4, allocation_written);
}

UMD_EXPORT int umd_device_add_pri(struct umd_device *device, const struct umd_pri *pri)
{
	int at;

	if (device->realized)
		return -EBUSY;
	at = umd_pci_add_pri(&device->config, pri, umd_device_declaring(device));
	return at < 0 ? at : declare(device, pri, at);
}

/* ---- How requests end ---------------------------------------------------------------------- */

void umd_pri_end_all(struct umd_device *device, int error)
{
	if (device->pri)
		umd_pages_end_all(&device->pri->pages, error);
}

void umd_pri_reset(struct umd_device *device)
{
	if (!device->pri)
		return;
	device->pri->enabled = device->pri->failed = false;
	device->pri->pages.allowed = 0;
}

static bool has_pasid(const struct umd_page_request *request, uint32_t pasid)
{
	return request->prefix.pasid == pasid;
}

static bool has_any_pasid(const struct umd_page_request *request, uint32_t pasid)
{
	return request->prefix.pasid != UMD_DMA_NO_OWNER;
}

void umd_pri_end_pasid(struct umd_device *device, uint32_t pasid, int error)
{
	if (device->pri)
		umd_pages_end_matching(&device->pri->pages, has_pasid, pasid, error);
}

void umd_pri_end_pasids(struct umd_device *device, int error)
{
	if (device->pri)
		umd_pages_end_matching(&device->pri->pages, has_any_pasid, 0, error);
}

/* The interface is over until the driver enables it again; other answers are of no account. */
static void fail(struct umd_device *device)
{
	device->pri->failed = true;
	set_status(device, PCI_PRI_STATUS_RF);
	umd_pages_end_all(&device->pri->pages, -EIO);
}

/* Codes that have no meaning are Response Failures (section 10.4.2.1). */
static void conclude(struct umd_device *device, struct umd_page_request *request, bool legible,
		     uint32_t code)
{
	struct umd_pages *pages = &device->pri->pages;

	if (legible && code == UMD_PRI_SUCCESS)
		umd_pages_end(pages, request, 0);
	else if (legible && code == UMD_PRI_INVALID)
		umd_pages_end(pages, request, -EFAULT);
	else
		fail(device);
}

static bool fits(const struct umd_pages *pages, const struct umd_page_group *group,
		 const struct umd_pri_response *response)
{
	uint32_t pasid = group->pasid == UMD_DMA_NO_OWNER ? 0 : group->pasid;

	return !response->legible ||
	       (response->group == umd_pages_index(pages, group) && response->pasid == pasid);
}

/* An answer that comes too late is expected all the same: it frees its group, and that is all. */
void umd_pri_respond(struct umd_device *device, const struct umd_pri_response *response)
{
	struct umd_pri_state *pri = device->pri;
	struct umd_page_request *request;
	struct umd_page_group *group;

	if (!pri)
		return;
	group = umd_pages_find(&pri->pages, response->id);
	if (!group || !fits(&pri->pages, group, response)) {
		if (!pri->failed)
			set_status(device, PCI_PRI_STATUS_UPRGI);
		return;
	}
	request = umd_pages_answer(&pri->pages, group);
	if (request)
		conclude(device, request, response->legible, response->code);
}

/* ---- Requests ------------------------------------------------------------------------------ */

static bool is_request(const struct umd_page_request *request)
{
	uint64_t size = (uint64_t)request->pages * PAGE;

	return request->pages >= 1 && request->pages <= UMD_PAGE_REQUEST_PAGES &&
	       request->address % PAGE == 0 && request->address <= UINT64_MAX - (size - 1) &&
	       (request->read || request->write) && (request->read || !request->prefix.execute);
}

/* What the driver has enabled, in both capabilities. */
static int check(struct umd_device *device, const struct umd_page_request *request)
{
	int err;

	if (!is_request(request))
		return -EINVAL;
	err = umd_dma_check_prefix(device, &request->prefix, false);
	if (err)
		return err;
	if (!device->pri || !device->pri->enabled)
		return -EOPNOTSUPP;
	return device->pri->failed ? -EIO : 0;
}

UMD_EXPORT int umd_page_request_start(struct umd_device *device, struct umd_page_request *request)
{
	int err = check(device, request);

	if (!err)
		err = umd_pages_start(&device->pri->pages, request);
	return err ? err : -EINPROGRESS;
}

UMD_EXPORT void umd_page_request_cancel(struct umd_device *device, struct umd_page_request *request)
{
	if (device->pri)
		umd_pages_cancel(&device->pri->pages, request);
}

UMD_EXPORT int umd_page_request_stop(struct umd_device *device, uint32_t pasid)
{
	int err;

	if (!device->pri || !device->pri->enabled)
		return -EOPNOTSUPP;
	if (!device->pri->pages.wake)
		return -ENOTCONN;
	err = umd_pasid_mark(device, pasid);
	if (err)
		return err;

	umd_pri_end_pasid(device, pasid, -ECANCELED);
	device->pri->pages.wake(device->pri->pages.wake_data);
	return 0;
}
