/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device tells its driver unasked: the signals of its eventfds, and that it is gone.
 *
 * A device that is removed by surprise signals each eventfd once, so a signal alone says little.
 * Each is held back until the device has answered that it is still there, which nobody waits for;
 * but for those of vectors, since one too many does no harm, and a question for each would cost
 * more than the interrupt.
 */
#ifndef UMD_DRIVER_EVENTS_H
#define UMD_DRIVER_EVENTS_H

#include "base/poller.h"
#include "driver/irqs.h"

/* For backends: the device is gone. That is its last event. */
void umd_driver_events_gone(struct umd_driver *driver);

/* For backends: umd_driver_next_event() has something to do, though no fd of theirs says so. */
void umd_driver_events_nudge(struct umd_driver *driver);

/* The eventfd to be woken by from low power; -1 where events are not enabled. */
int umd_driver_events_wakeup_fd(const struct umd_driver *driver);

void umd_driver_events_destroy(struct umd_driver *driver);

/*
 * Begins anew with a device that was reconnected: its link, and the interrupts that are events. On
 * error, or where events are not enabled, nothing has changed but what the device was told.
 */
int umd_driver_events_restart(struct umd_driver *driver);

/*
 * Listens to an eventfd that a vector is to signal, until the watch is destroyed, with
 * umd_driver_events_unlisten() or by itself where the vector is not listened to yet.
 */
int umd_driver_events_listen(struct umd_driver *driver, int eventfd,
			     struct umd_driver_vector *vector, struct umd_watch **ret);
void umd_driver_events_unlisten(struct umd_driver_vector *vector);

#endif
