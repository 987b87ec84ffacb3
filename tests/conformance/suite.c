/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the suite share: the device of a test, its memory, its eventfds. */
#include "suite.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FIRST_IOVA UINT64_C(0x1000000)

const struct kind *suite_kind(struct suite *suite)
{
	if (!suite->kind)
		harness_skip("how to drive this device is not known");
	suite_command(suite, true, true);
	return suite->kind;
}

const struct kind_scratch *suite_scratch(struct suite *suite)
{
	const struct kind_scratch *at = suite_kind(suite)->scratch;

	if (!at->reads)
		harness_skip("the device has no register that does nothing");
	return at;
}

void suite_close(struct suite *suite)
{
	if (suite->kind && suite->kind->end)
		suite->kind->end(suite);
	suite->own = NULL;
	umd_driver_close(suite->driver);
	suite->driver = NULL;
}

void suite_command(struct suite *suite, bool memory, bool master)
{
	uint16_t command;

	must(umd_driver_config_read16(suite->driver, PCI_COMMAND, &command));
	command &= (uint16_t) ~(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (memory)
		command |= PCI_COMMAND_MEMORY;
	if (master)
		command |= PCI_COMMAND_MASTER;
	must(umd_driver_config_write16(suite->driver, PCI_COMMAND, command));
}

/* ---- Memory -------------------------------------------------------------------------------- */

void suite_dma_limits(struct suite *suite, struct umd_driver_dma_limits *ret)
{
	int err;

	ret->size = sizeof(*ret);
	err = umd_driver_get_dma_limits(suite->driver, ret);
	if (err == -EOPNOTSUPP)
		harness_skip("there is no DMA");
	must(err);
}

void suite_need_messages(struct suite *suite)
{
	if (suite_kind(suite)->needs_files && !strncmp(suite->uri, "vfio-user:", 10))
		harness_skip("the device reaches memory with a file only");
}

uint64_t suite_iova(struct suite *suite, uint64_t bytes)
{
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	uint64_t reach = suite->kind ? suite->kind->iova_last : UINT32_MAX;
	unsigned int count;

	must(umd_driver_get_dma_ranges(suite->driver, ranges, UMD_DRIVER_AREAS_MAX, &count));
	for (unsigned int i = 0; i < count; i++) {
		uint64_t iova = ranges[i].first > suite->next_iova ? ranges[i].first
								   : suite->next_iova;
		uint64_t last = ranges[i].last < reach ? ranges[i].last : reach;

		if (iova <= last && bytes - 1 <= last - iova) {
			suite->next_iova = iova + bytes;
			return iova;
		}
	}
	harness_skip("the device reaches no IOVA that may be mapped");
}

int suite_map_dma(struct suite *suite, struct umd_driver_dma *dma, struct umd_driver_map **ret,
		  uint64_t *ret_iova)
{
	if (suite->kind && suite->kind->iova_last != UINT64_MAX) {
		dma->flags |= UMD_DRIVER_DMA_FIXED;
		dma->iova = suite_iova(suite, dma->bytes);
	}
	return umd_driver_dma_map(suite->driver, dma, ret, ret_iova);
}

void suite_map(struct suite *suite, struct suite_memory *memory, size_t bytes, unsigned int flags)
{
	struct umd_driver_dma_limits limits;
	struct umd_driver_dma dma = {.size = sizeof(dma), .flags = flags};

	suite_dma_limits(suite, &limits);
	must(umd_driver_buffer_create(bytes, 0, &memory->buffer));
	memory->bytes = memory->buffer->address;
	memory->size = memory->buffer->bytes;
	dma.address = memory->buffer->address;
	dma.bytes = memory->buffer->bytes;
	dma.fd = memory->buffer->fd;
	must(suite_map_dma(suite, &dma, &memory->map, &memory->iova));
}

void suite_unmap(struct suite *suite, struct suite_memory *memory)
{
	must(umd_driver_dma_unmap(suite->driver, memory->map));
	umd_driver_buffer_destroy(memory->buffer);
}

int suite_copy(struct suite *suite, uint64_t source, uint64_t destination, size_t bytes)
{
	suite->kind->memcpy_start(suite, source, destination, bytes);
	return suite->kind->memcpy_wait(suite);
}

/* ---- Eventfds ------------------------------------------------------------------------------ */

int suite_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	check(fd >= 0);
	return fd;
}

uint64_t suite_fired(int fd, int timeout_ms)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	uint64_t count;

	if (poll(&pollfd, 1, timeout_ms) != 1 || read(fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}
