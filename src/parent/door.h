/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parent's end of a socket: holds a link of the owner's, and does with it what the messages
 * say (message.h). Whoever is behind the socket is believed nothing.
 *
 * Nothing here waits for the client, and what it can make the parent keep is bounded. Changes that
 * are not quiet yet take a place each; without one, nothing is read. Answers are sent as they come;
 * a client that lets the socket fill up with them is sent away. Of events, one is out at a time;
 * a queue's others are a flag and a note.
 */
#ifndef UMD_PARENT_DOOR_H
#define UMD_PARENT_DOOR_H

#include <umdev/parent.h>

#include "base/poller.h"
#include "base/receive.h"
#include "parent/message.h"
#include "parent/parent.h"

#define UMD_DOOR_CALLS 64u /* changes that are not quiet yet */

struct umd_door;

/* A change that is under way. */
struct umd_door_call {
	struct umd_door *door;
	struct umd_door_call *next; /* that is free */
	uint32_t id;
};

/* A queue of the client's. */
struct umd_door_queue {
	struct umd_door *door;
	struct umd_door_queue *next;
	struct umd_queue *queue;
	uint32_t number;
	uint32_t command_id; /* of the command under way */
	bool halted, noted;  /* and the client has not been told */
	int reason;
	uint32_t note_size, notes_lost;
	uint8_t note[UMD_NOTE_MAX];
};

struct umd_door {
	struct umd_parent_part part;
	struct umd_parent *parent;
	struct umd_link *link;
	int fd;
	struct umd_watch *watch;
	void (*ended)(void *data); /* may be NULL */
	void *data;

	bool busy;    /* messages are being handled: what there is to send goes out behind them */
	bool greeted; /* HELLO has been said */
	bool left;    /* so has BYE */
	bool broken;  /* the client cannot be served any more */
	bool told;    /* an event is out */

	struct umd_dma_change *changes; /* of the message in hand: UMD_MSG_CHANGES_MAX */
	bool goes_on;			/* the last change has a next piece */
	uint32_t went;			/* its number */
	int failed;			/* what came of its pieces so far */

	struct umd_door_call calls[UMD_DOOR_CALLS], *free_calls;
	struct umd_door_queue *queues;
	uint32_t last_queue; /* number */
	struct umd_msg_done done;
	struct umd_msg_revoked revoked;
};

/*
 * Makes a door for a connected socket, which is taken over where it is 0.
 *
 * @param ended told when it has ended by itself; NULL
 * @return what umd_link_open() returns
 */
int umd_door_open(struct umd_parent *parent, int fd, const struct umd_owner *owner,
		  void (*ended)(void *data), void *data, struct umd_door **ret,
		  struct umd_error *error);

/* Ends a door; its owner is not told. */
void umd_door_close(struct umd_door *door);

/* Whether the client has left, of which the door may not have heard yet. */
bool umd_door_is_deserted(const struct umd_door *door);

/* Tells who has connected why not, and ends it. Takes over the fd; never waits. */
void umd_door_refuse(int fd, int result, const char *text);

/* ---- Between its parts --------------------------------------------------------------------- */

/* What a message says: 0 or an error, for UMD_MSG_DONE; -EINPROGRESS: that comes later. */
#define UMD_DOOR_ANSWERED 1
int umd_door_handle(struct umd_door *door, const union umd_msg *msg, const int *fds);

/* Answers, soon. Success is no news to a question with number 0. */
void umd_door_answer(struct umd_door *door, uint32_t id, int result, uint32_t value);

/* Sends now; where that cannot be, the client is sent away. */
void umd_door_send(struct umd_door *door, const void *msg, size_t size, const int *fds,
		   unsigned int fd_count);

/* There is something to send. */
void umd_door_flush_soon(struct umd_door *door);

/* door_told.c: what the link is told, and the next event for the client. */
extern const struct umd_link_ops umd_door_link_ops;
void umd_door_tell(struct umd_door *door);

#endif
