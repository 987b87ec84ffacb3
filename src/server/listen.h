/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets to serve on: a path of ours, or an fd that somebody hands over. */
#ifndef UMD_SERVER_LISTEN_H
#define UMD_SERVER_LISTEN_H

#include <stdbool.h>

/*
 * Listens at a path. A socket that nobody listens at any more is replaced.
 *
 * @return the fd; -EADDRINUSE where someone listens; -EEXIST where the path is no socket;
 *         -ENAMETOOLONG; -errno
 */
int umd_listen(const char *path);

/*
 * Whether an fd is a Unix stream socket, 0 or -EINVAL, and whether it listens. One that does is
 * made non-blocking: a connection may vanish before it is accepted.
 */
int umd_listen_check(int fd, bool *ret_listens);

/*
 * Turns a connection away: its VERSION, where it has come, is answered with an error, and then the
 * stream ends without a reset. Takes over the fd; never waits.
 */
void umd_refuse(int fd, int error);

#endif
