/* SPDX-License-Identifier: BSD-2-Clause */
/* Resets: the one place that says what each kind does. umd_reset in umdev/device.h has the table.
 */
#include <errno.h>

#include "base/export.h"
#include "device/caps.h"
#include "device/device.h"
#include "device/pasid.h"
#include "device/pri.h"

struct rule {
	unsigned int keep; /* of config space: UMD_PCI_KEEP_... */
	bool end_log;	   /* the client asked for it, and knows that its dirty log ends */
	bool forget;	   /* the client: its eventfds, its memory, what it stored */
};

static const struct rule rules[] = {
	[UMD_RESET_DEVICE] = {.keep = UMD_PCI_KEEP_STICKY, .end_log = true},
	[UMD_RESET_FLR] = {.keep = UMD_PCI_KEEP_STICKY},
	[UMD_RESET_POWER] = {.keep = UMD_PCI_KEEP_STICKY},
	[UMD_RESET_SELF] = {.keep = UMD_PCI_KEEP_STICKY | UMD_PCI_KEEP_BARS},
	[UMD_RESET_DISCONNECT] = {.forget = true},
};

void umd_device_do_reset(struct umd_device *device, enum umd_reset kind)
{
	const struct rule *rule = &rules[kind];

	if (device->deferred)
		umd_request_cancel(device->deferred, -ECANCELED);
	device->is_master = false;
	/* Who is told of a transfer's end starts none. */
	umd_dma_space_set_closed(&device->space, true);
	umd_pasid_update(device);
	umd_dma_remote_end_all(&device->space.remote, -ECANCELED);
	umd_pri_end_all(device, -ECANCELED);
	umd_pci_config_reset(&device->config, rule->keep);
	umd_caps_reset(device);
	umd_pri_reset(device);
	umd_irqs_reset(&device->irqs);
	if (rule->end_log)
		umd_dma_space_stop_log(&device->space);
	if (rule->forget) {
		umd_irqs_forget(&device->irqs);
		umd_pasid_forget(device);
		umd_dma_space_reset(&device->space);
		umd_vpd_forget(device);
	}
	umd_power_reset(device);
	umd_device_update(device);
	if (device->ops.reset)
		device->ops.reset(device->data, kind);
	if (rule->forget) {
		umd_dma_space_revoke(&device->space);
		umd_pasid_revoke(device);
	}
}

UMD_EXPORT void umd_device_reset(struct umd_device *device)
{
	umd_device_do_reset(device, UMD_RESET_SELF);
}

int umd_device_reset_by_client(struct umd_device *device)
{
	if (umd_unplug_is_gone(device))
		return -ENODEV;
	umd_device_do_reset(device, UMD_RESET_DEVICE);
	return 0;
}
