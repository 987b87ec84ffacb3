/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory made for DMA: a memfd that can be neither shrunk nor grown, so that whoever it is shared
 * with cannot make an access of ours end the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <umdev/driver.h>

#include "base/export.h"
#include "base/fd.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The file's block size is its page size, of hugetlbfs too. */
static int get_page_size(int fd, unsigned int flags, size_t *ret)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return -errno;
	*ret = flags & UMD_DRIVER_BUFFER_HUGE ? (size_t)stat.st_blksize
					      : (size_t)sysconf(_SC_PAGESIZE);
	return 0;
}

/* Pages of hugetlbfs are set aside now, or not at all; those of shmem come with their first use. */
static int fill(struct umd_driver_buffer *buffer)
{
	if (ftruncate(buffer->fd, (off_t)buffer->bytes) < 0 ||
	    fcntl(buffer->fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;

	buffer->address =
		mmap(NULL, buffer->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, buffer->fd, 0);
	return buffer->address == MAP_FAILED ? -errno : 0;
}

static int open_file(size_t bytes, unsigned int flags, struct umd_driver_buffer *buffer)
{
	unsigned int huge = flags & UMD_DRIVER_BUFFER_HUGE ? MFD_HUGETLB : 0;
	size_t page = 0;
	int err;

	buffer->fd = memfd_create("umdev-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING | huge);
	if (buffer->fd < 0)
		return huge && errno != EMFILE && errno != ENFILE ? -ENOMEM : -errno;

	err = get_page_size(buffer->fd, flags, &page);
	if (err)
		return err;
	if (bytes > (size_t)PTRDIFF_MAX - page)
		return -ENOMEM;
	buffer->bytes = (bytes + page - 1) & ~(page - 1);
	return fill(buffer);
}

UMD_EXPORT int umd_driver_buffer_create(size_t bytes, unsigned int flags,
					struct umd_driver_buffer **ret)
{
	struct umd_driver_buffer *buffer;
	int err;

	if (!bytes || (flags & ~UMD_DRIVER_BUFFER_HUGE))
		return -EINVAL;
	buffer = calloc(1, sizeof(*buffer));
	if (!buffer)
		return -ENOMEM;

	err = open_file(bytes, flags, buffer);
	if (err) {
		umd_close(&buffer->fd);
		free(buffer);
		return err;
	}
	*ret = buffer;
	return 0;
}

UMD_EXPORT void umd_driver_buffer_destroy(struct umd_driver_buffer *buffer)
{
	if (!buffer)
		return;
	munmap(buffer->address, buffer->bytes);
	umd_close(&buffer->fd);
	free(buffer);
}
