/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session: one client of a served device, from its VERSION to its end.
 *
 * Messages are taken one at a time and in order. A command either ends at once, or its region
 * access is deferred by the device, or it waits until memory is used no more; then its message
 * stays in hand, later ones wait in the receive buffer, and a timer ends the wait after a second.
 * Replies collect in the output and leave in one send when nothing more is to be done; while the
 * output is full, nothing is taken.
 */
#ifndef UMD_SERVER_SESSION_H
#define UMD_SERVER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"
#include "wire/conn.h"
#include "wire/pasid.h"
#include "wire/version.h"

struct umd_command;

/* A reply under construction, in the connection's output. */
struct umd_reply {
	uint8_t *payload;
	size_t size;
	unsigned int fd_count;
	int fds[UMD_WIRE_MAX_FDS]; /* stay their owners' */
};

struct umd_session {
	struct umd_device *device;
	struct umd_watch *watch;	   /* of the socket; NULL: no client */
	const struct umd_command *command; /* the message's, while it is deferred */
	struct umd_message message;	   /* in hand, or the last one */
	bool negotiated;		   /* its VERSION has been answered */
	bool misunderstood; /* its first message was no VERSION that we can work with */
	bool closing;	    /* nothing more will come; ends when all that came is answered */
	bool hung_up;	    /* nobody reads the replies any more */
	bool ending;	    /* the client will send no more: the stream is to be read to its end */
	bool unread;	    /* the socket may hold what no event will announce again */
	struct umd_request request;
	struct umd_dma_space *draining; /* what the message waits for to be quiet, up to the mark */
	uint64_t drain_mark;
	struct umd_watch *drain_watch;
	struct umd_reply reply;
	struct umd_wire_caps caps;
	struct umd_conn conn;

	struct umd_watch *timer;
	uint64_t timer_ns;    /* when it goes off, at the latest; 0: it does not */
	uint64_t deadline_ns; /* of the deferral, CLOCK_MONOTONIC */
	uint64_t multi_done;  /* writes of a WRITE_MULTI that have taken effect */
	struct umd_watch *twin_watch;
	int twin_peer; /* the client's end, until it has been sent; -1: none */
	struct umd_watch *dma_timer;
	uint64_t next_look_ns; /* at what is not answered; 0: none is planned */
	uint64_t passed; /* where in the stream answers of ours have not been taken ahead yet */
	void (*ended)(void *data); /* told when the client is gone */
	void *ended_data;

	/* For commands of ours; its fd is -1 where there is none, and no more of it is touched. */
	struct umd_conn twin;
};

int umd_session_init(struct umd_session *session, struct umd_device *device,
		     void (*ended)(void *data), void *data);
void umd_session_finish(struct umd_session *session);

/* Begins with a client's socket, which is taken over unless there is an error. */
int umd_session_begin(struct umd_session *session, int fd);

/* Ends the client's session: the device is reset, the socket closed in good order. */
void umd_session_end(struct umd_session *session);

/* Whether the client has closed its socket, though not all it sent may have been taken yet. */
bool umd_session_is_leaving(const struct umd_session *session);

static inline bool umd_session_is_live(const struct umd_session *session)
{
	return session->watch;
}

/* Receives, answers and sends what there is; may end the session. */
void umd_session_serve(struct umd_session *session);

/* Goes on with the message in hand, and with those behind it, once it is not deferred any more. */
void umd_session_resume(struct umd_session *session);

/* ---- Memory that is still in use: drain.c --------------------------------------------------- */

/*
 * For a command that has taken memory away: 0 where nobody uses it any more, or UMD_DEFERRED, and
 * then the command is resumed when that is so.
 */
int umd_session_drain(struct umd_session *session, struct umd_dma_space *space);

/* The same for the device's space and those of its PASIDs, one after the other. */
int umd_session_drain_all(struct umd_session *session);

