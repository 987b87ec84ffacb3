/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver library in a guest, on the guest kernel's vfio-pci.
 *
 *   guest-driver [--user ID] open URI           says what it is, or why it cannot be opened
 *   guest-driver [--user ID] copier URI         drives the device of examples/copier.c
 *   guest-driver [--user ID] edu URI            drives QEMU's edu
 *   guest-driver [--user ID] pasids URI         maps memory for PASIDs of a device that has them
 *   guest-driver [--user ID] gone URI COMMAND   has a shell take an edu away, and accesses it
 *   guest-driver [--user ID] signal URI COMMAND the same, and gets a signal of its
 *
 * Operations are the backend's own (src/driver/backend.h): what the public calls make of them is
 * tested without a VM. Exit status 0 when all went as it should; 1 otherwise, with a line for each
 * check that failed on stderr. Nothing waits for ever.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "driver/backend.h"

#define TIME_LIMIT 200	/* seconds, whatever happens */
#define WAIT_MS	   5000 /* for an interrupt */
#define PAGE	   4096u
#define SOURCE	   UINT64_C(0x10000)
#define TARGET	   UINT64_C(0x20000)
#define MSI_WINDOW UINT64_C(0xfee00000) /* of every x86 machine; no IOMMU maps it */

static unsigned int failures;

static void check_(int line, const char *what, long long got, long long expected)
{
	if (got == expected)
		return;
	fprintf(stderr, "line %d: %s is %lld, not %lld\n", line, what, got, expected);
	failures++;
}
#define CHECK(got, expected) check_(__LINE__, #got, (long long)(got), (long long)(expected))

/* ---- Registers ------------------------------------------------------------------------------- */

static uint64_t get(struct umd_driver *driver, uint64_t offset, unsigned int size)
{
	uint8_t bytes[8] = {0};

	CHECK(umd_driver_region_read(driver, UMD_DRIVER_BAR0, offset, bytes, size), 0);
	return umd_get_le(bytes, size);
}

static void put(struct umd_driver *driver, uint64_t offset, unsigned int size, uint64_t value)
{
	uint8_t bytes[8];

	umd_put_le(bytes, size, value);
	CHECK(umd_driver_region_write(driver, UMD_DRIVER_BAR0, offset, bytes, size), 0);
}

static void set_command(struct umd_driver *driver, uint16_t bits)
{
	uint16_t command;

	CHECK(umd_driver_config_write16(driver, PCI_COMMAND, bits), 0);
	CHECK(umd_driver_config_read16(driver, PCI_COMMAND, &command), 0);
	CHECK(command & (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER), bits);
}

