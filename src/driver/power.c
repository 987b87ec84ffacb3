/* SPDX-License-Identifier: BSD-2-Clause */
/* Low power at the driver's word. */
#include <errno.h>

#include "base/export.h"
#include "driver/events.h"

UMD_EXPORT int umd_driver_low_power_enter(struct umd_driver *driver, bool wakeup)
{
	int fd = wakeup ? umd_driver_events_wakeup_fd(driver) : -1;

	if (wakeup && fd < 0)
		return -EINVAL;
	return driver->backend->enter_low_power(driver, fd);
}

UMD_EXPORT int umd_driver_low_power_exit(struct umd_driver *driver)
{
	return driver->backend->exit_low_power(driver);
}
