/* SPDX-License-Identifier: BSD-2-Clause */
/* Driving a device of this process: a driver's calls are the device's, with nothing between. */
#include "driver/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/foreign.h"
#include "driver/events.h"
#include "wire/proto.h"

#define DEFERRAL_MS 1000 /* as the server has it */

/* NOLINTBEGIN(misc-redundant-expression): these are the device's, and are to stay so */
static_assert((int)UMD_DRIVER_CONFIG == UMD_REGION_CONFIG, "regions");
static_assert((int)UMD_DRIVER_REQ == UMD_IRQ_REQ, "interrupts");
static_assert(UMD_AREAS_MAX <= UMD_DRIVER_AREAS_MAX, "areas");
/* NOLINTEND(misc-redundant-expression) */

/* ---- Time ---------------------------------------------------------------------------------- */

int umd_fake_begin(struct umd_fake *fake)
{
	if (fake->device)
		umd_poller_dispatch(&fake->device->poller, 0);
	return fake->device ? 0 : -ENODEV;
}

uint64_t umd_fake_deadline(const struct umd_fake *fake)
{
	int ms = fake->driver.timeout_ms < DEFERRAL_MS ? fake->driver.timeout_ms : DEFERRAL_MS;

	return umd_now_ns() + (uint64_t)ms * 1000000;
}

void umd_fake_wait(struct umd_fake *fake, uint64_t deadline_ns)
{
	uint64_t now = umd_now_ns();
	uint64_t left_ms = now < deadline_ns ? (deadline_ns - now + 999999) / 1000000 : 0;

	umd_poller_dispatch(&fake->device->poller, (int)left_ms);
}

static uint32_t dispatch(struct umd_driver *driver)
{
	umd_fake_begin(umd_fake(driver));
	return EPOLLIN;
}

/* ---- Opening ------------------------------------------------------------------------------- */

/* Nobody but the caller waits for a request. */
static void request_done(void *data)
{
}

static struct umd_fake *create(const char *name, int timeout_ms)
{
	struct umd_fake *fake = calloc(1, sizeof(*fake));

	if (!fake)
		return NULL;

	fake->name = strdup(name);
	fake->request.done = request_done;
	fake->driver = (struct umd_driver){
		.backend = &umd_fake_backend,
		.limits = {.size = sizeof(struct umd_driver_limits),
			   .max_data_xfer_size = UMD_WIRE_MAX_XFER,
			   .max_msg_fds = UMD_DRIVER_VECTORS_MAX,
			   .max_dma_maps = UMD_DMA_MAPS_MAX,
			   .page_sizes = UMD_WIRE_PGSIZES},
		.info = {.size = sizeof(struct umd_driver_info),
			 .flags = UMD_DRIVER_RESET | UMD_DRIVER_PCI,
			 .regions = UMD_REGIONS,
			 .irqs = UMD_IRQ_INDEXES},
		.max_transfer = UMD_WIRE_MAX_XFER,
		.timeout_ms = timeout_ms,
	};
	if (fake->name)
		return fake;
	free(fake);
	return NULL;
}

static void destroy(struct umd_fake *fake)
{
	free(fake->name);
	free(fake);
}

static int fail(const char *name, int err, struct umd_error *error)
{
	const char *why = err == -ENOENT   ? "no device of this name is offered in this process"
			  : err == -EBUSY  ? "the device has another driver"
			  : err == -ENODEV ? "the device was unplugged"
					   : strerror(-err);

	return umd_error_set(error, err, "fake:%s: %s", name, why);
}

static int open_device(const char *name, const struct umd_driver_options *options,
		       struct umd_driver **ret, struct umd_error *error)
{
	struct umd_fake *fake = create(name, (int)options->timeout_ms);
	int err = fake ? umd_fake_take(name, fake) : -ENOMEM;

	if (err) {
		if (fake)
			destroy(fake);
		return fail(name, err, error);
	}
	*ret = &fake->driver;
	return 0;
}

