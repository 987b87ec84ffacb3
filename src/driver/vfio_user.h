/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vfio-user backend's parts: a connection on which one command at a time is sent and answered
 * (vfio_user_call.c), what is asked over it (vfio_user_info.c, vfio_user_region.c, vfio_user_map.c,
 * vfio_user_irq.c, vfio_user_feature.c, vfio_user_dma.c, ...), and how it is made (vfio_user.c).
 * One question may be under way beside the commands: whether the device is still there. The server
 * has questions, too, at any time: for memory that was mapped for it (vfio_user_answer.c).
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
	bool sent;  /* else there is no room for it */
	uint16_t id;
	int64_t deadline; /* as umd_vfio_user_now_ms() */
	int answer;	  /* 0 or -ENODEV */
};

struct umd_vfio_user {
	struct umd_driver driver;
	struct umd_conn conn;
	struct umd_vfio_user_presence presence;
	uint64_t max_spaces; /* of PASIDs; 0 without the extension */
	uint64_t identity;   /* of the kind of device it is, for one that reconnects */
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
 * command of the server's. 1 where it has been consumed; 0 where it may be the reply; -EAGAIN for a
 * command that cannot be answered before output has left; -errno.
 */
int umd_vfio_user_take_other(struct umd_vfio_user *user, const struct umd_message *message);

/*
 * Answers a command of the server's into the output, with an error reply where it asks for what is
 * not there. 0; -EAGAIN, and nothing was done.
 */
int umd_vfio_user_answer(struct umd_vfio_user *user, const struct umd_message *command);

/*
 * Takes messages that have been received, with no call under way; a few at a time, so that a server
 * that asks without end holds nobody.
 *
 * 0 where none is left; 1 where some may be; -EAGAIN as above; -errno.
 */
int umd_vfio_user_take_some(struct umd_vfio_user *user);

/* True for the answer to the question of presence, which is taken. */
bool umd_vfio_user_take_presence(struct umd_vfio_user *user, const struct umd_wire_header *header);

/* Opens the device behind a connected socket, which is taken over; the name is for sentences. */
int umd_vfio_user_open_fd(int fd, const char *name, const struct umd_driver_options *options,
			  struct umd_driver **ret, struct umd_error *error);

/* GET_INFO: fills in driver.info. */
int umd_vfio_user_get_info(struct umd_vfio_user *user);

/* Describes a region, with the file to map it from; -1: there is none. */
int umd_vfio_user_get_region_file(struct umd_driver *driver, unsigned int index,
				  struct umd_driver_region *ret, int *ret_fd);
/*
 * DEVICE_FEATURE with the data, the fds and the room for data of `call`. The reply's payload may be
 * shorter than there is room for.
 *
 * @param flags the feature, and UMD_WIRE_FEATURE_...
 * @param room  bytes of data that argsz counts
 */
int umd_vfio_user_call_feature(struct umd_vfio_user *user, uint32_t flags, size_t room,
			       struct umd_vfio_user_call *call);

/* 0 where the device has this feature; -ENOTTY where not; what ends an exchange. */
int umd_vfio_user_probe_feature(struct umd_vfio_user *user, uint32_t flags);

/* 1 where it has a dirty log; 0; what ends an exchange. */
int umd_vfio_user_has_dirty(struct umd_vfio_user *user);

/* Connecting and agreeing, for open() and reconnect(). */
int umd_vfio_user_connect(const char *path, int timeout_ms);
int umd_vfio_user_negotiate(struct umd_vfio_user *user);

/* What kind of device it is, as a number that others have not. What ends an exchange. */
int umd_vfio_user_identify(struct umd_vfio_user *user, uint64_t *ret);

/* What an unmap has come to: passed on; an error ends the exchange. */
int umd_vfio_user_end_map(struct umd_vfio_user *user, int err);

/* Maps in the space of a PASID. */
int umd_vfio_user_map_pasid(struct umd_driver *driver, const struct umd_driver_dma *dma);
int umd_vfio_user_unmap_pasid(struct umd_driver *driver, const struct umd_driver_dma *dma);

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
int umd_vfio_user_get_dma_limits(struct umd_driver *driver, struct umd_driver_dma_limits *ret,
				 struct umd_driver_dma_range *ranges);
int umd_vfio_user_map_dma(struct umd_driver *driver, const struct umd_driver_dma *dma);
int umd_vfio_user_unmap_dma(struct umd_driver *driver, const struct umd_driver_dma *dma);
int umd_vfio_user_attach_pasid(struct umd_driver *driver, uint32_t pasid);
int umd_vfio_user_detach_pasid(struct umd_driver *driver, uint32_t pasid);
int umd_vfio_user_start_dirty(struct umd_driver *driver, const struct umd_driver_dma_range *ranges,
			      unsigned int count, uint64_t page_size);
int umd_vfio_user_stop_dirty(struct umd_driver *driver);
int umd_vfio_user_report_dirty(struct umd_driver *driver, uint64_t iova, uint64_t bytes,
			       uint64_t page_size, uint64_t *bitmap);
int umd_vfio_user_reconnect(struct umd_driver *driver);
void umd_vfio_user_disconnect(struct umd_driver *driver);
uint32_t umd_vfio_user_dispatch(struct umd_driver *driver);
int umd_vfio_user_ask_presence(struct umd_driver *driver);
int umd_vfio_user_hear_presence(struct umd_driver *driver);

static inline struct umd_vfio_user *umd_vfio_user(struct umd_driver *driver)
{
	return (struct umd_vfio_user *)driver; /* its first member */
}

#endif
