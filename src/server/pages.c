/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests and Stop Markers, commands of ours, and the client's responses (wire/pasid.h). A
 * Stop Marker overtakes the requests that wait to be sent: none of its PASID is among them.
 */
#include <errno.h>

#include "device/pasid.h"
#include "device/pri.h"
#include "server/session.h"

static struct umd_pages *pages_of(const struct umd_session *session)
{
	return session->device->pri ? &session->device->pri->pages : NULL;
}

/* ---- Life ---------------------------------------------------------------------------------- */

/* What the device has none of is agreed to be none; an extension without use is not answered. */
int umd_session_agree_pasid(struct umd_session *session)
{
	const struct umd_device *device = session->device;
	struct umd_wire_caps *caps = &session->caps;

	if (!device->pasids)
		caps->max_spaces = 0;
	if (!device->pri)
		caps->max_page_requests = 0;
	if (!caps->max_spaces && !caps->max_page_requests)
		caps->has_pasid = false;
	return device->pasids && device->pasids->required && !caps->max_spaces ? -EPROTONOSUPPORT
									       : 0;
}

void umd_session_begin_pages(struct umd_session *session)
{
	const struct umd_wire_caps *caps = &session->caps;

	if (!caps->has_pasid)
		return;
	umd_pasid_open(session->device, (unsigned int)caps->max_spaces, caps->max_page_requests);
	if (caps->max_page_requests)
		umd_pages_open(pages_of(session), (uint32_t)caps->max_page_requests,
			       umd_session_wake, session);
}

void umd_session_end_pages(struct umd_session *session)
{
	umd_pasid_drop_markers(session->device);
	if (pages_of(session))
		umd_pages_close(pages_of(session), -ECANCELED);
}

bool umd_session_expire_pages(struct umd_session *session)
{
	struct umd_pages *pages = pages_of(session);

	if (!pages)
		return false;
	umd_pages_expire(pages);
	return umd_pages_is_busy(pages);
}

/* ---- Sending ------------------------------------------------------------------------------- */

struct marker {
	struct umd_wire_header header;
	struct umd_wire_stop_marker marker;
};

static struct marker take_marker(struct umd_session *session)
{
	return (struct marker){.header = {.command = UMD_WIRE_STOP_MARKER,
					  .size = sizeof(struct marker),
					  .flags = UMD_WIRE_TYPE_COMMAND | UMD_WIRE_NO_REPLY},
			       .marker.pasid = umd_pasid_take_marker(session->device->pasids)};
}

static void put_markers(struct umd_session *session, struct umd_conn *conn)
{
	while (umd_pasids_have_marker(session->device->pasids) && umd_session_can_command(conn)) {
		struct marker marker = take_marker(session);

		umd_session_put_command(conn, &marker.header, &marker.marker, sizeof(marker.marker),
					NULL);
	}
}

static uint32_t flags_of(const struct umd_page_request *request)
{
	return (request->read ? UMD_WIRE_PAGE_READ : 0) |
	       (request->write ? UMD_WIRE_PAGE_WRITE : 0) |
	       (request->prefix.execute ? UMD_WIRE_PAGE_EXECUTE : 0) |
	       (request->prefix.privileged ? UMD_WIRE_PAGE_PRIVILEGED : 0) |
	       (request->prefix.pasid != UMD_DMA_NO_OWNER ? UMD_WIRE_PAGE_PASID : 0);
}

static void put_request(struct umd_conn *conn, const struct umd_page_group *group, uint32_t index)
{
	const struct umd_page_request *request = group->request;
	uint32_t flags = flags_of(request);
	struct umd_wire_page_request payload = {
		.flags = flags,
		.pasid = flags & UMD_WIRE_PAGE_PASID ? request->prefix.pasid : 0,
		.address = request->address,
		.pages = request->pages,
		.group = index};
	struct umd_wire_header header = {.id = group->id,
					 .command = UMD_WIRE_PAGE_REQUEST,
					 .size = sizeof(header) + sizeof(payload),
					 .flags = UMD_WIRE_TYPE_COMMAND};

	umd_session_put_command(conn, &header, &payload, sizeof(payload), NULL);
}

bool umd_session_has_pages(const struct umd_session *session)
{
	const struct umd_pages *pages = pages_of(session);

	return (pages && pages->first) || umd_pasids_have_marker(session->device->pasids);
}

void umd_session_put_pages(struct umd_session *session, struct umd_conn *conn)
{
	struct umd_pages *pages = pages_of(session);
	uint32_t index;

	put_markers(session, conn);
	while (pages && umd_pages_has_next(pages) && umd_session_can_command(conn)) {
		const struct umd_page_group *group = umd_pages_next(pages, &index);

		put_request(conn, group, index);
	}
}

/* The place of the largest reply has been reserved: there is room for both. */
void umd_session_put_markers_ahead(struct umd_session *session)
{
	struct umd_conn *conn = &session->conn;

	while (umd_pasids_have_marker(session->device->pasids)) {
		struct marker marker = take_marker(session);

		memcpy(session->reply.payload - sizeof(struct umd_wire_header), &marker,
		       sizeof(marker));
		umd_conn_commit(conn, sizeof(marker), NULL, 0);
		session->reply.payload = umd_conn_reserve(conn, sizeof(struct umd_wire_header)) +
					 sizeof(struct umd_wire_header);
	}
}

/* ---- Responses ----------------------------------------------------------------------------- */

/* One that cannot be read is an answer all the same: a Response Failure. */
void umd_session_take_response(struct umd_session *session, const struct umd_message *reply)
{
	struct umd_wire_page_response payload;
	struct umd_pri_response response = {.id = reply->header.id};

	if (!session->caps.max_page_requests)
		return;
	response.legible =
		!(reply->header.flags & UMD_WIRE_ERROR) && reply->size == sizeof(payload) &&
		umd_message_get(reply, 0, &payload, sizeof(payload)) && !payload.reserved;
	if (response.legible) {
		response.pasid = payload.pasid;
		response.group = payload.group;
		response.code = payload.code;
	}
	umd_pri_respond(session->device, &response);
}
