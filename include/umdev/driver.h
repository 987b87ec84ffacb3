/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drive a PCI device from user space. A device is opened by its URI:
 *
 *	vfio-user:PATH          a device that a process serves on the Unix socket at PATH
 *	pci:DDDD:BB:DD.F        a device of this machine that is bound to vfio-pci (`umdev bind`)
 *	group:N/DDDD:BB:DD.F    the same by its VFIO group, /dev/vfio/N
 *	cdev:PATH               the same by its character device, /dev/vfio/devices/vfioN
 *	fd:N                    an open fd, a connected socket of vfio-user or a cdev that is not
 *				bound yet; taken over where it is opened, else still the caller's
 *	fake:NAME               a device of this process (umdev/fake.h)
 *
 * Every call that asks the device waits for its answer, and no longer than the timeout given to
 * umd_driver_open() for each message that it takes. Besides what a call names, it returns
 *
 *	-ETIMEDOUT  there was no answer in time
 *	-EPROTO     the answer breaks the protocol
 *	-ENODEV     the device is gone; also for all calls after one in which the exchange itself
 *	            failed (a timeout, an answer to another question), as later answers cannot be
 *	            told from late ones
 *	-errno      what the device answered
 *
 * Output parameters are written on success only. A struct that begins with `size` is known to the
 * library by its size: set it to sizeof() before the call. Members that a later version adds read
 * as zero where the library is older than the caller.
 *
 * Threads: a driver belongs to one thread at a time. Nothing here starts a thread but to close file
 * descriptors that a server has, too, and nothing installs a signal handler unless
 * UMD_DRIVER_GUARD_REGIONS asks for it.
 */
#ifndef UMDEV_DRIVER_H
#define UMDEV_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct umd_driver; /* a device, opened by its driver */

/* ---- Opening ------------------------------------------------------------------------------- */

#define UMD_DRIVER_TIMEOUT_MS 5000u

struct umd_driver_options {
	size_t size;		 /* sizeof(struct umd_driver_options) */
	unsigned int timeout_ms; /* for each message; 0: UMD_DRIVER_TIMEOUT_MS; at most INT_MAX */
	const char *sysfs;	 /* where sysfs is; NULL: "/sys" */
	const char *dev;	 /* where /dev is; NULL: "/dev" */
	unsigned int flags;	 /* UMD_DRIVER_GUARD_REGIONS, UMD_DRIVER_CAN_RECONNECT */
};

/*
 * Mapped regions are guarded: where their memory is taken away (a server cuts its file short, a
 * kernel device's memory decoding is off), the thread that touches it goes on with memory of nobody
 * instead of ending the process with SIGBUS, and umd_driver_read32() and its like return -EIO.
 * Installs a handler for SIGBUS, as umd_dma_reader_create() does (umdev/dma.h), with the same
 * conditions.
 */
#define UMD_DRIVER_GUARD_REGIONS (1u << 0)

/*
 * umd_driver_reconnect() may be called. What the device is gets remembered, so that opening it
 * takes a few messages more, and so do the files of DMA maps: a file descriptor for each file.
 */
#define UMD_DRIVER_CAN_RECONNECT (1u << 1)

/**
 * Opens a device. vfio-user: connects and negotiates the version; the device is as a reset left it.
 *
 * @param uri     "SCHEME:ADDRESS", see above
 * @param options NULL for the defaults
 * @param error   filled in with a sentence on failure; may be NULL
 * @return 0; -EPROTONOSUPPORT for a scheme that is not known; -EINVAL for a bad URI or option;
 *         -ENAMETOOLONG for a socket path beyond 107 bytes; -ENOMEM; what connect() returns
 *         (-ENOENT, -ECONNREFUSED, -EACCES); -EBUSY while the device serves another driver, or
 *         -ENODEV where the server says so by hanging up. Of the kernel's devices: -ENOENT for one
 *         that is not there; -ENXIO for one that is bound to no driver; -EBUSY where a driver of
 *         the host's, or another program, has it or a device of its group; -EOPNOTSUPP without
 *         IOMMU or without VFIO; -EACCES or -EPERM for a node that is somebody else's, and -EPERM
 *         where the IOMMU does not remap interrupts
 */
int umd_driver_open(const char *uri, const struct umd_driver_options *options,
		    struct umd_driver **ret, struct umd_error *error);

