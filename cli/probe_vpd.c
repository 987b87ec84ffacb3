/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads Vital Product Data through its capability (PCI Local Bus 3.0, appendix I): an address is
 * written, a flag turns over when four bytes lie in the data register. Reading ends with the end
 * tag, or where a resource is not one that PCI knows, so that a device is asked for no more than it
 * has.
 */
#include "probe.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <time.h>

#define POLLS	      125u    /* for the flag: as the kernel, an eighth of a second */
#define POLL_PAUSE_NS 1000000 /* between two of them; the first comes at once */

bool probe_vpd_parse(const struct probe_vpd *vpd, size_t at, struct probe_vpd_resource *ret)
{
	uint32_t tag = probe_get(vpd->bytes, vpd->size, at, 1);
	bool large = tag & 0x80;

	if (at >= vpd->size || (large && vpd->size - at < 3))
		return false;

	*ret = (struct probe_vpd_resource){
		.tag = large ? tag : tag >> 3,
		.data = at + (large ? 3 : 1),
		.size = large ? probe_get(vpd->bytes, vpd->size, at + 1, 2) : tag & 7,
	};
	return true;
}

bool probe_vpd_is_known(const struct probe_vpd_resource *resource)
{
	return resource->tag == PROBE_VPD_NAME || resource->tag == PROBE_VPD_READ_ONLY ||
	       resource->tag == PROBE_VPD_READ_WRITE;
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* Waits until the data is there. -EIO where it never is. */
static int wait_for_data(struct probe *probe, struct umd_driver *driver)
{
	const struct timespec pause = {.tv_nsec = POLL_PAUSE_NS};
	uint16_t address;

	for (unsigned int i = 0; i < POLLS; i++) {
		int err = probe_given_up(probe);

		if (!err)
			err = probe_note(
				probe, umd_driver_config_read16(
					       driver, probe->vpd.offset + PCI_VPD_ADDR, &address));
		if (err)
			return err;
		if (address & PCI_VPD_ADDR_F)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -EIO;
}

/* The next four bytes. */
static int read_more(struct probe *probe, struct umd_driver *driver)
{
	struct probe_vpd *vpd = &probe->vpd;
	uint32_t data;
	int err = probe_given_up(probe);

	if (!err)
		err = probe_note(probe,
				 umd_driver_config_write16(driver, vpd->offset + PCI_VPD_ADDR,
							   (uint16_t)vpd->size));
	if (!err)
		err = wait_for_data(probe, driver);
	if (!err)
		err = probe_note(
			probe, umd_driver_config_read32(driver, vpd->offset + PCI_VPD_DATA, &data));
	if (err)
		return err;

	for (unsigned int i = 0; i < 4; i++)
		vpd->bytes[vpd->size++] = (uint8_t)(data >> (8 * i));
	return 0;
}

/* Reads as far as `end`, or to where there can be no more. */
static int read_up_to(struct probe *probe, struct umd_driver *driver, size_t end)
{
	int err = 0;

	while (!err && probe->vpd.size < end && probe->vpd.size < PROBE_VPD_MAX)
		err = read_more(probe, driver);
	return err;
}

/* A resource with its data. */
static int read_resource(struct probe *probe, struct umd_driver *driver, size_t at,
			 struct probe_vpd_resource *ret)
{
	int err = read_up_to(probe, driver, at + 1);

	if (!err && (probe_get(probe->vpd.bytes, probe->vpd.size, at, 1) & 0x80))
		err = read_up_to(probe, driver, at + 3);
	if (err)
		return err;
	if (!probe_vpd_parse(&probe->vpd, at, ret))
		return -ENODATA;
	return probe_vpd_is_known(ret) ? read_up_to(probe, driver, ret->data + ret->size) : 0;
}

/* Where the capability lies whole; 0 without one. */
static unsigned int find_capability(const struct probe *probe)
{
	for (unsigned int i = 0; i < probe->caps.count; i++) {
		const struct umd_driver_cap *cap = &probe->caps.caps[i];

		if (cap->id == PCI_CAP_ID_VPD)
			return cap->offset + PCI_CAP_VPD_SIZEOF <= 256 ? cap->offset : 0;
	}
	return 0;
}

void probe_gather_vpd(struct probe *probe, struct umd_driver *driver)
{
	struct probe_vpd_resource resource = {0};
	size_t at = 0;

	probe->vpd.offset = find_capability(probe);
	if (!probe->vpd.offset)
		return;

	do {
		probe->vpd.error = read_resource(probe, driver, at, &resource);
		at = resource.data + resource.size;
	} while (!probe->vpd.error && probe_vpd_is_known(&resource) && at < PROBE_VPD_MAX);
}
