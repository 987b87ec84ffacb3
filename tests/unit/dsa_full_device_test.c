/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The full device, driven as drivers drive it: by the sequences of Linux's idxd and of the kernel's
 * VFIO selftest, and by what neither of them does.
 */
#include "dsa_full_driver.h"

/* ---- What it is ---------------------------------------------------------------------------- */

static void test_it_is_an_accelerator_that_can_be_reset(void **state)
{
	uint32_t word;
	unsigned int express;
	unsigned int none;

	umd_driver_config_read32(full.driver, PCI_VENDOR_ID, &word);
	assert_int_equal(word, 0x0b258086);
	umd_driver_config_read32(full.driver, PCI_CLASS_REVISION, &word);
	assert_int_equal(word, 0x08800000);
	umd_driver_config_read32(full.driver, PCI_SUBSYSTEM_VENDOR_ID, &word);
	assert_int_equal(word, 0x00008086);
	umd_driver_config_read32(full.driver, PCI_BASE_ADDRESS_0, &word);
	assert_int_equal(word & 0xf, 0xc);
	umd_driver_config_read32(full.driver, PCI_BASE_ADDRESS_2, &word);
	assert_int_equal(word & 0xf, 0xc);
	assert_int_equal(umd_driver_find_cap(full.driver, PCI_CAP_ID_EXP, &express), 0);
	umd_driver_config_read32(full.driver, express + PCI_EXP_DEVCAP, &word);
	assert_true(word & PCI_EXP_DEVCAP_FLR);
	assert_int_equal(umd_driver_find_ext_cap(full.driver, PCI_EXT_CAP_ID_PASID, &none),
			 -ENOENT);
	assert_int_equal(umd_driver_find_ext_cap(full.driver, PCI_EXT_CAP_ID_ATS, &none), -ENOENT);
}

/* All that is not zero in config space after a reset. A published type never changes. */
static const struct {
	unsigned int offset;
	uint32_t value;
} config_at_reset[] = {
	{0x00, 0x0b258086}, {0x04, 0x00100000}, {0x08, 0x08800000}, {0x10, 0x0000000c},
	{0x18, 0x0000000c}, {0x2c, 0x00008086}, {0x34, 0x00000040}, {0x40, 0x00928010},
	{0x44, 0x10008022}, {0x48, 0x00002810}, {0x64, 0x00300010}, {0x80, 0x00089011},
	{0x84, 0x00002000}, {0x88, 0x00003000}, {0x90, 0x00030001},
};

static void test_config_space_at_reset(void **state)
{
	size_t next = 0;

	assert_int_equal(umd_driver_reset(full.driver), 0);
	for (unsigned int offset = 0; offset < 4096; offset += 4) {
		uint32_t value = 0, expected = 0;

		assert_int_equal(umd_driver_config_read32(full.driver, offset, &value), 0);
		if (next < UNIT_COUNT(config_at_reset) && config_at_reset[next].offset == offset)
			expected = config_at_reset[next++].value;
		if (value != expected)
			fail_msg("%#x: %#x, not %#x", offset, value, expected);
	}
}

static void test_portals_cannot_be_read(void **state)
{
	uint64_t value = 0;

	assert_int_equal(umd_driver_read64(full.driver, UMD_DRIVER_BAR2, 0x1000, &value), 0);
	assert_true(value == UINT64_MAX);
}

/* ---- Linux's idxd -------------------------------------------------------------------------- */

static void probe_as_idxd(void)
{
	assert_int_equal(r32(0x00), 0x100);
	assert_int_not_equal(r32(0x90) & 3, 3);
	w32(0xa0, 0x00500000);
	assert_int_equal(wait_command(), 0);
	assert_false(r64(0x10) & 1u << 4); /* no CMDCAP: handles are MSI-X indexes */
	r64(0x30);
	assert_int_equal(r64(0x38), 4);
	r64(0x20);
	for (uint64_t offset = 0x40; offset < 0x60; offset += 8)
		r64(offset);
	assert_int_equal(r64(0x68) & 0xffff, 0); /* no performance monitor */
	w32(0x88, r32(0x88) | 3);
}

