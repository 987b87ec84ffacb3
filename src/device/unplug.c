/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/unplug.h"

#include <errno.h>
#include <string.h>

#include "base/export.h"
#include "device/device.h"

#define REPEAT_NS UINT64_C(10000000000) /* as the kernel repeats its request */

bool umd_unplug_is_gone(const struct umd_device *device)
{
	return device->unplug.state == UMD_PLUG_GONE;
}

static void end(struct umd_device *device, bool surprise)
{
	device->unplug.state = UMD_PLUG_GONE;
	umd_unplug_finish(device);
	umd_device_update(device);
	if (surprise) {
		umd_irqs_signal_all(&device->irqs);
		umd_irqs_forget(&device->irqs);
		umd_power_signal_wakeup(device);
	}
	if (device->ops.unplugged)
		device->ops.unplugged(device->data, surprise);
}

/* The client did not let go in time. A request under way has nobody left who could complete it. */
static void remove_by_surprise(struct umd_device *device)
{
	if (device->deferred)
		umd_request_cancel(device->deferred, -ENODEV);
	end(device, true);
}

static void ask(struct umd_device *device)
{
	struct umd_unplug *unplug = &device->unplug;
	uint64_t step = unplug->left_ns < REPEAT_NS ? unplug->left_ns : REPEAT_NS;

	umd_irqs_trigger(&device->irqs, UMD_IRQ_REQ, 0);
	unplug->left_ns -= step;
	umd_watch_set_timer(unplug->timer, step);
}

static void timer_fired(void *data, uint32_t events)
{
	struct umd_device *device = data;

	if (device->unplug.left_ns)
		ask(device);
	else
		remove_by_surprise(device);
}

UMD_EXPORT int umd_device_unplug(struct umd_device *device, uint64_t deadline_ns)
{
	struct umd_unplug *unplug = &device->unplug;
	int err;

	if (unplug->state != UMD_PLUG_PRESENT)
		return -EALREADY;
	err = umd_poller_watch_timer(&device->poller, timer_fired, device, &unplug->timer);
	if (err)
		return err;

	unplug->state = UMD_PLUG_ASKED;
	unplug->left_ns = deadline_ns;
	if (!device->has_client)
		umd_unplug_released(device);
	else if (deadline_ns)
		ask(device);
	else
		remove_by_surprise(device);
	return 0;
}

void umd_unplug_released(struct umd_device *device)
{
	if (device->unplug.state == UMD_PLUG_ASKED)
		end(device, false);
}

void umd_unplug_access(struct umd_request *request)
{
	if (!request->write)
		memset(request->data, 0xff, request->size);
}

void umd_unplug_finish(struct umd_device *device)
{
	umd_watch_destroy(device->unplug.timer);
	device->unplug.timer = NULL;
}
