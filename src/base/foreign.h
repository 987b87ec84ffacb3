/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing fds that a peer sent, or holds as well, without ever waiting for the peer.
 *
 * close() can wait for as long as a peer likes: a file system in user space is asked to flush (and
 * not even SIGKILL ends that), a socket lingers, and whatever can be polled may stand in an epoll
 * set of the peer's, whose lock the last close() takes; the peer can hold it for ever. The same
 * goes for fds that the kernel drops because nobody received them. So only what answers as shared
 * memory is closed at once: its close() asks nobody, and it cannot be polled. All else is left to
 * a thread, which is made on demand and ends when it has had nothing to do for a while.
 *
 * A thread that hangs keeps its fds. So that a client does not wait behind what an earlier one has
 * left, it gets another closer where the current one does not get on; there are only so many, and
 * then they are shared. Whoever receives fds asks first whether the closer has room for more.
 */
#ifndef UMD_BASE_FOREIGN_H
#define UMD_BASE_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#define UMD_FOREIGN_CLOSERS 8u	 /* threads, at most */
#define UMD_FOREIGN_BACKLOG 256u /* fds not closed yet, at which a closer has no room */

/* Closes an fd, now or soon, and forgets it. -1 is allowed; errno is kept. From any thread. */
void umd_foreign_close(int *fd);

/* Closes `count` fds and forgets them. */
void umd_foreign_close_all(int *fds, size_t count);

/*
 * Ends a connection whose socket may still hold fds. The peer sees the end at once, and no reset
 * afterwards: what it has sent is read.
 */
void umd_foreign_hang_up(int *socket);

/* Whether fds may be received: the closer keeps up with what it gets. */
bool umd_foreign_has_room(void);

/* Whether the closer has been at the same fd for a second. */
bool umd_foreign_is_stuck(void);

/* A new peer has come: what hangs since before is not its doing. */
void umd_foreign_new_peer(void);

/* How many fds are not closed yet, of all closers. */
size_t umd_foreign_count(void);

#define cleanup_foreign __attribute__((cleanup(umd_foreign_close)))

#endif
