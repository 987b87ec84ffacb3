/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that uses an accelerator, by the same door as a virtual machine's device does: it
 * connects to a parent (umdev parent dsa), shares memory with it, and has it copied.
 *
 *	dsa_copy PATH [-n COPIES] [-s SIZE]
 *
 * Descriptors and completion records are Intel DSA's, from the kernel's own header. Every copy is
 * waited for by its interrupt, and compared. In the end the program reads what it has had of the
 * parent, from a page that the parent keeps for it.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/idxd.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <umdev/parent.h>

#include "dsa/counters.h"

#define API  "dsa-1"
#define PAGE 4096u

/* What the parent is to reach, at the addresses that it has here. */
struct memory {
	uint8_t *source, *destination; /* `size` bytes each */
	volatile struct dsa_completion_record *record;
	size_t size;
};

struct copier {
	struct umd_link *link;
	struct umd_queue *queue;
	uint32_t weight, vector;
	int interrupt; /* an eventfd */
	struct memory memory;
	const struct dsa_counters *counters; /* the parent's, which counts on */
	struct dsa_counters before;
};

static int fail(const char *what, int err)
{
	fprintf(stderr, "dsa_copy: %s: %s\n", what, strerror(-err));
	return err;
}

/* ---- Setting up ---------------------------------------------------------------------------- */

static int connect_to(struct copier *copier, const char *path)
{
	struct umd_parent_info info = {.size = sizeof(info)};
	struct umd_error error;
	int err = umd_link_connect(path, &copier->link, &error);

	if (err)
		return fail(path, err);
	err = umd_link_get_info(copier->link, &info);
	if (!err && strcmp(info.api, API) != 0)
		err = -ENOTSUP;
	if (!err && copier->memory.size > info.max_transfer)
		err = -E2BIG;
	copier->weight = info.max_weight;
	return err ? fail("the parent's info", err) : 0;
}

