/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device of the library and its model side by side: the same operation is done to both, and what
 * they answer, tell their device and signal to their client is compared.
 */
#ifndef MODEL_RIG_H
#define MODEL_RIG_H

#include "unit.h"

#include <umdev/caps.h>

#include "device/device.h"
#include "model.h"

#define RIG_HISTORY 30u
#define RIG_NUMBERS 6u
#define RIG_BODIES  3u

/* Eventfds: to be signalled by the device, and to be signalled by the client. */
#define RIG_TRIGGERS 40u
#define RIG_UNMASKS  4u
#define RIG_EVENTFDS (RIG_TRIGGERS + RIG_UNMASKS)

/* What one of the two has told its device's own code, in one operation. */
struct rig_log {
	uint64_t accesses; /* to registers, as a hash */
	char calls[32];	   /* resets and power states, in order */
	size_t call_count;
	uint8_t touched[RIG_BODIES][64]; /* bytes of bodies said to be written */
	bool is_touched;
};

/* An operation, for the history. */
struct rig_record {
	const char *name;
	uint64_t numbers[RIG_NUMBERS];
	unsigned int count;
};

struct rig {
	struct umd_device *device;
	struct model model;
	struct rig_log device_log, model_log;
	int fds[RIG_EVENTFDS];
	int no_event; /* an fd that is no eventfd */
	uint64_t random;
	uint64_t step;

	/* Dwords of config space in which a driver can do something. */
	uint16_t places[MODEL_SPACE / 4];
	unsigned int place_count;

	struct rig_record history[RIG_HISTORY];
	char mismatch[200]; /* empty: none */
};

void rig_init(struct rig *rig, const struct model_shape *shape, uint64_t seed);
void rig_finish(struct rig *rig);

uint64_t rig_below(struct rig *rig, uint64_t limit);
bool rig_chance(struct rig *rig, unsigned int percent);

/* Adds numbers to the record of the operation under way. */
void rig_note(struct rig *rig, uint64_t number);

/* What the device did, and what the model says. The first difference is kept. */
void rig_compare(struct rig *rig, const char *what, uint64_t device, uint64_t model);
void rig_compare_bytes(struct rig *rig, const char *what, const uint8_t *device,
		       const uint8_t *model, size_t size);

/* An access by the driver, to both; `data` is what is written. */
void rig_access(struct rig *rig, uint32_t region, bool write, uint64_t offset, const void *data,
		size_t size);
void rig_write_config(struct rig *rig, uint64_t offset, unsigned int size, uint32_t value);

/* After each operation: config space, what the device was told, signals that the model expects. */
void rig_check(struct rig *rig);

/* Now and then: each eventfd, pending bit and count of vectors. */
void rig_check_all(struct rig *rig);

/* The last operations, up to rig->step, and what differs. */
void rig_print_history(const struct rig *rig);

#endif
