/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA address spaces: what of somebody's memory a device may touch, and the use of it from threads.
 *
 * A space leads from IOVA, the addresses that a driver gives to a device, to memory of this
 * process. A served device has a space that its client fills (umd_device_space()); whoever holds
 * the table for somebody else, as a parent does for an instance, makes a space and fills it.
 *
 * A space belongs to one thread, the one that changes it; for a device's space that is the thread
 * of umd_server_dispatch(). Other threads, the engines that move data, look up through readers. A
 * lookup takes no lock, waits for nobody, and is safe however maps change meanwhile:
 *
 *	umd_dma_enter(reader);
 *	n = umd_dma_resolve(reader, iova, size, UMD_DMA_READ, segments, room);
 *	... use the segments, for as short as a copy takes ...
 *	umd_dma_leave(reader);
 *
 * or, for what takes longer, umd_dma_pin() and umd_dma_unpin().
 *
 * The rules of maps are those of the kernel's type1 driver, version 2 (drivers/vfio/
 * vfio_iommu_type1.c): maps are whole pages of 4 KiB and never overlap; an unmap removes every map
 * that lies wholly inside its range, holes are fine, and one that would cut a map is refused.
 *
 * A map that is removed is hidden from lookups at once. Whoever asked for it is told that it is
 * gone only when nobody uses its memory any more: no reader that was inside, and no pin.
 *
 * Errors are negative errnos, sizes and addresses are bytes.
 */
#ifndef UMDEV_DMA_H
#define UMDEV_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct umd_device;     /* umdev/device.h */
struct umd_dma_space;  /* IOVA to memory, for one owner */
struct umd_dma_reader; /* one thread's view of a space */

/*
 * What a map allows, and what an access needs. READ and WRITE are VFIO_DMA_MAP_FLAG_READ and _WRITE
 * (linux/vfio.h). EXECUTE and PRIVILEGED belong to requests with a PASID (PCI Express Base 5.0,
 * section 6.20.2): who executes needs a map that says so; a map that says PRIVILEGED is for
 * privileged requests only, as IOMMU_PRIV has it (linux/iommu.h), and these reach others, too.
 */
#define UMD_DMA_READ	   (1u << 0)
#define UMD_DMA_WRITE	   (1u << 1)
#define UMD_DMA_EXECUTE	   (1u << 2)
#define UMD_DMA_PRIVILEGED (1u << 3)

/* ---- Spaces -------------------------------------------------------------------------------- */

/** The owner of a space that has none: that of a device as a whole, for requests without PASID. */
#define UMD_DMA_NO_OWNER UINT32_MAX

struct umd_dma_space_options {
	size_t size;		   /* sizeof(struct umd_dma_space_options) */
	uint32_t owner;		   /* the tag it keeps for life: a PASID, a VM's id */
	uint32_t max_maps;	   /* 0: 65535 */
	uint64_t max_mapped_bytes; /* 0: no limit */
	uint64_t max_pinned_bytes; /* by umd_dma_pin(); 0: no limit, and pins cost less */
};

/** Makes an empty space, whose changes are the caller's. @return 0; -EINVAL; -ENOMEM; -EMFILE */
int umd_dma_space_create(const struct umd_dma_space_options *options, struct umd_dma_space **ret);

/**
 * Ends a space that umd_dma_space_create() made. Its readers have been destroyed and its pins have
 * ended. NULL is allowed.
 */
void umd_dma_space_destroy(struct umd_dma_space *space);

/** The space for requests of a device that carry no PASID. It lives as long as the device. */
struct umd_dma_space *umd_device_space(struct umd_device *device);

uint32_t umd_dma_space_owner(const struct umd_dma_space *space);

/** How a map's memory is reached. */
enum umd_dma_kind {
	UMD_DMA_BY_FD,	    /* it lies in a file of shmem or hugetlbfs: mapped once for all maps */
	UMD_DMA_BY_ADDRESS, /* it is memory of this process */
	UMD_DMA_BY_MESSAGE, /* only the client can move the bytes: umd_dma_start() */
	UMD_DMA_KINDS,
};

/** A map to make, or a range to unmap. */
struct umd_dma_change {
	bool unmap;
	uint64_t iova, size; /* multiples of 4096; an unmap of 0 and 0 is of everything */

	/* Of a map: */
	uint32_t prot; /* UMD_DMA_READ, UMD_DMA_WRITE, or both; and what a PASID's maps grant */
	enum umd_dma_kind kind;
	int fd;		 /* open for reading; stays the caller's */
	uint64_t offset; /* in the file; a multiple of 4096 */
	void *address;
};

/**
 * Makes changes in their order, up to the first that fails. What was unmapped is hidden, and may
 * still be in use: see umd_dma_space_mark().
 *
 * @param ret_done how many were made; may be NULL
 * @return 0, or why the change at *ret_done was refused, the first of these that applies: -EINVAL
 *	   for a bad kind, alignment or size; -EOVERFLOW for a range that wraps; -EINVAL for a bad
 *	   prot, and for an unmap that would cut a map; -EEXIST for a map that overlaps one; -ENOSPC
 *	   beyond max_maps; -ENOBUFS where too much that was unmapped is still in use; -ENOMEM
 *	   beyond max_mapped_bytes; -EINVAL for a misaligned offset or no address; -EOVERFLOW for
 *	   memory that wraps; -EMEDIUMTYPE for an fd that is neither shmem nor hugetlbfs, or that
 *	   cannot be read: anything else could make us wait; -EACCES for a map to be written in a
 *	   file that cannot; -ENOMEM; what mmap() returns
 */
int umd_dma_space_change(struct umd_dma_space *space, const struct umd_dma_change *changes,
			 size_t count, size_t *ret_done);

