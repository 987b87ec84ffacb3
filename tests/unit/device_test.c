/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's life: made, realised, reset and ended, at every stage and when the process has no fds
 * left; its DMA and interrupts as its author calls them.
 */
#include "device_fixture.h"

#include <linux/vfio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

static struct device_log told;
static struct umd_device *device;
static int fds_before;

static int setup(void **state)
{
	fds_before = unit_count_fds();
	device = device_create(&told);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	device = NULL;
	assert_int_equal(unit_count_fds(), fds_before);
	return 0;
}

/* ---- Making and ending --------------------------------------------------------------------- */

static void test_info_of_another_size_or_class_is_refused(void **state)
{
	struct umd_device_info info = {.size = sizeof(info)};
	struct umd_device *other = NULL;

	info.size--;
	assert_int_equal(umd_device_create(&info, &other), -EINVAL);
	info.size += 2;
	assert_int_equal(umd_device_create(&info, &other), -EINVAL);
	info.size = 0;
	assert_int_equal(umd_device_create(&info, &other), -EINVAL);
	info = (struct umd_device_info){.size = sizeof(info), .class_code = 0x1000000};
	assert_int_equal(umd_device_create(&info, &other), -EINVAL);
	assert_null(other);
}

static void test_device_needs_neither_name_nor_handlers(void **state)
{
	struct umd_device_info info = {.size = sizeof(info)};
	struct umd_device *other = NULL;

	assert_int_equal(umd_device_create(&info, &other), 0);
	assert_int_equal(umd_device_realize(other, NULL), 0);
	umd_device_reset(other);
	umd_device_destroy(other);
	umd_device_destroy(NULL);
}

static void test_device_is_told_of_its_end_once_at_any_stage(void **state)
{
	umd_device_destroy(device);
	assert_int_equal(told.destroys, 1);
	device = device_create(&told);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	umd_device_destroy(device);
	assert_int_equal(told.destroys, 1);
	assert_int_equal(told.resets, 0);
	device = NULL;
}

static void declare_all(void)
{
	static const struct umd_region bar = {.size = 16 * PAGE};
	static const struct umd_area area = {.offset = 4 * PAGE, .size = 4 * PAGE};
	static const struct umd_msix msix = {
		.vectors = 9, .table_bar = 1, .pba_bar = 1, .pba_offset = PAGE};
	int file = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING),
	    event = eventfd(0, EFD_CLOEXEC);

	assert_int_equal(ftruncate(file, 16 * PAGE), 0);
	assert_int_equal(umd_device_add_bar(device, 1, &bar), 0);
	assert_int_equal(umd_device_add_memory(device, 1, file, 0, &area, 1), 0);
	assert_int_equal(umd_device_add_ioeventfd(device, 1, 0, 4, 0, 0, event), 0);
	assert_int_equal(umd_device_add_intx(device, 1), 0);
	assert_int_equal(umd_device_add_msix(device, &msix), 0);
	close(file);
	close(event);
}

static void test_device_with_everything_leaves_nothing(void **state)
{
	declare_all();
	umd_device_destroy(device);
	assert_int_equal(unit_count_fds(), fds_before);
	device = device_create(&told);
	declare_all();
	assert_int_equal(umd_device_realize(device, NULL), 0);
	umd_device_reset(device);
}

/* However many fds are left, making a device succeeds or fails as a whole. */
static void test_making_fails_cleanly_without_fds(void **state)
{
	struct umd_device_info info = {.size = sizeof(info)};
	struct rlimit before, limit;
	int first = dup(0), err = -1;

	close(first);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (int left = 0; err; left++) {
		struct umd_device *other = NULL;

		assert_true(left < 16);
		limit = before;
		limit.rlim_cur = (rlim_t)first + (rlim_t)left;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		err = umd_device_create(&info, &other);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_true(err == 0 || err == -EMFILE);
		assert_true(err || left > 0);
		umd_device_destroy(other);
	}
}

