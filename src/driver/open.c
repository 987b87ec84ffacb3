/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening by URI: the scheme names the backend, the rest is the backend's. */
#include "driver/backend.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/export.h"
#include "driver/dma.h"
#include "driver/events.h"
#include "driver/irqs.h"
#include "driver/mapping.h"

static const struct umd_driver_backend *const backends[] = {
	&umd_vfio_user_backend,	  &umd_kernel_pci_backend, &umd_kernel_group_backend,
	&umd_kernel_cdev_backend, &umd_fd_backend,	   &umd_fake_backend,
};

/* The sentence's end; grows with the table. */
#define KNOWN                                                                           \
	"known are vfio-user:PATH, pci:DDDD:BB:DD.F, group:N/DDDD:BB:DD.F, cdev:PATH, " \
	"fd:N, fake:NAME"

#define OPTION_FLAGS (UMD_DRIVER_GUARD_REGIONS | UMD_DRIVER_CAN_RECONNECT)

static const struct umd_driver_backend *find_backend(const char *scheme, size_t length)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		if (strlen(backends[i]->scheme) == length &&
		    memcmp(backends[i]->scheme, scheme, length) == 0)
			return backends[i];
	}
	return NULL;
}

static int complete_options(const struct umd_driver_options *given, struct umd_driver_options *ret,
			    struct umd_error *error)
{
	*ret = (struct umd_driver_options){.size = sizeof(*ret)};
	if (given && umd_driver_take(ret, given, sizeof(*ret)))
		return umd_error_set(error, -EINVAL, "options of a size that is not known");
	if (!ret->timeout_ms)
		ret->timeout_ms = UMD_DRIVER_TIMEOUT_MS;
	if (ret->timeout_ms > INT_MAX)
		return umd_error_set(error, -EINVAL, "a timeout beyond %d ms", INT_MAX);
	if (ret->flags & ~OPTION_FLAGS)
		return umd_error_set(error, -EINVAL, "a flag that is not known");
	if (!ret->sysfs)
		ret->sysfs = "/sys";
	if (!ret->dev)
		ret->dev = "/dev";
	return 0;
}

UMD_EXPORT int umd_driver_open(const char *uri, const struct umd_driver_options *options,
			       struct umd_driver **ret, struct umd_error *error)
{
	const struct umd_driver_backend *backend;
	struct umd_driver_options complete;
	struct umd_driver *driver;
	const char *colon = strchr(uri, ':');
	int err;

	if (!colon)
		return umd_error_set(error, -EINVAL, "'%s' is no URI: " KNOWN, uri);

	backend = find_backend(uri, (size_t)(colon - uri));
	if (!backend)
		return umd_error_set(error, -EPROTONOSUPPORT, "scheme '%.*s' is not known: " KNOWN,
				     (int)(colon - uri), uri);

	err = complete_options(options, &complete, error);
	if (err)
		return err;
	err = backend->open(colon + 1, &complete, &driver, error);
	if (err)
		return err;

	driver->guards = complete.flags & UMD_DRIVER_GUARD_REGIONS;
	*ret = driver;
	return 0;
}

UMD_EXPORT void umd_driver_close(struct umd_driver *driver)
{
	if (!driver)
		return;
	umd_driver_regions_finish(driver);
	umd_driver_irqs_finish(driver);
	umd_driver_dma_destroy(driver);
	umd_driver_events_destroy(driver);
	driver->backend->close(driver);
}
