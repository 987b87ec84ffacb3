/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver has set of a device's interrupts, kept so that it can be set again: as a whole
 * where an index cannot grow (UMD_DRIVER_IRQ_NORESIZE), and after a reconnect.
 */
#ifndef UMD_DRIVER_IRQS_H
#define UMD_DRIVER_IRQS_H

#include "driver/backend.h"

struct umd_watch;

struct umd_driver_vector {
	int fd;			 /* a duplicate of the driver's, or one we listen to; -1: none */
	bool masked;		 /* at the driver's word */
	struct umd_watch *watch; /* NULL: nobody listens to it here */

	/* In the queue of those that have fired (events.c); NULL: it is not. */
	struct umd_driver_vector *previous, *next;
	struct umd_driver_events *events;
	unsigned int index, number;
};

/* The vectors of an index. */
struct umd_driver_vectors {
	struct umd_driver_vector *list; /* NULL: none was ever set */
	unsigned int flags, count;	/* as the device has it */
	unsigned int enabled; /* those up to here are in use, with an eventfd or without; 0: none */
};

/*
 * Sets up on the device what was in use, masks included, and what the library's own events use. For
 * a device that was reconnected; driver->gone is false by then. On error, part of it may be done.
 */
int umd_driver_irqs_restore(struct umd_driver *driver);

/* Forgets everything, before events end. The device is told nothing. */
void umd_driver_irqs_finish(struct umd_driver *driver);

#endif
