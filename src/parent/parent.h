/* SPDX-License-Identifier: BSD-2-Clause */
/* A parent, from the inside. All of it is its thread's, but for the news. */
#ifndef UMD_PARENT_PARENT_H
#define UMD_PARENT_PARENT_H

#include <umdev/parent.h>

#include "base/poller.h"
#include "parent/news.h"

struct umd_local;

/* What else ends with a parent, and before its links do: where others come in. */
struct umd_parent_part {
	struct umd_parent_part *next;
	void (*end)(struct umd_parent_part *part);
};

struct umd_parent {
	struct umd_parent_options options;
	char api[sizeof(((struct umd_parent_info *)NULL)->api)];
	char algorithms[sizeof(((struct umd_parent_info *)NULL)->algorithms)];
	struct umd_poller poller;
	struct umd_newsroom news;
	struct umd_local *links; /* an owner has one at most */
	struct umd_parent_part *parts;
	uint32_t queue_count; /* of all links */
};

void umd_parent_add_part(struct umd_parent *parent, struct umd_parent_part *part);

/* A part has ended by itself. */
void umd_parent_remove_part(struct umd_parent *parent, struct umd_parent_part *part);

#endif
