/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses of a space are taken, and where there is room. A treap of what is taken, in the
 * order of addresses: each node knows the room before it and the widest room below it, so that
 * finding room, taking it and giving it back each walk down or up the tree once. What may not be
 * mapped at all is taken for good. A node is embedded in what it stands for, so giving back and
 * taking need no memory.
 */
#ifndef UMD_DRIVER_IOVA_H
#define UMD_DRIVER_IOVA_H

#include <stdbool.h>
#include <stdint.h>

#include <umdev/driver.h>

struct umd_iova_node {
	struct umd_iova_node *parent, *child[2];
	uint64_t first, last; /* granules */
	uint64_t room;	      /* free granules before it, but for granule 0 */
	uint64_t widest;      /* room in its subtree */
	uint32_t priority;    /* no child's is higher */
	bool wall;	      /* what may not be mapped */
};

struct umd_iova {
	struct umd_iova_node *root;
	unsigned int shift; /* of a granule: the smallest page */
	uint64_t random;
	struct umd_iova_node walls[UMD_DRIVER_AREAS_MAX + 1]; /* the last one ends the space */
	unsigned int wall_count;
};

/*
 * An empty space.
 *
 * @param shift  of its pages, at least 12
 * @param ranges that may be mapped, ascending; up to UMD_DRIVER_AREAS_MAX. What is no whole page of
 *		 them may not
 */
void umd_iova_init(struct umd_iova *iova, unsigned int shift,
		   const struct umd_driver_dma_range *ranges, unsigned int count);

/*
 * Takes room for `pages` of them, anywhere but in page 0: at the lowest address that is a multiple
 * of the size, or of 2 MiB, so that an IOMMU can use large pages; without that where there is no
 * such room. 0; -ENOSPC.
 */
int umd_iova_choose(struct umd_iova *iova, struct umd_iova_node *node, uint64_t pages);

/* Takes pages at an address. 0; -ERANGE where they may not be mapped; -EEXIST for taken ones. */
int umd_iova_reserve(struct umd_iova *iova, struct umd_iova_node *node, uint64_t first,
		     uint64_t pages);

void umd_iova_release(struct umd_iova *iova, struct umd_iova_node *node);

/* Who has taken the page; NULL where nobody has, or none may. */
struct umd_iova_node *umd_iova_find(const struct umd_iova *iova, uint64_t page);

static inline uint64_t umd_iova_address(const struct umd_iova *iova,
					const struct umd_iova_node *node)
{
	return node->first << iova->shift;
}

#endif