/**
 * Copies from the space's memory, or to it, on the space's thread. As umd_dma_read() and
 * umd_dma_write() of a device.
 *
 * @return 0; -EFAULT where the range is not mapped, not for this direction, or the memory behind it
 *	   is gone; -EREMOTE where it is reached by message only. On error, part may be copied
 */
int umd_dma_space_read(struct umd_dma_space *space, uint64_t iova, void *to, size_t size);
int umd_dma_space_write(struct umd_dma_space *space, uint64_t iova, const void *from, size_t size);

/**
 * A mark of now. What has been unmapped before it is used by nobody any more once
 * umd_dma_space_is_quiet(space, mark). Neither waits; umd_dma_space_fd() polls readable when asking
 * again makes sense, after umd_dma_space_is_quiet() has said no; -1 where there has been no reader
 * yet, and all is quiet. For a device's space the server does all this before it answers an unmap.
 */
uint64_t umd_dma_space_mark(const struct umd_dma_space *space);
bool umd_dma_space_is_quiet(struct umd_dma_space *space, uint64_t mark);
int umd_dma_space_fd(const struct umd_dma_space *space);

/**
 * Takes from those who still use what has been unmapped their memory: what is read or written
 * through their segments from now on is memory of nobody. For pins that do not end in time; they
 * still have to be unpinned. The memory of a file is taken as a whole: all segments in it are void,
 * also of other ranges and of other spaces of the client, and umd_dma_check() says so. Memory by
 * address cannot be taken away, nor can a transfer that the kernel has begun for a segment (by
 * O_DIRECT, io_uring or a socket) be stopped here: who began it cancels it.
 */
void umd_dma_space_revoke(struct umd_dma_space *space);

/* ---- Readers: looking up in other threads ------------------------------------------------- */

/**
 * Makes a reader of a space, on the space's thread, for another thread or the same. A reader is
 * used by one thread at a time. It is destroyed, on the space's thread again, before its space is:
 * for a device's space before umd_device_destroy() returns from ops.destroy().
 *
 * Making one installs a handler for SIGBUS, once for the process, unless UMD_DMA_READER_NO_SIGBUS:
 * memory that lies in a file whose owner has cut it short would end the process when it is touched.
 * The handler puts memory of nobody in its place, and umd_dma_check() tells of it; SIGBUS for any
 * other reason is passed on to the handler that was there before. A handler that the program
 * installs later has to do the same with ours, and the reader's thread must not block SIGBUS.
 * A system call that is given such memory fails with EFAULT instead, of which umd_dma_check() does
 * not tell.
 *
 * @return 0; -EINVAL for unknown flags; -ENOMEM; -EMFILE
 */
int umd_dma_reader_create(struct umd_dma_space *space, unsigned int flags,
			  struct umd_dma_reader **ret);
#define UMD_DMA_READER_NO_SIGBUS (1u << 0)

/** NULL is allowed. Pins made through the reader stay. */
void umd_dma_reader_destroy(struct umd_dma_reader *reader);

/** A piece of memory that a range leads to. */
struct umd_dma_segment {
	uint8_t *base;
	size_t size;	 /* bytes; never 0 */
	void *own, *pin; /* the library's */
};

/**
 * Between the two, what umd_dma_resolve() returned stays valid. Not nested, and for no longer than
 * a copy takes: an unmap is answered later for it. Waiting inside is wrong.
 */
void umd_dma_enter(struct umd_dma_reader *reader);
void umd_dma_leave(struct umd_dma_reader *reader);

/**
 * Finds the memory of [iova, iova + size - 1]; between enter and leave only. No bytes, no segments.
 *
 * @param prot what all of it must allow
 * @param ret_segments mean nothing after an error
 * @param room for so many segments: one for each map that the range crosses
 * @return how many there are, or what is wrong with the first map that is not as it should be:
 *	   -ENODEV while the device may not master the bus, or is gone; -EFAULT where something
 *	   is not mapped, or not for that; -EREMOTE where it is reached by message only; -E2BIG
 *	   where there are more than room
 */
int umd_dma_resolve(struct umd_dma_reader *reader, uint64_t iova, size_t size, uint32_t prot,
		    struct umd_dma_segment *ret_segments, unsigned int room);

/**
 * Marks a range as written, for the dirty log: after the bytes were written, and before
 * umd_dma_leave(). A counted pin for writing does so by itself.
 */
void umd_dma_mark(struct umd_dma_reader *reader, uint64_t iova, size_t size);

/**
 * Whether the memory of segments was there all the time: to be asked after it was used, before
 * umd_dma_leave() or umd_dma_unpin(). 0; -EFAULT where some of it was cut off or taken away.
 */
int umd_dma_check(const struct umd_dma_segment *segments, unsigned int count);

/**
 * As umd_dma_resolve(), outside of enter and leave, and valid until umd_dma_unpin(), whatever is
 * unmapped meanwhile. Who asked for the unmap is answered when the pin ends; after a second
 * without, the device is reset and the pin revoked (umd_dma_space_revoke()).
 *
 * @param prot with UMD_DMA_WRITE the pages count as written for as long as they are pinned
 * @return as umd_dma_resolve(); -ENOMEM beyond the limit of pinned bytes; -ENOSPC beyond 64512 pins
 *	   in a space
 */
int umd_dma_pin(struct umd_dma_reader *reader, uint64_t iova, size_t size, uint32_t prot,
		struct umd_dma_segment *ret_segments, unsigned int room);

/** Ends pins, in any thread, once each. The space still exists. */
void umd_dma_unpin(const struct umd_dma_segment *segments, unsigned int count);

#ifdef __cplusplus
}
#endif
#endif
