/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol's commands: the table, and those that fit here. Each checks what it reads. */
#include <errno.h>
#include <linux/vfio.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "server/session.h"

void umd_reply_put(struct umd_reply *reply, const void *from, size_t size)
{
	memcpy(reply->payload + reply->size, from, size);
	reply->size += size;
}

/* ---- VERSION ------------------------------------------------------------------------------- */

/* A second socket for commands of ours, so that they and the client's replies never collide. */
static int make_twin(struct umd_session *session, int *ret_fd)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;

	*ret_fd = pair[0];
	session->twin_peer = pair[1];
	session->reply.fds[session->reply.fd_count++] = session->twin_peer;
	return 0;
}

static int command_version(struct umd_session *session)
{
	struct umd_wire_caps theirs;
	int twin_fd = -1;
	int err = umd_wire_version_parse(session->message.payload, session->message.size, &theirs);

	if (err)
		return err;

	session->caps = umd_wire_version_agree(&theirs);
	err = umd_session_agree_pasid(session);
	if (err)
		return err;
	if (session->caps.twin_socket) {
		err = make_twin(session, &twin_fd);
		if (err)
			return err;
	}
	err = umd_session_begin_dma(session, twin_fd);
	if (err)
		return err;
	session->device->space.max_maps = session->caps.max_dma_maps;
	session->reply.size = umd_wire_version_write(&session->caps, session->message.size,
						     session->reply.payload);
	session->negotiated = true;
	return 0;
}

/* ---- DMA ----------------------------------------------------------------------------------- */

/*
 * Maps with the fd that came along. What has proved to be shared memory is closed here and now:
 * that asks nobody, and to find it out again would cost more than all else (base/foreign.h).
 */
static int map_with_fd(struct umd_session *session, const struct umd_wire_dma_map *map)
{
	int *fd = &session->message.fds[0];
	const struct umd_dma_source source = {
		.kind = UMD_DMA_BY_FD, .fd = *fd, .offset = map->offset};
	int err = umd_dma_space_map(&session->device->space, map->address, map->size, map->flags,
				    &source);

	if (!err)
		umd_close(fd);
	return err;
}

static int command_dma_map(struct umd_session *session)
{
	const struct umd_message *message = &session->message;
	struct umd_wire_dma_map map;
	int err = -EMEDIUMTYPE;

	if (!umd_message_get(message, 0, &map, sizeof(map)) || map.argsz < sizeof(map))
		return -EINVAL;
	if (message->fd_count > 1)
		return -EINVAL;
	if (message->fd_count)
		err = map_with_fd(session, &map);
	if (err == -EMEDIUMTYPE)
		err = umd_dma_space_map_fd(&session->device->space, map.address, map.size,
					   map.flags, -1, map.offset);
	return err;
}

int umd_session_unmap(struct umd_session *session, struct umd_dma_space *space, uint32_t flags,
		      uint64_t address, uint64_t size)
{
	int err = 0;

	if (flags & ~UMD_WIRE_UNMAP_ALL)
		return -EINVAL;
	if (!flags)
		err = umd_dma_space_unmap(space, address, size);
	else if (address || size)
		err = -EINVAL;
	else
		umd_dma_space_unmap_all(space);
	return err ? err : umd_session_drain(session, space);
}

static int command_dma_unmap(struct umd_session *session)
{
	struct umd_wire_dma_unmap request;

	if (!umd_message_get(&session->message, 0, &request, sizeof(request)) ||
	    request.argsz < sizeof(request))
		return -EINVAL;

	umd_reply_put(&session->reply, &request, sizeof(request));
	return umd_session_unmap(session, &session->device->space, request.flags, request.address,
				 request.size);
}

/* Nobody uses any more what the command took away. */
static int command_drained(struct umd_session *session)
{
	return 0;
}

/* ---- The device ---------------------------------------------------------------------------- */

static int command_get_info(struct umd_session *session)
{
	struct umd_wire_device_info info;

	if (!umd_message_get(&session->message, 0, &info, sizeof(info)) ||
	    info.argsz < sizeof(info))
		return -EINVAL;

	info = (struct umd_wire_device_info){.argsz = sizeof(info),
					     .flags = UMD_WIRE_DEVICE_FLAG_RESET |
						      UMD_WIRE_DEVICE_FLAG_PCI,
					     .regions = UMD_REGIONS,
					     .irqs = UMD_IRQ_INDEXES};
	umd_reply_put(&session->reply, &info, sizeof(info));
	return 0;
}

static int command_device_reset(struct umd_session *session)
{
	int err = umd_device_reset_by_client(session->device);

	return err ? err : umd_session_drain_all(session);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static int command_get_irq_info(struct umd_session *session)
{
	struct umd_wire_irq_info info;

	if (!umd_message_get(&session->message, 0, &info, sizeof(info)) ||
	    info.argsz < sizeof(info) || info.index >= UMD_IRQ_INDEXES)
		return -EINVAL;

	info.argsz = sizeof(info);
	info.flags = umd_irqs_flags(info.index);
	info.count = session->device->irqs.indexes[info.index].count;
	umd_reply_put(&session->reply, &info, sizeof(info));
	return 0;
}

static int command_set_irqs(struct umd_session *session)
{
	const struct umd_message *message = &session->message;
	struct umd_wire_set_irqs request;
	size_t bools = 0;

	if (!umd_message_get(message, 0, &request, sizeof(request)))
		return -EINVAL;
	if (request.flags & VFIO_IRQ_SET_DATA_BOOL)
		bools = request.count;
	if (request.argsz < sizeof(request) + bools || message->size < sizeof(request) + bools)
		return -EINVAL;

	return umd_device_set_irqs(
		session->device, &(struct umd_irq_set){.flags = request.flags,
						       .index = request.index,
						       .start = request.start,
						       .count = request.count,
						       .bools = message->payload + sizeof(request),
						       .fds = message->fds,
						       .fd_count = message->fd_count});
}

/* ---- The table ----------------------------------------------------------------------------- */

static const struct umd_command commands[UMD_WIRE_COMMANDS] = {
	[UMD_WIRE_VERSION] = {.start = command_version},
	[UMD_WIRE_DMA_MAP] = {.start = command_dma_map},
	[UMD_WIRE_DMA_UNMAP] = {command_dma_unmap, command_drained},
	[UMD_WIRE_GET_INFO] = {.start = command_get_info},
	[UMD_WIRE_GET_REGION_INFO] = {.start = umd_command_get_region_info},
	[UMD_WIRE_GET_REGION_IO_FDS] = {.start = umd_command_get_region_io_fds},
	[UMD_WIRE_GET_IRQ_INFO] = {.start = command_get_irq_info},
	[UMD_WIRE_SET_IRQS] = {.start = command_set_irqs},
	[UMD_WIRE_REGION_READ] = {umd_command_region_read, umd_command_access_done},
	[UMD_WIRE_REGION_WRITE] = {umd_command_region_write, umd_command_access_done},
	[UMD_WIRE_DEVICE_RESET] = {command_device_reset, umd_session_drain_all},
	[UMD_WIRE_REGION_WRITE_MULTI] = {umd_command_write_multi, umd_command_write_multi_done},
	[UMD_WIRE_DEVICE_FEATURE] = {.start = umd_command_device_feature},
};

const struct umd_command *umd_command_find(uint16_t number)
{
	return number < UMD_WIRE_COMMANDS && commands[number].start ? &commands[number] : NULL;
}
