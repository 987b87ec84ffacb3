/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host end: what a port's line leads to on the host, a terminal, a socket, a file or nothing.
 * Each kind is a file of its own behind one table of functions. A host end knows no UART: it tells
 * whether it is connected and where bytes can go now, and moves them when it is asked.
 *
 * Watches are edge-triggered: `readable` and `writable` say what is still to be had of the last
 * edge, and only an attempt that finds nothing clears them. So no call is spent on changing what is
 * waited for, and an end that nobody reads or that hung up cannot spin the loop.
 */
#ifndef SERIAL_END_H
#define SERIAL_END_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include <umdev/device.h>

struct serial_end {
	const struct serial_end_ops *ops;
	bool connected;		    /* somebody is at the other side: DCD and DSR */
	bool readable;		    /* a read may find bytes */
	bool writable;		    /* a write may find room */
	void (*notify)(void *data); /* one of these has changed, outside of read() and write() */
	void *data;
};

/** What a host end is made from. */
struct serial_end_config {
	struct umd_device *device; /* for its watches */
	unsigned int port;	   /* for messages */
	const char *argument;	   /* what follows the colon; "" without */
	void (*notify)(void *data);
	void *data;
};

struct serial_end_ops {
	const char *name;
	bool needs_argument, takes_argument;

	/** Makes a host end. The error's sentence need not name the port. */
	int (*create)(const struct serial_end_config *config, struct serial_end **ret,
		      struct umd_error *error);

	void (*destroy)(struct serial_end *end);

	/** Bytes from the host; 0 where there are none now. Updates the three flags. */
	size_t (*read)(struct serial_end *end, const struct iovec *iov, int count);

	/** Bytes to the host; 0 where there is no room now. Updates the three flags. */
	size_t (*write)(struct serial_end *end, const struct iovec *iov, int count);

	/** A break towards the host begins or ends; NULL where it has no meaning. */
	void (*set_break)(struct serial_end *end, bool on);
};

/**
 * Makes the host end that a specification names: NAME or NAME:ARGUMENT.
 *
 * @param config its `argument` is ignored
 * @return 0; -EINVAL for a specification that is wrong; what opening the end returns
 */
int serial_end_create(const struct serial_end_config *config, const char *spec,
		      struct serial_end **ret, struct umd_error *error);

/** NULL is allowed. */
void serial_end_destroy(struct serial_end *end);

/** For the kinds' create(): the part that they share. */
void serial_end_init(struct serial_end *end, const struct serial_end_ops *ops,
		     const struct serial_end_config *config);

extern const struct serial_end_ops serial_end_file;
extern const struct serial_end_ops serial_end_null;
extern const struct serial_end_ops serial_end_pty;
extern const struct serial_end_ops serial_end_stdio;
extern const struct serial_end_ops serial_end_unix;

#endif
