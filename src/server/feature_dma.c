/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEVICE_FEATURE: the dirty log. The layouts are those of QEMU's docs/interop/vfio-user.rst, which
 * has the ranges and the bitmap within the message where linux/vfio.h has pointers; the errors are
 * the kernel's.
 */
#include <errno.h>

#include "device/pasid.h"
#include "server/feature.h"

static int start_ranges(struct umd_dma_space *space, const struct umd_wire_log_start *start,
			const uint8_t *bytes)
{
	struct umd_dma_range ranges[UMD_DMA_DIRTY_RANGES_MAX];
	struct umd_wire_log_range range;

	for (uint32_t i = 0; i < start->count; i++) {
		memcpy(&range, bytes + i * sizeof(range), sizeof(range));
		ranges[i] = (struct umd_dma_range){.iova = range.iova, .size = range.size};
	}
	return umd_dma_space_start_log(space, ranges, start->count, start->page_size);
}

/*
 * The reply is the request, with the page size that was chosen. What is written through the spaces
 * of PASIDs would be missing in the log, so there are none.
 */
int umd_feature_log_start(struct umd_session *session, const struct umd_feature_data *data)
{
	struct umd_dma_space *space = &session->device->space;
	const uint8_t *ranges = data->bytes + sizeof(struct umd_wire_log_start);
	struct umd_wire_log_start start;
	size_t size;
	int err;

	memcpy(&start, data->bytes, sizeof(start));
	if (session->device->pasids && session->device->pasids->count)
		return -EBUSY;
	if (start.count > UMD_DMA_DIRTY_RANGES_MAX)
		return -E2BIG;
	size = start.count * sizeof(struct umd_wire_log_range);
	if (data->size - sizeof(start) < size || data->room - sizeof(start) < size)
		return -EINVAL;

	err = start_ranges(space, &start, ranges);
	if (err)
		return err;

	start.page_size = UMD_DMA_DIRTY_PAGE;
	umd_reply_put(&session->reply, &start, sizeof(start));
	umd_reply_put(&session->reply, ranges, size);
	return 0;
}

int umd_feature_log_stop(struct umd_session *session, const struct umd_feature_data *data)
{
	umd_dma_space_stop_log(&session->device->space);
	return 0;
}

/* Says in the reply, too, how long it is. */
static void put_argsz(struct umd_reply *reply, size_t size)
{
	uint32_t argsz = (uint32_t)size;

	memcpy(reply->payload + offsetof(struct umd_wire_feature, argsz), &argsz, sizeof(argsz));
}

int umd_feature_log_report(struct umd_session *session, const struct umd_feature_data *data)
{
	struct umd_dma_space *space = &session->device->space;
	struct umd_reply *reply = &session->reply;
	struct umd_wire_log_report report;
	struct umd_dma_range range;
	uint64_t size;
	int err;

	memcpy(&report, data->bytes, sizeof(report));
	range = (struct umd_dma_range){.iova = report.iova, .size = report.size};
	err = umd_dma_dirty_check(&space->dirty, &range, report.page_size);
	if (err)
		return err;
	size = umd_dma_dirty_bitmap_size(&range, report.page_size);
	if (size > session->caps.max_data_xfer_size)
		return -E2BIG;
	if (data->room - sizeof(report) < size)
		return -EINVAL;

	umd_reply_put(reply, &report, sizeof(report));
	umd_dma_space_report_log(space, &range, report.page_size, reply->payload + reply->size);
	reply->size += size;
	put_argsz(reply, reply->size);
	return 0;
}
