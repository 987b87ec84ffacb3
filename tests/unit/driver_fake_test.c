/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of this process: how they are offered, what a driver does with one, and how it ends. */
#include "driver_device.h"

#include <umdev/dma.h>
#include <umdev/pasid.h>

#include "driver/backend.h"

#define PAGE  UINT64_C(4096)
#define MS    INT64_C(1000000)
#define READ  UMD_DRIVER_DMA_READ
#define WRITE UMD_DRIVER_DMA_WRITE

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int open_error(const char *uri, const char *sentence)
{
	struct umd_driver *other = NULL;
	struct umd_error error = {0};
	int err = umd_driver_open(uri, NULL, &other, &error);

	assert_null(other);
	assert_int_equal(error.code, err);
	if (!strstr(error.text, sentence))
		fail_msg("'%s' lacks '%s'", error.text, sentence);
	return err;
}

static int access_requests(bool write, uint64_t offset, uint32_t *value)
{
	return write ? umd_driver_write32(driver, UMD_DRIVER_BAR2, offset, *value)
		     : umd_driver_read32(driver, UMD_DRIVER_BAR2, offset, value);
}

/* ---- Offers -------------------------------------------------------------------------------- */

static void test_a_name_is_offered_once(void **state)
{
	const struct umd_device_info info = {.size = sizeof(info), .vendor = 1, .device = 2};
	struct umd_device *other;
	char name[66];

	memset(name, 'x', 64);
	name[64] = '\0';
	assert_int_equal(umd_device_create(&info, &other), 0);
	assert_int_equal(umd_fake_offer(other, "other"), -EINVAL); /* not realised */
	assert_int_equal(umd_device_realize(other, NULL), 0);
	assert_int_equal(umd_fake_offer(other, ""), -EINVAL);
	assert_int_equal(umd_fake_offer(other, name), -EINVAL);
	assert_int_equal(umd_fake_offer(other, "dut"), -EEXIST);
	assert_int_equal(umd_fake_offer(other, name + 1), 0);
	assert_int_equal(umd_fake_offer(other, "again"), -EBUSY);
	umd_fake_withdraw(other);
	umd_fake_withdraw(other);
	assert_int_equal(umd_fake_offer(other, "again"), 0);
	umd_fake_withdraw(other);
	umd_device_destroy(other);
}

static void test_a_device_is_offered_or_served(void **state)
{
	struct umd_server_options options = {.size = sizeof(options), .socket_path = "/nowhere/s"};
	struct umd_server *server;

	assert_int_equal(umd_server_create(dut.device, &options, &server), -EBUSY);
}

static void test_only_what_is_offered_is_opened(void **state)
{
	assert_int_equal(open_error("fake:du", "no device of this name"), -ENOENT);
	assert_int_equal(open_error("fake:", "no device of this name"), -ENOENT);
}

static void test_there_is_one_driver_at_a_time(void **state)
{
	assert_int_equal(open_error("fake:dut", "another driver"), -EBUSY);
	umd_driver_close(driver);
	dut_open(0);
}