static void configure_as_idxd(void)
{
	configure_wq(0, 16, 0, 1);
	for (unsigned int word = 0; word < 16; word++)
		w32(wqcfg_at(0, word), r32(wqcfg_at(0, word)));
	for (unsigned int group = 0; group < 4; group++) {
		for (unsigned int i = 0; i < 4; i++)
			w64(grpcfg_at(group) + 8 * i, group || i ? 0 : 1);
		w64(grpcfg_at(group) + 0x20, group ? 0 : 0xf);
		w64(grpcfg_at(group) + 0x28, 0x6000009);
	}
}

static void copy_as_idxd(unsigned int copies)
{
	for (unsigned int i = 0; i < copies; i++) {
		fill_source(4096, i);
		assert_int_equal(submit(0, LIMITED, with_handle(move(i % 16, F_RCI, 4096), 1)), 0);
		expect_vector(1);
		assert_int_equal(record_status(i % 16), 1);
		expect_moved(4096);
	}
}

static void test_as_idxd_does_it(void **state)
{
	probe_as_idxd();
	configure_as_idxd();
	assert_int_equal(r32(GENSTS), 0);
	assert_int_equal(command_by_interrupt(1, 0), 0);
	assert_int_equal(r32(GENSTS) & 3, 1);
	configure_as_idxd(); /* again, before each WQ */
	assert_int_equal(command_by_interrupt(6, 0), 0);
	copy_as_idxd(100);

	assert_int_equal(command_by_interrupt(8, 0x1), 0);
	w32((r64(0x60) >> 32) * 0x100 + 8, 0);
	assert_int_equal(command_by_interrupt(10, 0x1), 0);
	assert_int_equal(command_by_interrupt(2, 0), 0);
	assert_int_equal(command_by_interrupt(5, 0), 0);
	assert_int_equal(r64(SWERR), 0);
	for (unsigned int vector = 2; vector < VECTORS; vector++)
		assert_int_equal(unit_take_events(full.events[vector]), 0);
}

/* ---- The kernel's VFIO selftest ------------------------------------------------------------ */

static void start_as_selftest(void)
{
	static const uint32_t words[8] = {128, 0, 1 | 1 << 4, 31 | 10 << 5};

	assert_int_equal(command(5, 0), 0);
	for (unsigned int i = 0; i < 8; i++)
		w32(wqcfg_at(0, i), words[i]);
	w32(wqcfg_at(0, 8), 1u << OP_MOVE | 1u << OP_BATCH);
	w32(wqcfg_at(0, 9), 0);
	w64(grpcfg_at(0), 1);
	w64(grpcfg_at(0) + 0x20, 1);
	assert_int_equal(command(1, 0), 0);
	assert_int_equal(command(6, 0), 0);
}

/* All batches use the same list; only the last one has a record. */
static void submit_batches(unsigned int batches, unsigned int copies, uint32_t size)
{
	for (unsigned int i = 0; i < copies; i++) {
		struct descriptor copy = describe(OP_MOVE, F_CRAV, 0, iova(SOURCE + i * size),
						  iova(TARGET + i * size), size);

		memcpy(at(LIST + 64 * i), copy.bytes, 64);
	}
	for (unsigned int i = 0; i < batches; i++) {
		uint32_t flags = F_CRAV | (i + 1 == batches ? F_RCR : 0);

		assert_int_equal(
			submit(0, UNLIMITED, describe(OP_BATCH, flags, 1, iova(LIST), 0, copies)),
			0);
	}
}

static void test_as_the_selftest_does_it(void **state)
{
	start_as_selftest();

	fill_source(4096, 1);
	assert_int_equal(submit(0, UNLIMITED, move(0, 0, 4096)), 0);
	assert_int_equal(wait_record(0), 1);
	expect_moved(4096);

	fill_source(1 << 20, 2);
	submit_batches(32, 1024, 1024);
	assert_int_equal(wait_record(1), 1);
	expect_moved(1 << 20);

	assert_int_equal(submit(0, UNLIMITED, with_handle(move(0, F_RCI, 8), 1)), 0);
	assert_int_equal(wait_record(0), 1);
	expect_vector(1);
	assert_int_equal(r64(SWERR), 0);
	assert_int_equal(command(5, 0), 0);
}

