/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What it costs to map and unmap a page for DMA, by the driver library: of one device after the
 * other, the same work for each.
 *
 * usage: guest-maps COUNT URI...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <umdev/driver.h>

#define PAGES 16u /* of memory, which take turns */
#define PAGE  4096u

static void fail(const char *uri, const char *what, int err)
{
	fprintf(stderr, "guest-maps: %s: %s: %s\n", uri, what, strerror(-err));
	exit(1);
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void map_and_unmap(struct umd_driver *driver, const char *uri,
			  const struct umd_driver_buffer *buffer, unsigned int turn)
{
	uint64_t offset = turn % PAGES * PAGE;
	const struct umd_driver_dma dma = {.size = sizeof(dma),
					   .address = (char *)buffer->address + offset,
					   .bytes = PAGE,
					   .fd = buffer->fd,
					   .fd_offset = offset,
					   .flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE};
	struct umd_driver_map *map;
	uint64_t iova;
	int err = umd_driver_dma_map(driver, &dma, &map, &iova);

	if (err)
		fail(uri, "mapping", err);
	err = umd_driver_dma_unmap(driver, map);
	if (err)
		fail(uri, "unmapping", err);
}

/* The first time around warms up. */
static double measure(const char *uri, unsigned int count, const struct umd_driver_buffer *buffer)
{
	struct umd_error error = {0};
	struct umd_driver *driver;
	double begin = 0;

	if (umd_driver_open(uri, NULL, &driver, &error))
		fail(uri, error.text, error.code);
	for (unsigned int turn = 0; turn < count + PAGES; turn++) {
		if (turn == PAGES)
			begin = now_us();
		map_and_unmap(driver, uri, buffer, turn);
	}
	begin = (now_us() - begin) / count;
	umd_driver_close(driver);
	return begin;
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 2 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	struct umd_driver_buffer *buffer;

	if (!count || umd_driver_buffer_create((size_t)PAGES * PAGE, 0, &buffer)) {
		fprintf(stderr, "usage: guest-maps COUNT URI...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		printf("%s: %.1f us\n", argv[i], measure(argv[i], count, buffer));
	umd_driver_buffer_destroy(buffer);
	return 0;
}
