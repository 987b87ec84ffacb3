/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts as the driver wants them, and the way there.
 *
 * Vectors beyond those in use are simply set, but for an index that cannot grow: all of its use
 * ends, and begins anew with all. An index is begun in one step where it fits into one, else as a
 * whole without eventfds, which are set one after the other then.
 */
#include "driver/irqs_state.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>

#include "base/foreign.h"
#include "driver/events.h"

#define EVENTFDS (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)

/* ---- What is kept -------------------------------------------------------------------------- */

static int load(struct umd_driver *driver, unsigned int index, struct umd_driver_vectors *vectors)
{
	struct umd_driver_irq irq = {.size = sizeof(irq)};
	int err = umd_driver_get_irq(driver, index, &irq);

	if (err)
		return err;

	vectors->list = calloc(irq.count ? irq.count : 1, sizeof(*vectors->list));
	if (!vectors->list)
		return -ENOMEM;
	vectors->flags = irq.flags;
	vectors->count = irq.count;
	for (unsigned int i = 0; i < irq.count; i++)
		vectors->list[i] =
			(struct umd_driver_vector){.fd = -1, .index = index, .number = i};
	return 0;
}

int umd_driver_irqs_find(struct umd_driver *driver, unsigned int index,
			 struct umd_driver_vectors **ret)
{
	int err;

	if (index >= driver->info.irqs)
		return -EINVAL;
	if (!driver->vectors)
		driver->vectors = calloc(driver->info.irqs, sizeof(*driver->vectors));
	if (!driver->vectors)
		return -ENOMEM;

	err = driver->vectors[index].list ? 0 : load(driver, index, &driver->vectors[index]);
	if (!err)
		*ret = &driver->vectors[index];
	return err;
}

void umd_driver_vector_drop(struct umd_driver_vector *vector)
{
	umd_driver_events_unlisten(vector);
	umd_foreign_close(&vector->fd);
	vector->masked = false;
}

void umd_driver_vectors_drop(struct umd_driver_vectors *vectors)
{
	for (unsigned int i = 0; i < vectors->count; i++)
		umd_driver_vector_drop(&vectors->list[i]);
	vectors->enabled = 0;
}

void umd_driver_irqs_finish(struct umd_driver *driver)
{
	for (unsigned int i = 0; driver->vectors && i < driver->info.irqs; i++) {
		umd_driver_vectors_drop(&driver->vectors[i]);
		free(driver->vectors[i].list);
	}
	free(driver->vectors);
	driver->vectors = NULL;
}

/* ---- The device ---------------------------------------------------------------------------- */

static int set(struct umd_driver *driver, unsigned int index, unsigned int start,
	       unsigned int count, const int *fds)
{
	return umd_driver_set_irqs(driver, &(struct umd_driver_irq_set){.flags = EVENTFDS,
									.index = index,
									.start = start,
									.count = count,
									.fds = fds});
}

static bool have_any(const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (fds[i] >= 0)
			return true;
	}
	return false;
}

static bool is_one_step(const struct umd_driver *driver, const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (fds[i] < 0)
			return false;
	}
	return count <= driver->limits.max_msg_fds;
}

/* Begins to use the vectors up to `count`, none of which are in use. */
static int begin(struct umd_driver *driver, unsigned int index, const int *fds, unsigned int count)
{
	int err;

	if (is_one_step(driver, fds, count))
		return set(driver, index, 0, count, fds);
	if (!driver->limits.max_msg_fds)
		return -EOPNOTSUPP;

	err = set(driver, index, 0, count, NULL);
	for (unsigned int at = 0; !err && at < count; at++) {
		unsigned int n = 0;

		while (at + n < count && fds[at + n] >= 0)
			n++;
		if (n)
			err = set(driver, index, at, n, fds + at);
		at += n;
	}
	return err;
}

int umd_driver_irqs_end(struct umd_driver *driver, unsigned int index)
{
	return umd_driver_set_irqs(
		driver, &(struct umd_driver_irq_set){
				.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
				.index = index,
			});
}

static int mask_again(struct umd_driver *driver, const struct umd_driver_vectors *vectors,
		      unsigned int index)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < vectors->enabled; i++) {
		if (vectors->list[i].masked)
			err = umd_driver_set_irqs(driver, &(struct umd_driver_irq_set){
								  .flags = VFIO_IRQ_SET_DATA_NONE |
									   VFIO_IRQ_SET_ACTION_MASK,
								  .index = index,
								  .start = i,
								  .count = 1});
	}
	return err;
}

/* The eventfds of the vectors up to `count` as they are kept, but for a part that is others now. */
static int *collect(const struct umd_driver_vectors *vectors, unsigned int count,
		    unsigned int start, const int *others, unsigned int other_count)
{
	int *fds = malloc(count * sizeof(*fds));

	if (!fds)
		return NULL;
	for (unsigned int i = 0; i < count; i++)
		fds[i] = vectors->list[i].fd;
	for (unsigned int i = 0; i < other_count; i++)
		fds[start + i] = others[i];
	return fds;
}

/* Begins with what is kept and these others, the use of the index having ended. */
static int begin_with(struct umd_driver *driver, unsigned int index, unsigned int count,
		      unsigned int start, const int *others, unsigned int other_count)
{
	const struct umd_driver_vectors *vectors = &driver->vectors[index];
	int *fds = collect(vectors, count, start, others, other_count);
	int err = fds ? begin(driver, index, fds, count) : -ENOMEM;

	free(fds);
	return err ? err : mask_again(driver, vectors, index);
}

/* Ends all and begins with what there shall be; on error with what there was. */
static int begin_anew(struct umd_driver *driver, unsigned int index, unsigned int start,
		      unsigned int count, const int *fds)
{
	unsigned int enabled = driver->vectors[index].enabled;
	int err = enabled ? umd_driver_irqs_end(driver, index) : 0;

	if (!err)
		err = begin_with(driver, index, start + count, start, fds, count);
	if (!err)
		return 0;

	umd_driver_irqs_end(driver, index);
	if (enabled)
		begin_with(driver, index, enabled, 0, NULL, 0);
	return err;
}

/* Sets some of an index that is in use; on error back. */
static int set_some(struct umd_driver *driver, unsigned int index, unsigned int start,
		    unsigned int count, const int *fds)
{
	int *before = collect(&driver->vectors[index], start + count, 0, NULL, 0);
	int err = before ? set(driver, index, start, count, fds) : -ENOMEM;

	if (before && err)
		set(driver, index, start, count, before + start);
	free(before);
	return err;
}

int umd_driver_irqs_apply(struct umd_driver *driver, unsigned int index, unsigned int start,
			  unsigned int count, const int *fds)
{
	struct umd_driver_vectors *vectors = &driver->vectors[index];
	unsigned int end = start + count;
	bool grows = vectors->flags & UMD_DRIVER_IRQ_NORESIZE ? end > vectors->enabled
							      : !vectors->enabled;
	int err;

	if (!vectors->enabled && !have_any(fds, count))
		return 0;

	err = grows ? begin_anew(driver, index, start, count, fds)
		    : set_some(driver, index, start, count, fds);
	if (!err && end > vectors->enabled)
		vectors->enabled = end;
	return err;
}

int umd_driver_irqs_restore(struct umd_driver *driver)
{
	int err = 0;

	for (unsigned int i = 0; !err && driver->vectors && i < driver->info.irqs; i++) {
		if (driver->vectors[i].enabled)
			err = begin_with(driver, i, driver->vectors[i].enabled, 0, NULL, 0);
	}
	return err ? err : umd_driver_events_restart(driver);
}
