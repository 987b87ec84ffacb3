/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device waits for: one epoll set of watches with callbacks. The set's own fd can stand in
 * somebody else's loop; a process with nothing else to do waits in umd_poller_dispatch() itself.
 */
#ifndef UMD_BASE_POLLER_H
#define UMD_BASE_POLLER_H

#include <stdbool.h>

#include <umdev/device.h>

struct umd_poller {
	int fd;			 /* epoll */
	struct umd_watch *dead;	 /* destroyed, freed after the callbacks under way */
	struct umd_watch *later; /* to be called back after them */
	bool is_later;		 /* it is done now */
	unsigned int depth;	 /* of umd_poller_dispatch() calls */
};

int umd_poller_init(struct umd_poller *poller);
void umd_poller_finish(struct umd_poller *poller);

/* Waits up to timeout_ms (-1: for ever) and calls back what is ready. 0 or a negative errno. */
int umd_poller_dispatch(struct umd_poller *poller, int timeout_ms);

/* Has an edge-triggered watch called back once more, where its fd is ready. */
void umd_watch_rearm(struct umd_watch *watch);

/*
 * Has a watch called back without events once the callbacks under way have returned, or when one of
 * them dispatches itself: once, however often it is asked for. False where none are under way, or
 * the late ones are; then a timer does it.
 */
bool umd_watch_call_later(struct umd_watch *watch);

/* As umd_watch_fd() and umd_watch_timer(), which are these for a device's poller. */
int umd_poller_watch_fd(struct umd_poller *poller, int fd, uint32_t events, umd_watch_fn *fn,
			void *data, struct umd_watch **ret);
int umd_poller_watch_timer(struct umd_poller *poller, umd_watch_fn *fn, void *data,
			   struct umd_watch **ret);

#endif