static void test_it_is_what_was_declared(void **state)
{
	struct umd_driver_info info = {.size = sizeof(info)};
	struct umd_driver_region region = {.size = sizeof(region)};
	struct umd_driver_limits limits = {.size = sizeof(limits)};
	struct umd_driver_area areas[4];
	unsigned int count;
	uint32_t ids;

	assert_string_equal(umd_driver_name(driver), "dut");
	assert_int_equal(umd_driver_get_info(driver, &info), 0);
	assert_int_equal(info.flags, UMD_DRIVER_RESET | UMD_DRIVER_PCI);
	assert_int_equal(info.regions, 9);
	assert_int_equal(info.irqs, 5);
	assert_int_equal(umd_driver_get_limits(driver, &limits), 0);
	assert_int_equal(limits.page_sizes, 4096);

	assert_int_equal(umd_driver_config_read32(driver, 0, &ids), 0);
	assert_int_equal(ids, 0x56781234);
	assert_int_equal(umd_driver_irq_count(driver, UMD_DRIVER_MSIX), MSIX_COUNT);
	assert_int_equal(umd_driver_irq_count(driver, UMD_DRIVER_INTX), 1);
	assert_int_equal(umd_driver_get_region(driver, 0, &region), 0);
	assert_int_equal(region.bytes, 1 << 20);
	assert_int_equal(region.flags,
			 UMD_DRIVER_REGION_READ | UMD_DRIVER_REGION_WRITE | UMD_DRIVER_REGION_MMAP);
	assert_int_equal(umd_driver_get_areas(driver, 0, areas, 4, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(areas[1].offset, AREA_OFFSET);
	assert_int_equal(areas[1].size, AREA_BYTES);
	assert_int_equal(umd_driver_get_region(driver, UMD_DRIVER_ROM, &region), 0);
	assert_int_equal(region.bytes, 0);
	assert_int_equal(region.flags, 0);
}

static void test_leaving_resets_it(void **state)
{
	uint16_t command;
	uint32_t value;

	put(SCRATCH, 5);
	assert_int_equal(dut.resets, 0);
	umd_driver_close(driver);
	assert_int_equal(dut.resets, 1);
	assert_int_equal(dut.last_reset, UMD_RESET_DISCONNECT);
	assert_int_equal(umd_driver_open("fake:dut", NULL, &driver, NULL), 0);
	assert_int_equal(umd_driver_config_read16(driver, PCI_COMMAND, &command), 0);
	assert_int_equal(command, 0);
	assert_int_equal(umd_driver_read32(driver, 0, SCRATCH, &value), -EIO);
}

static void test_a_driver_resets_it(void **state)
{
	put(SCRATCH, 5);
	assert_int_equal(umd_driver_reset(driver), 0);
	assert_int_equal(dut.last_reset, UMD_RESET_DEVICE);
	assert_int_equal(dut.scratch, 0);
}

/* ---- Time ---------------------------------------------------------------------------------- */

static void test_what_is_put_off_is_waited_for(void **state)
{
	uint32_t value = 0;
	int64_t start = now_ns();

	assert_int_equal(access_requests(false, DEFERRED, &value), 0);
	assert_int_equal(value, 0x5a5a5a5a);
	assert_true(now_ns() - start >= 4 * MS);
	assert_int_equal(access_requests(true, DEFERRED, &value), 0);
	assert_int_equal(access_requests(true, AT_ONCE, &value), 0);
}

static void test_what_is_put_off_for_ever_ends(void **state)
{
	struct umd_driver_options options = {.size = sizeof(options), .timeout_ms = 30};
	uint32_t value = 7;
	int64_t start;

	umd_driver_close(driver);
	assert_int_equal(umd_driver_open("fake:dut", &options, &driver, NULL), 0);
	assert_int_equal(umd_driver_config_write16(driver, PCI_COMMAND, PCI_COMMAND_MEMORY), 0);
	start = now_ns();
	assert_int_equal(access_requests(false, FOR_EVER, &value), -ETIMEDOUT);
	assert_true(now_ns() - start >= 29 * MS);
	assert_int_equal(dut.cancelled, 1);
	assert_int_equal(value, 7);
	assert_int_equal(access_requests(true, AT_ONCE, &value), 0); /* it goes on */
}

static void test_what_comes_later_comes_in_the_drivers_calls(void **state)
{
	const struct timespec pause = {.tv_nsec = 4 * MS};
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_int_equal(umd_driver_irq_set_fds(driver, UMD_DRIVER_MSIX, 0, 1, &fd), 0);
	put(TRIGGER_LATER, 1);
	nanosleep(&pause, NULL);
	assert_int_equal(unit_take_events(fd), 0);
	get(SCRATCH);
	assert_int_equal(unit_take_events(fd), 1);
	close(fd);
}

static void test_the_event_fd_says_when_it_has_something_to_do(void **state)
{
	struct pollfd pollfd;

	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 0, 1), 0);
	expect_no_event();
	put(TRIGGER_LATER, 10);
	pollfd = (struct pollfd){.fd = umd_driver_event_fd(driver), .events = POLLIN};
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	assert_int_equal(poll(&pollfd, 1, WAIT_MS), 1);
	expect_event(UMD_DRIVER_EVENT_IRQ);
	assert_int_equal(poll(&pollfd, 1, 0), 0);
}

/* ---- DMA ----------------------------------------------------------------------------------- */

static uint8_t *memory;
static int memory_fd;

