/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device that the library serves, on a thread of its own, for tests of the driver's end. A test
 * has the thread do things, since the device is that thread's.
 */
#ifndef SERVED_FIXTURE_H
#define SERVED_FIXTURE_H

#include "driver_fixture.h"

#include <linux/pci_regs.h>

#include <umdev/caps.h>
#include <umdev/pasid.h>

#define WAIT_MS	       3000
#define SERVED_VECTORS 4u
#define SERVED_WIDTH   8u /* bits of a PASID */

struct served {
	uint16_t id; /* Device ID; 0: 0x5678 */
	char dir[32], path[48], uri[64];
	struct umd_device *device;
	struct umd_server *server;
	pthread_t thread;
	void (*_Atomic task)(struct umd_device *device);
	atomic_bool stop;
	unsigned int fds_before;
};

static inline void served_create_device(struct served *served)
{
	const struct umd_device_info info = {.size = sizeof(info),
					     .name = "served",
					     .vendor = 0x1234,
					     .device = served->id ? served->id : 0x5678};
	struct umd_error error;

	assert_int_equal(umd_device_create(&info, &served->device), 0);
	umd_device_add_pcie(served->device, &(struct umd_pcie){.flr = true});
	umd_device_add_pasid(served->device, &(struct umd_pasid){.width = SERVED_WIDTH});
	umd_device_add_msi(served->device, &(struct umd_msi){.messages = SERVED_VECTORS});
	if (umd_device_realize(served->device, &error))
		fail_msg("%s", error.text);
}

static inline void *served_run(void *data)
{
	struct served *served = data;

	while (!served->stop) {
		umd_server_dispatch(served->server, 2);
		if (served->task)
			served->task(served->device);
		served->task = NULL;
	}
	return NULL;
}

/* Has the device's thread do something, and waits until it has. */
static inline void served_do(struct served *served, void (*task)(struct umd_device *device))
{
	served->task = task;
	while (served->task)
		usleep(100);
}

/* Begins to serve, the first time or again at the same place. */
static inline void served_begin(struct served *served)
{
	struct umd_server_options options = {
		.size = sizeof(options), .socket_path = served->path, .fd = -1};

	served_create_device(served);
	assert_int_equal(umd_server_create(served->device, &options, &served->server), 0);
	served->stop = false;
	assert_int_equal(pthread_create(&served->thread, NULL, served_run, served), 0);
}

/* The server and its device go away. */
static inline void served_end(struct served *served)
{
	served->stop = true;
	pthread_join(served->thread, NULL);
	umd_server_destroy(served->server);
	umd_device_destroy(served->device);
	served->server = NULL;
	served->device = NULL;
}

static inline void served_start(struct served *served)
{
	served->fds_before = count_fds();
	strcpy(served->dir, "/tmp/umdev-served-XXXXXX");
	assert_non_null(mkdtemp(served->dir));
	snprintf(served->path, sizeof(served->path), "%s/s", served->dir);
	snprintf(served->uri, sizeof(served->uri), "vfio-user:%s", served->path);
	served_begin(served);
}

/* The driver is closed by now: nobody holds a descriptor that was not there before. */
static inline void served_finish(struct served *served)
{
	if (served->server)
		served_end(served);
	assert_int_equal(rmdir(served->dir), 0);
	assert_int_equal(count_fds(), served->fds_before);
}

static inline struct umd_driver *served_open(const struct served *served, unsigned int flags)
{
	struct umd_driver_options options = {.size = sizeof(options), .flags = flags};
	struct umd_driver *driver = NULL;
	struct umd_error error = {0};

	if (umd_driver_open(served->uri, &options, &driver, &error))
		fail_msg("%s", error.text);
	return driver;
}

/* Lets the device reach memory, by PASIDs too. */
static inline void served_enable(struct umd_driver *driver)
{
	unsigned int pasid;

	assert_int_equal(umd_driver_config_write16(driver, PCI_COMMAND,
						   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
			 0);
	assert_int_equal(umd_driver_find_ext_cap(driver, PCI_EXT_CAP_ID_PASID, &pasid), 0);
	assert_int_equal(
		umd_driver_config_write16(driver, pasid + PCI_PASID_CTRL, PCI_PASID_CTRL_ENABLE),
		0);
}

#endif
