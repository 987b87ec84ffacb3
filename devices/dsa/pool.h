/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers: threads that give the lines their turns.
 *
 * All of it stands under one lock, held for the choice of a line and not for its turn. A worker
 * takes the line that the schedule names, works for a quantum, and puts it back with what that has
 * cost.
 *
 * A line without work dozes: it stays in the schedule, so that its next turns look at its rings.
 * When that has found nothing for a while it falls asleep, and waits for its doorbells. Where only
 * dozing lines are left, one worker looks at them. Where none are left, one worker waits for all
 * doorbells, and the others for him, or for more work than he can do. While all work, one of them
 * looks at the doorbells now and then.
 *
 * The parent's thread changes a line by holding it: nobody works for it meanwhile.
 */
#ifndef DSA_POOL_H
#define DSA_POOL_H

#include <pthread.h>

#include "line.h"

#define DSA_WORKERS_MAX 64u

struct dsa_pool;

struct dsa_pool_options {
	unsigned int workers, lines;
	uint64_t spin_ns; /* how long an idle line is looked at */
};

/* 0; -ENOMEM; -EMFILE; -EAGAIN. */
int dsa_pool_create(const struct dsa_pool_options *options, struct dsa_pool **ret);

/* No line is left. NULL is allowed. */
void dsa_pool_destroy(struct dsa_pool *pool);

/* ---- The parent's thread ------------------------------------------------------------------- */

/* A new line, held. NULL: there are no more. */
struct dsa_line *dsa_pool_add(struct dsa_pool *pool);

/* A line without queues, held, ends. */
void dsa_pool_remove(struct dsa_pool *pool, struct dsa_line *line);

/* Returns when no worker has the line: its turn ends after the piece that it is at. */
void dsa_pool_hold(struct dsa_pool *pool, struct dsa_line *line);

/* It has queues, and is looked at. */
void dsa_pool_release(struct dsa_pool *pool, struct dsa_line *line);

/* A doorbell wakes a line: 0; what epoll_ctl() returns. */
int dsa_pool_watch(struct dsa_pool *pool, const struct dsa_line *line, int doorbell);
void dsa_pool_unwatch(struct dsa_pool *pool, int doorbell);

#endif
