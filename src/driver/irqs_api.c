/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver's interrupts: eventfds of its own, or of the library's, and what else it may do. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/export.h"
#include "base/foreign.h"
#include "base/range.h"
#include "driver/events.h"
#include "driver/irqs_state.h"

/* ---- What is asked for --------------------------------------------------------------------- */

/* ERR and REQ are events (events.c), once these are wanted. */
static bool is_ours(const struct umd_driver *driver, unsigned int index)
{
	return driver->events && (index == UMD_DRIVER_ERR || index == UMD_DRIVER_REQ);
}

/* INTx, MSI and MSI-X exclude each other. */
static bool is_excluded(const struct umd_driver *driver, unsigned int index)
{
	if (!(driver->info.flags & UMD_DRIVER_PCI) || index > UMD_DRIVER_MSIX)
		return false;
	for (unsigned int i = 0; i <= UMD_DRIVER_MSIX && i < driver->info.irqs; i++) {
		if (i != index && driver->vectors[i].enabled)
			return true;
	}
	return false;
}

static int find_vectors(struct umd_driver *driver, unsigned int index, unsigned int start,
			unsigned int count, struct umd_driver_vectors **ret)
{
	int err = umd_driver_irqs_find(driver, index, ret);

	if (err)
		return err;
	return umd_range_within(start, count, (*ret)->count) ? 0 : -EINVAL;
}

static int find_settable(struct umd_driver *driver, unsigned int index, unsigned int start,
			 unsigned int count, struct umd_driver_vectors **ret)
{
	int err = find_vectors(driver, index, start, count, ret);

	if (err)
		return err;
	if (is_ours(driver, index))
		return -EBUSY;
	return is_excluded(driver, index) ? -EINVAL : 0;
}

/* ---- Eventfds ------------------------------------------------------------------------------ */

static void close_fds(int *fds, unsigned int count)
{
	umd_foreign_close_all(fds, count);
	free(fds);
}

/* An eventfd like the driver's; a new one where it has given none; -1 for a vector without. */
static int make_fd(const int *from)
{
	if (!from)
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *from < 0 ? -1 : fcntl(*from, F_DUPFD_CLOEXEC, 0);
}

/* Copies of the driver's eventfds, or with NULL as many new ones. NULL with errno. */
static int *make_fds(const int *from, unsigned int count)
{
	int *fds = malloc(count * sizeof(*fds));

	for (unsigned int i = 0; fds && i < count; i++) {
		fds[i] = make_fd(from ? &from[i] : NULL);
		if (fds[i] < 0 && (!from || from[i] >= 0)) {
			int saved = errno;

			close_fds(fds, i);
			errno = saved;
			return NULL;
		}
	}
	return fds;
}

/* The vectors signal these now, which are taken over. */
static void keep(struct umd_driver_vector *vectors, unsigned int count, int *fds,
		 struct umd_watch **watches)
{
	for (unsigned int i = 0; i < count; i++) {
		bool masked = vectors[i].masked;

		umd_driver_vector_drop(&vectors[i]);
		vectors[i].fd = fds[i];
		vectors[i].masked = masked;
		if (watches)
			vectors[i].watch = watches[i];
	}
	free(fds);
}

UMD_EXPORT int umd_driver_irq_set_fds(struct umd_driver *driver, unsigned int index,
				      unsigned int start, unsigned int count, const int *fds)
{
	struct umd_driver_vectors *vectors;
	int *copies;
	int err = find_settable(driver, index, start, count, &vectors);

	if (err || !count)
		return err;
	copies = make_fds(fds, count);
	if (!copies)
		return -errno;

	err = umd_driver_irqs_apply(driver, index, start, count, copies);
	if (err)
		close_fds(copies, count);
	else
		keep(vectors->list + start, count, copies, NULL);
	return err;
}

/* ---- Listening ----------------------------------------------------------------------------- */