/* ---- Realising ----------------------------------------------------------------------------- */

static void test_realising_lays_out_config_space(void **state)
{
	declare_all();
	assert_int_equal(umd_device_realize(device, NULL), 0);
	assert_int_equal(device_config(device, PCI_VENDOR_ID, 4), 0x56781234);
	assert_int_equal(device_config(device, PCI_INTERRUPT_PIN, 1), 1);
	assert_int_equal(device_config(device, PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	assert_int_equal(device_config(device, PCI_COMMAND, 2), 0);
}

static void test_realising_twice_is_refused(void **state)
{
	struct umd_error error = {0};

	assert_int_equal(umd_device_realize(device, NULL), 0);
	assert_int_equal(umd_device_realize(device, &error), -EBUSY);
	assert_int_equal(error.code, -EBUSY);
	assert_non_null(strstr(error.text, "test"));
	assert_int_equal(umd_device_realize(device, NULL), -EBUSY);
}

/* ---- Regions ------------------------------------------------------------------------------- */

static void test_regions_have_their_sizes(void **state)
{
	declare_all();
	assert_int_equal(umd_device_region_size(device, 0), 0);
	assert_int_equal(umd_device_region_size(device, 1), 16 * PAGE);
	assert_int_equal(umd_device_region_size(device, UMD_REGION_ROM), 0);
	assert_int_equal(umd_device_region_size(device, UMD_REGION_CONFIG), 256);
	assert_int_equal(umd_device_region_size(device, UMD_REGIONS - 1), 0);
	assert_int_equal(umd_device_region_size(device, UMD_REGIONS), 0);
	assert_int_equal(umd_device_region_size(device, UINT32_MAX), 0);
}

/* ---- Resets -------------------------------------------------------------------------------- */

static void map_page(uint64_t iova)
{
	int fd = memfd_create("dma", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(umd_dma_space_map_fd(&device->space, iova, PAGE,
					      UMD_DMA_READ | UMD_DMA_WRITE, fd, 0),
			 0);
	close(fd);
}

static void test_reset_brings_back_registers_and_keeps_maps(void **state)
{
	declare_all();
	assert_int_equal(umd_device_realize(device, NULL), 0);
	map_page(0);
	device_set_command(device,
			   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	umd_device_set_intx(device, true);
	assert_int_equal(device_config(device, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT,
			 PCI_STATUS_INTERRUPT);
	umd_device_reset(device);
	assert_int_equal(told.resets, 1);
	assert_int_equal(told.kind, UMD_RESET_SELF);
	assert_int_equal(device_config(device, PCI_COMMAND, 2), 0);
	assert_int_equal(device_config(device, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, 0);
	assert_int_equal(device->space.table.count, 1);
	assert_false(device->irqs.intx.asserted || device->irqs.intx.disabled);
}

static void test_disconnect_drops_maps_too(void **state)
{
	assert_int_equal(umd_device_realize(device, NULL), 0);
	map_page(0);
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	assert_int_equal(told.kind, UMD_RESET_DISCONNECT);
	assert_int_equal(device->space.table.count, 0);
}

/* ---- DMA ----------------------------------------------------------------------------------- */

static void test_dma_needs_bus_mastering(void **state)
{
	uint8_t byte = 0x5a;

	assert_int_equal(umd_device_realize(device, NULL), 0);
	map_page(PAGE);
	assert_int_equal(umd_dma_write(device, PAGE, &byte, 1), -ENODEV);
	assert_int_equal(umd_dma_read(device, PAGE, &byte, 1), -ENODEV);
	assert_int_equal(umd_dma_read(device, PAGE, &byte, 0), -ENODEV);
	device_set_command(device, PCI_COMMAND_MASTER);
	assert_int_equal(umd_dma_write(device, PAGE, &byte, 1), 0);
	byte = 0;
	assert_int_equal(umd_dma_read(device, PAGE, &byte, 1), 0);
	assert_int_equal(byte, 0x5a);
	assert_int_equal(umd_dma_read(device, 0, &byte, 1), -EFAULT);
	umd_device_reset(device);
	assert_int_equal(umd_dma_read(device, PAGE, &byte, 1), -ENODEV);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static void test_triggers_name_messages_that_there_are(void **state)
{
	declare_all();
	assert_int_equal(umd_device_realize(device, NULL), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 8), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 9), -EINVAL);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_ERR, 0), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_REQ, 0), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 0), -EINVAL);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_INTX, 0), -EINVAL);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_INDEXES, 0), -EINVAL);
}

