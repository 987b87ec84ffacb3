// SPDX-License-Identifier: BSD-2-Clause
/*
 * usage: bench_driver CASE SOCKET_PATH MILLISECONDS
 *
 * The measuring client's cases once more, through the driver library: reads of a register, and
 * pairs of a map of 4 KiB and its unmap, with no other map or 65,000.
 */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <umdev/driver.h>

#define COMMAND	       4 /* PCI Local Bus 3.0, section 6.2.2 */
#define COMMAND_MEMORY 2
#define SLICE	       4096ull
#define SLICES	       65536ull
#define BASE	       (1ull << 32)
#define DEEP	       65000ull
#define TRIES	       1000 /* milliseconds for a server that is just starting */

struct driver_case {
	struct umd_driver *driver;
	int file;
	uint8_t *memory;
	uint64_t slice, first; /* the last one mapped; those before `first` stay */
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_driver: %s\n", what);
	exit(1);
}

static void open_driver(struct driver_case *c, const char *path)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	char uri[256];

	snprintf(uri, sizeof(uri), "vfio-user:%s", path);
	for (int i = 0; i < TRIES; i++) {
		if (umd_driver_open(uri, NULL, &c->driver, NULL) == 0)
			return;
		nanosleep(&pause, NULL);
	}
	fail("open");
}

static void read_batch(void *data, unsigned int count)
{
	struct driver_case *c = data;
	uint32_t value;

	while (count--) {
		if (umd_driver_read32(c->driver, UMD_DRIVER_BAR0, 0, &value))
			fail("read");
	}
}

/* As the measuring client has them: an odd factor leaves none of the places out. */
static uint64_t iova_of(uint64_t slice)
{
	return BASE + slice * 40503 % SLICES * SLICE;
}

static struct umd_driver_map *map(struct driver_case *c, uint64_t slice)
{
	struct umd_driver_dma dma = {.size = sizeof(dma),
				     .address = c->memory + slice * SLICE,
				     .bytes = SLICE,
				     .fd = c->file,
				     .fd_offset = slice * SLICE,
				     .flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE |
					      UMD_DRIVER_DMA_FIXED,
				     .iova = iova_of(slice)};
	struct umd_driver_map *ret = NULL;
	uint64_t iova;

	if (umd_driver_dma_map(c->driver, &dma, &ret, &iova))
		fail("map");
	return ret;
}

static void pair_batch(void *data, unsigned int count)
{
	struct driver_case *c = data;

	while (count--) {
		c->slice = c->slice + 1 < SLICES ? c->slice + 1 : c->first;
		if (umd_driver_dma_unmap(c->driver, map(c, c->slice)))
			fail("unmap");
	}
}

static void run_read(struct driver_case *c, unsigned int milliseconds)
{
	if (umd_driver_config_write16(c->driver, COMMAND, COMMAND_MEMORY))
		fail("enable");
	measure(milliseconds, read_batch, c, 25, 25);
}

static void run_pairs(struct driver_case *c, unsigned int milliseconds, uint64_t deep)
{
	c->file = memfd_create("slices", MFD_CLOEXEC);
	if (c->file < 0 || ftruncate(c->file, (off_t)(SLICE * SLICES)))
		fail("memfd");
	c->memory = mmap(NULL, SLICE * SLICES, PROT_READ | PROT_WRITE, MAP_SHARED, c->file, 0);
	if (c->memory == MAP_FAILED)
		fail("mmap");
	for (; c->first < deep; c->first++)
		map(c, c->first);
	c->slice = c->first;
	measure(milliseconds, pair_batch, c, 12, 12);
}

int main(int argc, char **argv)
{
	struct driver_case c = {.file = -1};
	unsigned int milliseconds;

	if (argc != 4)
		return 2;
	milliseconds = (unsigned int)strtoul(argv[3], NULL, 10);
	open_driver(&c, argv[2]);
	if (strcmp(argv[1], "read") == 0)
		run_read(&c, milliseconds);
	else if (strcmp(argv[1], "dma") == 0)
		run_pairs(&c, milliseconds, 0);
	else if (strcmp(argv[1], "dma-deep") == 0)
		run_pairs(&c, milliseconds, DEEP);
	else
		fail("no such case");
	umd_driver_close(c.driver);
	return 0;
}
