/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One receive from a peer's Unix socket, with the fds that come along.
 *
 * The kernel closes the fds that a receive has no room for, here and now, which can wait for the
 * peer as any close() of them can (base/foreign.h). So a receive always has room for all, and none
 * is made that would bring fds while too many wait to be closed. A socket that may still hold some
 * is not to be closed by close() either: umd_hang_up().
 */
#ifndef UMD_BASE_RECEIVE_H
#define UMD_BASE_RECEIVE_H

#include <stddef.h>

#define UMD_SCM_MAX_FD 253u /* SCM_MAX_FD, include/net/scm.h: fds in one send */

/*
 * Receives without waiting.
 *
 * @param fds room for UMD_SCM_MAX_FD of them
 * @return bytes; 0 at the end of the stream; -EAGAIN; -ENOBUFS where fds come next and others must
 *	be closed first; -EMFILE where that does not get on, or where fds were lost for want of room
 *	in the process; -errno
 */
int umd_receive(int socket, void *to, size_t size, int *fds, unsigned int *ret_fd_count);

/*
 * The same, but waits for as long as the socket's SO_RCVTIMEO says, after which it is -EAGAIN.
 * -EINTR where it was interrupted, and where it cannot be waited for in this way.
 */
int umd_receive_wait(int socket, void *to, size_t size, int *fds, unsigned int *ret_fd_count);

/*
 * Closes a socket in good order: the peer can send no more, and what it has sent is thrown away,
 * with fds, as far as they can be received.
 *
 * @param scratch for the bytes
 */
void umd_hang_up(int *socket, void *scratch, size_t size);

#endif
