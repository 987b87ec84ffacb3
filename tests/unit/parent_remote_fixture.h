/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A parent that is dispatched by a thread of its own and listens at a path, with one owner's link
 * to it through the socket.
 */
#ifndef PARENT_REMOTE_FIXTURE_H
#define PARENT_REMOTE_FIXTURE_H

#include "parent_fixture.h"

#include <pthread.h>
#include <stdio.h>

#define PAGE 4096u

struct served {
	struct rig rig;
	pthread_t thread;
	bool runs;
	bool stop; /* atomic */
	char dir[32], path[48];
	struct umd_link *link;
};

static inline void *served_run(void *data)
{
	struct served *served = data;

	while (!__atomic_load_n(&served->stop, __ATOMIC_RELAXED))
		umd_parent_dispatch(served->rig.parent, 10);
	return NULL;
}

/* The parent's thread begins; until it is stopped, the parent is its. */
static inline void served_go(struct served *served)
{
	served->stop = false;
	assert_int_equal(pthread_create(&served->thread, NULL, served_run, served), 0);
	served->runs = true;
}

static inline void served_halt(struct served *served)
{
	if (!served->runs)
		return;
	__atomic_store_n(&served->stop, true, __ATOMIC_RELAXED);
	pthread_join(served->thread, NULL);
	served->runs = false;
}

static inline void served_start(struct served *served, const struct umd_owner *owner)
{
	*served = (struct served){.stop = false};
	rig_init(&served->rig);
	strcpy(served->dir, "/tmp/parent-XXXXXX");
	assert_non_null(mkdtemp(served->dir));
	snprintf(served->path, sizeof(served->path), "%s/socket", served->dir);
	assert_int_equal(umd_parent_listen(served->rig.parent, served->path, owner), 0);
	served_go(served);
}

static inline void served_connect(struct served *served)
{
	struct umd_error error = {.code = 0};

	if (umd_link_connect(served->path, &served->link, &error) < 0)
		fail_msg("%s", error.text);
}

static inline void served_stop(struct served *served)
{
	umd_link_close(served->link);
	served_halt(served);
	rig_finish(&served->rig);
	assert_int_equal(access(served->path, F_OK), -1);
	assert_int_equal(rmdir(served->dir), 0);
}

/* Dispatches the link until a condition holds, for five seconds at most. */
#define await(link, condition)                                                              \
	do {                                                                                \
		for (int ms_ = 0; !(condition) && ms_ < 5000; ms_++) {                      \
			struct pollfd ready_ = {.fd = umd_link_fd(link), .events = POLLIN}; \
			poll(&ready_, 1, 1);                                                \
			umd_link_dispatch(link);                                            \
		}                                                                           \
		assert_true(condition);                                                     \
	} while (0)

static inline int make_memory(size_t size)
{
	int fd = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static inline struct umd_dma_change map_change(uint64_t iova, uint64_t size, int fd,
					       uint64_t offset)
{
	return (struct umd_dma_change){.iova = iova,
				       .size = size,
				       .prot = UMD_DMA_READ | UMD_DMA_WRITE,
				       .kind = UMD_DMA_BY_FD,
				       .fd = fd,
				       .offset = offset};
}

static inline struct umd_dma_change unmap_change(uint64_t iova, uint64_t size)
{
	return (struct umd_dma_change){.unmap = true, .iova = iova, .size = size};
}

static inline int map(struct umd_link *link, uint64_t iova, uint64_t size, int fd, uint64_t offset)
{
	const struct umd_dma_change change = map_change(iova, size, fd, offset);

	return umd_link_change(link, &change, 1, NULL, NULL);
}

static inline int unmap(struct umd_link *link, uint64_t iova, uint64_t size)
{
	const struct umd_dma_change change = unmap_change(iova, size);

	return umd_link_change(link, &change, 1, NULL, NULL);
}

static inline struct umd_parent_info get_info(struct umd_link *link)
{
	struct umd_parent_info info = {.size = sizeof(info)};

	assert_int_equal(umd_link_get_info(link, &info), 0);
	return info;
}

#endif