static void test_faults_are_told_in_the_record(void **state)
{
	static const struct {
		uint64_t source, target;
		uint8_t status;
	} faults[] = {
		{NOT_MAPPED, MEMORY_IOVA + TARGET, 0x03},
		{MEMORY_IOVA + SOURCE, NOT_MAPPED, 0x83},
		{MEMORY_IOVA + MEMORY_BYTES, MEMORY_IOVA + TARGET, 0x03},
	};

	start_as_selftest();
	for (size_t i = 0; i < UNIT_COUNT(faults); i++) {
		uint64_t address;

		submit(0, UNLIMITED,
		       describe(OP_MOVE, F_CRAV | F_RCR, 0, faults[i].source, faults[i].target,
				4096));
		assert_int_equal(wait_record(0), faults[i].status);
		memcpy(&address, at(record_at(0)) + 8, 8);
		assert_int_equal(address,
				 faults[i].status == 0x83 ? faults[i].target : faults[i].source);
	}
	assert_int_equal(r64(SWERR), 0);
}

/* ---- Interrupt handles --------------------------------------------------------------------- */

static void test_each_handle_is_its_vector(void **state)
{
	enable_all();
	for (uint16_t handle = 1; handle < VECTORS; handle++) {
		submit(0, UNLIMITED, with_handle(move(0, F_RCI, 64), handle));
		expect_vector(handle);
		assert_int_equal(wait_record(0), 1);
		for (unsigned int vector = 0; vector < VECTORS; vector++)
			assert_int_equal(unit_take_events(full.events[vector]), 0);
	}
}

static void test_other_handles_are_refused(void **state)
{
	static const uint16_t handles[] = {0, 9, 10, 0x8001, 0xffff};

	enable_all();
	for (size_t i = 0; i < UNIT_COUNT(handles); i++) {
		submit(0, UNLIMITED, with_handle(move(0, F_RCI, 64), handles[i]));
		assert_int_equal(wait_record(0), 0x19);
	}
	for (unsigned int vector = 0; vector < VECTORS; vector++)
		assert_int_equal(unit_take_events(full.events[vector]), 0);
}

static void test_handles_in_a_batch_are_the_same(void **state)
{
	enable_all();
	for (unsigned int i = 0; i < 2; i++) {
		struct descriptor copy = with_handle(move(2 + i, F_RCI, 64), i ? 9 : 5);

		memcpy(at(LIST + 64 * i), copy.bytes, 64);
	}
	submit(0, UNLIMITED, describe(OP_BATCH, F_CRAV | F_RCR, 1, iova(LIST), 0, 2));
	assert_int_equal(wait_record(1), 0x05);
	assert_int_equal(wait_record(2), 0x01);
	assert_int_equal(wait_record(3), 0x19);
	expect_vector(5);
}

/* ---- What a WQ allows ---------------------------------------------------------------------- */

static void test_a_wq_has_the_limits_of_its_configuration(void **state)
{
	configure_wq(0, 8, 0, 1);
	w32(wqcfg_at(0, 3), 12 | 2 << 5);
	w64(wqcfg_at(0, 8), 1u << OP_MOVE | 1u << OP_BATCH);
	configure_wq(1, 8, 8, 1);
	w64(wqcfg_at(1, 8), 0);
	w64(grpcfg_at(0), 0x3);
	w64(grpcfg_at(0) + 0x20, 0x1);
	assert_int_equal(command(1, 0), 0);
	assert_int_equal(command(6, 0), 0);
	assert_int_equal(command(6, 1), 0);

	submit(0, UNLIMITED, move(0, 0, 4096));
	assert_int_equal(wait_record(0), 0x01);
	submit(0, UNLIMITED, move(0, 0, 4097));
	assert_int_equal(wait_record(0), 0x13);
	submit(0, UNLIMITED, move(0, F_BOF, 64));
	assert_int_equal(wait_record(0), 0x11);
	submit(0, UNLIMITED, describe(OP_FILL, F_CRAV | F_RCR, 0, 0, iova(TARGET), 64));
	assert_int_equal(wait_record(0), 0x10);
	submit(0, UNLIMITED, describe(OP_BATCH, F_CRAV | F_RCR, 0, iova(LIST), 0, 5));
	assert_int_equal(wait_record(0), 0x14);
	submit(1, UNLIMITED, move(0, 0, 64));
	assert_int_equal(wait_record(0), 0x10);
}

static void test_descriptors_come_in_pieces_of_8_bytes(void **state)
{
	enable_all();
	for (unsigned int i = 0; i < 200; i++) {
		struct descriptor copy = move(0, 0, 4096);
		uint64_t slot = portal_at(0, LIMITED) + 64 * (i % 64);

		fill_source(4096, i);
		for (unsigned int byte = 0; byte < 64; byte += 8)
			assert_int_equal(umd_driver_region_write(full.driver, UMD_DRIVER_BAR2,
								 slot + byte, copy.bytes + byte, 8),
					 0);
		assert_int_equal(wait_record(0), 1);
		expect_moved(4096);
	}
}

