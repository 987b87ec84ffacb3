// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finding, pinning and unpinning memory by an address, as an engine's thread does it.
 *
 * usage: bench_find MILLISECONDS MAPS short|counted|span
 *
 * Maps of 4 KiB lie 8 KiB apart, and 512 bytes at a random place are asked for; `span` asks for the
 * memory of 16 maps that lie next to each other, over and over. Prints nanoseconds per question.
 */
#include "measure.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <umdev/dma.h>

#define QUESTIONS 16384
#define PAGE	  UINT64_C(4096)
#define SPAN	  16u

struct lookups {
	struct umd_dma_reader *reader;
	uint64_t questions[QUESTIONS];
};

static struct lookups lookups;

static uint64_t random_number(void)
{
	static uint64_t x = 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void find_short(void *data, unsigned int count)
{
	const struct lookups *to = data;
	struct umd_dma_segment segment;

	for (unsigned int i = 0; i < count; i++) {
		umd_dma_enter(to->reader);
		if (umd_dma_resolve(to->reader, to->questions[i], 512, UMD_DMA_READ, &segment, 1) !=
		    1)
			errx(1, "question %u is not answered", i);
		umd_dma_leave(to->reader);
	}
}

static void find_counted(void *data, unsigned int count)
{
	const struct lookups *to = data;
	struct umd_dma_segment segment;

	for (unsigned int i = 0; i < count; i++) {
		if (umd_dma_pin(to->reader, to->questions[i], 512, UMD_DMA_READ, &segment, 1) != 1)
			errx(1, "question %u is not answered", i);
		umd_dma_unpin(&segment, 1);
	}
}

static void find_span(void *data, unsigned int count)
{
	const struct lookups *to = data;
	struct umd_dma_segment segments[SPAN];

	for (unsigned int i = 0; i < count; i++) {
		umd_dma_enter(to->reader);
		if (umd_dma_resolve(to->reader, 3 * PAGE, SPAN * PAGE, UMD_DMA_READ, segments,
				    SPAN) != SPAN)
			errx(1, "question %u is not answered", i);
		umd_dma_leave(to->reader);
	}
}

static void map(struct umd_dma_space *space, unsigned int maps, uint64_t distance)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)(maps * PAGE)) < 0)
		err(1, "memory");
	for (unsigned int i = 0; i < maps; i++) {
		const struct umd_dma_change change = {.iova = i * distance,
						      .size = PAGE,
						      .prot = UMD_DMA_READ,
						      .fd = fd,
						      .offset = i * PAGE};
		int error = umd_dma_space_change(space, &change, 1, NULL);

		if (error)
			errx(1, "map %u: %s", i, strerror(-error));
	}
	close(fd);
}

int main(int argc, char **argv)
{
	const struct umd_dma_space_options options = {.size = sizeof(options),
						      .owner = UMD_DMA_NO_OWNER};
	unsigned int maps = argc == 4 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
	struct umd_dma_space *space;
	bool span;

	if (!maps)
		errx(2, "usage: bench_find MILLISECONDS MAPS short|counted|span");
	span = strcmp(argv[3], "span") == 0;
	if (umd_dma_space_create(&options, &space) ||
	    umd_dma_reader_create(space, 0, &lookups.reader))
		errx(1, "no space");
	map(space, maps, span ? PAGE : 2 * PAGE);
	for (unsigned int i = 0; i < QUESTIONS; i++)
		lookups.questions[i] =
			random_number() % maps * 2 * PAGE + random_number() % 8 * 448;

	measure((unsigned int)strtoul(argv[1], NULL, 10),
		span				  ? find_span
		: strcmp(argv[3], "counted") == 0 ? find_counted
						  : find_short,
		&lookups, QUESTIONS, QUESTIONS);
	umd_dma_reader_destroy(lookups.reader);
	umd_dma_space_destroy(space);
	return 0;
}
