/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The link's end of a socket to a parent in another process.
 *
 * Everything that has been asked is a call: a waiting one lies on the stack of who waits, one that
 * was posted is the heap's. Answers are taken from the socket by whoever waits for one, and by
 * umd_link_dispatch(). What is for the user is only told by the latter: posted calls that have
 * ended, and events, are kept until then, and an eventfd says so in the link's fd.
 *
 * The parent is trusted to be prompt. It is not trusted to be sane: what cannot be ends the link.
 */
#ifndef UMD_PARENT_REMOTE_H
#define UMD_PARENT_REMOTE_H

#include "parent/link.h"
#include "parent/message.h"

#define UMD_REMOTE_POSTED_MAX 64u /* calls whose answers have not been received */

struct umd_remote_call {
	struct umd_remote_call *next;
	uint32_t id;
	uint16_t type;
	bool posted;
	bool slow;	      /* a queue's command: it takes as long as there is to do */
	unsigned int awaited; /* answers; 0: it has ended */
	int result;
	uint32_t value;
	uint64_t since; /* of a posted one: when it began, by umd_now_ns() */

	/* Of a posted one: */
	umd_link_done_fn *done;
	void *data;
	struct umd_queue *queue; /* whose command has ended; NULL */
};

/* A vector that the parent has parcelled out. */
struct umd_remote_vector {
	uint32_t vector;
	bool revoked; /* and the user has not been told */
};

struct umd_remote_queue {
	uint32_t number;
};

struct umd_remote {
	struct umd_link link; /* the first: umd_remote_of() */
	int fd;
	int poll_fd;	      /* epoll: the socket, `kick`, `timer` */
	int kick;	      /* an eventfd: there is something to tell */
	int timer;	      /* the oldest posted call may be late */
	bool kicked;	      /* `kick` counts */
	bool telling;	      /* dispatch will come to it: no need to */
	bool *closed;	      /* of a dispatch that wants to know of the end of the link; NULL */
	bool was_reset;	      /* the socket has said so */
	bool late;	      /* the parent has not answered in time */
	bool gone;	      /* the connection has ended; the user may not know yet */
	uint64_t timed_until; /* when `timer` expires; 0: never */

	uint32_t last_id;
	unsigned int posted;			    /* that have not ended, but for the slow ones */
	struct umd_remote_call *calls, **calls_end; /* that have not ended, the oldest first */
	struct umd_remote_call *ended, **ended_end; /* posted ones to be told of */
	struct umd_remote_vector *vectors;
	size_t vector_count, vector_room;
	bool has_revoked;
	bool has_lost_region;
	bool has_event;
	uint16_t event_type;
	struct umd_msg_event event;

	union umd_msg_answer answer; /* the last one that was received */
	int fds[UMD_MSG_ANSWER_FDS]; /* that have come with it */
};

static inline struct umd_remote *umd_remote_of(struct umd_link *link)
{
	return (struct umd_remote *)(void *)link;
}

/* ---- remote_call.c ------------------------------------------------------------------------- */

/* Begins a call that is to have so many answers: what it is asked follows. */
void umd_remote_begin(struct umd_remote *remote, struct umd_remote_call *call,
		      unsigned int answers);

/*
 * Sends a question of a call; `msg` begins with a header that has type and flags. 0; -ENOTCONN;
 * -EBADF for an fd that is none, and nothing was sent.
 */
int umd_remote_send(struct umd_remote *remote, const struct umd_remote_call *call, void *msg,
		    size_t size, const int *fds, unsigned int fd_count);

/* So many answers will not come, as nothing was asked, with this result. */
void umd_remote_skip(struct umd_remote *remote, struct umd_remote_call *call, unsigned int answers,
		     int result);

/* Sends what nobody waits for, with number 0. As umd_remote_send(). */
int umd_remote_post(struct umd_remote *remote, void *msg, size_t size, const int *fds,
		    unsigned int fd_count);

/* Waits until a call has ended: its result. What more it was answered is in remote->answer. */
int umd_remote_wait(struct umd_remote *remote, struct umd_remote_call *call);

/* All of it, for a question with one answer: its result. */
int umd_remote_call(struct umd_remote *remote, struct umd_remote_call *call, void *msg, size_t size,
		    const int *fds, unsigned int fd_count);

/* Waits until there is room for one more posted call. 0; -ENOTCONN */
int umd_remote_make_room(struct umd_remote *remote);

/* A call that is to be told of, from the heap; NULL. */
struct umd_remote_call *umd_remote_new_call(umd_link_done_fn *done, void *data);

/* Receives one message and does what it says. 0; -EAGAIN; -ENOTCONN where the link is gone now. */
int umd_remote_receive(struct umd_remote *remote, int flags);

/* The connection has ended: so have all calls, with -ENOTCONN. */
void umd_remote_lose(struct umd_remote *remote);

/* ---- remote_told.c ------------------------------------------------------------------------- */

/* What the parent tells by itself. 0 or -EPROTO. */
int umd_remote_take_event(struct umd_remote *remote);
int umd_remote_take_revoked(struct umd_remote *remote);

/* There is something for the user, to be told by umd_link_dispatch(). */
void umd_remote_kick(struct umd_remote *remote);

/* A posted call has begun: the timer is to look after it. */
void umd_remote_time(struct umd_remote *remote, struct umd_remote_call *call);

/* Tells of all posted calls that have ended, for as long as *closed does not say that the link has.
 */
void umd_remote_tell_ended(struct umd_remote *remote, const bool *closed);

/* The queue is about to end: tells of its command, which has ended, now. */
void umd_remote_tell_queue(struct umd_remote *remote, const struct umd_queue *queue);

int umd_remote_get_fd(const struct umd_link *link);
int umd_remote_dispatch(struct umd_link *link);

/* ---- remote_vector.c ----------------------------------------------------------------------- */

int umd_remote_alloc_vector(struct umd_link *link, uint32_t *ret);
int umd_remote_free_vector(struct umd_link *link, uint32_t vector);
int umd_remote_set_eventfd(struct umd_link *link, uint32_t vector, int fd);
int umd_remote_set_mask(struct umd_link *link, uint32_t vector, bool masked);
int umd_remote_is_pending(struct umd_link *link, uint32_t vector);

/* The one of this number that was not revoked; NULL. */
struct umd_remote_vector *umd_remote_find_vector(struct umd_remote *remote, uint32_t vector);
void umd_remote_forget_vector(struct umd_remote *remote, struct umd_remote_vector *vector);

/* ---- remote_region.c ----------------------------------------------------------------------- */

int umd_remote_get_region(struct umd_link *link, uint32_t index, bool holds,
			  struct umd_parent_region *ret);
void umd_remote_put_region(struct umd_link *link, uint32_t index);

/* A region was revoked: takes it away at once; tells of those, as umd_remote_tell_ended() does. */
int umd_remote_take_lost_region(struct umd_remote *remote);
void umd_remote_tell_lost_regions(struct umd_remote *remote, const bool *closed);

#endif
