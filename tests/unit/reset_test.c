/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resets: for each kind, how it is asked for, and what of a device in full use it brings back,
 * leaves alone or drops: the table of enum umd_reset.
 */
#include "device_fixture.h"

#define DMA_AT UINT64_C(0x10000)

/* A body of which the first byte is plain, the second sticky. */
#define BODY_INITIAL 0x5a

static struct device_log told;
static struct umd_device *device;
static int msix, msi, line, err, req; /* the client's eventfds */
static int fds_before;

static void on_cancel(void *data)
{
	device_log_call(data, 'c');
}

static void put_off(void *data, struct umd_request *request)
{
	umd_request_defer(request, on_cancel, &told);
}

/* ---- A device with all there is to reset --------------------------------------------------- */

static void add_bars(void)
{
	static const struct umd_region bar = {.size = 4 * PAGE, .flags = UMD_REGION_MEM64};
	static const struct umd_region resizable = {.size = 16u << 20};
	static const struct umd_region requests = {
		.size = 64, .flags = UMD_REGION_IO, .access = put_off};

	assert_int_equal(umd_device_add_bar(device, 0, &bar), 0);
	assert_int_equal(umd_device_add_bar(device, 2, &resizable), 0);
	assert_int_equal(umd_device_add_bar(device, 3, &requests), 0);
	assert_int_equal(umd_device_add_rom(device, "rom", 3), 0);
}

static void add_caps(void)
{
	static const uint8_t initial[2] = {BODY_INITIAL, BODY_INITIAL}, ones[2] = {0xff, 0xff},
			     sticky[2] = {0, 0xff};
	static const struct umd_pm pm = {.pme = 1u << 4};
	static const struct umd_msi messages = {.messages = 4};
	static const struct umd_msix vectors = {
		.vectors = 4, .table_offset = PAGE, .pba_offset = 2 * PAGE};
	static const struct umd_pcie pcie = {.flr = true};
	static const struct umd_af af = {0};
	static const struct umd_vpd vpd = {
		.bytes = "12345678", .size = 8, .writable_at = 4, .writable_size = 4};
	static const struct umd_vendor_cap vendor = {
		.body = {.size = 2, .bytes = initial, .writable = ones, .sticky = sticky}};
	static const struct umd_aer aer = {0};
	static const struct umd_rebar rebar = {.count = 1, .bars = {{2, 17u << 20}}};

	assert_int_equal(umd_device_add_intx(device, 1), 0);
	assert_int_equal(umd_device_add_pm(device, &pm), 0);
	assert_int_equal(umd_device_add_msi(device, &messages), 0);
	assert_int_equal(umd_device_add_msix(device, &vectors), 0);
	assert_int_equal(umd_device_add_pcie(device, &pcie), 0);
	assert_int_equal(umd_device_add_af(device, &af), 0);
	assert_int_equal(umd_device_add_vpd(device, &vpd), 0);
	assert_int_equal(umd_device_add_vendor_cap(device, &vendor), 0);
	assert_int_equal(umd_device_add_aer(device, &aer), 0);
	assert_int_equal(umd_device_add_rebar(device, &rebar), 0);
}

static int setup(void **state)
{
	struct umd_error error = {0};

	alarm(20);
	fds_before = unit_count_fds();
	msix = irq_eventfd();
	msi = irq_eventfd();
	line = irq_eventfd();
	err = irq_eventfd();
	req = irq_eventfd();
	device = device_create(&told);
	add_bars();
	add_caps();
	if (umd_device_realize(device, &error) < 0)
		fail_msg("%s", error.text);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	close(msix);
	close(msi);
	close(line);
	close(err);
	close(req);
	assert_int_equal(unit_count_fds(), fds_before);
	alarm(0);
	return 0;
}

/* ---- The kinds, and how each is asked for -------------------------------------------------- */

static void by_client(void)
{
	assert_int_equal(umd_device_reset_by_client(device), 0);
}

static void by_express(void)
{
	unsigned int at = device_cap(device, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL);

	device_set_config(device, at, 2, device_config(device, at, 2) | PCI_EXP_DEVCTL_BCR_FLR);
}

static void by_advanced_features(void)
{
	device_set_config(device, device_cap(device, PCI_CAP_ID_AF, PCI_AF_CTRL), 1,
			  PCI_AF_CTRL_FLR);
}

