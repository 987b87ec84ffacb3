/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors that a device reports (PCIe 5.0, section 6.2): entered in the PCI Express and AER
 * capabilities, and told to the client by the ERR interrupt where the driver wants messages of it.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include <umdev/caps.h>

#include "base/export.h"
#include "base/range.h"
#include "device/device.h"
#include "pci/caps.h"

#define HEADER_LOG_WORDS 4u

static uint32_t get(const struct umd_device *device, size_t at, unsigned int size)
{
	return umd_pci_config_get(&device->config, at, size);
}

static void set_bits(struct umd_device *device, size_t at, unsigned int size, uint32_t bits)
{
	umd_pci_config_set(&device->config, at, size, get(device, at, size) | bits);
}

/* The first error that has not been cleared has its header and its bit's number kept. */
static void log_first(struct umd_device *device, uint32_t status, const uint32_t *header)
{
	size_t aer = device->at.aer;
	uint32_t control = get(device, aer + PCI_ERR_CAP, 4) & ~(uint32_t)PCI_ERR_CAP_FEP(~0u);

	umd_pci_config_set(&device->config, aer + PCI_ERR_CAP, 4,
			   control | (uint32_t)__builtin_ctz(status));
	for (size_t i = 0; i < HEADER_LOG_WORDS; i++)
		umd_pci_config_set(&device->config, aer + PCI_ERR_HEADER_LOG + 4 * i, 4,
				   header ? header[i] : 0);
}

/* First Error Pointer says whose header is kept, while that status bit is set (section 6.2.4.2). */
static bool is_log_free(const struct umd_device *device)
{
	uint32_t first = PCI_ERR_CAP_FEP(get(device, device->at.aer + PCI_ERR_CAP, 4));

	return !(get(device, device->at.aer + PCI_ERR_UNCOR_STATUS, 4) >> first & 1);
}

/* Enters an error in the AER capability. True where it is masked there. */
static bool enter(struct umd_device *device, bool correctable, uint32_t status,
		  const uint32_t *header)
{
	size_t aer = device->at.aer;
	size_t at = aer + (correctable ? PCI_ERR_COR_STATUS : PCI_ERR_UNCOR_STATUS);
	size_t mask_at = aer + (correctable ? PCI_ERR_COR_MASK : PCI_ERR_UNCOR_MASK);
	uint32_t mask = get(device, mask_at, 4);

	if (!correctable && !(mask & status) && is_log_free(device))
		log_first(device, status, header);
	set_bits(device, at, 4, status);
	return mask & status;
}

/* By AER where there is one; without, an uncorrectable error is fatal if that is its nature. */
static bool is_fatal(const struct umd_device *device, uint32_t status)
{
	return status & (device->at.aer ? get(device, device->at.aer + PCI_ERR_UNCOR_SEVER, 4)
					: UMD_PCI_AER_FATAL);
}

/* The device status bits of an error, and the device control bit that wants it reported. */
static void classify(const struct umd_device *device, bool correctable, uint32_t status,
		     uint32_t *ret_detected, uint32_t *ret_enable)
{
	if (correctable) {
		*ret_detected = PCI_EXP_DEVSTA_CED;
		*ret_enable = PCI_EXP_DEVCTL_CERE;
	} else if (is_fatal(device, status)) {
		*ret_detected = PCI_EXP_DEVSTA_FED;
		*ret_enable = PCI_EXP_DEVCTL_FERE;
	} else {
		*ret_detected = PCI_EXP_DEVSTA_NFED;
		*ret_enable = PCI_EXP_DEVCTL_NFERE;
	}
	if (!correctable && status == PCI_ERR_UNC_UNSUP)
		*ret_detected |= PCI_EXP_DEVSTA_URD;
}

/* By device control: an Unsupported Request needs a bit more. */
static bool is_enabled(const struct umd_device *device, uint32_t status, bool correctable,
		       uint32_t enable)
{
	uint32_t needed = enable;

	if (!correctable && status == PCI_ERR_UNC_UNSUP)
		needed |= PCI_EXP_DEVCTL_URRE;
	return (get(device, device->at.express + PCI_EXP_DEVCTL, 2) & needed) == needed;
}

/* COMMAND.SERR too has uncorrectable errors reported, and seen in the status (section 6.2.6). */
static bool is_system_error(struct umd_device *device, bool correctable)
{
	if (correctable || !(umd_pci_config_command(&device->config) & PCI_COMMAND_SERR))
		return false;
	set_bits(device, PCI_STATUS, 2, PCI_STATUS_SIG_SYSTEM_ERROR);
	return true;
}

UMD_EXPORT int umd_device_report_error(struct umd_device *device, bool correctable, uint32_t status,
				       const uint32_t *header)
{
	uint32_t detected, enable;
	bool masked = false;

	if (!umd_is_power_of_2(status) ||
	    !(status & (correctable ? UMD_PCI_AER_CORRECTABLE : UMD_PCI_AER_UNCORRECTABLE)))
		return -EINVAL;
	if (!device->at.express)
		return -ENOENT;

	classify(device, correctable, status, &detected, &enable);
	set_bits(device, device->at.express + PCI_EXP_DEVSTA, 2, detected);
	if (device->at.aer)
		masked = enter(device, correctable, status, header);
	if (masked)
		return 0;
	if (is_system_error(device, correctable) || is_enabled(device, status, correctable, enable))
		umd_irqs_trigger(&device->irqs, UMD_IRQ_ERR, 0);
	return 0;
}

UMD_EXPORT int umd_device_add_aer(struct umd_device *device, const struct umd_aer *aer)
{
	int at;

	if (device->realized)
		return -EBUSY;

	at = umd_pci_add_aer(&device->config, aer, umd_device_declaring(device));
	if (at < 0)
		return at;
	device->at.aer = (unsigned int)at;
	return 0;
}
