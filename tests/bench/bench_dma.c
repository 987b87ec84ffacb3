// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device whose DMA by message is measured: it reads the first 64 KiB of the client's memory as
 * often as it is told to, each time when the last time is over, and then triggers MSI-X vector 0.
 *
 * usage: bench_dma SOCKET_PATH
 *
 * BAR0, 4 KiB: 0x0, 4 bytes: how often, which begins. 0x8, 8 bytes, read only: the last word that
 * was read, or all ones where a transfer has failed.
 * BAR1, 4 KiB: the MSI-X table and its pending bits.
 */
#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIZE	     4096
#define PENDING_BITS 0x800
#define START	     0x0
#define LAST_WORD    0x8
#define VECTOR	     0

#define IOVA  (1ull << 32)
#define WORDS 8192 /* 64 KiB */

struct puller {
	struct umd_device *device;
	struct umd_dma_transfer transfer;
	uint64_t left; /* reads, the one under way included */
	int failed;
	uint64_t words[WORDS];
};

/* Begins the next read where there is one. None of them is done at once: the memory has no file. */
static void go_on(struct puller *puller)
{
	if (puller->left && umd_dma_start(puller->device, &puller->transfer) == -EINPROGRESS)
		return;
	puller->failed |= puller->left > 0;
	puller->left = 0;
	umd_device_trigger(puller->device, UMD_IRQ_MSIX, VECTOR);
}

static void done(void *data, int error)
{
	struct puller *puller = data;

	puller->failed |= error != 0;
	puller->left = error ? 0 : puller->left - 1;
	go_on(puller);
}

static uint64_t read_register(void *data, uint64_t offset, unsigned int size)
{
	const struct puller *puller = data;

	if (offset != LAST_WORD || size != 8)
		return 0;
	return puller->failed ? UINT64_MAX : puller->words[WORDS - 1];
}

static void write_register(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct puller *puller = data;

	if (offset != START || puller->left)
		return;
	puller->left = value;
	go_on(puller);
}

static int add_parts(struct puller *puller)
{
	const struct umd_region registers = {
		.size = SIZE, .read = read_register, .write = write_register};
	const struct umd_region table = {.size = SIZE};
	const struct umd_msix msix = {
		.vectors = 1, .table_bar = 1, .pba_bar = 1, .pba_offset = PENDING_BITS};

	umd_device_add_bar(puller->device, 0, &registers);
	umd_device_add_bar(puller->device, 1, &table);
	umd_device_add_msix(puller->device, &msix);
	return umd_device_realize(puller->device, NULL);
}

static int make_device(struct puller *puller)
{
	const struct umd_device_info info = {
		.size = sizeof(info),
		.name = "dma",
		.vendor = 0x1b36,
		.device = 0x0005,
		.class_code = 0xff0000,
		.data = puller,
	};
	int r = umd_device_create(&info, &puller->device);

	puller->transfer = (struct umd_dma_transfer){.iova = IOVA,
						     .buffer = puller->words,
						     .size = sizeof(puller->words),
						     .done = done,
						     .data = puller};
	return r ? r : add_parts(puller);
}

int main(int argc, char **argv)
{
	static struct puller puller;
	int r;

	if (argc != 2)
		return 2;
	r = make_device(&puller);
	if (!r)
		r = bench_serve(puller.device, argv[1]);
	if (r)
		fprintf(stderr, "bench_dma: %s\n", strerror(-r));
	umd_device_destroy(puller.device);
	return r ? 1 : 0;
}
