/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance suite: what umdev/driver.h promises, whatever stands behind the URI. Each test
 * opens the device anew, and no file descriptor may be left when it is closed.
 *
 * What a backend or a device lacks is told by its limits and counts, and skipped; what a kind of
 * device does with its registers is in its struct kind. The contract is that of the kernel's VFIO
 * selftests: memcpy_start, memcpy_wait, send_msi (tools/testing/selftests/vfio).
 */
#ifndef SUITE_H
#define SUITE_H

#include <umdev/driver.h>

#include "harness.h"

#define SUITE_WAIT_MS 5000 /* for what has to come */
#define SUITE_PAGE    4096u

struct suite;

/* A register that holds what is written, and does nothing else. */
struct kind_scratch {
	unsigned int bar;
	uint64_t offset;
	unsigned int reads, writes; /* sum of the widths in bytes that it takes; 0, 0 ends */
	uint64_t mask;		    /* bits that it has; 0: all */
};

/* A copy of a batch. */
struct kind_copy {
	uint64_t source, destination;
	size_t bytes;
};

struct kind {
	const char *name;
	uint16_t vendor, device;
	uint16_t other_device; /* that is driven the same way; 0: none */
	const struct kind_scratch *scratch;
	uint64_t iova_last; /* the highest address that it reaches */
	size_t copy_max;    /* bytes of a copy */
	unsigned int storm; /* copies in a row that do not take too long */
	bool tells_faults;  /* memcpy_wait() does */
	bool needs_files;   /* over vfio-user it reaches no memory without */

	void (*memcpy_start)(struct suite *suite, uint64_t source, uint64_t destination,
			     size_t bytes);
	/* Many at once, 2 to batch_max; NULL: there are no batches. */
	void (*memcpy_batch)(struct suite *suite, const struct kind_copy *copies,
			     unsigned int count);
	unsigned int batch_max;
	/* 0, or the errno with which the copy, or all of a batch, ended. */
	int (*memcpy_wait)(struct suite *suite);

	/* Fires vector 0 of this index. */
	unsigned int msi_index;
	void (*send_msi)(struct suite *suite);

	/* Raises and lowers the line; NULL: there is none. */
	void (*set_line)(struct suite *suite, bool raised);

	/* Frees suite->own, before the device is closed. NULL: there is nothing. */
	void (*end)(struct suite *suite);
};

extern const struct kind kind_copier, kind_dsa, kind_edu;

struct suite {
	const char *uri;
	const struct kind *kind; /* NULL: not known */
	uint64_t most_maps;	 /* more than so many maps at a time are not tried */

	/* Of the test that runs. */
	struct umd_driver *driver;
	unsigned int fds_before;
	bool fds_may_stay; /* what a device of this process makes once, and keeps */
	uint64_t next_iova;
	void *own; /* the kind's */
	struct {   /* the copy under way, for kinds that make it in steps */
		uint64_t destination;
		size_t bytes;
	} copy;
};

/* Skips the test where the kind of device is not known. Memory BARs and DMA work then. */
const struct kind *suite_kind(struct suite *suite);

/* What a register keeps of a value. */
static inline uint64_t suite_kept(const struct kind_scratch *at, uint64_t value)
{
	return at->mask ? value & at->mask : value;
}

/* Its first register that holds what is written. Skips the test where it has none. */
const struct kind_scratch *suite_scratch(struct suite *suite);

/* What is the kind's ends, and the device is closed. */
void suite_close(struct suite *suite);

/* Memory decoding and bus mastering. */
void suite_command(struct suite *suite, bool memory, bool master);

/* Memory for the device, at an IOVA that it reaches. */
struct suite_memory {
	struct umd_driver_buffer *buffer;
	uint8_t *bytes;
	size_t size;
	struct umd_driver_map *map;
	uint64_t iova;
};

void suite_map(struct suite *suite, struct suite_memory *memory, size_t bytes, unsigned int flags);
void suite_unmap(struct suite *suite, struct suite_memory *memory);
#define SUITE_BOTH (UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE)

/* Maps what is filled in of `dma` at an IOVA that the device reaches. */
int suite_map_dma(struct suite *suite, struct umd_driver_dma *dma, struct umd_driver_map **ret,
		  uint64_t *ret_iova);

/* An IOVA that may be mapped, that the device reaches, and that nobody has been given yet. */
uint64_t suite_iova(struct suite *suite, uint64_t bytes);

/* Skips the test where there is no DMA. */
void suite_dma_limits(struct suite *suite, struct umd_driver_dma_limits *ret);

/* Skips the test where the device does not reach memory without a file. */
void suite_need_messages(struct suite *suite);

/* Copies and waits. */
int suite_copy(struct suite *suite, uint64_t source, uint64_t destination, size_t bytes);

/* Nonblocking eventfds, and how often one has fired, with a wait where it has not yet. */
int suite_eventfd(void);
uint64_t suite_fired(int fd, int timeout_ms);

extern const struct harness_test config_tests[], caps_tests[], bars_tests[], map_tests[],
	irq_tests[], event_tests[], dma_tests[], copy_tests[], device_tests[];

#endif
