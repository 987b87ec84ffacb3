/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vfio-user backend's parts: a connection on which one command at a time is sent and answered
 * (vfio_user_call.c), what is asked over it (vfio_user_info.c, vfio_user_region.c, vfio_user_map.c,
 * vfio_user_irq.c, vfio_user_feature.c), and how it is made (vfio_user.c). One question may be
 * under way beside the commands: whether the device is still there.
 *
 * The server is not trusted: whatever it sends ends a call with an error, never later than the
 * timeout.
 */
#ifndef UMD_DRIVER_VFIO_USER_H
#define UMD_DRIVER_VFIO_USER_H

#include <sys/uio.h>

#include "driver/backend.h"
#include "wire/conn.h"

/* The question whether the device is still there, and its answer. */
struct umd_vfio_user_presence {
	bool asked; /* and not answered yet */
	uint16_t id;
	int64_t deadline; /* as umd_vfio_user_now_ms() */
	int answer;	  /* 0 or -ENODEV */
};

struct umd_vfio_user {
	struct umd_driver driver;
	struct umd_conn conn;
	struct umd_vfio_user_presence presence;
	uint16_t last_id;
	char *path; /* of the socket */
	bool ended; /* an exchange failed: what comes now would be taken for another's answer */
};

/* A command, and the place for its reply. Parts that are not used have length 0. */
struct umd_vfio_user_call {
	uint16_t command;
	struct iovec out[2]; /* the request's payload */
	const int *fds;	     /* that go along; they stay ours */
	unsigned int fd_count;
	struct iovec in[2]; /* the reply's payload; one that is longer is -EPROTO */
	size_t got;	    /* bytes of payload that came */
	bool wants_fd;
	int fd; /* the first that came with the reply, where one is wanted; -1: none */
};

/*
 * Sends a command and waits for its reply. File descriptors that come with it are closed, but for
 * the one that is wanted, which is the caller's where 0 is returned.
 *
 * Returns 0 with call->got; the errno of an error reply; -EPROTO; -ETIMEDOUT; -ENODEV.
 */
int umd_vfio_user_call(struct umd_vfio_user *user, struct umd_vfio_user_call *call);

/* The same, for a reply whose payload has exactly the size of `in`. */
int umd_vfio_user_call_exact(struct umd_vfio_user *user, struct umd_vfio_user_call *call);

/* The exchange is over: everything from here on is -ENODEV. */
void umd_vfio_user_end(struct umd_vfio_user *user);

/* The parts of a call, for what is asked without waiting. */
int64_t umd_vfio_user_now_ms(void);
void umd_vfio_user_build(struct umd_vfio_user *user, const struct umd_vfio_user_call *call);

/*
 * Deals with a message that is no reply to a call: the answer to the question of presence, or a
 * command of the server's. 1 where it has been consumed; 0 where it may be the reply; -errno.
 */
int umd_vfio_user_take_other(struct umd_vfio_user *user, const struct umd_message *message);

/* True for the answer to the question of presence, which is taken. */
bool umd_vfio_user_take_presence(struct umd_vfio_user *user, const struct umd_wire_header *header);

/* GET_INFO: fills in driver.info. */
int umd_vfio_user_get_info(struct umd_vfio_user *user);

/* Describes a region, with the file to map it from; -1: there is none. */
int umd_vfio_user_get_region_file(struct umd_driver *driver, unsigned int index,
				  struct umd_driver_region *ret, int *ret_fd);

/* The backend's operations (backend.h). */
int umd_vfio_user_get_region(struct umd_driver *driver, unsigned int index,
			     struct umd_driver_region *ret, struct umd_driver_area *areas);
int umd_vfio_user_get_irq(struct umd_driver *driver, unsigned int index,
			  struct umd_driver_irq *ret);
int umd_vfio_user_map_region(struct umd_driver *driver, unsigned int index, uint64_t offset,
			     size_t bytes, int prot, void **ret);
int umd_vfio_user_read(struct umd_driver *driver, unsigned int index, uint64_t offset, void *to,
		       size_t size);
int umd_vfio_user_write(struct umd_driver *driver, unsigned int index, uint64_t offset,
			const void *from, size_t size);
int umd_vfio_user_reset(struct umd_driver *driver);
int umd_vfio_user_set_irqs(struct umd_driver *driver, const struct umd_driver_irq_set *set);
int umd_vfio_user_enter_low_power(struct umd_driver *driver, int wakeup_fd);
int umd_vfio_user_exit_low_power(struct umd_driver *driver);
int umd_vfio_user_ask_presence(struct umd_driver *driver);
int umd_vfio_user_hear_presence(struct umd_driver *driver);

static inline struct umd_vfio_user *umd_vfio_user(struct umd_driver *driver)
{
	return (struct umd_vfio_user *)driver; /* its first member */
}

#endif
