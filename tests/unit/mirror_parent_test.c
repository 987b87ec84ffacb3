/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small accelerator, whole: a driver, a device that a server emulates, and the parent that does
 * its work in a thread of its own behind a socket. A driver's memory is the parent's by the mirror
 * alone, and its interrupt comes from the parent.
 */
#include "parent_fixture.h"

#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>

#include <umdev/device.h>
#include <umdev/driver.h>

#define PAGE  4096u
#define PAGES 512u
#define IOVA  UINT64_C(0x100000000)

/* The device's registers, of 8 bytes. */
#define REG_FROM 0u
#define REG_TO	 8u /* a write here submits */

static struct rig rig;
static pthread_t parent_thread, server_thread;
static atomic_bool parent_stops, server_stops;

static struct umd_link *link_to_parent;
static struct umd_queue *queue;
static uint32_t vector;
static struct umd_device *device;
static struct umd_server *server;
static uint64_t from;

static char dir[32], path[48], uri[64];
static struct umd_driver *driver;
static struct umd_driver_buffer *buffer;
static uint8_t *bytes;
static int line;
static int fds_before;

/* ---- The parent: copies a page for each entry ----------------------------------------------- */

static atomic_int result; /* of the last one */

static void work(struct umd_work *work)
{
	uint8_t page[PAGE];
	struct entry entry;
	int err;

	while (work && umd_work_take(work, &entry, 1) == 1) {
		struct umd_dma_space *space = umd_work_space(work);

		err = umd_dma_space_read(space, entry.words[0], page, PAGE);
		if (!err)
			err = umd_dma_space_write(space, entry.words[1], page, PAGE);
		result = err;
		umd_work_trigger(work, (uint32_t)entry.words[2]);
	}
}

static void *run_parent(void *data)
{
	while (!parent_stops) {
		umd_parent_dispatch(rig.parent, 1);
		work(rig.author.work);
	}
	return NULL;
}

/* ---- The device ---------------------------------------------------------------------------- */

static void write_register(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct entry entry = {.words = {from, value, vector}};

	if (offset == REG_FROM)
		from = value;
	else if (offset == REG_TO)
		umd_queue_submit(queue, &entry, 1);
}

static void *run_server(void *data)
{
	while (!server_stops)
		umd_server_dispatch(server, 1);
	return NULL;
}

