/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The full device, inside: full.c has the PCI device, full_regs.h its registers, full_queue.c the
 * work queues, full_space.c the address spaces in which they work, full_handle.c interrupt handles,
 * full_pages.c pages that are asked for.
 *
 * The work is done by an engine, which is this device's alone. It has a link for each space of the
 * driver's: the default one, and one for each PASID that is attached. What a WQ is to the driver is
 * for the engine a queue of each link from which something was submitted to it.
 */
#ifndef DSA_FULL_DEVICE_H
#define DSA_FULL_DEVICE_H

#include <umdev/device.h>
#include <umdev/parent.h>
#include <umdev/pasid.h>

#include "engine.h"
#include "full_options.h"
#include "full_regs.h"
#include "portal.h"
#include "status.h"

struct dsa_full;

/* A WQ in a space. */
struct dsa_full_queue {
	struct dsa_full_space *space;
	struct umd_queue *queue; /* NULL: nothing was submitted yet */
	bool commanded;		 /* its WQ waits for it */

	struct umd_page_request request; /* for what it misses */
	bool asks;
};

struct dsa_full_space {
	struct dsa_full *full;
	struct dsa_full_space *next;
	uint32_t pasid; /* DSA_FULL_NO_PASID: the default space */
	struct umd_link *link;
	struct dsa_full_queue queues[DSA_FULL_WQS];
};

/* A WQ. */
struct dsa_full_work {
	struct dsa_full_wq config;
	bool is_enabled;
	unsigned int waits; /* for so many queues' commands */
};

/* An MSI-X vector that somebody has a handle of. */
struct dsa_full_handle {
	struct dsa_full_space *space; /* NULL: nobody has */
	uint32_t number;
};

struct dsa_full {
	struct umd_device *device;
	struct dsa_full_regs regs;
	struct dsa_portals *portals;
	bool is_master; /* of the bus */

	struct dsa_engine *engine;
	struct umd_watch *watch;	  /* of the engine's parent, which tells of queues */
	struct dsa_status_socket *status; /* NULL: nobody is told */
	struct umd_watch *status_watch;
	struct dsa_full_space *spaces;
	struct dsa_full_work works[DSA_FULL_WQS];
	struct dsa_full_handle handles[DSA_FULL_VECTORS];
};

/* Makes the engine of a realised device. Also after a failure it is to be finished. */
int dsa_full_engine_init(struct dsa_full *full, const struct dsa_full_options *options,
			 struct umd_error *error);
void dsa_full_engine_finish(struct dsa_full *full);

/* ---- full_queue.c -------------------------------------------------------------------------- */

/* How the registers reach the WQs; their data is a struct dsa_full. */
extern const struct dsa_full_ops dsa_full_queue_ops;

/* A queue of a space that is no more is no more waited for. */
void dsa_full_close_queue(struct dsa_full_queue *queue);

unsigned int dsa_full_number_of(const struct dsa_full_queue *queue);

/* ---- full_space.c -------------------------------------------------------------------------- */

/* The owner of all that the engine has of a space. */
uint32_t dsa_full_owner_of(const struct dsa_full_space *space);

int dsa_full_open_space(struct dsa_full *full, uint32_t pasid, struct umd_dma_space *memory,
			struct umd_error *error);
struct dsa_full_space *dsa_full_find_space(struct dsa_full *full, uint32_t pasid);
void dsa_full_close_spaces(struct dsa_full *full);

extern const struct umd_pasid_ops dsa_full_pasid_ops;

/* ---- full_handle.c ------------------------------------------------------------------------- */

/* Handles that are numbers of MSI-X vectors: for a device that gives out no others. */
int dsa_full_fix_handles(struct dsa_full *full, struct umd_error *error);

int dsa_full_get_handle(void *data, unsigned int vector, uint32_t pasid, uint32_t *ret);
int dsa_full_put_handle(void *data, uint32_t handle);
void dsa_full_forget_handles(void *data);

/* Those of a space, which ends. */
void dsa_full_drop_handles(struct dsa_full_space *space);

/* ---- full_pages.c -------------------------------------------------------------------------- */

/* A queue misses a page: the client is asked for it. */
void dsa_full_ask_for_page(struct dsa_full_queue *queue, const struct dsa_note *note);

/* It needs none any more. */
void dsa_full_stop_asking(struct dsa_full_queue *queue);

#endif
