/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* The head of the completion ring that io_setup() maps (fs/aio.c, struct aio_ring). */
struct ring {
	unsigned int id, entries;
	unsigned int head, tail;
};

int umd_signaller_init(struct umd_signaller *signaller)
{
	*signaller = (struct umd_signaller){.null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC)};
	if (signaller->null_fd < 0)
		return -errno;
	if (syscall(SYS_io_setup, 1, &signaller->context) == 0)
		return 0;

	umd_close(&signaller->null_fd);
	return -errno;
}

void umd_signaller_finish(struct umd_signaller *signaller)
{
	if (signaller->context)
		syscall(SYS_io_destroy, signaller->context);
	signaller->context = 0;
	umd_close(&signaller->null_fd);
}

static long submit(struct umd_signaller *signaller, uint64_t buffer, uint64_t size, int eventfd)
{
	struct iocb request = {.aio_lio_opcode = IOCB_CMD_PWRITE,
			       .aio_fildes = (uint32_t)signaller->null_fd,
			       .aio_buf = buffer,
			       .aio_nbytes = size,
			       .aio_flags = IOCB_FLAG_RESFD,
			       .aio_resfd = (uint32_t)eventfd};
	struct iocb *requests[] = {&request};

	return syscall(SYS_io_submit, signaller->context, 1L, requests);
}

/* /dev/null answers at once, so the completion is there already and only has to be taken off. */
void umd_signaller_send(struct umd_signaller *signaller, int eventfd)
{
	struct ring *ring = (struct ring *)signaller->context;

	submit(signaller, 0, 0, eventfd);
	ring->head = ring->tail;
}

/*
 * The kernel looks at the eventfd first (EINVAL or EBADF for anything else) and then refuses a
 * buffer that cannot be one (EFAULT), which ends the request without a signal.
 */
int umd_signaller_check(struct umd_signaller *signaller, int fd)
{
	return submit(signaller, UINT64_MAX, 1, fd) < 0 && errno == EFAULT ? 0 : -EINVAL;
}
