/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the device is still there, asked beside the commands and without waiting. A device that
 * was removed by surprise answers SET_IRQS with -ENODEV. So it is told to unmask an interrupt that
 * was never masked: whatever it makes of that, nothing changes, and unlike an access to a register
 * it does not wake a device from low power.
 */
#include "driver/vfio_user.h"

#include <errno.h>
#include <linux/vfio.h>

int umd_vfio_user_ask_presence(struct umd_driver *driver)
{
	struct umd_vfio_user *user = umd_vfio_user(driver);
	struct umd_wire_set_irqs request = {.argsz = sizeof(request),
					    .flags = VFIO_IRQ_SET_DATA_NONE |
						     VFIO_IRQ_SET_ACTION_UNMASK,
					    .index = UMD_DRIVER_REQ,
					    .count = 1};
	int err;

	if (user->ended)
		return -ENODEV;
	if (!umd_conn_can_send(&user->conn)) { /* it does not read what it asked for */
		umd_vfio_user_end(user);
		return -ENODEV;
	}

	umd_vfio_user_build(user, &(struct umd_vfio_user_call){
					  .command = UMD_WIRE_SET_IRQS,
					  .out = {{&request, sizeof(request)}},
				  });
	user->presence = (struct umd_vfio_user_presence){.asked = true,
							 .id = user->last_id,
							 .deadline = umd_vfio_user_now_ms() +
								     driver->timeout_ms};

	err = umd_conn_flush(&user->conn);
	if (err && err != -EAGAIN) {
		umd_vfio_user_end(user);
		return -ENODEV;
	}
	return 0;
}

bool umd_vfio_user_take_presence(struct umd_vfio_user *user, const struct umd_wire_header *header)
{
	struct umd_vfio_user_presence *presence = &user->presence;

	if (!presence->asked || header->id != presence->id || header->command != UMD_WIRE_SET_IRQS)
		return false;

	presence->asked = false;
	presence->answer = (header->flags & UMD_WIRE_ERROR) && header->error == ENODEV ? -ENODEV
										       : 0;
	return true;
}

/* What one receive brings, so that a server that sends without end holds nobody. */
static int receive_now(struct umd_vfio_user *user)
{
	struct umd_message message;
	int n = umd_conn_flush(&user->conn);

	if (n && n != -EAGAIN)
		return n;
	n = umd_conn_receive(&user->conn);
	if (n <= 0 && n != -EAGAIN)
		return n ? n : -ENODEV;

	while ((n = umd_conn_next(&user->conn, &message)) > 0) {
		n = umd_vfio_user_take_other(user, &message);
		if (n <= 0)
			return n ? n : -EPROTO; /* a reply to nothing */
	}
	return n;
}

int umd_vfio_user_hear_presence(struct umd_driver *driver)
{
	struct umd_vfio_user *user = umd_vfio_user(driver);
	struct umd_vfio_user_presence *presence = &user->presence;
	int err = 0;

	if (user->ended)
		return -ENODEV;
	if (presence->asked)
		err = receive_now(user);
	if (!err && presence->asked && umd_vfio_user_now_ms() >= presence->deadline)
		err = -ETIMEDOUT;
	if (err) {
		umd_vfio_user_end(user);
		return -ENODEV;
	}
	return presence->asked ? -EAGAIN : presence->answer;
}