static void make_memory(void)
{
	memory_fd = memfd_create("memory", MFD_CLOEXEC);
	assert_int_equal(ftruncate(memory_fd, 4 * (off_t)PAGE), 0);
	memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	assert_true(memory != MAP_FAILED);
}

static void free_memory(void)
{
	munmap(memory, 4 * PAGE);
	close(memory_fd);
}

static struct umd_driver_dma dma(uint64_t iova, unsigned int page, unsigned int pages, int fd)
{
	return (struct umd_driver_dma){.size = sizeof(struct umd_driver_dma),
				       .address = memory + page * PAGE,
				       .bytes = pages * PAGE,
				       .fd = fd,
				       .fd_offset = page * PAGE,
				       .flags = READ | WRITE,
				       .iova = iova};
}

static int map(const struct umd_driver_dma *what)
{
	return driver->backend->map_dma(driver, what);
}

static int unmap(const struct umd_driver_dma *what)
{
	return driver->backend->unmap_dma(driver, what);
}

/* What the device's write of a word ends with. */
static int device_writes(uint64_t iova, uint32_t word)
{
	assert_int_equal(umd_driver_write64(driver, 0, DMA_ADDRESS, iova), 0);
	put(DMA_WRITE_TO, word);
	return -(int)get(DMA_STATUS);
}

static void test_it_reaches_memory_by_file_and_by_address(void **state)
{
	struct umd_driver_dma by_file, by_address;
	uint32_t word;

	make_memory();
	by_file = dma(0x10000, 1, 1, memory_fd);
	by_address = dma(0x20000, 2, 1, -1);
	assert_int_equal(map(&by_file), 0);
	assert_int_equal(map(&by_address), 0);
	assert_int_equal(map(&by_address), -EEXIST);
	assert_int_equal(device_writes(0x10010, 0x11111111), 0);
	assert_int_equal(device_writes(0x20020, 0x22222222), 0);
	memcpy(&word, memory + PAGE + 0x10, 4);
	assert_int_equal(word, 0x11111111);
	memcpy(&word, memory + 2 * PAGE + 0x20, 4);
	assert_int_equal(word, 0x22222222);

	assert_int_equal(unmap(&by_file), 0);
	assert_int_equal(device_writes(0x10010, 1), -EFAULT);
	assert_int_equal(device_writes(0x20020, 3), 0);
	assert_int_equal(unmap(&by_address), 0);
	assert_int_equal(device_writes(0x20020, 1), -EFAULT);
	free_memory();
}

static void test_maps_allow_what_they_say(void **state)
{
	struct umd_driver_dma readable;

	make_memory();
	readable = dma(0x10000, 0, 1, memory_fd);
	readable.flags = READ;
	assert_int_equal(map(&readable), 0);
	assert_int_equal(device_writes(0x10000, 1), -EFAULT);
	free_memory();
}

static void test_maps_stay_at_a_reset_and_go_with_the_driver(void **state)
{
	struct umd_driver_dma all;

	make_memory();
	all = dma(0x10000, 0, 4, memory_fd);
	assert_int_equal(map(&all), 0);
	assert_int_equal(umd_driver_reset(driver), 0);
	assert_int_equal(umd_driver_config_write16(driver, PCI_COMMAND,
						   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
			 0);
	assert_int_equal(device_writes(0x10000, 1), 0);
	umd_driver_close(driver);
	dut_open(0);
	assert_int_equal(device_writes(0x10000, 1), -EFAULT);
	assert_int_equal(map(&all), 0);
	free_memory();
}

static void test_its_limits_are_told(void **state)
{
	struct umd_driver_dma_limits limits;
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];

	assert_int_equal(driver->backend->get_dma_limits(driver, &limits, ranges), 0);
	assert_int_equal(limits.flags, UMD_DRIVER_DMA_HAS_DIRTY | UMD_DRIVER_DMA_HAS_PASID);
	assert_int_equal(limits.page_sizes, 4096);
	assert_int_equal(limits.max_maps, 65535);
	assert_int_equal(limits.ranges, 1);
	assert_true(ranges[0].first == 0 && ranges[0].last == UINT64_MAX);
}

struct pin {
	struct umd_dma_reader *reader;
	struct umd_dma_segment segment;
	int64_t ended;
};