/** Leaves the device. Its maps, interrupts and mapped regions end. NULL is allowed. */
void umd_driver_close(struct umd_driver *driver);

/**
 * Opens a vfio-user device again whose server went away and came back: connects to the same socket,
 * and sets up DMA maps (at their IOVAs) and interrupts as they were. Registers are as a reset left
 * them, a dirty log has ended, and regions are not mapped any more. A UMD_DRIVER_EVENT_REMOVED that
 * was not taken is dropped.
 *
 * @return 0; -EOPNOTSUPP for other devices, and without UMD_DRIVER_CAN_RECONNECT; -EISCONN while
 *	   the device is there; -ESTALE where what serves now is another kind of device (by its ids,
 *	   regions and interrupts), or does not take as many DMA maps; what umd_driver_open()
 *	   returns; what a map or an interrupt is refused with. On error the device is gone as
 *	   before, and it can be tried again
 */
int umd_driver_reconnect(struct umd_driver *driver);

/** What the device is called: "0000:01:00.0", or the path of its socket. Never NULL. */
const char *umd_driver_name(const struct umd_driver *driver);

/* ---- What it is ---------------------------------------------------------------------------- */

/** What driver and device agreed on. Asks nobody. */
struct umd_driver_limits {
	size_t size;		     /* sizeof(struct umd_driver_limits) */
	unsigned int major, minor;   /* version of the protocol */
	uint64_t max_data_xfer_size; /* bytes of data in a message; the calls below split by it */
	uint64_t max_msg_fds;	     /* file descriptors in a message */
	uint64_t max_dma_maps;	     /* DMA maps at a time */
	uint64_t page_sizes;	     /* of DMA maps, a bit for each power of two */
	bool write_multiple;	     /* several writes may share a message */
};

/** @return 0; -EINVAL for a size that cannot be */
int umd_driver_get_limits(const struct umd_driver *driver, struct umd_driver_limits *ret);

#define UMD_DRIVER_RESET (1u << 0) /* umd_driver_reset() works */
#define UMD_DRIVER_PCI	 (1u << 1) /* regions and interrupts are numbered as below */

/** The device as a whole, as it said when it was opened. Asks nobody. */
struct umd_driver_info {
	size_t size;	      /* sizeof(struct umd_driver_info) */
	unsigned int flags;   /* UMD_DRIVER_... */
	unsigned int regions; /* indexes 0 to regions - 1, at most UMD_DRIVER_INDEXES_MAX */
	unsigned int irqs;    /* the same of interrupts */
};
#define UMD_DRIVER_INDEXES_MAX 256u

/** @return 0; -EINVAL for a size that cannot be */
int umd_driver_get_info(const struct umd_driver *driver, struct umd_driver_info *ret);

/** Resets the device. @return 0; -EOPNOTSUPP where UMD_DRIVER_RESET is missing */
int umd_driver_reset(struct umd_driver *driver);

/* ---- Regions ------------------------------------------------------------------------------- */

/** Region indexes of a PCI device, numbered as VFIO_PCI_*_REGION_INDEX (linux/vfio.h). */
enum umd_driver_region_index {
	UMD_DRIVER_BAR0,
	UMD_DRIVER_BAR1,
	UMD_DRIVER_BAR2,
	UMD_DRIVER_BAR3,
	UMD_DRIVER_BAR4,
	UMD_DRIVER_BAR5,
	UMD_DRIVER_ROM,
	UMD_DRIVER_CONFIG,
	UMD_DRIVER_VGA,
};

#define UMD_DRIVER_REGION_READ	(1u << 0)
#define UMD_DRIVER_REGION_WRITE (1u << 1)
#define UMD_DRIVER_REGION_MMAP	(1u << 2) /* its areas can be mapped */

/** A region. Size 0 in `bytes` is a region that the device does not have. */
struct umd_driver_region {
	size_t size;	      /* sizeof(struct umd_driver_region) */
	unsigned int flags;   /* UMD_DRIVER_REGION_... */
	unsigned int areas;   /* how many umd_driver_get_areas() gives */
	uint64_t bytes;	      /* length of the region */
	uint64_t mmap_offset; /* where the region begins in the file that is mapped */
};

