/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a device on a vfio-user socket: connect, agree on a version, ask what it is. */
#include "driver/vfio_user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/foreign.h"
#include "wire/pasid.h"
#include "wire/version.h"

#define VERSION_REPLY_MAX 4096u /* a server may say more than we asked for */

/* SO_SNDTIMEO, SO_RCVTIMEO: how long the socket's calls wait that are told to. */
static int set_timeout(int fd, int option, int timeout_ms)
{
	struct timeval timeout = {.tv_sec = timeout_ms / 1000,
				  .tv_usec = 1000L * (timeout_ms % 1000)};

	return setsockopt(fd, SOL_SOCKET, option, &timeout, sizeof(timeout)) < 0 ? -errno : 0;
}

/* connect() waits while the server's backlog is full, for as long as a send may wait. */
int umd_vfio_user_connect(const char *path, int timeout_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = -1;
	int err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = set_timeout(fd, SO_SNDTIMEO, timeout_ms);
	if (err)
		return err;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return umd_steal_fd(&fd);
}

/*
 * No twin socket: the server's commands among the replies serve as well, since we take them
 * whenever we wait. No page requests: nobody here would answer them.
 */
static struct umd_wire_caps our_caps(void)
{
	return (struct umd_wire_caps){.minor = UMD_WIRE_MINOR,
				      .max_msg_fds = UMD_WIRE_MAX_FDS,
				      .max_data_xfer_size = UMD_WIRE_MAX_XFER,
				      .max_dma_maps = UMD_WIRE_MAX_MAPS,
				      .pgsizes = UMD_WIRE_PGSIZES,
				      .write_multiple = true,
				      .max_spaces = UMD_WIRE_MAX_SPACES,
				      .has_json = true,
				      .has_max_msg_fds = true,
				      .has_max_data_xfer_size = true,
				      .has_max_dma_maps = true,
				      .has_pgsizes = true,
				      .has_write_multiple = true,
				      .has_pasid = true};
}

static void set_limits(struct umd_vfio_user *user, const struct umd_wire_caps *theirs)
{
	struct umd_wire_caps agreed = umd_wire_version_agree(theirs);
	struct umd_driver *driver = &user->driver;

	user->max_spaces = agreed.has_pasid ? agreed.max_spaces : 0;
	driver->limits = (struct umd_driver_limits){.size = sizeof(driver->limits),
						    .major = UMD_WIRE_MAJOR,
						    .minor = agreed.minor,
						    .max_data_xfer_size = agreed.max_data_xfer_size,
						    .max_msg_fds = agreed.max_msg_fds,
						    .max_dma_maps = agreed.max_dma_maps,
						    .page_sizes = agreed.pgsizes,
						    .write_multiple = agreed.write_multiple};
	driver->max_transfer = (size_t)agreed.max_data_xfer_size;
}

int umd_vfio_user_negotiate(struct umd_vfio_user *user)
{
	struct umd_wire_caps caps = our_caps();
	uint8_t request[UMD_WIRE_VERSION_MAX], reply[VERSION_REPLY_MAX];
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_VERSION,
		.out = {{request, umd_wire_version_write(&caps, SIZE_MAX, request)}},
		.in = {{reply, sizeof(reply)}},
	};
	int err = set_timeout(user->conn.fd, SO_RCVTIMEO, user->driver.timeout_ms);

	if (!err)
		err = umd_vfio_user_call(user, &call);
	if (err)
		return err;
	if (umd_wire_version_parse(reply, call.got, &caps))
		return -EPROTO;

	set_limits(user, &caps);
	return 0;
}

static void close_device(struct umd_driver *driver)
{
	umd_conn_finish(&umd_vfio_user(driver)->conn);
	free(umd_vfio_user(driver)->path);
	free(driver);
}

static const char *get_name(const struct umd_driver *driver)
{
	return ((const struct umd_vfio_user *)driver)->path;
}

static int link_fd(const struct umd_driver *driver)
{
	const struct umd_vfio_user *user = (const struct umd_vfio_user *)driver;

	return user->ended ? -ENODEV : user->conn.fd;
}

