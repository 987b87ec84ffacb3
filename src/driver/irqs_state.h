/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files that set interrupts (irqs_api.c) and keep what is set (irqs_state.c). */
#ifndef UMD_DRIVER_IRQS_STATE_H
#define UMD_DRIVER_IRQS_STATE_H

#include "driver/irqs.h"

/* What is kept of an index. 0; -EINVAL for no such index; -ENOMEM; what the device answers. */
int umd_driver_irqs_find(struct umd_driver *driver, unsigned int index,
			 struct umd_driver_vectors **ret);

/*
 * Has vectors of an index, which was found, signal eventfds (-1: none), or leaves all as it was.
 * Keeping the eventfds is the caller's.
 */
int umd_driver_irqs_apply(struct umd_driver *driver, unsigned int index, unsigned int start,
			  unsigned int count, const int *fds);

/* Ends the use of an index on the device. */
int umd_driver_irqs_end(struct umd_driver *driver, unsigned int index);

/* Forgets what is kept of a vector; of all vectors of an index. */
void umd_driver_vector_drop(struct umd_driver_vector *vector);
void umd_driver_vectors_drop(struct umd_driver_vectors *vectors);

#endif
