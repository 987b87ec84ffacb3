/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client is told of by itself. Halts and notes wait with their queue, one of each, for the
 * client to have heard the event before; so a client that listens to nothing costs nothing.
 */
#include <string.h>

#include "parent/door.h"

static struct umd_door_queue *find(const struct umd_door *door, const struct umd_queue *queue)
{
	struct umd_door_queue *it = door->queues;

	while (it && it->queue != queue)
		it = it->next;
	return it;
}

static void halted(void *data, struct umd_queue *queue, int reason)
{
	struct umd_door *door = data;
	struct umd_door_queue *it = find(door, queue);

	if (!it)
		return;
	it->halted = true;
	it->reason = reason;
	umd_door_flush_soon(door);
}

static uint32_t add(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void noted(void *data, struct umd_queue *queue, const void *note, size_t size, uint32_t lost)
{
	struct umd_door *door = data;
	struct umd_door_queue *it = find(door, queue);

	if (!it)
		return;
	if (it->noted) {
		it->notes_lost = add(add(it->notes_lost, 1), lost);
		return;
	}
	it->noted = true;
	it->notes_lost = lost;
	it->note_size = (uint32_t)size;
	memcpy(it->note, note, size);
	umd_door_flush_soon(door);
}

static void revoked(void *data, uint32_t vector)
{
	struct umd_door *door = data;
	struct umd_msg_revoked *msg = &door->revoked;

	if (msg->count == UMD_MSG_REVOKED_MAX) {
		umd_door_send(door, msg, umd_msg_revoked_size(msg->count), NULL, 0);
		msg->count = 0;
	}
	msg->vectors[msg->count++] = vector;
	umd_door_flush_soon(door);
}

/* At once, so that it comes before any later answer about the same region. */
static void region_revoked(void *data, uint32_t index)
{
	const struct umd_msg_region msg = {.header.type = UMD_MSG_REGION_REVOKED, .region = index};

	umd_door_send(data, &msg, sizeof(msg), NULL, 0);
}

const struct umd_link_ops umd_door_link_ops = {
	.revoked = revoked, .halted = halted, .noted = noted, .region_revoked = region_revoked};

static void tell_note(struct umd_door *door, struct umd_door_queue *it)
{
	struct umd_msg_event event = {.header.type = UMD_MSG_NOTED,
				      .queue = it->number,
				      .lost = it->notes_lost,
				      .size = it->note_size};

	memcpy(event.note, it->note, it->note_size);
	it->noted = false;
	umd_door_send(door, &event, sizeof(event), NULL, 0);
}

static void tell_halt(struct umd_door *door, struct umd_door_queue *it)
{
	const struct umd_msg_event event = {
		.header.type = UMD_MSG_HALTED, .queue = it->number, .reason = it->reason};

	it->halted = false;
	umd_door_send(door, &event, sizeof(event), NULL, 0);
}

/* A queue that has been heard of stands behind the others. */
static void put_behind(struct umd_door_queue **at)
{
	struct umd_door_queue *it = *at, **end = at;

	*at = it->next;
	while (*end)
		end = &(*end)->next;
	it->next = NULL;
	*end = it;
}

void umd_door_tell(struct umd_door *door)
{
	struct umd_door_queue **at = &door->queues, *it;

	if (door->told)
		return;
	while (*at && !(*at)->noted && !(*at)->halted)
		at = &(*at)->next;
	it = *at;
	if (!it)
		return;

	door->told = true;
	put_behind(at);
	if (it->noted)
		tell_note(door, it);
	else
		tell_halt(door, it);
}
