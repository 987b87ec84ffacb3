// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory in a file that its owner cuts short under the engine. The one test of its program: cmocka
 * has a handler of SIGBUS for each, and ours has to come after it.
 */
#include "dsa_rig.h"

static struct dsa_engine *engine;
static struct rig_user bad, good;

static void check_good(void)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	memset(good.memory + RIG_DESTINATION, 0, 65536);
	rig_describe_move(raw, 0, 0, 0, 65536);
	assert_int_equal(rig_do(&good, raw, 0), DSA_OK);
	assert_memory_equal(good.memory + RIG_DESTINATION, good.memory + RIG_SOURCE, 65536);
}

static void map_file(struct rig_user *user, int fd)
{
	const struct umd_dma_change changes[] = {
		{.unmap = true, .iova = RIG_BASE + RIG_SOURCE, .size = 1 << 20},
		{.iova = RIG_BASE + RIG_SOURCE,
		 .size = 1 << 20,
		 .prot = UMD_DMA_READ | UMD_DMA_WRITE,
		 .fd = fd},
	};

	assert_int_equal(umd_link_change(user->link, changes, 2, NULL, NULL), 0);
}

static void map_apart(struct rig_user *user)
{
	rig_unmap(user, 0, RIG_SIZE);
	rig_map(user, 0, RIG_SOURCE);
	rig_map(user, RIG_SOURCE, 1 << 20);
	rig_map(user, RIG_DESTINATION, RIG_SIZE - RIG_DESTINATION);
}

static void a_file_that_is_cut_short_is_a_fault(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	engine = rig_engine(NULL);
	rig_join(&bad, engine, 7);
	rig_join(&good, engine, 8);
	rig_fill(good.memory + RIG_SOURCE, 65536, 8);
	map_apart(&bad);
	for (unsigned int i = 0; i < 20; i++) {
		int fd = memfd_create("cut", MFD_CLOEXEC);

		assert_int_equal(ftruncate(fd, 1 << 20), 0);
		map_file(&bad, fd);
		memset(rig_record(&bad, 0), 0, DSA_RECORD_SIZE);
		rig_describe_move(raw, 0, 0, 0, 1 << 20);
		for (unsigned int k = 0; k < 8; k++)
			rig_submit(&bad, raw);
		if (i % 2)
			usleep(50 * i);
		assert_int_equal(ftruncate(fd, 0), 0);
		rig_wait(&bad, 0);
		memset(rig_record(&bad, 1), 0, DSA_RECORD_SIZE);
		rig_describe_move(raw, 1, 0, 0, 1 << 20);
		assert_int_equal(rig_do(&bad, raw, 1), DSA_FAULT);
		close(fd);
		check_good();
	}
	rig_leave(&bad);
	rig_leave(&good);
	dsa_engine_destroy(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_is_cut_short_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
