/* SPDX-License-Identifier: BSD-2-Clause */
/* The dirty log as device features, in reports that fit into a message. */
#include "driver/vfio_user.h"

#include <errno.h>

/* VFIO_DEVICE_FEATURE_DMA_LOGGING_...: of newer kernels than the headers we must build with. */
#define FEATURE_LOG_START  6u
#define FEATURE_LOG_STOP   7u
#define FEATURE_LOG_REPORT 8u

#define WORD_BITS 64u

struct start_data {
	struct umd_wire_log_start start;
	struct umd_wire_log_range ranges[UMD_DRIVER_DIRTY_RANGES_MAX];
};

int umd_vfio_user_has_dirty(struct umd_vfio_user *user)
{
	int err = umd_vfio_user_probe_feature(user, FEATURE_LOG_START | UMD_WIRE_FEATURE_SET);

	return err == -ENOTTY ? 0 : err ? err : 1;
}

int umd_vfio_user_start_dirty(struct umd_driver *driver, const struct umd_driver_dma_range *ranges,
			      unsigned int count, uint64_t page_size)
{
	struct start_data reply = {0}, data = {.start = {.page_size = page_size, .count = count}};
	size_t size = sizeof(data.start) + count * sizeof(data.ranges[0]);
	struct umd_vfio_user_call call = {.out = {[1] = {&data, size}},
					  .in = {[1] = {&reply, size}}};

	for (unsigned int i = 0; i < count; i++)
		data.ranges[i] = (struct umd_wire_log_range){
			.iova = ranges[i].first, .size = ranges[i].last - ranges[i].first + 1};
	return umd_vfio_user_call_feature(umd_vfio_user(driver),
					  FEATURE_LOG_START | UMD_WIRE_FEATURE_SET, size, &call);
}

int umd_vfio_user_stop_dirty(struct umd_driver *driver)
{
	struct umd_vfio_user_call call = {0};

	return umd_vfio_user_call_feature(umd_vfio_user(driver),
					  FEATURE_LOG_STOP | UMD_WIRE_FEATURE_SET, 0, &call);
}

/* Of as many pages as fill whole words, but for the last piece. */
static int report_piece(struct umd_driver *driver, struct umd_wire_log_report request,
			uint64_t *bitmap)
{
	struct {
		struct umd_wire_feature feature;
		struct umd_wire_log_report report;
	} reply;
	uint64_t pages = request.size / request.page_size;
	size_t size = (size_t)((pages + WORD_BITS - 1) / WORD_BITS) * sizeof(*bitmap);
	struct umd_wire_feature feature = {.argsz = (uint32_t)(sizeof(reply) + size),
					   .flags = FEATURE_LOG_REPORT | UMD_WIRE_FEATURE_GET};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_DEVICE_FEATURE,
		.out = {{&feature, sizeof(feature)}, {&request, sizeof(request)}},
		.in = {{&reply, sizeof(reply)}, {bitmap, size}},
	};
	int err = umd_vfio_user_call_exact(umd_vfio_user(driver), &call);

	if (err)
		return err;
	return reply.feature.flags != feature.flags ||
			       memcmp(&reply.report, &request, sizeof(request)) != 0
		       ? -EPROTO
		       : 0;
}

int umd_vfio_user_report_dirty(struct umd_driver *driver, uint64_t iova, uint64_t bytes,
			       uint64_t page_size, uint64_t *bitmap)
{
	uint64_t words = driver->max_transfer / sizeof(*bitmap), left = bytes / page_size;

	while (left) {
		uint64_t pages = left < words * WORD_BITS ? left : words * WORD_BITS;
		struct umd_wire_log_report request = {
			.iova = iova, .size = pages * page_size, .page_size = page_size};
		int err = report_piece(driver, request, bitmap);

		if (err)
			return err;
		left -= pages;
		iova += pages * page_size;
		bitmap += pages / WORD_BITS;
	}
	return 0;
}
