/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * REGION_READ, REGION_WRITE and REGION_WRITE_MULTI: the commands that a device may put off. The
 * bytes of a write are used where they were received, those of a read are made where they are sent.
 */
#include <errno.h>

#include "server/session.h"

static int start_access(struct umd_session *session, const struct umd_wire_region_access *access,
			bool write, uint8_t *data)
{
	struct umd_request *request = &session->request;

	request->region = access->region;
	request->write = write;
	request->offset = access->offset;
	request->size = access->count;
	request->data = data;
	umd_device_access(session->device, request);
	return request->state == UMD_REQUEST_DEFERRED ? UMD_DEFERRED : request->error;
}

static int get_access(const struct umd_session *session, struct umd_wire_region_access *ret)
{
	if (!umd_message_get(&session->message, 0, ret, sizeof(*ret)) ||
	    ret->count > session->caps.max_data_xfer_size)
		return -EINVAL;
	return 0;
}

int umd_command_region_read(struct umd_session *session)
{
	struct umd_reply *reply = &session->reply;
	struct umd_wire_region_access access;
	int err = get_access(session, &access);

	if (err)
		return err;

	umd_reply_put(reply, &access, sizeof(access));
	reply->size += access.count;
	return start_access(session, &access, false, reply->payload + sizeof(access));
}

int umd_command_region_write(struct umd_session *session)
{
	const struct umd_message *message = &session->message;
	struct umd_wire_region_access access;
	int err = get_access(session, &access);

	if (err)
		return err;
	if (message->size - sizeof(access) < access.count)
		return -EINVAL;

	umd_reply_put(&session->reply, &access, sizeof(access));
	return start_access(session, &access, true,
			    (uint8_t *)(uintptr_t)message->payload + sizeof(access));
}

int umd_command_access_done(struct umd_session *session)
{
	return session->request.error;
}

/* ---- REGION_WRITE_MULTI -------------------------------------------------------------------- */

static int start_entry(struct umd_session *session, size_t at)
{
	struct umd_wire_multi_entry entry;

	if (!umd_message_get(&session->message, at, &entry, sizeof(entry)) ||
	    entry.count > sizeof(entry.data))
		return -EINVAL;
	return start_access(
		session, &(struct umd_wire_region_access){entry.offset, entry.region, entry.count},
		true,
		(uint8_t *)(uintptr_t)session->message.payload + at +
			offsetof(struct umd_wire_multi_entry, data));
}

/*
 * Goes on after an entry that ended with `error`. The first entry that fails ends the message; its
 * reply says how many took effect, and is an error where none did.
 */
static int write_on(struct umd_session *session, int error)
{
	struct umd_wire_write_multi multi = {0};

	umd_message_get(&session->message, 0, &multi, sizeof(multi));
	while (!error && session->multi_done < multi.count) {
		error = start_entry(session,
				    sizeof(multi) + session->multi_done *
							    sizeof(struct umd_wire_multi_entry));
		if (error == UMD_DEFERRED)
			return UMD_DEFERRED;
		if (!error)
			session->multi_done++;
	}
	if (error && !session->multi_done)
		return error;
	umd_reply_put(&session->reply, &session->multi_done, sizeof(session->multi_done));
	return 0;
}

int umd_command_write_multi(struct umd_session *session)
{
	const struct umd_message *message = &session->message;
	struct umd_wire_write_multi multi;

	if (!umd_message_get(message, 0, &multi, sizeof(multi)))
		return -EINVAL;
	if (multi.count > (message->size - sizeof(multi)) / sizeof(struct umd_wire_multi_entry))
		return -EINVAL;

	session->multi_done = 0;
	return write_on(session, 0);
}

int umd_command_write_multi_done(struct umd_session *session)
{
	if (!session->request.error)
		session->multi_done++;
	return write_on(session, session->request.error);
}
