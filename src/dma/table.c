/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dma/index.h"

#define LEAF_MAPS UMD_DMA_LEAF_MAPS
#define LINE	  64u

static struct umd_dma_leaf *leaf_at(const struct umd_dma_table *table, size_t at)
{
	return table->index->entries[at].leaf;
}

static size_t find_leaf(const struct umd_dma_table *table, uint64_t last)
{
	return table->index ? umd_dma_index_search(table->index, last) : 0;
}

/* ---- Looking up, the owner ----------------------------------------------------------------- */

/* Moves on to the first map from here on that is not hidden. */
static void settle(const struct umd_dma_table *table, struct umd_dma_place *place)
{
	while (place->leaf < table->leaf_count) {
		const struct umd_dma_leaf *leaf = leaf_at(table, place->leaf);

		while (place->slot < leaf->count && umd_dma_map_is_hidden(&leaf->maps[place->slot]))
			place->slot++;
		if (place->slot < leaf->count)
			return;
		place->leaf++;
		place->slot = 0;
	}
}

struct umd_dma_map *umd_dma_table_at(const struct umd_dma_table *table,
				     const struct umd_dma_place *place)
{
	if (place->leaf == table->leaf_count)
		return NULL;
	return &leaf_at(table, place->leaf)->maps[place->slot];
}

struct umd_dma_map *umd_dma_table_find(const struct umd_dma_table *table, uint64_t iova,
				       struct umd_dma_place *ret_place)
{
	*ret_place = (struct umd_dma_place){.leaf = find_leaf(table, iova)};
	if (ret_place->leaf < table->leaf_count)
		ret_place->slot = umd_dma_leaf_search(leaf_at(table, ret_place->leaf), iova);
	settle(table, ret_place);
	return umd_dma_table_at(table, ret_place);
}

struct umd_dma_map *umd_dma_table_next(const struct umd_dma_table *table,
				       struct umd_dma_place *place)
{
	place->slot++;
	settle(table, place);
	return umd_dma_table_at(table, place);
}

/* ---- Looking up, readers ------------------------------------------------------------------- */

/* The first map that ends at or after `iova`. */
static inline struct umd_dma_found read_leaf(const struct umd_dma_leaf *leaf, uint64_t iova)
{
	const struct umd_dma_map *map = &leaf->maps[umd_dma_leaf_search(leaf, iova)];
	const struct umd_dma_map *end = &leaf->maps[leaf->count];

	while (map < end && umd_dma_map_is_hidden(map))
		map++;
	return (struct umd_dma_found){map < end ? map : NULL, end};
}

struct umd_dma_found umd_dma_table_read(const struct umd_dma_table *table, uint64_t iova)
{
	const struct umd_dma_index *index = __atomic_load_n(&table->index, __ATOMIC_ACQUIRE);
	struct umd_dma_found found = {NULL, NULL};

	if (!index)
		return found;
	for (size_t i = umd_dma_index_search(index, iova); !found.map && i < index->count; i++)
		found = read_leaf(__atomic_load_n(&index->entries[i].leaf, __ATOMIC_ACQUIRE), iova);
	if (found.map && found.map->iova > iova)
		found.map = NULL;
	return found;
}

/* ---- What is changed, and what is put in its place ----------------------------------------- */

static bool is_shared(const struct umd_dma_table *table)
{
	return umd_dma_epochs_are_shared(&table->epochs);
}

/* At the beginning of a cache line. */
static void *allocate(struct umd_dma_table *table, size_t size)
{
	size_t lines = (size + LINE - 1) / LINE * LINE;
	struct umd_dma_retired *retired =
		umd_dma_epochs_can_retire(&table->epochs, size) ? aligned_alloc(LINE, lines) : NULL;

	if (retired)
		*retired = (struct umd_dma_retired){.size = size};
	return retired;
}

static struct umd_dma_leaf *create_leaf(struct umd_dma_table *table)
{
	struct umd_dma_leaf *leaf = allocate(table, sizeof(*leaf));

	if (leaf)
		leaf->count = leaf->live = 0;
	return leaf;
}

static struct umd_dma_index *create_index(struct umd_dma_table *table, size_t room)
{
	struct umd_dma_index *index = allocate(table, umd_dma_index_size(room));

