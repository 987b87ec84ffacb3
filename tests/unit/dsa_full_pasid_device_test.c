/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dsa-full-pasid-v1 as its driver has it: two processes with memory of their own at the same
 * addresses, what each reaches, whose interrupts are whose, and pages that are asked for.
 */
#include "dsa_full_driver.h"

#include "device/device.h"
#include "device/pasid.h"
#include "device/pri.h"

#define ALICE	     0x11u
#define BOB	     0x22222u
#define NOBODY	     0x33u
#define PAGE	     UINT64_C(4096)
#define SHARED	     0u
#define DEDICATED    1u
#define PASID_EN     (1u << 28)
#define SHARED_WQ    1
#define DEDICATED_WQ 0

/* A process: memory that it finds where all do. */
struct process {
	uint32_t pasid;
	struct umd_driver_buffer *memory;
	struct umd_driver_map *map;
};

static struct process alice = {.pasid = ALICE}, bob = {.pasid = BOB};

static void map_for(struct process *process)
{
	struct umd_driver_dma dma = {
		.size = sizeof(dma),
		.bytes = 1 << 20,
		.flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE | UMD_DRIVER_DMA_FIXED |
			 UMD_DRIVER_DMA_PASID,
		.iova = MEMORY_IOVA,
		.pasid = process->pasid,
	};
	uint64_t where;

	dma.address = process->memory->address;
	dma.fd = process->memory->fd;
	assert_int_equal(umd_driver_dma_map(full.driver, &dma, &process->map, &where), 0);
}

static void begin_process(struct process *process)
{
	assert_int_equal(umd_driver_buffer_create(1 << 20, 0, &process->memory), 0);
	memset(process->memory->address, (int)process->pasid & 0xff, 1 << 20);
	map_for(process);
}

static unsigned int ext_cap(unsigned int id)
{
	unsigned int at = 0;

	assert_int_equal(umd_driver_find_ext_cap(full.driver, id, &at), 0);
	return at;
}

static void set_config(unsigned int id, unsigned int offset, uint16_t value)
{
	assert_int_equal(umd_driver_config_write16(full.driver, ext_cap(id) + offset, value), 0);
}

/* WQ 0 is Alice's own; WQ 1 is everybody's. */
static void enable_wqs(uint32_t flags)
{
	configure_wq(DEDICATED_WQ, 32, 0, 1 | flags | PASID_EN | ALICE << 8);
	configure_wq(SHARED_WQ, 32, 16, flags | PASID_EN);
	w64(grpcfg_at(0), 0x3);
	w64(grpcfg_at(0) + 0x20, 0xf);
	assert_int_equal(command(1, 0), 0);
	assert_int_equal(command(6, DEDICATED_WQ), 0);
	assert_int_equal(command(6, SHARED_WQ), 0);
}

static int begin_pasids(bool served)
{
	begin_kind(&dsa_full_pasid_kind, served);
	set_config(PCI_EXT_CAP_ID_PASID, PCI_PASID_CTRL, PCI_PASID_CTRL_ENABLE);
	set_config(PCI_EXT_CAP_ID_ATS, PCI_ATS_CTRL, PCI_ATS_CTRL_ENABLE);
	assert_int_equal(umd_driver_config_write32(
				 full.driver, ext_cap(PCI_EXT_CAP_ID_PRI) + PCI_PRI_ALLOC_REQ, 16),
			 0);
	set_config(PCI_EXT_CAP_ID_PRI, PCI_PRI_CTRL, PCI_PRI_CTRL_ENABLE);
	begin_process(&alice);
	begin_process(&bob);
	return 0;
}

static int begin_pasids_fake(void **state)
{
	return begin_pasids(false);
}

static int begin_pasids_served(void **state)
{
	return begin_pasids(true);
}

static int end_pasids(void **state)
{
	umd_driver_buffer_destroy(alice.memory);
	umd_driver_buffer_destroy(bob.memory);
	return end(state);
}

/* ---- Descriptors of processes -------------------------------------------------------------- */