static void unwatch(struct umd_watch **watches, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		umd_watch_destroy(watches[i]);
	free(watches);
}

static int watch(struct umd_driver *driver, struct umd_driver_vector *vectors, unsigned int count,
		 const int *fds, struct umd_watch ***ret)
{
	struct umd_watch **watches = calloc(count, sizeof(struct umd_watch *));
	int err = watches ? 0 : -ENOMEM;

	for (unsigned int i = 0; !err && i < count; i++)
		err = umd_driver_events_listen(driver, fds[i], &vectors[i], &watches[i]);
	if (!err)
		*ret = watches;
	else if (watches)
		unwatch(watches, count);
	return err;
}

UMD_EXPORT int umd_driver_irq_listen(struct umd_driver *driver, unsigned int index,
				     unsigned int start, unsigned int count)
{
	struct umd_driver_vectors *vectors;
	struct umd_watch **watches;
	int *fds;
	int err = driver->events ? find_settable(driver, index, start, count, &vectors) : -EINVAL;

	if (err || !count)
		return err;
	fds = make_fds(NULL, count);
	if (!fds)
		return -errno;

	err = watch(driver, vectors->list + start, count, fds, &watches);
	if (!err) {
		err = umd_driver_irqs_apply(driver, index, start, count, fds);
		if (err)
			unwatch(watches, count);
	}
	if (err) {
		close_fds(fds, count);
		return err;
	}

	keep(vectors->list + start, count, fds, watches);
	free(watches);
	return 0;
}

/* ---- What else ----------------------------------------------------------------------------- */

UMD_EXPORT int umd_driver_irq_disable(struct umd_driver *driver, unsigned int index)
{
	struct umd_driver_vectors *vectors;
	int err = find_vectors(driver, index, 0, 0, &vectors);

	if (err)
		return err;
	if (is_ours(driver, index))
		return -EBUSY;
	if (!vectors->enabled)
		return 0;

	err = umd_driver_irqs_end(driver, index);
	if (!err || err == -ENODEV)
		umd_driver_vectors_drop(vectors);
	return err;
}

static int act(struct umd_driver *driver, unsigned int index, unsigned int start,
	       unsigned int count, uint32_t action)
{
	return umd_driver_set_irqs(
		driver, &(struct umd_driver_irq_set){.flags = VFIO_IRQ_SET_DATA_NONE | action,
						     .index = index,
						     .start = start,
						     .count = count});
}

static int set_mask(struct umd_driver *driver, unsigned int index, unsigned int start,
		    unsigned int count, bool masked)
{
	struct umd_driver_vectors *vectors;
	int err = find_vectors(driver, index, start, count, &vectors);

	if (err || !count)
		return err;
	if (!(vectors->flags & UMD_DRIVER_IRQ_MASKABLE))
		return -ENOTTY;

	err = act(driver, index, start, count,
		  masked ? VFIO_IRQ_SET_ACTION_MASK : VFIO_IRQ_SET_ACTION_UNMASK);
	for (unsigned int i = 0; !err && i < count; i++)
		vectors->list[start + i].masked = masked;
	return err;
}

UMD_EXPORT int umd_driver_irq_mask(struct umd_driver *driver, unsigned int index,
				   unsigned int start, unsigned int count)
{
	return set_mask(driver, index, start, count, true);
}

UMD_EXPORT int umd_driver_irq_unmask(struct umd_driver *driver, unsigned int index,
				     unsigned int start, unsigned int count)
{
	return set_mask(driver, index, start, count, false);
}

/* Of no vectors, the message would end the use of the index. */
UMD_EXPORT int umd_driver_irq_trigger(struct umd_driver *driver, unsigned int index,
				      unsigned int start, unsigned int count)
{
	struct umd_driver_vectors *vectors;
	int err = find_vectors(driver, index, start, count, &vectors);

	return err || !count ? err : act(driver, index, start, count, VFIO_IRQ_SET_ACTION_TRIGGER);
}
