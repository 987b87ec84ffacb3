/* SPDX-License-Identifier: BSD-2-Clause */
/* A space of its own, which its owner changes by calls. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "dma/space.h"
#include "stress.h"

#define WAIT_MS	       5
#define WAKE_MS	       1000 /* more than any pin lasts that is not stuck */
#define LATE_WAKES_MAX 2u   /* a machine may stall */

static unsigned int late_wakes;

static int change(struct stress_world *world, const struct umd_dma_change *changes,
		  unsigned int count, uint64_t *ret_mark)
{
	size_t done = 0;
	int err = umd_dma_space_change(world->space, changes, count, &done);

	if (err && err != -ENOBUFS)
		stress_wrong(world, "change %zu of %u: %d", done, count, err);
	*ret_mark = umd_dma_space_mark(world->space);
	return (int)done;
}

static bool is_quiet(struct stress_world *world, uint64_t mark)
{
	return umd_dma_space_is_quiet(world->space, mark);
}

/* The fd has to say when the last use ends; of stuck pins it cannot. */
static void wait_for(struct stress_world *world, uint64_t mark)
{
	struct pollfd ready = {.fd = umd_dma_space_fd(world->space), .events = POLLIN};

	if (poll(&ready, 1, stress_revokes(world) ? WAIT_MS : WAKE_MS) || stress_revokes(world))
		return;
	if (umd_dma_space_is_quiet(world->space, mark) && ++late_wakes > LATE_WAKES_MAX)
		stress_wrong(world, "quiet, and the space's fd has not said so");
}

static void revoke_pins(struct stress_world *world)
{
	umd_dma_space_revoke(world->space);
}

/* ---- The dirty log, which has no public calls ---------------------------------------------- */

#define POOL_BYTES ((uint64_t)STRESS_PAGES * STRESS_PAGE)

_Static_assert(STRESS_PAGES == 64, "a report of a pool is one word");

static void start_log(struct stress_world *world)
{
	struct umd_dma_range ranges[STRESS_DOOMED];
	int err;

	for (unsigned int i = 0; i < STRESS_DOOMED; i++)
		ranges[i] = (struct umd_dma_range){world->pools[i].iova, POOL_BYTES};
	err = umd_dma_space_start_log(world->space, ranges, STRESS_DOOMED, STRESS_PAGE);
	if (err)
		stress_wrong(world, "umd_dma_space_start_log(): %d", err);
}

static uint64_t report_log(struct stress_world *world, unsigned int pool)
{
	const struct umd_dma_range range = {world->pools[pool].iova, POOL_BYTES};
	uint64_t bitmap = 0;

	umd_dma_space_report_log(world->space, &range, STRESS_PAGE, (uint8_t *)&bitmap);
	return bitmap;
}

static void stop_log(struct stress_world *world)
{
	umd_dma_space_stop_log(world->space);
}

static const struct stress_link by_calls = {
	.change = change,
	.is_quiet = is_quiet,
	.wait = wait_for,
	.revoke = revoke_pins,
	.start_log = start_log,
	.report_log = report_log,
	.stop_log = stop_log,
};

int stress_run_local(struct stress_world *world)
{
	const struct umd_dma_space_options options = {.size = sizeof(options), .owner = 7};
	int err = umd_dma_space_create(&options, &world->space);

	if (err)
		return err;
	stress_start_engines(world);
	stress_own(world, &by_calls);
	stress_join_engines(world);
	stress_end_readers(world);
	umd_dma_space_destroy(world->space);
	return 0;
}