static uint8_t *byte_of(const struct process *process, uint64_t offset)
{
	return (uint8_t *)process->memory->address + offset;
}

/* Moves a page of the process's from 0x10000 to 0x20000, with its record at 0. */
static struct descriptor move_of(const struct process *process, uint32_t flags)
{
	struct descriptor copy =
		describe(OP_MOVE, F_CRAV | F_RCR | flags, 0, iova(0x10000), iova(0x20000), PAGE);
	uint32_t sender = process->pasid;

	memcpy(copy.bytes, &sender, 4);
	memset(byte_of(process, 0), 0, 32);
	return copy;
}

static uint8_t wait_record_of(const struct process *process)
{
	uint64_t end_ms = now_ms() + LONG_MS;

	while (!__atomic_load_n(byte_of(process, 0), __ATOMIC_ACQUIRE)) {
		r32(0);
		assert_true(now_ms() < end_ms);
		usleep(50);
	}
	return *byte_of(process, 0);
}

static void expect_works(const struct process *process, unsigned int wq)
{
	memset(byte_of(process, 0x10000), 0x5a, PAGE);
	memset(byte_of(process, 0x20000), 0, PAGE);
	assert_int_equal(submit(wq, UNLIMITED, move_of(process, 0)), 0);
	assert_int_equal(wait_record_of(process), 1);
	assert_memory_equal(byte_of(process, 0x10000), byte_of(process, 0x20000), PAGE);
}

static bool is_filled(const struct process *process, uint8_t value)
{
	for (uint64_t i = 0; i < 1 << 20; i++)
		if (*byte_of(process, i) != value)
			return false;
	return true;
}

/* ---- Spaces -------------------------------------------------------------------------------- */

static void test_it_wants_a_client_with_pasids(void **state)
{
	uint16_t word = 0;

	assert_true(full.device->pasids->required);
	umd_driver_config_read16(full.driver, ext_cap(PCI_EXT_CAP_ID_PASID) + PCI_PASID_CAP, &word);
	assert_int_equal(word, 20 << 8);
}

static void test_a_dedicated_wq_is_its_pasids(void **state)
{
	enable_wqs(0);
	expect_works(&alice, DEDICATED_WQ);
	assert_true(is_filled(&bob, BOB & 0xff));

	/* The PASID is the WQ's, whatever a descriptor says. */
	memset(byte_of(&alice, 0), 0, 32);
	assert_int_equal(submit(DEDICATED_WQ, UNLIMITED, move_of(&bob, 0)), 0);
	memset(byte_of(&bob, 0), BOB & 0xff, 32);
	assert_int_equal(wait_record_of(&alice), 1);
	assert_true(is_filled(&bob, BOB & 0xff));
}

static void test_a_shared_wq_is_everybodys(void **state)
{
	enable_wqs(0);
	for (unsigned int i = 0; i < 20; i++) {
		expect_works(&alice, SHARED_WQ);
		expect_works(&bob, SHARED_WQ);
	}
	assert_int_equal(r64(SWERR), 0);
}

static void test_nobody_reaches_nothing(void **state)
{
	const struct process nobody = {.pasid = NOBODY, .memory = alice.memory};

	enable_wqs(0);
	assert_int_equal(submit(SHARED_WQ, UNLIMITED, move_of(&nobody, 0)), 0);
	assert_int_equal(r64(SWERR), UINT64_C(0x0000330300011a2d));
	assert_int_equal(r64(SWERR + 16), MEMORY_IOVA);
	w32(SWERR, 1);

	assert_int_equal(umd_driver_dma_unmap(full.driver, bob.map), 0);
	assert_int_equal(submit(SHARED_WQ, UNLIMITED, move_of(&bob, 0)), 0);
	assert_int_equal(r64(SWERR) & 0xff01, 0x1a01);
	w32(SWERR, 1);
	expect_works(&alice, SHARED_WQ);
	map_for(&bob);
	expect_works(&bob, SHARED_WQ);
}