static void test_portals_refuse_other_shapes(void **state)
{
	uint8_t bytes[128] = {0};

	enable_all();
	assert_int_equal(umd_driver_region_write(full.driver, UMD_DRIVER_BAR2, 0, bytes, 128),
			 -EINVAL);
	assert_int_equal(umd_driver_region_write(full.driver, UMD_DRIVER_BAR2, 1, bytes, 1),
			 -EINVAL);
	assert_int_equal(submit(0, IMS, move(0, 0, 64)), -EINVAL);
	assert_int_equal(r64(SWERR) & 0xff01, 0x5001);
}

/* Large moves, so that the queue behind them fills up. */
#define LARGE (8u << 20)

static void test_a_full_shared_wq_answers_retry(void **state)
{
	unsigned int limited = 0, taken = 0;

	enable_all();
	while (limited < 100 && !submit(1, LIMITED, move(limited, 0, LARGE)))
		limited++;
	taken = limited;
	assert_in_range(limited, 8, 99);
	assert_int_equal(submit(1, LIMITED, move(taken, 0, 64)), -EAGAIN);
	while (taken < 200 && !submit(1, UNLIMITED, move(taken, 0, LARGE)))
		taken++;
	assert_in_range(taken - limited, 8, 99);
	assert_int_equal(submit(1, UNLIMITED, move(taken, 0, 64)), -EAGAIN);

	for (unsigned int i = 0; i < taken; i++)
		assert_int_equal(wait_record(i), 1);
	assert_int_equal(submit(1, LIMITED, move(taken, 0, 64)), 0);
	assert_int_equal(wait_record(taken), 1);
	assert_int_equal(r64(SWERR), 0);
}

/* ---- Commands that take their time --------------------------------------------------------- */

static void submit_large(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(submit(0, UNLIMITED, move(i, 0, LARGE)), 0);
}

static void expect_all_done(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(record_status(i), 1);
}

static void test_a_drain_ends_when_all_is_done(void **state)
{
	enable_all();
	submit_large(32);
	w32(CMD, 8u << 20 | 1);
	assert_int_equal(r32(CMDSTS), 0x80000000u);
	assert_int_equal(wait_command(), 0);
	expect_all_done(32);
	assert_int_equal(submit(0, UNLIMITED, move(0, 0, 64)), 0);
	assert_int_equal(wait_record(0), 1);
}

static void test_disabling_ends_when_all_is_done(void **state)
{
	enable_all();
	submit_large(32);
	w32(CMD, 2u << 20);
	assert_int_equal(r32(GENSTS), 2);
	w32(CMD, 5u << 20);
	assert_int_equal(r64(SWERR), 0x5201);
	assert_int_equal(wait_command(), 0);
	assert_int_equal(r32(GENSTS), 0);
	expect_all_done(32);
	assert_int_equal(r32(wqcfg_at(0, 6)) >> 30, 0);
}

static void test_an_abort_drops_the_rest_and_goes_on(void **state)
{
	unsigned int done = 0;

	enable_all();
	submit_large(64);
	assert_int_equal(command(9, 0x1), 0);
	for (unsigned int i = 0; i < 64; i++)
		done += record_status(i) != 0;
	assert_in_range(done, 0, 63);
	usleep(20000);
	for (unsigned int i = 0; i < 64; i++)
		done -= record_status(i) != 0;
	assert_int_equal(done, 0);
	assert_int_equal(submit(0, UNLIMITED, move(0, 0, 64)), 0);
	assert_int_equal(wait_record(0), 1);
}

/* ---- When things go wrong ------------------------------------------------------------------ */

static void test_a_record_that_cannot_be_written_is_told_in_swerr(void **state)
{
	struct descriptor copy = move(0, 0, 64);
	uint64_t nowhere = NOT_MAPPED;

	enable_all();
	w32(GENCTRL, 3);
	memcpy(copy.bytes + 8, &nowhere, 8);
	submit(0, UNLIMITED, copy);
	expect_vector(0);
	assert_int_equal(r32(INTCAUSE), 1);
	assert_int_equal(r64(SWERR) & 0xff000000ffUL, 0x0300000001 | 0xc | 0x20);
	assert_int_equal(r64(SWERR + 16), NOT_MAPPED);
	w64(SWERR, 3);
	assert_int_equal(r64(SWERR), 0);
}

