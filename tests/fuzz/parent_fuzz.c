/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of a parent's socket whose messages and fds an input makes, and who scribbles in its
 * rings, beside an author that takes entries, tells news, revokes vectors and holds on to memory.
 * After each input the client leaves, and nothing is left.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <umdev/ims.h>
#include <umdev/parent.h>

#include "parent/message.h"

#define OWNER	 7u
#define PAGES	 64u
#define QUEUES	 3u
#define VECTORS	 4u
#define FDS	 6u
#define REGIONS	 4u
#define PATIENCE 1000 /* dispatches until a client that left is gone */
#define SETTLED	 64   /* dispatches without news in a row */

struct input {
	const uint8_t *at;
	size_t left;
};

struct place {
	struct umd_work *work; /* NULL: free */
	struct umd_dma_reader *reader;
	bool inside;
	bool commanded;
};

static struct {
	struct umd_ims *ims;
	struct umd_parent *parent;
	int client, memory, event;
	int pipes[2];
	int ring; /* of the queue opened last; -1 */
	struct place places[QUEUES];
	bool is_slow;
	int regions[2]; /* files */
} world = {.ring = -1};

static uint64_t take(struct input *input, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size && input->left; i++, input->left--)
		value |= (uint64_t)*input->at++ << (8 * i);
	return value;
}

/* ---- The author ---------------------------------------------------------------------------- */

static struct place *find_place(const struct umd_work *work)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		if (world.places[i].work == work)
			return &world.places[i];
	}
	abort();
}

/* Every third index has none; the second one is read-only. */
static int on_get_region(void *data, uint32_t owner, uint32_t index, struct umd_parent_region *ret)
{
	if (owner != OWNER || index >= REGIONS)
		abort();
	ret->fd = world.regions[index % 2];
	ret->bytes = index % 3 == 2 ? 0 : 4096;
	ret->writable = index % 2 == 0;
	return 0;
}

static void on_put_region(void *data, uint32_t owner, uint32_t index)
{
	if (owner != OWNER || index >= REGIONS)
		abort();
}

static int on_open(void *data, struct umd_work *work, void **ret)
{
	struct place *place = find_place(NULL);
	const struct umd_queue_options *options = umd_work_options(work);

	if (umd_work_owner(work) != OWNER || options->config_size > UMD_QUEUE_CONFIG_MAX ||
	    !options->depth || options->depth > 64 || !options->weight)
		abort();
	if (umd_dma_reader_create(umd_work_space(work), 0, &place->reader) < 0)
		return -1;
	place->work = work;
	*ret = place;
	return 0;
}

static void leave(struct place *place)
{
	if (place->inside)
		umd_dma_leave(place->reader);
	place->inside = false;
}

static void on_close(void *data, void *context)
{
	struct place *place = context;

	leave(place);
	umd_dma_reader_destroy(place->reader);
	*place = (struct place){.work = NULL};
}

static void on_command(void *data, void *context, enum umd_queue_command command)
{
	struct place *place = context;

	if (place->commanded)
		abort();
	if (world.is_slow)
		place->commanded = true;
	else
		umd_work_ended(place->work, 0);
}

static void touch(struct place *place, uint64_t iova)
{
	struct umd_dma_segment segment;

	if (!place->inside)
		umd_dma_enter(place->reader);
	place->inside = true;
	if (umd_dma_resolve(place->reader, iova, 1, UMD_DMA_READ, &segment, 1) == 1)
		(void)*(volatile uint8_t *)segment.base;
}

/* What an author does with one of its queues. */
static void act(struct input *input)
{
	struct place *place = &world.places[take(input, 1) % QUEUES];
	uint64_t choice = take(input, 1);
	uint8_t entries[4 * 64];

	if (!place->work)
		return;
	switch (choice % 9) {
	case 0:
		umd_work_take(place->work, entries, 4);
		break;
	case 1:
		umd_work_note(place->work, entries, take(input, 1) % (UMD_NOTE_MAX + 1));
		break;
	case 2:
		umd_work_halt(place->work, -1);
		break;
	case 3:
		if (place->commanded) {
			place->commanded = false;
			umd_work_ended(place->work, -(int)(choice >> 4));
		}
		break;
	case 4:
		umd_work_trigger(place->work, (uint32_t)take(input, 1));
		break;
	case 5:
		touch(place, take(input, 1) * 4096);
		break;
	case 6:
		leave(place);
		break;
	case 7:
		umd_parent_revoke_region(world.parent, OWNER, (uint32_t)take(input, 1) % 5);
		break;
	default:
		umd_ims_revoke(world.ims, take(input, 1) << 32 | take(input, 1));
	}
}

