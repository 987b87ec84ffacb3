/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions of a parent behind a socket. Its word that one is revoked comes before any later answer
 * about that region, so it is of the one that is held when it comes.
 */
#include <errno.h>

#include "base/fd.h"
#include "parent/region.h"
#include "parent/remote.h"

/* Takes over the fd that has come. What cannot be ends the link. */
static int take(struct umd_remote *remote, uint32_t index, bool holds,
		struct umd_parent_region *ret)
{
	const struct umd_msg_described *msg = &remote->answer.described;
	bool has_file = msg->flags & UMD_MSG_WITH_FILE;
	struct umd_parent_region region = {.size = sizeof(region),
					   .fd = has_file ? remote->fds[0] : -1,
					   .offset = msg->offset,
					   .bytes = msg->bytes,
					   .writable = msg->flags & UMD_MSG_WRITABLE};

	if (msg->region == index && has_file == holds && umd_region_is_valid(&region) &&
	    (!has_file || umd_region_is_safe(&region))) {
		*ret = region;
		return 0;
	}
	umd_close(&region.fd);
	umd_remote_lose(remote);
	return -EPROTO;
}

int umd_remote_get_region(struct umd_link *link, uint32_t index, bool holds,
			  struct umd_parent_region *ret)
{
	struct umd_remote *remote = umd_remote_of(link);
	struct umd_msg_region msg = {
		.header.type = UMD_MSG_GET_REGION, .region = index, .value = holds};
	struct umd_remote_call call = {0};
	int err = umd_remote_call(remote, &call, &msg, sizeof(msg), NULL, 0);

	return err ? err : take(remote, index, holds, ret);
}

void umd_remote_put_region(struct umd_link *link, uint32_t index)
{
	struct umd_msg_region msg = {.header.type = UMD_MSG_PUT_REGION, .region = index};

	umd_remote_post(umd_remote_of(link), &msg, sizeof(msg), NULL, 0);
}

/* One that the link has unmapped meanwhile is no news. */
int umd_remote_take_lost_region(struct umd_remote *remote)
{
	if (!umd_region_revoke(&remote->link, remote->answer.region.region))
		return 0;
	remote->has_lost_region = true;
	umd_remote_kick(remote);
	return 0;
}

void umd_remote_tell_lost_regions(struct umd_remote *remote, const bool *closed)
{
	const struct umd_link *link = &remote->link;
	uint32_t index;

	while (!*closed && remote->has_lost_region) {
		remote->has_lost_region = umd_region_next_revoked(&remote->link, &index);
		if (remote->has_lost_region && link->ops.region_revoked)
			link->ops.region_revoked(link->data, index);
	}
}
