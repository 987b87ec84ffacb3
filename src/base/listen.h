/* SPDX-License-Identifier: BSD-2-Clause */
/* Unix sockets to serve on: a path of ours, or an fd that somebody hands over. */
#ifndef UMD_BASE_LISTEN_H
#define UMD_BASE_LISTEN_H

#include <stdbool.h>

/*
 * Listens at a path. A socket that nobody listens at any more is replaced.
 *
 * @param type SOCK_STREAM or SOCK_SEQPACKET; someone who listens for another type is someone
 * @return the fd; -EADDRINUSE where someone listens; -EEXIST where the path is no socket;
 *         -ENAMETOOLONG; -errno
 */
int umd_listen(const char *path, int type);

/*
 * Whether an fd is a Unix socket of this type, 0 or -EINVAL, and whether it listens. One that does
 * is made non-blocking: a connection may vanish before it is accepted.
 */
int umd_listen_check(int fd, int type, bool *ret_listens);

#endif