static void close_device(struct umd_driver *driver)
{
	umd_fake_give_back(umd_fake(driver));
	destroy(umd_fake(driver));
}

static const char *get_name(const struct umd_driver *driver)
{
	return ((const struct umd_fake *)driver)->name;
}

/* ---- Regions ------------------------------------------------------------------------------- */

/* The BAR of an index that has mappable areas, or NULL. */
static const struct umd_bar *find_mappable(const struct umd_device *device, unsigned int index)
{
	return index < UMD_BARS && device->bars[index].area_count ? &device->bars[index] : NULL;
}

static int get_region(struct umd_driver *driver, unsigned int index, struct umd_driver_region *ret,
		      struct umd_driver_area *areas)
{
	const struct umd_device *device = umd_fake(driver)->device;
	struct umd_driver_region region = {.size = sizeof(region)};
	const struct umd_bar *bar;

	if (!device)
		return -ENODEV;

	region.bytes = umd_device_region_size(device, index);
	if (region.bytes)
		region.flags = UMD_DRIVER_REGION_READ;
	if (region.bytes && index != UMD_REGION_ROM)
		region.flags |= UMD_DRIVER_REGION_WRITE;
	bar = find_mappable(device, index);
	if (bar) {
		region.flags |= UMD_DRIVER_REGION_MMAP;
		region.areas = bar->area_count;
		region.mmap_offset = bar->memory_offset;
		for (unsigned int i = 0; i < bar->area_count; i++)
			areas[i] = (struct umd_driver_area){bar->backed[i].offset,
							    bar->backed[i].size};
	}
	*ret = region;
	return 0;
}

static int map_region(struct umd_driver *driver, unsigned int index, uint64_t offset, size_t bytes,
		      int prot, void **ret)
{
	const struct umd_device *device = umd_fake(driver)->device;
	const struct umd_bar *bar = device ? find_mappable(device, index) : NULL;
	void *address;

	if (!bar)
		return device ? -ENOTSUP : -ENODEV;

	address = mmap(NULL, bytes, prot, MAP_SHARED, bar->memory_fd,
		       (off_t)(bar->memory_offset + offset));
	if (address == MAP_FAILED)
		return -errno;
	*ret = address;
	return 0;
}

/* What a handler puts off ends in its own time, or is cancelled. */
static int access_region(struct umd_fake *fake, unsigned int index, bool write, uint64_t offset,
			 void *data, size_t size)
{
	struct umd_request *request = &fake->request;
	int err = umd_fake_begin(fake);
	uint64_t deadline;

	if (err)
		return err;

	request->region = index;
	request->write = write;
	request->offset = offset;
	request->data = data;
	request->size = size;
	umd_device_access(fake->device, request);
	deadline = request->state == UMD_REQUEST_DEFERRED ? umd_fake_deadline(fake) : 0;
	while (request->state == UMD_REQUEST_DEFERRED) {
		if (umd_now_ns() >= deadline)
			umd_request_cancel(request, -ETIMEDOUT);
		else
			umd_fake_wait(fake, deadline);
	}
	return request->error;
}

static int read_region(struct umd_driver *driver, unsigned int index, uint64_t offset, void *to,
		       size_t size)
{
	return access_region(umd_fake(driver), index, false, offset, to, size);
}

static int write_region(struct umd_driver *driver, unsigned int index, uint64_t offset,
			const void *from, size_t size)
{
	return access_region(umd_fake(driver), index, true, offset, (void *)(uintptr_t)from, size);
}

/* ---- The device ---------------------------------------------------------------------------- */

/* What says that the device is gone is remembered. */
static int note(struct umd_fake *fake, int err)
{
	if (err == -ENODEV)
		umd_driver_events_gone(&fake->driver);
	return err;
}

