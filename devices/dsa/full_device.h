/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The full device, inside: full.c has the PCI device, full_regs.h its registers, full_queue.c the
 * work queues, which are an engine's of its own.
 */
#ifndef DSA_FULL_DEVICE_H
#define DSA_FULL_DEVICE_H

#include <umdev/device.h>
#include <umdev/parent.h>

#include "engine.h"
#include "full_options.h"
#include "full_regs.h"
#include "portal.h"
#include "status.h"

struct dsa_full;

/* A WQ that is enabled. */
struct dsa_full_queue {
	struct dsa_full *full;
	struct umd_queue *queue; /* NULL: it is disabled */
};

struct dsa_full {
	struct umd_device *device;
	struct dsa_full_regs regs;
	struct dsa_portals *portals;
	bool is_master; /* of the bus */

	struct dsa_engine *engine;
	struct umd_link *link;
	struct umd_watch *watch;	  /* of the engine's parent, which tells of queues */
	struct dsa_status_socket *status; /* NULL: nobody is told */
	struct umd_watch *status_watch;
	struct dsa_full_queue queues[DSA_FULL_WQS];
};

/* How the registers reach the WQs; their data is a struct dsa_full. */
extern const struct dsa_full_ops dsa_full_queue_ops;

/* Makes the engine, and puts its interrupts behind the realised device's. */
int dsa_full_queues_init(struct dsa_full *full, const struct dsa_full_options *options,
			 struct umd_error *error);

/* Also after a failure; WQs need not be closed before. */
void dsa_full_queues_finish(struct dsa_full *full);

#endif
