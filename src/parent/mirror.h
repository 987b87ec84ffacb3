/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device on a link: what its client maps is the link's, too (mirror.c), and vectors of the link
 * stand behind MSI-X vectors of it (vector.c).
 */
#ifndef UMD_PARENT_MIRROR_H
#define UMD_PARENT_MIRROR_H

#include "parent/link.h"

#define UMD_MIRROR_BATCH 64u /* changes that go out together, at most */

/* What was mapped is to be made before anything that is submitted from now on. */
void umd_mirror_post(struct umd_mirror *mirror);

/*
 * A link ends: the first two before its way does, so that nothing of the devices' leads there; the
 * last one afterwards, when no done() is left to come.
 */
void umd_mirror_leave(struct umd_link *link);
void umd_link_unback_all(struct umd_link *link);
void umd_mirror_free(struct umd_mirror *mirror);

#endif
