/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slice, inside. slice.c has the PCI device, slice_regs.c what registers do, slice_command.c the
 * commands, slice_queue.c the WQ and its portals, slice_link.c the link with its interrupt handle,
 * slice_report.c what the driver is told unasked.
 */
#ifndef DSA_SLICE_STATE_H
#define DSA_SLICE_STATE_H

#include "portal.h"
#include "regs.h"
#include "slice.h"
#include "slice_image.h"

/* MSI-X vectors. */
enum {
	SLICE_MISC_VECTOR,
	SLICE_WQ_VECTOR,
	SLICE_VECTORS,
};

#define SLICE_STEPS 3u

struct slice;

/* A part of a command: 0 when it is done; -EINPROGRESS where slice_command_go_on() is to be called;
 * else why it failed. */
typedef int slice_step_fn(struct slice *slice);

/* The command under way: DSA_CMDSTS_ACTIVE says whether there is one. */
struct slice_command {
	bool interrupt;		     /* when it has ended */
	bool waiting;		     /* for a step's end */
	slice_step_fn *const *steps; /* those left; the last one is NULL */
};

struct slice {
	struct umd_device *device;
	bool shared;
	struct dsa_slice_source source;

	struct slice_image image;   /* registers now */
	struct slice_image initial; /* and after a reset */
	struct slice_command command;
	struct dsa_portals *portals;

	struct umd_link *link;	 /* NULL: lost, and no other found */
	bool lost;		 /* the link is of no more use */
	struct umd_queue *queue; /* NULL: the WQ is disabled */
	uint32_t slots;		 /* of the WQ */
	uint32_t weight;	 /* of its queue */
	bool has_handle;	 /* the driver has asked for its vector's */
	bool is_backed;		 /* the vector is backed, perhaps by one that was revoked */
	uint32_t handle;
};

/* ---- slice_report.c ------------------------------------------------------------------------ */

enum dsa_state slice_state(const struct slice *slice);
void slice_set_state(struct slice *slice, enum dsa_state state);

/* Sets causes and sends the interrupt that all of them share. */
void slice_interrupt(struct slice *slice, uint32_t causes);

/* Enters an error: one that is no descriptor's; that a portal did not take one; what a note tells.
 */
void slice_report(struct slice *slice, enum dsa_software_error error);
void slice_report_lost(struct slice *slice, uint8_t opcode);
void slice_report_note(struct slice *slice, const void *note, size_t size, uint32_t lost);

/* Halts: nothing is taken any more, and only a reset of the function ends that. */
void slice_halt(struct slice *slice);

/* ---- slice_command.c ----------------------------------------------------------------------- */

void slice_command_begin(struct slice *slice, uint32_t value);

/* The step under way has ended. */
void slice_command_go_on(struct slice *slice, int result);

/* Ends the command under way, if there is one, with an error. */
void slice_command_fail(struct slice *slice, enum dsa_command_error error);

/* ---- slice_queue.c ------------------------------------------------------------------------- */

int slice_queue_open(struct slice *slice);
void slice_queue_close(struct slice *slice);

/* Steps of commands: as umd_queue_command(). */
slice_step_fn slice_queue_start, slice_queue_stop, slice_queue_drain, slice_queue_abort;

/* A request to BAR2. */
void slice_portal_access(void *data, struct umd_request *request);

/* ---- slice_link.c -------------------------------------------------------------------------- */

/* Gets a link, and what the registers show of its parent. */
int slice_link_connect(struct slice *slice, struct umd_error *error);

/* Looks for a new parent where there is none. Whether there is one now. */
bool slice_link_reconnect(struct slice *slice);
void slice_link_close(struct slice *slice);

/* The handle of the WQ's vector. 0; -ENOTCONN, -ENOSPC; of dropping: -ENOENT for another one. */
int slice_handle_get(struct slice *slice, uint32_t *ret);
int slice_handle_drop(struct slice *slice, uint32_t handle);
void slice_handle_forget(struct slice *slice);

/* ---- slice_regs.c -------------------------------------------------------------------------- */

uint64_t slice_regs_read(void *data, uint64_t offset, unsigned int size);
void slice_regs_write(void *data, uint64_t offset, unsigned int size, uint64_t value);

#endif
