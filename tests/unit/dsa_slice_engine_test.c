/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slices with real engines: a driver's copies by portal and interrupt, with an engine of the
 * slice's own and with a parent behind a socket, which another thread is; and parents that go away
 * and come back while the driver has its memory mapped.
 */
#include "unit.h"

#include <linux/pci_regs.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include <umdev/driver.h>
#include <umdev/fake.h>

#include "base/bytes.h"
#include "dsa/regs.h"
#include "dsa/slice_source.h"

#define OWNER	5u
#define SIZE	65536u
#define DEVICE	"slice"
#define WAIT_MS 10000
#define LIMITED DSA_PORTAL_PAGE
#define COPIES	200u

/* ---- A parent in a thread of its own ------------------------------------------------------- */

struct host {
	char dir[32], path[64];
	struct dsa_engine *engine;
	pthread_t thread;
	int stop; /* an eventfd */
	bool runs;
};

static void *serve(void *data)
{
	struct host *host = data;
	struct umd_parent *parent = dsa_engine_parent(host->engine);
	struct pollfd fds[] = {{.fd = umd_parent_fd(parent), .events = POLLIN},
			       {.fd = host->stop, .events = POLLIN}};

	while (!fds[1].revents) {
		poll(fds, 2, -1);
		umd_parent_dispatch(parent, 0);
	}
	dsa_engine_destroy(host->engine);
	return NULL;
}

static void host_start(struct host *host, uint32_t max_batch)
{
	const struct dsa_engine_options options = {
		.workers = 1, .shared_queues = 1, .max_batch = max_batch};
	const struct umd_owner owner = {.size = sizeof(owner), .owner = OWNER};

	assert_int_equal(dsa_engine_create(&options, &host->engine, NULL), 0);
	assert_int_equal(umd_parent_listen(dsa_engine_parent(host->engine), host->path, &owner), 0);
	host->stop = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&host->thread, NULL, serve, host), 0);
	host->runs = true;
}

static void host_stop(struct host *host)
{
	if (!host->runs)
		return;
	unit_add_event(host->stop);
	pthread_join(host->thread, NULL);
	close(host->stop);
	host->runs = false;
}

/* ---- A driver ------------------------------------------------------------------------------ */

static struct {
	struct host host;
	struct umd_device *device;
	struct umd_driver *driver;
	struct umd_driver_buffer *memory; /* source, destination, and the record */
	uint64_t iova;
	uint32_t handle;
} t;