/** A part of a region that can be mapped. */
struct umd_driver_area {
	uint64_t offset, size; /* bytes, in the region */
};
#define UMD_DRIVER_AREAS_MAX 256u

/** Describes a region. @return 0; -EINVAL for no such index; -E2BIG beyond UMD_DRIVER_AREAS_MAX */
int umd_driver_get_region(struct umd_driver *driver, unsigned int index,
			  struct umd_driver_region *ret);

/**
 * Lists the parts of a region that can be mapped: those that the device named, or the whole region
 * where it named none, or nothing without UMD_DRIVER_REGION_MMAP.
 *
 * @param areas     room for `max` of them
 * @param ret_count how many there are, also where that is more than `max`
 * @return 0; -EINVAL for no such index; -E2BIG beyond UMD_DRIVER_AREAS_MAX
 */
int umd_driver_get_areas(struct umd_driver *driver, unsigned int index,
			 struct umd_driver_area *areas, unsigned int max, unsigned int *ret_count);

/**
 * Reads and writes regions: bytes, as they lie in the device (PCI registers are little-endian). An
 * access of up to 8 bytes is one message; a larger one is split into messages of at most
 * max_data_xfer_size bytes in ascending order, and on error part of it may be done. Size 0 is
 * nothing.
 *
 * @param offset bytes, in the region
 * @return 0; -EINVAL for no such index or a range that wraps
 */
int umd_driver_region_read(struct umd_driver *driver, unsigned int index, uint64_t offset, void *to,
			   size_t size);
int umd_driver_region_write(struct umd_driver *driver, unsigned int index, uint64_t offset,
			    const void *from, size_t size);

/**
 * Registers of a region, as numbers in the host's byte order: each call is one access of that
 * width, little-endian on the device's side. What is mapped (umd_driver_region_map()) is read and
 * written there, by one load or store, without asking anybody.
 *
 * Order: accesses take effect in the order of the calls, mapped or not. What was written to memory
 * before a register is written can be seen by the device when it sees that; what is read from
 * memory after a register was read is no older than that.
 *
 * @param offset a multiple of the register's size
 * @return 0; -EINVAL for another offset, or no such index; -ENODEV once the device is known to be
 *	   gone, also for what is mapped; -EIO where mapped memory was taken away
 *	   (UMD_DRIVER_GUARD_REGIONS); what the device answers
 */
int umd_driver_read8(struct umd_driver *driver, unsigned int index, uint64_t offset, uint8_t *ret);
int umd_driver_read16(struct umd_driver *driver, unsigned int index, uint64_t offset,
		      uint16_t *ret);
int umd_driver_read32(struct umd_driver *driver, unsigned int index, uint64_t offset,
		      uint32_t *ret);
int umd_driver_read64(struct umd_driver *driver, unsigned int index, uint64_t offset,
		      uint64_t *ret);
int umd_driver_write8(struct umd_driver *driver, unsigned int index, uint64_t offset,
		      uint8_t value);
int umd_driver_write16(struct umd_driver *driver, unsigned int index, uint64_t offset,
		       uint16_t value);
int umd_driver_write32(struct umd_driver *driver, unsigned int index, uint64_t offset,
		       uint32_t value);
int umd_driver_write64(struct umd_driver *driver, unsigned int index, uint64_t offset,
		       uint64_t value);

/**
 * Maps an area of a region, or a part of one, into this process. Registers there are little-endian,
 * and their order is the caller's business (umd_driver_read32() and its like see to both). What the
 * region's flags allow is what the memory allows.
 *
 * SIGBUS: memory of a vfio-user server that could be cut short under the driver is not mapped: its
 * file has to be a memfd that is sealed against shrinking, as those of umdev's devices are, or the
 * mapping guarded (UMD_DRIVER_GUARD_REGIONS). What is left is a machine without memory, and for
 * kernel devices, whose registers are mapped themselves: a touch ends in SIGBUS while COMMAND.MEM
 * is clear, below D0, and once the device is gone. Memory of a device that is gone and whose
 * mapping stays means nothing any more.
 *
 * @param offset, bytes multiples of the page size, inside one of umd_driver_get_areas()
 * @return 0; -EINVAL; -ENOTSUP where that cannot be mapped; -EBUSY where it is mapped already;
 *	   -EPROTO where the file is too short for the region; -ENODEV; -ENOMEM; what mmap() returns
 */
