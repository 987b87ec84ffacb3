/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended capabilities that are registers and no more. Those that do something: caps.c. */
#include <errno.h>

#include <umdev/caps.h>

#include "base/export.h"
#include "device/device.h"
#include "pci/caps.h"

UMD_EXPORT int umd_device_add_dsn(struct umd_device *device, const struct umd_dsn *dsn)
{
	if (device->realized)
		return -EBUSY;
	return umd_device_declared(
		umd_pci_add_dsn(&device->config, dsn, umd_device_declaring(device)));
}

UMD_EXPORT int umd_device_add_acs(struct umd_device *device, const struct umd_acs *acs)
{
	if (device->realized)
		return -EBUSY;
	return umd_device_declared(
		umd_pci_add_acs(&device->config, acs, umd_device_declaring(device)));
}

UMD_EXPORT int umd_device_add_ari(struct umd_device *device, const struct umd_ari *ari)
{
	if (device->realized)
		return -EBUSY;
	return umd_device_declared(
		umd_pci_add_ari(&device->config, ari, umd_device_declaring(device)));
}

UMD_EXPORT int umd_device_add_ats(struct umd_device *device, const struct umd_ats *ats)
{
	if (device->realized)
		return -EBUSY;
	return umd_device_declared(
		umd_pci_add_ats(&device->config, ats, umd_device_declaring(device)));
}

UMD_EXPORT int umd_device_add_ltr(struct umd_device *device, const struct umd_ltr *ltr)
{
	if (device->realized)
		return -EBUSY;
	return umd_device_declared(
		umd_pci_add_ltr(&device->config, ltr, umd_device_declaring(device)));
}

UMD_EXPORT int umd_device_add_tph(struct umd_device *device, const struct umd_tph *tph)
{
	if (device->realized)
		return -EBUSY;
	return umd_device_declared(
		umd_pci_add_tph(&device->config, tph, umd_device_declaring(device)));
}

UMD_EXPORT int umd_device_add_sriov(struct umd_device *device, const struct umd_sriov *sriov)
{
	if (device->realized)
		return -EBUSY;
	return umd_device_declared(
		umd_pci_add_sriov(&device->config, sriov, umd_device_declaring(device)));
}
