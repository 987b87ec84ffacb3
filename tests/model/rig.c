/* SPDX-License-Identifier: BSD-2-Clause */
#include "rig.h"

#include <stdio.h>
#include <sys/eventfd.h>

#include "device.h"

/* ---- Random numbers and the history -------------------------------------------------------- */

uint64_t rig_below(struct rig *rig, uint64_t limit)
{
	return unit_below(&rig->random, limit);
}

bool rig_chance(struct rig *rig, unsigned int percent)
{
	return rig_below(rig, 100) < percent;
}

void rig_note(struct rig *rig, uint64_t number)
{
	struct rig_record *record = &rig->history[rig->step % RIG_HISTORY];

	if (record->count < RIG_NUMBERS)
		record->numbers[record->count++] = number;
}

void rig_print_history(const struct rig *rig)
{
	uint64_t first = rig->step < RIG_HISTORY ? 0 : rig->step - RIG_HISTORY;

	for (uint64_t step = first; step < rig->step; step++) {
		const struct rig_record *record = &rig->history[step % RIG_HISTORY];

		fprintf(stderr, "%8llu %s", (unsigned long long)step, record->name);
		for (unsigned int i = 0; i < record->count; i++)
			fprintf(stderr, " 0x%llx", (unsigned long long)record->numbers[i]);
		fprintf(stderr, "\n");
	}
	fprintf(stderr, "%s\n", rig->mismatch);
}

/* ---- Comparing ----------------------------------------------------------------------------- */

void rig_compare(struct rig *rig, const char *what, uint64_t device, uint64_t model)
{
	if (device == model || rig->mismatch[0])
		return;
	snprintf(rig->mismatch, sizeof(rig->mismatch),
		 "%s: the device has 0x%llx (%lld), the model 0x%llx (%lld)", what,
		 (unsigned long long)device, (long long)device, (unsigned long long)model,
		 (long long)model);
}

void rig_compare_bytes(struct rig *rig, const char *what, const uint8_t *device,
		       const uint8_t *model, size_t size)
{
	size_t i = 0;

	if (rig->mismatch[0] || memcmp(device, model, size) == 0)
		return;
	while (device[i] == model[i])
		i++;
	snprintf(rig->mismatch, sizeof(rig->mismatch),
		 "%s: at 0x%zx the device has 0x%02x, the model 0x%02x", what, i, device[i],
		 model[i]);
}

static void check_logs(struct rig *rig)
{
	struct rig_log *device = &rig->device_log, *model = &rig->model_log;

	rig_compare(rig, "accesses to registers", device->accesses, model->accesses);
	if (device->call_count || model->call_count) {
		rig_compare(rig, "number of calls", device->call_count, model->call_count);
		rig_compare_bytes(rig, "calls", (uint8_t *)device->calls, (uint8_t *)model->calls,
				  sizeof(device->calls));
		memset(device->calls, 0, sizeof(device->calls));
		memset(model->calls, 0, sizeof(model->calls));
		device->call_count = model->call_count = 0;
	}
	if (!device->is_touched && !model->is_touched)
		return;
	rig_compare_bytes(rig, "bytes of a body written", device->touched[0], model->touched[0],
			  sizeof(device->touched));
	memset(device->touched, 0, sizeof(device->touched));
	memset(model->touched, 0, sizeof(model->touched));
	device->is_touched = model->is_touched = false;
}

