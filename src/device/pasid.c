/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pasid.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include <umdev/caps.h>

#include "base/export.h"
#include "device/caps.h"
#include "device/pri.h"
#include "pci/caps.h"

/* ---- The capability ------------------------------------------------------------------------ */

static uint32_t control(const struct umd_device *device)
{
	return umd_pci_config_get(&device->config, device->at.pasid + PCI_PASID_CTRL, 2);
}

static bool is_closed(const struct umd_device *device)
{
	return !device->is_master || !(control(device) & PCI_PASID_CTRL_ENABLE);
}

void umd_pasid_update(struct umd_device *device)
{
	struct umd_pasids *pasids = device->pasids;

	for (unsigned int i = 0; pasids && i < pasids->count; i++)
		umd_dma_space_set_closed(&pasids->attached[i]->space, is_closed(device));
}

/* Without PASIDs, no request with one goes on. */
static void control_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;

	umd_pasid_update(device);
	if (!(control(device) & PCI_PASID_CTRL_ENABLE))
		umd_pri_end_pasids(device, -EACCES);
}

UMD_EXPORT int umd_device_add_pasid(struct umd_device *device, const struct umd_pasid *pasid)
{
	int at;

	if (device->realized)
		return -EBUSY;
	at = umd_pci_add_pasid(&device->config, pasid, umd_device_declaring(device));
	if (at < 0)
		return at;

	device->at.pasid = (unsigned int)at;
	device->pasids = calloc(1, sizeof(*device->pasids));
	if (!device->pasids)
		return umd_error_set(umd_device_declaring(device), -ENOMEM, "PASID: out of memory");
	device->pasids->width = pasid->width;
	device->pasids->required = pasid->required;
	return umd_caps_hook(device, (size_t)at + PCI_PASID_CTRL, 2, control_written);
}

UMD_EXPORT int umd_device_set_pasid_ops(struct umd_device *device, const struct umd_pasid_ops *ops)
{
	if (!device->pasids)
		return -ENOENT;
	device->pasids->ops = *ops;
	return 0;
}

/* ---- Requests ------------------------------------------------------------------------------ */

/* A request without prefix asks for nothing that only a prefix carries. */
static int resolve_default(struct umd_device *device, const struct umd_dma_prefix *prefix,
			   struct umd_dma_space **ret_space)
{
	if (prefix->execute || prefix->privileged)
		return -EINVAL;
	*ret_space = &device->space;
	return 0;
}

/* Section 6.20.2: what the driver has not enabled is not asked for. */
static int check_enabled(const struct umd_device *device, const struct umd_dma_prefix *prefix)
{
	uint32_t enabled = device->pasids ? control(device) : 0;

	if (!(enabled & PCI_PASID_CTRL_ENABLE))
		return -EACCES;
	if (prefix->pasid >> device->pasids->width)
		return -ERANGE;
	if (prefix->execute && !(enabled & PCI_PASID_CTRL_EXEC))
		return -ENOEXEC;
	if (prefix->privileged && !(enabled & PCI_PASID_CTRL_PRIV))
		return -EPERM;
	return 0;
}

static int resolve_pasid(struct umd_device *device, const struct umd_dma_prefix *prefix, bool write,
			 struct umd_dma_space **ret_space)
{
	struct umd_dma_space *space;
	int err = check_enabled(device, prefix);

	if (err)
		return err;
	if (prefix->execute && write)
		return -EINVAL;
	space = umd_pasid_find(device, prefix->pasid);
	if (!space)
		return -ENXIO;
	*ret_space = space;
	return 0;
}

int umd_pasid_resolve(struct umd_device *device, const struct umd_dma_prefix *prefix, bool write,
		      struct umd_dma_space **ret_space, uint32_t *ret_prot)
{
	int err;

	if (!device->is_master)
		return -ENODEV;
	err = prefix->pasid == UMD_DMA_NO_OWNER ? resolve_default(device, prefix, ret_space)
						: resolve_pasid(device, prefix, write, ret_space);
	if (err)
		return err;
	*ret_prot = (write ? UMD_DMA_WRITE : UMD_DMA_READ) |
		    (prefix->execute ? UMD_DMA_EXECUTE : 0) |
		    (prefix->privileged ? UMD_DMA_PRIVILEGED : 0);
	return 0;
}

