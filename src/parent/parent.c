/* SPDX-License-Identifier: BSD-2-Clause */
/* A parent's life. */
#include "parent/parent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/export.h"
#include "base/range.h"
#include "parent/local.h"
#include "parent/ring.h"

static bool fits(const char *text, size_t room)
{
	return strnlen(text, room) < room;
}

static bool is_valid(const struct umd_parent_options *options)
{
	const struct umd_parent *parent = NULL; /* for the sizes */
	const struct umd_parent_ops *ops = options->ops;

	return options->size == sizeof(*options) && options->api &&
	       fits(options->api, sizeof(parent->api)) &&
	       (!options->algorithms || fits(options->algorithms, sizeof(parent->algorithms))) &&
	       umd_ring_is_valid(options->max_depth, options->entry_size) && options->ims && ops &&
	       ops->open && ops->close && ops->command && options->regions <= UMD_REGIONS_MAX &&
	       (!options->regions || ops->get_region);
}

static void copy_options(struct umd_parent *parent, const struct umd_parent_options *options)
{
	parent->options = *options;
	memcpy(parent->api, options->api, strlen(options->api));
	if (options->algorithms)
		memcpy(parent->algorithms, options->algorithms, strlen(options->algorithms));
	parent->options.api = parent->api;
	parent->options.algorithms = parent->algorithms;
}

static int init(struct umd_parent *parent)
{
	int err = umd_poller_init(&parent->poller);

	return err ? err : umd_newsroom_init(&parent->news, &parent->poller);
}

static void finish(struct umd_parent *parent)
{
	umd_newsroom_finish(&parent->news);
	umd_poller_finish(&parent->poller);
	free(parent);
}

UMD_EXPORT int umd_parent_create(const struct umd_parent_options *options, struct umd_parent **ret)
{
	struct umd_parent *parent;
	int err;

	if (!is_valid(options))
		return -EINVAL;
	parent = calloc(1, sizeof(*parent));
	if (!parent)
		return -ENOMEM;

	copy_options(parent, options);
	parent->news.eventfd = -1;
	err = init(parent);
	if (err) {
		finish(parent);
		return err;
	}
	*ret = parent;
	return 0;
}

UMD_EXPORT void umd_parent_destroy(struct umd_parent *parent)
{
	if (!parent)
		return;

	while (parent->parts) {
		struct umd_parent_part *part = parent->parts;

		parent->parts = part->next;
		part->end(part);
	}
	while (parent->links)
		umd_local_lose(parent->links);
	finish(parent);
}

void umd_parent_add_part(struct umd_parent *parent, struct umd_parent_part *part)
{
	part->next = parent->parts;
	parent->parts = part;
}

void umd_parent_remove_part(struct umd_parent *parent, struct umd_parent_part *part)
{
	struct umd_parent_part **at = &parent->parts;

	while (*at != part)
		at = &(*at)->next;
	*at = part->next;
}

UMD_EXPORT int umd_parent_fd(const struct umd_parent *parent)
{
	return parent->poller.fd;
}

UMD_EXPORT int umd_parent_dispatch(struct umd_parent *parent, int timeout_ms)
{
	return umd_poller_dispatch(&parent->poller, timeout_ms);
}
