/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of wire-device. */
#ifndef WIRE_INTERNAL_H
#define WIRE_INTERNAL_H

#include <umdev/ims.h>

#include "device.h"

/* Entries of an interrupt store that may stand behind vectors. */
struct wire_store {
	struct umd_ims *ims;
	struct umd_ims_domain *domain;
	umd_ims_handle handles[STORE_ENTRIES]; /* 0: revoked */
};

/* An eventfd of ours that the client gets. */
struct wire_doorbell {
	int fd;
	struct umd_watch *watch;
};

/* A copy by umd_dma_start(), of memory that may be reached by messages only. */
struct wire_remote {
	struct wire_device *wire;
	struct umd_dma_transfer transfer; /* first the reading, then the writing */
	uint64_t to;
	int result; /* 0 or a negative errno; -EINPROGRESS */
	uint8_t bounce[COPY_MAX];
};

struct wire_device {
	struct umd_device *device;
	struct wire_options options;
	uint8_t bar0[BAR0_SIZE];
	uint8_t bar1[BAR1_SIZE];
	uint8_t *memory; /* BAR2's areas, mapped from memory_fd */
	int memory_fd;

	uint64_t random; /* state of the choice of when to complete */
	struct umd_watch *timer;
	struct umd_request *held; /* the deferred request, if any */
	bool self_reset;	  /* the timer resets the device instead of completing `held` */

	struct wire_doorbell doorbell, matched, bell;
	struct wire_remote remotes[REMOTE_COPIES];
	struct wire_store *store;   /* NULL in the plain shape */
	struct wire_tagged *tagged; /* NULL but in the tagged shape */
	uint32_t cancels, resets, disconnects, completed, doorbells, matches;
	uint32_t event_count;
	uint8_t events[EVENTS];
};

/* ---- Little-endian bytes ------------------------------------------------------------------- */

static inline uint64_t get_le(const uint8_t *bytes, unsigned int size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | bytes[size];
	return value;
}

static inline void put_le(uint8_t *bytes, unsigned int size, uint64_t value)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

/* ---- bars.c: what lies behind the BARs, but for BAR0 ---------------------------------------- */

int wire_add_bars(struct wire_device *wire);
void wire_bars_finish(struct wire_device *wire);

/* Everything but the counters is zero again. */
void wire_bars_reset(struct wire_device *wire);
void wire_log_clear(struct wire_device *wire);

/* ---- access.c: accesses of BAR0, which may be deferred -------------------------------------- */

void wire_bar0_access(void *data, struct umd_request *request);
int wire_access_init(struct wire_device *wire);

/* ---- commands.c: BAR0's registers ----------------------------------------------------------- */

/* What the write of a whole register does. Returns what the write completes with. */
int wire_command(struct wire_device *wire, uint64_t offset, uint32_t value);

/* Brings the read-only registers up to date. */
void wire_refresh(struct wire_device *wire);

int wire_add_doorbells(struct wire_device *wire);
void wire_doorbells_finish(struct wire_device *wire);

/* ---- remote.c: copies by umd_dma_start() ---------------------------------------------------- */

int wire_remote_run(struct wire_device *wire, uint32_t number);
int wire_remote_cancel(struct wire_device *wire, uint32_t number);

/* ---- mailbox.c, shapes.c -------------------------------------------------------------------- */

/* Declares the mailbox at that place of config space; 0: the next one that is free. */
int wire_add_mailbox(struct wire_device *wire, unsigned int at);

/* Declares what the shape has besides the BARs. */
int wire_add_shape(struct wire_device *wire);

/* ---- tagged.c: requests with a PASID, and page requests ------------------------------------- */

int wire_tagged_create(struct wire_device *wire);
void wire_tagged_destroy(struct wire_tagged *tagged);

/* BAR5 with its registers; and afterwards, what the device is told of PASIDs. */
void wire_add_tagged_bar(struct wire_device *wire);
void wire_add_tagged_ops(struct wire_device *wire);

/* ---- store.c -------------------------------------------------------------------------------- */

int wire_store_create(struct wire_store **ret);
void wire_store_destroy(struct wire_store *store);

/* All entries are there, and stand behind nothing. */
void wire_store_reset(struct wire_device *wire);

int wire_store_back(struct wire_device *wire, uint32_t value);
int wire_store_trigger(struct wire_store *store, uint32_t entry, uint32_t owner);
int wire_store_revoke(struct wire_store *store, uint32_t entry);

#endif
