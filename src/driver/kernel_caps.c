/* SPDX-License-Identifier: BSD-2-Clause */
/* Chains of capabilities in the kernel's answers: struct vfio_info_cap_header, linux/vfio.h. */
#include "driver/kernel.h"

#include <errno.h>
#include <string.h>

#include "base/range.h"

/* Bytes of the answer, or false where it has none there. */
static bool get(const struct umd_kernel_answer *answer, uint64_t at, void *to, size_t size)
{
	if (!umd_range_within(at, size, answer->size))
		return false;
	memcpy(to, answer->bytes + at, size);
	return true;
}

int umd_kernel_find_cap(const struct umd_kernel_answer *answer, unsigned int id, size_t *ret_at)
{
	struct vfio_info_cap_header header;
	size_t least = answer->at_least;
	uint32_t at = answer->start;

	while (at) {
		if (at < least || !get(answer, at, &header, sizeof(header)))
			return -EPROTO;
		if (header.id == id) {
			*ret_at = at;
			return 1;
		}
		least = (size_t)at + sizeof(header);
		at = header.next;
	}
	return 0;
}

/* ---- Of regions ------------------------------------------------------------------------------ */

int umd_kernel_parse_areas(const struct umd_kernel_answer *answer, uint64_t bytes,
			   struct umd_driver_area *areas)
{
	struct vfio_region_info_cap_sparse_mmap sparse;
	struct vfio_region_sparse_mmap_area area;
	size_t at;
	int n = umd_kernel_find_cap(answer, VFIO_REGION_INFO_CAP_SPARSE_MMAP, &at);

	if (n < 0)
		return n;
	if (n == 0) { /* none is named: all of it can be mapped */
		areas[0] = (struct umd_driver_area){.size = bytes};
		return bytes ? 1 : 0;
	}
	if (!get(answer, at, &sparse, sizeof(sparse)))
		return -EPROTO;
	if (sparse.nr_areas > UMD_DRIVER_AREAS_MAX)
		return -E2BIG;

	at += sizeof(sparse);
	for (uint32_t i = 0; i < sparse.nr_areas; i++, at += sizeof(area)) {
		if (!get(answer, at, &area, sizeof(area)) ||
		    !umd_range_within(area.offset, area.size, bytes))
			return -EPROTO;
		areas[i] = (struct umd_driver_area){.offset = area.offset, .size = area.size};
	}
	return (int)sparse.nr_areas;
}

/* ---- Of type1 containers --------------------------------------------------------------------- */

bool umd_kernel_ranges_ascend(const struct umd_driver_dma_range *ranges, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (ranges[i].first > ranges[i].last ||
		    (i && ranges[i].first <= ranges[i - 1].last))
			return false;
	}
	return true;
}

int umd_kernel_parse_ranges(const struct umd_kernel_answer *answer,
			    struct umd_driver_dma_range *ranges)
{
	struct vfio_iommu_type1_info_cap_iova_range cap;
	struct vfio_iova_range range;
	size_t at;
	int n = umd_kernel_find_cap(answer, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, &at);

	if (n <= 0)
		return n;
	if (!get(answer, at, &cap, sizeof(cap)))
		return -EPROTO;
	if (cap.nr_iovas > UMD_DRIVER_AREAS_MAX)
		return -E2BIG;

	at += sizeof(cap);
	for (uint32_t i = 0; i < cap.nr_iovas; i++, at += sizeof(range)) {
		if (!get(answer, at, &range, sizeof(range)))
			return -EPROTO;
		ranges[i] = (struct umd_driver_dma_range){.first = range.start, .last = range.end};
	}
	return umd_kernel_ranges_ascend(ranges, cap.nr_iovas) ? (int)cap.nr_iovas : -EPROTO;
}

int umd_kernel_parse_avail(const struct umd_kernel_answer *answer, uint32_t *ret)
{
	struct vfio_iommu_type1_info_dma_avail cap;
	size_t at;
	int n = umd_kernel_find_cap(answer, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, &at);

	if (n <= 0)
		return n;
	if (!get(answer, at, &cap, sizeof(cap)))
		return -EPROTO;
	*ret = cap.avail;
	return 1;
}
