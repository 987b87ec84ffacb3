/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting until memory that was unmapped is used by nobody any more. What is in use is the device's
 * own doing, in threads of its own, or its parent's; so the wait ends with them, and where it does
 * not, after the second that every message has.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "device/pasid.h"
#include "server/session.h"

/* The shadow calls when it holds nothing any more, so the fd is for the others. */
static bool is_quiet(struct umd_dma_space *space, uint64_t mark)
{
	return !umd_dma_space_is_held(space) && umd_dma_space_is_quiet(space, mark);
}

/* A parent has said its word. */
static void released(void *data)
{
	struct umd_session *session = data;

	if (!session->draining || !is_quiet(session->draining, session->drain_mark))
		return;
	session->draining = NULL;
	umd_session_resume(session);
}

/* A reader has left, or a pin has ended. */
static void woken(void *data, uint32_t events)
{
	released(data);
}

/* Readers or a shadow are what is waited for, so there is an eventfd by now. */
static int watch(struct umd_session *session, struct umd_dma_space *space)
{
	if (session->drain_watch)
		return 0;
	session->device->space.hears = released;
	session->device->space.hears_data = session;
	return umd_poller_watch_fd(&session->device->poller, umd_dma_space_fd(space),
				   EPOLLIN | EPOLLET, woken, session, &session->drain_watch);
}

int umd_session_drain(struct umd_session *session, struct umd_dma_space *space)
{
	uint64_t mark = umd_dma_space_mark(space);

	if (is_quiet(space, mark))
		return 0;
	if (watch(session, space)) {
		umd_dma_space_give_up(space);
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

/* A parent that is late is lost; what it did is not the fault of the device here. */
static void end_late(struct umd_session *session, struct umd_dma_space *space)
{
	umd_dma_space_give_up(space);
	if (!umd_dma_space_is_quiet(space, session->drain_mark))
		umd_device_reset(session->device);
}

void umd_session_end_drain(struct umd_session *session, int why)
{
	struct umd_dma_space *space = session->draining;

	session->draining = NULL;
	if (why == -ETIMEDOUT)
		end_late(session, space);
	umd_dma_space_revoke(space);
	if (why != -ETIMEDOUT && !session->hung_up && umd_dma_space_is_held(space))
		session->draining = space;
}

void umd_session_finish_drain(struct umd_session *session)
{
	umd_watch_destroy(session->drain_watch);
	session->drain_watch = NULL;
	session->device->space.hears = NULL;
}
