// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device that is measured: registers that remember what was written, and one interrupt, which a
 * doorbell register or the eventfd offered in its place triggers at once.
 *
 * usage: bench_device SOCKET_PATH
 *
 * BAR0, 4 KiB: 0x800 doorbell, 4 bytes; 0xc00 doorbell with an ioeventfd; the rest remembers.
 * BAR1, 4 KiB: the MSI-X table and its pending bits.
 */
#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define SIZE	       4096
#define DOORBELL       0x800
#define EVENT_DOORBELL 0xc00
#define PENDING_BITS   0x800
#define VECTOR	       0

struct bench {
	struct umd_device *device;
	struct umd_watch *watch;
	int doorbell; /* the ioeventfd */
	uint64_t words[SIZE / 8];
};

/* Accesses are naturally aligned, so each lies within one of the 8-byte words. */
static uint64_t mask_of(unsigned int size)
{
	return UINT64_MAX >> (64 - 8 * size);
}

static uint64_t read_register(void *data, uint64_t offset, unsigned int size)
{
	struct bench *bench = data;

	return bench->words[offset / 8] >> (offset % 8 * 8) & mask_of(size);
}

static void write_register(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	const unsigned int shift = offset % 8 * 8;
	struct bench *bench = data;
	uint64_t *word = &bench->words[offset / 8];

	*word = (*word & ~(mask_of(size) << shift)) | value << shift;
	if (offset == DOORBELL || offset == EVENT_DOORBELL)
		umd_device_trigger(bench->device, UMD_IRQ_MSIX, VECTOR);
}

/* Edge-triggered, so that the eventfd need not be read. */
static void rung(void *data, uint32_t events)
{
	struct bench *bench = data;

	umd_device_trigger(bench->device, UMD_IRQ_MSIX, VECTOR);
}

static void reset(void *data, enum umd_reset kind)
{
	struct bench *bench = data;

	memset(bench->words, 0, sizeof(bench->words));
}

static int add_parts(struct bench *bench)
{
	const struct umd_region registers = {
		.size = SIZE, .read = read_register, .write = write_register};
	const struct umd_region table = {.size = SIZE};
	const struct umd_msix msix = {
		.vectors = 1, .table_bar = 1, .pba_bar = 1, .pba_offset = PENDING_BITS};
	int r = umd_device_add_bar(bench->device, 0, &registers);

	if (!r)
		r = umd_device_add_bar(bench->device, 1, &table);
	if (!r)
		r = umd_device_add_msix(bench->device, &msix);
	if (!r)
		r = umd_device_add_ioeventfd(bench->device, 0, EVENT_DOORBELL, 4, 0, 0,
					     bench->doorbell);
	if (!r)
		r = umd_watch_fd(bench->device, bench->doorbell, EPOLLIN | EPOLLET, rung, bench,
				 &bench->watch);
	return r ? r : umd_device_realize(bench->device, NULL);
}

static int make_device(struct bench *bench)
{
	static const struct umd_device_ops ops = {.reset = reset};
	const struct umd_device_info info = {
		.size = sizeof(info),
		.name = "bench",
		.vendor = 0x1b36,
		.device = 0x0005,
		.class_code = 0xff0000,
		.ops = &ops,
		.data = bench,
	};
	int r;

	bench->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bench->doorbell < 0)
		return -errno;
	r = umd_device_create(&info, &bench->device);
	return r ? r : add_parts(bench);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	int r;

	if (argc != 2)
		return 2;
	r = make_device(&bench);
	if (!r)
		r = bench_serve(bench.device, argv[1]);
	if (r)
		fprintf(stderr, "bench_device: %s\n", strerror(-r));
	umd_watch_destroy(bench.watch);
	umd_device_destroy(bench.device);
	return r ? 1 : 0;
}