int umd_driver_region_map(struct umd_driver *driver, unsigned int index, uint64_t offset,
			  uint64_t bytes, volatile void **ret);

/** @return 0; -EINVAL for an address that umd_driver_region_map() did not return */
int umd_driver_region_unmap(struct umd_driver *driver, volatile void *address);

/* ---- Interrupts ---------------------------------------------------------------------------- */

/** Interrupt indexes of a PCI device, numbered as VFIO_PCI_*_IRQ_INDEX (linux/vfio.h). */
enum umd_driver_irq_index {
	UMD_DRIVER_INTX,
	UMD_DRIVER_MSI,
	UMD_DRIVER_MSIX,
	UMD_DRIVER_ERR,
	UMD_DRIVER_REQ,
};

#define UMD_DRIVER_IRQ_EVENTFD	  (1u << 0) /* can signal an eventfd */
#define UMD_DRIVER_IRQ_MASKABLE	  (1u << 1) /* can be masked and unmasked */
#define UMD_DRIVER_IRQ_AUTOMASKED (1u << 2) /* masks itself when it fires */
#define UMD_DRIVER_IRQ_NORESIZE	  (1u << 3) /* its vectors are enabled all at once */

struct umd_driver_irq {
	size_t size;	    /* sizeof(struct umd_driver_irq) */
	unsigned int flags; /* UMD_DRIVER_IRQ_... */
	unsigned int count; /* vectors, at most UMD_DRIVER_VECTORS_MAX; 0: it has none of these */
};
#define UMD_DRIVER_VECTORS_MAX 65536u

/** Describes an interrupt index. @return 0; -EINVAL for no such index */
int umd_driver_get_irq(struct umd_driver *driver, unsigned int index, struct umd_driver_irq *ret);

/** How many vectors an interrupt index has. @return vectors; -EINVAL for no such index */
int umd_driver_irq_count(struct umd_driver *driver, unsigned int index);

/**
 * Gives eventfds of the caller's to vectors, which signal them from now on; also while others of
 * the index are in use. With UMD_DRIVER_IRQ_NORESIZE, vectors beyond those in use end the use of
 * all for a moment, in which what fires is lost. An index is in use from its first eventfd until
 * umd_driver_irq_disable(), and one of INTx, MSI and MSI-X can be at a time.
 *
 * @param fds of vectors `start` to `start + count - 1`; -1: none any more for that vector. They
 *	      stay the caller's; the library keeps duplicates
 * @return 0; -EINVAL for no such vectors, and while another of the three is in use; -EBUSY for ERR
 *	   and REQ once umd_driver_enable_events() was called; -EMFILE; -ENOMEM; -EOPNOTSUPP where
 *	   no file descriptors can be handed over; what the device answers. On error, the vectors
 *are as they were, unless the device refuses that, too
 */
int umd_driver_irq_set_fds(struct umd_driver *driver, unsigned int index, unsigned int start,
			   unsigned int count, const int *fds);

/**
 * Has the library listen to vectors: umd_driver_next_event() tells each as UMD_DRIVER_EVENT_IRQ,
 * and umd_driver_event_fd() is the one fd to wait for. Takes a file descriptor for each vector.
 *
 * @return as umd_driver_irq_set_fds(); -EINVAL before umd_driver_enable_events()
 */
int umd_driver_irq_listen(struct umd_driver *driver, unsigned int index, unsigned int start,
			  unsigned int count);

/**
 * Ends the use of all vectors of an index; nothing where none is in use.
 *
 * @return 0; -EINVAL for no such index; -EBUSY as umd_driver_irq_set_fds()
 */
int umd_driver_irq_disable(struct umd_driver *driver, unsigned int index);

/**
 * Masks and unmasks vectors that are in use. INTx masks itself when it fires, and wants to be
 * unmasked then.
 *
 * @return 0; -EINVAL for no such vectors; -ENOTTY without UMD_DRIVER_IRQ_MASKABLE; what the device
 *	   answers
 */
int umd_driver_irq_mask(struct umd_driver *driver, unsigned int index, unsigned int start,
			unsigned int count);
int umd_driver_irq_unmask(struct umd_driver *driver, unsigned int index, unsigned int start,
			  unsigned int count);

