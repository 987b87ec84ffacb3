/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signalling eventfds that a peer handed over, without ever waiting for the peer.
 *
 * write() to an eventfd whose counter is full blocks, and O_NONBLOCK is no help: it belongs to the
 * file description that the peer shares, who can clear it at any moment. The kernel's own way to
 * signal, eventfd_signal(), never blocks; asynchronous I/O offers it for any request that ends
 * (IOCB_FLAG_RESFD, io_submit(2)), so a write of nothing to /dev/null carries the signal.
 */
#ifndef UMD_IRQ_SIGNAL_H
#define UMD_IRQ_SIGNAL_H

#include <linux/aio_abi.h>

struct umd_signaller {
	aio_context_t context;
	int null_fd; /* /dev/null */
};

/* 0; -EAGAIN where the system has no asynchronous I/O left (fs.aio-max-nr); -errno. */
int umd_signaller_init(struct umd_signaller *signaller);
void umd_signaller_finish(struct umd_signaller *signaller);

/* Adds one to the eventfd's counter, or leaves it full. */
void umd_signaller_send(struct umd_signaller *signaller, int eventfd);

/* Whether an fd is an eventfd, without doing anything to it: 0 or -EINVAL. */
int umd_signaller_check(struct umd_signaller *signaller, int fd);

#endif
