/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mapping a region of a vfio-user device: its file comes with the region's description.
 *
 * Only shared memory is mapped: what its server could have us wait in, as a file system in user
 * space, is not, and the first call on the fd is one that asks no file system (base/foreign.h). A
 * file that its server could cut short would end us with SIGBUS; it has to be sealed against that,
 * or its mapping guarded. Files of huge pages are left out: their mappings cannot be parted by
 * pages, and touching one that is not there yet may find that there are none.
 */
#include "driver/vfio_user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/foreign.h"

static int check_file(int fd, uint64_t end, bool guarded)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs fs;
	struct stat st;

	if (seals < 0 || (!guarded && !(seals & F_SEAL_SHRINK)))
		return -ENOTSUP;
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (fs.f_type != TMPFS_MAGIC)
		return -ENOTSUP;
	return (uint64_t)st.st_size < end ? -EPROTO : 0;
}

int umd_vfio_user_map_region(struct umd_driver *driver, unsigned int index, uint64_t offset,
			     size_t bytes, int prot, void **ret)
{
	struct umd_driver_region region;
	cleanup_foreign int fd = -1;
	uint64_t at, end;
	void *address;
	int err = umd_vfio_user_get_region_file(driver, index, &region, &fd);

	if (err)
		return err;
	if (fd < 0)
		return -ENOTSUP;
	if (__builtin_add_overflow(region.mmap_offset, offset, &at) ||
	    __builtin_add_overflow(at, bytes, &end) || end > INT64_MAX)
		return -EPROTO;
	err = check_file(fd, end, driver->guards);
	if (err)
		return err;

	address = mmap(NULL, bytes, prot, MAP_SHARED, fd, (off_t)at);
	if (address == MAP_FAILED)
		return -errno;
	*ret = address;
	return 0;
}
