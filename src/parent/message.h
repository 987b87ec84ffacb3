/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes through the socket between a link and its parent.
 *
 * A message is a datagram of an AF_UNIX SOCK_SEQPACKET socket, in the byte order of the machine
 * that both ends share; fds come along with it by SCM_RIGHTS. An empty one is the end. Each begins
 * with a header, and its type says how long it is and how many fds it has: exactly so many.
 *
 * The link asks, with a number of its own choice. Each question but those with number 0 has one
 * answer, which may come later than those to questions that came later: UMD_MSG_DONE, with a number
 * for each question that has been answered and its result, or a message of the question's own type
 * where more is told than that. A question that cannot be obeyed has UMD_MSG_DONE with an error,
 * also where its number is 0, and changes nothing:
 *
 *	-EBADMSG	it is shorter or longer than its type says, or has no header (number 0)
 *	-EMSGSIZE	it is longer than any message (number 0)
 *	-EOPNOTSUPP	there is no such type
 *	-EBADF		it has more or fewer fds than it says
 *	-EPROTO		it comes before HELLO, or is a second HELLO
 *	-EINVAL		a field is out of its range, or one that must be 0 is not
 *	-ENOENT		it names a queue, a vector or a region that the link has not got
 *
 * The parent also tells events, of which one at a time waits to be acknowledged.
 *
 * No message says whose link it is: that is the socket's.
 */
#ifndef UMD_PARENT_MESSAGE_H
#define UMD_PARENT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <umdev/parent.h>

#define UMD_MSG_VERSION	    1u
#define UMD_MSG_SIZE_MAX    4096u
#define UMD_MSG_CHANGES_MAX 64u
#define UMD_MSG_DONE_MAX    64u
#define UMD_MSG_REVOKED_MAX 64u
#define UMD_MSG_TEXT_MAX    232u

enum umd_msg_type {
	UMD_MSG_HELLO = 1,    /* the first; answered by struct umd_msg_welcome */
	UMD_MSG_INFO,	      /* header alone; answered by struct umd_msg_info */
	UMD_MSG_CHANGE,	      /* struct umd_msg_change */
	UMD_MSG_ALLOC_VECTOR, /* header alone; `value` is the vector */
	UMD_MSG_FREE_VECTOR,  /* struct umd_msg_vector */
	UMD_MSG_SET_EVENTFD,  /* the same; with an fd where `value` is 1, none where it is 0 */
	UMD_MSG_SET_MASK,     /* the same; `value` is 0 or 1 */
	UMD_MSG_IS_PENDING,   /* the same; the answer's `value` is 0 or 1 */
	UMD_MSG_OPEN_QUEUE,   /* struct umd_msg_open; answered by struct umd_msg_opened */
	UMD_MSG_CLOSE_QUEUE,  /* struct umd_msg_queue */
	UMD_MSG_COMMAND,      /* the same; `value` is enum umd_queue_command; answered at its end */
	UMD_MSG_HEARD,	      /* header alone: an event has been told to the link's user */
	UMD_MSG_BYE, /* header alone; the answer is the end, when all of the link's is gone */
	UMD_MSG_GET_REGION, /* struct umd_msg_region; answered by struct umd_msg_described */
	UMD_MSG_PUT_REGION, /* struct umd_msg_region: it is mapped no more */
	UMD_MSG_QUESTIONS,

	UMD_MSG_DONE = 64, /* struct umd_msg_done */
	UMD_MSG_REVOKED,   /* struct umd_msg_revoked; not acknowledged: each vector was asked for */
	UMD_MSG_HALTED,	   /* struct umd_msg_event */
	UMD_MSG_NOTED,	   /* the same */
	UMD_MSG_REGION_REVOKED, /* struct umd_msg_region; as for vectors, and once for each GET */
};

/* In `flags` of a question: */
#define UMD_MSG_WAITS (1u << 0) /* the sender sends nothing else before the answer */
#define UMD_MSG_MORE  (1u << 1) /* of UMD_MSG_CHANGE: the next one goes on with the same call */
#define UMD_MSG_FLAGS (UMD_MSG_WAITS | UMD_MSG_MORE)

struct umd_msg_header {
	uint16_t type;
	uint16_t flags;
	uint32_t id; /* the question's number; 0 in what the parent tells by itself */
};

struct umd_msg_hello {
	struct umd_msg_header header;
	uint32_t version; /* UMD_MSG_VERSION */
	uint32_t zero;
};

struct umd_msg_offer {
	char api[32];
	char algorithms[224];
	uint32_t entry_size, max_depth, shared_queues, queues, free_queues, vectors, free_vectors;
	uint32_t max_weight, max_batch, max_maps;
	uint64_t max_transfer, max_mapped_bytes;
	uint32_t regions, zero;
};

/* The parent's HELLO: also unasked for, where the connection is turned away, before its end. */
struct umd_msg_welcome {
	struct umd_msg_header header;
	uint32_t version; /* that the parent speaks */
	int32_t result;	  /* 0, or why not: -EPROTONOSUPPORT for the version, -EBUSY, ... */
	char text[UMD_MSG_TEXT_MAX]; /* that, in words */
	struct umd_msg_offer offer;
};

struct umd_msg_info {
	struct umd_msg_header header;
	struct umd_msg_offer offer;
};

#define UMD_MSG_UNMAP (1u << 0)

struct umd_msg_one_change {
	uint64_t iova, size, offset;
	uint32_t prot;
	uint16_t flags; /* UMD_MSG_UNMAP: then offset, prot and fd are 0 */
	uint16_t fd;	/* of those that come along: one that is known, or the next */
};

