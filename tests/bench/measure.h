/* SPDX-License-Identifier: BSD-2-Clause */
/* The cases of the measuring client, and how each is timed. */
#ifndef UMDEV_BENCH_MEASURE_H
#define UMDEV_BENCH_MEASURE_H

#include "client.h"

/* One batch of a case: the same operation `count` times. */
typedef void batch_fn(void *data, unsigned int count);

/*
 * Repeats a batch for some milliseconds, after a warm-up of a quarter of that, and prints the
 * median over the batches in nanoseconds per operation: a batch that lost the CPU to somebody else
 * does not count. The floors do the same.
 */
void measure(unsigned int milliseconds, batch_fn *batch, void *data, unsigned int count,
	     unsigned int operations);

/* Each takes a client that has not been opened. */
void case_read(struct client *client, unsigned int milliseconds);
void case_config(struct client *client, unsigned int milliseconds);
void case_config_first(struct client *client, unsigned int milliseconds);
void case_config_last(struct client *client, unsigned int milliseconds);
void case_flight(struct client *client, unsigned int milliseconds);
void case_post(struct client *client, unsigned int milliseconds);
void case_multi(struct client *client, unsigned int milliseconds);
void case_dma(struct client *client, unsigned int milliseconds);
void case_dma_used(struct client *client, unsigned int milliseconds);
void case_dma_held(struct client *client, unsigned int milliseconds);
void case_dma_deep(struct client *client, unsigned int milliseconds);
void case_pull(struct client *client, unsigned int milliseconds);
void case_pull_twin(struct client *client, unsigned int milliseconds);
void case_connect(struct client *client, unsigned int milliseconds);
void case_version(struct client *client, unsigned int milliseconds);
void case_event(struct client *client, unsigned int milliseconds);
void case_ping(struct client *client, unsigned int milliseconds);
void case_doorbell(struct client *client, unsigned int milliseconds);
void case_maps(struct client *client, unsigned int milliseconds);
void case_hold(struct client *client, unsigned int milliseconds);

#endif
