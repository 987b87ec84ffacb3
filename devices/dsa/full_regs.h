/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The full device's registers, as a state machine: the driver on one side, work queues on the other
 * (struct dsa_full_ops), which full_queue.c makes of an engine's. It has no clock, no thread, and
 * does no I/O.
 *
 * The registers are an image in memory, little-endian as the driver sees it, and the only state
 * besides the command under way: whether a WQ is enabled is what its WQCFG says. full_regs.c has
 * the image and what writing to it does, full_command.c the commands, full_config.c what a
 * configuration has to be like, full_report.c what the driver is told unasked, full_submit.c what
 * comes of a descriptor.
 */
#ifndef DSA_FULL_REGS_H
#define DSA_FULL_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "full_shape.h"
#include "portal.h"
#include "regs.h"

struct dsa_note; /* engine.h */

#define DSA_FULL_NO_PASID UINT32_MAX /* requests go to the device's default space */

/* A WQ that is enabled, out of its WQCFG. */
struct dsa_full_wq {
	bool dedicated, block_on_fault;
	bool asks_for_pages;	      /* that block it, where page requests are enabled */
	uint32_t pasid;		      /* of a dedicated WQ; DSA_FULL_NO_PASID */
	bool has_pasid;		      /* shared: descriptors name theirs */
	unsigned int size, threshold; /* descriptors */
	unsigned int priority;	      /* 1 to 15 */
	uint64_t max_transfer;	      /* bytes */
	uint32_t max_batch;	      /* descriptors */
	uint64_t opcodes;	      /* a bit for each that may be used */
};

/* What the driver has enabled in config space. */
struct dsa_full_enabled {
	bool bus_master, pasid, ats, pri;
};

struct dsa_full_ops {
	struct dsa_full_enabled (*enabled)(void *data);

	/* Opens a WQ's queue, empty. 0; a negative errno. */
	int (*open)(void *data, unsigned int wq, const struct dsa_full_wq *config);

	/* Ends it at once. What is under way is given up; dsa_full_ended() is not called. */
	void (*close)(void *data, unsigned int wq);

	/*
	 * Begins to work off, or to abort, what is in the queue, which goes on taking descriptors:
	 * all of it, or what is one PASID's. dsa_full_ended() is called once, also out of this
	 * call. One at a time for each WQ.
	 */
	void (*drain)(void *data, unsigned int wq, uint32_t pasid);
	void (*abort)(void *data, unsigned int wq, uint32_t pasid);
#define DSA_FULL_ALL_PASIDS UINT32_MAX

	/* 0; -EAGAIN where there is no room; -ENXIO for a PASID that is nobody's. */
	int (*submit)(void *data, unsigned int wq, uint32_t pasid, const uint8_t *descriptor);

	/* Descriptors that wait in the queue. */
	unsigned int (*occupied)(void *data, unsigned int wq);

	/*
	 * A handle for an MSI-X vector that is a PASID's, or nobody's: 0; -ENOSPC; -ENXIO. And its
	 * end: 0; -ENOENT.
	 */
	int (*get_handle)(void *data, unsigned int vector, uint32_t pasid, uint32_t *ret);
	int (*put_handle)(void *data, uint32_t handle);
	void (*forget_handles)(void *data); /* all that are out */

	/* Sends MSI-X message 0. */
	void (*interrupt)(void *data);
};

struct dsa_full_regs {
	const struct dsa_full_shape *shape;
	const struct dsa_full_ops *ops;
	void *data;
	uint8_t image[DSA_FULL_IMAGE_SIZE];

	/* The command under way: DSA_CMDSTS_ACTIVE says whether there is one. */
	struct {
		enum dsa_command code;
		bool interrupt;	  /* when it has ended */
		uint32_t wqs;	  /* that it is about, a bit each */
		uint32_t waiting; /* for these of them */
		uint32_t result;
	} command;
};

/* As a reset leaves them, without any queue. */
void dsa_full_init(struct dsa_full_regs *regs, const struct dsa_full_shape *shape,
		   const struct dsa_full_ops *ops, void *data);

/* A reset of the function: closes all queues. */
void dsa_full_reset(struct dsa_full_regs *regs);

/* The driver reads or writes BAR 0: `size` is 1, 2, 4 or 8, and the offset aligned to it. */
uint64_t dsa_full_read(struct dsa_full_regs *regs, uint64_t offset, unsigned int size);
void dsa_full_write(struct dsa_full_regs *regs, uint64_t offset, unsigned int size, uint64_t value);

/*
 * The driver has written a descriptor to a portal.
 *
 * @return 0; -EAGAIN for a shared WQ that does not take it now, which is what ENQCMD calls retry;
 *	   -EINVAL for a portal that there is not. What a dedicated WQ does not take is dropped, as
 *	   nobody waits for the end of MOVDIR64B, and told of in SWERR
 */
int dsa_full_submit(struct dsa_full_regs *regs, const struct dsa_submission *submission);

/* A drain or an abort has ended. */
void dsa_full_ended(struct dsa_full_regs *regs, unsigned int wq);

/* The driver has taken bus mastering away. */
void dsa_full_lost_bus(struct dsa_full_regs *regs);

/* A WQ's queue has stopped by itself, or says what no completion record could tell. */
void dsa_full_lost_queue(struct dsa_full_regs *regs, unsigned int wq);
void dsa_full_note(struct dsa_full_regs *regs, unsigned int wq, const struct dsa_note *note,
		   uint32_t lost);

#endif
