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
#include <sys/epoll.h>

#include "driver/events.h"

/* Waits for room where the server has not yet taken what it asked us for. */
static void send_question(struct umd_vfio_user *user)
{
	struct umd_wire_set_irqs request = {.argsz = sizeof(request),
					    .flags = VFIO_IRQ_SET_DATA_NONE |
						     VFIO_IRQ_SET_ACTION_UNMASK,
					    .index = UMD_DRIVER_REQ,
					    .count = 1};

	if (!umd_conn_can_send(&user->conn))
		return;

	umd_vfio_user_build(user, &(struct umd_vfio_user_call){
					  .command = UMD_WIRE_SET_IRQS,
					  .out = {{&request, sizeof(request)}},
				  });
	user->presence.sent = true;
	user->presence.id = user->last_id;
}

int umd_vfio_user_ask_presence(struct umd_driver *driver)
{
	struct umd_vfio_user *user = umd_vfio_user(driver);
	int err;

	if (user->ended)
		return -ENODEV;

	user->presence = (struct umd_vfio_user_presence){
		.asked = true, .deadline = umd_vfio_user_now_ms() + driver->timeout_ms};
	send_question(user);
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

	if (!presence->asked || !presence->sent || header->id != presence->id ||
	    header->command != UMD_WIRE_SET_IRQS)
		return false;

	presence->asked = false;
	presence->answer = (header->flags & UMD_WIRE_ERROR) && header->error == ENODEV ? -ENODEV
										       : 0;
	return true;
}

/* What has been received, or else what one receive brings. As umd_vfio_user_take_some(). */
static int receive_now(struct umd_vfio_user *user)
{
	int n = umd_conn_flush(&user->conn);

	if (n && n != -EAGAIN)
		return n;
	n = umd_vfio_user_take_some(user);
	if (n)
		return n;
	n = umd_conn_receive(&user->conn);
	if (n <= 0)
		return n == -EAGAIN ? 0 : n ? n : -ENODEV;
	return umd_vfio_user_take_some(user);
}

/* The output is full until the server reads: then nothing more is received before it does. */
uint32_t umd_vfio_user_dispatch(struct umd_driver *driver)
{
	struct umd_vfio_user *user = umd_vfio_user(driver);
	int n = user->ended ? 0 : receive_now(user);
	int err = n >= 0 && !user->ended ? umd_conn_flush(&user->conn) : 0;

	if ((n < 0 && n != -EAGAIN) || (err && err != -EAGAIN))
		umd_vfio_user_end(user);
	if (user->ended)
		return 0;
	if (n > 0)
		umd_driver_events_nudge(driver);
	if (n == -EAGAIN)
		return EPOLLOUT;
	return EPOLLIN | (umd_conn_has_output(&user->conn) ? EPOLLOUT : 0);
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
	if (err == -EAGAIN || err > 0)
		err = 0;
	if (!err && presence->asked && !presence->sent)
		send_question(user);
	if (!err && presence->asked && umd_vfio_user_now_ms() >= presence->deadline)
		err = -ETIMEDOUT;
	if (err) {
		umd_vfio_user_end(user);
		return -ENODEV;
	}
	return presence->asked ? -EAGAIN : presence->answer;
}
