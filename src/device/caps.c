/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities that do something: power, resets, messages. Those of whole subjects: pri.c, pasid.c.
 * Those that are registers only: ext_caps.c. Those that hold something: vpd.c, sizing.c.
 */
#include "device/caps.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include <umdev/caps.h>

#include "base/bytes.h"
#include "base/export.h"
#include "pci/caps.h"

struct umd_error *umd_device_declaring(struct umd_device *device)
{
	return device->declared.code ? NULL : &device->declared;
}

int umd_device_declared(int result)
{
	return result < 0 ? result : 0;
}

static int add_hook(struct umd_device *device, const struct umd_pci_hook *hook)
{
	if (umd_pci_config_add_hook(&device->config, hook) < 0)
		return umd_error_set(umd_device_declaring(device), -ENOSPC,
				     "more than %u registers that do something", UMD_PCI_HOOKS_MAX);
	return 0;
}

int umd_caps_hook(struct umd_device *device, size_t offset, size_t size, umd_pci_hook_fn *written)
{
	return add_hook(device, &(struct umd_pci_hook){.offset = offset,
						       .size = size,
						       .written = written,
						       .data = device});
}

/* Keeps where a capability lies, and hooks a register of it. */
static int place(struct umd_device *device, unsigned int *ret_at, int at, size_t offset,
		 size_t size, umd_pci_hook_fn *written)
{
	if (at < 0)
		return at;
	*ret_at = (unsigned int)at;
	return umd_caps_hook(device, (size_t)at + offset, size, written);
}

/* ---- The header ---------------------------------------------------------------------------- */

static void command_written(void *data, size_t offset, size_t size)
{
	umd_device_update(data);
}

int umd_caps_init(struct umd_device *device)
{
	return umd_caps_hook(device, PCI_COMMAND, 2, command_written);
}

void umd_caps_finish(struct umd_device *device)
{
	while (device->cap_hooks) {
		struct umd_cap_hooks *hooks = device->cap_hooks;

		device->cap_hooks = hooks->next;
		free(hooks);
	}
	free(device->vpd.bytes);
}

void umd_caps_reset(struct umd_device *device)
{
	umd_rebar_reset(device);
}

/* ---- Power Management ---------------------------------------------------------------------- */

static void pm_written(void *data, size_t offset, size_t size)
{
	umd_power_written(data);
}

UMD_EXPORT int umd_device_add_pm(struct umd_device *device, const struct umd_pm *pm)
{
	if (device->realized)
		return -EBUSY;
	return place(device, &device->at.pm,
		     umd_pci_add_pm(&device->config, pm, umd_device_declaring(device)), PCI_PM_CTRL,
		     2, pm_written);
}

/* ---- Function level reset ------------------------------------------------------------------ */

/* The bit that asks for a reset is never seen set: the reset has been when the write is done. */
static void reset_by_bit(struct umd_device *device, size_t at, unsigned int size, uint32_t bit)
{
	uint32_t value = umd_pci_config_get(&device->config, at, size);

	if (!(value & bit))
		return;
	umd_pci_config_set(&device->config, at, size, value & ~bit);
	umd_device_do_reset(device, UMD_RESET_FLR);
}

static void express_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;

	reset_by_bit(device, device->at.express + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
}

UMD_EXPORT int umd_device_add_pcie(struct umd_device *device, const struct umd_pcie *pcie)
{
	if (device->realized)
		return -EBUSY;
	return place(device, &device->at.express,
		     umd_pci_add_express(&device->config, pcie, umd_device_declaring(device)),
		     PCI_EXP_DEVCTL, 2, express_written);
}

static void af_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;

	reset_by_bit(device, device->at.af + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
}

UMD_EXPORT int umd_device_add_af(struct umd_device *device, const struct umd_af *af)
{
	if (device->realized)
		return -EBUSY;
	return place(device, &device->at.af,
		     umd_pci_add_af(&device->config, af, umd_device_declaring(device)), PCI_AF_CTRL,
		     1, af_written);
}

/* ---- MSI and MSI-X ------------------------------------------------------------------------- */

static void msi_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;

	umd_irqs_msi_written(&device->irqs);
}

