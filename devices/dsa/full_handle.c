/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt handles: what a descriptor names where it wants an interrupt.
 *
 * The engine, which reads the descriptors of a batch itself, knows vectors by the numbers of the
 * link. A device whose driver asks for handles tells it these, and whose they are is decided then:
 * a vector is a link's. One whose driver cannot ask takes the numbers of MSI-X vectors for handles.
 * There the link's numbers are the same: they are the first ones of the engine's store, which
 * nobody else has used. Number 0, which the device keeps to itself, is given back, so that it is
 * nobody's.
 */
#include <errno.h>
#include <string.h>

#include "full_device.h"

int dsa_full_fix_handles(struct dsa_full *full, struct umd_error *error)
{
	struct umd_link *link = full->spaces->link;
	uint32_t number;
	int err;

	for (unsigned int i = 0; i < DSA_FULL_VECTORS; i++) {
		err = umd_link_alloc_vector(link, &number);
		if (!err && number != i)
			err = -ENOTSUP;
		if (!err && i)
			err = umd_link_back_vector(link, i, full->device, i);
		if (err)
			return umd_error_set(error, err, "no interrupt %u of the engine's: %s", i,
					     strerror(-err));
	}
	umd_link_free_vector(link, 0);
	return 0;
}

static void put(struct dsa_full *full, unsigned int vector)
{
	struct dsa_full_handle *handle = &full->handles[vector];

	umd_link_unback_vector(handle->space->link, full->device, vector);
	umd_link_free_vector(handle->space->link, handle->number);
	handle->space = NULL;
}

static int take(struct dsa_full_space *space, unsigned int vector)
{
	struct dsa_full_handle *handle = &space->full->handles[vector];
	int err = umd_link_alloc_vector(space->link, &handle->number);

	if (err)
		return err;
	err = umd_link_back_vector(space->link, handle->number, space->full->device, vector);
	if (err) {
		umd_link_free_vector(space->link, handle->number);
		return err;
	}
	handle->space = space;
	return 0;
}

int dsa_full_get_handle(void *data, unsigned int vector, uint32_t pasid, uint32_t *ret)
{
	struct dsa_full *full = data;
	struct dsa_full_space *space = dsa_full_find_space(full, pasid);
	struct dsa_full_handle *handle = &full->handles[vector];
	int err = space ? 0 : -ENXIO;

	if (!err && handle->space && handle->space != space)
		put(full, vector);
	if (!err && !handle->space)
		err = take(space, vector);
	if (err)
		return err;
	*ret = handle->number;
	return 0;
}

int dsa_full_put_handle(void *data, uint32_t number)
{
	struct dsa_full *full = data;

	for (unsigned int i = 0; i < DSA_FULL_VECTORS; i++) {
		if (full->handles[i].space && full->handles[i].number == number) {
			put(full, i);
			return 0;
		}
	}
	return -ENOENT;
}

void dsa_full_forget_handles(void *data)
{
	struct dsa_full *full = data;

	for (unsigned int i = 0; i < DSA_FULL_VECTORS; i++)
		if (full->handles[i].space)
			put(full, i);
}

void dsa_full_drop_handles(struct dsa_full_space *space)
{
	for (unsigned int i = 0; i < DSA_FULL_VECTORS; i++)
		if (space->full->handles[i].space == space)
			put(space->full, i);
}
