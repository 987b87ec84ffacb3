/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that came back: connected to anew, and set up as it was. */
#include <errno.h>

#include "base/export.h"
#include "driver/dma.h"
#include "driver/events.h"
#include "driver/irqs.h"
#include "driver/mapping.h"

UMD_EXPORT int umd_driver_reconnect(struct umd_driver *driver)
{
	int err;

	if (!driver->backend->reconnect || !driver->reconnects)
		return -EOPNOTSUPP;

	err = driver->backend->reconnect(driver);
	if (err)
		return err;

	driver->gone = false;
	err = umd_driver_dma_restore(driver);
	if (!err)
		err = umd_driver_irqs_restore(driver);
	if (err) {
		driver->backend->disconnect(driver);
		return err;
	}
	umd_driver_regions_finish(driver);
	return 0;
}
