/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices that the suite's process offers to itself. */
#include "offer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <umdev/fake.h>

#include "copier_device.h"
#include "edu_device.h"
#ifdef OFFER_DSA
#include "dsa/full.h"
#endif

static int create(const char *name, struct umd_device **ret, struct umd_error *error)
{
	if (!strcmp(name, "copier"))
		return copier_create(ret, error);
	if (!strcmp(name, "edu"))
		return edu_create(ret, error);
#ifdef OFFER_DSA
	if (!strcmp(name, "dsa"))
		return dsa_full_kind.create(NULL, 0, ret, error);
#endif
	return umd_error_set(error, -ENOENT, "there is no such device");
}

struct umd_device *offer_device(const char *name)
{
	struct umd_device *device = NULL;
	struct umd_error error = {0};
	int err = create(name, &device, &error);

	if (!err)
		err = umd_fake_offer(device, name);
	if (!err)
		return device;
	fprintf(stderr, "%s cannot be offered: %s\n", name,
		error.text[0] ? error.text : strerror(-err));
	umd_device_destroy(device);
	return NULL;
}

void offer_end(struct umd_device *device)
{
	if (!device)
		return;
	umd_fake_withdraw(device);
	umd_device_destroy(device);
}