static int reset(struct umd_driver *driver)
{
	struct umd_fake *fake = umd_fake(driver);
	int err = umd_fake_begin(fake);

	if (!err)
		err = umd_device_reset_by_client(fake->device);
	if (!err)
		umd_fake_drain_all(fake);
	return note(fake, err);
}

static int get_irq(struct umd_driver *driver, unsigned int index, struct umd_driver_irq *ret)
{
	const struct umd_device *device = umd_fake(driver)->device;

	if (!device)
		return -ENODEV;
	*ret = (struct umd_driver_irq){.size = sizeof(*ret),
				       .flags = umd_irqs_flags((enum umd_irq)index),
				       .count = device->irqs.indexes[index].count};
	return 0;
}

/* The device takes eventfds over: copies. */
static int copy_fds(const int *fds, unsigned int count, int **ret)
{
	int *copies = malloc((count ? count : 1) * sizeof(*copies));

	if (!copies)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++) {
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (copies[i] < 0) {
			int err = -errno;

			umd_foreign_close_all(copies, i);
			free(copies);
			return err;
		}
	}
	*ret = copies;
	return 0;
}

static int set_irqs(struct umd_driver *driver, const struct umd_driver_irq_set *set)
{
	struct umd_fake *fake = umd_fake(driver);
	unsigned int count = set->fds ? set->count : 0;
	int *fds = NULL;
	int err = umd_fake_begin(fake);

	if (!err)
		err = copy_fds(set->fds, count, &fds);
	if (err)
		return note(fake, err);

	err = umd_device_set_irqs(fake->device, &(struct umd_irq_set){.flags = set->flags,
								      .index = set->index,
								      .start = set->start,
								      .count = set->count,
								      .fds = fds,
								      .fd_count = count});
	umd_foreign_close_all(fds, count);
	free(fds);
	return note(fake, err);
}

static int enter_low_power(struct umd_driver *driver, int wakeup_fd)
{
	struct umd_fake *fake = umd_fake(driver);
	cleanup_foreign int copy = -1;
	int err = umd_fake_begin(fake);

	if (err)
		return note(fake, err);
	if (wakeup_fd >= 0) {
		copy = fcntl(wakeup_fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			return -errno;
	}
	return note(fake, umd_power_enter_low(fake->device, wakeup_fd >= 0 ? &copy : NULL));
}

static int exit_low_power(struct umd_driver *driver)
{
	struct umd_fake *fake = umd_fake(driver);
	int err = umd_fake_begin(fake);

	return note(fake, err ? err : umd_power_exit_low(fake->device));
}

/* Readable when the device has something to do; nobody hangs up. */
static int link_fd(const struct umd_driver *driver)
{
	const struct umd_fake *fake = (const struct umd_fake *)driver;

	return fake->device ? fake->device->poller.fd : -ENODEV;
}

static int ask_presence(struct umd_driver *driver)
{
	const struct umd_fake *fake = umd_fake(driver);

	return fake->device && !umd_unplug_is_gone(fake->device) ? 0 : -ENODEV;
}

const struct umd_driver_backend umd_fake_backend = {
	.scheme = "fake",
	.open = open_device,
	.close = close_device,
	.get_region = get_region,
	.get_irq = get_irq,
	.read = read_region,
	.write = write_region,
	.reset = reset,
	.get_name = get_name,
	.map_region = map_region,
	.get_dma_limits = umd_fake_get_dma_limits,
	.map_dma = umd_fake_map_dma,
	.unmap_dma = umd_fake_unmap_dma,
	.start_dirty = umd_fake_start_dirty,
	.stop_dirty = umd_fake_stop_dirty,
	.report_dirty = umd_fake_report_dirty,
	.set_irqs = set_irqs,
	.enter_low_power = enter_low_power,
	.exit_low_power = exit_low_power,
	.link_fd = link_fd,
	.dispatch = dispatch,
	.ask_presence = ask_presence,
	.hear_presence = ask_presence,
};