static void *unpin_later(void *data)
{
	const struct timespec pause = {.tv_nsec = 20 * MS};
	struct pin *pin = data;

	nanosleep(&pause, NULL);
	pin->ended = now_ns();
	umd_dma_unpin(&pin->segment, 1);
	return NULL;
}

static void test_an_unmap_waits_for_a_pin(void **state)
{
	struct umd_driver_dma all;
	struct pin pin;
	pthread_t thread;

	make_memory();
	all = dma(0x10000, 0, 4, memory_fd);
	assert_int_equal(map(&all), 0);
	assert_int_equal(umd_dma_reader_create(umd_device_space(dut.device),
					       UMD_DMA_READER_NO_SIGBUS, &pin.reader),
			 0);
	assert_int_equal(umd_dma_pin(pin.reader, 0x10000, 8, UMD_DMA_WRITE, &pin.segment, 1), 1);
	assert_int_equal(pthread_create(&thread, NULL, unpin_later, &pin), 0);
	assert_int_equal(unmap(&all), 0);
	assert_true(now_ns() >= pin.ended);
	pthread_join(thread, NULL);
	assert_int_equal(dut.resets, 0);
	umd_dma_reader_destroy(pin.reader);
	free_memory();
}

/* Neither does it wait for ever: the memory is taken away, and the device is reset. */
static void test_a_pin_that_does_not_end_loses_its_memory(void **state)
{
	struct umd_driver_options options = {.size = sizeof(options), .timeout_ms = 30};
	struct umd_driver_dma all;
	struct pin pin;

	make_memory();
	all = dma(0x10000, 0, 4, memory_fd);
	umd_driver_close(driver);
	assert_int_equal(umd_driver_open("fake:dut", &options, &driver, NULL), 0);
	assert_int_equal(umd_driver_config_write16(driver, PCI_COMMAND, PCI_COMMAND_MASTER), 0);
	assert_int_equal(map(&all), 0);
	assert_int_equal(umd_dma_reader_create(umd_device_space(dut.device),
					       UMD_DMA_READER_NO_SIGBUS, &pin.reader),
			 0);
	assert_int_equal(umd_dma_pin(pin.reader, 0x10000, 8, UMD_DMA_WRITE, &pin.segment, 1), 1);
	assert_int_equal(unmap(&all), 0);
	assert_int_equal(dut.last_reset, UMD_RESET_SELF);
	assert_int_equal(dut.resets, 2); /* one was the first driver's leaving */
	*pin.segment.base = 0x55;
	assert_int_equal(memory[0], 0);
	umd_dma_unpin(&pin.segment, 1);
	umd_dma_reader_destroy(pin.reader);
	free_memory();
}

static void test_written_pages_are_logged(void **state)
{
	const struct umd_driver_dma_range range = {0x10000, 0x13fff};
	const struct umd_driver_dma_range whole = {0, UINT64_MAX}, wrong = {2, 1};
	struct umd_driver_dma all;
	uint64_t bitmap = ~UINT64_C(0);

	make_memory();
	all = dma(0x10000, 0, 4, memory_fd);
	assert_int_equal(map(&all), 0);
	assert_int_equal(driver->backend->report_dirty(driver, 0x10000, 4 * PAGE, PAGE, &bitmap),
			 -EINVAL);
	assert_int_equal(driver->backend->start_dirty(driver, &whole, 1, PAGE), -ENOSPC);
	assert_int_equal(driver->backend->start_dirty(driver, &wrong, 1, PAGE), -EINVAL);
	assert_int_equal(driver->backend->start_dirty(driver, NULL, 257, PAGE), -E2BIG);
	assert_int_equal(driver->backend->start_dirty(driver, &range, 1, PAGE), 0);
	assert_int_equal(device_writes(0x11ffc, 1), 0);
	assert_int_equal(device_writes(0x13000, 1), 0);
	assert_int_equal(driver->backend->report_dirty(driver, 0x10000, 4 * PAGE, PAGE, &bitmap),
			 0);
	assert_true(bitmap == 10);
	assert_int_equal(driver->backend->report_dirty(driver, 0x10000, 4 * PAGE, PAGE, &bitmap),
			 0);
	assert_true(bitmap == 0);
	assert_int_equal(driver->backend->stop_dirty(driver), 0);
	free_memory();
}

