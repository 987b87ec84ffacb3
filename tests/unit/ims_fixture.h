/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of interrupt message stores share: stores, domains and entries in one line. */
#ifndef IMS_FIXTURE_H
#define IMS_FIXTURE_H

#include "unit.h"

#include <sys/eventfd.h>

#include <umdev/ims.h>

static inline struct umd_ims *ims_store(unsigned int entries)
{
	struct umd_ims_options options = {.size = sizeof(options), .entries = entries};
	struct umd_ims *ims = NULL;

	assert_int_equal(umd_ims_create(&options, &ims), 0);
	return ims;
}

static inline int ims_try_domain(struct umd_ims *ims, uint32_t owner, unsigned int vectors,
				 struct umd_ims_domain **ret)
{
	struct umd_ims_domain_options options = {
		.size = sizeof(options), .owner = owner, .vectors = vectors};

	return umd_ims_domain_create(ims, &options, ret, NULL);
}

static inline struct umd_ims_domain *ims_domain(struct umd_ims *ims, uint32_t owner,
						unsigned int vectors)
{
	struct umd_ims_domain *domain = NULL;

	assert_int_equal(ims_try_domain(ims, owner, vectors, &domain), 0);
	return domain;
}

static inline int ims_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(fd >= 0);
	return fd;
}

/* An entry that signals `fd`. */
static inline umd_ims_handle ims_entry(struct umd_ims_domain *domain, int fd)
{
	umd_ims_handle handle = 0;

	assert_int_equal(umd_ims_alloc(domain, &handle), 0);
	assert_int_equal(umd_ims_set_eventfd(domain, handle, fd), 0);
	return handle;
}

static inline uint32_t ims_index(umd_ims_handle handle)
{
	return (uint32_t)handle;
}

static inline uint32_t ims_generation(umd_ims_handle handle)
{
	return (uint32_t)(handle >> 32);
}

static inline struct umd_ims_stats ims_stats(struct umd_ims *ims)
{
	struct umd_ims_stats stats = {.size = sizeof(stats)};

	assert_int_equal(umd_ims_get_stats(ims, &stats), 0);
	return stats;
}

#endif