static void test_vectors_in_use_are_those_that_the_driver_has_assigned(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	declare_all();
	assert_int_equal(umd_device_realize(device, NULL), 0);
	for (enum umd_irq i = UMD_IRQ_INTX; i <= UMD_IRQ_INDEXES; i++)
		assert_int_equal(umd_device_enabled_vectors(device, i), 0);
	assert_int_equal(umd_device_enabled_vectors(device, (enum umd_irq)1000000), 0);
	device_assign(device, UMD_IRQ_MSIX, 6, fd);
	assert_int_equal(umd_device_enabled_vectors(device, UMD_IRQ_MSIX), 7);
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	assert_int_equal(umd_device_enabled_vectors(device, UMD_IRQ_MSIX), 0);
	close(fd);
}

static void test_line_follows_config_spaces_interrupt_disable(void **state)
{
	int line = eventfd(0, EFD_CLOEXEC), fd = dup(line);
	struct umd_irq_set set = {.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				  .index = UMD_IRQ_INTX,
				  .count = 1,
				  .fds = &fd,
				  .fd_count = 1};

	declare_all();
	assert_int_equal(umd_device_realize(device, NULL), 0);
	assert_int_equal(umd_irqs_set(&device->irqs, &set), 0);
	device_set_command(device, PCI_COMMAND_INTX_DISABLE);
	umd_device_set_intx(device, true);
	assert_int_equal(unit_take_events(line), 0);
	device_set_command(device, 0);
	assert_int_equal(unit_take_events(line), 1);
	umd_device_set_intx(device, false);
	assert_int_equal(device_config(device, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, 0);
	close(line);
}

/* ---- Watches ------------------------------------------------------------------------------- */

static void count_call(void *data, uint32_t events)
{
	unsigned int *calls = data;

	(*calls)++;
}

static void test_watches_of_a_device_run_on_its_poller(void **state)
{
	struct umd_watch *watch, *timer;
	int fd = eventfd(1, EFD_CLOEXEC);
	unsigned int calls = 0;

	assert_int_equal(umd_watch_fd(device, fd, EPOLLIN, count_call, &calls, &watch), 0);
	assert_int_equal(umd_watch_timer(device, count_call, &calls, &timer), 0);
	assert_int_equal(umd_poller_dispatch(&device->poller, 0), 0);
	assert_int_equal(calls, 1);
	umd_watch_destroy(watch);
	umd_watch_destroy(timer);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_info_of_another_size_or_class_is_refused),
		TEST(test_device_needs_neither_name_nor_handlers),
		TEST(test_device_is_told_of_its_end_once_at_any_stage),
		TEST(test_device_with_everything_leaves_nothing),
		TEST(test_making_fails_cleanly_without_fds),
		TEST(test_realising_lays_out_config_space),
		TEST(test_realising_twice_is_refused),
		TEST(test_regions_have_their_sizes),
		TEST(test_reset_brings_back_registers_and_keeps_maps),
		TEST(test_disconnect_drops_maps_too),
		TEST(test_dma_needs_bus_mastering),
		TEST(test_triggers_name_messages_that_there_are),
		TEST(test_vectors_in_use_are_those_that_the_driver_has_assigned),
		TEST(test_line_follows_config_spaces_interrupt_disable),
		TEST(test_watches_of_a_device_run_on_its_poller),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
