/* SPDX-License-Identifier: BSD-2-Clause */
#include "driver/iova.h"

#include <errno.h>
#include <stddef.h>

#define LARGE_PAGE_SHIFT 21 /* 2 MiB */

/* ---- The tree ------------------------------------------------------------------------------ */

static uint64_t widest(const struct umd_iova_node *node)
{
	return node ? node->widest : 0;
}

static void update(struct umd_iova_node *node)
{
	node->widest = node->room;
	for (int side = 0; side < 2; side++) {
		if (widest(node->child[side]) > node->widest)
			node->widest = widest(node->child[side]);
	}
}

static void update_up(struct umd_iova_node *node)
{
	for (; node; node = node->parent)
		update(node);
}

static int side_of(const struct umd_iova_node *node)
{
	return node->parent->child[1] == node;
}

/* The next node in the order of addresses (side 1), or the one before (side 0). */
static struct umd_iova_node *neighbour(struct umd_iova_node *node, int side)
{
	if (node->child[side]) {
		node = node->child[side];
		while (node->child[!side])
			node = node->child[!side];
		return node;
	}
	while (node->parent && side_of(node) == side)
		node = node->parent;
	return node->parent;
}

/* Puts `to` (or nothing) where `node` hangs. */
static void replace(struct umd_iova *iova, struct umd_iova_node *node, struct umd_iova_node *to)
{
	if (node->parent)
		node->parent->child[side_of(node)] = to;
	else
		iova->root = to;
	if (to)
		to->parent = node->parent;
}

/* A node and its parent change places. */
static void rotate_up(struct umd_iova *iova, struct umd_iova_node *node)
{
	struct umd_iova_node *parent = node->parent;
	int side = side_of(node);

	replace(iova, parent, node);
	parent->child[side] = node->child[!side];
	if (parent->child[side])
		parent->child[side]->parent = parent;
	node->child[!side] = parent;
	parent->parent = node;
	update(parent);
	update(node);
}

static void measure_room(struct umd_iova_node *node)
{
	const struct umd_iova_node *before = neighbour(node, 0);
	uint64_t from = before ? before->last + 1 : 1;

	node->room = node->first > from ? node->first - from : 0;
}

/* Any sequence will do: nobody who is not trusted chooses addresses. */
static uint32_t next_random(struct umd_iova *iova)
{
	iova->random ^= iova->random << 13;
	iova->random ^= iova->random >> 7;
	iova->random ^= iova->random << 17;
	return (uint32_t)(iova->random >> 32);
}

/* Hangs a node in before another, which is where its addresses belong. */
static void insert_before(struct umd_iova *iova, struct umd_iova_node *next,
			  struct umd_iova_node *node)
{
	struct umd_iova_node *parent = next->child[0] ? neighbour(next, 0) : next;

	node->child[0] = node->child[1] = NULL;
	node->parent = parent;
	node->priority = next_random(iova);
	parent->child[parent != next] = node;
	measure_room(node);
	measure_room(next);
	update_up(node);
	update_up(next);
	while (node->parent && node->parent->priority < node->priority)
		rotate_up(iova, node);
}

/* ---- A space ------------------------------------------------------------------------------- */

static void add_wall(struct umd_iova *iova, uint64_t first, uint64_t last)
{
	struct umd_iova_node *wall = &iova->walls[iova->wall_count++];

	*wall = (struct umd_iova_node){.first = first, .last = last, .wall = true};
}

/* The last one first: each other one goes before the one behind it. */
static void put_up_walls(struct umd_iova *iova)
{
	struct umd_iova_node *end = &iova->walls[iova->wall_count - 1];

	end->priority = next_random(iova);
	iova->root = end;
	measure_room(end);
	update(end);
	for (unsigned int i = iova->wall_count - 1; i-- > 0;)
		insert_before(iova, &iova->walls[i + 1], &iova->walls[i]);
}

