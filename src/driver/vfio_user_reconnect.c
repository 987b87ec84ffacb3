/* SPDX-License-Identifier: BSD-2-Clause */
/* Connecting again to a server that came back, and whether it has the same kind of device. */
#include "driver/vfio_user.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>

#include "base/foreign.h"

#define HEADER_SIZE 64u /* of config space */

/* ---- What kind of device it is ------------------------------------------------------------- */

/* FNV-1a, 64 bits. */
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

static void add(uint64_t *hash, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		*hash = (*hash ^ (value >> (8 * i) & 0xff)) * HASH_PRIME;
}

static void add_regions(struct umd_vfio_user *user, uint64_t *hash)
{
	struct umd_driver_area areas[UMD_DRIVER_AREAS_MAX];

	for (unsigned int i = 0; i < user->driver.info.regions && !user->ended; i++) {
		struct umd_driver_region region = {0};
		int err = umd_vfio_user_get_region(&user->driver, i, &region, areas);

		add(hash, (uint64_t)err);
		add(hash, region.flags);
		add(hash, region.bytes);
	}
}

static void add_irqs(struct umd_vfio_user *user, uint64_t *hash)
{
	for (unsigned int i = 0; i < user->driver.info.irqs && !user->ended; i++) {
		struct umd_driver_irq irq = {0};
		int err = umd_vfio_user_get_irq(&user->driver, i, &irq);

		add(hash, (uint64_t)err);
		add(hash, irq.flags);
		add(hash, irq.count);
	}
}

/* The registers that no driver can change. */
static void add_ids(struct umd_vfio_user *user, uint64_t *hash)
{
	static const struct {
		unsigned int offset, size;
	} registers[] = {{PCI_VENDOR_ID, 4}, {PCI_CLASS_REVISION, 4}, {PCI_SUBSYSTEM_VENDOR_ID, 4}};
	uint8_t header[HEADER_SIZE] = {0};

	if (!(user->driver.info.flags & UMD_DRIVER_PCI) ||
	    user->driver.info.regions <= UMD_DRIVER_CONFIG || user->ended)
		return;
	if (umd_vfio_user_read(&user->driver, UMD_DRIVER_CONFIG, 0, header, sizeof(header)))
		return;
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		uint32_t value;

		memcpy(&value, header + registers[i].offset, registers[i].size);
		add(hash, value);
	}
}

int umd_vfio_user_identify(struct umd_vfio_user *user, uint64_t *ret)
{
	uint64_t hash = HASH_BEGIN;

	add(&hash, user->driver.info.flags);
	add(&hash, user->driver.info.regions);
	add(&hash, user->driver.info.irqs);
	add_regions(user, &hash);
	add_irqs(user, &hash);
	add_ids(user, &hash);
	if (user->ended)
		return -ENODEV;
	*ret = hash;
	return 0;
}

/* ---- Connecting again ---------------------------------------------------------------------- */

/* As far as can be told without waiting. */
static bool is_there(const struct umd_vfio_user *user)
{
	struct pollfd link = {.fd = user->conn.fd, .events = POLLRDHUP};

	return !user->driver.gone && !user->ended && poll(&link, 1, 0) == 0;
}

static int begin(struct umd_vfio_user *user)
{
	uint64_t identity = 0;
	int err = umd_vfio_user_negotiate(user);

	if (!err)
		err = umd_vfio_user_get_info(user);
	if (!err)
		err = umd_vfio_user_identify(user, &identity);
	if (!err && identity != user->identity)
		err = -ESTALE;
	return err;
}

int umd_vfio_user_reconnect(struct umd_driver *driver)
{
	struct umd_vfio_user *user = umd_vfio_user(driver), before;
	int fd, err;

	if (is_there(user))
		return -EISCONN;
	if (!user->ended)
		umd_vfio_user_end(user);
	fd = umd_vfio_user_connect(user->path, driver->timeout_ms);
	if (fd < 0)
		return fd;

	umd_conn_attach(&user->conn, fd);
	umd_foreign_new_peer();
	user->presence = (struct umd_vfio_user_presence){0};
	user->ended = false;
	before.driver = *driver;
	before.max_spaces = user->max_spaces;
	err = begin(user);
	if (err) {
		umd_vfio_user_disconnect(driver);
		driver->limits = before.driver.limits;
		driver->info = before.driver.info;
		driver->max_transfer = before.driver.max_transfer;
		user->max_spaces = before.max_spaces;
	}
	return err;
}

void umd_vfio_user_disconnect(struct umd_driver *driver)
{
	if (!umd_vfio_user(driver)->ended)
		umd_vfio_user_end(umd_vfio_user(driver));
}