static const struct umd_parent_ops author = {.open = on_open,
					     .close = on_close,
					     .command = on_command,
					     .get_region = on_get_region,
					     .put_region = on_put_region};

static void make_world(void)
{
	const struct umd_ims_options store = {.size = sizeof(store), .entries = 8};
	struct umd_parent_options options = {.size = sizeof(options),
					     .api = "fuzz-1",
					     .entry_size = 64,
					     .max_depth = 64,
					     .shared_queues = 2,
					     .ops = &author,
					     .regions = REGIONS};

	world.memory = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	for (unsigned int i = 0; i < 2; i++) {
		world.regions[i] = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (world.regions[i] < 0 || ftruncate(world.regions[i], 4096) < 0)
			abort();
	}
	world.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (umd_ims_create(&store, &world.ims) < 0 || world.event < 0 || pipe(world.pipes) < 0 ||
	    ftruncate(world.memory, PAGES * 4096) < 0)
		abort();
	options.ims = world.ims;
	if (umd_parent_create(&options, &world.parent) < 0)
		abort();
}

/* ---- The client ---------------------------------------------------------------------------- */

static void send_message(const void *bytes, size_t size, const int *fds, unsigned int fd_count)
{
	umd_msg_send(world.client, bytes, size, fds, fd_count, MSG_DONTWAIT);
}

static unsigned int take_fds(struct input *input, int *fds)
{
	const int kinds[] = {world.memory, world.event, world.pipes[0], world.client};
	unsigned int count = (unsigned int)take(input, 1) % (FDS + 1);

	for (unsigned int i = 0; i < count; i++)
		fds[i] = kinds[take(input, 1) % 4];
	return count;
}

/* Bytes as they are. */
static void send_raw(struct input *input)
{
	uint8_t bytes[128];
	int fds[FDS];
	unsigned int fd_count = take_fds(input, fds);
	size_t size = take(input, 1) % sizeof(bytes);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)take(input, 1);
	send_message(bytes, size, fds, fd_count);
}

/* Of a right shape, but for what is in it. */
static void send_small(struct input *input)
{
	union umd_msg msg = {.vector = {.header = {.type = (uint16_t)take(input, 1),
						   .flags = (uint16_t)take(input, 1) % 2,
						   .id = (uint32_t)take(input, 1)},
					.vector = (uint32_t)take(input, 1),
					.value = (uint32_t)take(input, 1)}};
	bool is_header = msg.header.type == UMD_MSG_INFO ||
			 msg.header.type == UMD_MSG_ALLOC_VECTOR ||
			 msg.header.type == UMD_MSG_HEARD || msg.header.type == UMD_MSG_BYE;
	bool has_fd = msg.header.type == UMD_MSG_SET_EVENTFD && msg.vector.value == 1;

	send_message(&msg, is_header ? sizeof(msg.header) : sizeof(msg.vector), &world.event,
		     has_fd);
}

static void send_open(struct input *input)
{
	struct umd_msg_open msg = {.header = {.type = UMD_MSG_OPEN_QUEUE, .id = 1},
				   .shared = (uint32_t)take(input, 1) % 4,
				   .depth = (uint32_t)take(input, 1) % 80,
				   .weight = (uint32_t)take(input, 1) % 4,
				   .config_size = (uint32_t)take(input, 1)};

	send_message(&msg, umd_msg_open_size(msg.config_size), NULL, 0);
}

static struct umd_msg_one_change take_change(struct input *input)
{
	uint64_t choice = take(input, 1);
	struct umd_msg_one_change change = {.iova = take(input, 1) * 4096,
					    .size = (take(input, 1) % 8) * 4096};

	if (choice & 1) {
		change.flags = UMD_MSG_UNMAP;
		if (choice & 2)
			change.iova = change.size = 0;
		return change;
	}
	change.prot = choice >> 1 & 3;
	change.offset = (choice >> 3) * 4096;
	if (choice == 0xfe)
		change.size = take(input, 8);
	return change;
}