/* The irq room keeps MSI's state where the driver sees it: in config space. */
static int attach_msi(struct umd_device *device, const struct umd_msi *msi)
{
	uint8_t *cap = &device->config.bytes[device->at.msi];
	size_t mask = msi->only_32bit ? PCI_MSI_MASK_32 : PCI_MSI_MASK_64;
	size_t pending = msi->only_32bit ? PCI_MSI_PENDING_32 : PCI_MSI_PENDING_64;

	umd_msi_state_attach(&device->irqs.msi, cap + PCI_MSI_FLAGS,
			     msi->unmaskable ? NULL : cap + mask,
			     msi->unmaskable ? NULL : cap + pending);
	if (msi->unmaskable)
		return 0;
	return umd_caps_hook(device, device->at.msi + mask, 4, msi_written);
}

UMD_EXPORT int umd_device_add_msi(struct umd_device *device, const struct umd_msi *msi)
{
	int err;

	if (device->realized)
		return -EBUSY;

	err = place(device, &device->at.msi,
		    umd_pci_add_msi(&device->config, msi, umd_device_declaring(device)),
		    PCI_MSI_FLAGS, 2, msi_written);
	if (err)
		return err;
	err = umd_irqs_declare(&device->irqs, UMD_IRQ_MSI, msi->messages);
	return err ? umd_error_set(umd_device_declaring(device), err, "MSI: out of memory")
		   : attach_msi(device, msi);
}

static void msix_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;
	uint32_t control = umd_pci_config_get(&device->config, device->at.msix + PCI_MSIX_FLAGS, 2);

	umd_irqs_mask_msix(&device->irqs, control & PCI_MSIX_FLAGS_MASKALL);
}

UMD_EXPORT int umd_device_add_msix(struct umd_device *device, const struct umd_msix *msix)
{
	int err;

	if (device->realized)
		return -EBUSY;

	err = place(device, &device->at.msix,
		    umd_pci_add_msix(&device->config, msix, umd_device_declaring(device)),
		    PCI_MSIX_FLAGS, 2, msix_written);
	if (err)
		return err;
	device->msix = *msix;
	err = umd_irqs_declare(&device->irqs, UMD_IRQ_MSIX, msix->vectors);
	return err ? umd_error_set(umd_device_declaring(device), err, "MSI-X: out of memory") : 0;
}

/* ---- Registers of the device's author ------------------------------------------------------ */

static void body_written(void *data, size_t offset, size_t size)
{
	const struct umd_cap_hooks *hooks = data;

	if (hooks->written)
		hooks->written(hooks->device->data, offset, size);
}

static void body_reading(void *data, size_t offset, size_t size)
{
	const struct umd_cap_hooks *hooks = data;

	hooks->reading(hooks->device->data, offset, size);
}

/* The body is the end of the capability that was added last. */
static int add_body(struct umd_device *device, int at, const struct umd_cap_body *body)
{
	const struct umd_pci_cap *cap;
	struct umd_pci_hook hook = {.written = body_written};
	struct umd_cap_hooks *hooks;

	if (at < 0 || (!body->written && !body->reading))
		return umd_device_declared(at);

	hooks = malloc(sizeof(*hooks));
	if (!hooks)
		return umd_error_set(umd_device_declaring(device), -ENOMEM, "out of memory");
	*hooks = (struct umd_cap_hooks){.device = device,
					.written = body->written,
					.reading = body->reading,
					.next = device->cap_hooks};
	device->cap_hooks = hooks;

	cap = &device->config.caps[device->config.cap_count - 1];
	hook.data = hooks;
	hook.reading = body->reading ? body_reading : NULL;
	hook.size = body->size;
	hook.offset = cap->at + cap->size - body->size;
	return add_hook(device, &hook);
}

UMD_EXPORT int umd_device_add_vendor_cap(struct umd_device *device,
					 const struct umd_vendor_cap *cap)
{
	if (device->realized)
		return -EBUSY;
	return add_body(device,
			umd_pci_add_vendor(&device->config, cap, umd_device_declaring(device)),
			&cap->body);
}

UMD_EXPORT int umd_device_add_vsec(struct umd_device *device, const struct umd_vsec *vsec)
{
	if (device->realized)
		return -EBUSY;
	return add_body(device,
			umd_pci_add_vsec(&device->config, vsec, umd_device_declaring(device)),
			&vsec->body);
}

UMD_EXPORT int umd_device_add_dvsec(struct umd_device *device, const struct umd_dvsec *dvsec)
{
	if (device->realized)
		return -EBUSY;
	return add_body(device,
			umd_pci_add_dvsec(&device->config, dvsec, umd_device_declaring(device)),
			&dvsec->body);
}
