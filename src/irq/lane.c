/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/lane.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* Of newer kernels than the headers we must build with. */
#define REGISTER_SEND_MSG_RING 31u

#define COMPLETIONS 16u /* room in a ring */
#define BATCH	    8u	/* of them are taken off at a time */

void umd_lanes_init(struct umd_lanes *lanes)
{
	*lanes = (struct umd_lanes){0};
	for (unsigned int i = 0; i < UMD_LANES; i++)
		lanes->each[i].fd = -1;
}

static void close_lane(struct umd_lane *lane)
{
	if (lane->memory)
		munmap(lane->memory, lane->memory_size);
	umd_close(&lane->fd);
	*lane = (struct umd_lane){.fd = -1};
}

void umd_lanes_finish(struct umd_lanes *lanes)
{
	for (unsigned int i = 0; i < UMD_LANES; i++)
		close_lane(&lanes->each[i]);
}

static bool map(struct umd_lane *lane, const struct io_uring_params *params)
{
	size_t size = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, lane->fd,
			       (off_t)IORING_OFF_CQ_RING);

	if (memory == MAP_FAILED)
		return false;
	lane->memory = memory;
	lane->memory_size = size;
	lane->head = (uint32_t *)(memory + params->cq_off.head);
	lane->tail = (const uint32_t *)(memory + params->cq_off.tail);
	return true;
}

static bool open_lane(struct umd_lane *lane, int eventfd)
{
	struct io_uring_params params = {.flags = IORING_SETUP_CQSIZE, .cq_entries = COMPLETIONS};

	lane->fd = (int)syscall(SYS_io_uring_setup, 1, &params);
	if (lane->fd < 0 || !map(lane, &params))
		return false;
	lane->message = (struct io_uring_sqe){.opcode = IORING_OP_MSG_RING,
					      .fd = lane->fd,
					      .len = 1 /* the completion's result */};
	return syscall(SYS_io_uring_register, lane->fd, IORING_REGISTER_EVENTFD, &eventfd, 1) == 0;
}

/* The ring is -1: the message comes from nowhere. What it says is of no interest. */
static bool send(struct umd_lane *lane)
{
	if (syscall(SYS_io_uring_register, -1, REGISTER_SEND_MSG_RING, &lane->message, 1) < 0)
		return false;
	if (++lane->sent % BATCH == 0)
		__atomic_store_n(lane->head, __atomic_load_n(lane->tail, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELEASE);
	return true;
}

/* Vectors that share a place take turns in being the one that may get a lane. */
static bool deserves(struct umd_lane *lane, uint32_t vector)
{
	if (lane->vector != vector) {
		lane->vector = vector;
		lane->seen = 0;
	}
	return ++lane->seen > UMD_LANE_THRESHOLD;
}

bool umd_lanes_send(struct umd_lanes *lanes, uint32_t vector, int eventfd)
{
	struct umd_lane *lane = &lanes->each[vector % UMD_LANES];

	if (lane->fd >= 0 && lane->vector == vector && send(lane))
		return true;
	if (lane->fd >= 0 || lanes->impossible || !deserves(lane, vector))
		return false;
	if (open_lane(lane, eventfd) && send(lane))
		return true;
	close_lane(lane);
	lanes->impossible = true;
	return false;
}

void umd_lanes_drop(struct umd_lanes *lanes, uint32_t vector)
{
	struct umd_lane *lane = &lanes->each[vector % UMD_LANES];

	if (lane->vector == vector)
		close_lane(lane);
}
