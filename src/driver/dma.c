/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public calls for DMA maps: what a caller gives is checked, each map gets its place in a space
 * of IOVAs, and the backend is told.
 */
#include "driver/dma.h"

#include <errno.h>
#include <stdlib.h>

#include "base/export.h"
#include "base/range.h"
#include "driver/files.h"
#include "driver/iova.h"

#define DIRECTIONS (UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE)
#define FLAGS	   (DIRECTIONS | UMD_DRIVER_DMA_FIXED | UMD_DRIVER_DMA_PASID)
#define PAGE_SHIFT 12 /* of the smallest page that there is */

struct space {
	struct umd_iova iova;
	uint32_t pasid;
	unsigned int maps;  /* in it */
	struct space *next; /* of PASIDs */
};

struct umd_driver_map {
	struct umd_iova_node node; /* first, so that a node is its map */
	struct umd_driver_map *previous, *next;
	struct space *space;
	struct umd_driver_file *file; /* NULL: none, or not kept */
	struct umd_driver_dma dma;    /* with its IOVA, and the kept file's fd */
};

struct umd_driver_dmas {
	struct umd_driver_dma_limits limits;
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	struct space space; /* the device's own */
	struct space *pasids;
	struct umd_driver_map *first, *last; /* in the order they were made */
	uint64_t count;
	struct umd_driver_files files;
};

/* ---- What there is ------------------------------------------------------------------------- */

static int get_limits(struct umd_driver *driver, struct umd_driver_dma_limits *ret,
		      struct umd_driver_dma_range *ranges)
{
	int err;

	if (!driver->backend->get_dma_limits)
		return -EOPNOTSUPP;

	err = driver->backend->get_dma_limits(driver, ret, ranges);
	if (!err)
		ret->size = sizeof(*ret);
	return err;
}

/* Of the smallest page. */
static unsigned int shift_of(const struct umd_driver_dma_limits *limits)
{
	return (unsigned int)__builtin_ctzll(limits->page_sizes | UINT64_C(1) << 63);
}

static int begin(struct umd_driver *driver)
{
	struct umd_driver_dmas *dmas;
	int err;

	if (driver->dma)
		return 0;
	dmas = calloc(1, sizeof(*dmas));
	if (!dmas)
		return -ENOMEM;

	err = get_limits(driver, &dmas->limits, dmas->ranges);
	if (!err && shift_of(&dmas->limits) < PAGE_SHIFT)
		err = -EPROTO;
	if (err) {
		free(dmas);
		return err;
	}
	umd_iova_init(&dmas->space.iova, shift_of(&dmas->limits), dmas->ranges,
		      dmas->limits.ranges);
	driver->dma = dmas;
	return 0;
}

UMD_EXPORT int umd_driver_get_dma_limits(struct umd_driver *driver,
					 struct umd_driver_dma_limits *ret)
{
	int err = begin(driver);

	return err ? err : umd_driver_give(ret, &driver->dma->limits, sizeof(*ret));
}

UMD_EXPORT int umd_driver_get_dma_ranges(struct umd_driver *driver,
					 struct umd_driver_dma_range *ranges, unsigned int max,
					 unsigned int *ret_count)
{
	int err = begin(driver);

	if (err)
		return err;

	for (unsigned int i = 0; i < driver->dma->limits.ranges && i < max; i++)
		ranges[i] = driver->dma->ranges[i];
	*ret_count = driver->dma->limits.ranges;
	return 0;
}

/* ---- Spaces -------------------------------------------------------------------------------- */

static struct space *find_pasid(const struct umd_driver_dmas *dmas, uint32_t pasid)
{
	struct space *space = dmas->pasids;

	while (space && space->pasid != pasid)
		space = space->next;
	return space;
}