static void test_the_default_space_stays_what_it_is(void **state)
{
	enable_wqs(0);
	configure_wq(2, 16, 0, 1);
	assert_int_equal(command(6, 2), 0x22); /* its size was to be given before */
	assert_int_equal(command(2, 0), 0);
	configure_wq(2, 16, 0, 1);
	w64(grpcfg_at(0), 0x7);
	assert_int_equal(command(1, 0), 0);
	assert_int_equal(command(6, 2), 0);
	fill_source(PAGE, 5);
	assert_int_equal(submit(2, UNLIMITED, move(0, 0, PAGE)), 0);
	assert_int_equal(wait_record(0), 1);
	expect_moved(PAGE);
	assert_true(is_filled(&alice, ALICE));
}

/* ---- Handles ------------------------------------------------------------------------------- */

static uint16_t request_handle(unsigned int vector, uint32_t pasid)
{
	uint64_t permissions = (r64(0x60) >> 32 & 0xffff) * 0x100;
	uint32_t status;

	w32(permissions + 8 * vector, pasid << 12 | 8);
	status = command(13, vector);
	assert_int_equal(status & 0xff, 0);
	return (uint16_t)(status >> 8);
}

static void test_a_handle_is_its_owners(void **state)
{
	uint16_t of_alice = request_handle(3, ALICE), of_bob = request_handle(7, BOB);

	enable_wqs(0);
	assert_int_not_equal(of_alice, of_bob);
	submit(SHARED_WQ, UNLIMITED, with_handle(move_of(&alice, F_RCI), of_alice));
	assert_int_equal(wait_record_of(&alice), 1);
	expect_vector(3);
	submit(SHARED_WQ, UNLIMITED, with_handle(move_of(&bob, F_RCI), of_bob));
	assert_int_equal(wait_record_of(&bob), 1);
	expect_vector(7);

	submit(SHARED_WQ, UNLIMITED, with_handle(move_of(&bob, F_RCI), of_alice));
	assert_int_equal(wait_record_of(&bob), 0x19);
	submit(DEDICATED_WQ, UNLIMITED, with_handle(move_of(&alice, F_RCI), of_bob));
	assert_int_equal(wait_record_of(&alice), 0x19);
	assert_int_equal(unit_take_events(full.events[3]), 0);
	assert_int_equal(unit_take_events(full.events[7]), 0);
}

static void test_a_handle_ends(void **state)
{
	uint16_t handle = request_handle(3, ALICE), other;

	enable_wqs(0);
	assert_int_equal(request_handle(3, ALICE), handle);
	assert_int_equal(command(14, handle), 0);
	assert_int_equal(command(14, handle), 0x41);
	submit(DEDICATED_WQ, UNLIMITED, with_handle(move_of(&alice, F_RCI), handle));
	assert_int_equal(wait_record_of(&alice), 0x19);

	/* Vector 3 is Bob's next. */
	request_handle(3, ALICE);
	other = request_handle(3, BOB);
	submit(SHARED_WQ, UNLIMITED, with_handle(move_of(&bob, F_RCI), other));
	assert_int_equal(wait_record_of(&bob), 1);
	expect_vector(3);

	/* And nobody's after a reset, or when he has gone. */
	assert_int_equal(command(5, 0), 0);
	assert_int_equal(command(14, other), 0x41);
	other = request_handle(3, BOB);
	assert_int_equal(umd_driver_dma_unmap(full.driver, bob.map), 0);
	assert_int_equal(command(14, other), 0x41);
	map_for(&bob);
}

/* ---- Commands ------------------------------------------------------------------------------ */

static void test_a_pasid_is_drained(void **state)
{
	enable_wqs(0);
	for (unsigned int i = 0; i < 16; i++) {
		submit(SHARED_WQ, UNLIMITED, move_of(&alice, 0));
		submit(SHARED_WQ, UNLIMITED, move_of(&bob, 0));
	}
	assert_int_equal(command(11, BOB), 0);
	assert_int_equal(*byte_of(&bob, 0), 1);
	assert_int_equal(command(11, ALICE), 0);
	assert_int_equal(*byte_of(&alice, 0), 1);
	assert_int_equal(command(11, NOBODY), 0);
	assert_int_equal(command(12, BOB), 0);
	expect_works(&bob, SHARED_WQ);
	expect_works(&alice, DEDICATED_WQ);
}