/** Makes vectors fire as if the device had: for tests. @return as umd_driver_irq_mask() */
int umd_driver_irq_trigger(struct umd_driver *driver, unsigned int index, unsigned int start,
			   unsigned int count);

/* ---- Events: what a device says unasked ---------------------------------------------------- */

/** Kinds of event, in the order in which umd_driver_next_event() gives those that are there. */
enum umd_driver_event_kind {
	UMD_DRIVER_EVENT_ERROR,	 /* an error that AER, or the device's registers, tell more about */
	UMD_DRIVER_EVENT_WAKEUP, /* it left low power: see umd_driver_low_power_enter() */
	UMD_DRIVER_EVENT_UNPLUG_REQUEST, /* it is to be let go: stop using it, and close it */
	UMD_DRIVER_EVENT_IRQ,		 /* vectors that umd_driver_irq_listen() was asked for */
	UMD_DRIVER_EVENT_REMOVED,	 /* it is gone; close it. The last event */
};

struct umd_driver_event {
	size_t size;	   /* sizeof(struct umd_driver_event) */
	unsigned int kind; /* enum umd_driver_event_kind */

	/* Of UMD_DRIVER_EVENT_IRQ: */
	unsigned int index, vector;
	uint64_t count; /* how often it has fired since its last event; at least 1 */
};

/**
 * Begins to listen for events, until the device is closed. Takes the interrupts UMD_DRIVER_ERR and
 * UMD_DRIVER_REQ, as far as the device has them: without the one it reports no errors, without the
 * other it makes no requests. Takes five file descriptors.
 *
 * @return 0; -EALREADY; -ENOMEM, -EMFILE; -EOPNOTSUPP for a device that takes no file descriptors;
 *         what it answers where it refuses an interrupt that it has. On error, nothing has changed.
 */
int umd_driver_enable_events(struct umd_driver *driver);

/**
 * A file descriptor that polls readable when umd_driver_next_event() has something to do, which may
 * turn out to be no event yet. It stays the library's: nothing is read from it, and it is valid
 * until the device is closed, also when the device is gone.
 *
 * @return -EINVAL before umd_driver_enable_events()
 */
int umd_driver_event_fd(const struct umd_driver *driver);

/**
 * The next event. Never waits. Events of a kind that have come since its last one are one, also an
 * unplug request, which the device repeats.
 *
 * A device that is gone is REMOVED, once, and after that nothing: it hung up, answered a call with
 * -ENODEV, did not answer one in time, or broke the protocol. Other events that were not taken yet
 * are dropped. Since a device that is removed by surprise also signals whoever listens, each other
 * event is held back until the device, asked by the library, has answered that it is still there;
 * but for UMD_DRIVER_EVENT_IRQ, which is told at once, and once more then.
 *
 * @return 0; -EAGAIN where there is none; -EINVAL before umd_driver_enable_events(), or for a size
 *         that cannot be
 */
int umd_driver_next_event(struct umd_driver *driver, struct umd_driver_event *ret);

/* ---- DMA ----------------------------------------------------------------------------------- */

/** What the device's side takes of DMA maps. */
struct umd_driver_dma_limits {
	size_t size;	     /* sizeof(struct umd_driver_dma_limits) */
	unsigned int flags;  /* UMD_DRIVER_DMA_HAS_... */
	uint64_t page_sizes; /* a bit for each power of two; maps are multiples of the smallest */
	uint64_t max_maps;   /* at a time */
	unsigned int ranges; /* how many umd_driver_get_dma_ranges() gives */
};
#define UMD_DRIVER_DMA_HAS_DIRTY (1u << 0) /* umd_driver_dirty_start() works */
#define UMD_DRIVER_DMA_HAS_PASID (1u << 1) /* maps in the spaces of PASIDs work */

/** @return 0; -EINVAL for a size that cannot be; -EOPNOTSUPP where there is no DMA at all */
int umd_driver_get_dma_limits(struct umd_driver *driver, struct umd_driver_dma_limits *ret);

/** IOVAs that may be mapped, ascending: an IOMMU leaves out what it needs itself. */
struct umd_driver_dma_range {
	uint64_t first, last;
};

/** As umd_driver_get_areas(). */
int umd_driver_get_dma_ranges(struct umd_driver *driver, struct umd_driver_dma_range *ranges,
			      unsigned int max, unsigned int *ret_count);