/* One file for all of it: the two buffers, and a page for the completion record. */
static int share_memory(struct copier *copier)
{
	struct memory *memory = &copier->memory;
	size_t room = (memory->size + PAGE - 1) / PAGE * PAGE, all = 2 * room + PAGE;
	int err = 0, fd = memfd_create("dsa_copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t *base = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)all) == 0)
		base = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		err = -errno;
	if (!err) {
		const struct umd_dma_change map = {.iova = (uintptr_t)base,
						   .size = all,
						   .prot = UMD_DMA_READ | UMD_DMA_WRITE,
						   .kind = UMD_DMA_BY_FD,
						   .fd = fd};

		err = umd_link_change(copier->link, &map, 1, NULL, NULL);
	}
	if (fd >= 0)
		close(fd);
	if (err)
		return fail("sharing memory", err);

	memory->source = base;
	memory->destination = base + room;
	memory->record = (struct dsa_completion_record *)(base + 2 * room);
	return 0;
}

static int open_vector(struct copier *copier)
{
	int err = umd_link_alloc_vector(copier->link, &copier->vector);

	if (!err) {
		copier->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		err = copier->interrupt < 0 ? -errno
					    : umd_link_set_eventfd(copier->link, copier->vector,
								   copier->interrupt);
	}
	return err ? fail("an interrupt", err) : 0;
}

static int open_queue(struct copier *copier)
{
	const struct umd_queue_options options = {.size = sizeof(options),
						  .weight = copier->weight};
	int err = umd_queue_open(copier->link, &options, &copier->queue);

	return err ? fail("a queue", err) : 0;
}

static uint64_t count(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static struct dsa_counters read_counters(const struct copier *copier)
{
	const struct dsa_counters *counters = copier->counters;

	return (struct dsa_counters){.descriptors = count(&counters->descriptors),
				     .bytes = count(&counters->bytes),
				     .interrupts = count(&counters->interrupts)};
}

static int map_counters(struct copier *copier)
{
	struct umd_link_region region = {.size = sizeof(region)};
	int err = umd_link_map_region(copier->link, DSA_COUNTERS_REGION, &region);

	if (err)
		return fail("the counters", err);
	copier->counters = (const struct dsa_counters *)region.address;
	if (copier->counters->version != DSA_COUNTERS_VERSION)
		return fail("the counters", -ENOTSUP);
	copier->before = read_counters(copier);
	return 0;
}

/* ---- Copying ------------------------------------------------------------------------------- */

static int submit(struct copier *copier)
{
	const struct memory *memory = &copier->memory;
	const struct dsa_hw_desc descriptor = {
		.opcode = DSA_OPCODE_MEMMOVE,
		.flags = IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR | IDXD_OP_FLAG_RCI,
		.completion_addr = (uintptr_t)memory->record,
		.src_addr = (uintptr_t)memory->source,
		.dst_addr = (uintptr_t)memory->destination,
		.xfer_size = (uint32_t)memory->size,
		.int_handle = (uint16_t)copier->vector,
	};
	int taken;

	memory->record->status = DSA_COMP_NONE;
	taken = umd_queue_submit(copier->queue, &descriptor, 1);
	return taken == 1 ? 0 : taken ? taken : -EAGAIN;
}

/* Until the interrupt has come, or the parent is gone. */
static int wait_for_interrupt(struct copier *copier)
{
	struct pollfd fds[] = {{.fd = copier->interrupt, .events = POLLIN},
			       {.fd = umd_link_fd(copier->link), .events = POLLIN}};
	uint64_t count;
	int err = 0;

	while (!err && read(copier->interrupt, &count, sizeof(count)) < 0) {
		poll(fds, 2, -1);
		if (fds[1].revents)
			err = umd_link_dispatch(copier->link);
	}
	return err;
}

static int copy(struct copier *copier, unsigned int number)
{
	struct memory *memory = &copier->memory;
	int err;

	memset(memory->source, (int)(number % 251 + 1), memory->size);
	memory->source[number % memory->size] = 0;
	err = submit(copier);
	if (!err)
		err = wait_for_interrupt(copier);
	if (err)
		return err;
	if (memory->record->status != DSA_COMP_SUCCESS)
		return -EIO;
	return memcmp(memory->source, memory->destination, memory->size) ? -EBADMSG : 0;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int copy_all(struct copier *copier, unsigned int copies)
{
	double start = now(), took;

	for (unsigned int i = 0; i < copies; i++) {
		int err = copy(copier, i);

		if (err) {
			fprintf(stderr, "dsa_copy: copy %u, status %02x: %s\n", i,
				copier->memory.record->status, strerror(-err));
			return err;
		}
	}
	took = now() - start;
	printf("%u verified copies of %zu bytes by interrupt: %.0f a second, %.1f MB/s\n", copies,
	       copier->memory.size, copies / took,
	       copies / took * (double)copier->memory.size / 1e6);
	return 0;
}

/* After the queue was closed: all is counted. */
static void print_counters(const struct copier *copier)
{
	const struct dsa_counters now = read_counters(copier), *before = &copier->before;

	printf("counted by the parent: %" PRIu64 " descriptors, %" PRIu64 " bytes, %" PRIu64
	       " interrupts\n",
	       now.descriptors - before->descriptors, now.bytes - before->bytes,
	       now.interrupts - before->interrupts);
}

/* ---- The program --------------------------------------------------------------------------- */

static bool parse(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;

	*ret = strtoul(text, &end, 0);
	return !*end && text[0] != '-' && *ret && *ret <= max;
}

static int run(const char *path, unsigned int copies, size_t size)
{
	struct copier copier = {.interrupt = -1, .memory.size = size};
	int err = connect_to(&copier, path);

	if (!err)
		err = share_memory(&copier);
	if (!err)
		err = open_vector(&copier);
	if (!err)
		err = map_counters(&copier);
	if (!err)
		err = open_queue(&copier);
	if (!err)
		err = copy_all(&copier, copies);
	umd_queue_close(copier.queue);
	if (!err)
		print_counters(&copier);
	umd_link_close(copier.link); /* from here on nobody else uses the memory */
	if (copier.interrupt >= 0)
		close(copier.interrupt);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	unsigned long copies = 10000, size = PAGE;
	bool good = true;
	int option;

	while ((option = getopt(argc, argv, "n:s:")) != -1)
		good &= (option == 'n' && parse(optarg, 1u << 30, &copies)) ||
			(option == 's' && parse(optarg, 1u << 30, &size));
	if (!good || optind != argc - 1) {
		fputs("usage: dsa_copy PATH [-n COPIES] [-s SIZE]\n", stderr);
		return 2;
	}
	return run(argv[optind], (unsigned int)copies, size);
}
