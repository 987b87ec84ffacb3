/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting interrupts, in steps that the backend takes: a step hands over no more descriptors than a
 * message carries, and either has one for each of its vectors or none.
 */
#include "driver/backend.h"

#include <errno.h>

#include "base/range.h"

/* How many vectors from `at` on go in one step. */
static unsigned int step_size(const struct umd_driver *driver, const struct umd_driver_irq_set *set,
			      unsigned int at)
{
	unsigned int count = 1;

	while (at + count < set->count && (set->fds[at + count] < 0) == (set->fds[at] < 0) &&
	       (set->fds[at] < 0 || count < driver->limits.max_msg_fds))
		count++;
	return count;
}

static int set_eventfds(struct umd_driver *driver, const struct umd_driver_irq_set *set)
{
	unsigned int count;

	for (unsigned int at = 0; at < set->count; at += count) {
		struct umd_driver_irq_set step = *set;
		int err;

		if (set->fds[at] >= 0 && !driver->limits.max_msg_fds)
			return -EOPNOTSUPP;

		count = step_size(driver, set, at);
		step.start += at;
		step.count = count;
		step.fds = set->fds[at] < 0 ? NULL : set->fds + at;
		err = driver->backend->set_irqs(driver, &step);
		if (err)
			return err;
	}
	return 0;
}

int umd_driver_set_irqs(struct umd_driver *driver, const struct umd_driver_irq_set *set)
{
	if (set->index >= driver->info.irqs ||
	    !umd_range_within(set->start, set->count, UMD_DRIVER_VECTORS_MAX))
		return -EINVAL;
	return set->fds ? set_eventfds(driver, set) : driver->backend->set_irqs(driver, set);
}
