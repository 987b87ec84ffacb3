/* SPDX-License-Identifier: BSD-2-Clause */
/* The full device's engine: as large as its registers say. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "full_device.h"

#define SPACES_MAX 257u /* the default one, and those of PASIDs that the library attaches */

static void dispatch(void *data, uint32_t events)
{
	struct dsa_full *full = data;

	umd_parent_dispatch(dsa_engine_parent(full->engine), 0);
}

static int watch(struct dsa_full *full, struct umd_error *error)
{
	int err = umd_watch_fd(full->device, umd_parent_fd(dsa_engine_parent(full->engine)),
			       EPOLLIN, dispatch, full, &full->watch);

	return err ? umd_error_set(error, err, "cannot wait for the engine: %s", strerror(-err))
		   : 0;
}

static void tell_status(void *data, uint32_t events)
{
	const struct dsa_full *full = data;

	dsa_status_dispatch(full->status);
}

static int open_status(struct dsa_full *full, const char *path, struct umd_error *error)
{
	int err = dsa_status_create(full->engine, path, &full->status, error);

	if (err)
		return err;
	err = umd_watch_fd(full->device, dsa_status_fd(full->status), EPOLLIN, tell_status, full,
			   &full->status_watch);
	return err ? umd_error_set(error, err, "waiting for the status: %s", strerror(-err)) : 0;
}

static int create_engine(struct dsa_full *full, const struct dsa_full_options *options,
			 struct umd_error *error)
{
	const struct dsa_full_shape *shape = full->regs.shape;
	unsigned int spaces = shape->has_pasid ? SPACES_MAX : 1;
	const struct dsa_engine_options engine = {
		.workers = options->workers,
		.queues = spaces * DSA_FULL_WQS,
		.shared_queues = shape->has_pasid ? DSA_FULL_WQS : 0,
		.vectors = spaces * DSA_FULL_VECTORS,
		.max_transfer = UINT64_C(1) << DSA_GET(shape->gencap, DSA_GENCAP_MAX_XFER),
		.max_batch = 1u << DSA_GET(shape->gencap, DSA_GENCAP_MAX_BATCH),
	};

	return dsa_engine_create(&engine, &full->engine, error);
}

int dsa_full_engine_init(struct dsa_full *full, const struct dsa_full_options *options,
			 struct umd_error *error)
{
	bool has_pasid = full->regs.shape->has_pasid;
	int err = create_engine(full, options, error);

	if (!err)
		err = watch(full, error);
	if (!err)
		err = dsa_full_open_space(full, DSA_FULL_NO_PASID, umd_device_space(full->device),
					  error);
	if (!err && has_pasid)
		err = umd_device_set_pasid_ops(full->device, &dsa_full_pasid_ops);
	if (!err && !has_pasid)
		err = dsa_full_fix_handles(full, error);
	if (!err && options->status)
		err = open_status(full, options->status, error);
	return err;
}

void dsa_full_engine_finish(struct dsa_full *full)
{
	dsa_full_close_spaces(full);
	umd_watch_destroy(full->watch);
	umd_watch_destroy(full->status_watch);
	dsa_status_destroy(full->status);
	dsa_engine_destroy(full->engine);
}