static void by_power(void)
{
	unsigned int at = device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL);
	uint32_t control = device_config(device, at, 2) & ~(uint32_t)PCI_PM_CTRL_PME_STATUS;

	device_set_config(device, at, 2, control | UMD_POWER_D3HOT);
	device_set_config(device, at, 2, control & ~(uint32_t)PCI_PM_CTRL_STATE_MASK);
}

static void by_itself(void)
{
	umd_device_reset(device);
}

static void by_disconnect(void)
{
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
}

static const struct kind {
	void (*reset)(void);
	enum umd_reset kind;
	bool keeps_bars, keeps_sticky, keeps_client;
} kinds[] = {
	{by_client, UMD_RESET_DEVICE, false, true, true},
	{by_express, UMD_RESET_FLR, false, true, true},
	{by_advanced_features, UMD_RESET_FLR, false, true, true},
	{by_power, UMD_RESET_POWER, false, true, true},
	{by_itself, UMD_RESET_SELF, true, true, true},
	{by_disconnect, UMD_RESET_DISCONNECT, false, false, false},
};

/* Runs a check for each kind, on a device of its own. */
static void for_each_kind(void (*use)(void), void (*check)(const struct kind *kind))
{
	for (size_t i = 0; i < UNIT_COUNT(kinds); i++) {
		use();
		memset(told.calls, 0, sizeof(told.calls));
		kinds[i].reset();
		assert_int_equal(told.resets, 1);
		assert_int_equal(told.kind, kinds[i].kind);
		check(&kinds[i]);
		teardown(NULL);
		setup(NULL);
	}
}

/* ---- The header ---------------------------------------------------------------------------- */

static void use_header(void)
{
	device_set_config(device, PCI_BASE_ADDRESS_0, 4, 0xfe400000);
	device_set_config(device, PCI_BASE_ADDRESS_1, 4, 0x12);
	device_set_config(device, PCI_BASE_ADDRESS_3, 4, 0xc040);
	device_set_config(device, PCI_ROM_ADDRESS, 4, 0xfeb00001);
	device_set_config(device, PCI_INTERRUPT_LINE, 1, 11);
	device_set_config(device, PCI_CACHE_LINE_SIZE, 1, 16);
	umd_device_config_write(device, PCI_STATUS, 2,
				PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_CAP_LIST);
	device_set_command(device, 0x7ff);
}

static void expect_bar(unsigned int at, uint32_t value, uint32_t initial, bool keeps)
{
	assert_int_equal(device_config(device, at, 4), keeps ? value : initial);
}

static void check_header(const struct kind *kind)
{
	expect_bar(PCI_BASE_ADDRESS_0, 0xfe400004, 4, kind->keeps_bars);
	expect_bar(PCI_BASE_ADDRESS_1, 0x12, 0, kind->keeps_bars);
	expect_bar(PCI_BASE_ADDRESS_3, 0xc041, 1, kind->keeps_bars);
	expect_bar(PCI_ROM_ADDRESS, 0xfeb00001, 0, kind->keeps_bars);
	assert_int_equal(device_config(device, PCI_COMMAND, 2), 0);
	assert_int_equal(device_config(device, PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	assert_int_equal(device_config(device, PCI_INTERRUPT_LINE, 1), 0);
	assert_int_equal(device_config(device, PCI_CACHE_LINE_SIZE, 1), 0);
	assert_int_equal(device_config(device, PCI_INTERRUPT_PIN, 1), 1);
}

static void test_bars_stay_for_a_reset_behind_the_drivers_back_only(void **state)
{
	for_each_kind(use_header, check_header);
}

static void use_resizable_bar(void)
{
	device_set_config(device, device_ext_cap(device, PCI_EXT_CAP_ID_REBAR, PCI_REBAR_CTRL), 4,
			  0);
	device_set_config(device, PCI_BASE_ADDRESS_2, 4, 0x07300000);
	assert_int_equal(device_config(device, PCI_BASE_ADDRESS_2, 4), 0x07300000);
}

/* The driver has placed 1 MiB where 16 would not lie: that address stays or goes as the rest. */
static void check_resizable_bar(const struct kind *kind)
{
	expect_bar(PCI_BASE_ADDRESS_2, 0x07300000, 0, kind->keeps_bars);
	device_set_config(device, PCI_BASE_ADDRESS_2, 4, 0xffffffff);
	expect_bar(PCI_BASE_ADDRESS_2, 0xfff00000, 0xff000000, kind->keeps_bars);
}

static void test_resized_bar_stays_as_the_others_do(void **state)
{
	for_each_kind(use_resizable_bar, check_resizable_bar);
}

/* ---- Sticky bits --------------------------------------------------------------------------- */

static unsigned int body(void)
{
	return device_cap(device, PCI_CAP_ID_VNDR, 3);
}

static void use_sticky(void)
{
	device_set_config(device, body(), 2, 0x3412);
	assert_int_equal(umd_device_report_error(device, true, PCI_ERR_COR_RCVR, NULL), 0);
	device_set_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL), 2,
			  PCI_PM_CTRL_PME_ENABLE);
	device_set_config(device, device_cap(device, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL), 2, 0xf);
}

