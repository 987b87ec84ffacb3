/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each owner has had of an engine, for whoever connects to a Unix socket: one JSON object, and
 * the end of the stream. What is written fits the socket, so that nobody is waited for.
 *
 *	{"owners": [{"owner": 7, "queues": 1, "descriptors": 12, "bytes": 49152,
 *		     "interrupts": 12, "faults": 0, "refused": 0}, ...]}
 */
#ifndef DSA_STATUS_H
#define DSA_STATUS_H

#include <umdev/error.h>

#include "engine.h"

struct dsa_status_socket;

/*
 * Listens at a path, where a socket that nobody listens on is replaced. 0; -EADDRINUSE; -EEXIST for
 * what is no socket; -ENAMETOOLONG; what socket(), bind() and listen() return.
 */
int dsa_status_create(struct dsa_engine *engine, const char *path, struct dsa_status_socket **ret,
		      struct umd_error *error);

/* Removes the socket. Before the engine is destroyed. NULL is allowed. */
void dsa_status_destroy(struct dsa_status_socket *status);

/* Polls readable when dsa_status_dispatch() has something to do. */
int dsa_status_fd(const struct dsa_status_socket *status);

/* Answers those who have connected; some of them, where there are many. */
void dsa_status_dispatch(struct dsa_status_socket *status);

#endif