/* Neither an access that is refused nor one that reads as ones makes a device count as gone. */
static void check_access(struct umd_driver *driver, uint64_t of_ones)
{
	struct umd_driver_region bar = {.size = sizeof(bar)}, vga = {.size = sizeof(vga)};
	uint8_t bytes[4];

	CHECK(umd_driver_get_region(driver, UMD_DRIVER_BAR0, &bar), 0);
	CHECK(bar.flags & UMD_DRIVER_REGION_MMAP, UMD_DRIVER_REGION_MMAP);
	CHECK(bar.areas, 1);
	CHECK(umd_driver_get_region(driver, UMD_DRIVER_VGA, &vga), 0);
	CHECK(vga.bytes, 0);
	CHECK(umd_driver_region_read(driver, UMD_DRIVER_BAR0, bar.bytes, bytes, 4), -EINVAL);
	CHECK(umd_driver_region_read(driver, UMD_DRIVER_BAR0, bar.bytes - 2, bytes, 4), -EINVAL);
	CHECK(umd_driver_region_write(driver, UMD_DRIVER_VGA, 0, bytes, 4), -EINVAL);

	set_command(driver, 0);
	CHECK(umd_driver_region_read(driver, UMD_DRIVER_BAR0, 0, bytes, 4), -EIO);
	CHECK(umd_driver_region_write(driver, UMD_DRIVER_BAR0, 0, bytes, 4), -EIO);
	set_command(driver, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	CHECK(umd_driver_region_read(driver, UMD_DRIVER_BAR0, 0, bytes, 4), 0);
	if (of_ones)
		CHECK(get(driver, of_ones, 4), UINT32_MAX);
	CHECK(driver->backend->ask_presence(driver), 0);
	CHECK(driver->backend->hear_presence(driver), 0);
	CHECK(driver->backend->link_fd(driver), -ENOTTY);
}

static void check_map(struct umd_driver *driver, uint64_t offset)
{
	struct umd_driver_region bar = {.size = sizeof(bar)};
	const volatile uint32_t *registers;
	void *memory;
	int err = driver->backend->map_region(driver, UMD_DRIVER_BAR0, 0, PAGE,
					      PROT_READ | PROT_WRITE, &memory);

	CHECK(err, 0);
	if (err)
		return;
	registers = memory;
	CHECK(registers[offset / 4], get(driver, offset, 4));
	munmap(memory, PAGE);
	CHECK(umd_driver_get_region(driver, UMD_DRIVER_BAR0, &bar), 0);
	CHECK(driver->backend->map_region(driver, UMD_DRIVER_BAR0, bar.bytes, PAGE, PROT_READ,
					  &memory),
	      -EINVAL);
}

/* ---- DMA ------------------------------------------------------------------------------------- */

static int map(struct umd_driver *driver, uint64_t iova, void *memory, unsigned int flags)
{
	return driver->backend->map_dma(
		driver,
		&(struct umd_driver_dma){
			.address = memory, .bytes = PAGE, .iova = iova, .fd = -1, .flags = flags});
}

static int unmap(struct umd_driver *driver, uint64_t iova)
{
	return driver->backend->unmap_dma(driver,
					  &(struct umd_driver_dma){.bytes = PAGE, .iova = iova});
}

static int map_tagged(struct umd_driver *driver, uint32_t pasid, uint64_t iova, void *memory,
		      struct umd_driver_map **ret)
{
	const struct umd_driver_dma dma = {.size = sizeof(dma),
					   .address = memory,
					   .bytes = PAGE,
					   .fd = -1,
					   .flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE |
						    UMD_DRIVER_DMA_FIXED | UMD_DRIVER_DMA_PASID,
					   .iova = iova,
					   .pasid = pasid};
	uint64_t placed;

	return umd_driver_dma_map(driver, &dma, ret, &placed);
}

static bool is_allowed(const struct umd_driver_dma_limits *limits,
		       const struct umd_driver_dma_range *ranges, uint64_t iova)
{
	for (unsigned int i = 0; i < limits->ranges; i++) {
		if (iova >= ranges[i].first && iova <= ranges[i].last)
			return true;
	}
	return false;
}

static void check_limits(struct umd_driver *driver, void *memory)
{
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	struct umd_driver_dma_limits limits;

	CHECK(driver->backend->get_dma_limits(driver, &limits, ranges), 0);
	CHECK(limits.page_sizes & -limits.page_sizes, PAGE);
	CHECK(limits.max_maps >= 65535, 1);
	CHECK(is_allowed(&limits, ranges, 0) && is_allowed(&limits, ranges, TARGET), 1);
	CHECK(is_allowed(&limits, ranges, MSI_WINDOW), 0);
	CHECK(is_allowed(&limits, ranges, UINT64_MAX), 0);
	CHECK(map(driver, MSI_WINDOW, memory, UMD_DRIVER_DMA_READ) < 0, 1);
	CHECK(limits.flags, 0);
	CHECK(driver->backend->start_dirty(driver, NULL, 0, PAGE), -EOPNOTSUPP);
	CHECK(driver->backend->stop_dirty(driver), -EOPNOTSUPP);
}

/* Maps a page to read and one to write. */
static void map_pages(struct umd_driver *driver, uint8_t *memory)
{
	unsigned int both = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE;
	struct umd_driver_map *none;

	check_limits(driver, memory);
	CHECK(map_tagged(driver, 5, SOURCE, memory, &none), -EOPNOTSUPP);
	CHECK(map(driver, SOURCE, memory, UMD_DRIVER_DMA_READ), 0);
	CHECK(map(driver, TARGET, memory + PAGE, both), 0);
	CHECK(map(driver, TARGET, memory, both), -EEXIST);
	CHECK(map(driver, TARGET + PAGE, NULL, both), -EFAULT);
	CHECK(unmap(driver, TARGET + PAGE), -ENOENT);
	for (size_t i = 0; i < PAGE; i++) {
		memory[i] = (uint8_t)(i * 7 + 1);
		memory[PAGE + i] = 0;
	}
}

/* ---- Interrupts ------------------------------------------------------------------------------ */

static int set_irq(struct umd_driver *driver, unsigned int index, uint32_t flags,
		   unsigned int count, const int *fd)
{
	return umd_driver_set_irqs(
		driver, &(struct umd_driver_irq_set){
				.flags = flags, .index = index, .count = count, .fds = fd});
}

static int give_fd(struct umd_driver *driver, unsigned int index, const int *fd)
{
	return set_irq(driver, index, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 1,
		       fd);
}

static int act(struct umd_driver *driver, unsigned int index, uint32_t action, unsigned int count)
{
	return set_irq(driver, index, VFIO_IRQ_SET_DATA_NONE | action, count, NULL);
}

/* How often an eventfd was signalled, once it was. */
static uint64_t wait_for(int fd, int timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint64_t count = 0;

	if (poll(&ready, 1, timeout_ms) == 1 && read(fd, &count, sizeof(count)) < 0)
		return 0;
	return count;
}

/* What an index does by itself: loopback, what another index may do meanwhile, switching it off. */
static void check_index(struct umd_driver *driver, unsigned int index, unsigned int other, int fd)
{
	static const int none = -1;

	CHECK(act(driver, index, VFIO_IRQ_SET_ACTION_TRIGGER, 0), 0); /* is off */
	CHECK(give_fd(driver, index, &fd), 0);
	if (umd_driver_irq_count(driver, other) > 0)
		CHECK(give_fd(driver, other, &fd), -EINVAL);
	CHECK(act(driver, index, VFIO_IRQ_SET_ACTION_TRIGGER, 1), 0);
	CHECK(wait_for(fd, WAIT_MS), 1);
	CHECK(give_fd(driver, index, &none), 0);
	CHECK(act(driver, index, VFIO_IRQ_SET_ACTION_TRIGGER, 1), 0);
	CHECK(wait_for(fd, 0), 0);
	CHECK(give_fd(driver, index, &fd), 0);
}

static void end_index(struct umd_driver *driver, unsigned int index)
{
	CHECK(act(driver, index, VFIO_IRQ_SET_ACTION_TRIGGER, 0), 0);
	CHECK(act(driver, index, VFIO_IRQ_SET_ACTION_TRIGGER, 0), 0);
}

/* The kernel's own event, by loopback. */
static void check_events(struct umd_driver *driver)
{
	struct umd_driver_event event = {.size = sizeof(event)};

	CHECK(umd_driver_enable_events(driver), 0);
	CHECK(umd_driver_next_event(driver, &event), -EAGAIN);
	CHECK(act(driver, UMD_DRIVER_REQ, VFIO_IRQ_SET_ACTION_TRIGGER, 1), 0);
	CHECK(umd_driver_next_event(driver, &event), 0);
	CHECK(event.kind, UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	CHECK(umd_driver_next_event(driver, &event), -EAGAIN);
}

/* ---- Devices --------------------------------------------------------------------------------- */

static void check_reset_and_power(struct umd_driver *driver)
{
	const struct umd_driver_backend *backend = driver->backend;

	if (driver->info.flags & UMD_DRIVER_RESET)
		CHECK(umd_driver_reset(driver), 0);
	set_command(driver, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	CHECK(backend->enter_low_power(driver, -1), 0);
	CHECK(backend->enter_low_power(driver, -1), -EINVAL);
	CHECK(backend->hear_presence(driver), 0);
	CHECK(backend->exit_low_power(driver), 0);
	CHECK(backend->exit_low_power(driver), 0);
}

static uint64_t copier_copy(struct umd_driver *driver, uint64_t from, uint64_t to, int fd)
{
	put(driver, 0x00, 8, from);
	put(driver, 0x08, 8, to);
	put(driver, 0x10, 4, PAGE);
	put(driver, 0x14, 4, 1);
	CHECK(wait_for(fd, WAIT_MS), 1);
	return get(driver, 0x18, 4);
}

static void drive_copier(struct umd_driver *driver, uint8_t *memory, int fd)
{
	check_access(driver, 0);
	put(driver, 0x10, 4, 0x1234);
	check_map(driver, 0x10);
	map_pages(driver, memory);
	CHECK(umd_driver_irq_count(driver, UMD_DRIVER_MSIX) >= 1, 1);
	CHECK(driver->info.flags & UMD_DRIVER_RESET, UMD_DRIVER_RESET);
	check_index(driver, UMD_DRIVER_MSIX, UMD_DRIVER_INTX, fd);

	CHECK(copier_copy(driver, SOURCE, TARGET, fd), 0);
	CHECK(memcmp(memory, memory + PAGE, PAGE), 0);
	CHECK(copier_copy(driver, TARGET, SOURCE, fd), EFAULT);
	CHECK(unmap(driver, TARGET), 0);
	CHECK(copier_copy(driver, SOURCE, TARGET, fd), EFAULT);
	end_index(driver, UMD_DRIVER_MSIX);

	check_reset_and_power(driver);
	CHECK(get(driver, 0x10, 4), 0);
	CHECK(unmap(driver, SOURCE), 0);
}

enum { EDU_RAISE = 0x60, EDU_ACK = 0x64 };
enum { EDU_ONES = 0x7c, EDU_FROM = 0x80, EDU_TO = 0x88, EDU_COUNT = 0x90, EDU_START = 0x98 };

#define EDU_BUFFER 0x40000u
#define EDU_WRITE  2u /* to memory; else from it */
#define EDU_IRQ	   4u /* at the end */

static void edu_move(struct umd_driver *driver, uint64_t from, uint64_t to, unsigned int command,
		     int fd)
{
	put(driver, EDU_FROM, 8, from);
	put(driver, EDU_TO, 8, to);
	put(driver, EDU_COUNT, 8, PAGE);
	put(driver, EDU_START, 8, command | EDU_IRQ | 1);
	CHECK(wait_for(fd, WAIT_MS), 1);
	put(driver, EDU_ACK, 4, 0x100);
}

/* A line that stays masked until it is told otherwise. */
static void check_line(struct umd_driver *driver, int fd)
{
	CHECK(give_fd(driver, UMD_DRIVER_INTX, &fd), 0);
	put(driver, EDU_RAISE, 4, 1);
	CHECK(wait_for(fd, WAIT_MS), 1);
	CHECK(act(driver, UMD_DRIVER_INTX, VFIO_IRQ_SET_ACTION_UNMASK, 1), 0);
	CHECK(wait_for(fd, WAIT_MS), 1); /* it is still asserted */
	put(driver, EDU_ACK, 4, 1);
	CHECK(act(driver, UMD_DRIVER_INTX, VFIO_IRQ_SET_ACTION_UNMASK, 1), 0);
	CHECK(wait_for(fd, 100), 0);
	end_index(driver, UMD_DRIVER_INTX);
}

static void drive_edu(struct umd_driver *driver, uint8_t *memory, int fd)
{
	check_access(driver, EDU_ONES);
	check_map(driver, 0);
	map_pages(driver, memory);
	CHECK(umd_driver_irq_count(driver, UMD_DRIVER_MSI), 1);
	CHECK(umd_driver_irq_count(driver, UMD_DRIVER_MSIX), 0);
	check_line(driver, fd);
	check_index(driver, UMD_DRIVER_MSI, UMD_DRIVER_INTX, fd);

	put(driver, EDU_RAISE, 4, 2);
	CHECK(wait_for(fd, WAIT_MS), 1);
	put(driver, EDU_ACK, 4, 2);
	edu_move(driver, SOURCE, EDU_BUFFER, 0, fd);
	edu_move(driver, EDU_BUFFER, TARGET, EDU_WRITE, fd);
	CHECK(memcmp(memory, memory + PAGE, PAGE), 0);
	CHECK(unmap(driver, TARGET), 0);
	memset(memory + PAGE, 0x55, PAGE);
	edu_move(driver, EDU_BUFFER, TARGET, EDU_WRITE, fd);
	CHECK(memory[PAGE] == 0x55 && memory[2 * PAGE - 1] == 0x55, 1);
	end_index(driver, UMD_DRIVER_MSI);

	check_reset_and_power(driver);
	CHECK(unmap(driver, SOURCE), 0);
}

/* Spaces of PASIDs are attached and detached, as often as maps come and go. */
static void check_pasids(struct umd_driver *driver)
{
	struct umd_driver_dma_limits limits = {.size = sizeof(limits)};
	struct umd_driver_map *maps[3], *none;
	uint8_t *memory =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(umd_driver_get_dma_limits(driver, &limits), 0);
	CHECK(limits.flags, UMD_DRIVER_DMA_HAS_PASID);
	CHECK(map(driver, SOURCE, memory, UMD_DRIVER_DMA_READ), 0);
	for (int i = 0; i < 3; i++) {
		CHECK(map_tagged(driver, 5, SOURCE, memory, &maps[0]), 0);
		CHECK(map_tagged(driver, 6, SOURCE, memory, &maps[1]), 0);
		CHECK(map_tagged(driver, 5, TARGET, memory, &maps[2]), 0);
		CHECK(map_tagged(driver, 5, SOURCE, memory, &none), -EEXIST);
		CHECK(map_tagged(driver, 7, SOURCE, (void *)(uintptr_t)PAGE, &none), -EFAULT);
		CHECK(map_tagged(driver, 0, SOURCE, memory, &none), -EINVAL);
		CHECK(map_tagged(driver, UINT32_MAX, SOURCE, memory, &none) < 0, 1);
		for (int j = 0; j < 3; j++)
			CHECK(umd_driver_dma_unmap(driver, maps[j]), 0);
		CHECK(driver->backend->detach_pasid(driver, 5), -ENOENT);
	}
	CHECK(map_tagged(driver, 5, SOURCE, memory, &none), 0); /* left to the device's end */
	CHECK(unmap(driver, SOURCE), 0);
}

/* ---- Surprises ------------------------------------------------------------------------------- */

static void surprise(const char *command)
{
	CHECK(system(command), 0); /* NOLINT(cert-env33-c): the test's own words */
}

/* What reads as ones while it is there is -ENODEV when it is not. */
static void check_gone(struct umd_driver *driver, const char *command)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	uint8_t bytes[64], *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t id;

	CHECK(umd_driver_enable_events(driver), 0);
	set_command(driver, PCI_COMMAND_MEMORY);
	CHECK(map(driver, SOURCE, memory, UMD_DRIVER_DMA_READ), 0);
	CHECK(get(driver, EDU_ONES, 4), UINT32_MAX);
	surprise(command);
	CHECK(umd_driver_next_event(driver, &event), -EAGAIN);
	CHECK(umd_driver_region_read(driver, UMD_DRIVER_BAR0, EDU_ONES, bytes, 4), -ENODEV);
	CHECK(umd_driver_region_read(driver, UMD_DRIVER_BAR0, 0, bytes, sizeof(bytes)), -ENODEV);
	CHECK(umd_driver_region_write(driver, UMD_DRIVER_BAR0, 0, bytes, 4), -ENODEV);
	CHECK(umd_driver_config_read32(driver, PCI_VENDOR_ID, &id), -ENODEV);
	CHECK(umd_driver_irq_count(driver, UMD_DRIVER_INTX), -ENODEV);
	CHECK(map(driver, TARGET, memory, UMD_DRIVER_DMA_READ), -ENODEV);
	CHECK(unmap(driver, SOURCE), -ENODEV);
	CHECK(driver->backend->link_fd(driver), -ENODEV);
	CHECK(umd_driver_next_event(driver, &event), 0);
	CHECK(event.kind, UMD_DRIVER_EVENT_REMOVED);
	CHECK(umd_driver_next_event(driver, &event), -EAGAIN);
	munmap(memory, PAGE);
}

/* A signal that comes when the device has gone already is its end. */
static void check_last_signal(struct umd_driver *driver, const char *command)
{
	struct umd_driver_event event = {.size = sizeof(event)};

	CHECK(umd_driver_enable_events(driver), 0);
	surprise(command);
	CHECK(act(driver, UMD_DRIVER_REQ, VFIO_IRQ_SET_ACTION_TRIGGER, 1), 0);
	CHECK(umd_driver_next_event(driver, &event), 0);
	CHECK(event.kind, UMD_DRIVER_EVENT_REMOVED);
}

/* ---- The program ----------------------------------------------------------------------------- */

static void describe(struct umd_driver *driver)
{
	static const char *const names[] = {"intx", "msi", "msix", "err", "req"};
	uint32_t id = 0;

	CHECK(umd_driver_config_read32(driver, PCI_VENDOR_ID, &id), 0);
	printf("%s %04x:%04x", driver->backend->get_name(driver), id & 0xffff, id >> 16);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		printf(" %s %d", names[i], umd_driver_irq_count(driver, i));
	printf("\n");
}

static void drive_device(struct umd_driver *driver, bool is_copier)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint8_t *memory =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || fd < 0) {
		perror("guest-driver");
		exit(1);
	}
	CHECK(driver->info.flags & UMD_DRIVER_PCI, UMD_DRIVER_PCI);
	if (is_copier)
		drive_copier(driver, memory, fd);
	else
		drive_edu(driver, memory, fd);
	check_events(driver);
	close(fd);
	munmap(memory, 2 * PAGE);
}