/* Takes over `fd`. */
static int create(int fd, const char *path, int timeout_ms, struct umd_vfio_user **ret)
{
	struct umd_vfio_user *user = calloc(1, sizeof(*user));
	char *name = strdup(path);

	if (!user || !name || umd_conn_init(&user->conn, fd)) {
		if (!user || !name)
			umd_close(&fd);
		free(name);
		free(user);
		return -ENOMEM;
	}

	user->path = name;

	umd_foreign_new_peer();
	user->driver.backend = &umd_vfio_user_backend;
	user->driver.timeout_ms = timeout_ms;
	*ret = user;
	return 0;
}

static int fail(struct umd_vfio_user *user, int err, const char *path, const char *what,
		struct umd_error *error)
{
	if (user)
		close_device(&user->driver);
	if (err == -EBUSY)
		return umd_error_set(error, err, "%s: the device serves another driver", path);
	if (err == -ENODEV)
		return umd_error_set(error, err,
				     "%s: hung up while %s: is it serving another driver?", path,
				     what);
	return umd_error_set(error, err, "%s: %s: %s", path, what, strerror(-err));
}

int umd_vfio_user_open_fd(int fd, const char *name, const struct umd_driver_options *options,
			  struct umd_driver **ret, struct umd_error *error)
{
	struct umd_vfio_user *user = NULL;
	int err = create(fd, name, (int)options->timeout_ms, &user);

	if (err)
		return fail(NULL, err, name, "opening", error);

	err = umd_vfio_user_negotiate(user);
	if (err)
		return fail(user, err, name, "negotiating the version", error);
	err = umd_vfio_user_get_info(user);
	if (err)
		return fail(user, err, name, "asking what it is", error);
	user->driver.reconnects = options->flags & UMD_DRIVER_CAN_RECONNECT;
	if (user->driver.reconnects)
		err = umd_vfio_user_identify(user, &user->identity);
	if (err)
		return fail(user, err, name, "asking what kind it is", error);

	*ret = &user->driver;
	return 0;
}

static int open_device(const char *path, const struct umd_driver_options *options,
		       struct umd_driver **ret, struct umd_error *error)
{
	int fd;

	if (!*path)
		return umd_error_set(error, -EINVAL, "vfio-user: needs a path");

	fd = umd_vfio_user_connect(path, (int)options->timeout_ms);
	if (fd < 0)
		return fail(NULL, fd, path, "connecting", error);
	return umd_vfio_user_open_fd(fd, path, options, ret, error);
}

const struct umd_driver_backend umd_vfio_user_backend = {
	.scheme = "vfio-user",
	.open = open_device,
	.close = close_device,
	.get_region = umd_vfio_user_get_region,
	.get_irq = umd_vfio_user_get_irq,
	.read = umd_vfio_user_read,
	.write = umd_vfio_user_write,
	.reset = umd_vfio_user_reset,
	.get_name = get_name,
	.map_region = umd_vfio_user_map_region,
	.get_dma_limits = umd_vfio_user_get_dma_limits,
	.map_dma = umd_vfio_user_map_dma,
	.unmap_dma = umd_vfio_user_unmap_dma,
	.attach_pasid = umd_vfio_user_attach_pasid,
	.detach_pasid = umd_vfio_user_detach_pasid,
	.start_dirty = umd_vfio_user_start_dirty,
	.stop_dirty = umd_vfio_user_stop_dirty,
	.report_dirty = umd_vfio_user_report_dirty,
	.reconnect = umd_vfio_user_reconnect,
	.disconnect = umd_vfio_user_disconnect,
	.dispatch = umd_vfio_user_dispatch,
	.set_irqs = umd_vfio_user_set_irqs,
	.enter_low_power = umd_vfio_user_enter_low_power,
	.exit_low_power = umd_vfio_user_exit_low_power,
	.link_fd = link_fd,
	.ask_presence = umd_vfio_user_ask_presence,
	.hear_presence = umd_vfio_user_hear_presence,
};
