/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt message stores: a store's life, and what it has counted. */
#include <errno.h>
#include <stdlib.h>

#include <umdev/ims.h>

#include "base/export.h"
#include "irq/ims_reserve.h"
#include "irq/ims_store.h"

static bool is_valid(const struct umd_ims_options *options)
{
	return options->size == sizeof(*options) && options->entries <= UMD_IMS_ENTRIES_MAX &&
	       options->per_owner <= UMD_IMS_PER_OWNER_MAX;
}

/* An array has all its slots from the start. */
static int init(struct umd_ims *ims, const struct umd_ims_options *options)
{
	int err;

	ims->entries = options->entries;
	ims->per_owner = options->per_owner ? options->per_owner : UMD_IMS_PER_OWNER_MAX;
	pthread_mutex_init(&ims->lock, NULL);
	err = umd_signallers_init(&ims->signallers);
	return err ? err : umd_ims_add_slots(ims, ims->entries);
}

UMD_EXPORT int umd_ims_create(const struct umd_ims_options *options, struct umd_ims **ret)
{
	struct umd_ims *ims;
	int err;

	if (!is_valid(options))
		return -EINVAL;

	ims = calloc(1, sizeof(*ims));
	if (!ims)
		return -ENOMEM;

	err = init(ims, options);
	if (err) {
		umd_ims_destroy(ims);
		return err;
	}
	*ret = ims;
	return 0;
}

UMD_EXPORT void umd_ims_destroy(struct umd_ims *ims)
{
	if (!ims)
		return;

	umd_ims_table_finish(&ims->table);
	umd_signallers_finish(&ims->signallers);
	pthread_mutex_destroy(&ims->lock);
	free(ims);
}

static void add_domain(struct umd_ims_domain *domain, struct umd_ims_stats *stats)
{
	pthread_mutex_lock(&domain->lock);
	stats->in_use += domain->in_use;
	pthread_mutex_unlock(&domain->lock);
	stats->delivered += atomic_load(&domain->delivered);
	stats->refused += atomic_load(&domain->refused);
}

UMD_EXPORT int umd_ims_get_stats(struct umd_ims *ims, struct umd_ims_stats *ret)
{
	struct umd_ims_stats stats = {
		.size = sizeof(stats), .entries = ims->entries, .stale = atomic_load(&ims->stale)};

	if (ret->size != sizeof(*ret))
		return -EINVAL;

	pthread_mutex_lock(&ims->lock);
	stats.reserved = ims->reserved;
	stats.delivered = ims->delivered;
	stats.refused = ims->refused;
	for (struct umd_ims_domain *domain = ims->domains; domain; domain = domain->next)
		add_domain(domain, &stats);
	pthread_mutex_unlock(&ims->lock);
	*ret = stats;
	return 0;
}