static void drive(struct umd_driver *driver, const char *what, const char *command)
{
	if (strcmp(what, "copier") == 0 || strcmp(what, "edu") == 0)
		drive_device(driver, *what == 'c');
	else if (strcmp(what, "pasids") == 0)
		check_pasids(driver);
	else if (strcmp(what, "gone") == 0)
		check_gone(driver, command);
	else if (strcmp(what, "signal") == 0)
		check_last_signal(driver, command);
}

static int run(const char *what, const char *uri, const char *command)
{
	struct umd_driver *driver;
	struct umd_error error;
	int err = umd_driver_open(uri, NULL, &driver, &error);

	if (err) {
		printf("%s: %s\n", strerrorname_np(-err), error.text);
		return 1;
	}
	describe(driver);
	drive(driver, what, command);
	umd_driver_close(driver);
	return failures != 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--user") == 0) {
		if (setuid((uid_t)strtoul(argv[2], NULL, 10)) < 0)
			return 2;
		argc -= 2;
		argv += 2;
	}
	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: guest-driver [--user ID] "
				"open|copier|edu|pasids|gone|signal URI [COMMAND]\n");
		return 2;
	}
	alarm(TIME_LIMIT);
	return run(argv[1], argv[2], argc == 4 ? argv[3] : "true");
}
