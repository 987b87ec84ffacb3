/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slice of a parent that does nothing by itself: the tests take what was submitted, end commands,
 * tell notes, and drive the device by the driver library.
 */
#ifndef DSA_SLICE_FIXTURE_H
#define DSA_SLICE_FIXTURE_H

#include "unit.h"

#include <linux/pci_regs.h>
#include <sys/epoll.h>

#include <umdev/driver.h>
#include <umdev/fake.h>
#include <umdev/ims.h>

#include "dsa/engine.h"
#include "dsa/regs.h"
#include "dsa/slice.h"
#include "parent/link.h"

#define SLICE_OWNER 7u

#define LACKS_DIF                                                                              \
	"nop batch drain move fill compare compare-pattern delta dualcast crc copy-crc dif-x " \
	"cache-flush"
#define ALL LACKS_DIF " dif"

struct rig {
	struct umd_ims *ims;
	struct umd_parent *parent;
	struct umd_device *device;
	struct umd_driver *driver;

	/* The source's. */
	struct umd_watch *parent_watch;
	struct umd_link *link;
	unsigned int connects;
	bool is_away;	/* nothing to connect to */
	bool lacks_dif; /* among its algorithms */
	bool is_other;	/* a parent with other limits */
	bool destroyed;

	/* The parent's author's. */
	struct umd_work *work; /* NULL: no queue is open */
	struct umd_queue_options queue;
	bool holds; /* commands, until rig_end_command() */
	enum umd_queue_command commands[16];
	unsigned int command_count;
};

/* ---- The parent ---------------------------------------------------------------------------- */

static inline int rig_open(void *data, struct umd_work *work, void **ret)
{
	struct rig *rig = data;

	assert_null(rig->work);
	rig->work = work;
	rig->queue = *umd_work_options(work);
	*ret = rig;
	return 0;
}

static inline void rig_close(void *data, void *context)
{
	struct rig *rig = data;

	assert_non_null(rig->work);
	rig->work = NULL;
}

static inline void rig_command(void *data, void *context, enum umd_queue_command command)
{
	struct rig *rig = data;

	assert_true(rig->command_count < UNIT_COUNT(rig->commands));
	rig->commands[rig->command_count++] = command;
	if (!rig->holds)
		umd_work_ended(rig->work, 0);
}

static inline void rig_get_info(void *data, struct umd_parent_info *info)
{
	const struct rig *rig = data;

	info->max_batch = rig->is_other ? 16 : 1024;
	info->max_transfer = UINT64_C(1) << 31;
}

static inline void rig_start_parent(struct rig *rig)
{
	static const struct umd_parent_ops ops = {.open = rig_open,
						  .close = rig_close,
						  .command = rig_command,
						  .get_info = rig_get_info};
	const struct umd_ims_options store = {.size = sizeof(store), .entries = 64};
	struct umd_parent_options options = {.size = sizeof(options),
					     .api = DSA_API,
					     .algorithms = rig->lacks_dif ? LACKS_DIF : ALL,
					     .entry_size = DSA_DESCRIPTOR_SIZE,
					     .max_depth = 1024,
					     .shared_queues = 1,
					     .ops = &ops,
					     .data = rig};

	assert_int_equal(umd_ims_create(&store, &rig->ims), 0);
	options.ims = rig->ims;
	assert_int_equal(umd_parent_create(&options, &rig->parent), 0);
}

/* ---- The source ---------------------------------------------------------------------------- */

static inline void rig_on_parent(void *data, uint32_t events)
{
	const struct rig *rig = data;

	assert_int_equal(umd_parent_dispatch(rig->parent, 0), 0);
}

static inline int rig_connect(void *data, struct umd_device *device, struct umd_link **ret,
			      struct umd_error *error)
{
	const struct umd_owner owner = {
		.size = sizeof(owner), .owner = SLICE_OWNER, .max_weight = 3};
	struct rig *rig = data;
	int err;

	rig->connects++;
	if (rig->is_away)
		return umd_error_set(error, -ECONNREFUSED, "away");
	if (!rig->parent_watch)
		assert_int_equal(umd_watch_fd(device, umd_parent_fd(rig->parent), EPOLLIN,
					      rig_on_parent, rig, &rig->parent_watch),
				 0);
	err = umd_link_open(rig->parent, &owner, umd_device_space(device), ret, error);
	rig->link = err ? NULL : *ret;
	return err;
}

static inline void rig_destroy(void *data)
{
	struct rig *rig = data;

	umd_watch_destroy(rig->parent_watch);
	rig->destroyed = true;
}

/* ---- The slice and its driver -------------------------------------------------------------- */