static uint64_t take(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void check_eventfd(struct rig *rig, unsigned int i)
{
	char what[32];

	snprintf(what, sizeof(what), "signals of eventfd %u", i);
	rig_compare(rig, what, take(rig->fds[i]), rig->model.signals[i]);
	rig->model.signals[i] = 0;
}

static void check_config(struct rig *rig)
{
	uint8_t image[MODEL_SPACE];

	for (unsigned int at = 0; at < rig->model.size; at += 4) {
		uint32_t value = umd_device_config_read(rig->device, at, 4);

		for (unsigned int i = 0; i < 4; i++)
			image[at + i] = (uint8_t)(value >> 8 * i);
	}
	rig_compare_bytes(rig, "config space", image, rig->model.bytes, rig->model.size);
}

/* The pending bits, past COMMAND and the power state. */
static void check_pending(struct rig *rig)
{
	for (unsigned int i = 0; i < rig->model.shape->vectors; i++) {
		bool pending = rig->device->irqs.msix.pending[i / 8] >> i % 8 & 1;

		rig_compare(rig, "a pending bit of MSI-X", pending, rig->model.entries[i].pending);
	}
}

static void check_vectors(struct rig *rig)
{
	for (enum umd_irq i = 0; i < UMD_IRQ_INDEXES; i++)
		rig_compare(rig, "vectors in use", umd_device_enabled_vectors(rig->device, i),
			    model_enabled_vectors(&rig->model, (enum model_irq)i));
}

void rig_check(struct rig *rig)
{
	check_logs(rig);
	check_config(rig);
	for (unsigned int i = 0; i < RIG_TRIGGERS; i++) {
		if (rig->model.signals[i])
			check_eventfd(rig, i);
	}
}

void rig_check_all(struct rig *rig)
{
	for (unsigned int i = 0; i < RIG_TRIGGERS; i++)
		check_eventfd(rig, i);
	check_pending(rig);
	check_vectors(rig);
}

/* ---- Accesses ------------------------------------------------------------------------------ */

void rig_access(struct rig *rig, uint32_t region, bool write, uint64_t offset, const void *data,
		size_t size)
{
	static uint8_t device_data[MODEL_SPACE], model_data[MODEL_SPACE];
	struct umd_request request = {
		.region = region, .write = write, .offset = offset, .size = size};
	int err;

	rig_note(rig, region);
	rig_note(rig, write);
	rig_note(rig, offset);
	rig_note(rig, size);
	memset(device_data, 0, size);
	memset(model_data, 0, size);
	if (write) {
		memcpy(device_data, data, size);
		memcpy(model_data, data, size);
	}
	request.data = device_data;
	umd_device_access(rig->device, &request);
	err = model_access(&rig->model, region, write, offset, model_data, size);
	rig_compare(rig, "result of an access", (uint64_t)request.error, (uint64_t)err);
	if (!err && !write)
		rig_compare_bytes(rig, "what was read", device_data, model_data, size);
}

void rig_write_config(struct rig *rig, uint64_t offset, unsigned int size, uint32_t value)
{
	uint8_t bytes[4];

	for (unsigned int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	rig_access(rig, UMD_REGION_CONFIG, true, offset, bytes, size);
	rig_note(rig, value);
}

/* ---- Beginning and end --------------------------------------------------------------------- */

static void find_places(struct rig *rig)
{
	for (unsigned int at = 0; at < rig->model.size; at += 4) {
		bool is_one = false;

		for (unsigned int bit = 0; bit < 32; bit++)
			is_one |= rig->model.kinds[at * 8 + bit] != 0;
		if (is_one)
			rig->places[rig->place_count++] = (uint16_t)at;
	}
}

void rig_init(struct rig *rig, const struct model_shape *shape, uint64_t seed)
{
	const struct model_sink sink = model_device_sink(rig);

	*rig = (struct rig){.random = seed};
	for (unsigned int i = 0; i < RIG_EVENTFDS; i++) {
		rig->fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_true(rig->fds[i] >= 0);
	}
	rig->no_event = memfd_create("no eventfd", MFD_CLOEXEC);
	assert_true(rig->no_event >= 0);
	assert_int_equal(model_init(&rig->model, shape, &sink), 0);
	rig->device = model_device_create(rig, shape);
	find_places(rig);
}

void rig_finish(struct rig *rig)
{
	umd_device_destroy(rig->device);
	model_finish(&rig->model);
	close(rig->no_event);
	for (unsigned int i = 0; i < RIG_EVENTFDS; i++)
		close(rig->fds[i]);
}
