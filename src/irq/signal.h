/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signalling eventfds that a peer handed over, without ever waiting for the peer.
 *
 * write() to an eventfd whose counter is full blocks, and O_NONBLOCK is no help: it belongs to the
 * file description that the peer shares, who can clear it at any moment. The kernel's own way to
 * signal, eventfd_signal(), never blocks; asynchronous I/O offers it for any request that ends
 * (IOCB_FLAG_RESFD, io_submit(2)), so a poll of /dev/null, which is always ready, carries the
 * signal.
 *
 * One signaller serves any number of threads at once; those that signal at the same moment meet in
 * the kernel, on the lock of its completions.
 */
#ifndef UMD_IRQ_SIGNAL_H
#define UMD_IRQ_SIGNAL_H

#include <linux/aio_abi.h>
#include <stdint.h>

struct umd_signaller {
	aio_context_t context;
	int null_fd;	 /* /dev/null */
	uint16_t opcode; /* IOCB_CMD_POLL, or IOCB_CMD_PWRITE where the kernel cannot poll it */
};

/* 0; -EAGAIN where the system has no asynchronous I/O left (fs.aio-max-nr); -errno. */
int umd_signaller_init(struct umd_signaller *signaller);
void umd_signaller_finish(struct umd_signaller *signaller);

/*
 * Adds one to the eventfd's counter, or leaves it full.
 *
 * @return 0; -EBADF or -EINVAL for what is no eventfd; -EAGAIN where the kernel has no memory
 */
int umd_signaller_send(struct umd_signaller *signaller, int eventfd);

/* Whether an fd is an eventfd, without doing anything to it: 0 or -EINVAL. */
int umd_signaller_check(struct umd_signaller *signaller, int fd);

#endif
