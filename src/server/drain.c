/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting until memory that was unmapped is used by nobody any more. What is in use is the device's
 * own doing, in threads of its own, so the wait ends with them; and where it does not, after the
 * second that every message has.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "device/pasid.h"
#include "server/session.h"

/* A reader has left, or a pin has ended. */
static void woken(void *data, uint32_t events)
{
	struct umd_session *session = data;

	if (!session->draining || !umd_dma_space_is_quiet(session->draining, session->drain_mark))
		return;
	session->draining = NULL;
	umd_session_resume(session);
}

/* Readers are what is waited for, so there is an eventfd by now. */
static int watch(struct umd_session *session, struct umd_dma_space *space)
{
	if (session->drain_watch)
		return 0;
	return umd_poller_watch_fd(&session->device->poller, umd_dma_space_fd(space),
				   EPOLLIN | EPOLLET, woken, session, &session->drain_watch);
}

int umd_session_drain(struct umd_session *session, struct umd_dma_space *space)
{
	uint64_t mark = umd_dma_space_mark(space);

	if (umd_dma_space_is_quiet(space, mark))
		return 0;
	if (watch(session, space)) {
		umd_dma_space_revoke(space);
		return 0;
	}
	session->draining = space;
	session->drain_mark = mark;
	return UMD_DEFERRED;
}

/* Called again when one of them is quiet: those that have been stay so, since a reset closes all.
 */
int umd_session_drain_all(struct umd_session *session)
{
	const struct umd_pasids *pasids = session->device->pasids;
	int result = umd_session_drain(session, &session->device->space);

	for (unsigned int i = 0; !result && pasids && i < pasids->count; i++)
		result = umd_session_drain(session, &pasids->attached[i]->space);
	return result;
}

void umd_session_end_drain(struct umd_session *session, bool late)
{
	struct umd_dma_space *space = session->draining;

	session->draining = NULL;
	if (late)
		umd_device_reset(session->device);
	umd_dma_space_revoke(space);
}

void umd_session_finish_drain(struct umd_session *session)
{
	umd_watch_destroy(session->drain_watch);
	session->drain_watch = NULL;
}
