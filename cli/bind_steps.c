/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps from one driver to another. The kernel does each while its attribute is written; the
 * short waits are for drivers that probe behind it.
 */
#include "bind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SETTLE_MS 1000

static bool has_vfio_pci(void *context)
{
	const struct bind_roots *roots = context;
	char path[PATH_MAX];

	bind_path(path, "%s/bus/pci/drivers/" BIND_VFIO, roots->sysfs);
	return bind_exists(path);
}

int bind_load_driver(const struct bind_roots *roots, struct umd_error *error)
{
	const char *const load[] = {roots->modprobe, BIND_VFIO, NULL};
	int status;

	if (has_vfio_pci((void *)roots))
		return 0;
	status = bind_program(load);
	if (status < 0)
		return umd_error_set(error, status,
				     "the kernel lacks vfio-pci, and %s cannot be run: %s",
				     roots->modprobe, strerror(-status));
	if (status || !bind_wait(has_vfio_pci, (void *)roots, SETTLE_MS))
		return umd_error_set(error, -ENODEV,
				     "the kernel lacks vfio-pci, and `%s vfio-pci` did not load it "
				     "(status %d): it needs CONFIG_VFIO_PCI",
				     roots->modprobe, status);
	return 0;
}

static bool is_unbound(void *context)
{
	struct bind_device *device = context;

	bind_look_again(device);
	return !device->driver[0];
}

static bool is_bound(void *context)
{
	struct bind_device *device = context;

	bind_look_again(device);
	return device->driver[0];
}

int bind_release(struct bind_device *device, struct umd_error *error)
{
	char driver[BIND_NAME_MAX];
	int err;

	bind_look_again(device);
	if (!device->driver[0])
		return 0;
	memcpy(driver, device->driver, sizeof(driver));
	err = bind_write_attribute(device, "driver/unbind", device->address);
	if (err == -ENOENT || err == -EACCES)
		return umd_error_set(error, err, "the driver %s cannot be told to let it go: %s",
				     driver, strerror(-err));
	if (err)
		return umd_error_set(error, err, "the driver %s does not let it go: %s", driver,
				     strerror(-err));
	if (!bind_wait(is_unbound, device, SETTLE_MS))
		return umd_error_set(error, -EBUSY, "the driver %s does not let it go", driver);
	return 0;
}

/* An empty text would not be a write: a line end is what clears it. */
static int set_override(struct bind_device *device, const char *override, struct umd_error *error)
{
	char line[BIND_NAME_MAX + 1];
	int err;

	snprintf(line, sizeof(line), "%s\n", override);
	err = bind_write_attribute(device, "driver_override", line);
	if (err == -EACCES || err == -EPERM)
		return umd_error_set(error, err,
				     "%s/driver_override cannot be written: %s "
				     "(it takes root)",
				     device->directory, strerror(-err));
	if (err)
		return umd_error_set(error, err, "%s/driver_override cannot be written: %s",
				     device->directory, strerror(-err));
	return 0;
}

int bind_let_probe(struct bind_device *device, const char *override, struct umd_error *error)
{
	char path[PATH_MAX];
	int err = set_override(device, override, error);

	if (err)
		return err;
	bind_path(path, "%s/bus/pci/drivers_probe", device->roots->sysfs);
	err = bind_write(path, device->address);
	bind_wait(is_bound, device, SETTLE_MS);
	if (err && !device->driver[0])
		return umd_error_set(error, err, "no driver takes it: %s", strerror(-err));
	return 0;
}

void bind_put_back(struct bind_device *device, const char *before, const char *override, char *to,
		   size_t size)
{
	struct umd_error error = {0};
	bool released = true;

	bind_look_again(device);
	if (device->vfio)
		released = !bind_release(device, &error);
	if (released)
		bind_let_probe(device, override, &error);

	if (!strcmp(device->driver, before))
		snprintf(to, size, "it is as it was");
	else if (device->driver[0])
		snprintf(to, size, "it is bound to %s now%s%s", device->driver,
			 error.code ? ": " : "", error.text);
	else
		snprintf(to, size, "it has no driver now; `umdev unbind %s` tries again",
			 device->address);
}

/* Tells the failure, and what has become of the device: it is put back. */
static int give_up(struct bind_device *device, const char *before, const char *override,
		   const struct umd_error *reason, struct umd_error *error)
{
	char outcome[160];

	bind_put_back(device, before, override, outcome, sizeof(outcome));
	return umd_error_set(error, reason->code, "%s; %s", reason->text, outcome);
}

int bind_take(struct bind_device *device, struct umd_error *error)
{
	char before[BIND_NAME_MAX], override[BIND_NAME_MAX];
	struct umd_error reason = {0};

	memcpy(before, device->driver, sizeof(before));
	memcpy(override, device->override, sizeof(override));
	/* First what can be refused without a trace. */
	if (set_override(device, BIND_VFIO, error))
		return error->code;

	if (bind_release(device, &reason) || bind_let_probe(device, BIND_VFIO, &reason))
		return give_up(device, before, override, &reason, error);
	if (device->vfio)
		return 0;
	umd_error_set(&reason, -EIO, "vfio-pci does not take it (dmesg may say why)");
	return give_up(device, before, override, &reason, error);
}

int bind_reset(const struct bind_device *device)
{
	int err = bind_write_attribute(device, "reset", "1");

	return err == -ENOENT ? -EOPNOTSUPP : err;
}
