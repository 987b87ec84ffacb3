/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers to and from memory that the client shares no file for: it is asked to move the bytes,
 * a message at a time. Here is which message is next, which are out, and how a transfer ends; who
 * carries the messages is somebody else's business.
 *
 * Transfers take turns. A message that was sent keeps its place until it is answered, also where
 * nobody waits for it any more, so that a client who does not answer is sent no more than
 * UMD_DMA_MESSAGES, and a late answer is never taken for another's.
 */
#ifndef UMD_DMA_REMOTE_H
#define UMD_DMA_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/device.h>

#define UMD_DMA_MESSAGES    16u			 /* out at a time */
#define UMD_DMA_MESSAGE_MAX 32768u		 /* bytes moved by one */
#define UMD_DMA_PATIENCE_NS UINT64_C(5000000000) /* for an answer */

/* A message to the client. */
struct umd_dma_message {
	struct umd_dma_transfer *transfer; /* NULL: nobody waits for it */
	bool out;			   /* sent, not answered yet */
	bool write;			   /* to the client's memory */
	uint16_t id;
	uint64_t iova;
	size_t size;
	uint8_t *local; /* the transfer's; nobody's once nobody waits */
	uint64_t sent_ns;
};

struct umd_dma_list {
	struct umd_dma_transfer *first, *last;
};

struct umd_dma_remote {
	struct umd_dma_list waiting; /* with something left to send */
	struct umd_dma_list sent;    /* all is sent, or answered */
	struct umd_dma_message messages[UMD_DMA_MESSAGES];
	uint16_t last_id;
	uint64_t answered_ns; /* when the client last answered */

	size_t max_size;	  /* bytes that a message may move */
	void (*wake)(void *data); /* there may be something to send; NULL: nobody carries it */
	void *wake_data;
};

/* Begins with a client that takes messages of at most `max_size` bytes of data. */
void umd_dma_remote_open(struct umd_dma_remote *remote, size_t max_size, void (*wake)(void *data),
			 void *data);

/* Nobody carries messages any more. All transfers end with `error`, what is out is forgotten. */
void umd_dma_remote_close(struct umd_dma_remote *remote, int error);

static inline bool umd_dma_remote_is_busy(const struct umd_dma_remote *remote)
{
	return remote->waiting.first || remote->sent.first;
}

/* A transfer that goes by message, at least in part. 0, or -EREMOTE where nobody carries it. */
int umd_dma_remote_start(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer);

/* A place for the next message; NULL while all are out. */
struct umd_dma_message *umd_dma_remote_free(struct umd_dma_remote *remote);

/* The transfer whose turn it is; NULL where none has anything to send. */
static inline struct umd_dma_transfer *umd_dma_remote_turn(struct umd_dma_remote *remote)
{
	return remote->waiting.first;
}

/*
 * `size` more bytes of a waiting transfer are done with: by `message`, which is filled in and now
 * out, or by hand where that is NULL.
 */
void umd_dma_remote_advance(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer,
			    size_t size, struct umd_dma_message *message);

/* The message that is out with this id; NULL for none. */
struct umd_dma_message *umd_dma_remote_find(struct umd_dma_remote *remote, uint16_t id);

/* The client has answered a message, with 0 or a negative errno. What it read has been copied. */
void umd_dma_remote_answer(struct umd_dma_remote *remote, struct umd_dma_message *message,
			   int error);

/* Ends what the client has left unanswered for too long. */
void umd_dma_remote_expire(struct umd_dma_remote *remote);

/* Ends a transfer, all of them, or those that touch [iova, last]; their owners are told. */
void umd_dma_remote_end(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer,
			int error);
void umd_dma_remote_end_all(struct umd_dma_remote *remote, int error);
void umd_dma_remote_end_range(struct umd_dma_remote *remote, uint64_t iova, uint64_t last,
			      int error);

/* Takes a transfer back, if it is under way; nobody is told. */
void umd_dma_remote_cancel(struct umd_dma_remote *remote, const struct umd_dma_transfer *transfer);

#endif