static void check_sticky(const struct kind *kind)
{
	assert_int_equal(device_config(device, body(), 1), BODY_INITIAL);
	assert_int_equal(device_config(device, body() + 1, 1),
			 kind->keeps_sticky ? 0x34 : BODY_INITIAL);
	assert_int_equal(
		device_config(device,
			      device_ext_cap(device, PCI_EXT_CAP_ID_ERR, PCI_ERR_COR_STATUS), 4),
		kind->keeps_sticky ? PCI_ERR_COR_RCVR : 0);
	assert_int_equal(device_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL), 2),
			 kind->keeps_sticky ? PCI_PM_CTRL_PME_ENABLE : 0);
	assert_int_equal(
		device_config(device, device_cap(device, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL), 2) &
			(0xf | PCI_EXP_DEVCTL_BCR_FLR),
		0);
}

static void test_sticky_bits_stay_till_the_client_is_gone(void **state)
{
	for_each_kind(use_sticky, check_sticky);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static void use_intx(void)
{
	device_set_command(device, PCI_COMMAND_INTX_DISABLE);
	device_assign(device, UMD_IRQ_INTX, 0, line);
	device_assign(device, UMD_IRQ_ERR, 0, err);
	device_assign(device, UMD_IRQ_REQ, 0, req);
	umd_device_set_intx(device, true);
}

static void check_intx(const struct kind *kind)
{
	assert_int_equal(unit_take_events(line), 0);
	assert_int_equal(device_config(device, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, 0);
	umd_device_set_intx(device, true);
	assert_int_equal(unit_take_events(line), kind->keeps_client);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_ERR, 0), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_REQ, 0), 0);
	assert_int_equal(unit_take_events(err), kind->keeps_client);
	assert_int_equal(unit_take_events(req), kind->keeps_client);
}

static void test_line_falls_and_the_clients_eventfds_stay_till_it_is_gone(void **state)
{
	for_each_kind(use_intx, check_intx);
}

static void set_table(unsigned int offset, uint32_t value)
{
	uint8_t bytes[4];

	umd_put_le32(bytes, value);
	assert_int_equal(device_write(device, 0, PAGE + offset, bytes, 4), 0);
}

static void use_msix(void)
{
	device_set_command(device, PCI_COMMAND_MEMORY);
	device_assign(device, UMD_IRQ_MSIX, 1, msix);
	set_table(16, 0xfee00000);
	set_table(16 + 12, 1);
	device_set_config(device, device_cap(device, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS), 2, 0xc000);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
}

static void check_msix(const struct kind *kind)
{
	uint8_t table[64], pending[8];

	assert_int_equal(
		device_config(device, device_cap(device, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS), 2), 3);
	device_set_command(device, PCI_COMMAND_MEMORY);
	assert_int_equal(device_read(device, 0, PAGE, table, sizeof(table)), 0);
	assert_int_equal(device_read(device, 0, 2 * PAGE, pending, sizeof(pending)), 0);
	assert_int_equal(umd_get_le32(&table[16]), 0);
	assert_int_equal(umd_get_le32(&table[16 + 12]), 1);
	assert_true(umd_get_le64(pending) == 0);
	assert_int_equal(unit_take_events(msix), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
	assert_int_equal(unit_take_events(msix), kind->keeps_client);
	assert_int_equal(umd_device_enabled_vectors(device, UMD_IRQ_MSIX),
			 kind->keeps_client ? 2 : 0);
}

static void test_table_of_messages_is_emptied(void **state)
{
	for_each_kind(use_msix, check_msix);
}

static void use_msi(void)
{
	device_assign(device, UMD_IRQ_MSI, 0, msi);
	device_set_config(device, device_cap(device, PCI_CAP_ID_MSI, PCI_MSI_ADDRESS_LO), 4,
			  0xfee00000);
	device_set_config(device, device_cap(device, PCI_CAP_ID_MSI, PCI_MSI_MASK_64), 4, 1);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 0), 0);
}

