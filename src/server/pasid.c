/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of the extension (wire/pasid.h): spaces of PASIDs, and what is mapped in them. */
#include "device/pasid.h"

#include <errno.h>

#include "base/fd.h"
#include "server/session.h"

#define FLAGS                                                                              \
	(UMD_WIRE_PASID_MAP_READ | UMD_WIRE_PASID_MAP_WRITE | UMD_WIRE_PASID_MAP_EXECUTE | \
	 UMD_WIRE_PASID_MAP_PRIVILEGED)

static_assert(UMD_WIRE_MAX_SPACES <= UMD_PASID_SPACES_MAX, "limits");

/* ---- Attaching and detaching --------------------------------------------------------------- */

static int get_pasid(const struct umd_session *session, uint32_t *ret)
{
	struct umd_wire_pasid request;

	if (!umd_message_get(&session->message, 0, &request, sizeof(request)) ||
	    request.argsz < sizeof(request) || request.flags || request.reserved)
		return -EINVAL;
	*ret = request.pasid;
	return 0;
}

static int command_attach(struct umd_session *session)
{
	uint32_t pasid;
	int err = get_pasid(session, &pasid);

	return err ? err : umd_pasid_attach(session->device, pasid);
}

/* The Stop Marker goes before the reply, or over the twin socket where there is one. */
static int command_detach(struct umd_session *session)
{
	struct umd_dma_space *space;
	uint32_t pasid;
	int err = get_pasid(session, &pasid);

	if (!err)
		err = umd_pasid_detach(session->device, pasid, &space);
	if (err)
		return err;

	if (session->twin_watch)
		umd_session_send_commands(session);
	else
		umd_session_put_markers_ahead(session);
	return umd_session_drain(session, space);
}

/* ---- Maps ---------------------------------------------------------------------------------- */

/* What is to be executed is read. */
static bool are_flags(uint32_t flags)
{
	return !(flags & ~FLAGS) &&
	       ((flags & UMD_WIRE_PASID_MAP_READ) || !(flags & UMD_WIRE_PASID_MAP_EXECUTE));
}

static uint32_t prot_of(uint32_t flags)
{
	return (flags & UMD_WIRE_PASID_MAP_READ ? UMD_DMA_READ : 0) |
	       (flags & UMD_WIRE_PASID_MAP_WRITE ? UMD_DMA_WRITE : 0) |
	       (flags & UMD_WIRE_PASID_MAP_EXECUTE ? UMD_DMA_EXECUTE : 0) |
	       (flags & UMD_WIRE_PASID_MAP_PRIVILEGED ? UMD_DMA_PRIVILEGED : 0);
}

/* All spaces of PASIDs together have as many maps as the default space. */
static bool is_full(const struct umd_session *session)
{
	const struct umd_pasids *pasids = session->device->pasids;
	size_t count = 0;

	for (unsigned int i = 0; i < pasids->count; i++)
		count += pasids->attached[i]->space.table.count;
	return count >= session->caps.max_dma_maps;
}

static int command_map(struct umd_session *session)
{
	const struct umd_message *message = &session->message;
	struct umd_wire_pasid_map map;
	struct umd_dma_space *space;
	int err;

	if (!umd_message_get(message, 0, &map, sizeof(map)) || map.argsz < sizeof(map) ||
	    map.reserved || !are_flags(map.flags) || message->fd_count != 1)
		return -EINVAL;
	space = umd_pasid_find(session->device, map.pasid);
	if (!space)
		return -ENOENT;
	if (is_full(session))
		return -ENOSPC;
	err = umd_dma_space_map(space, map.address, map.size, prot_of(map.flags),
				&(struct umd_dma_source){.kind = UMD_DMA_BY_FD,
							 .fd = message->fds[0],
							 .offset = map.offset});
	if (!err)
		umd_close(&message->fds[0]); /* as in DMA_MAP */
	return err;
}

static int command_unmap(struct umd_session *session)
{
	struct umd_wire_pasid_unmap request;
	struct umd_dma_space *space;

	if (!umd_message_get(&session->message, 0, &request, sizeof(request)) ||
	    request.argsz < sizeof(request) || request.reserved)
		return -EINVAL;
	space = umd_pasid_find(session->device, request.pasid);
	if (!space)
		return -ENOENT;

	umd_reply_put(&session->reply, &request, sizeof(request));
	return umd_session_unmap(session, space, request.flags, request.address, request.size);
}

/* Nobody uses any more what the command took away. */
static int command_drained(struct umd_session *session)
{
	return 0;
}

/* ---- The table ----------------------------------------------------------------------------- */

static const struct umd_command commands[] = {
	[UMD_WIRE_PASID_ATTACH - UMD_WIRE_PASID_BASE] = {.start = command_attach},
	[UMD_WIRE_PASID_DETACH - UMD_WIRE_PASID_BASE] = {command_detach, command_drained},
	[UMD_WIRE_PASID_DMA_MAP - UMD_WIRE_PASID_BASE] = {.start = command_map},
	[UMD_WIRE_PASID_DMA_UNMAP - UMD_WIRE_PASID_BASE] = {command_unmap, command_drained},
};

const struct umd_command *umd_command_find_pasid(uint16_t number)
{
	unsigned int index = number - UMD_WIRE_PASID_BASE; /* wraps for smaller ones */

	return index < sizeof(commands) / sizeof(commands[0]) && commands[index].start
		       ? &commands[index]
		       : NULL;
}
