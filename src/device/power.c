/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/power.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/foreign.h"
#include "device/device.h"

static void tell(struct umd_device *device, enum umd_power state)
{
	if (device->ops.power)
		device->ops.power(device->data, state);
}

/* ---- The capability ------------------------------------------------------------------------ */

static bool has_state(const struct umd_device *device, enum umd_power state)
{
	uint32_t pmc = umd_pci_config_get(&device->config, device->at.pm + PCI_PM_PMC, 2);

	if (state == UMD_POWER_D1)
		return pmc & PCI_PM_CAP_D1;
	if (state == UMD_POWER_D2)
		return pmc & PCI_PM_CAP_D2;
	return true;
}

/* Downwards, or up to D0: figure 5-1 of the specification. */
static bool can_move(const struct umd_device *device, enum umd_power state)
{
	return has_state(device, state) && (state == UMD_POWER_D0 || state > device->power.state);
}

static void move(struct umd_device *device, enum umd_power state)
{
	device->power.state = state;
	umd_device_update(device);
	tell(device, state);
}

/* PME's bits outlive the reset where it can be sent from D3hot (section 5.4.1). */
static void reset_to_d0(struct umd_device *device, size_t at, uint32_t control)
{
	uint32_t pmc = umd_pci_config_get(&device->config, device->at.pm + PCI_PM_PMC, 2);
	uint32_t kept = control & (PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS);

	umd_device_do_reset(device, UMD_RESET_POWER);
	if (pmc & PCI_PM_CAP_PME_D3hot)
		umd_pci_config_set(&device->config, at, 2,
				   umd_pci_config_get(&device->config, at, 2) | kept);
}

/* A state that cannot be is not taken: the register shows the one that is. */
void umd_power_written(struct umd_device *device)
{
	struct umd_pci_config *config = &device->config;
	size_t at = device->at.pm + PCI_PM_CTRL;
	uint32_t control = umd_pci_config_get(config, at, 2);
	enum umd_power old = device->power.state;
	enum umd_power new = (enum umd_power)(control & PCI_PM_CTRL_STATE_MASK);

	if (new == old)
		return;
	if (!can_move(device, new))
		umd_pci_config_set(config, at, 2, (control & ~PCI_PM_CTRL_STATE_MASK) | old);
	else if (old == UMD_POWER_D3HOT && !(control & PCI_PM_CTRL_NO_SOFT_RESET))
		reset_to_d0(device, at, control);
	else
		move(device, new);
}

/* PME_Status is set whether the driver has PME enabled or not (section 3.2.4). */
static void set_pme_status(struct umd_device *device)
{
	struct umd_pci_config *config = &device->config;
	uint32_t pmc = umd_pci_config_get(config, device->at.pm + PCI_PM_PMC, 2);
	size_t at = device->at.pm + PCI_PM_CTRL;

	if (pmc & (PCI_PM_CAP_PME_D0 << device->power.state))
		umd_pci_config_set(config, at, 2,
				   umd_pci_config_get(config, at, 2) | PCI_PM_CTRL_PME_STATUS);
}

/* ---- Low power ----------------------------------------------------------------------------- */

static void leave_low(struct umd_device *device)
{
	device->power.entered = false;
	umd_foreign_close(&device->power.wakeup_fd);
	umd_device_update(device);
}

void umd_power_signal_wakeup(struct umd_device *device)
{
	if (device->power.wakeup_fd >= 0)
		umd_signaller_send(&device->irqs.signaller, device->power.wakeup_fd);
}

/* With a wake-up eventfd, waking up is leaving. */
static void wake(struct umd_device *device)
{
	if (!device->power.asleep)
		return;

	device->power.asleep = false;
	tell(device, device->power.state);
	if (device->power.wakeup_fd >= 0) {
		umd_power_signal_wakeup(device);
		leave_low(device);
	}
}

static void fall_asleep(struct umd_device *device)
{
	device->power.asleep = true;
	tell(device, UMD_POWER_LOW);
}

int umd_power_enter_low(struct umd_device *device, int *wakeup_fd)
{
	if (umd_unplug_is_gone(device))
		return -ENODEV;
	if (device->power.entered)
		return -EINVAL;
	if (wakeup_fd && umd_signaller_check(&device->irqs.signaller, *wakeup_fd) < 0)
		return -EINVAL;

	device->power.entered = true;
	if (wakeup_fd)
		device->power.wakeup_fd = umd_steal_fd(wakeup_fd);
	umd_device_update(device);
	fall_asleep(device);
	return 0;
}

int umd_power_exit_low(struct umd_device *device)
{
	if (umd_unplug_is_gone(device))
		return -ENODEV;
	if (!device->power.entered)
		return 0;

	leave_low(device);
	wake(device);
	return 0;
}

void umd_power_access_begins(struct umd_device *device)
{
	wake(device);
}

void umd_power_access_ends(struct umd_device *device)
{
	if (device->power.entered && !device->power.asleep)
		fall_asleep(device);
}

void umd_power_reset(struct umd_device *device)
{
	enum umd_power old = device->power.state;

	device->power.state = UMD_POWER_D0;
	if (device->power.entered)
		leave_low(device);
	if (device->power.asleep || old != UMD_POWER_D0) {
		device->power.asleep = false;
		tell(device, UMD_POWER_D0);
	}
}

UMD_EXPORT void umd_device_wake(struct umd_device *device)
{
	if (device->at.pm)
		set_pme_status(device);
	if (device->power.wakeup_fd >= 0)
		wake(device);
}
