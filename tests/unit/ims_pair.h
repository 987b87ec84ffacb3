/* SPDX-License-Identifier: BSD-2-Clause */
/* A store that two owners share, for the tests of its calls. */
#ifndef IMS_PAIR_H
#define IMS_PAIR_H

#include "ims_fixture.h"

#include "irq/ims_store.h"

#define A 7u
#define B 8u

/* A store of eight entries, of which owner A has four and B two. */
static struct umd_ims *ims;
static struct umd_ims_domain *a, *b;
static int fd_a, fd_b;
static int before;

static inline void ims_pair_start(unsigned int entries)
{
	alarm(60);
	before = unit_count_fds();
	ims = ims_store(entries);
	a = ims_domain(ims, A, 4);
	b = ims_domain(ims, B, 2);
	fd_a = ims_eventfd();
	fd_b = ims_eventfd();
}

static inline int ims_pair_setup(void **state)
{
	ims_pair_start(8);
	return 0;
}

static inline int ims_pair_setup_per_owner(void **state)
{
	ims_pair_start(0);
	return 0;
}

static inline int ims_pair_teardown(void **state)
{
	umd_ims_domain_destroy(a);
	umd_ims_domain_destroy(b);
	umd_ims_destroy(ims);
	close(fd_a);
	close(fd_b);
	assert_int_equal(unit_count_fds(), before);
	alarm(0);
	return 0;
}

static inline void ims_expect_events(uint64_t of_a, uint64_t of_b)
{
	assert_int_equal(unit_take_events(fd_a), of_a);
	assert_int_equal(unit_take_events(fd_b), of_b);
}

static inline struct umd_ims_slot *ims_slot_of(umd_ims_handle handle)
{
	return umd_ims_table_find(&ims->table, ims_index(handle));
}

#endif
