/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands behind an open device: one table of operations for each scheme of a URI. The public
 * calls check what a caller gives, so a backend gets indexes that the device has, ranges that do
 * not wrap, and transfers of at most max_transfer bytes. A backend checks what its peer answers.
 */
#ifndef UMD_DRIVER_BACKEND_H
#define UMD_DRIVER_BACKEND_H

#include <umdev/driver.h>

/* What becomes of some of the vectors of an interrupt index. */
struct umd_driver_irq_set {
	uint32_t flags; /* VFIO_IRQ_SET_DATA_NONE or _EVENTFD, and an action (linux/vfio.h) */
	unsigned int index, start, count;
	const int *fds; /* _EVENTFD: of each vector; NULL, or -1 of one: none any more */
};

struct umd_driver_backend {
	const char *scheme;

	/* Opens what stands behind the colon. `options` is complete. */
	int (*open)(const char *address, const struct umd_driver_options *options,
		    struct umd_driver **ret, struct umd_error *error);
	void (*close)(struct umd_driver *driver);

	/* Up to UMD_DRIVER_AREAS_MAX areas. */
	int (*get_region)(struct umd_driver *driver, unsigned int index,
			  struct umd_driver_region *ret, struct umd_driver_area *areas);
	int (*get_irq)(struct umd_driver *driver, unsigned int index, struct umd_driver_irq *ret);
	int (*read)(struct umd_driver *driver, unsigned int index, uint64_t offset, void *to,
		    size_t size);
	int (*write)(struct umd_driver *driver, unsigned int index, uint64_t offset,
		     const void *from, size_t size);
	int (*reset)(struct umd_driver *driver);

	/* What the device is called. */
	const char *(*get_name)(const struct umd_driver *driver);

	/*
	 * Maps a part of an area with mmap(), with just this protection (PROT_READ, PROT_WRITE);
	 * bytes are whole pages. Unmapped by munmap(). NULL: no region can be mapped.
	 */
	int (*map_region)(struct umd_driver *driver, unsigned int index, uint64_t offset,
			  size_t bytes, int prot, void **ret);

	/*
	 * DMA; NULL: there is none. The map has its IOVA, which overlaps no other. A backend keeps
	 * nothing of a map but what the device's side keeps. Ranges: up to UMD_DRIVER_AREAS_MAX,
	 * ascending. The limits are asked for once, and page_sizes has none below 4096.
	 */
	int (*get_dma_limits)(struct umd_driver *driver, struct umd_driver_dma_limits *ret,
			      struct umd_driver_dma_range *ranges);
	int (*map_dma)(struct umd_driver *driver, const struct umd_driver_dma *dma);
	int (*unmap_dma)(struct umd_driver *driver, const struct umd_driver_dma *dma);

	/* Before the first map under a PASID, and after the last; NULL: there is no such step. */
	int (*attach_pasid)(struct umd_driver *driver, uint32_t pasid);
	int (*detach_pasid)(struct umd_driver *driver, uint32_t pasid);

	/*
	 * At most UMD_DRIVER_DIRTY_RANGES_MAX ranges; none that is all addresses. The bitmap to
	 * report to is zeroed. NULL: there is no log.
	 */
	int (*start_dirty)(struct umd_driver *driver, const struct umd_driver_dma_range *ranges,
			   unsigned int count, uint64_t page_size);
	int (*stop_dirty)(struct umd_driver *driver);
	int (*report_dirty)(struct umd_driver *driver, uint64_t iova, uint64_t bytes,
			    uint64_t page_size, uint64_t *bitmap);

	/*
	 * Connects anew, of a device with UMD_DRIVER_CAN_RECONNECT; maps and interrupts are the
	 * caller's to set up again, or disconnect() if they cannot be. 0; -EISCONN; -ESTALE; what
	 * open() returns. NULL: cannot.
	 */
	int (*reconnect)(struct umd_driver *driver);
	void (*disconnect)(struct umd_driver *driver);