static int attach(struct umd_driver *driver, uint32_t pasid, struct space **ret)
{
	struct umd_driver_dmas *dmas = driver->dma;
	struct space *space = calloc(1, sizeof(*space));
	int err = 0;

	if (!space)
		return -ENOMEM;
	if (driver->backend->attach_pasid)
		err = driver->backend->attach_pasid(driver, pasid);
	if (err) {
		free(space);
		return err;
	}
	umd_iova_init(&space->iova, shift_of(&dmas->limits), dmas->ranges, dmas->limits.ranges);
	space->pasid = pasid;
	space->next = dmas->pasids;
	dmas->pasids = space;
	*ret = space;
	return 0;
}

/* The space of a PASID that has no maps any more. */
static int detach(struct umd_driver *driver, struct space *space)
{
	struct space **at = &driver->dma->pasids;
	uint32_t pasid = space->pasid;

	while (*at != space)
		at = &(*at)->next;
	*at = space->next;
	free(space);
	return driver->backend->detach_pasid ? driver->backend->detach_pasid(driver, pasid) : 0;
}

static int get_space(struct umd_driver *driver, const struct umd_driver_dma *dma,
		     struct space **ret)
{
	struct umd_driver_dmas *dmas = driver->dma;

	if (!(dma->flags & UMD_DRIVER_DMA_PASID)) {
		*ret = &dmas->space;
		return 0;
	}
	if (!(dmas->limits.flags & UMD_DRIVER_DMA_HAS_PASID))
		return -EOPNOTSUPP;
	*ret = find_pasid(dmas, dma->pasid);
	return *ret ? 0 : attach(driver, dma->pasid, ret);
}

static int leave_space(struct umd_driver *driver, struct space *space)
{
	return space == &driver->dma->space || space->maps ? 0 : detach(driver, space);
}

/* ---- Maps ---------------------------------------------------------------------------------- */

static void append(struct umd_driver_dmas *dmas, struct umd_driver_map *map)
{
	map->previous = dmas->last;
	*(dmas->last ? &dmas->last->next : &dmas->first) = map;
	dmas->last = map;
	map->space->maps++;
	dmas->count++;
}

static void take_out(struct umd_driver_dmas *dmas, struct umd_driver_map *map)
{
	*(map->previous ? &map->previous->next : &dmas->first) = map->next;
	*(map->next ? &map->next->previous : &dmas->last) = map->previous;
	map->space->maps--;
	dmas->count--;
}

/* What stands in a map's way whatever is mapped already. */
static int check(const struct umd_driver_dmas *dmas, const struct umd_driver_dma *dma)
{
	uint64_t rest = (UINT64_C(1) << shift_of(&dmas->limits)) - 1;
	uint64_t offset = dma->fd >= 0 ? dma->fd_offset : 0;
	uint64_t iova = dma->flags & UMD_DRIVER_DMA_FIXED ? dma->iova : 0;

	if ((dma->flags & ~FLAGS) || !(dma->flags & DIRECTIONS) || !dma->address || !dma->bytes ||
	    ((dma->bytes | offset | iova | (uintptr_t)dma->address) & rest))
		return -EINVAL;
	if (dma->bytes - 1 > UINTPTR_MAX - (uintptr_t)dma->address || offset > INT64_MAX ||
	    dma->bytes > INT64_MAX - offset)
		return -EINVAL;
	if (dma->bytes - 1 > UINT64_MAX - iova)
		return -ERANGE;
	return dmas->count >= dmas->limits.max_maps ? -ENOSPC : 0;
}

/* Takes the IOVA that is asked for, or chooses one. */
static int place(struct umd_driver_map *map)
{
	struct umd_iova *iova = &map->space->iova;
	uint64_t pages = map->dma.bytes >> iova->shift;
	int err = map->dma.flags & UMD_DRIVER_DMA_FIXED
			  ? umd_iova_reserve(iova, &map->node, map->dma.iova >> iova->shift, pages)
			  : umd_iova_choose(iova, &map->node, pages);

	if (!err)
		map->dma.iova = umd_iova_address(iova, &map->node);
	return err;
}

static int keep_file(struct umd_driver *driver, struct umd_driver_map *map)
{
	int err;

	if (!driver->reconnects || map->dma.fd < 0)
		return 0;

	err = umd_driver_files_get(&driver->dma->files, map->dma.fd, &map->file);
	if (!err)
		map->dma.fd = map->file->fd;
	return err;
}

