/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vfio-user server for the driver's tests: a thread on a socket of its own that answers well,
 * until a test's twist answers a command in its place.
 */
#ifndef DRIVER_FIXTURE_H
#define DRIVER_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <umdev/driver.h>

#include "base/foreign.h"
#include "wire/proto.h"

#define SHORT_MS  150u /* the timeout of tests that wait for it */
#define FAKE_IRQS 5u

struct fake;

/* Answers a command itself and returns true, or leaves it to the server. */
typedef bool fake_twist(struct fake *fake, const struct umd_wire_header *command,
			const uint8_t *payload, size_t size);

struct fake {
	/* Set by a test before fake_start(). */
	fake_twist *twist;
	const char *version_json; /* NULL: a full set; "": none */
	uint32_t flags;
	uint8_t config[4096];
	uint64_t config_size;
	uint8_t bar[4096]; /* region 0 */
	bool no_events;	   /* it has neither ERR nor REQ */

	/* Set at any time. */
	atomic_bool gone; /* removed by surprise */

	/* What came. */
	unsigned int sets; /* SET_IRQS, of which this is the last one */
	struct umd_wire_set_irqs last_set;
	unsigned int last_set_fds;
	int eventfds[FAKE_IRQS]; /* of vector 0; -1: none */
	int wakeup;		 /* the eventfd of low power with wake-up; -1: none */
	bool low_power;
	unsigned int accesses;		   /* region reads and writes */
	uint32_t largest_access;	   /* bytes */
	struct umd_wire_header last_reply; /* to a command of ours */
	uint8_t last_payload[64];	   /* its beginning */
	atomic_uint replies;
	atomic_ullong reply_bytes; /* of their payloads */

	char dir[32];
	char uri[64];
	int listener, connection;
	int fds[UMD_WIRE_MAX_FDS]; /* of the command in hand; set one to -1 to keep it */
	unsigned int fd_count;
	pthread_t thread;
	unsigned int fds_before;
};