	if (index)
		umd_dma_index_init(index, room);
	return index;
}

/* A leaf to change, without hidden maps: itself, or a copy to put in its place. */
static struct umd_dma_leaf *edit_leaf(struct umd_dma_table *table, size_t at)
{
	struct umd_dma_leaf *leaf = leaf_at(table, at);
	struct umd_dma_leaf *copy = is_shared(table) ? create_leaf(table) : leaf;
	size_t count = leaf->count;

	if (!copy || (copy == leaf && leaf->live == count))
		return copy;
	copy->count = 0;
	umd_dma_leaf_append(copy, leaf, 0, count);
	umd_dma_leaf_number(copy);
	return copy;
}

static void put_leaf(struct umd_dma_table *table, size_t at, struct umd_dma_leaf *leaf)
{
	struct umd_dma_leaf *old = leaf_at(table, at);

	if (old == leaf)
		return;
	__atomic_store_n(&table->index->entries[at].leaf, leaf, __ATOMIC_RELEASE);
	umd_dma_epochs_retire(&table->epochs, &old->retired);
}

/* An index to change, with room for `more` leaves: itself, or a copy to put in its place. */
static struct umd_dma_index *edit_index(struct umd_dma_table *table, size_t more)
{
	struct umd_dma_index *index = table->index, *copy;

	if (index && !is_shared(table) && index->count + more <= index->room)
		return index;
	copy = create_index(table, table->leaf_count + table->leaf_count / 4 + 4);
	if (!copy || !index)
		return copy;
	copy->count = index->count;
	memcpy(copy->entries, index->entries, index->count * sizeof(*index->entries));
	return copy;
}

static void put_index(struct umd_dma_table *table, struct umd_dma_index *index)
{
	struct umd_dma_index *old = table->index;

	umd_dma_index_write_hints(index);
	table->leaf_count = index->count;
	if (old == index)
		return;
	__atomic_store_n(&table->index, index, __ATOMIC_RELEASE);
	if (old)
		umd_dma_epochs_retire(&table->epochs, &old->retired);
}

/* ---- Adding -------------------------------------------------------------------------------- */

static int add_first(struct umd_dma_table *table, const struct umd_dma_map *map)
{
	struct umd_dma_leaf *leaf = create_leaf(table);
	struct umd_dma_index *index = leaf ? edit_index(table, 1) : NULL;

	if (!index) {
		free(leaf);
		return -ENOMEM;
	}
	umd_dma_leaf_insert(leaf, map);
	index->entries[0] = (struct umd_dma_entry){UINT64_MAX, leaf};
	index->count = 1;
	put_index(table, index);
	return 0;
}

/*
 * Adds to a full leaf, as edit_leaf() has it: two leaves take its place. The upper one gets half of
 * the maps, or, where the new map comes behind all, just that one.
 */
static int add_split(struct umd_dma_table *table, size_t at, struct umd_dma_leaf *low,
		     const struct umd_dma_map *map)
{
	struct umd_dma_leaf *old = leaf_at(table, at);
	bool behind = at + 1 == table->leaf_count &&
		      umd_dma_map_last(&low->maps[LEAF_MAPS - 1]) < map->iova;
	size_t kept = behind ? LEAF_MAPS : LEAF_MAPS / 2;
	struct umd_dma_leaf *high = create_leaf(table);
	struct umd_dma_index *index = high ? edit_index(table, 1) : NULL;

	if (!index) {
		free(high);
		return -ENOMEM;
	}
	umd_dma_leaf_append(high, low, kept, LEAF_MAPS);
	low->live = low->count = kept;
	umd_dma_leaf_number(low);
	umd_dma_leaf_insert(map->iova > umd_dma_map_last(&low->maps[kept - 1]) ? high : low, map);
	umd_dma_leaf_number(high);

	umd_dma_index_open_gap(index, at);
	index->entries[at] =
		(struct umd_dma_entry){umd_dma_map_last(&low->maps[low->count - 1]), low};
	index->entries[at + 1].leaf = high;
	put_index(table, index);
	if (old != low)
		umd_dma_epochs_retire(&table->epochs, &old->retired);
	return 0;
}

