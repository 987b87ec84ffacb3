/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts through the driver library: every wait has an end, every arrival is counted. */
#include "guest_interrupts.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "caps_registers.h"
#include "guest_problem.h"

#define VECTORS_MAX	   64u
#define ARRIVAL_TIMEOUT_MS 5000
#define SILENCE_MS	   100 /* so long nothing more may come */

/* How often an eventfd has been signalled, waiting for the first up to `timeout_ms`. */
static uint64_t arrivals(int fd, int timeout_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	uint64_t count;

	if (poll(&wait, 1, timeout_ms) != 1 || read(fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

/* 0 or -1, with a word about a call of the library. */
static int done(int err, const char *what)
{
	errno = -err;
	return err < 0 ? guest_problem("%s", what) : 0;
}

static void device_write(struct umd_driver *device, unsigned int offset, uint32_t value)
{
	done(umd_driver_write32(device, UMD_DRIVER_BAR0, offset, value), "a register");
}

/* All ones where it cannot be read. */
static uint32_t device_read(struct umd_driver *device, unsigned int offset)
{
	uint32_t value = UINT32_MAX;

	done(umd_driver_read32(device, UMD_DRIVER_BAR0, offset, &value), "a register");
	return value;
}

static int assign(struct umd_driver *device, unsigned int index, unsigned int start, const int *fds,
		  unsigned int count)
{
	return done(umd_driver_irq_set_fds(device, index, start, count, fds), "vectors");
}

static int disable(struct umd_driver *device, unsigned int index)
{
	return done(umd_driver_irq_disable(device, index), "disabling");
}

static int make_eventfds(int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fds[i] < 0)
			return guest_problem("eventfd");
	}
	return 0;
}

/* ---- Messages ------------------------------------------------------------------------------ */

static void send_message(struct umd_driver *device, unsigned int index, unsigned int vector)
{
	device_write(device, CAPS_TRIGGER, index << 16 | vector);
}

/* Each message arrives once, at its own eventfd. */
static int check_messages(struct umd_driver *device, unsigned int index, const int *fds,
			  unsigned int count)
{
	errno = 0;
	for (unsigned int sent = 0; sent < count; sent++) {
		send_message(device, index, sent);
		if (arrivals(fds[sent], ARRIVAL_TIMEOUT_MS) != 1)
			return guest_problem("vector %u did not arrive once", sent);
		for (unsigned int other = 0; other < count; other++)
			if (arrivals(fds[other], 0))
				return guest_problem("vector %u arrived at %u", sent, other);
	}
	printf("vectors 0 to %u arrived\n", count - 1);
	return 0;
}

/* With NORESIZE clear, vectors are added while others are in use: the second half, that is. */
static int assign_messages(struct umd_driver *device, unsigned int index, unsigned int flags,
			   const int *fds, unsigned int count)
{
	unsigned int first = flags & UMD_DRIVER_IRQ_NORESIZE ? count : (count + 1) / 2;

	if (assign(device, index, 0, fds, first) < 0 ||
	    check_messages(device, index, fds, first) < 0)
		return -1;
	if (first == count)
		return 0;
	if (assign(device, index, first, fds + first, count - first) < 0)
		return -1;
	printf("vectors %u to %u added\n", first, count - 1);
	return check_messages(device, index, fds, count);
}

static int check_silence(struct umd_driver *device, unsigned int index, int fd)
{
	if (disable(device, index) < 0)
		return -1;
	errno = 0;
	send_message(device, index, 0);
	if (arrivals(fd, SILENCE_MS))
		return guest_problem("vector 0 arrived though it is off");
	printf("silent when off\n");
	return 0;
}

int guest_messages(struct umd_driver *device, unsigned int index, unsigned int count)
{
	struct umd_driver_irq info = {.size = sizeof(info)};
	int fds[VECTORS_MAX] = {0};

	if (done(umd_driver_get_irq(device, index, &info), "interrupts") < 0)
		return -1;
	errno = 0;
	if (!count || count > info.count || count > VECTORS_MAX)
		return guest_problem("the device has %u vectors", info.count);
	if (make_eventfds(fds, count) < 0 ||
	    assign_messages(device, index, info.flags, fds, count) < 0)
		return -1;
	return check_silence(device, index, fds[0]);
}

/* ---- Levels -------------------------------------------------------------------------------- */

/* One interrupt: the kernel has masked the line, which stays so until we have served the cause. */
static int serve_level(struct umd_driver *device, int fd, unsigned int number)
{
	uint64_t count = arrivals(fd, ARRIVAL_TIMEOUT_MS);

	if (count != 1) {
		errno = 0;
		return guest_problem("interrupt %u arrived %u times, %u to come", number,
				     (unsigned int)count, device_read(device, CAPS_INTX));
	}
	device_write(device, CAPS_ACK, 1);
	return done(umd_driver_irq_unmask(device, UMD_DRIVER_INTX, 0, 1), "unmasking");
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The device asserts again at each acknowledgement, so that the next may come at any moment. */
static int serve_levels(struct umd_driver *device, int fd, unsigned int count)
{
	double start = seconds_now();

	device_write(device, CAPS_INTX, count);
	for (unsigned int i = 0; i < count; i++)
		if (serve_level(device, fd, i) < 0)
			return -1;
	errno = 0;
	if (arrivals(fd, SILENCE_MS) || device_read(device, CAPS_INTX))
		return guest_problem("the line is stuck");
	printf("%u interrupts served in %.1f s\n", count, seconds_now() - start);
	return 0;
}

int guest_levels(struct umd_driver *device, unsigned int count)
{
	int fd;

	if (make_eventfds(&fd, 1) < 0 || assign(device, UMD_DRIVER_INTX, 0, &fd, 1) < 0 ||
	    serve_levels(device, fd, count) < 0)
		return -1;
	return disable(device, UMD_DRIVER_INTX);
}

/* ---- Notices ------------------------------------------------------------------------------- */

int guest_notice(struct umd_driver *device, unsigned int index, unsigned int seconds)
{
	static const int none = -1;
	int fd;

	if (make_eventfds(&fd, 1) < 0 || assign(device, index, 0, &fd, 1) < 0)
		return -1;
	printf("assigned\n");
	fflush(stdout);

	errno = 0;
	if (seconds && !arrivals(fd, (int)seconds * 1000))
		return guest_problem("no notice in %u s", seconds);
	if (seconds)
		printf("noticed\n");
	return assign(device, index, 0, &none, 1);
}
