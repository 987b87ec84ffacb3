/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whoever is told that a transfer has ended may start or cancel others: after each such call the
 * lists are looked at anew.
 */
#include "dma/remote.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

/* ---- Lists --------------------------------------------------------------------------------- */

static struct umd_dma_list *list_of(struct umd_dma_remote *remote,
				    const struct umd_dma_transfer *transfer)
{
	return transfer->own.taken < transfer->size ? &remote->waiting : &remote->sent;
}

static void append(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer)
{
	struct umd_dma_list *list = list_of(remote, transfer);

	transfer->own.next = NULL;
	transfer->own.previous = list->last;
	if (list->last)
		list->last->own.next = transfer;
	else
		list->first = transfer;
	list->last = transfer;
}

static void take_out(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer)
{
	struct umd_dma_list *list = list_of(remote, transfer);

	if (transfer->own.previous)
		transfer->own.previous->own.next = transfer->own.next;
	else
		list->first = transfer->own.next;
	if (transfer->own.next)
		transfer->own.next->own.previous = transfer->own.previous;
	else
		list->last = transfer->own.previous;
}

static bool holds(const struct umd_dma_list *list, const struct umd_dma_transfer *wanted)
{
	const struct umd_dma_transfer *transfer = list->first;

	while (transfer && transfer != wanted)
		transfer = transfer->own.next;
	return transfer;
}

/* ---- How a transfer ends ------------------------------------------------------------------- */

/* Nothing of ours points at it any more. Its messages stay out. */
static void forget(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer)
{
	take_out(remote, transfer);
	for (unsigned int i = 0; i < UMD_DMA_MESSAGES; i++) {
		if (remote->messages[i].transfer == transfer)
			remote->messages[i].transfer = NULL;
	}
}

void umd_dma_remote_end(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer, int error)
{
	forget(remote, transfer);
	transfer->done(transfer->data, error);
}

static bool is_complete(const struct umd_dma_transfer *transfer)
{
	return transfer->own.taken == transfer->size && !transfer->own.out;
}

static bool touches(const struct umd_dma_transfer *transfer, uint64_t iova, uint64_t last)
{
	return transfer->iova <= last && transfer->iova + (transfer->size - 1) >= iova;
}

static struct umd_dma_transfer *find_in_range(const struct umd_dma_list *list, uint64_t iova,
					      uint64_t last)
{
	struct umd_dma_transfer *transfer = list->first;

	while (transfer && !touches(transfer, iova, last))
		transfer = transfer->own.next;
	return transfer;
}

/* None that its owner starts meanwhile is in the range: it is not mapped. */
void umd_dma_remote_end_range(struct umd_dma_remote *remote, uint64_t iova, uint64_t last,
			      int error)
{
	struct umd_dma_transfer *transfer;

	while ((transfer = find_in_range(&remote->waiting, iova, last)) ||
	       (transfer = find_in_range(&remote->sent, iova, last)))
		umd_dma_remote_end(remote, transfer, error);
}

void umd_dma_remote_end_all(struct umd_dma_remote *remote, int error)
{
	umd_dma_remote_end_range(remote, 0, UINT64_MAX, error);
}

void umd_dma_remote_cancel(struct umd_dma_remote *remote, const struct umd_dma_transfer *transfer)
{
	if (holds(&remote->waiting, transfer) || holds(&remote->sent, transfer))
		forget(remote, (struct umd_dma_transfer *)(uintptr_t)transfer);
}

/* ---- The client, from its coming to its going ---------------------------------------------- */

void umd_dma_remote_open(struct umd_dma_remote *remote, size_t max_size, void (*wake)(void *data),
			 void *data)
{
	remote->max_size = max_size < UMD_DMA_MESSAGE_MAX ? max_size : UMD_DMA_MESSAGE_MAX;
	remote->last_id = 0;
	remote->wake = wake;
	remote->wake_data = data;
}

void umd_dma_remote_close(struct umd_dma_remote *remote, int error)
{
	remote->wake = NULL;
	umd_dma_remote_end_all(remote, error);
	memset(remote->messages, 0, sizeof(remote->messages));
}