static void test_pasids_have_spaces_of_their_own(void **state)
{
	const struct umd_dma_prefix prefix = {.pasid = 5};
	struct umd_driver_dma first, second;
	unsigned int pasid;
	uint32_t word = 0x12345678;

	make_memory();
	first = dma(0x10000, 0, 1, memory_fd);
	second = dma(0x20000, 1, 1, -1);
	first.flags |= UMD_DRIVER_DMA_PASID;
	second.flags |= UMD_DRIVER_DMA_PASID;
	first.pasid = second.pasid = 5;
	assert_int_equal(unmap(&first), -ENOENT);
	assert_int_equal(map(&first), 0);
	assert_int_equal(map(&second), 0);
	assert_int_equal(umd_driver_find_ext_cap(driver, PCI_EXT_CAP_ID_PASID, &pasid), 0);
	assert_int_equal(umd_driver_config_write16(driver, pasid + 6, 1), 0);
	assert_int_equal(umd_dma_write_tagged(dut.device, &prefix, 0x10000, &word, 4), 0);
	assert_int_equal(memcmp(memory, &word, 4), 0);
	assert_int_equal(device_writes(0x10000, 1), -EFAULT); /* that is another space */
	assert_int_equal(driver->backend->start_dirty(driver, NULL, 0, PAGE), -EBUSY);

	assert_int_equal(unmap(&first), 0);
	assert_int_equal(umd_dma_write_tagged(dut.device, &prefix, 0x20000, &word, 4), 0);
	assert_int_equal(unmap(&second), 0);
	assert_int_equal(umd_dma_write_tagged(dut.device, &prefix, 0x20000, &word, 4), -ENXIO);
	assert_int_equal(driver->backend->start_dirty(driver, NULL, 0, PAGE), 0);

	first.pasid = 256;
	assert_int_equal(map(&first), -ERANGE);
	free_memory();
}

/* ---- Power, coming and going --------------------------------------------------------------- */

static void test_it_sleeps_and_wakes(void **state)
{
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_low_power_enter(driver, false), 0);
	assert_int_equal(dut.power, UMD_POWER_LOW);
	assert_int_equal(umd_driver_low_power_enter(driver, false), -EINVAL);
	assert_int_equal(umd_driver_low_power_exit(driver), 0);
	assert_int_equal(dut.power, UMD_POWER_D0);

	put(WAKE_LATER, 10);
	assert_int_equal(umd_driver_low_power_enter(driver, true), 0);
	expect_event(UMD_DRIVER_EVENT_WAKEUP);
	assert_int_equal(dut.power, UMD_POWER_D0);
	expect_no_event();
}