/*
 * The wait has lasted long enough: memory is taken away from those who use it. -ETIMEDOUT says that
 * they had their time, which is a fault of the device: it is reset. Otherwise the wait goes on for
 * a parent, from whom nothing can be taken away, while the client can still be answered.
 */
void umd_session_end_drain(struct umd_session *session, int why);
void umd_session_finish_drain(struct umd_session *session);

/* ---- Commands of ours: dma.c --------------------------------------------------------------- */

int umd_session_init_dma(struct umd_session *session);

/* Begins with what was negotiated. The twin socket's fd (-1: none) is taken over. */
int umd_session_begin_dma(struct umd_session *session, int twin_fd);
void umd_session_end_dma(struct umd_session *session);

/* Whether there are any to send; sends them, while there is room. */
bool umd_session_has_commands(const struct umd_session *session);
void umd_session_send_commands(struct umd_session *session);

/* There may be some to send. Called at any time: the work is left to a dispatch. */
void umd_session_wake(void *session);

/* Whether a command can be put into this output, and putting it, with data behind its payload. */
bool umd_session_can_command(struct umd_conn *conn);
void umd_session_put_command(struct umd_conn *conn, const struct umd_wire_header *header,
			     const void *payload, size_t size, const void *data);

/* What the client replies to one, whoever may wait for it still. */
void umd_session_take_answer(struct umd_session *session, const struct umd_message *reply);

/* Takes the replies that have been received behind a deferred access. */
void umd_session_pass_answers(struct umd_session *session);

/* ---- PASIDs: pasid.c; page requests: pages.c ------------------------------------------------ */

/* Agrees on the extension, as far as the device has it: 0 or -EPROTONOSUPPORT. */
int umd_session_agree_pasid(struct umd_session *session);

/* Begins with what was agreed on; ends with the socket for our commands, or the session. */
void umd_session_begin_pages(struct umd_session *session);
void umd_session_end_pages(struct umd_session *session);

/* Ends the requests that the client has left unanswered. Whether some are under way. */
bool umd_session_expire_pages(struct umd_session *session);

/* Whether Stop Markers or page requests wait to be sent. */
bool umd_session_has_pages(const struct umd_session *session);

/* Puts Stop Markers and page requests into this output, while there is room for them. */
void umd_session_put_pages(struct umd_session *session, struct umd_conn *conn);

/* The same for Stop Markers, before the reply under construction, which has nothing in it yet. */
void umd_session_put_markers_ahead(struct umd_session *session);

/* The client has replied to a page request. */
void umd_session_take_response(struct umd_session *session, const struct umd_message *reply);

/* ---- Commands: command.c, region.c, access.c, feature.c ------------------------------------- */

/* What a command's functions return while its end is put off. */
#define UMD_DEFERRED 1

/*
 * A command of the protocol. `start` reads session->message and fills session->reply: 0, a negative
 * errno (no payload is sent then), or UMD_DEFERRED; `resume` is called in the latter case once the
 * access is done or the memory quiet, and returns the same.
 */
struct umd_command {
	int (*start)(struct umd_session *session);
	int (*resume)(struct umd_session *session);
};

/* The command of a number; NULL for none. The second: of the extension. */
const struct umd_command *umd_command_find(uint16_t number);
const struct umd_command *umd_command_find_pasid(uint16_t number);

int umd_command_get_region_info(struct umd_session *session);
int umd_command_get_region_io_fds(struct umd_session *session);
int umd_command_device_feature(struct umd_session *session);
int umd_command_region_read(struct umd_session *session);
int umd_command_region_write(struct umd_session *session);
int umd_command_access_done(struct umd_session *session);
int umd_command_write_multi(struct umd_session *session);
int umd_command_write_multi_done(struct umd_session *session);

/* UNMAP of any space, with what a command returns: it may have to wait for the space to be quiet.
 */
int umd_session_unmap(struct umd_session *session, struct umd_dma_space *space, uint32_t flags,
		      uint64_t address, uint64_t size);

/* Adds bytes to the reply. */
void umd_reply_put(struct umd_reply *reply, const void *from, size_t size);

#endif
