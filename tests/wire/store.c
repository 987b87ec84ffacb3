/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of an interrupt store that the client may have put behind MSI-X vectors. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static int open_domain(struct wire_store *store)
{
	const struct umd_ims_options options = {.size = sizeof(options), .entries = 16};
	const struct umd_ims_domain_options domain = {
		.size = sizeof(domain), .owner = STORE_OWNER, .vectors = STORE_ENTRIES};
	int error = umd_ims_create(&options, &store->ims);

	return error ? error : umd_ims_domain_create(store->ims, &domain, &store->domain, NULL);
}

/* Parcels out those entries that are not out. */
static int fill(struct wire_store *store)
{
	for (unsigned int i = 0; i < STORE_ENTRIES; i++) {
		int error = store->handles[i] ? 0
					      : umd_ims_alloc(store->domain, &store->handles[i]);

		if (error)
			return error;
	}
	return 0;
}

int wire_store_create(struct wire_store **ret)
{
	struct wire_store *store = calloc(1, sizeof(*store));
	int error;

	if (!store)
		return -ENOMEM;

	error = open_domain(store);
	if (!error)
		error = fill(store);
	if (error) {
		wire_store_destroy(store);
		return error;
	}
	*ret = store;
	return 0;
}

void wire_store_destroy(struct wire_store *store)
{
	if (!store)
		return;
	umd_ims_domain_destroy(store->domain);
	umd_ims_destroy(store->ims);
	free(store);
}

/* An entry's mask and pending bit are the vector's that it stood behind; a new one has neither. */
static void renew(struct wire_store *store)
{
	for (unsigned int i = 0; i < STORE_ENTRIES; i++) {
		if (store->handles[i])
			umd_ims_free(store->domain, store->handles[i]);
		store->handles[i] = 0;
	}
	fill(store);
}

void wire_store_reset(struct wire_device *wire)
{
	if (!wire->store)
		return;
	for (unsigned int i = 0; i < MSIX_VECTORS; i++)
		umd_device_back_vector(wire->device, i, NULL, 0);
	renew(wire->store);
}

int wire_store_back(struct wire_device *wire, uint32_t value)
{
	uint32_t entry = value >> 16, vector = value & 0xffff;

	if (entry == STORE_NOTHING)
		return umd_device_back_vector(wire->device, vector, NULL, 0);
	if (entry >= STORE_ENTRIES)
		return -ERANGE;
	return umd_device_back_vector(wire->device, vector, wire->store->domain,
				      wire->store->handles[entry]);
}

int wire_store_trigger(struct wire_store *store, uint32_t entry, uint32_t owner)
{
	return entry < STORE_ENTRIES ? umd_ims_trigger(store->ims, store->handles[entry], owner)
				     : -ERANGE;
}

int wire_store_revoke(struct wire_store *store, uint32_t entry)
{
	int error;

	if (entry >= STORE_ENTRIES)
		return -ERANGE;

	error = umd_ims_revoke(store->ims, store->handles[entry]);
	store->handles[entry] = 0;
	return error;
}