static void set_command(uint16_t value)
{
	assert_int_equal(umd_driver_config_write16(full.driver, PCI_COMMAND, value), 0);
}

static void reset_function(void)
{
	unsigned int express;

	assert_int_equal(umd_driver_find_cap(full.driver, PCI_CAP_ID_EXP, &express), 0);
	assert_int_equal(umd_driver_config_write16(full.driver, express + PCI_EXP_DEVCTL,
						   PCI_EXP_DEVCTL_BCR_FLR),
			 0);
	set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void expect_it_works(void)
{
	enable_all();
	fill_source(4096, 77);
	submit(0, UNLIMITED, with_handle(move(0, F_RCI, 4096), 1));
	assert_int_equal(wait_record(0), 1);
	expect_moved(4096);
	expect_vector(1);
}

static void test_it_halts_without_bus_mastering_until_it_is_reset(void **state)
{
	enable_all();
	w32(GENCTRL, 3);
	submit_large(8);
	set_command(PCI_COMMAND_MEMORY);
	expect_vector(0);
	assert_int_equal(r32(GENSTS), 7);
	assert_int_equal(r32(INTCAUSE), 0x11);
	assert_int_equal(r64(SWERR) & 0xff01, 0x5101);
	set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(command(1, 0), 0x03);
	assert_int_equal(r32(GENSTS), 7);

	reset_function();
	assert_int_equal(r32(GENSTS), 0);
	take_vectors();
	expect_it_works();
}

static void test_resets_end_what_is_under_way(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		enable_all();
		submit_large(32);
		if (i == 0) {
			assert_int_equal(command(5, 0), 0);
		} else if (i == 1) {
			assert_int_equal(umd_driver_reset(full.driver), 0);
			set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		} else {
			reset_function();
		}
		assert_int_equal(r32(GENSTS), 0);
		take_vectors();
		expect_it_works();
		assert_int_equal(command(5, 0), 0);
	}
}

static void test_memory_can_be_unmapped_under_it(void **state)
{
	enable_all();
	submit_large(8);
	assert_int_equal(umd_driver_dma_unmap(full.driver, full.map), 0);
	memset(full.memory->address, 0x5a, MEMORY_BYTES);
	w32(CMD, 8u << 20 | 1);
	assert_int_equal(wait_command(), 0);
	for (size_t i = 0; i < MEMORY_BYTES; i++)
		if (*at(i) != 0x5a)
			fail_msg("byte %#zx was written", i);
	assert_int_equal(command(5, 0), 0);
	map_memory();
	expect_it_works();
}

static void test_the_next_driver_finds_a_fresh_device(void **state)
{
	enable_all();
	submit_large(32);
	umd_driver_close(full.driver);
	open_driver();
	assert_int_equal(r32(GENSTS), 0);
	assert_int_equal(r32(wqcfg_at(0, 0)), 0);
	expect_it_works();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_it_is_an_accelerator_that_can_be_reset),
		ON_BOTH(test_config_space_at_reset),
		ON_BOTH(test_portals_cannot_be_read),
		ON_BOTH(test_as_idxd_does_it),
		ON_BOTH(test_as_the_selftest_does_it),
		ON_BOTH(test_faults_are_told_in_the_record),
		ON_BOTH(test_each_handle_is_its_vector),
		ON_BOTH(test_other_handles_are_refused),
		ON_BOTH(test_handles_in_a_batch_are_the_same),
		ON_BOTH(test_a_wq_has_the_limits_of_its_configuration),
		ON_BOTH(test_descriptors_come_in_pieces_of_8_bytes),
		ON_BOTH(test_portals_refuse_other_shapes),
		ON_BOTH(test_a_full_shared_wq_answers_retry),
		ON_BOTH(test_a_drain_ends_when_all_is_done),
		ON_BOTH(test_disabling_ends_when_all_is_done),
		ON_BOTH(test_an_abort_drops_the_rest_and_goes_on),
		ON_BOTH(test_a_record_that_cannot_be_written_is_told_in_swerr),
		ON_BOTH(test_it_halts_without_bus_mastering_until_it_is_reset),
		ON_BOTH(test_resets_end_what_is_under_way),
		ON_BOTH(test_memory_can_be_unmapped_under_it),
		ON_BOTH(test_the_next_driver_finds_a_fresh_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