static inline unsigned int count_fds(void)
{
	unsigned int count = 0;
	DIR *dir;

	while (umd_foreign_count())
		usleep(100);
	dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static inline int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Sending, from a twist too: a peer that is gone is no failure ------------------------- */

static inline void fake_send(struct fake *fake, const void *bytes, size_t size)
{
	if (send(fake->connection, bytes, size, MSG_NOSIGNAL) < 0)
		return;
}

static inline void fake_reply(struct fake *fake, const struct umd_wire_header *command,
			      const void *payload, size_t size)
{
	static __thread uint8_t message[UMD_WIRE_MAX_MESSAGE];
	struct umd_wire_header header = {.id = command->id,
					 .command = command->command,
					 .size = (uint32_t)(sizeof(header) + size),
					 .flags = UMD_WIRE_TYPE_REPLY};

	memcpy(message, &header, sizeof(header));
	if (size)
		memcpy(message + sizeof(header), payload, size);
	fake_send(fake, message, header.size);
}

static inline void fake_error(struct fake *fake, const struct umd_wire_header *command,
			      uint32_t error)
{
	struct umd_wire_header header = {.id = command->id,
					 .command = command->command,
					 .size = sizeof(header),
					 .flags = UMD_WIRE_TYPE_REPLY | UMD_WIRE_ERROR,
					 .error = error};

	fake_send(fake, &header, sizeof(header));
}

/* ---- Answering well ------------------------------------------------------------------------ */

static inline void fake_version(struct fake *fake, const struct umd_wire_header *command)
{
	const char *json = fake->version_json ? fake->version_json
					      : "{\"capabilities\":{\"max_msg_fds\":8,"
						"\"max_data_xfer_size\":65536,\"max_dma_maps\":100,"
						"\"pgsizes\":4096,\"write_multiple\":true}}";
	uint8_t payload[8192] = {[2] = UMD_WIRE_MINOR};
	size_t size = sizeof(struct umd_wire_version);

	if (*json) {
		strcpy((char *)payload + size, json);
		size += strlen(json) + 1;
	}
	fake_reply(fake, command, payload, size);
}

static inline void fake_region_info(struct fake *fake, const struct umd_wire_header *command,
				    const uint8_t *payload)
{
	struct umd_wire_region_info info;

	memcpy(&info, payload, sizeof(info));
	info.argsz = sizeof(info);
	info.flags = UMD_WIRE_REGION_FLAG_READ | UMD_WIRE_REGION_FLAG_WRITE;
	info.size = info.index == UMD_DRIVER_CONFIG ? fake->config_size
		    : info.index == 0		    ? sizeof(fake->bar)
						    : 0;
	fake_reply(fake, command, &info, sizeof(info));
}

static inline void fake_access(struct fake *fake, const struct umd_wire_header *command,
			       const uint8_t *payload)
{
	static __thread uint8_t reply[UMD_WIRE_MAX_MESSAGE];
	struct umd_wire_region_access access;
	uint8_t *bytes;
	size_t limit;

	memcpy(&access, payload, sizeof(access));
	bytes = access.region == UMD_DRIVER_CONFIG ? fake->config : fake->bar;
	limit = access.region == UMD_DRIVER_CONFIG ? fake->config_size : sizeof(fake->bar);
	if (access.offset > limit || access.count > limit - access.offset) {
		fake_error(fake, command, EINVAL);
		return;
	}

	fake->accesses++;
	if (access.count > fake->largest_access)
		fake->largest_access = access.count;
	memcpy(reply, &access, sizeof(access));
	if (command->command == UMD_WIRE_REGION_WRITE) {
		memcpy(bytes + access.offset, payload + sizeof(access), access.count);
		fake_reply(fake, command, reply, sizeof(access));
	} else {
		memcpy(reply + sizeof(access), bytes + access.offset, access.count);
		fake_reply(fake, command, reply, sizeof(access) + access.count);
	}
}

static inline void fake_set_irqs(struct fake *fake, const struct umd_wire_header *command,
				 const uint8_t *payload)
{
	struct umd_wire_set_irqs *set = &fake->last_set;

	memcpy(set, payload, sizeof(*set));
	fake->sets++;
	fake->last_set_fds = fake->fd_count;
	if (fake->gone || !(set->flags & 4)) {
		fake_error(fake, command, fake->gone ? ENODEV : ENOTTY);
		return;
	}
	if (set->start == 0 && set->index < FAKE_IRQS) {
		if (fake->eventfds[set->index] >= 0)
			close(fake->eventfds[set->index]);
		fake->eventfds[set->index] = fake->fd_count ? fake->fds[0] : -1;
		fake->fds[0] = -1;
	}
	fake_reply(fake, command, NULL, 0);
}

/* Low power: 3 enter, 4 with wake-up, 5 exit. */
static inline int fake_set_feature(struct fake *fake, uint32_t feature)
{
	if (fake->low_power && feature != 5)
		return EINVAL;
	if (feature == 4 && fake->fd_count != 1)
		return EINVAL;

	fake->low_power = feature != 5;
	if (feature == 4) {
		if (fake->wakeup >= 0)
			close(fake->wakeup);
		fake->wakeup = fake->fds[0];
		fake->fds[0] = -1;
	}
	return 0;
}

static inline void fake_feature(struct fake *fake, const struct umd_wire_header *command,
				const uint8_t *payload)
{
	struct umd_wire_feature request;
	uint32_t feature;
	int error = 0;

	memcpy(&request, payload, sizeof(request));
	feature = request.flags & UMD_WIRE_FEATURE_INDEX;
	if (feature < 3 || feature > 5)
		error = ENOTTY;
	else if (!(request.flags & UMD_WIRE_FEATURE_PROBE))
		error = fake->gone ? ENODEV : fake_set_feature(fake, feature);

	if (error)
		fake_error(fake, command, (uint32_t)error);
	else
		fake_reply(fake, command, &request, sizeof(request));
}

static inline void fake_answer(struct fake *fake, const struct umd_wire_header *command,
			       const uint8_t *payload)
{
	struct umd_wire_device_info info = {sizeof(info), fake->flags, 9, FAKE_IRQS};
	struct umd_wire_irq_info irq;

	switch (command->command) {
	case UMD_WIRE_VERSION:
		fake_version(fake, command);
		break;
	case UMD_WIRE_GET_INFO:
		fake_reply(fake, command, &info, sizeof(info));
		break;
	case UMD_WIRE_GET_REGION_INFO:
		fake_region_info(fake, command, payload);
		break;
	case UMD_WIRE_GET_IRQ_INFO:
		memcpy(&irq, payload, sizeof(irq));
		irq.flags = UMD_DRIVER_IRQ_EVENTFD | UMD_DRIVER_IRQ_NORESIZE;
		irq.count = fake->no_events && irq.index >= UMD_DRIVER_ERR ? 0 : 10 + irq.index;
		fake_reply(fake, command, &irq, sizeof(irq));
		break;
	case UMD_WIRE_REGION_READ:
	case UMD_WIRE_REGION_WRITE:
		fake_access(fake, command, payload);
		break;
	case UMD_WIRE_SET_IRQS:
		fake_set_irqs(fake, command, payload);
		break;
	case UMD_WIRE_DEVICE_FEATURE:
		fake_feature(fake, command, payload);
		break;
	case UMD_WIRE_DEVICE_RESET:
		if (fake->gone)
			fake_error(fake, command, ENODEV);
		else
			fake_reply(fake, command, NULL, 0);
		break;
	default:
		fake_error(fake, command, ENOTSUP);
	}
}

/* ---- The thread ---------------------------------------------------------------------------- */

static inline bool receive_all(int fd, void *to, size_t size)
{
	return size == 0 || recv(fd, to, size, MSG_WAITALL) == (ssize_t)size;
}

/* A command's header, with the fds that come along. */
static inline bool fake_receive_header(struct fake *fake, struct umd_wire_header *header)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(UMD_WIRE_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov = {header, sizeof(*header)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(fake->connection, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	fake->fd_count = 0;
	if (n > 0 && c) {
		fake->fd_count = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fake->fds, CMSG_DATA(c), fake->fd_count * sizeof(int));
	}
	return n > 0 &&
	       receive_all(fake->connection, (char *)header + n, sizeof(*header) - (size_t)n);
}

static inline void fake_close(int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static inline void fake_note_reply(struct fake *fake, const struct umd_wire_header *header,
				   const uint8_t *payload, size_t size)
{
	fake->last_reply = *header;
	memcpy(fake->last_payload, payload,
	       size < sizeof(fake->last_payload) ? size : sizeof(fake->last_payload));
	fake->reply_bytes += size;
	fake->replies++;
}

static inline void *fake_run(void *data)
{
	static uint8_t payload[UMD_WIRE_MAX_MESSAGE];
	struct umd_wire_header header = {0};
	struct fake *fake = data;
	size_t size;

	fake->connection = accept(fake->listener, NULL, NULL);
	if (fake->connection < 0)
		return NULL;

	while (fake_receive_header(fake, &header)) {
		size = header.size - sizeof(header);
		if (header.size > sizeof(payload) || !receive_all(fake->connection, payload, size))
			break;
		if (header.flags & UMD_WIRE_TYPE_REPLY)
			fake_note_reply(fake, &header, payload, size);
		else if (!fake->twist || !fake->twist(fake, &header, payload, size))
			fake_answer(fake, &header, payload);
		fake_close(fake->fds, fake->fd_count);
	}
	close(fake->connection);
	return NULL;
}

/* Listens without accepting. */
static inline void fake_listen(struct fake *fake, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	fake->fds_before = count_fds();
	strcpy(fake->dir, "/tmp/umdev-driver-XXXXXX");
	assert_non_null(mkdtemp(fake->dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", fake->dir);
	snprintf(fake->uri, sizeof(fake->uri), "vfio-user:%s/s", fake->dir);
	fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fake->listener >= 0);
	assert_int_equal(bind(fake->listener, (void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fake->listener, backlog), 0);
}

static inline void fake_remove(struct fake *fake)
{
	assert_int_equal(unlink(fake->uri + strlen("vfio-user:")), 0);
	assert_int_equal(rmdir(fake->dir), 0);
	close(fake->listener);
}

static inline void fake_start(struct fake *fake)
{
	if (!fake->flags)
		fake->flags = UMD_WIRE_DEVICE_FLAG_PCI | UMD_WIRE_DEVICE_FLAG_RESET;
	if (!fake->config_size)
		fake->config_size = 256;
	memset(fake->eventfds, 0xff, sizeof(fake->eventfds));
	fake->wakeup = -1;
	fake_listen(fake, 1);
	assert_int_equal(pthread_create(&fake->thread, NULL, fake_run, fake), 0);
}

/* The driver is closed by now: nobody holds a descriptor that was not there before. */
static inline void fake_stop(struct fake *fake)
{
	shutdown(fake->listener, SHUT_RDWR);
	pthread_join(fake->thread, NULL);
	fake_close(fake->eventfds, FAKE_IRQS);
	fake_close(&fake->wakeup, 1);
	fake_remove(fake);
	assert_int_equal(count_fds(), fake->fds_before);
}

/* Opens the device with a short timeout, and is to succeed. */
static inline struct umd_driver *fake_open(struct fake *fake)
{
	struct umd_driver_options options = {.size = sizeof(options), .timeout_ms = SHORT_MS};
	struct umd_driver *driver = NULL;
	struct umd_error error = {0};
	int err = umd_driver_open(fake->uri, &options, &driver, &error);

	if (err)
		fail_msg("%s", error.text);
	return driver;
}

/* Opens the device, and is to fail. Returns the errno. */
static inline int fake_open_error(struct fake *fake, struct umd_error *error)
{
	struct umd_driver_options options = {.size = sizeof(options), .timeout_ms = SHORT_MS};
	struct umd_driver *driver = NULL;
	int err = umd_driver_open(fake->uri, &options, &driver, error);

	assert_null(driver);
	assert_int_equal(error->code, err);
	assert_true(strlen(error->text) > 0);
	return err;
}

#endif
