/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process that serves others does before it begins. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

/* Clients hand over file descriptors: one for each vector and each file that they map. */
void cli_raise_fd_limit(void);

/*
 * Blocks SIGTERM and SIGINT, and ignores SIGPIPE: before any thread is started, so that none takes
 * the signals another way.
 *
 * @return a signalfd; a negative errno
 */
int cli_open_signals(void);

#endif