static int add_to_leaf(struct umd_dma_table *table, size_t at, const struct umd_dma_map *map)
{
	struct umd_dma_leaf *leaf = edit_leaf(table, at);
	int err;

	if (!leaf)
		return -ENOMEM;
	if (leaf->count < LEAF_MAPS) {
		umd_dma_leaf_insert(leaf, map);
		put_leaf(table, at, leaf);
		return 0;
	}

	err = add_split(table, at, leaf, map);
	if (err && leaf != leaf_at(table, at))
		free(leaf);
	return err;
}

int umd_dma_table_add(struct umd_dma_table *table, const struct umd_dma_map *map)
{
	int err = table->leaf_count
			  ? add_to_leaf(table, find_leaf(table, umd_dma_map_last(map)), map)
			  : add_first(table, map);

	if (!err)
		table->count++;
	return err;
}

/* ---- Removing ------------------------------------------------------------------------------ */

/* Where there is no memory for it, the leaf stays, empty or with hidden maps only. */
static void drop_leaf(struct umd_dma_table *table, size_t at)
{
	struct umd_dma_leaf *leaf = leaf_at(table, at);
	struct umd_dma_index *index = edit_index(table, 0);

	if (!index)
		return;
	umd_dma_index_close_gap(index, at);
	put_index(table, index);
	umd_dma_epochs_retire(&table->epochs, &leaf->retired);
}

/* Makes a leaf and the next one the latter. Where there is no memory for it, they stay. */
static void merge_leaves(struct umd_dma_table *table, size_t at)
{
	struct umd_dma_leaf *low = leaf_at(table, at), *high = leaf_at(table, at + 1);
	struct umd_dma_leaf *merged = edit_leaf(table, at);
	struct umd_dma_index *index = merged ? edit_index(table, 0) : NULL;

	if (!index) {
		if (merged != low)
			free(merged);
		return;
	}
	umd_dma_leaf_append(merged, high, 0, high->count);
	umd_dma_leaf_number(merged);
	index->entries[at + 1].leaf = merged;
	umd_dma_index_close_gap(index, at);
	put_index(table, index);
	if (merged != low)
		umd_dma_epochs_retire(&table->epochs, &low->retired);
	umd_dma_epochs_retire(&table->epochs, &high->retired);
}

/* Whether two neighbours are to be one: without that, few maps could take many leaves. */
static bool are_sparse(const struct umd_dma_table *table, size_t at)
{
	return at + 1 < table->leaf_count &&
	       leaf_at(table, at)->live + leaf_at(table, at + 1)->live <= LEAF_MAPS / 2;
}

void umd_dma_table_remove(struct umd_dma_table *table, struct umd_dma_place *place)
{
	struct umd_dma_leaf *leaf = leaf_at(table, place->leaf);
	uint64_t iova = leaf->maps[place->slot].iova;
	size_t leaves = table->leaf_count;

	leaf->live--;
	table->count--;
	if (is_shared(table))
		__atomic_store_n(&leaf->maps[place->slot].prot, 0, __ATOMIC_RELEASE);
	else
		umd_dma_leaf_erase(leaf, place->slot);
	if (!leaf->live && (leaves > 1 || is_shared(table)))
		drop_leaf(table, place->leaf);
	else if (are_sparse(table, place->leaf))
		merge_leaves(table, place->leaf);
	else if (place->leaf && are_sparse(table, place->leaf - 1))
		merge_leaves(table, place->leaf - 1);

	if (table->leaf_count == leaves)
		settle(table, place);
	else
		umd_dma_table_find(table, iova, place);
	umd_dma_epochs_turn(&table->epochs);
}

void umd_dma_table_finish(struct umd_dma_table *table)
{
	struct umd_dma_index *index = table->index;

	__atomic_store_n(&table->index, NULL, __ATOMIC_RELEASE);
	table->count = table->leaf_count = 0;
	umd_dma_epochs_turn(&table->epochs);
	for (size_t i = 0; index && i < index->count; i++)
		umd_dma_epochs_retire(&table->epochs, &index->entries[i].leaf->retired);
	if (index)
		umd_dma_epochs_retire(&table->epochs, &index->retired);
	umd_dma_epochs_collect(&table->epochs);
}