static void make_device(void)
{
	const struct umd_device_info info = {.size = sizeof(info), .vendor = 0x1234};
	const struct umd_region bar = {.size = 4 * PAGE, .max_access = 8, .write = write_register};
	const struct umd_msix msix = {.vectors = 2, .table_offset = PAGE, .pba_offset = 2 * PAGE};

	assert_int_equal(umd_device_create(&info, &device), 0);
	assert_int_equal(umd_device_add_bar(device, 0, &bar), 0);
	assert_int_equal(umd_device_add_msix(device, &msix), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	assert_int_equal(umd_link_mirror(link_to_parent, device), 0);
	assert_int_equal(umd_link_back_vector(link_to_parent, vector, device, 1), 0);
}

/* ---- All of it ----------------------------------------------------------------------------- */

static void connect_parent(void)
{
	const struct umd_owner owner = rig_owner(7);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	rig_init(&rig);
	assert_int_equal(umd_parent_accept(rig.parent, pair[0], &owner), 0);
	assert_int_equal(pthread_create(&parent_thread, NULL, run_parent, NULL), 0);
	assert_int_equal(umd_link_connect_fd(pair[1], &link_to_parent, NULL), 0);
	queue = rig_queue(link_to_parent, 16);
	vector = rig_vector(link_to_parent, -1);
}

static void serve(void)
{
	struct umd_server_options options = {.size = sizeof(options), .fd = -1};

	strcpy(dir, "/tmp/umdev-mirror-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(uri, sizeof(uri), "vfio-user:%s", path);
	options.socket_path = path;
	assert_int_equal(umd_server_create(device, &options, &server), 0);
	assert_int_equal(pthread_create(&server_thread, NULL, run_server, NULL), 0);
}

static void drive(void)
{
	const struct umd_driver_options options = {.size = sizeof(options)};

	assert_int_equal(umd_driver_open(uri, &options, &driver, NULL), 0);
	assert_int_equal(umd_driver_config_write16(driver, PCI_COMMAND,
						   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
			 0);
	assert_int_equal(umd_driver_irq_set_fds(driver, UMD_DRIVER_MSIX, 1, 1, &line), 0);
}

static int setup(void **state)
{
	alarm(60);
	fds_before = unit_count_fds();
	parent_stops = server_stops = false;
	line = rig_eventfd();
	assert_int_equal(umd_driver_buffer_create((size_t)PAGES * PAGE, 0, &buffer), 0);
	bytes = buffer->address;
	connect_parent();
	make_device();
	serve();
	drive();
	return 0;
}

static int teardown(void **state)
{
	umd_driver_close(driver);
	server_stops = true;
	pthread_join(server_thread, NULL);
	umd_server_destroy(server);
	umd_device_destroy(device);
	umd_link_close(link_to_parent);
	parent_stops = true;
	pthread_join(parent_thread, NULL);
	rig_finish(&rig);
	umd_driver_buffer_destroy(buffer);
	close(line);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(unit_count_fds(), fds_before);
	return 0;
}

static struct umd_driver_map *map(unsigned int page, uint64_t iova)
{
	const struct umd_driver_dma dma = {.size = sizeof(dma),
					   .address = bytes + (size_t)page * PAGE,
					   .bytes = PAGE,
					   .fd = buffer->fd,
					   .fd_offset = (uint64_t)page * PAGE,
					   .flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE |
						    UMD_DRIVER_DMA_FIXED,
					   .iova = iova};
	struct umd_driver_map *ret = NULL;
	uint64_t at;

	assert_int_equal(umd_driver_dma_map(driver, &dma, &ret, &at), 0);
	return ret;
}

static void expect_interrupt(void)
{
	struct pollfd ready = {.fd = line, .events = POLLIN};

	assert_int_equal(poll(&ready, 1, 3000), 1);
	assert_int_equal(unit_take_events(line), 1);
}

/* Has a page copied, and waits for the interrupt: what the parent says. */
static int copy(uint64_t source, uint64_t target)
{
	result = 1;
	assert_int_equal(umd_driver_write64(driver, 0, REG_FROM, source), 0);
	assert_int_equal(umd_driver_write64(driver, 0, REG_TO, target), 0);
	expect_interrupt();
	return result;
}

/* ---- Tests --------------------------------------------------------------------------------- */

/* Each round in other pages at the same addresses, whose last owner has them back. */
static void test_work_finds_the_maps_before_it_and_no_others(void **state)
{
	for (unsigned int i = 0; i < PAGES; i += 2) {
		struct umd_driver_map *source = map(i, IOVA), *target = map(i + 1, IOVA + PAGE);
		uint8_t *text = bytes + (size_t)i * PAGE;

		memset(text, (int)(i % 251) + 1, PAGE);
		assert_int_equal(copy(IOVA, IOVA + PAGE), 0);
		assert_memory_equal(text, text + PAGE, PAGE);
		assert_int_equal(umd_driver_dma_unmap(driver, source), 0);
		assert_int_equal(copy(IOVA, IOVA + PAGE), -EFAULT);
		assert_int_equal(umd_driver_dma_unmap(driver, target), 0);
	}
}

static void test_many_maps_are_all_there_at_once(void **state)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		map(i, IOVA + UINT64_C(2) * i * PAGE);
		memset(bytes + (size_t)i * PAGE, (int)(i % 251) + 1, PAGE);
	}
	for (unsigned int i = 1; i < PAGES; i++) {
		assert_int_equal(copy(IOVA, IOVA + UINT64_C(2) * i * PAGE), 0);
		assert_memory_equal(bytes, bytes + (size_t)i * PAGE, PAGE);
	}
}

static void test_next_driver_finds_nothing_of_the_last_ones(void **state)
{
	map(0, IOVA);
	map(1, IOVA + PAGE);
	assert_int_equal(copy(IOVA, IOVA + PAGE), 0);
	umd_driver_close(driver);
	drive();
	assert_int_equal(copy(IOVA, IOVA + PAGE), -EFAULT);
	map(2, IOVA);
	map(3, IOVA + PAGE);
	assert_int_equal(copy(IOVA, IOVA + PAGE), 0);
}

static void test_interrupt_of_a_masked_vector_waits_in_the_parent(void **state)
{
	static const uint32_t control = PAGE + 16 + 12;

	assert_int_equal(umd_driver_write32(driver, 0, control, 1), 0);
	assert_int_equal(umd_driver_write64(driver, 0, REG_TO, IOVA), 0);
	for (uint64_t pending = 0; !(pending & 2);)
		assert_int_equal(umd_driver_read64(driver, 0, UINT64_C(2) * PAGE, &pending), 0);
	assert_int_equal(unit_take_events(line), 0);
	assert_int_equal(umd_driver_write32(driver, 0, control, 0), 0);
	expect_interrupt();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_work_finds_the_maps_before_it_and_no_others),
		TEST(test_many_maps_are_all_there_at_once),
		TEST(test_next_driver_finds_nothing_of_the_last_ones),
		TEST(test_interrupt_of_a_masked_vector_waits_in_the_parent),
	};

	return cmocka_run_group_tests_name("mirror_parent", tests, NULL, NULL);
}