/** Memory made for DMA: zeroed, in a file of its own that can be shared with a device's process. */
struct umd_driver_buffer {
	void *address;
	size_t bytes; /* at least what was asked for */
	int fd;	      /* a memfd */
};

#define UMD_DRIVER_BUFFER_HUGE (1u << 0) /* of huge pages, of the system's default size */

/** @return 0; -EINVAL; -ENOMEM, also where there are no huge pages left; -EMFILE */
int umd_driver_buffer_create(size_t bytes, unsigned int flags, struct umd_driver_buffer **ret);

/** It is mapped for no device any more. NULL is allowed. */
void umd_driver_buffer_destroy(struct umd_driver_buffer *buffer);

#define UMD_DRIVER_DMA_READ  (1u << 0) /* the device may read it */
#define UMD_DRIVER_DMA_WRITE (1u << 1) /* and write it */
#define UMD_DRIVER_DMA_FIXED (1u << 2) /* at the IOVA given; else the library chooses one */
#define UMD_DRIVER_DMA_PASID (1u << 3) /* in the space of the PASID given, which is attached */

/** Memory of the caller's to be reached by the device. */
struct umd_driver_dma {
	size_t size;	    /* sizeof(struct umd_driver_dma) */
	void *address;	    /* page-aligned; stays mapped in the caller for as long as for DMA */
	size_t bytes;	    /* a multiple of the page size */
	int fd;		    /* the file it lies in, of shmem or hugetlbfs; -1: none */
	uint64_t fd_offset; /* of `address` in the file */
	unsigned int flags; /* UMD_DRIVER_DMA_... */
	uint64_t iova;	    /* with UMD_DRIVER_DMA_FIXED */
	uint32_t pasid;	    /* with UMD_DRIVER_DMA_PASID */
};

struct umd_driver_map; /* memory that the device reaches */

/**
 * Maps memory for the device. With a file, a device in another process maps the file; without, it
 * asks for the bytes with messages, which the library answers inside its calls (vfio-user), or the
 * kernel pins the memory. A driver that waits for a device which moves data by messages waits in
 * umd_driver_next_event(), for umd_driver_event_fd().
 *
 * Whoever holds a file can cut it short, and an access to memory that is gone ends the process: a
 * file that is shared with another process wants F_SEAL_SHRINK, as that of a buffer of
 * umd_driver_buffer_create() has it.
 *
 * @param dma	   its IOVA, where the library is to choose one, becomes the lowest that is free, a
 *		   multiple of the map's size or of 2 MiB where that is less, and never 0
 * @param ret_iova where the device finds it
 * @return 0; -EINVAL for what is misaligned, empty, or neither read nor written; -ERANGE for an
 *	   IOVA outside of what may be mapped; -EEXIST for a fixed one that overlaps a map; -ENOSPC
 *	   beyond max_maps, or where no IOVA is free; -ENOMEM, also beyond RLIMIT_MEMLOCK; -EMFILE
 *	   where its file is to be remembered (UMD_DRIVER_CAN_RECONNECT); -EOPNOTSUPP where there is
 *	   no DMA, or no PASIDs, and on vfio-user for memory without a file in the space of one
 */
int umd_driver_dma_map(struct umd_driver *driver, const struct umd_driver_dma *dma,
		       struct umd_driver_map **ret, uint64_t *ret_iova);

/**
 * Ends a map: the device reaches it no more when this returns. The handle is gone in any case.
 *
 * @return 0; -ENODEV where the device is gone, and with it all its maps; other errors where the
 *	   exchange fails with this call, or the device refuses: it is hung up on then, and gone
 */
int umd_driver_dma_unmap(struct umd_driver *driver, struct umd_driver_map *map);

/**
 * Logs which pages the device writes, from now on: in ranges of IOVA, or with a count of 0 in all
 * that is mapped.
 *
 * @param page_size that the reports will be made in, a power of two
 * @return 0; -EINVAL; -E2BIG for more than UMD_DRIVER_DIRTY_RANGES_MAX; -EOPNOTSUPP; what the
 *device answers, as VFIO_DEVICE_FEATURE_DMA_LOGGING_START
 */
int umd_driver_dirty_start(struct umd_driver *driver, const struct umd_driver_dma_range *ranges,
			   unsigned int count, uint64_t page_size);
