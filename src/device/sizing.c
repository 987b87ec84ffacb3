/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities by which a driver chooses among what the device offers: the sizes of its BARs
 * (Resizable BAR, PCIe 5.0, section 7.8.6) and its power (Dynamic Power Allocation,
 * section 7.9.12).
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include <umdev/caps.h>

#include "base/export.h"
#include "device/caps.h"
#include "pci/caps.h"

#define REBAR_STRIDE	8u  /* capability and control register of a BAR */
#define REBAR_SIZE_UNIT 20u /* BAR Size n means 2^(n + 20) bytes */

/* ---- Resizable BAR ------------------------------------------------------------------------- */

static unsigned int size_bits(uint32_t control)
{
	return (control & UMD_PCI_REBAR_SIZE) >> PCI_REBAR_CTRL_BAR_SHIFT;
}

/* Sizes up to 128 TiB are in the capability register, from bit 4 on. */
static bool is_offered(const struct umd_device *device, size_t at, unsigned int bits)
{
	uint32_t sizes = umd_pci_config_get(&device->config, at + PCI_REBAR_CAP, 4);

	return bits < 28 && (sizes & 1u << (bits + 4));
}

static void resize(struct umd_device *device, const struct umd_resizable *bar)
{
	bool is_64bit = device->bars[bar->index].region.flags & UMD_REGION_MEM64;

	umd_pci_config_resize_bar(&device->config, bar->index,
				  UINT64_C(1) << (bar->bits + REBAR_SIZE_UNIT), is_64bit);
}

/* A size that is not offered is not taken: the register shows the one that is. */
static void choose(struct umd_device *device, size_t at, struct umd_resizable *bar)
{
	struct umd_pci_config *config = &device->config;
	uint32_t control = umd_pci_config_get(config, at + PCI_REBAR_CTRL, 4);

	if (is_offered(device, at, size_bits(control))) {
		bar->bits = size_bits(control);
		resize(device, bar);
		return;
	}
	control &= ~(uint32_t)UMD_PCI_REBAR_SIZE;
	umd_pci_config_set(config, at + PCI_REBAR_CTRL, 4,
			   control | bar->bits << PCI_REBAR_CTRL_BAR_SHIFT);
}

static void rebar_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;

	for (unsigned int i = 0; i < device->resizable_count; i++)
		choose(device, device->at.rebar + i * REBAR_STRIDE, &device->resizable[i]);
}

void umd_rebar_reset(struct umd_device *device)
{
	if (device->at.rebar)
		rebar_written(device, 0, 0);
}

static int hook_rebar(struct umd_device *device, const struct umd_rebar *rebar)
{
	int err = 0;

	for (unsigned int i = 0; i < rebar->count && !err; i++) {
		size_t control = device->at.rebar + i * REBAR_STRIDE + PCI_REBAR_CTRL;

		device->resizable[i] = (struct umd_resizable){
			.index = rebar->bars[i].bar,
			.bits = size_bits(umd_pci_config_get(&device->config, control, 4))};
		umd_pci_config_add_bar_fields(&device->config, control, 4);
		err = umd_caps_hook(device, control, 4, rebar_written);
	}
	device->resizable_count = rebar->count;
	return err;
}

UMD_EXPORT int umd_device_add_rebar(struct umd_device *device, const struct umd_rebar *rebar)
{
	uint64_t largest[UMD_BARS] = {0};
	int at;

	if (device->realized)
		return -EBUSY;

	for (unsigned int i = 0; i < rebar->count && i < UMD_BARS; i++) {
		unsigned int bar = rebar->bars[i].bar;

		if (bar < UMD_BARS && !(device->bars[bar].region.flags & UMD_REGION_IO))
			largest[i] = device->bars[bar].region.size;
	}
	at = umd_pci_add_rebar(&device->config, rebar, largest, umd_device_declaring(device));
	if (at < 0)
		return at;
	device->at.rebar = (unsigned int)at;
	return hook_rebar(device, rebar);
}

/* ---- Dynamic Power Allocation -------------------------------------------------------------- */

/* While control is enabled, the substate is the one asked for, if there is one. */
static void dpa_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;
	struct umd_pci_config *config = &device->config;
	size_t at = device->at.dpa;
	uint32_t most = umd_pci_config_get(config, at + PCI_DPA_CAP, 4) & PCI_DPA_CAP_SUBSTATE_MASK;
	uint32_t status = umd_pci_config_get(config, at + UMD_PCI_DPA_STATUS, 2);
	uint32_t wanted = umd_pci_config_get(config, at + UMD_PCI_DPA_CONTROL, 2);

	if ((status & UMD_PCI_DPA_STATUS_ENABLED) && wanted <= most)
		umd_pci_config_set(config, at + UMD_PCI_DPA_STATUS, 2,
				   UMD_PCI_DPA_STATUS_ENABLED | wanted);
}

UMD_EXPORT int umd_device_add_dpa(struct umd_device *device, const struct umd_dpa *dpa)
{
	int at;

	if (device->realized)
		return -EBUSY;

	at = umd_pci_add_dpa(&device->config, dpa, umd_device_declaring(device));
	if (at < 0)
		return at;
	device->at.dpa = (unsigned int)at;
	return umd_caps_hook(device, device->at.dpa + UMD_PCI_DPA_CONTROL, 2, dpa_written);
}
