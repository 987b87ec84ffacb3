/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define TRIES_MAX 1000u

/* The head of the completion ring that io_setup() maps (fs/aio.c, struct aio_ring). */
struct ring {
	unsigned int id, entries;
	_Atomic unsigned int head, tail;
};

static struct ring *ring_of(const struct umd_signaller *signaller)
{
	return (struct ring *)signaller->context;
}

/*
 * What has completed is of no interest, but has to be taken off the ring. A thread that was held up
 * between the two accesses moves the head back; the ring then looks full until the next call, and
 * no fuller than it is: the kernel counts by itself what it may reuse.
 */
static void take_completions(struct umd_signaller *signaller)
{
	struct ring *ring = ring_of(signaller);
	unsigned int tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

	atomic_store_explicit(&ring->head, tail, memory_order_release);
}

/*
 * EAGAIN means that the ring looks full, or that other threads have all requests in their hands at
 * this moment. Every thread empties it behind itself, so it passes.
 */
static int submit(struct umd_signaller *signaller, struct iocb *request)
{
	struct iocb *requests[] = {request};

	for (unsigned int i = 0; i < TRIES_MAX; i++) {
		if (syscall(SYS_io_submit, signaller->context, 1L, requests) == 1)
			return 0;
		if (errno != EAGAIN)
			return -errno;
		take_completions(signaller);
		sched_yield();
	}
	return -EAGAIN;
}

/* /dev/null has no poll operation: ready at all times, but older kernels refuse to be asked. */
static bool can_poll(struct umd_signaller *signaller)
{
	struct iocb request = {.aio_lio_opcode = IOCB_CMD_POLL,
			       .aio_fildes = (uint32_t)signaller->null_fd,
			       .aio_buf = POLLOUT};
	unsigned int tail = atomic_load(&ring_of(signaller)->tail);
	bool ends = submit(signaller, &request) == 0 &&
		    atomic_load(&ring_of(signaller)->tail) != tail;

	take_completions(signaller);
	return ends;
}

int umd_signaller_init(struct umd_signaller *signaller)
{
	*signaller = (struct umd_signaller){.null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC)};
	if (signaller->null_fd < 0)
		return -errno;
	if (syscall(SYS_io_setup, 1, &signaller->context) < 0) {
		umd_close(&signaller->null_fd);
		return -errno;
	}

	signaller->opcode = can_poll(signaller) ? IOCB_CMD_POLL : IOCB_CMD_PWRITE;
	return 0;
}

void umd_signaller_finish(struct umd_signaller *signaller)
{
	if (signaller->context)
		syscall(SYS_io_destroy, signaller->context);
	signaller->context = 0;
	umd_close(&signaller->null_fd);
}

/* /dev/null answers at once: the signal is out when io_submit() returns. */
int umd_signaller_send(struct umd_signaller *signaller, int eventfd)
{
	struct iocb request = {.aio_lio_opcode = signaller->opcode,
			       .aio_fildes = (uint32_t)signaller->null_fd,
			       .aio_buf = signaller->opcode == IOCB_CMD_POLL ? POLLOUT : 0,
			       .aio_flags = IOCB_FLAG_RESFD,
			       .aio_resfd = (uint32_t)eventfd};
	int err = submit(signaller, &request);

	take_completions(signaller);
	return err;
}

/*
 * The kernel looks at the eventfd first (EINVAL or EBADF for anything else) and then refuses a
 * buffer that cannot be one (EFAULT), which ends the request without a signal.
 */
int umd_signaller_check(struct umd_signaller *signaller, int fd)
{
	struct iocb request = {.aio_lio_opcode = IOCB_CMD_PWRITE,
			       .aio_fildes = (uint32_t)signaller->null_fd,
			       .aio_buf = UINT64_MAX,
			       .aio_nbytes = 1,
			       .aio_flags = IOCB_FLAG_RESFD,
			       .aio_resfd = (uint32_t)fd};

	return submit(signaller, &request) == -EFAULT ? 0 : -EINVAL;
}
