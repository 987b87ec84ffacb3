/* SPDX-License-Identifier: BSD-2-Clause */
/* A device's life: made, realised, reset, ended; and what its author calls while it runs. */
#include "device/device.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <umdev/caps.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/foreign.h"
#include "base/range.h"
#include "device/caps.h"
#include "device/msix.h"
#include "device/pasid.h"
#include "device/pri.h"

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
	err = umd_caps_init(device);
	if (err)
		return err;
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

	device = malloc(sizeof(*device));
	if (!device)
		return -ENOMEM;

	memset(device, 0, offsetof(struct umd_device, config));
	device->poller.fd = -1;
	device->irqs.signaller.null_fd = -1;
	device->irqs.intx.unmask_fd = -1;
	device->power.wakeup_fd = -1;
	umd_dma_client_init(&device->dma);
	umd_dma_space_init(&device->space, &device->dma, UMD_DMA_NO_OWNER);
	umd_dma_space_set_closed(&device->space, true);
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
	device->space.unmapped = device->ops.dma_unmap;
	device->space.data = info->data;
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
		umd_foreign_close(&device->ioeventfds[i].fd);
	umd_unplug_finish(device);
	umd_caps_finish(device);
	umd_pasid_finish(device);
	free(device->pri);
	umd_foreign_close(&device->power.wakeup_fd);
	free(device->rom.bytes);
	umd_irqs_finish(&device->irqs);
	device->space.unmapped = NULL;
	umd_dma_space_finish(&device->space);
	umd_dma_client_finish(&device->dma);
	umd_poller_finish(&device->poller);
	free(device->name);
	free(device);
}

UMD_EXPORT int umd_device_realize(struct umd_device *device, struct umd_error *error)
{
	int err;

	if (device->realized)
		return umd_error_set(error, -EBUSY, "%s: realised already", device->name);
	if (device->declared.code)
		return umd_error_set(error, device->declared.code, "%s", device->declared.text);
	err = umd_pci_config_realize(&device->config, error);
	if (!err && device->msix.vectors)
		err = umd_msix_realize(device, error);
	if (err)
		return err;
	device->realized = true;
	return 0;
}

/*
 * What config space, power state and presence allow. Interrupts wait while the device is not in D0;
 * bus mastering is not asked for messages: SET_IRQS alone says whether they are wanted.
 */
void umd_device_update(struct umd_device *device)
{
	uint16_t command = umd_pci_config_command(&device->config);
	bool works = device->power.state == UMD_POWER_D0 && !umd_unplug_is_gone(device);
	bool was_master = device->is_master;

	device->decodes_memory = works && (command & PCI_COMMAND_MEMORY);
	device->decodes_io = works && (command & PCI_COMMAND_IO);
	device->is_master = works && (command & PCI_COMMAND_MASTER);
	device->unusual = umd_unplug_is_gone(device) || device->power.entered;
	umd_irqs_disable_intx(&device->irqs, command & PCI_COMMAND_INTX_DISABLE);
	umd_irqs_set_quiet(&device->irqs, device->power.state != UMD_POWER_D0);
	umd_dma_space_set_closed(&device->space, !device->is_master);
	umd_pasid_update(device);
	if (!device->is_master) {
		umd_dma_remote_end_all(&device->space.remote, -ENODEV);
		umd_pri_end_all(device, -ENODEV);
	}
	if (device->is_master != was_master && device->ops.bus_master)
		device->ops.bus_master(device->data, device->is_master);
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

UMD_EXPORT unsigned int umd_device_enabled_vectors(const struct umd_device *device,
						   enum umd_irq index)
{
	return index < UMD_IRQ_INDEXES ? umd_irqs_enabled(&device->irqs, index) : 0;
}

UMD_EXPORT int umd_device_back_vector(struct umd_device *device, unsigned int vector,
				      struct umd_ims_domain *domain, uint64_t handle)
{
	return umd_irqs_back_ims(&device->irqs, vector, domain, handle);
}

int umd_device_set_irqs(struct umd_device *device, const struct umd_irq_set *set)
{
	return umd_unplug_is_gone(device) ? -ENODEV : umd_irqs_set(&device->irqs, set);
}

UMD_EXPORT struct umd_dma_space *umd_device_space(struct umd_device *device)
{
	return &device->space;
}

UMD_EXPORT int umd_dma_read(struct umd_device *device, uint64_t iova, void *to, size_t size)
{
	return umd_dma_space_read(&device->space, iova, to, size);
}

UMD_EXPORT int umd_dma_write(struct umd_device *device, uint64_t iova, const void *from,
			     size_t size)
{
	return umd_dma_space_write(&device->space, iova, from, size);
}

UMD_EXPORT int umd_dma_start(struct umd_device *device, struct umd_dma_transfer *transfer)
{
	return umd_dma_space_start(&device->space, transfer);
}

UMD_EXPORT void umd_dma_cancel(struct umd_device *device, struct umd_dma_transfer *transfer)
{
	umd_dma_remote_cancel(&device->space.remote, transfer);
}

UMD_EXPORT int umd_device_find_cap(const struct umd_device *device, unsigned int id)
{
	return umd_pci_config_find_cap(&device->config, id, false);
}

UMD_EXPORT int umd_device_find_ext_cap(const struct umd_device *device, unsigned int id)
{
	return umd_pci_config_find_cap(&device->config, id, true);
}

static bool is_field(const struct umd_device *device, unsigned int offset, unsigned int size)
{
	return (size == 1 || size == 2 || size == 4) &&
	       umd_range_within(offset, size, device->config.size);
}

UMD_EXPORT uint32_t umd_device_config_read(const struct umd_device *device, unsigned int offset,
					   unsigned int size)
{
	return is_field(device, offset, size) ? umd_pci_config_get(&device->config, offset, size)
					      : 0;
}

UMD_EXPORT void umd_device_config_write(struct umd_device *device, unsigned int offset,
					unsigned int size, uint32_t value)
{
	if (is_field(device, offset, size))
		umd_pci_config_set(&device->config, offset, size, value);
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