static void test_it_asks_to_be_let_go(void **state)
{
	assert_int_equal(umd_driver_enable_events(driver), 0);
	put(UNPLUG, 1);
	expect_event(UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	put(SCRATCH, 1);
	assert_false(dut.unplugged);
	umd_driver_close(driver);
	driver = NULL;
	assert_true(dut.unplugged);
	assert_int_equal(open_error("fake:dut", "unplugged"), -ENODEV);
}

static void test_it_goes_by_surprise(void **state)
{
	struct umd_driver_dma all;
	uint32_t value = 0;

	make_memory();
	all = dma(0x10000, 0, 4, memory_fd);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	put(UNPLUG, 2);
	assert_true(dut.unplugged);
	assert_int_equal(umd_driver_read32(driver, 0, SCRATCH, &value), 0);
	assert_int_equal(value, UINT32_MAX);
	expect_event(UMD_DRIVER_EVENT_REMOVED);
	expect_no_event();
	assert_int_equal(umd_driver_read32(driver, 0, SCRATCH, &value), -ENODEV);
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	assert_int_equal(map(&all), -ENODEV);
	assert_int_equal(umd_driver_low_power_enter(driver, false), -ENODEV);
	free_memory();
}

static void test_it_is_withdrawn(void **state)
{
	struct umd_driver_dma_limits limits;
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	struct umd_driver_region region = {.size = sizeof(region)};
	struct umd_driver_dma all;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint32_t value;

	make_memory();
	all = dma(0x10000, 0, 4, memory_fd);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_irq_set_fds(driver, UMD_DRIVER_MSIX, 0, 1, &fd), 0);
	assert_int_equal(map(&all), 0);
	umd_fake_withdraw(dut.device);
	assert_int_equal(dut.last_reset, UMD_RESET_DISCONNECT);
	assert_int_equal(unit_take_events(fd), 1);
	expect_event(UMD_DRIVER_EVENT_REMOVED);
	expect_no_event();

	assert_int_equal(umd_driver_read32(driver, 0, SCRATCH, &value), -ENODEV);
	assert_int_equal(umd_driver_config_read32(driver, 0, &value), -ENODEV);
	assert_int_equal(umd_driver_get_region(driver, 0, &region), -ENODEV);
	assert_int_equal(umd_driver_irq_count(driver, UMD_DRIVER_MSI), -ENODEV);
	assert_int_equal(umd_driver_irq_set_fds(driver, UMD_DRIVER_MSIX, 0, 1, &fd), -ENODEV);
	assert_int_equal(umd_driver_irq_disable(driver, UMD_DRIVER_MSIX), -ENODEV);
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	assert_int_equal(umd_driver_low_power_enter(driver, true), -ENODEV);
	assert_int_equal(umd_driver_low_power_exit(driver), -ENODEV);
	assert_int_equal(driver->backend->get_dma_limits(driver, &limits, ranges), -ENODEV);
	assert_int_equal(map(&all), -ENODEV);
	assert_int_equal(unmap(&all), -ENODEV);
	assert_int_equal(driver->backend->start_dirty(driver, NULL, 0, PAGE), -ENODEV);
	assert_int_equal(driver->backend->stop_dirty(driver), -ENODEV);
	assert_string_equal(umd_driver_name(driver), "dut");
	assert_int_equal(open_error("fake:dut", "no device of this name"), -ENOENT);
	close(fd);
	free_memory();
}

static void test_it_is_offered_again_once_it_was_withdrawn(void **state)
{
	struct umd_driver *before = driver;

	umd_fake_withdraw(dut.device);
	assert_int_equal(umd_fake_offer(dut.device, "dut"), 0);
	dut_open(0);
	put(SCRATCH, 9);
	umd_driver_close(before); /* which changes nothing for the next driver */
	assert_int_equal(get(SCRATCH), 9);
}

static void test_it_is_withdrawn_in_the_middle_of_an_access(void **state)
{
	uint32_t value = 7;

	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(access_requests(false, WITHDRAWN, &value), -ENODEV);
	assert_int_equal(dut.cancelled, 1);
	assert_int_equal(value, 7);
	expect_event(UMD_DRIVER_EVENT_REMOVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FAKE(test_a_name_is_offered_once),
		ON_FAKE(test_a_device_is_offered_or_served),
		ON_FAKE(test_only_what_is_offered_is_opened),
		ON_FAKE(test_there_is_one_driver_at_a_time),
		ON_FAKE(test_it_is_what_was_declared),
		ON_FAKE(test_leaving_resets_it),
		ON_FAKE(test_a_driver_resets_it),
		ON_FAKE(test_what_is_put_off_is_waited_for),
		ON_FAKE(test_what_is_put_off_for_ever_ends),
		ON_FAKE(test_what_comes_later_comes_in_the_drivers_calls),
		ON_FAKE(test_the_event_fd_says_when_it_has_something_to_do),
		ON_FAKE(test_it_reaches_memory_by_file_and_by_address),
		ON_FAKE(test_maps_allow_what_they_say),
		ON_FAKE(test_maps_stay_at_a_reset_and_go_with_the_driver),
		ON_FAKE(test_its_limits_are_told),
		ON_FAKE(test_an_unmap_waits_for_a_pin),
		ON_FAKE(test_a_pin_that_does_not_end_loses_its_memory),
		ON_FAKE(test_written_pages_are_logged),
		ON_FAKE(test_pasids_have_spaces_of_their_own),
		ON_FAKE(test_it_sleeps_and_wakes),
		ON_FAKE(test_it_asks_to_be_let_go),
		ON_FAKE(test_it_goes_by_surprise),
		ON_FAKE(test_it_is_withdrawn),
		ON_FAKE(test_it_is_offered_again_once_it_was_withdrawn),
		ON_FAKE(test_it_is_withdrawn_in_the_middle_of_an_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