static inline void rig_start(struct rig *rig, bool shared)
{
	const struct dsa_slice_options options = {
		.name = "slice", .shared = shared, .source = {rig_connect, rig_destroy, rig}};
	struct umd_error error;

	*rig = (struct rig){.connects = 0};
	rig_start_parent(rig);
	if (dsa_slice_create(&options, &rig->device, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(umd_fake_offer(rig->device, "slice"), 0);
	assert_int_equal(umd_driver_open("fake:slice", NULL, &rig->driver, &error), 0);
	assert_int_equal(umd_driver_enable_events(rig->driver), 0);
	assert_int_equal(umd_driver_irq_listen(rig->driver, UMD_DRIVER_MSIX, 0, 2), 0);
}

static inline void rig_stop(struct rig *rig)
{
	umd_driver_close(rig->driver);
	umd_fake_withdraw(rig->device);
	umd_device_destroy(rig->device);
	assert_true(rig->destroyed);
	umd_parent_destroy(rig->parent);
	umd_ims_destroy(rig->ims);
}

/* How often vector 0, or 1, has fired since the last call: what the device does later is done. */
static inline unsigned int rig_take_irqs(struct rig *rig, unsigned int vector)
{
	unsigned int counts[2] = {0};
	struct umd_driver_event event = {.size = sizeof(event)};

	while (umd_driver_next_event(rig->driver, &event) == 0) {
		assert_int_equal(event.kind, UMD_DRIVER_EVENT_IRQ);
		assert_true(event.vector < 2);
		counts[event.vector] += (unsigned int)event.count;
	}
	assert_int_equal(counts[!vector], 0);
	return counts[vector];
}

static inline void rig_set_master(struct rig *rig, bool master)
{
	assert_int_equal(
		umd_driver_config_write16(rig->driver, PCI_COMMAND,
					  PCI_COMMAND_MEMORY | (master ? PCI_COMMAND_MASTER : 0)),
		0);
}

static inline uint32_t rig_read(struct rig *rig, uint64_t offset)
{
	uint32_t value = 0;

	assert_int_equal(umd_driver_read32(rig->driver, UMD_DRIVER_BAR0, offset, &value), 0);
	return value;
}

static inline void rig_write(struct rig *rig, uint64_t offset, uint32_t value)
{
	assert_int_equal(umd_driver_write32(rig->driver, UMD_DRIVER_BAR0, offset, value), 0);
}

static inline uint32_t rig_cmd(enum dsa_command command, uint32_t operand)
{
	return (uint32_t)DSA_PUT(command, DSA_CMD_CODE) | operand;
}

/* As idxd does it: by interrupt, which is acknowledged. Returns CMDSTS. */
static inline uint32_t rig_command_by_irq(struct rig *rig, enum dsa_command command,
					  uint32_t operand)
{
	rig_write(rig, DSA_CMD, rig_cmd(command, operand) | DSA_CMD_INT);
	assert_int_equal(rig_take_irqs(rig, 0), 1);
	assert_int_equal(rig_read(rig, DSA_INTCAUSE), DSA_INTCAUSE_CMD);
	rig_write(rig, DSA_INTCAUSE, DSA_INTCAUSE_CMD);
	return rig_read(rig, DSA_CMDSTS);
}

static inline void rig_enable(struct rig *rig)
{
	rig_set_master(rig, true);
	assert_int_equal(rig_command_by_irq(rig, DSA_ENABLE_DEVICE, 0), 0);
	assert_int_equal(rig_command_by_irq(rig, DSA_ENABLE_WQ, 0), 0);
}

static inline unsigned int rig_state(struct rig *rig)
{
	return rig_read(rig, DSA_GENSTS) & DSA_GENSTS_STATE;
}

/* A descriptor whose bytes are all the same, to the limited portal. What the write returns. */
static inline int rig_submit(struct rig *rig, uint8_t byte)
{
	uint8_t descriptor[DSA_DESCRIPTOR_SIZE];

	memset(descriptor, byte, sizeof(descriptor));
	return umd_driver_region_write(rig->driver, UMD_DRIVER_BAR2, DSA_PORTAL_PAGE, descriptor,
				       sizeof(descriptor));
}

/* The last byte of what has been submitted next; -1: nothing. No sender is named. */
static inline int rig_take(struct rig *rig)
{
	uint8_t descriptor[DSA_DESCRIPTOR_SIZE];

	if (!rig->work || umd_work_take(rig->work, descriptor, 1) != 1)
		return -1;
	for (unsigned int i = 0; i < sizeof(descriptor); i++)
		assert_int_equal(descriptor[i], i < 4 ? 0 : descriptor[63]);
	return descriptor[63];
}

/* The command that was held ends, and the device hears of it. */
static inline void rig_end_command(struct rig *rig, int result)
{
	umd_work_ended(rig->work, result);
	rig_take_irqs(rig, 0);
}

#endif
