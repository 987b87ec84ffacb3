/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"

#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027 /* linux/fcntl.h: whether two fds are one file description */
#endif

/* What an fd leads to. */
struct identity {
	dev_t device;
	ino_t inode;
	bool writable;
	uint64_t size;
	uint64_t block; /* mappings are multiples of it: the page size, also of huge pages */
};

static int identify(int fd, struct identity *id)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	int flags;

	if (seals < 0)
		return -EMEDIUMTYPE;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY || fstat(fd, &st) < 0)
		return -EMEDIUMTYPE;

	*id = (struct identity){
		.device = st.st_dev,
		.inode = st.st_ino,
		.writable = (flags & O_ACCMODE) == O_RDWR &&
			    !(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)),
		.size = (uint64_t)st.st_size,
		.block = st.st_blksize > 0 ? (uint64_t)st.st_blksize : 4096,
	};
	return 0;
}

static struct umd_dma_file **bucket(struct umd_dma_files *files, ino_t inode)
{
	return &files->buckets[inode % UMD_DMA_FILE_BUCKETS];
}

static struct umd_dma_file *find(struct umd_dma_files *files, const struct identity *id,
				 uint64_t end)
{
	for (struct umd_dma_file *file = *bucket(files, id->inode); file; file = file->next) {
		if (file->inode == id->inode && file->device == id->device &&
		    file->writable == id->writable && file->memory.length >= end &&
		    !umd_dma_memory_is_lost(&file->memory))
			return file;
	}
	return NULL;
}

/* ---- Addresses ----------------------------------------------------------------------------- */

static uint64_t taken_bytes; /* in any thread */

static int take_addresses(size_t length)
{
	if (__atomic_add_fetch(&taken_bytes, length, __ATOMIC_RELAXED) <= UMD_DMA_FILE_BYTES_MAX)
		return 0;
	__atomic_sub_fetch(&taken_bytes, length, __ATOMIC_RELAXED);
	return -ENOMEM;
}

static void give_addresses(size_t length)
{
	__atomic_sub_fetch(&taken_bytes, length, __ATOMIC_RELAXED);
}

void umd_dma_file_unmap(uint8_t *base, size_t length)
{
	munmap(base, length);
	give_addresses(length);
}

/* mremap() of no bytes makes another mapping of the same file (mremap(2)); not of huge pages. */
uint8_t *umd_dma_file_map_again(const struct umd_dma_file *file)
{
	void *again;

	if (take_addresses(file->memory.length))
		return NULL;
	again = mremap(file->memory.base, 0, file->memory.length, MREMAP_MAYMOVE);
	if (again != MAP_FAILED)
		return again;
	give_addresses(file->memory.length);
	return NULL;
}

/* ---- Mapping ------------------------------------------------------------------------------- */

static int map_addresses(struct umd_dma_memory *memory, int fd, bool writable)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	int err = take_addresses(memory->length);

	if (err)
		return err;
	memory->base = mmap(NULL, memory->length, prot, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (memory->base != MAP_FAILED)
		return 0;
	err = -errno;
	give_addresses(memory->length);
	return err;
}

static int keep_fd(struct umd_dma_files *files, struct umd_dma_file *file, int fd)
{
	file->fd = files->keeps ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	return files->keeps && file->fd < 0 ? -errno : 0;
}

/* Maps the file of `id`, whose fields are set, and guards it. */
static int map_memory(struct umd_dma_file *file, int fd, const struct identity *id)
{
	struct umd_dma_memory *memory = &file->memory;
	int err = map_addresses(memory, fd, id->writable);

	if (err)
		return err;
	memory->guard = (struct umd_dma_guard){.base = memory->base,
					       .length = memory->length,
					       .block = (size_t)id->block,
					       .writable = id->writable,
					       .lost = &memory->lost};
	err = umd_dma_guard_add(&memory->guard);
	if (err)
		umd_dma_file_unmap(memory->base, memory->length);
	return err;
}

static int map_file(struct umd_dma_files *files, int fd, const struct identity *id, uint64_t end,
		    struct umd_dma_file **ret)
{
	uint64_t length = end > id->size ? end : id->size;
	struct umd_dma_file *file;
	int err;

	if (__builtin_add_overflow(length, id->block - 1, &length) || length > SIZE_MAX / 2)
		return -ENOMEM;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;

