/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vfio-user backend's parts: a connection on which one command at a time is sent and answered
 * (vfio_user_call.c), what is asked over it (vfio_user_info.c, vfio_user_region.c), and how it is
 * made (vfio_user.c).
 *
 * The server is not trusted: whatever it sends ends a call with an error, never later than the
 * timeout.
 */
#ifndef UMD_DRIVER_VFIO_USER_H
#define UMD_DRIVER_VFIO_USER_H

#include <sys/uio.h>

#include "driver/backend.h"
#include "wire/conn.h"

struct umd_vfio_user {
	struct umd_driver driver;
	struct umd_conn conn;
	int timeout_ms;
	uint16_t last_id;
	bool ended; /* an exchange failed: what comes now would be taken for another's answer */
};

/* A command, and the place for its reply. Parts that are not used have length 0. */
struct umd_vfio_user_call {
	uint16_t command;
	struct iovec out[2]; /* the request's payload */
	struct iovec in[2];  /* the reply's payload; one that is longer is -EPROTO */
	size_t got;	     /* bytes of payload that came */
};

/*
 * Sends a command and waits for its reply. File descriptors that come with it are closed.
 *
 * Returns 0 with call->got; the errno of an error reply; -EPROTO; -ETIMEDOUT; -ENODEV.
 */
int umd_vfio_user_call(struct umd_vfio_user *user, struct umd_vfio_user_call *call);

/* The same, for a reply whose payload has exactly the size of `in`. */
int umd_vfio_user_call_exact(struct umd_vfio_user *user, struct umd_vfio_user_call *call);

/* GET_INFO: fills in driver.info. */
int umd_vfio_user_get_info(struct umd_vfio_user *user);

/* The backend's operations (backend.h). */
int umd_vfio_user_get_region(struct umd_driver *driver, unsigned int index,
			     struct umd_driver_region *ret, struct umd_driver_area *areas);
int umd_vfio_user_get_irq(struct umd_driver *driver, unsigned int index,
			  struct umd_driver_irq *ret);
int umd_vfio_user_read(struct umd_driver *driver, unsigned int index, uint64_t offset, void *to,
		       size_t size);
int umd_vfio_user_write(struct umd_driver *driver, unsigned int index, uint64_t offset,
			const void *from, size_t size);
int umd_vfio_user_reset(struct umd_driver *driver);

static inline struct umd_vfio_user *umd_vfio_user(struct umd_driver *driver)
{
	return (struct umd_vfio_user *)driver; /* its first member */
}

#endif