int umd_driver_dirty_stop(struct umd_driver *driver);
#define UMD_DRIVER_DIRTY_RANGES_MAX 256u

/**
 * Reports and clears what was written.
 *
 * @param iova, bytes multiples of page_size, which is one that the log can be reported in
 * @param bitmap      a bit for each page from `iova` on, in words of the host's byte order. On
 *error it is void, and what was written meanwhile may be reported no more
 * @return 0; -EINVAL, also while no log runs; -EOPNOTSUPP; what the device answers
 */
int umd_driver_dirty_report(struct umd_driver *driver, uint64_t iova, uint64_t bytes,
			    uint64_t page_size, uint64_t *bitmap);

/* ---- Low power ----------------------------------------------------------------------------- */

/**
 * The driver will not use the device for a while, and the device may save power. The next access
 * to a region wakes it; what is mapped of it must not be touched until umd_driver_low_power_exit().
 *
 * @param wakeup the device may also wake by itself. Either way it has left low power then, and
 *               UMD_DRIVER_EVENT_WAKEUP says so, also after an access of the driver's own. Without
 *               `wakeup`, a device that was woken goes back to sleep, until the driver exits.
 * @return 0; -ENOTTY where the device cannot; -EINVAL where it is in low power already, and for
 *         `wakeup` without umd_driver_enable_events()
 */
int umd_driver_low_power_enter(struct umd_driver *driver, bool wakeup);

/** Ends low power. @return 0, also where there was none; -ENOTTY where the device cannot */
int umd_driver_low_power_exit(struct umd_driver *driver);

/* ---- Config space (of devices with UMD_DRIVER_PCI) ----------------------------------------- */

/**
 * Registers of config space, as numbers in the host's byte order.
 *
 * @param offset a multiple of the register's size, below 4096
 * @return 0; -EINVAL for another offset; -EOPNOTSUPP for a device that is not PCI
 */
int umd_driver_config_read8(struct umd_driver *driver, unsigned int offset, uint8_t *ret);
int umd_driver_config_read16(struct umd_driver *driver, unsigned int offset, uint16_t *ret);
int umd_driver_config_read32(struct umd_driver *driver, unsigned int offset, uint32_t *ret);
int umd_driver_config_write8(struct umd_driver *driver, unsigned int offset, uint8_t value);
int umd_driver_config_write16(struct umd_driver *driver, unsigned int offset, uint16_t value);
int umd_driver_config_write32(struct umd_driver *driver, unsigned int offset, uint32_t value);

/** A capability, or an extended one. */
struct umd_driver_cap {
	unsigned int id;      /* PCI_CAP_ID_... or PCI_EXT_CAP_ID_... (linux/pci_regs.h) */
	unsigned int version; /* of an extended capability; else 0 */
	unsigned int offset;  /* bytes, in config space */
};
#define UMD_DRIVER_CAPS_MAX	48u  /* (256 - 64) / 4 */
#define UMD_DRIVER_EXT_CAPS_MAX 960u /* (4096 - 256) / 4 */

/**
 * Finds the first capability with an id (PCI Local Bus 3.0, section 6.7; PCI Express 5.0, section
 * 7.6.3 for the extended ones).
 *
 * @return 0; -ENOENT where there is none, or none before the chain breaks; -EOPNOTSUPP for a device
 *         that is not PCI
 */
int umd_driver_find_cap(struct umd_driver *driver, unsigned int id, unsigned int *ret_offset);
int umd_driver_find_ext_cap(struct umd_driver *driver, unsigned int id, unsigned int *ret_offset);

/**
 * Lists the capabilities in the order of their chain.
 *
 * @param caps      room for `max` of them
 * @param ret_count how many there are, also where that is more than `max`. With -ELOOP and -ERANGE
 *                  those before the chain breaks.
 * @return 0; -ELOOP for a chain that comes back to where it was; -ERANGE for one that leads out of
 *         where capabilities may lie, or to all ones; -EOPNOTSUPP for a device that is not PCI
 */
int umd_driver_list_caps(struct umd_driver *driver, struct umd_driver_cap *caps, unsigned int max,
			 unsigned int *ret_count);
int umd_driver_list_ext_caps(struct umd_driver *driver, struct umd_driver_cap *caps,
			     unsigned int max, unsigned int *ret_count);

#ifdef __cplusplus
}
#endif
#endif
