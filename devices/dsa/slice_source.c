/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where links come from. A remote parent gets what the device's client maps, by a mirror. An
 * embedded one works in the device's space, and is driven by the device's loop.
 */
#include "slice_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <umdev/dma.h>

#include "status.h"

/* ---- A parent of another process ----------------------------------------------------------- */

static int connect_remote(void *data, struct umd_device *device, struct umd_link **ret,
			  struct umd_error *error)
{
	struct umd_link *link;
	int err = umd_link_connect(data, &link, error);

	if (err)
		return err;

	err = umd_link_mirror(link, device);
	if (err) {
		umd_link_close(link);
		return umd_error_set(error, err, "sharing memory with the parent: %s",
				     strerror(-err));
	}
	*ret = link;
	return 0;
}

int slice_source_init_remote(struct dsa_slice_source *source, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;

	*source =
		(struct dsa_slice_source){.connect = connect_remote, .destroy = free, .data = copy};
	return 0;
}

/* ---- An engine of its own ------------------------------------------------------------------ */

#define OWNER 1u /* the only one */

struct embedded {
	struct dsa_engine *engine;
	struct dsa_status_socket *status; /* may be NULL */
	struct umd_watch *parent_watch, *status_watch;
};

static void on_parent(void *data, uint32_t events)
{
	const struct embedded *embedded = data;

	umd_parent_dispatch(dsa_engine_parent(embedded->engine), 0);
}

static void on_status(void *data, uint32_t events)
{
	const struct embedded *embedded = data;

	dsa_status_dispatch(embedded->status);
}

static int watch(struct embedded *embedded, struct umd_device *device)
{
	int err = 0;

	if (!embedded->parent_watch)
		err = umd_watch_fd(device, umd_parent_fd(dsa_engine_parent(embedded->engine)),
				   EPOLLIN, on_parent, embedded, &embedded->parent_watch);
	if (!err && embedded->status && !embedded->status_watch)
		err = umd_watch_fd(device, dsa_status_fd(embedded->status), EPOLLIN, on_status,
				   embedded, &embedded->status_watch);
	return err;
}

static int connect_embedded(void *data, struct umd_device *device, struct umd_link **ret,
			    struct umd_error *error)
{
	const struct umd_owner owner = {.size = sizeof(owner), .owner = OWNER};
	struct embedded *embedded = data;
	int err = watch(embedded, device);

	if (err)
		return umd_error_set(error, err, "waiting for the engine: %s", strerror(-err));
	return umd_link_open(dsa_engine_parent(embedded->engine), &owner, umd_device_space(device),
			     ret, error);
}

static void destroy_embedded(void *data)
{
	struct embedded *embedded = data;

	umd_watch_destroy(embedded->parent_watch);
	umd_watch_destroy(embedded->status_watch);
	dsa_status_destroy(embedded->status);
	dsa_engine_destroy(embedded->engine);
	free(embedded);
}

int slice_source_init_embedded(struct dsa_slice_source *source,
			       const struct dsa_engine_options *options, const char *status_path,
			       struct umd_error *error)
{
	struct embedded *embedded = calloc(1, sizeof(*embedded));
	int err;

	if (!embedded)
		return umd_error_set(error, -ENOMEM, "no memory for an engine");

	err = dsa_engine_create(options, &embedded->engine, error);
	if (!err && status_path)
		err = dsa_status_create(embedded->engine, status_path, &embedded->status, error);
	if (err) {
		destroy_embedded(embedded);
		return err;
	}
	*source = (struct dsa_slice_source){
		.connect = connect_embedded, .destroy = destroy_embedded, .data = embedded};
	return 0;
}