/*
 * Changes of the space. A call of more than UMD_MSG_CHANGES_MAX goes on in messages of the same
 * number: each has an answer, and where one has failed, the others fail with its result.
 */
struct umd_msg_change {
	struct umd_msg_header header;
	uint32_t count; /* 1 to UMD_MSG_CHANGES_MAX */
	uint32_t zero;
	struct umd_msg_one_change changes[UMD_MSG_CHANGES_MAX]; /* `count` of them are there */
};

struct umd_msg_vector {
	struct umd_msg_header header;
	uint32_t vector;
	uint32_t value; /* 0 where its type has no use for it */
};

struct umd_msg_region {
	struct umd_msg_header header;
	uint32_t region;
	uint32_t value; /* of GET: 1: it is to be mapped; 0: that is not yet clear. Else 0 */
};

#define UMD_MSG_WRITABLE  (1u << 0)
#define UMD_MSG_WITH_FILE (1u << 1) /* there is an fd: it was asked for to be mapped */

struct umd_msg_described {
	struct umd_msg_header header;
	uint32_t region;
	uint32_t flags;
	uint64_t offset, bytes;
};

struct umd_msg_open {
	struct umd_msg_header header;
	uint32_t shared, depth, weight;
	uint32_t config_size;		      /* at most UMD_QUEUE_CONFIG_MAX */
	uint8_t config[UMD_QUEUE_CONFIG_MAX]; /* `config_size` bytes of it are there */
};

/* With two fds: the ring's memory, and the eventfd that wakes the parent. */
struct umd_msg_opened {
	struct umd_msg_header header;
	uint32_t queue; /* its number, which the link has for no other one */
	uint32_t depth;
	uint32_t entry_size;
	uint32_t zero;
};

struct umd_msg_queue {
	struct umd_msg_header header;
	uint32_t queue;
	uint32_t value; /* 0 where its type has no use for it */
};

struct umd_msg_one_done {
	uint32_t id;
	int32_t result; /* 0 or a negative errno */
	uint32_t value;
	uint32_t zero;
};

struct umd_msg_done {
	struct umd_msg_header header;
	uint32_t count; /* 1 to UMD_MSG_DONE_MAX */
	uint32_t zero;
	struct umd_msg_one_done done[UMD_MSG_DONE_MAX]; /* `count` of them are there */
};

struct umd_msg_revoked {
	struct umd_msg_header header;
	uint32_t count; /* 1 to UMD_MSG_REVOKED_MAX */
	uint32_t zero;
	uint32_t vectors[UMD_MSG_REVOKED_MAX]; /* `count` of them are there */
};

struct umd_msg_event {
	struct umd_msg_header header;
	uint32_t queue;
	int32_t reason; /* of HALTED */
	uint32_t lost;	/* of NOTED, as in umd_link_ops.noted */
	uint32_t size;	/* bytes of the note; 0 for HALTED */
	uint8_t note[UMD_NOTE_MAX];
};

/* A question as it has come. */
union umd_msg {
	struct umd_msg_header header;
	struct umd_msg_hello hello;
	struct umd_msg_change change;
	struct umd_msg_vector vector;
	struct umd_msg_region region;
	struct umd_msg_open open;
	struct umd_msg_queue queue;
	uint8_t bytes[UMD_MSG_SIZE_MAX + 1]; /* so that one that is too long is seen */
};

/* What a parent has sent. */
union umd_msg_answer {
	struct umd_msg_header header;
	struct umd_msg_welcome welcome;
	struct umd_msg_info info;
	struct umd_msg_opened opened;
	struct umd_msg_described described;
	struct umd_msg_region region;
	struct umd_msg_done done;
	struct umd_msg_revoked revoked;
	struct umd_msg_event event;
	uint8_t bytes[UMD_MSG_SIZE_MAX + 1];
};

/*
 * Whether a question of `size` bytes with `fd_count` fds is one, as far as that can be told from
 * itself alone: 0, or an error as above.
 */
int umd_msg_check(const union umd_msg *msg, size_t size, unsigned int fd_count);

/* Whether an answer is one: 0 or -EPROTO. */
int umd_msg_check_answer(const union umd_msg_answer *msg, size_t size, unsigned int fd_count);

/* How long a message with so many of its last field is. */
size_t umd_msg_change_size(uint32_t count);
size_t umd_msg_open_size(uint32_t config_size);
size_t umd_msg_done_size(uint32_t count);
size_t umd_msg_revoked_size(uint32_t count);

void umd_msg_put_offer(struct umd_msg_offer *to, const struct umd_parent_info *from);
void umd_msg_get_offer(const struct umd_msg_offer *from, struct umd_parent_info *to);

/* Sends a message with fds. Does not wait with MSG_DONTWAIT in `flags`. 0 or -errno. */
int umd_msg_send(int socket, const void *msg, size_t size, const int *fds, unsigned int fd_count,
		 int flags);

#define UMD_MSG_ANSWER_FDS 2u

/*
 * Receives from a parent, which is trusted not to send fds that cannot be closed. Waits for as long
 * as the socket does, or not at all with MSG_DONTWAIT.
 *
 * @return its size; 0 at the end; -EAGAIN; -EINTR; -EPROTO for more fds than there may be; -errno
 */
int umd_msg_receive_answer(int socket, union umd_msg_answer *ret, int flags,
			   int fds[UMD_MSG_ANSWER_FDS], unsigned int *ret_fd_count);

#endif