void umd_iova_init(struct umd_iova *iova, unsigned int shift,
		   const struct umd_driver_dma_range *ranges, unsigned int count)
{
	const uint64_t rest = (UINT64_C(1) << shift) - 1, end = UINT64_C(1) << (64 - shift);
	uint64_t at = 0; /* the first page that nothing is known of */

	iova->shift = shift;
	iova->random = UINT64_C(0x9e3779b97f4a7c15);
	iova->wall_count = 0;
	for (unsigned int i = 0; i < count; i++) {
		uint64_t first = (ranges[i].first >> shift) + !!(ranges[i].first & rest);
		uint64_t behind = (ranges[i].last >> shift) + !(~ranges[i].last & rest);

		if (first < at || first >= behind)
			continue;
		if (first > at)
			add_wall(iova, at, first - 1);
		at = behind;
	}
	add_wall(iova, at, end);
	put_up_walls(iova);
}

/* ---- Finding room -------------------------------------------------------------------------- */

/* The first node that has so much room before it; NULL where there is none. */
static struct umd_iova_node *find_room(const struct umd_iova *iova, uint64_t pages)
{
	struct umd_iova_node *node = iova->root;

	if (widest(node) < pages)
		return NULL;
	for (;;) {
		if (widest(node->child[0]) >= pages)
			node = node->child[0];
		else if (node->room >= pages)
			return node;
		else
			node = node->child[1];
	}
}

/* A power of two. */
static uint64_t alignment(const struct umd_iova *iova, uint64_t pages)
{
	uint64_t most = iova->shift < LARGE_PAGE_SHIFT
				? UINT64_C(1) << (LARGE_PAGE_SHIFT - iova->shift)
				: 1;

	return pages >= most ? most : UINT64_C(1) << (63 - __builtin_clzll(pages));
}

/* The lowest aligned page of the room before `next`, or its first one where it does not fit. */
static uint64_t place_in(const struct umd_iova_node *next, uint64_t pages, uint64_t align)
{
	uint64_t from = next->first - next->room;
	uint64_t aligned = (from + align - 1) & ~(align - 1);

	return next->first >= aligned && next->first - aligned >= pages ? aligned : from;
}

int umd_iova_choose(struct umd_iova *iova, struct umd_iova_node *node, uint64_t pages)
{
	uint64_t align = alignment(iova, pages), first;
	struct umd_iova_node *next = find_room(iova, pages), *wide;

	if (!next)
		return -ENOSPC;

	first = place_in(next, pages, align);
	wide = first % align ? find_room(iova, pages + align - 1) : NULL;
	if (wide) {
		next = wide;
		first = place_in(next, pages, align);
	}
	*node = (struct umd_iova_node){.first = first, .last = first + pages - 1};
	insert_before(iova, next, node);
	return 0;
}

/* The first node that ends at or behind a page; the wall at the end does. */
static struct umd_iova_node *find_from(const struct umd_iova *iova, uint64_t page)
{
	struct umd_iova_node *node = iova->root, *found = NULL;

	while (node) {
		if (node->last >= page)
			found = node;
		node = node->child[node->last < page];
	}
	return found;
}

int umd_iova_reserve(struct umd_iova *iova, struct umd_iova_node *node, uint64_t first,
		     uint64_t pages)
{
	struct umd_iova_node *next = find_from(iova, first);

	if (!next)
		return -ERANGE;
	if (next->first < first + pages)
		return next->wall ? -ERANGE : -EEXIST;

	*node = (struct umd_iova_node){.first = first, .last = first + pages - 1};
	insert_before(iova, next, node);
	return 0;
}

void umd_iova_release(struct umd_iova *iova, struct umd_iova_node *node)
{
	struct umd_iova_node *next = neighbour(node, 1);

	while (node->child[0] || node->child[1]) {
		int side = !node->child[0] ||
			   (node->child[1] && node->child[1]->priority > node->child[0]->priority);

		rotate_up(iova, node->child[side]);
	}
	replace(iova, node, NULL);
	measure_room(next);
	update_up(node->parent);
	update_up(next);
}

struct umd_iova_node *umd_iova_find(const struct umd_iova *iova, uint64_t page)
{
	struct umd_iova_node *node = find_from(iova, page);

	return node && node->first <= page && !node->wall ? node : NULL;
}
