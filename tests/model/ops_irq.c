/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts: SET_IRQS in its right and wrong forms, the line, triggers, eventfds that unmask. */
#include "ops.h"

#include <linux/vfio.h>

#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK

#define FDS_MAX 64u

/* ---- SET_IRQS on both ---------------------------------------------------------------------- */

/* Copies of the eventfds go along, as they would with a message; what is not taken is closed. */
static void set_irqs(struct rig *rig, uint32_t flags, uint32_t index, uint32_t start,
		     uint32_t count, const int *eventfds, unsigned int fd_count)
{
	uint8_t bools[FDS_MAX];
	int fds[FDS_MAX];
	const struct umd_irq_set set = {flags, index, start, count, bools, fds, fd_count};
	const struct model_set model_set = {flags, index, start, count, bools, eventfds, fd_count};
	int device;

	rig_note(rig, flags);
	rig_note(rig, index);
	rig_note(rig, start);
	rig_note(rig, count);
	rig_note(rig, fd_count);
	for (unsigned int i = 0; i < FDS_MAX; i++)
		bools[i] = (uint8_t)rig_chance(rig, 50);
	for (unsigned int i = 0; i < fd_count; i++) {
		fds[i] = dup(eventfds[i] >= 0 ? rig->fds[eventfds[i]] : rig->no_event);
		assert_true(fds[i] >= 0);
	}
	device = umd_device_set_irqs(rig->device, &set);
	for (unsigned int i = 0; i < fd_count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	rig_compare(rig, "SET_IRQS", (uint64_t)device,
		    (uint64_t)model_set_irqs(&rig->model, &model_set));
}

/* ---- Forms of it --------------------------------------------------------------------------- */

/* Mostly the index that is in use, so that something happens. */
static uint32_t some_index(struct rig *rig)
{
	if (rig->model.live != MODEL_IRQS && rig_chance(rig, 70))
		return rig->model.live;
	return (uint32_t)rig_below(rig, UMD_IRQ_INDEXES);
}

static uint32_t count_of(const struct rig *rig, uint32_t index)
{
	return rig->device->irqs.indexes[index].count;
}

/* A range within the index, or as good as. */
static void some_range(struct rig *rig, uint32_t index, uint32_t *ret_start, uint32_t *ret_count)
{
	uint32_t count = count_of(rig, index);

	*ret_start = count ? (uint32_t)rig_below(rig, count) : 0;
	if (rig_chance(rig, 40))
		*ret_start = 0;
	if (index == UMD_IRQ_MSI && rig->model.allocated < count && rig_chance(rig, 30))
		*ret_start = rig->model.allocated;
	*ret_count = count ? 1 + (uint32_t)rig_below(rig, count - *ret_start) : 1;
	if (rig_chance(rig, 3))
		*ret_count = 0;
}

static void assign(struct rig *rig)
{
	uint32_t index = some_index(rig), start, count;
	int eventfds[FDS_MAX];

	some_range(rig, index, &start, &count);
	for (uint32_t i = 0; i < count; i++)
		eventfds[i] = (int)rig_below(rig, RIG_TRIGGERS);
	set_irqs(rig, EVENTFD | TRIGGER, index, start, count, eventfds, count);
}

static void assign_nothing(struct rig *rig)
{
	uint32_t index = some_index(rig), start, count;

	some_range(rig, index, &start, &count);
	set_irqs(rig, EVENTFD | TRIGGER, index, start, count, NULL, 0);
}

/* One of several is no eventfd, or there are too few. */
static void assign_wrongly(struct rig *rig)
{
	uint32_t index = some_index(rig), start, count;
	int eventfds[FDS_MAX];

	some_range(rig, index, &start, &count);
	for (uint32_t i = 0; i < FDS_MAX; i++)
		eventfds[i] = (int)rig_below(rig, RIG_TRIGGERS);
	if (rig_chance(rig, 50)) {
		eventfds[count ? rig_below(rig, count) : 0] = MODEL_NO_EVENT;
		set_irqs(rig, EVENTFD | TRIGGER, index, start, count, eventfds, count);
	} else {
		set_irqs(rig, EVENTFD | TRIGGER, index, start, count, eventfds, count + 1);
	}
}

static void disable(struct rig *rig)
{
	uint32_t index = some_index(rig), count = count_of(rig, index);

	set_irqs(rig, NONE | TRIGGER, index, count ? (uint32_t)rig_below(rig, count) : 0, 0, NULL,
		 0);
}

static void loop_back(struct rig *rig)
{
	uint32_t index = some_index(rig), start, count;

	some_range(rig, index, &start, &count);
	if (!count) /* that would be to disable it */
		count = 1;
	set_irqs(rig, (rig_chance(rig, 50) ? NONE : BOOL) | TRIGGER, index, start, count, NULL, 0);
}

static void mask_or_unmask(struct rig *rig)
{
	uint32_t index = rig_chance(rig, 90) ? UMD_IRQ_INTX : some_index(rig);
	uint32_t action = rig_chance(rig, 30) ? MASK : UNMASK;

	set_irqs(rig, (rig_chance(rig, 70) ? NONE : BOOL) | action, index, 0,
		 rig_chance(rig, 97) ? 1 : 0, NULL, 0);
}

static void assign_unmask(struct rig *rig)
{
	int eventfd = (int)(RIG_TRIGGERS + rig_below(rig, RIG_UNMASKS));

	if (rig_chance(rig, 5))
		eventfd = MODEL_NO_EVENT;
	set_irqs(rig, EVENTFD | (rig_chance(rig, 95) ? UNMASK : MASK), UMD_IRQ_INTX, 0, 1, &eventfd,
		 rig_chance(rig, 90));
}

/* Whatever there is, right or wrong. */
static void set_anything(struct rig *rig)
{
	static const uint32_t counts[] = {0, 1, 2, 33, UINT32_MAX};
	uint32_t flags = (uint32_t)rig_below(rig, 64), index = (uint32_t)rig_below(rig, 7);
	uint32_t start = rig_chance(rig, 60) ? 0 : (uint32_t)rig_below(rig, 40);
	uint32_t count = counts[rig_below(rig, UNIT_COUNT(counts))];
	int eventfds[2] = {(int)rig_below(rig, RIG_TRIGGERS), (int)rig_below(rig, RIG_TRIGGERS)};

	if (rig_chance(rig, 5))
		flags |= 1u << (6 + rig_below(rig, 26));
	if (flags & UNMASK) /* these eventfds are the device's to signal */
		eventfds[0] = (int)RIG_TRIGGERS;
	set_irqs(rig, flags, index, start, count, eventfds, (unsigned int)rig_below(rig, 3));
}

/* ---- Triggers ------------------------------------------------------------------------------ */

static void trigger(struct rig *rig)
{
	uint32_t index = rig->model.live;
	unsigned int vector;
	int device;

	if (index >= UMD_IRQ_INDEXES || rig_chance(rig, 10))
		index = (uint32_t)rig_below(rig, UMD_IRQ_INDEXES + 1);
	vector = (unsigned int)rig_below(rig, MODEL_VECTORS + 1);
	if (index < UMD_IRQ_INDEXES && count_of(rig, index) && rig_chance(rig, 98))
		vector %= count_of(rig, index);
	rig_note(rig, index);
	rig_note(rig, vector);
	device = umd_device_trigger(rig->device, index, vector);
	rig_compare(rig, "a trigger", (uint64_t)device,
		    (uint64_t)model_trigger(&rig->model, index, vector));
}

static void drive_intx(struct rig *rig)
{
	bool asserted = rig_chance(rig, 60);

	rig_note(rig, asserted);
	umd_device_set_intx(rig->device, asserted);
	model_set_intx(&rig->model, asserted);
}

/* ---- Eventfds that unmask ------------------------------------------------------------------ */

static void client_unmasks(struct rig *rig)
{
	unsigned int i = RIG_TRIGGERS + (unsigned int)rig_below(rig, RIG_UNMASKS);

	if (rig->model.unmask >= 0 && rig_chance(rig, 80))
		i = (unsigned int)rig->model.unmask;
	rig_note(rig, i);
	unit_add_event(rig->fds[i]);
	model_signalled(&rig->model, (int)i);
}

static void client_reads(struct rig *rig)
{
	unsigned int i = RIG_TRIGGERS + (unsigned int)rig_below(rig, RIG_UNMASKS);

	rig_note(rig, i);
	rig_compare(rig, "an eventfd of the client's", unit_take_events(rig->fds[i]),
		    rig->model.signals[i]);
	model_drained(&rig->model, (int)i);
}

static void dispatch(struct rig *rig)
{
	rig_compare(rig, "dispatching", (uint64_t)umd_poller_dispatch(&rig->device->poller, 0), 0);
	model_dispatch(&rig->model);
}

/* ---- All of them --------------------------------------------------------------------------- */

const struct model_op model_irq_ops[] = {
	{"SET_IRQS: assign", 35, assign, MODEL_END},
	{"SET_IRQS: assign nothing", 8, assign_nothing, MODEL_END},
	{"SET_IRQS: assign wrongly", 6, assign_wrongly, MODEL_END},
	{"SET_IRQS: disable", 6, disable, MODEL_END},
	{"SET_IRQS: loop back", 12, loop_back, MODEL_END},
	{"SET_IRQS: mask or unmask", 30, mask_or_unmask, MODEL_END},
	{"SET_IRQS: unmask by eventfd", 15, assign_unmask, MODEL_END},
	{"SET_IRQS: anything", 15, set_anything, MODEL_END},
	{"trigger a vector", 180, trigger, MODEL_END},
	{"drive INTx", 50, drive_intx, MODEL_END},
	{"the client signals an eventfd", 20, client_unmasks, MODEL_END},
	{"the client reads an eventfd", 6, client_reads, MODEL_END},
	{"dispatch", 20, dispatch, MODEL_END},
};

const unsigned int model_irq_op_count = UNIT_COUNT(model_irq_ops);
