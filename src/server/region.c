/* SPDX-License-Identifier: BSD-2-Clause */
/* GET_REGION_INFO and GET_REGION_IO_FDS: what a region is, and what of it needs no messages. */
#include <errno.h>

#include "server/session.h"

static bool can_map(const struct umd_session *session, const struct umd_bar *bar)
{
	return bar && bar->area_count && session->caps.max_msg_fds > 0;
}

/* One area that is the whole region needs no list of areas. */
static bool is_sparse(const struct umd_bar *bar)
{
	return bar->area_count > 1 || bar->backed[0].size != bar->region.size;
}

static void put_areas(struct umd_reply *reply, const struct umd_bar *bar)
{
	struct umd_wire_sparse_mmap sparse = {
		.id = UMD_WIRE_CAP_SPARSE_MMAP, .version = 1, .areas = bar->area_count};

	umd_reply_put(reply, &sparse, sizeof(sparse));
	for (unsigned int i = 0; i < bar->area_count; i++) {
		struct umd_wire_area area = {bar->backed[i].offset, bar->backed[i].size};

		umd_reply_put(reply, &area, sizeof(area));
	}
}

static void describe_memory(struct umd_session *session, const struct umd_bar *bar, uint32_t room,
			    struct umd_wire_region_info *info)
{
	struct umd_reply *reply = &session->reply;

	info->flags |= UMD_WIRE_REGION_FLAG_MMAP;
	info->offset = bar->memory_offset;
	reply->fds[reply->fd_count++] = bar->memory_fd;
	if (!is_sparse(bar))
		return;

	/* The flag speaks of this reply. QEMU refuses it where there is no room for the list. */
	info->argsz += (uint32_t)(sizeof(struct umd_wire_sparse_mmap) +
				  bar->area_count * sizeof(struct umd_wire_area));
	if (room < info->argsz)
		return;
	info->flags |= UMD_WIRE_REGION_FLAG_CAPS;
	info->cap_offset = sizeof(*info);
}

int umd_command_get_region_info(struct umd_session *session)
{
	struct umd_wire_region_info request, info;
	const struct umd_bar *bar;

	if (!umd_message_get(&session->message, 0, &request, sizeof(request)) ||
	    request.argsz < sizeof(request) || request.index >= UMD_REGIONS)
		return -EINVAL;

	bar = request.index < UMD_BARS ? &session->device->bars[request.index] : NULL;
	info = (struct umd_wire_region_info){
		.argsz = sizeof(info),
		.index = request.index,
		.size = umd_device_region_size(session->device, request.index)};
	if (info.size)
		info.flags = UMD_WIRE_REGION_FLAG_READ;
	if (info.size && request.index != UMD_REGION_ROM)
		info.flags |= UMD_WIRE_REGION_FLAG_WRITE;
	if (can_map(session, bar))
		describe_memory(session, bar, request.argsz, &info);

	umd_reply_put(&session->reply, &info, sizeof(info));
	if (info.cap_offset)
		put_areas(&session->reply, bar);
	return 0;
}

/* As many of a region's ioeventfds as the client takes fds with a message. */
static unsigned int collect_ioeventfds(const struct umd_session *session, uint32_t index,
				       struct umd_wire_io_fd *entries, int *fds)
{
	const struct umd_device *device = session->device;
	unsigned int count = 0;

	for (unsigned int i = 0; i < device->ioeventfd_count; i++) {
		const struct umd_ioeventfd *io = &device->ioeventfds[i];

		if (io->bar != index || count == session->caps.max_msg_fds)
			continue;
		entries[count] = (struct umd_wire_io_fd){
			.offset = io->offset,
			.size = io->size,
			.fd_index = count,
			.type = UMD_WIRE_IO_FD_TYPE_IOEVENTFD,
			.flags = io->flags & UMD_IOEVENTFD_DATAMATCH ? UMD_WIRE_IO_FD_FLAG_DATAMATCH
								     : 0,
			.datamatch = io->datamatch};
		fds[count++] = io->fd;
	}
	return count;
}

int umd_command_get_region_io_fds(struct umd_session *session)
{
	struct umd_wire_io_fd entries[UMD_IOEVENTFDS_MAX];
	struct umd_reply *reply = &session->reply;
	struct umd_wire_io_fds request, info;

	if (!umd_message_get(&session->message, 0, &request, sizeof(request)) ||
	    request.argsz < sizeof(request) || request.flags || request.count ||
	    request.index >= UMD_REGIONS)
		return -EINVAL;

	info = (struct umd_wire_io_fds){.index = request.index};
	info.count = collect_ioeventfds(session, request.index, entries, reply->fds);
	info.argsz = (uint32_t)(sizeof(info) + info.count * sizeof(entries[0]));
	umd_reply_put(reply, &info, sizeof(info));
	if (request.argsz < info.argsz)
		return 0;

	reply->fd_count = info.count;
	umd_reply_put(reply, entries, info.count * sizeof(entries[0]));
	return 0;
}
