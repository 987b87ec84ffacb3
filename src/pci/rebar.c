/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resizable BAR (PCIe 5.0, section 7.8.6): for each BAR, the sizes that it can have and the one
 * that it has, which begins as the largest.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "base/range.h"
#include "pci/caps.h"

#define BARS	   6u
#define BAR_STRIDE 8u /* a capability and a control register */

#define UNIT_SHIFT  20				 /* sizes are counted from 1 MiB on */
#define SIZES_SHIFT 4				 /* in PCI_REBAR_CAP */
#define SIZES	    UINT64_C(0x0000fffffff00000) /* 1 MiB to 128 TiB */

static const char name[] = "Resizable BAR";

static bool is_repeated(const struct umd_rebar *rebar, unsigned int i)
{
	for (unsigned int other = 0; other < i; other++) {
		if (rebar->bars[other].bar == rebar->bars[i].bar)
			return true;
	}
	return false;
}

static uint64_t largest_of(uint64_t sizes)
{
	return UINT64_C(1) << (63 - __builtin_clzll(sizes));
}

static int check_sizes(const struct umd_rebar *rebar, unsigned int i, uint64_t largest,
		       struct umd_error *error)
{
	const uint64_t sizes = rebar->bars[i].sizes;

	if (!sizes || sizes & ~SIZES)
		return umd_error_set(error, -EINVAL,
				     "%s: bars[%u].sizes 0x%llx are not of 1 MiB to 128 TiB", name,
				     i, (unsigned long long)sizes);
	if (largest_of(sizes) != largest)
		return umd_error_set(error, -EINVAL,
				     "%s: bars[%u].sizes 0x%llx: the largest is not the BAR's "
				     "0x%llx",
				     name, i, (unsigned long long)sizes,
				     (unsigned long long)largest);
	return 0;
}

static int check_bar(const struct umd_rebar *rebar, unsigned int i, uint64_t largest,
		     struct umd_error *error)
{
	const unsigned int bar = rebar->bars[i].bar;

	if (bar >= BARS)
		return umd_error_set(error, -EINVAL, "%s: bars[%u].bar %u is not 0 to 5", name, i,
				     bar);
	if (is_repeated(rebar, i))
		return umd_error_set(error, -EINVAL, "%s: bars[%u].bar %u is there twice", name, i,
				     bar);
	if (!largest)
		return umd_error_set(error, -EINVAL,
				     "%s: bars[%u].bar %u is no memory BAR of the device", name, i,
				     bar);
	return check_sizes(rebar, i, largest, error);
}

static int check(const struct umd_rebar *rebar, const uint64_t *largest, struct umd_error *error)
{
	int err = umd_pci_check_range(name, "count", rebar->count, 1, BARS, error);

	for (unsigned int i = 0; i < rebar->count && !err; i++)
		err = check_bar(rebar, i, largest[i], error);
	return err;
}

/* How many there are is in the first control register only. */
static uint32_t control(const struct umd_rebar *rebar, unsigned int i, uint64_t largest)
{
	const uint32_t size = (uint32_t)__builtin_ctzll(largest) - UNIT_SHIFT;

	return rebar->bars[i].bar | (i ? 0 : rebar->count << PCI_REBAR_CTRL_NBAR_SHIFT) |
	       size << PCI_REBAR_CTRL_BAR_SHIFT;
}

int umd_pci_add_rebar(struct umd_pci_config *config, const struct umd_rebar *rebar,
		      const uint64_t *largest, struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = name,
					.id = PCI_EXT_CAP_ID_REBAR,
					.version = 1,
					.at = rebar->at,
					.size = PCI_REBAR_CAP + BAR_STRIDE * rebar->count};
	struct umd_pci_field fields[BARS][2];
	int err = check(rebar, largest, error);

	if (err)
		return err;
	for (unsigned int i = 0; i < rebar->count; i++) {
		const uint64_t sizes = rebar->bars[i].sizes >> UNIT_SHIFT << SIZES_SHIFT;

		fields[i][0] = (struct umd_pci_field){PCI_REBAR_CAP + BAR_STRIDE * i, 4,
						      .value = (uint32_t)sizes};
		fields[i][1] = (struct umd_pci_field){PCI_REBAR_CTRL + BAR_STRIDE * i, 4,
						      .value = control(rebar, i, largest[i]),
						      .rw = UMD_PCI_REBAR_SIZE};
	}
	return umd_pci_add_single(config, &cap, fields[0], 2 * (size_t)rebar->count, error);
}
