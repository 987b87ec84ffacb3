/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections that are turned away. */
#ifndef UMD_SERVER_LISTEN_H
#define UMD_SERVER_LISTEN_H

/*
 * Turns a connection away: its VERSION, where it has come, is answered with an error, and then the
 * stream ends without a reset. Takes over the fd; never waits.
 */
void umd_refuse(int fd, int error);

#endif