	file->memory.way = umd_dma_ways[UMD_DMA_BY_FD];
	file->memory.length = (size_t)(length / id->block * id->block);
	file->device = id->device;
	file->inode = id->inode;
	file->writable = id->writable;
	err = keep_fd(files, file, fd);
	if (!err)
		err = map_memory(file, fd, id);
	if (err) {
		umd_close(&file->fd);
		free(file);
		return err;
	}
	file->next = *bucket(files, id->inode);
	*bucket(files, id->inode) = file;
	files->idle++;
	*ret = file;
	return 0;
}

/* ---- Descriptions seen lately -------------------------------------------------------------- */

static void forget_slot(struct umd_dma_recent *slot)
{
	umd_close(&slot->fd);
	slot->file = NULL;
}

static void move_to_front(struct umd_dma_files *files, unsigned int slot)
{
	struct umd_dma_recent front = files->recent[slot];

	memmove(&files->recent[1], &files->recent[0], slot * sizeof(front));
	files->recent[0] = front;
}

/* Same file description, same file and access mode. Kernels before 6.10 cannot say: EINVAL. */
static struct umd_dma_file *find_recent(struct umd_dma_files *files, int fd)
{
	for (unsigned int i = 0; i < UMD_DMA_FILE_RECENT && files->recent[i].file; i++) {
		if (fcntl(fd, F_DUPFD_QUERY, files->recent[i].fd) != 1)
			continue;
		move_to_front(files, i);
		return files->recent[0].file;
	}
	return NULL;
}

/* Keeps a duplicate of the fd, where there is room for one in the process. */
static void remember(struct umd_dma_files *files, int fd, struct umd_dma_file *file)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct umd_dma_recent *last = &files->recent[UMD_DMA_FILE_RECENT - 1];

	if (copy < 0)
		return;
	if (last->file)
		forget_slot(last);
	move_to_front(files, UMD_DMA_FILE_RECENT - 1);
	files->recent[0] = (struct umd_dma_recent){.fd = copy, .file = file};
}

static void forget(struct umd_dma_files *files, const struct umd_dma_file *file)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < UMD_DMA_FILE_RECENT; i++) {
		if (files->recent[i].file == file)
			forget_slot(&files->recent[i]);
		else
			files->recent[kept++] = files->recent[i];
	}
	while (kept < UMD_DMA_FILE_RECENT)
		files->recent[kept++].file = NULL;
}

/* ---- References ---------------------------------------------------------------------------- */

/* Finds or maps the file of an fd not seen lately. */
static int open_file(struct umd_dma_files *files, int fd, uint64_t end, bool writable,
		     struct umd_dma_file **ret)
{
	struct identity id;
	int err = identify(fd, &id);

	if (err)
		return err;
	if (writable && !id.writable)
		return -EACCES;

	*ret = find(files, &id, end);
	if (!*ret)
		err = map_file(files, fd, &id, end, ret);
	if (err == -ENOMEM && files->idle) { /* those may be what is in the way */
		umd_dma_files_drop_idle(files);
		err = map_file(files, fd, &id, end, ret);
	}
	if (!err)
		remember(files, fd, *ret);
	return err;
}

int umd_dma_files_get(struct umd_dma_files *files, int fd, uint64_t end, bool writable,
		      struct umd_dma_file **ret)
{
	struct umd_dma_file *file = find_recent(files, fd);
	int err;

	if (!file || file->memory.length < end || umd_dma_memory_is_lost(&file->memory)) {
		err = open_file(files, fd, end, writable, &file);
		if (err)
			return err;
	}
	if (writable && !file->writable)
		return -EACCES;

	if (file->memory.refs++ == 0)
		files->idle--;
	*ret = file;
	return 0;
}

static void unmap_file(struct umd_dma_files *files, struct umd_dma_file *file)
{
	struct umd_dma_file **at = bucket(files, file->inode);

	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	forget(files, file);
	umd_dma_guard_remove(&file->memory.guard);
	umd_dma_file_unmap(file->memory.base, file->memory.length);
	umd_close(&file->fd);
	free(file);
}

void umd_dma_files_put(struct umd_dma_files *files, struct umd_dma_file *file)
{
	if (--file->memory.refs)
		return;
	if (files->idle < UMD_DMA_FILE_IDLE && !umd_dma_memory_is_lost(&file->memory))
		files->idle++;
	else
		unmap_file(files, file);
}

void umd_dma_files_drop_idle(struct umd_dma_files *files)
{
	for (unsigned int i = 0; i < UMD_DMA_FILE_BUCKETS && files->idle; i++) {
		struct umd_dma_file *next;

		for (struct umd_dma_file *file = files->buckets[i]; file; file = next) {
			next = file->next;
			if (file->memory.refs)
				continue;
			unmap_file(files, file);
			files->idle--;
		}
	}
}