static void check_msi(const struct kind *kind)
{
	static const unsigned int registers[] = {PCI_MSI_ADDRESS_LO, PCI_MSI_MASK_64,
						 PCI_MSI_PENDING_64};

	for (size_t i = 0; i < UNIT_COUNT(registers); i++)
		assert_int_equal(
			device_config(device, device_cap(device, PCI_CAP_ID_MSI, registers[i]), 4),
			0);
	assert_int_equal(unit_take_events(msi), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 0), 0);
	assert_int_equal(unit_take_events(msi), kind->keeps_client);
}

static void test_messages_in_config_space_are_emptied(void **state)
{
	for_each_kind(use_msi, check_msi);
}

/* ---- Memory, data, requests ---------------------------------------------------------------- */

static void use_dma(void)
{
	int fd = memfd_create("dma", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(umd_dma_space_map_fd(&device->space, DMA_AT, PAGE, UMD_DMA_READ, fd, 0),
			 0);
	close(fd);
	device_set_command(device, PCI_COMMAND_MASTER);
}

static void check_dma(const struct kind *kind)
{
	uint8_t byte;

	assert_int_equal(umd_dma_read(device, DMA_AT, &byte, 1), -ENODEV);
	device_set_command(device, PCI_COMMAND_MASTER);
	assert_int_equal(umd_dma_read(device, DMA_AT, &byte, 1), kind->keeps_client ? 0 : -EFAULT);
}

static void test_bus_mastering_ends_and_maps_stay_till_the_client_is_gone(void **state)
{
	for_each_kind(use_dma, check_dma);
}

static void use_log(void)
{
	static const struct umd_dma_range range = {DMA_AT, PAGE};

	assert_int_equal(umd_dma_dirty_start(&device->space.dirty, &range, 1, PAGE), 0);
}

/* Only a client that resets knows that its log is gone. */
static void check_log(const struct kind *kind)
{
	bool stays = kind->kind != UMD_RESET_DEVICE && kind->keeps_client;

	assert_int_equal(device->space.dirty.log != NULL, stays);
}

static void test_dirty_log_ends_when_the_client_resets_or_is_gone(void **state)
{
	for_each_kind(use_log, check_log);
}

static uint32_t read_vpd(uint32_t address)
{
	device_set_config(device, device_cap(device, PCI_CAP_ID_VPD, PCI_VPD_ADDR), 2, address);
	return device_config(device, device_cap(device, PCI_CAP_ID_VPD, PCI_VPD_DATA), 4);
}

static void use_vpd(void)
{
	device_set_config(device, device_cap(device, PCI_CAP_ID_VPD, PCI_VPD_DATA), 4, 0x64636261);
	device_set_config(device, device_cap(device, PCI_CAP_ID_VPD, PCI_VPD_ADDR), 2,
			  4 | PCI_VPD_ADDR_F);
	assert_int_equal(read_vpd(4), 0x64636261);
}

/* Storage outlives a reset, but what a client left there is not for the next one to read. */
static void check_vpd(const struct kind *kind)
{
	assert_int_equal(device_config(device, device_cap(device, PCI_CAP_ID_VPD, PCI_VPD_ADDR), 2),
			 0);
	assert_int_equal(read_vpd(4), kind->keeps_client ? 0x64636261 : 0x38373635);
	assert_int_equal(read_vpd(0), 0x34333231);
}

static void test_product_data_stays_till_the_client_is_gone(void **state)
{
	for_each_kind(use_vpd, check_vpd);
}

static struct umd_request request = {.done = on_cancel, .done_data = &told};

static void use_request(void)
{
	static uint8_t byte;

	device_set_command(device, PCI_COMMAND_IO);
	device_access(device, &request, 3, false, 0, &byte, 1);
	assert_ptr_equal(device->deferred, &request);
}

/* Its handler is told, then whoever waits, before the device hears of the reset. */
static void check_request(const struct kind *kind)
{
	device_expect_calls(&told, kind->kind == UMD_RESET_POWER ? "3cc0R" : "ccR");
	assert_int_equal(request.error, -ECANCELED);
	assert_null(device->deferred);
}

static void test_access_under_way_is_cancelled(void **state)
{
	for_each_kind(use_request, check_request);
}

/* ---- The device's own part ----------------------------------------------------------------- */

static void check_in_reset(void *data, enum umd_reset kind)
{
	uint8_t byte;

	assert_int_equal(device_config(device, PCI_COMMAND, 2), 0);
	assert_int_equal(umd_dma_read(device, DMA_AT, &byte, 1), -ENODEV);
	assert_int_equal(device_read(device, 0, 0, &byte, 1), -EIO);
	assert_int_equal(device_config(device, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, 0);
	umd_device_set_intx(device, true);
	told.resets++;
	told.kind = kind;
}

static void use_all(void)
{
	device->ops.reset = check_in_reset;
	use_dma();
	use_header();
	use_intx();
	device_set_command(device, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	unit_take_events(line);
}

/* What the device does in its reset counts: it may raise its line at once. */
static void check_line(const struct kind *kind)
{
	assert_int_equal(device_config(device, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT,
			 PCI_STATUS_INTERRUPT);
}

static void test_device_is_told_last(void **state)
{
	for_each_kind(use_all, check_line);
}

/* ---- Asking for it ------------------------------------------------------------------------- */

static void test_bit_that_asks_for_a_reset_reads_as_zero(void **state)
{
	unsigned int control = device_cap(device, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL);

	device_set_config(device, control + 1, 1, PCI_EXP_DEVCTL_BCR_FLR >> 8);
	assert_int_equal(told.resets, 1);
	assert_int_equal(device_config(device, control, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
	device_set_config(device, control, 1, 0xff);
	assert_int_equal(told.resets, 1);
	by_advanced_features();
	assert_int_equal(told.resets, 2);
	assert_int_equal(device_config(device, device_cap(device, PCI_CAP_ID_AF, PCI_AF_CTRL), 1),
			 0);
	device_set_config(device, device_cap(device, PCI_CAP_ID_AF, PCI_AF_CTRL), 1, 0xfe);
	assert_int_equal(told.resets, 2);
}

static void test_device_without_the_capability_is_not_reset_by_the_bit(void **state)
{
	static const struct umd_pcie pcie = {0};

	umd_device_destroy(device);
	device = device_create(&told);
	assert_int_equal(umd_device_add_pcie(device, &pcie), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	by_express();
	assert_int_equal(told.resets, 0);
}

/* One write over all of config space asks for everything at once. */
static void test_write_that_covers_every_register_resets_as_well(void **state)
{
	static uint8_t ones[4096];

	memset(ones, 0xff, sizeof(ones));
	for (int i = 0; i < 3; i++)
		assert_int_equal(device_write(device, UMD_REGION_CONFIG, 0, ones, sizeof(ones)), 0);
	assert_true(told.resets >= 3);
	memset(told.calls, 0, sizeof(told.calls));
	by_client();
	assert_int_equal(told.kind, UMD_RESET_DEVICE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_bars_stay_for_a_reset_behind_the_drivers_back_only),
		TEST(test_resized_bar_stays_as_the_others_do),
		TEST(test_sticky_bits_stay_till_the_client_is_gone),
		TEST(test_line_falls_and_the_clients_eventfds_stay_till_it_is_gone),
		TEST(test_table_of_messages_is_emptied),
		TEST(test_messages_in_config_space_are_emptied),
		TEST(test_bus_mastering_ends_and_maps_stay_till_the_client_is_gone),
		TEST(test_dirty_log_ends_when_the_client_resets_or_is_gone),
		TEST(test_product_data_stays_till_the_client_is_gone),
		TEST(test_access_under_way_is_cancelled),
		TEST(test_device_is_told_last),
		TEST(test_bit_that_asks_for_a_reset_reads_as_zero),
		TEST(test_device_without_the_capability_is_not_reset_by_the_bit),
		TEST(test_write_that_covers_every_register_resets_as_well),
	};

	return cmocka_run_group_tests_name("reset", tests, NULL, NULL);
}