	/* With fds, at most limits.max_msg_fds of them and none that is -1. */
	int (*set_irqs)(struct umd_driver *driver, const struct umd_driver_irq_set *set);

	/* -1 is no wake-up. -ENOTTY where the device has no such thing. */
	int (*enter_low_power)(struct umd_driver *driver, int wakeup_fd);
	int (*exit_low_power)(struct umd_driver *driver);

	/* An fd whose hang-up says that the device is gone; -ENOTTY: none; -ENODEV: it is. */
	int (*link_fd)(const struct umd_driver *driver);

	/*
	 * Does what has come up besides the driver's calls, inside umd_driver_next_event(), and
	 * waits for nothing. Returns what link_fd() is to be watched for until the next time:
	 * EPOLLIN, EPOLLOUT. NULL: nothing ever does.
	 */
	uint32_t (*dispatch)(struct umd_driver *driver);

	/*
	 * Whether the device is still there: asked without waiting for the answer, and heard when
	 * link_fd() is readable, umd_driver_events_nudge() was called, or timeout_ms are over.
	 * Between the two, all other operations work. It neither changes nor wakes the device.
	 *
	 * ask_presence() returns 0, or -ENODEV; hear_presence() these, or -EAGAIN for no answer
	 * yet.
	 */
	int (*ask_presence)(struct umd_driver *driver);
	int (*hear_presence)(struct umd_driver *driver);
};

struct umd_driver_dmas;
struct umd_driver_events;
struct umd_driver_vectors;
struct umd_driver_windows;

/* The beginning of every backend's own struct, filled in by its open(). */
struct umd_driver {
	const struct umd_driver_backend *backend;
	struct umd_driver_limits limits;
	struct umd_driver_info info;
	size_t max_transfer;		  /* bytes that one read() or write() takes, at least 8 */
	int timeout_ms;			  /* of each message */
	struct umd_driver_events *events; /* NULL: not enabled (events.h) */
	struct umd_driver_dmas *dma;	  /* NULL: nothing mapped yet (dma.h) */
	bool gone;			  /* as far as is known: umd_driver_events_gone() */
	bool guards;			  /* UMD_DRIVER_GUARD_REGIONS */
	bool reconnects;		  /* UMD_DRIVER_CAN_RECONNECT */
	bool stored; /* a mapped register was written, and none was read since */
	struct umd_driver_windows *windows; /* of each region; NULL: nothing mapped (mapping.h) */
	struct umd_driver_vectors *vectors; /* of each interrupt index; NULL: none set (irqs.h) */
};

extern const struct umd_driver_backend umd_vfio_user_backend;
extern const struct umd_driver_backend umd_fake_backend;
extern const struct umd_driver_backend umd_kernel_pci_backend;
extern const struct umd_driver_backend umd_kernel_group_backend;
extern const struct umd_driver_backend umd_kernel_cdev_backend;
extern const struct umd_driver_backend umd_fd_backend;

/* Copies a struct of our size into the caller's, whose size it says. 0 or -EINVAL. */
int umd_driver_give(void *to, const void *from, size_t size);

/*
 * Copies a caller's struct into ours; what the caller does not know of becomes zero. -EINVAL for a
 * size that cannot be, and where a newer caller asks for what is not known.
 */
int umd_driver_take(void *to, const void *from, size_t size);

/*
 * Sets vectors in as many steps as their fds need; on error part of it may be done. An index with
 * UMD_DRIVER_IRQ_NORESIZE is to be set as a whole and without fds first, where one step may not do.
 *
 * 0; -EINVAL for vectors that no index has; -EOPNOTSUPP where no fds can be handed over.
 */
int umd_driver_set_irqs(struct umd_driver *driver, const struct umd_driver_irq_set *set);

/* The bytes of config space from its beginning, as many as there are up to `max`. */
int umd_driver_read_config(struct umd_driver *driver, uint8_t *to, size_t max, size_t *ret_size);

#endif