UMD_EXPORT int umd_dma_check_prefix(struct umd_device *device, const struct umd_dma_prefix *prefix,
				    bool write)
{
	struct umd_dma_space *space;
	uint32_t prot;

	return umd_pasid_resolve(device, prefix, write, &space, &prot);
}

/* ---- Spaces -------------------------------------------------------------------------------- */

/* Where a PASID is among those that are attached, or would be. */
static unsigned int find_place(const struct umd_pasids *pasids, uint32_t pasid)
{
	unsigned int low = 0, high = pasids->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (pasids->attached[middle]->space.owner < pasid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct umd_pasid_space *find(const struct umd_pasids *pasids, uint32_t pasid)
{
	unsigned int place = find_place(pasids, pasid);

	return place < pasids->count && pasids->attached[place]->space.owner == pasid
		       ? pasids->attached[place]
		       : NULL;
}

struct umd_dma_space *umd_pasid_find(const struct umd_device *device, uint32_t pasid)
{
	struct umd_pasid_space *found = device->pasids ? find(device->pasids, pasid) : NULL;

	return found ? &found->space : NULL;
}

UMD_EXPORT struct umd_dma_space *umd_device_pasid_space(struct umd_device *device, uint32_t pasid)
{
	return umd_pasid_find(device, pasid);
}

/* Frees those that have gone and that nobody needs. */
static void sweep(struct umd_pasids *pasids)
{
	struct umd_pasid_space **at = &pasids->gone;

	while (*at) {
		struct umd_pasid_space *space = *at;

		if (space->is_marked || umd_dma_space_is_in_use(&space->space)) {
			at = &space->next;
			continue;
		}
		*at = space->next;
		pasids->gone_count--;
		umd_dma_space_finish(&space->space);
		free(space);
	}
}

static bool has_marked(const struct umd_pasids *pasids, uint32_t pasid)
{
	const struct umd_pasid_space *space = pasids->gone;

	while (space && !(space->is_marked && space->space.owner == pasid))
		space = space->next;
	return space;
}

static int check_attach(const struct umd_device *device, uint32_t pasid)
{
	struct umd_pasids *pasids = device->pasids;

	if (!pasids || pasid >> pasids->width)
		return -ERANGE;
	if (find(pasids, pasid))
		return -EEXIST;
	if (pasids->count >= pasids->limit)
		return -ENOSPC;
	sweep(pasids);
	if (pasids->count + pasids->gone_count >= pasids->limit || has_marked(pasids, pasid) ||
	    device->space.dirty.log)
		return -EBUSY;
	return 0;
}

static void unmapped(void *data, uint64_t iova, uint64_t last)
{
	const struct umd_pasid_space *space = data;
	const struct umd_device *device = space->device;

	if (device->pasids->ops.unmapped)
		device->pasids->ops.unmapped(device->data, space->space.owner, iova, last);
}

static struct umd_pasid_space *create(struct umd_device *device, uint32_t pasid)
{
	struct umd_pasid_space *space =
		aligned_alloc(_Alignof(struct umd_pasid_space), sizeof(struct umd_pasid_space));

	if (!space)
		return NULL;
	*space = (struct umd_pasid_space){.device = device};
	umd_dma_space_init(&space->space, &device->dma, pasid);
	umd_dma_space_set_closed(&space->space, is_closed(device));
	space->space.unmapped = unmapped;
	space->space.data = space;
	return space;
}

int umd_pasid_attach(struct umd_device *device, uint32_t pasid)
{
	struct umd_pasids *pasids = device->pasids;
	struct umd_pasid_space *space;
	unsigned int place;
	int err = check_attach(device, pasid);

	if (err)
		return err;
	space = create(device, pasid);
	if (!space)
		return -ENOMEM;

	place = find_place(pasids, pasid);
	memmove(&pasids->attached[place + 1], &pasids->attached[place],
		(pasids->count - place) * sizeof(struct umd_pasid_space *));
	pasids->attached[place] = space;
	pasids->count++;
	if (pasids->ops.attached)
		pasids->ops.attached(device->data, pasid, &space->space);
	return 0;
}

static void set_marked(struct umd_pasids *pasids, struct umd_pasid_space *space, bool is_marked)
{
	if (space->is_marked == is_marked)
		return;
	space->is_marked = is_marked;
	pasids->marked = is_marked ? pasids->marked + 1 : pasids->marked - 1;
}

static struct umd_pasid_space *take_out(struct umd_pasids *pasids, unsigned int place)
{
	struct umd_pasid_space *space = pasids->attached[place];

	pasids->count--;
	memmove(&pasids->attached[place], &pasids->attached[place + 1],
		(pasids->count - place) * sizeof(struct umd_pasid_space *));
	space->next = pasids->gone;
	pasids->gone = space;
	pasids->gone_count++;
	return space;
}

/* Out of sight first: who is told of a request's end starts none. */
static void detach(struct umd_device *device, unsigned int place)
{
	struct umd_pasids *pasids = device->pasids;
	struct umd_pasid_space *space = take_out(pasids, place);

	set_marked(pasids, space, pasids->sends_markers);
	umd_dma_space_reset(&space->space);
	umd_pri_end_pasid(device, space->space.owner, -ENXIO);
	if (pasids->ops.detached)
		pasids->ops.detached(device->data, space->space.owner, &space->space);
}

int umd_pasid_detach(struct umd_device *device, uint32_t pasid, struct umd_dma_space **ret_space)
{
	struct umd_pasids *pasids = device->pasids;
	struct umd_dma_space *space = umd_pasid_find(device, pasid);

	if (!space)
		return -ENOENT;
	sweep(pasids);
	detach(device, find_place(pasids, pasid));
	*ret_space = space;
	return 0;
}

void umd_pasid_forget(struct umd_device *device)
{
	struct umd_pasids *pasids = device->pasids;

	if (!pasids)
		return;
	pasids->limit = 0;
	umd_pasid_drop_markers(device);
	while (pasids->count)
		detach(device, pasids->count - 1);
	sweep(pasids);
}

void umd_pasid_revoke(struct umd_device *device)
{
	struct umd_pasid_space *space = device->pasids ? device->pasids->gone : NULL;

	for (; space; space = space->next)
		umd_dma_space_revoke(&space->space);
}

void umd_pasid_finish(struct umd_device *device)
{
	if (!device->pasids)
		return;
	device->pasids->ops = (struct umd_pasid_ops){0}; /* the author's part is gone */
	umd_pasid_forget(device);
	free(device->pasids);
}

/* ---- Stop Markers -------------------------------------------------------------------------- */

void umd_pasid_open(struct umd_device *device, unsigned int limit, bool sends_markers)
{
	if (!device->pasids)
		return;
	device->pasids->limit = limit;
	device->pasids->sends_markers = sends_markers;
}

void umd_pasid_drop_markers(struct umd_device *device)
{
	struct umd_pasids *pasids = device->pasids;

	if (!pasids)
		return;
	pasids->sends_markers = false;
	while (pasids->marked)
		umd_pasid_take_marker(pasids);
}

int umd_pasid_mark(struct umd_device *device, uint32_t pasid)
{
	struct umd_pasid_space *space = device->pasids ? find(device->pasids, pasid) : NULL;

	if (!space)
		return -ENXIO;
	set_marked(device->pasids, space, device->pasids->sends_markers);
	return 0;
}

/* The oldest of those that have gone come first, since their PASIDs wait for it. */
static struct umd_pasid_space *find_marked(const struct umd_pasids *pasids)
{
	struct umd_pasid_space *found = NULL;

	for (struct umd_pasid_space *space = pasids->gone; space; space = space->next) {
		if (space->is_marked)
			found = space;
	}
	for (unsigned int i = 0; !found && i < pasids->count; i++) {
		if (pasids->attached[i]->is_marked)
			found = pasids->attached[i];
	}
	return found;
}

uint32_t umd_pasid_take_marker(struct umd_pasids *pasids)
{
	struct umd_pasid_space *space = find_marked(pasids);

	set_marked(pasids, space, false);
	return space->space.owner;
}
