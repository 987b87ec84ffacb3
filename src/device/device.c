/* SPDX-License-Identifier: BSD-2-Clause */
/* A device's life: made, realised, reset, ended; and what its author calls while it runs. */
#include "device/device.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/export.h"
#include "base/fd.h"
#include "device/msix.h"

static int init_rooms(struct umd_device *device, const struct umd_device_info *info)
{
	int err;

	device->name = strdup(info->name ? info->name : "device");
	if (!device->name)
		return -ENOMEM;
	err = umd_poller_init(&device->poller);
	if (err)
		return err;
	err = umd_irqs_init(&device->irqs, &device->poller);
	if (err)
		return err;
	umd_pci_config_init(&device->config, info);
	umd_dma_space_init(&device->space);
	return umd_irqs_declare(&device->irqs, UMD_IRQ_ERR, 1) ||
			       umd_irqs_declare(&device->irqs, UMD_IRQ_REQ, 1)
		       ? -ENOMEM
		       : 0;
}

UMD_EXPORT int umd_device_create(const struct umd_device_info *info, struct umd_device **ret)
{
	struct umd_device *device;
	int err;

	if (info->size != sizeof(*info) || info->class_code >> 24)
		return -EINVAL;

	device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;

	device->poller.fd = -1;
	device->irqs.signaller.null_fd = -1;
	device->irqs.intx.unmask_fd = -1;
	for (unsigned int i = 0; i < UMD_BARS; i++)
		device->bars[i].memory_fd = -1;

	err = init_rooms(device, info);
	if (err) {
		umd_device_destroy(device);
		return err;
	}
	if (info->ops)
		device->ops = *info->ops;
	device->data = info->data;
	*ret = device;
	return 0;
}

UMD_EXPORT void umd_device_destroy(struct umd_device *device)
{
	if (!device)
		return;

	if (device->ops.destroy)
		device->ops.destroy(device->data);
	for (unsigned int i = 0; i < UMD_BARS; i++) {
		umd_close(&device->bars[i].memory_fd);
		if (device->bars[i].memory)
			munmap(device->bars[i].memory, device->bars[i].memory_size);
	}
	for (unsigned int i = 0; i < device->ioeventfd_count; i++)
		umd_close(&device->ioeventfds[i].fd);
	umd_irqs_finish(&device->irqs);
	umd_dma_space_reset(&device->space);
	umd_poller_finish(&device->poller);
	free(device->name);
	free(device);
}

UMD_EXPORT int umd_device_realize(struct umd_device *device, struct umd_error *error)
{
	int err;

	if (device->realized)
		return umd_error_set(error, -EBUSY, "%s: realised already", device->name);
	if (device->msix.vectors) {
		err = umd_msix_realize(device, error);
		if (err)
			return err;
	}
	umd_pci_config_realize(&device->config);
	device->realized = true;
	return 0;
}

void umd_device_do_reset(struct umd_device *device, enum umd_reset kind)
{
	bool disconnect = kind == UMD_RESET_DISCONNECT;

	if (device->deferred)
		umd_request_cancel(device->deferred, -ECANCELED);
	umd_irqs_reset(&device->irqs, disconnect);
	umd_pci_config_reset(&device->config);
	if (disconnect)
		umd_dma_space_reset(&device->space);
	if (device->ops.reset)
		device->ops.reset(device->data, kind);
}

UMD_EXPORT void umd_device_reset(struct umd_device *device)
{
	umd_device_do_reset(device, UMD_RESET_DEVICE);
}

UMD_EXPORT void umd_device_set_intx(struct umd_device *device, bool asserted)
{
	umd_pci_config_set_interrupt_status(&device->config, asserted);
	umd_irqs_set_intx(&device->irqs, asserted);
}

UMD_EXPORT int umd_device_trigger(struct umd_device *device, enum umd_irq index,
				  unsigned int vector)
{
	return index == UMD_IRQ_INTX ? -EINVAL : umd_irqs_trigger(&device->irqs, index, vector);
}

static bool is_bus_master(const struct umd_device *device)
{
	return umd_pci_config_command(&device->config) & PCI_COMMAND_MASTER;
}

UMD_EXPORT int umd_dma_read(struct umd_device *device, uint64_t iova, void *to, size_t size)
{
	return is_bus_master(device) ? umd_dma_space_read(&device->space, iova, to, size) : -ENODEV;
}

UMD_EXPORT int umd_dma_write(struct umd_device *device, uint64_t iova, const void *from,
			     size_t size)
{
	return is_bus_master(device) ? umd_dma_space_write(&device->space, iova, from, size)
				     : -ENODEV;
}

UMD_EXPORT int umd_watch_fd(struct umd_device *device, int fd, uint32_t events, umd_watch_fn *fn,
			    void *data, struct umd_watch **ret)
{
	return umd_poller_watch_fd(&device->poller, fd, events, fn, data, ret);
}

UMD_EXPORT int umd_watch_timer(struct umd_device *device, umd_watch_fn *fn, void *data,
			       struct umd_watch **ret)
{
	return umd_poller_watch_timer(&device->poller, fn, data, ret);
}