static void send_changes(struct input *input)
{
	struct umd_msg_change msg = {.header = {.type = UMD_MSG_CHANGE,
						.flags = (uint16_t)take(input, 1) % 4,
						.id = (uint32_t)take(input, 1) % 4},
				     .count = (uint32_t)take(input, 1) % 8 + 1};
	bool maps = false;

	for (uint32_t i = 0; i < msg.count; i++) {
		msg.changes[i] = take_change(input);
		maps |= !msg.changes[i].flags;
	}
	send_message(&msg, umd_msg_change_size(msg.count), &world.memory, maps);
}

static void scribble(struct input *input)
{
	uint64_t offset = take(input, 1);
	uint32_t value = (uint32_t)take(input, 4);

	if (world.ring >= 0 && pwrite(world.ring, &value, sizeof(value), (off_t)offset) < 0)
		abort();
}

/* Reads an answer; keeps the ring of the queue opened last. */
static bool read_answer(void)
{
	int fds[UMD_MSG_ANSWER_FDS];
	unsigned int fd_count = 0;
	union umd_msg_answer answer;
	int n = umd_msg_receive_answer(world.client, &answer, MSG_DONTWAIT, fds, &fd_count);

	if (n <= 0)
		return false;
	if (umd_msg_check_answer(&answer, (size_t)n, fd_count) < 0)
		abort();
	if (fd_count == 1)
		close(fds[0]);
	if (fd_count == 2) {
		if (world.ring >= 0)
			close(world.ring);
		world.ring = fds[0];
		close(fds[1]);
	}
	return true;
}

static void dispatch(int count)
{
	while (count--)
		umd_parent_dispatch(world.parent, 0);
}

static void run_record(struct input *input)
{
	switch (take(input, 1) % 9) {
	case 0:
		send_raw(input);
		break;
	case 1:
	case 2:
		send_small(input);
		break;
	case 3:
		send_open(input);
		break;
	case 4:
		send_changes(input);
		break;
	case 5:
		scribble(input);
		break;
	case 6:
		while (read_answer())
			;
		break;
	case 7:
		world.is_slow = take(input, 1) & 1;
		break;
	default:
		act(input);
	}
}

/* ---- A life -------------------------------------------------------------------------------- */

static void begin(bool says_hello)
{
	static const struct umd_msg_hello hello = {.header = {.type = UMD_MSG_HELLO, .id = 1},
						   .version = UMD_MSG_VERSION};
	const struct umd_owner owner = {.size = sizeof(owner),
					.owner = OWNER,
					.queues = QUEUES,
					.vectors = VECTORS,
					.max_weight = 2,
					.max_maps = 40};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    umd_parent_accept(world.parent, pair[0], &owner) < 0)
		abort();
	world.client = pair[1];
	world.is_slow = false;
	if (says_hello)
		send_message(&hello, sizeof(hello), NULL, 0);
}

/* The client's socket may be on its way through itself, and then closes a moment later. */
static bool is_gone(void)
{
	const struct umd_owner owner = {.size = sizeof(owner), .owner = OWNER, .vectors = 8};
	struct umd_link *link;

	if (umd_link_open(world.parent, &owner, NULL, &link, NULL) < 0)
		return false;
	umd_link_close(link);
	return true;
}

static void check_end(void)
{
	struct umd_ims_stats stats = {.size = sizeof(stats)};

	umd_ims_get_stats(world.ims, &stats);
	if (stats.in_use || stats.reserved)
		abort();
	for (unsigned int i = 0; i < QUEUES; i++) {
		if (world.places[i].work)
			abort();
	}
}

static void end(void)
{
	close(world.client);
	if (world.ring >= 0)
		close(world.ring);
	world.ring = -1;
	for (int i = 0; !is_gone(); i++) {
		if (i == PATIENCE)
			abort();
		if (i > SETTLED)
			usleep(1000);
		dispatch(1);
	}
	check_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};

	if (!world.parent)
		make_world();
	begin(take(&input, 1) & 1);
	while (input.left) {
		run_record(&input);
		dispatch(2);
	}
	end();
	return 0;
}
