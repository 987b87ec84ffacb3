/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where capabilities lie, and how they are linked (PCI Local Bus 3.0, section 6.7; PCI Express Base
 * 5.0, section 7.6). Both chains are in the order of declaration.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "pci/config.h"

#define CAP_HEADER     2u /* id and next pointer */
#define EXT_CAP_HEADER 4u /* id, version and next pointer */

static bool is_extended(const struct umd_pci_cap *cap)
{
	return cap->version > 0;
}

static unsigned int first_place(const struct umd_pci_cap *cap)
{
	return is_extended(cap) ? UMD_PCI_CONFIG_SIZE : PCI_STD_HEADER_SIZEOF;
}

static unsigned int end_of_places(const struct umd_pci_cap *cap)
{
	return is_extended(cap) ? UMD_PCIE_CONFIG_SIZE : UMD_PCI_CONFIG_SIZE;
}

/* The declared capability that has a byte of [at, at + size); NULL: none. */
static const struct umd_pci_cap *find_overlap(const struct umd_pci_config *config, unsigned int at,
					      unsigned int size)
{
	for (unsigned int i = 0; i < config->cap_count; i++) {
		const struct umd_pci_cap *other = &config->caps[i];

		if (umd_range_overlap(at, size, other->at, other->size))
			return other;
	}
	return NULL;
}

/* The next free place, or where it would not fit any more. */
static unsigned int find_place(const struct umd_pci_config *config, const struct umd_pci_cap *cap)
{
	unsigned int at = first_place(cap);
	const struct umd_pci_cap *other;

	while ((other = find_overlap(config, at, cap->size)))
		at = (other->at + other->size + 3) & ~3u;
	return at;
}

/* The last declared capability of the same chain; NULL: this is the first. */
static const struct umd_pci_cap *find_previous(const struct umd_pci_config *config, bool extended)
{
	for (unsigned int i = config->cap_count; i > 0; i--) {
		if (is_extended(&config->caps[i - 1]) == extended)
			return &config->caps[i - 1];
	}
	return NULL;
}

static int check_place(const struct umd_pci_config *config, const struct umd_pci_cap *cap,
		       unsigned int at, struct umd_error *error)
{
	const struct umd_pci_cap *other = find_overlap(config, at, cap->size);

	if (config->cap_count == UMD_PCI_CAPS_MAX)
		return umd_error_set(error, -ENOSPC, "%s: more than %u capabilities", cap->name,
				     UMD_PCI_CAPS_MAX);
	if (at % 4 || at < first_place(cap) || at >= end_of_places(cap))
		return umd_error_set(error, cap->at ? -EINVAL : -ENOSPC,
				     cap->at ? "%s: at 0x%x is no place for a capability"
					     : "%s: no place is left for it",
				     cap->name, at);
	if (!umd_range_within(at, cap->size, end_of_places(cap)))
		return umd_error_set(error, -ENOSPC, "%s: %u bytes do not fit at 0x%x", cap->name,
				     cap->size, at);
	if (other)
		return umd_error_set(error, -EEXIST, "%s: at 0x%x overlaps %s at 0x%x", cap->name,
				     at, other->name, other->at);
	if (is_extended(cap) && !find_previous(config, true) && at != UMD_PCI_CONFIG_SIZE)
		return umd_error_set(error, -EINVAL,
				     "%s: at 0x%x: the first extended capability lies at 0x100",
				     cap->name, at);
	return 0;
}

static void put_initial(struct umd_pci_config *config, size_t at, unsigned int size, uint32_t value)
{
	const struct umd_pci_field field = {.size = size, .value = value};

	umd_pci_config_add_fields(config, at, &field, 1);
}

static void link_standard(struct umd_pci_config *config, const struct umd_pci_cap *cap)
{
	const struct umd_pci_cap *previous = find_previous(config, false);

	put_initial(config, cap->at + PCI_CAP_LIST_ID, 1, cap->id);
	put_initial(config, previous ? previous->at + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST, 1,
		    cap->at);
	config->bytes[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	config->about[PCI_STATUS].initial |= PCI_STATUS_CAP_LIST;
}

static uint32_t extended_header(const struct umd_pci_cap *cap, unsigned int next)
{
	return cap->id | cap->version << 16 | next << 20;
}

static void link_extended(struct umd_pci_config *config, const struct umd_pci_cap *cap)
{
	const struct umd_pci_cap *previous = find_previous(config, true);

	put_initial(config, cap->at, EXT_CAP_HEADER, extended_header(cap, 0));
	if (previous)
		put_initial(config, previous->at, EXT_CAP_HEADER,
			    extended_header(previous, cap->at));
}

int umd_pci_config_add_cap(struct umd_pci_config *config, const struct umd_pci_cap *cap,
			   const struct umd_pci_field *fields, size_t count,
			   struct umd_error *error)
{
	struct umd_pci_cap placed = *cap;
	int err;

	placed.at = cap->at ? cap->at : find_place(config, cap);
	err = check_place(config, cap, placed.at, error);
	if (err)
		return err;

	if (is_extended(cap)) {
		umd_pci_config_grow(config);
		link_extended(config, &placed);
	} else {
		link_standard(config, &placed);
	}
	config->caps[config->cap_count++] = placed;
	umd_pci_config_add_fields(config, placed.at, fields, count);
	return (int)placed.at;
}

int umd_pci_config_find_cap(const struct umd_pci_config *config, unsigned int id, bool extended)
{
	for (unsigned int i = 0; i < config->cap_count; i++) {
		const struct umd_pci_cap *cap = &config->caps[i];

		if (cap->id == id && is_extended(cap) == extended)
			return (int)cap->at;
	}
	return -ENOENT;
}

int umd_pci_config_realize(const struct umd_pci_config *config, struct umd_error *error)
{
	const struct umd_pci_cap *extended = find_previous(config, true);

	if (extended && !config->is_express)
		return umd_error_set(error, -EINVAL,
				     "%s: extended capabilities need a PCI Express capability",
				     extended->name);
	return 0;
}
