/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the full device's registers share: registers over work queues that do nothing
 * but what a test tells them to. Offsets and values are numbers here, not names, so that no mistake
 * in a name hides itself.
 */
#ifndef DSA_FULL_FIXTURE_H
#define DSA_FULL_FIXTURE_H

#include "unit.h"

#include "dsa/full_regs.h"

#define WQS	 8u
#define STRANGER 0xbadu /* a PASID that is nobody's */

static struct {
	struct dsa_full_enabled enabled;
	bool puts_off, refuses;
	int open_error;
	unsigned int interrupts;
	unsigned int occupied[WQS];
	struct dsa_full_wq opened[WQS];
	bool is_open[WQS];
	unsigned int drains[WQS], aborts[WQS], submitted[WQS];
	uint8_t last[64];
	uint32_t pasid; /* that was named last */
	unsigned int vector, forgets;
	uint32_t handle; /* to be given out, and put back */
} queues;

static struct dsa_full_regs regs;

static inline struct dsa_full_enabled fake_enabled(void *data)
{
	return queues.enabled;
}

static inline int fake_open(void *data, unsigned int wq, const struct dsa_full_wq *config)
{
	assert_false(queues.is_open[wq]);
	if (queues.open_error)
		return queues.open_error;
	queues.is_open[wq] = true;
	queues.opened[wq] = *config;
	return 0;
}

static inline void fake_close(void *data, unsigned int wq)
{
	assert_true(queues.is_open[wq]);
	queues.is_open[wq] = false;
}

static inline void fake_drain(void *data, unsigned int wq, uint32_t pasid)
{
	queues.pasid = pasid;
	assert_true(queues.is_open[wq]);
	queues.drains[wq]++;
	if (!queues.puts_off)
		dsa_full_ended(&regs, wq);
}

static inline void fake_abort(void *data, unsigned int wq, uint32_t pasid)
{
	queues.pasid = pasid;
	assert_true(queues.is_open[wq]);
	queues.aborts[wq]++;
	if (!queues.puts_off)
		dsa_full_ended(&regs, wq);
}

static inline int fake_submit(void *data, unsigned int wq, uint32_t pasid,
			      const uint8_t *descriptor)
{
	queues.pasid = pasid;
	assert_true(queues.is_open[wq]);
	if (queues.refuses)
		return -EAGAIN;
	if (pasid == STRANGER)
		return -ENXIO;
	memcpy(queues.last, descriptor, 64);
	queues.submitted[wq]++;
	return 0;
}

static inline unsigned int fake_occupied(void *data, unsigned int wq)
{
	return queues.occupied[wq];
}

static inline void fake_interrupt(void *data)
{
	queues.interrupts++;
}

static inline int fake_get_handle(void *data, unsigned int vector, uint32_t pasid, uint32_t *ret)
{
	queues.vector = vector;
	queues.pasid = pasid;
	if (pasid == STRANGER)
		return -ENXIO;
	*ret = queues.handle;
	return 0;
}

static inline int fake_put_handle(void *data, uint32_t handle)
{
	return handle == queues.handle ? 0 : -ENOENT;
}

static inline void fake_forget_handles(void *data)
{
	queues.forgets++;
}

static const struct dsa_full_ops fake_ops = {
	.enabled = fake_enabled,
	.open = fake_open,
	.close = fake_close,
	.drain = fake_drain,
	.abort = fake_abort,
	.submit = fake_submit,
	.occupied = fake_occupied,
	.get_handle = fake_get_handle,
	.put_handle = fake_put_handle,
	.forget_handles = fake_forget_handles,
	.interrupt = fake_interrupt,
};

static inline void full_begin_as(const struct dsa_full_shape *shape)
{
	memset(&queues, 0, sizeof(queues));
	queues.enabled.bus_master = true;
	dsa_full_init(&regs, shape, &fake_ops, NULL);
}

static inline int full_begin(void **state)
{
	full_begin_as(&dsa_full_v1_shape);
	return 0;
}

/* ---- Registers ----------------------------------------------------------------------------- */

static inline void put32(uint64_t offset, uint32_t value)
{
	dsa_full_write(&regs, offset, 4, value);
}

static inline void put64(uint64_t offset, uint64_t value)
{
	dsa_full_write(&regs, offset, 8, value);
}

static inline uint32_t get32(uint64_t offset)
{
	return (uint32_t)dsa_full_read(&regs, offset, 4);
}

static inline uint64_t get64(uint64_t offset)
{
	return dsa_full_read(&regs, offset, 8);
}

/* Writes CMD; what CMDSTS says then. */
static inline uint32_t command(uint32_t value)
{
	put32(0xa0, value);
	return get32(0xa8);
}

/* ---- Configuring --------------------------------------------------------------------------- */

enum {
	GENCFG = 0x80,
	GENCTRL = 0x88,
	GENSTS = 0x90,
	INTCAUSE = 0x98,
	CMD = 0xa0,
	CMDSTS = 0xa8,
	SWERR = 0xc0,
	GRPCFG = 0x400,
	WQCFG = 0x500,
	MSIX_PERM = 0x700,
};

#define ENABLE_DEVICE  (1u << 20)
#define DISABLE_DEVICE (2u << 20)
#define DRAIN_ALL      (3u << 20)
#define ABORT_ALL      (4u << 20)
#define RESET_DEVICE   (5u << 20)
#define ENABLE_WQ      (6u << 20)
#define DISABLE_WQ     (7u << 20)
#define DRAIN_WQ       (8u << 20)
#define ABORT_WQ       (9u << 20)
#define RESET_WQ       (10u << 20)
#define INT_REQ	       0x80000000u
#define ACTIVE	       0x80000000u

#define DEDICATED 1u
#define BOF	  2u

static inline uint64_t wqcfg(unsigned int wq, unsigned int word)
{
	return WQCFG + 64 * wq + 4 * word;
}

static inline void configure_wq(unsigned int wq, uint32_t size, uint32_t threshold, uint32_t mode)
{
	put32(wqcfg(wq, 0), size);
	put32(wqcfg(wq, 1), threshold);
	put32(wqcfg(wq, 2), mode | 10 << 4);
	put32(wqcfg(wq, 3), 21 | 5 << 5);
}

/* Group 0 has all WQs and engines; WQ 0 is dedicated with 16 slots, WQ 1 shared with 8, 4 limited.
 */
static inline void configure(void)
{
	put64(GRPCFG, 0xff);
	put64(GRPCFG + 0x20, 0xf);
	configure_wq(0, 16, 0, DEDICATED);
	configure_wq(1, 8, 4, 0);
}

static inline void enable(void)
{
	configure();
	assert_int_equal(command(ENABLE_DEVICE), 0);
	assert_int_equal(command(ENABLE_WQ | 0), 0);
	assert_int_equal(command(ENABLE_WQ | 1), 0);
}

/* ---- Submitting ---------------------------------------------------------------------------- */

static inline int submit(unsigned int wq, enum dsa_portal_kind kind)
{
	struct dsa_submission submission = {.wq = wq, .kind = kind};

	for (unsigned int i = 0; i < 64; i++)
		submission.descriptor[i] = (uint8_t)(0xf0 + i);
	return dsa_full_submit(&regs, &submission);
}

#endif