static void start(bool shared, bool remote)
{
	struct dsa_slice_options options = {.name = "slice", .shared = shared};
	const struct dsa_engine_options engine = {.workers = 1, .shared_queues = shared};
	struct umd_error error;

	if (remote)
		assert_int_equal(slice_source_init_remote(&options.source, t.host.path), 0);
	else
		assert_int_equal(slice_source_init_embedded(&options.source, &engine, NULL, &error),
				 0);
	if (dsa_slice_create(&options, &t.device, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(umd_fake_offer(t.device, DEVICE), 0);
	assert_int_equal(umd_driver_open("fake:" DEVICE, NULL, &t.driver, NULL), 0);
	assert_int_equal(umd_driver_enable_events(t.driver), 0);
	assert_int_equal(umd_driver_irq_listen(t.driver, UMD_DRIVER_MSIX, 0, 2), 0);
}

static void map_memory(void)
{
	struct umd_driver_dma dma = {.size = sizeof(dma),
				     .flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE};
	struct umd_driver_map *map;

	assert_int_equal(umd_driver_buffer_create(2 * SIZE + 4096, 0, &t.memory), 0);
	dma.address = t.memory->address;
	dma.bytes = t.memory->bytes;
	dma.fd = t.memory->fd;
	assert_int_equal(umd_driver_dma_map(t.driver, &dma, &map, &t.iova), 0);
}

static uint32_t read_register(uint64_t offset)
{
	uint32_t value = 0;

	assert_int_equal(umd_driver_read32(t.driver, UMD_DRIVER_BAR0, offset, &value), 0);
	return value;
}

static void wait_for_irq(unsigned int vector)
{
	struct pollfd fd = {.fd = umd_driver_event_fd(t.driver), .events = POLLIN};
	struct umd_driver_event event = {.size = sizeof(event)};
	int err = -EAGAIN;

	while (err == -EAGAIN) {
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		err = umd_driver_next_event(t.driver, &event);
	}
	assert_int_equal(err, 0);
	assert_int_equal(event.kind, UMD_DRIVER_EVENT_IRQ);
	assert_int_equal(event.vector, vector);
}

static uint32_t command(enum dsa_command code, uint32_t operand)
{
	uint32_t value = (uint32_t)DSA_PUT(code, DSA_CMD_CODE) | DSA_CMD_INT | operand;

	assert_int_equal(umd_driver_write32(t.driver, UMD_DRIVER_BAR0, DSA_CMD, value), 0);
	wait_for_irq(0);
	assert_int_equal(read_register(DSA_INTCAUSE), DSA_INTCAUSE_CMD);
	umd_driver_write32(t.driver, UMD_DRIVER_BAR0, DSA_INTCAUSE, DSA_INTCAUSE_CMD);
	return read_register(DSA_CMDSTS);
}

static void enable(void)
{
	uint32_t status;

	assert_int_equal(umd_driver_config_write16(t.driver, PCI_COMMAND,
						   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
			 0);
	assert_int_equal(command(DSA_ENABLE_DEVICE, 0), 0);
	assert_int_equal(command(DSA_ENABLE_WQ, 0), 0);
	status = command(DSA_REQUEST_HANDLE, 1);
	assert_int_equal(status & DSA_CMDSTS_ERROR, 0);
	t.handle = status >> 8;
}

static void make_descriptor(uint8_t *to, uint64_t source, uint32_t size)
{
	memset(to, 0, DSA_DESCRIPTOR_SIZE);
	umd_put_le(to + 4, 4,
		   (uint32_t)DSA_MOVE << 24 | DSA_FLAG_CRAV | DSA_FLAG_RCR | DSA_FLAG_RCI);
	umd_put_le(to + 8, 8, t.iova + 2 * SIZE);
	umd_put_le(to + 16, 8, source);
	umd_put_le(to + 24, 8, t.iova + SIZE);
	umd_put_le(to + 32, 4, size);
	umd_put_le(to + 36, 2, t.handle);
}

/* Returns the completion record's status, once its interrupt has come. */
static uint8_t run(uint64_t source, uint32_t size)
{
	uint8_t *record = (uint8_t *)t.memory->address + 2 * SIZE;
	uint8_t descriptor[DSA_DESCRIPTOR_SIZE];

	*record = 0;
	make_descriptor(descriptor, source, size);
	assert_int_equal(umd_driver_region_write(t.driver, UMD_DRIVER_BAR2, LIMITED, descriptor,
						 sizeof(descriptor)),
			 0);
	wait_for_irq(1);
	return *record;
}

static void copy(unsigned int number)
{
	uint8_t *memory = t.memory->address;
	uint32_t size = number * 331 % SIZE + 1;

	memset(memory, (int)(number % 255 + 1), size);
	memset(memory + SIZE, 0, size);
	assert_int_equal(run(t.iova, size), DSA_OK);
	assert_memory_equal(memory, memory + SIZE, size);
}

static void copy_many(void)
{
	for (unsigned int i = 0; i < COPIES; i++)
		copy(i);
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	alarm(60);
	strcpy(t.host.dir, "/tmp/umdev-slice-XXXXXX");
	assert_non_null(mkdtemp(t.host.dir));
	snprintf(t.host.path, sizeof(t.host.path), "%s/parent", t.host.dir);
	return 0;
}

static int teardown(void **state)
{
	umd_driver_close(t.driver);
	umd_driver_buffer_destroy(t.memory);
	umd_fake_withdraw(t.device);
	umd_device_destroy(t.device);
	host_stop(&t.host);
	assert_int_equal(rmdir(t.host.dir), 0);
	alarm(0);
	return 0;
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void test_copies_by_an_engine_of_its_own(void **state)
{
	start(false, false);
	map_memory();
	enable();
	copy_many();
}

static void test_copies_by_a_parent(void **state)
{
	host_start(&t.host, 0);
	start(false, true);
	map_memory();
	enable();
	copy_many();
}

static void test_copies_by_a_shared_queue(void **state)
{
	host_start(&t.host, 0);
	start(true, true);
	map_memory();
	enable();
	copy_many();
}

static void test_all_commands_of_a_parents_queue(void **state)
{
	host_start(&t.host, 0);
	start(false, true);
	map_memory();
	for (unsigned int i = 0; i < 20; i++) {
		enable();
		copy(i);
		assert_int_equal(command(DSA_DRAIN_WQ, 1), 0);
		assert_int_equal(command(DSA_ABORT_ALL, 0), 0);
		copy(i);
		assert_int_equal(command(DSA_RELEASE_HANDLE, t.handle), 0);
		assert_int_equal(command(DSA_RESET_WQ, 1), 0);
		assert_int_equal(command(DSA_DISABLE_DEVICE, 0), 0);
	}
}

static void test_what_is_not_mapped_is_a_fault(void **state)
{
	host_start(&t.host, 0);
	start(false, true);
	map_memory();
	enable();
	assert_int_equal(run(t.iova + (UINT64_C(1) << 40), 4096), DSA_FAULT);
	copy(1);
}

static void test_an_error_without_a_record_is_shown(void **state)
{
	uint8_t descriptor[DSA_DESCRIPTOR_SIZE];

	host_start(&t.host, 0);
	start(false, true);
	map_memory();
	enable();
	make_descriptor(descriptor, t.iova, 64);
	umd_put_le(descriptor + 4, 4, (uint32_t)DSA_MOVE << 24 | DSA_FLAG_CRAV | DSA_FLAG_RCR);
	umd_put_le(descriptor + 8, 8, UINT64_C(1) << 40);
	umd_driver_write32(t.driver, UMD_DRIVER_BAR0, DSA_GENCTRL, DSA_GENCTRL_SWERR);
	umd_driver_region_write(t.driver, UMD_DRIVER_BAR2, 0, descriptor, sizeof(descriptor));
	wait_for_irq(0);
	assert_int_equal(read_register(DSA_INTCAUSE), DSA_INTCAUSE_SWERR);
	assert_int_equal(read_register(DSA_SWERR) & 0xff01, DSA_RECORD_TRANSLATE << 8 | 1);
	assert_int_equal(read_register(DSA_SWERR + 20), 1 << 8); /* the address's upper half */
}

static void wait_for_halt(void)
{
	umd_driver_write32(t.driver, UMD_DRIVER_BAR0, DSA_GENCTRL, DSA_GENCTRL_HALT);
	host_stop(&t.host);
	wait_for_irq(0);
	assert_int_equal(read_register(DSA_INTCAUSE), DSA_INTCAUSE_HALT);
	assert_int_equal(read_register(DSA_GENSTS), 0x7);
}

static void test_a_parent_that_comes_back_is_found_by_a_reset(void **state)
{
	host_start(&t.host, 0);
	start(false, true);
	map_memory();
	for (unsigned int i = 0; i < 3; i++) {
		enable();
		copy(i);
		wait_for_halt();
		host_start(&t.host, 0);
		assert_int_equal(umd_driver_reset(t.driver), 0);
	}
	enable();
	copy_many();
}

static void test_a_parent_that_does_not_come_back(void **state)
{
	host_start(&t.host, 0);
	start(false, true);
	map_memory();
	enable();
	wait_for_halt();
	assert_int_equal(umd_driver_reset(t.driver), 0);
	umd_driver_config_write16(t.driver, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(read_register(DSA_GENSTS), 0x7);
	assert_int_equal(command(DSA_ENABLE_DEVICE, 0), DSA_CMD_DEVICE_ENABLED);
}

static void test_the_next_driver_finds_the_parent_that_is_back(void **state)
{
	host_start(&t.host, 0);
	start(false, true);
	map_memory();
	enable();
	wait_for_halt();
	host_start(&t.host, 0);
	umd_driver_close(t.driver);
	umd_driver_buffer_destroy(t.memory);
	assert_int_equal(umd_driver_open("fake:" DEVICE, NULL, &t.driver, NULL), 0);
	assert_int_equal(umd_driver_enable_events(t.driver), 0);
	assert_int_equal(umd_driver_irq_listen(t.driver, UMD_DRIVER_MSIX, 0, 2), 0);
	map_memory();
	enable();
	copy(3);
}

static void test_a_parent_with_other_limits_is_not_taken(void **state)
{
	host_start(&t.host, 0);
	start(false, true);
	map_memory();
	enable();
	wait_for_halt();
	host_start(&t.host, 16);
	assert_int_equal(umd_driver_reset(t.driver), 0);
	umd_driver_config_write16(t.driver, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(read_register(DSA_GENSTS), 0x7);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_copies_by_an_engine_of_its_own),
		CASE(test_copies_by_a_parent),
		CASE(test_copies_by_a_shared_queue),
		CASE(test_all_commands_of_a_parents_queue),
		CASE(test_what_is_not_mapped_is_a_fault),
		CASE(test_an_error_without_a_record_is_shown),
		CASE(test_a_parent_that_comes_back_is_found_by_a_reset),
		CASE(test_a_parent_that_does_not_come_back),
		CASE(test_the_next_driver_finds_the_parent_that_is_back),
		CASE(test_a_parent_with_other_limits_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
