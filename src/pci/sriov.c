/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single Root I/O Virtualization (PCIe 5.0, section 9.3.3), to be looked at: every register is
 * read-only, since no virtual function is ever enabled.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "base/range.h"
#include "pci/caps.h"

#define PAGE_SIZES_REQUIRED 0x553u /* 4, 8, 64, 256 KiB, 1 and 4 MiB */
#define PAGE_SIZE_4K	    1u
#define BAR_MIN		    UINT64_C(4096) /* a system page */
#define BAR_32BIT_MAX	    (UINT64_C(1) << 31)
#define BAR_FLAGS	    (UMD_REGION_MEM64 | UMD_REGION_PREFETCH)
#define LAST_BAR	    (PCI_SRIOV_NUM_BARS - 1u)

static const char name[] = "SR-IOV";

static int check_vfs(const struct umd_sriov *sriov, struct umd_error *error)
{
	if (!sriov->total_vfs)
		return umd_error_set(error, -EINVAL, "%s: total_vfs is 0", name);
	if (!sriov->vf_offset)
		return umd_error_set(error, -EINVAL, "%s: vf_offset is 0", name);
	if (!sriov->vf_stride && sriov->total_vfs > 1)
		return umd_error_set(error, -EINVAL, "%s: vf_stride is 0 for %u virtual functions",
				     name, sriov->total_vfs);
	if (sriov->page_sizes && (sriov->page_sizes & PAGE_SIZES_REQUIRED) != PAGE_SIZES_REQUIRED)
		return umd_error_set(error, -EINVAL,
				     "%s: page_sizes 0x%x lacks some of 0x%x, which all have", name,
				     sriov->page_sizes, PAGE_SIZES_REQUIRED);
	return 0;
}

/* A BAR of 64 bits takes the next place too. */
static int check_bar(const struct umd_sriov *sriov, unsigned int i, struct umd_error *error)
{
	const uint64_t size = sriov->bar_sizes[i];
	const unsigned int flags = sriov->bar_flags[i];
	const bool is_64bit = flags & UMD_REGION_MEM64;

	if (flags & ~BAR_FLAGS)
		return umd_error_set(error, -EINVAL,
				     "%s: bar_flags[%u] 0x%x has more than a memory BAR's 0x%x",
				     name, i, flags, BAR_FLAGS);
	if (flags && !size)
		return umd_error_set(error, -EINVAL,
				     "%s: bar_flags[%u] 0x%x of a BAR that is not there", name, i,
				     flags);
	if (size && (!umd_is_power_of_2(size) || size < BAR_MIN))
		return umd_error_set(error, -EINVAL,
				     "%s: bar_sizes[%u] 0x%llx is no power of two from 4 KiB on",
				     name, i, (unsigned long long)size);
	if (!is_64bit && size > BAR_32BIT_MAX)
		return umd_error_set(error, -EINVAL,
				     "%s: bar_sizes[%u] 0x%llx is too large for 32 bits", name, i,
				     (unsigned long long)size);
	if (is_64bit && (i == LAST_BAR || sriov->bar_sizes[i + 1]))
		return umd_error_set(error, -EINVAL,
				     "%s: bar_flags[%u] 0x%x: the next place is not free for 64 "
				     "bits",
				     name, i, flags);
	return 0;
}

static int check(const struct umd_sriov *sriov, struct umd_error *error)
{
	int err = check_vfs(sriov, error);

	for (unsigned int i = 0; i < PCI_SRIOV_NUM_BARS && !err; i++)
		err = check_bar(sriov, i, error);
	return err;
}

/* What can be read of a BAR: its kind. */
static struct umd_pci_field vf_bar(const struct umd_sriov *sriov, unsigned int i)
{
	const unsigned int flags = sriov->bar_flags[i];

	return (struct umd_pci_field){
		PCI_SRIOV_BAR + 4 * i,
		4,
		.value = (flags & UMD_REGION_MEM64 ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) |
			 (flags & UMD_REGION_PREFETCH ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0),
	};
}

int umd_pci_add_sriov(struct umd_pci_config *config, const struct umd_sriov *sriov,
		      struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = name,
					.id = PCI_EXT_CAP_ID_SRIOV,
					.version = 1,
					.at = sriov->at,
					.size = PCI_EXT_CAP_SRIOV_SIZEOF};
	const struct umd_pci_field fields[] = {
		{PCI_SRIOV_INITIAL_VF, 2, .value = sriov->total_vfs},
		{PCI_SRIOV_TOTAL_VF, 2, .value = sriov->total_vfs},
		{PCI_SRIOV_VF_OFFSET, 2, .value = sriov->vf_offset},
		{PCI_SRIOV_VF_STRIDE, 2, .value = sriov->vf_stride},
		{PCI_SRIOV_VF_DID, 2, .value = sriov->vf_device},
		{PCI_SRIOV_SUP_PGSIZE, 4,
		 .value = sriov->page_sizes ? sriov->page_sizes : PAGE_SIZES_REQUIRED},
		{PCI_SRIOV_SYS_PGSIZE, 4, .value = PAGE_SIZE_4K},
		vf_bar(sriov, 0),
		vf_bar(sriov, 1),
		vf_bar(sriov, 2),
		vf_bar(sriov, 3),
		vf_bar(sriov, 4),
		vf_bar(sriov, 5),
	};
	int err = check(sriov, error);

	return err ? err : umd_pci_add(config, &cap, fields, error);
}