static void test_a_space_goes_while_it_is_worked_in(void **state)
{
	enable_wqs(0);
	for (unsigned int i = 0; i < 50; i++) {
		for (unsigned int j = 0; j < 8; j++)
			submit(SHARED_WQ, UNLIMITED, move_of(&bob, 0));
		w32(CMD, 3u << 20);
		assert_int_equal(umd_driver_dma_unmap(full.driver, bob.map), 0);
		assert_int_equal(wait_command(), 0);
		memset(bob.memory->address, 0x77, 1 << 20);
		map_for(&bob);
		assert_true(is_filled(&bob, 0x77));
	}
	expect_works(&alice, SHARED_WQ);
	expect_works(&bob, SHARED_WQ);
}

/* ---- Pages (of a device of this process) --------------------------------------------------- */

#define HOLE (1u << 20) /* behind what is mapped */

static void on_wake(void *data)
{
}

static struct umd_pages *take_page_requests(void)
{
	struct umd_pages *pages = &full.device->pri->pages;

	umd_pages_open(pages, 16, on_wake, NULL);
	return pages;
}

/* The page that is asked for next, sent. */
static const struct umd_page_group *next_page(struct umd_pages *pages, uint32_t *ret_index)
{
	uint64_t end_ms = now_ms() + LONG_MS;
	const struct umd_page_group *group;

	while (!(group = umd_pages_next(pages, ret_index))) {
		r32(0);
		assert_true(now_ms() < end_ms);
		usleep(50);
	}
	return group;
}

static void respond(const struct umd_page_group *group, uint32_t index, uint32_t code)
{
	umd_pri_respond(full.device, &(struct umd_pri_response){.id = group->id,
								.legible = true,
								.pasid = group->pasid,
								.group = index,
								.code = code});
}

static void submit_into_hole(uint32_t flags)
{
	struct descriptor copy = move_of(&alice, flags);
	uint64_t target = iova(HOLE) - 64;

	memcpy(copy.bytes + 0x18, &target, 8);
	assert_int_equal(submit(DEDICATED_WQ, UNLIMITED, copy), 0);
}

static struct umd_driver_map *map_hole(void)
{
	struct umd_driver_dma dma = {
		.size = sizeof(dma),
		.bytes = PAGE,
		.address = bob.memory->address,
		.fd = bob.memory->fd,
		.flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE | UMD_DRIVER_DMA_FIXED |
			 UMD_DRIVER_DMA_PASID,
		.iova = iova(HOLE),
		.pasid = ALICE,
	};
	struct umd_driver_map *map;
	uint64_t where;

	assert_int_equal(umd_driver_dma_map(full.driver, &dma, &map, &where), 0);
	return map;
}

static void test_a_page_that_comes_lets_it_go_on(void **state)
{
	struct umd_pages *pages = take_page_requests();
	const struct umd_page_group *group;
	struct umd_driver_map *map;
	uint32_t index;

	enable_wqs(F_BOF);
	memset(byte_of(&alice, 0x10000), 0x5a, PAGE);
	submit_into_hole(F_BOF);
	group = next_page(pages, &index);
	assert_int_equal(group->pasid, ALICE);
	assert_int_equal(group->request->address, iova(HOLE));
	assert_true(group->request->write && !group->request->read);
	assert_int_equal(*byte_of(&alice, 0), 0);

	map = map_hole();
	respond(group, index, UMD_PRI_SUCCESS);
	assert_int_equal(wait_record_of(&alice), 1);
	assert_int_equal(*byte_of(&alice, HOLE - 1), 0x5a);
	assert_memory_equal(byte_of(&bob, 0), byte_of(&alice, 0x10000), PAGE - 64);
	assert_int_equal(r64(SWERR), 0);
	assert_int_equal(umd_driver_dma_unmap(full.driver, map), 0);
}

