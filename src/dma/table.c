/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_MAPS 128u

struct umd_dma_leaf {
	size_t count;
	struct umd_dma_map maps[LEAF_MAPS];
};

void umd_dma_table_finish(struct umd_dma_table *table)
{
	for (size_t i = 0; i < table->leaf_count; i++)
		free(table->leaves[i]);
	free(table->leaves);
	*table = (struct umd_dma_table){0};
}

static uint64_t last_byte(const struct umd_dma_map *map)
{
	return map->iova + (map->size - 1);
}

/* The first leaf whose last map ends at or after `iova`. */
static size_t find_leaf(const struct umd_dma_table *table, uint64_t iova)
{
	size_t low = 0, high = table->leaf_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct umd_dma_leaf *leaf = table->leaves[middle];

		if (last_byte(&leaf->maps[leaf->count - 1]) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t find_slot(const struct umd_dma_leaf *leaf, uint64_t iova)
{
	size_t low = 0, high = leaf->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (last_byte(&leaf->maps[middle]) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct umd_dma_map *umd_dma_table_at(const struct umd_dma_table *table,
				     const struct umd_dma_place *place)
{
	if (place->leaf == table->leaf_count)
		return NULL;
	return &table->leaves[place->leaf]->maps[place->slot];
}

struct umd_dma_map *umd_dma_table_find(const struct umd_dma_table *table, uint64_t iova,
				       struct umd_dma_place *ret_place)
{
	size_t leaf = find_leaf(table, iova);

	*ret_place = (struct umd_dma_place){.leaf = leaf};
	if (leaf < table->leaf_count)
		ret_place->slot = find_slot(table->leaves[leaf], iova);
	return umd_dma_table_at(table, ret_place);
}

static void step(const struct umd_dma_table *table, struct umd_dma_place *place)
{
	if (place->slot < table->leaves[place->leaf]->count)
		return;
	place->leaf++;
	place->slot = 0;
}

struct umd_dma_map *umd_dma_table_next(const struct umd_dma_table *table,
				       struct umd_dma_place *place)
{
	place->slot++;
	step(table, place);
	return umd_dma_table_at(table, place);
}

static int insert_leaf(struct umd_dma_table *table, size_t at)
{
	struct umd_dma_leaf *leaf;

	if (table->leaf_count == table->leaf_room) {
		size_t room = table->leaf_room ? 2 * table->leaf_room : 16;
		struct umd_dma_leaf **leaves = realloc(table->leaves, room * sizeof(*leaves));

		if (!leaves)
			return -ENOMEM;
		table->leaves = leaves;
		table->leaf_room = room;
	}
	leaf = malloc(sizeof(*leaf));
	if (!leaf)
		return -ENOMEM;

	leaf->count = 0;
	memmove(&table->leaves[at + 1], &table->leaves[at],
		(table->leaf_count - at) * sizeof(struct umd_dma_leaf *));
	table->leaves[at] = leaf;
	table->leaf_count++;
	return 0;
}

/* Moves the upper half of a full leaf into a new one behind it, and follows the place. */
static int split(struct umd_dma_table *table, struct umd_dma_place *place)
{
	struct umd_dma_leaf *low, *high;
	int err = insert_leaf(table, place->leaf + 1);

	if (err)
		return err;

	low = table->leaves[place->leaf];
	high = table->leaves[place->leaf + 1];
	low->count = LEAF_MAPS / 2;
	high->count = LEAF_MAPS - low->count;
	memcpy(high->maps, &low->maps[low->count], high->count * sizeof(*high->maps));
	if (place->slot > low->count) {
		place->slot -= low->count;
		place->leaf++;
	}
	return 0;
}

/* Where a map that comes before the one at `place` goes: also behind the last one of a leaf. */
static int make_place(struct umd_dma_table *table, struct umd_dma_place *place)
{
	if (place->leaf == table->leaf_count) {
		if (table->leaf_count == 0 ||
		    table->leaves[table->leaf_count - 1]->count == LEAF_MAPS)
			return insert_leaf(table, place->leaf);
		place->leaf--;
		place->slot = table->leaves[place->leaf]->count;
	}
	return table->leaves[place->leaf]->count == LEAF_MAPS ? split(table, place) : 0;
}

int umd_dma_table_add(struct umd_dma_table *table, const struct umd_dma_map *map)
{
	struct umd_dma_place place;
	struct umd_dma_leaf *leaf;
	int err;

	umd_dma_table_find(table, map->iova, &place);
	err = make_place(table, &place);
	if (err)
		return err;

	leaf = table->leaves[place.leaf];
	memmove(&leaf->maps[place.slot + 1], &leaf->maps[place.slot],
		(leaf->count - place.slot) * sizeof(*leaf->maps));
	leaf->maps[place.slot] = *map;
	leaf->count++;
	table->count++;
	return 0;
}

void umd_dma_table_remove(struct umd_dma_table *table, struct umd_dma_place *place)
{
	struct umd_dma_leaf *leaf = table->leaves[place->leaf];

	leaf->count--;
	table->count--;
	memmove(&leaf->maps[place->slot], &leaf->maps[place->slot + 1],
		(leaf->count - place->slot) * sizeof(*leaf->maps));
	if (leaf->count) {
		step(table, place);
		return;
	}

	free(leaf);
	table->leaf_count--;
	memmove(&table->leaves[place->leaf], &table->leaves[place->leaf + 1],
		(table->leaf_count - place->leaf) * sizeof(struct umd_dma_leaf *));
	place->slot = 0;
}