int umd_dma_remote_start(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer)
{
	if (!remote->wake)
		return -EREMOTE;

	transfer->own.taken = 0;
	transfer->own.out = 0;
	transfer->own.started_ns = umd_now_ns();
	append(remote, transfer);
	remote->wake(remote->wake_data);
	return 0;
}

/* ---- Messages ------------------------------------------------------------------------------ */

struct umd_dma_message *umd_dma_remote_free(struct umd_dma_remote *remote)
{
	for (unsigned int i = 0; i < UMD_DMA_MESSAGES; i++) {
		if (!remote->messages[i].out)
			return &remote->messages[i];
	}
	return NULL;
}

struct umd_dma_message *umd_dma_remote_find(struct umd_dma_remote *remote, uint16_t id)
{
	for (unsigned int i = 0; i < UMD_DMA_MESSAGES; i++) {
		if (remote->messages[i].out && remote->messages[i].id == id)
			return &remote->messages[i];
	}
	return NULL;
}

static void send_message(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer,
			 size_t size, struct umd_dma_message *message)
{
	do {
		remote->last_id++;
	} while (umd_dma_remote_find(remote, remote->last_id));
	*message =
		(struct umd_dma_message){.transfer = transfer,
					 .out = true,
					 .write = transfer->write,
					 .id = remote->last_id,
					 .iova = transfer->iova + transfer->own.taken,
					 .size = size,
					 .local = (uint8_t *)transfer->buffer + transfer->own.taken,
					 .sent_ns = umd_now_ns()};
	transfer->own.out++;
}

/* Goes to the end of its list, or is complete. */
void umd_dma_remote_advance(struct umd_dma_remote *remote, struct umd_dma_transfer *transfer,
			    size_t size, struct umd_dma_message *message)
{
	take_out(remote, transfer);
	if (message)
		send_message(remote, transfer, size, message);
	transfer->own.taken += size;
	append(remote, transfer);
	if (is_complete(transfer))
		umd_dma_remote_end(remote, transfer, 0);
}

void umd_dma_remote_answer(struct umd_dma_remote *remote, struct umd_dma_message *message,
			   int error)
{
	struct umd_dma_transfer *transfer = message->transfer;

	message->out = false;
	message->transfer = NULL;
	remote->answered_ns = umd_now_ns();
	if (!transfer)
		return;

	transfer->own.out--;
	if (error || is_complete(transfer))
		umd_dma_remote_end(remote, transfer, error);
}

/* ---- Patience ------------------------------------------------------------------------------ */

/* What began then has had its time. */
static bool is_over(uint64_t began_ns, uint64_t now)
{
	return now >= began_ns + UMD_DMA_PATIENCE_NS;
}

static struct umd_dma_transfer *find_unanswered(const struct umd_dma_remote *remote, uint64_t now)
{
	for (unsigned int i = 0; i < UMD_DMA_MESSAGES; i++) {
		const struct umd_dma_message *message = &remote->messages[i];

		if (message->transfer && is_over(message->sent_ns, now))
			return message->transfer;
	}
	return NULL;
}

/* One that gets no turn, because the client answers nothing or takes nothing. */
static struct umd_dma_transfer *find_stuck(const struct umd_dma_remote *remote, uint64_t now)
{
	struct umd_dma_transfer *transfer = remote->waiting.first;

	if (!is_over(remote->answered_ns, now))
		return NULL;
	while (transfer && (transfer->own.out || !is_over(transfer->own.started_ns, now)))
		transfer = transfer->own.next;
	return transfer;
}

/* One that is started meanwhile, when one ends, has all its time before it. */
void umd_dma_remote_expire(struct umd_dma_remote *remote)
{
	uint64_t now = umd_now_ns();
	struct umd_dma_transfer *transfer;

	while ((transfer = find_unanswered(remote, now)) || (transfer = find_stuck(remote, now)))
		umd_dma_remote_end(remote, transfer, -ETIMEDOUT);
}