/* Of a map that has its place. */
static void forget(struct umd_driver_dmas *dmas, struct umd_driver_map *map)
{
	umd_iova_release(&map->space->iova, &map->node);
	take_out(dmas, map);
	umd_driver_files_put(&dmas->files, map->file);
	free(map);
}

/* While the backend is told, the device can ask for the map's memory already. */
static int make_map(struct umd_driver *driver, struct umd_driver_map *map)
{
	int err = place(map);

	if (err) {
		free(map);
		return err;
	}
	append(driver->dma, map);
	err = keep_file(driver, map);
	if (!err)
		err = driver->backend->map_dma(driver, &map->dma);
	if (err)
		forget(driver->dma, map);
	return err;
}

UMD_EXPORT int umd_driver_dma_map(struct umd_driver *driver, const struct umd_driver_dma *dma,
				  struct umd_driver_map **ret, uint64_t *ret_iova)
{
	struct umd_driver_map *map;
	struct umd_driver_dma given;
	struct space *space;
	int err = umd_driver_take(&given, dma, sizeof(given));

	if (!err)
		err = dma->size < sizeof(given) ? -EINVAL : begin(driver);
	if (!err)
		err = check(driver->dma, &given);
	if (err)
		return err;

	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	err = get_space(driver, &given, &space);
	if (err) {
		free(map);
		return err;
	}
	map->space = space;
	map->dma = given;
	err = make_map(driver, map);
	if (err) {
		leave_space(driver, space);
		return err;
	}
	*ret = map;
	*ret_iova = map->dma.iova;
	return 0;
}

UMD_EXPORT int umd_driver_dma_unmap(struct umd_driver *driver, struct umd_driver_map *map)
{
	struct space *space = map->space;
	int err = driver->backend->unmap_dma(driver, &map->dma), left;

	forget(driver->dma, map);
	left = leave_space(driver, space);
	return err ? err : left;
}

/* ---- For the other files ------------------------------------------------------------------- */

const struct umd_driver_dma *umd_driver_dma_find(const struct umd_driver *driver, uint64_t iova)
{
	const struct umd_driver_map *map;

	if (!driver->dma)
		return NULL;
	map = (const struct umd_driver_map *)umd_iova_find(&driver->dma->space.iova,
							   iova >> driver->dma->space.iova.shift);
	return map ? &map->dma : NULL;
}

static int attach_all(struct umd_driver *driver)
{
	int err = 0;

	if (!driver->backend->attach_pasid)
		return 0;
	for (const struct space *space = driver->dma->pasids; space && !err; space = space->next)
		err = driver->backend->attach_pasid(driver, space->pasid);
	return err;
}

static bool is_enough(const struct umd_driver_dmas *dmas,
		      const struct umd_driver_dma_limits *limits)
{
	return limits->max_maps >= dmas->count && limits->page_sizes == dmas->limits.page_sizes &&
	       (!dmas->pasids || (limits->flags & UMD_DRIVER_DMA_HAS_PASID));
}

int umd_driver_dma_restore(struct umd_driver *driver)
{
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	struct umd_driver_dma_limits limits;
	int err;

	if (!driver->dma)
		return 0;

	err = get_limits(driver, &limits, ranges);
	if (err)
		return err;
	if (!is_enough(driver->dma, &limits))
		return -ESTALE;

	err = attach_all(driver);
	for (struct umd_driver_map *map = driver->dma->first; map && !err; map = map->next)
		err = driver->backend->map_dma(driver, &map->dma);
	if (!err)
		driver->dma->limits = limits;
	return err;
}

void umd_driver_dma_destroy(struct umd_driver *driver)
{
	struct umd_driver_dmas *dmas = driver->dma;

	if (!dmas)
		return;

	while (dmas->first)
		forget(dmas, dmas->first);
	while (dmas->pasids) {
		struct space *space = dmas->pasids;

		dmas->pasids = space->next;
		free(space);
	}
	free(dmas);
	driver->dma = NULL;
}