static void test_a_page_that_is_denied_ends_it(void **state)
{
	struct umd_pages *pages = take_page_requests();
	const struct umd_page_group *group;
	uint64_t address;
	uint32_t index, bytes;

	enable_wqs(F_BOF);
	submit_into_hole(F_BOF);
	group = next_page(pages, &index);
	respond(group, index, UMD_PRI_INVALID);
	assert_int_equal(wait_record_of(&alice), 0x84);
	memcpy(&bytes, byte_of(&alice, 4), 4);
	memcpy(&address, byte_of(&alice, 8), 8);
	assert_int_equal(bytes, 64);
	assert_int_equal(address, iova(HOLE));
	expect_works(&alice, DEDICATED_WQ);
}

static void test_who_does_not_block_asks_for_nothing(void **state)
{
	struct umd_pages *pages = take_page_requests();
	uint32_t index;

	enable_wqs(F_BOF);
	submit_into_hole(0);
	assert_int_equal(wait_record_of(&alice), 0x83);
	assert_null(umd_pages_next(pages, &index));
}

static void test_who_waits_for_a_page_can_be_aborted(void **state)
{
	struct umd_pages *pages = take_page_requests();
	const struct umd_page_group *group;
	uint32_t index;

	enable_wqs(F_BOF);
	submit_into_hole(F_BOF);
	group = next_page(pages, &index);
	w32(CMD, 8u << 20 | 1u << DEDICATED_WQ);
	expect_works(&bob, SHARED_WQ); /* others are not held up */
	assert_int_equal(r32(CMDSTS), 0x80000000u);
	respond(group, index, UMD_PRI_INVALID);
	assert_int_equal(wait_command(), 0);

	submit_into_hole(F_BOF);
	next_page(pages, &index);
	assert_int_equal(command(9, 1u << DEDICATED_WQ), 0);
	expect_works(&alice, DEDICATED_WQ);
	submit_into_hole(F_BOF);
	assert_int_equal(command(5, 0), 0);
	enable_wqs(F_BOF);
	expect_works(&alice, DEDICATED_WQ);
}

/* Without anybody to ask, nobody is waited for. */
static void test_a_client_without_page_requests_denies_them(void **state)
{
	enable_wqs(F_BOF);
	submit_into_hole(F_BOF);
	assert_int_equal(wait_record_of(&alice), 0x84);
	expect_works(&alice, DEDICATED_WQ);
}

#define ON_FAKE(test)                                                      \
	{                                                                  \
#test " (fake)", test, begin_pasids_fake, end_pasids, NULL \
	}
#define ON_BOTH_PASIDS(test)                                                      \
	ON_FAKE(test),                                                            \
	{                                                                         \
#test " (vfio-user)", test, begin_pasids_served, end_pasids, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH_PASIDS(test_it_wants_a_client_with_pasids),
		ON_BOTH_PASIDS(test_a_dedicated_wq_is_its_pasids),
		ON_BOTH_PASIDS(test_a_shared_wq_is_everybodys),
		ON_BOTH_PASIDS(test_nobody_reaches_nothing),
		ON_BOTH_PASIDS(test_the_default_space_stays_what_it_is),
		ON_BOTH_PASIDS(test_a_handle_is_its_owners),
		ON_BOTH_PASIDS(test_a_handle_ends),
		ON_BOTH_PASIDS(test_a_pasid_is_drained),
		ON_BOTH_PASIDS(test_a_space_goes_while_it_is_worked_in),
		ON_FAKE(test_a_page_that_comes_lets_it_go_on),
		ON_FAKE(test_a_page_that_is_denied_ends_it),
		ON_FAKE(test_who_does_not_block_asks_for_nothing),
		ON_FAKE(test_who_waits_for_a_page_can_be_aborted),
		ON_FAKE(test_a_client_without_page_requests_denies_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
