/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write a PCI device in user space, and serve it to a driver over vfio-user.
 *
 * A device is made in four steps: umd_device_create(), a call for each BAR, interrupt and
 * capability (umdev/caps.h) it has, umd_device_realize(), umd_server_create(). After that the
 * process calls umd_server_dispatch() in its loop, and the device's handlers run inside that call.
 * examples/copier_device.c is a whole device.
 *
 * Threads: a device, its requests, watches and server belong to one thread, and nothing waits for
 * the peer. Nothing here installs a signal handler. A thread of the library's own closes what file
 * descriptors a peer has sent, since that could take as long as the peer likes; it is there only
 * for a while after such. What threads of the device's own may use is in umdev/dma.h.
 *
 * Errors are negative errnos. Offsets and sizes are bytes. Register values are host-endian numbers;
 * raw bytes (umd_request_data(), umd_dma_read()) are as the driver wrote them, which for PCI is
 * little-endian.
 */
#ifndef UMDEV_DEVICE_H
#define UMDEV_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct umd_device;  /* a PCI device as its driver sees it */
struct umd_request; /* one access by the driver, completed exactly once */
struct umd_server;  /* a device on a socket */
struct umd_watch;   /* a file descriptor or a timer that the device waits for */

/* ---- Devices ------------------------------------------------------------------------------- */

/**
 * Why a device is reset. Whatever the kind, its registers return to their initial values, and the
 * library lowers the line, empties the MSI-X table and resets config space:
 *
 *			BARs		sticky bits	eventfds, DMA maps
 *	DEVICE		reset		stay		stay
 *	FLR, POWER	reset		stay		stay
 *	SELF		stay		stay		stay
 *	DISCONNECT	reset		reset		dropped
 *
 * Each also brings the device back to D0, and out of low power. The client's log of pages that the
 * device has written ends with DEVICE and DISCONNECT.
 *
 * Sticky is what a function level reset leaves alone (PCI Express Base 5.0, section 6.6.2).
 */
enum umd_reset {
	UMD_RESET_DEVICE, /* the client asked: VFIO_USER_DEVICE_RESET */
	UMD_RESET_FLR,	  /* the driver asked, by the PCI Express or Advanced Features capability */
	UMD_RESET_POWER,  /* the driver moved it from D3hot to D0, without No_Soft_Reset */
	UMD_RESET_SELF,	  /* umd_device_reset(): behind the driver's back, so BARs stay */
	UMD_RESET_DISCONNECT, /* the client is gone; the next one finds a fresh device */
};

/** Power states: of the Power Management capability, or as the client asks by DEVICE_FEATURE. */
enum umd_power {
	UMD_POWER_D0,
	UMD_POWER_D1, /* below D0, the device is reached by config space only, and sends nothing */
	UMD_POWER_D2,
	UMD_POWER_D3HOT,
	UMD_POWER_LOW, /* unused for a while, at the client's word; any access wakes the device */
};

/** What a device is told. Every member may be NULL; `data` is struct umd_device_info's. */
struct umd_device_ops {
	/** The device returns to its initial state. Interrupts are already low. */
	void (*reset)(void *data, enum umd_reset kind);

	/** The device is in another power state. A reset that leads to D0 is told after it. */
	void (*power)(void *data, enum umd_power state);

	/**
	 * The device may master the bus from now on, or may not any more: what the driver has set
	 * in COMMAND, the power state, and whether the device is there, taken together. Not told of
	 * a reset, which always ends it.
	 */
	void (*bus_master)(void *data, bool allowed);

	/**
	 * The client has unmapped [iova, last] of its memory, or left: no lookup finds anything
	 * there any more. Whoever uses the memory still has a second to end that (umdev/dma.h).
	 */
	void (*dma_unmap)(void *data, uint64_t iova, uint64_t last);

	/**
	 * What umd_device_unplug() began has ended: the device is nobody's any more. `surprise`
	 * says that its client did not let go of it in time; when it leaves after all, that is a
	 * reset as ever.
	 */
	void (*unplugged)(void *data, bool surprise);

	/**
	 * The last call, from umd_device_destroy(): destroys what watches it has, frees `data`.
	 * Not called where umd_device_create() failed.
	 */
	void (*destroy)(void *data);
};

/** The identity of a device: PCI header type 0 (PCI Local Bus 3.0, section 6.1). */
struct umd_device_info {
	size_t size;			  /* sizeof(struct umd_device_info) */
	const char *name;		  /* for log lines; copied */
	uint16_t vendor, device;	  /* Vendor ID, Device ID */
	uint16_t subsystem_vendor;	  /* Subsystem Vendor ID */
	uint16_t subsystem;		  /* Subsystem ID */
	uint32_t class_code;		  /* 24 bits: base class, sub-class, interface */
	uint8_t revision;		  /* Revision ID */
	const struct umd_device_ops *ops; /* may be NULL */
	void *data;			  /* handed to every handler of the device */
};

/**
 * Makes a device without BARs and interrupts.
 *
 * @return 0; -EINVAL for a size or class code that is out of range; -ENOMEM
 */
int umd_device_create(const struct umd_device_info *info, struct umd_device **ret);

/** Ends a device that no server serves any more. NULL is allowed. */
void umd_device_destroy(struct umd_device *device);

/**
 * Checks what was declared. Afterwards nothing can be added. Fails too where one of the calls that
 * declare BARs, interrupts and capabilities has failed, with what the first of them returned, so
 * that these need no check one by one.
 *
 * @param error filled in with a sentence that names the field at fault; may be NULL
 * @return 0; -EINVAL; what the call at fault returned
 */
int umd_device_realize(struct umd_device *device, struct umd_error *error);

/**
 * Resets the device behind its driver's back: UMD_RESET_SELF. For a reset register of its own, say.
 * As after any reset the driver finds COMMAND cleared; BARs are as it left them, so that setting
 * MEM or IO again is enough. A request under way is cancelled.
 */
void umd_device_reset(struct umd_device *device);

/* ---- Coming and going ---------------------------------------------------------------------- */

/**
 * Asks the client to let go of the device, by the REQ interrupt, and again every ten seconds. After
 * the deadline the device is gone by surprise: everything reads as all ones, writes are dropped,
 * DMA is over, SET_IRQS, resets and features answer -ENODEV, and each eventfd is signalled once, so
 * that whoever waits on it looks. What the client has mapped of a BAR stays mapped.
 *
 * Either way ops.unplugged() is told in the end, and umd_server_dispatch() returns -ESHUTDOWN once
 * the client has left.
 *
 * @param deadline_ns from now; 0: at once
 * @return 0; -EALREADY once it has been called; -ENOMEM, -EMFILE
 */
int umd_device_unplug(struct umd_device *device, uint64_t deadline_ns);

/**
 * The device has something for a driver that has put it to sleep: wakes it where the client said
 * how (DEVICE_FEATURE's low power entry with wake-up), and sets PME_Status where the Power
 * Management capability is to send PME from this state.
 */
void umd_device_wake(struct umd_device *device);

/* ---- Regions: BARs and what stands behind them --------------------------------------------- */

#define UMD_REGION_IO	    (1u << 0) /* an I/O BAR; without it, a memory BAR */
#define UMD_REGION_MEM64    (1u << 1) /* a 64-bit memory BAR: takes the next index too */
#define UMD_REGION_PREFETCH (1u << 2) /* a prefetchable memory BAR */

/**
 * A BAR. Either `read` and `write` are given, and see registers, or `access`, and sees requests.
 *
 * Registers: an access is cut into naturally aligned pieces of 1, 2, 4 and (up to max_access) 8
 * bytes in ascending order, each handed over with its value in host byte order, and completed at
 * once. A missing `read` reads zero, a missing `write` ignores.
 *
 * Memory BARs answer -EIO while the driver has COMMAND.MEM clear, as in vfio-pci, and I/O BARs
 * while it has COMMAND.IO clear, which vfio-pci leaves to the hardware. So do both below D0.
 */
struct umd_region {
	uint64_t size;	    /* a power of two: at least 16, of I/O at least 4 and at most 256 */
	unsigned int flags; /* UMD_REGION_... */
	unsigned int max_access; /* largest register access: 1, 2, 4 or 8; 0 means 8 */
	uint64_t (*read)(void *data, uint64_t offset, unsigned int size);
	void (*write)(void *data, uint64_t offset, unsigned int size, uint64_t value);
	void (*access)(void *data, struct umd_request *request);
};

/**
 * Declares a BAR.
 *
 * @param index 0 to 5
 * @return 0; -EINVAL for a bad shape; -EEXIST for an index in use; -EBUSY once realised
 */
int umd_device_add_bar(struct umd_device *device, unsigned int index,
		       const struct umd_region *region);

/**
 * Declares the expansion ROM: its bytes are copied. What of its BAR lies behind them reads as all
 * ones; the BAR's size is the next power of two, at least 2 KiB. As in vfio-pci the client reads it
 * as a region of its own, whatever the BAR's enable bit says, while COMMAND.MEM is set.
 *
 * @param size at most 16 MiB
 * @return 0; -EINVAL; -EEXIST; -EBUSY once realised; -ENOMEM
 */
int umd_device_add_rom(struct umd_device *device, const void *bytes, size_t size);

/** A part of a region, page-aligned where it is to be mapped. */
struct umd_area {
	uint64_t offset, size;
};

/**
 * Puts memory behind parts of a BAR: the driver may map those areas, and accesses to them that
 * arrive as messages are served from the same memory without a handler. An access to a BAR with an
 * `access` handler that lies partly in such an area is refused (-EINVAL).
 *
 * @param index    the BAR, declared before
 * @param fd	a memfd of ours, made with MFD_ALLOW_SEALING and large enough for all areas: it is
 *		sealed against shrinking, since the driver gets it, and duplicated
 * @param fd_offset page-aligned: area.offset + fd_offset is where an area lies in the file
 * @param areas    page-aligned, ascending, at most UMD_AREAS_MAX
 * @return 0; -EINVAL; -EEXIST; -EBUSY once realised; -EPERM for a file that can shrink; what
 *	   mmap() returns
 */
int umd_device_add_memory(struct umd_device *device, unsigned int index, int fd, uint64_t fd_offset,
			  const struct umd_area *areas, unsigned int count);
#define UMD_AREAS_MAX 8

/**
 * Offers an eventfd that a VMM may signal in place of a write to a register (an ioeventfd): a
 * doorbell that costs no message. The device watches the fd itself, and still serves the register,
 * for a client that does not use the offer. Watch it with EPOLLIN | EPOLLET and do not read it: the
 * client shares it, and could make a read() wait.
 *
 * @param index    the BAR
 * @param offset   of the register in the BAR
 * @param size     1, 2, 4, 8, or 0 for any
 * @param datamatch only this value signals; see UMD_IOEVENTFD_DATAMATCH in flags
 * @return 0; -EINVAL; -ENOSPC beyond UMD_IOEVENTFDS_MAX; -EBUSY once realised
 */
int umd_device_add_ioeventfd(struct umd_device *device, unsigned int index, uint64_t offset,
			     uint64_t size, unsigned int flags, uint64_t datamatch, int fd);
#define UMD_IOEVENTFD_DATAMATCH (1u << 0)
#define UMD_IOEVENTFDS_MAX	16

/* ---- Requests: one access by the driver ---------------------------------------------------- */

/** True for a write. */
bool umd_request_is_write(const struct umd_request *request);

/** Where in the region the access starts. offset + size lies within the region. */
uint64_t umd_request_offset(const struct umd_request *request);

/** Bytes of the access, at least 1. */
size_t umd_request_size(const struct umd_request *request);

/** The bytes written, or the place for the bytes read (zeroed); valid until completion. */
uint8_t *umd_request_data(struct umd_request *request);

/**
 * Completes a request, exactly once.
 *
 * @param error 0, or the negative errno that the driver's access ends with
 */
void umd_request_complete(struct umd_request *request, int error);

/** Told that a request will not be waited for any longer; it must not be completed any more. */
typedef void umd_cancel_fn(void *data);

/**
 * Says that a request is completed later, by umd_request_complete() on the device's thread. Called
 * in the handler that received the request. Later requests of the client wait, so it must be soon:
 * a reset, a disconnect, or one second without completion cancels it.
 *
 * @param cancel called when the request is cancelled; may be NULL
 * @param data   handed to `cancel`
 */
void umd_request_defer(struct umd_request *request, umd_cancel_fn *cancel, void *data);

/* ---- Interrupts ---------------------------------------------------------------------------- */

/** Interrupt indexes, numbered as VFIO_PCI_*_IRQ_INDEX (linux/vfio.h). */
enum umd_irq {
	UMD_IRQ_INTX,
	UMD_IRQ_MSI,
	UMD_IRQ_MSIX,
	UMD_IRQ_ERR,
	UMD_IRQ_REQ,
	UMD_IRQ_INDEXES,
};

/** Declares an INTx pin: 1 = INTA# to 4 = INTD#. @return 0; -EINVAL; -EEXIST; -EBUSY */
int umd_device_add_intx(struct umd_device *device, unsigned int pin);

/** An MSI-X capability (PCI Local Bus 3.0, section 6.8.2). */
struct umd_msix {
	unsigned int vectors;	/* 1 to 2048 */
	unsigned int table_bar; /* the memory BAR that holds the table, 16 bytes a vector */
	uint64_t table_offset;	/* a multiple of 8 */
	unsigned int pba_bar;	/* the memory BAR that holds the pending bits, 8 bytes per 64 */
	uint64_t pba_offset;	/* a multiple of 8 */
	unsigned int at;	/* offset in config space; 0: the next free place */
};

/** Declares MSI-X. Table and PBA are served by the library. @return 0; -EINVAL; -EEXIST; -EBUSY */
int umd_device_add_msix(struct umd_device *device, const struct umd_msix *msix);

/* MSI: umd_device_add_msi() in umdev/caps.h. */

/** Drives the INTx line. Level-triggered: it stays as set until set again or reset. */
void umd_device_set_intx(struct umd_device *device, bool asserted);

/**
 * Sends one message of MSI or MSI-X, or signals ERR or REQ. Never blocks. With fewer MSI messages
 * enabled than the device has vectors, several vectors share one.
 *
 * @return 0, also where the driver has the vector masked or off; -EINVAL for no such vector
 */
int umd_device_trigger(struct umd_device *device, enum umd_irq index, unsigned int vector);

/** How many vectors of an index the driver has in use, counted from 0; of MSI a power of two. */
unsigned int umd_device_enabled_vectors(const struct umd_device *device, enum umd_irq index);

struct umd_ims_domain;

/**
 * Puts an entry of an interrupt store (umdev/ims.h) behind an MSI-X vector, at any time: what
 * triggers the entry for its owner signals the driver's eventfd of that vector, and the vector's
 * mask and pending bit are the entry's. An entry that is revoked leaves the vector silent.
 *
 * @param domain outlives the device, or until another call for the vector; NULL: nothing any more
 * @return 0; -EINVAL for no such vector; -ENOENT for no such entry; -ENOMEM; -EMFILE
 */
int umd_device_back_vector(struct umd_device *device, unsigned int vector,
			   struct umd_ims_domain *domain, uint64_t handle);

/* ---- DMA ----------------------------------------------------------------------------------- */

/**
 * Copies from the driver's memory, or to it. The range may span several of the driver's maps.
 * Nothing is promised about the order in which the bytes of one call become visible.
 *
 * @param iova as the driver gave it to the device
 * @return 0; -ENODEV while bus mastering is off, or below D0; -EFAULT where the range is not
 * mapped, not for this direction, or the memory behind it is gone; -EREMOTE where the driver shared
 * no file for it, so that it can only be reached by messages: umd_dma_start() does that. On error,
 * part may be copied.
 */
int umd_dma_read(struct umd_device *device, uint64_t iova, void *to, size_t size);
int umd_dma_write(struct umd_device *device, uint64_t iova, const void *from, size_t size);

/**
 * A copy that may take its time. The struct is the caller's, and so is the buffer: both stay where
 * they are, untouched, until the transfer has ended. A struct can be used again then.
 */
struct umd_dma_transfer {
	uint64_t iova; /* as the driver gave it to the device */
	void *buffer;
	size_t size;
	bool write; /* to the driver's memory, from the buffer */

	/** Told how a transfer that was in progress has ended; may start the next one. */
	void (*done)(void *data, int error);
	void *data;

	struct { /* the library's */
		struct umd_dma_transfer *previous, *next;
		size_t taken; /* bytes sent or copied */
		unsigned int out;
		uint64_t started_ns;
	} own;
};

/**
 * Copies from the driver's memory, or to it, however that memory is reached. Where the driver
 * shared a file for all of it, that is done when this returns, as by umd_dma_read() and
 * umd_dma_write(). Otherwise the client is asked to move the bytes by DMA_READ or DMA_WRITE, and
 * done() is called once, later: from umd_server_dispatch(), or whatever else ends the transfer
 * (umd_device_reset(), umd_device_unplug(), umd_server_destroy()). Any number of transfers can be
 * in progress. They end with
 *
 *	0		all is copied
 *	-EFAULT		the client could not reach the memory, or has unmapped some of the range
 *	-ENODEV		bus mastering went off, or the device left D0 or was unplugged
 *	-ECANCELED	the device was reset, or the client left, or closed the socket for messages
 *	-ETIMEDOUT	the client did not answer for five seconds
 *	-EIO		the client answered with nonsense, or another error
 *
 * Not to be waited for by a request: QEMU cannot serve a transfer before its access is answered.
 * Complete the request, and tell the driver by a status register and an interrupt.
 *
 * @return 0 when it is done; -EINPROGRESS where done() will be called; otherwise it has failed as
 *	   umd_dma_read() does, -EREMOTE where the client has closed the socket for such messages.
 *	   On error, part may be copied
 */
int umd_dma_start(struct umd_device *device, struct umd_dma_transfer *transfer);

/**
 * Takes back a transfer that is in progress; done() is not called. Nothing for one that is not.
 * What is on its way to the driver's memory may still arrive there.
 */
void umd_dma_cancel(struct umd_device *device, struct umd_dma_transfer *transfer);

/* ---- Watches: what a device waits for besides its driver ----------------------------------- */

/** Called from umd_server_dispatch(); `events` as in epoll(7), or 0 for a timer. */
typedef void umd_watch_fn(void *data, uint32_t events);

/**
 * Watches a file descriptor of the device's own (it is not closed by the watch).
 *
 * @param events EPOLLIN, EPOLLOUT, EPOLLET or 0 for none yet
 * @return 0; -EPERM for an fd that cannot be waited for (a regular file is always ready); -ENOMEM;
 *	   what epoll_ctl() returns
 */
int umd_watch_fd(struct umd_device *device, int fd, uint32_t events, umd_watch_fn *fn, void *data,
		 struct umd_watch **ret);

/** Changes what a file descriptor is watched for. No system call where nothing changes. */
int umd_watch_set_events(struct umd_watch *watch, uint32_t events);

/** Makes a timer, not yet running. */
int umd_watch_timer(struct umd_device *device, umd_watch_fn *fn, void *data,
		    struct umd_watch **ret);

/** Starts a timer: it fires once, `delay_ns` from now. 0 stops it. */
int umd_watch_set_timer(struct umd_watch *watch, uint64_t delay_ns);

/** Ends a watch, also from inside its own callback. NULL is allowed. */
void umd_watch_destroy(struct umd_watch *watch);

/* ---- Serving ------------------------------------------------------------------------------- */

struct umd_server_options {
	size_t size;		 /* sizeof(struct umd_server_options) */
	const char *socket_path; /* where to listen; removed in the end. Or NULL, and: */
	int fd;			 /* a listening or connected AF_UNIX stream socket; taken over */

	/* How much memory a client may map for DMA, in bytes; more is -ENOMEM. 0: no limit. */
	uint64_t max_mapped_bytes;
	uint64_t max_pinned_bytes; /* by umd_dma_pin() at a time; more is -ENOMEM. 0: no limit */
};

/**
 * Puts a realised device on a socket.
 *
 * @return 0; -EADDRINUSE where someone listens at the path; -EEXIST where the path is no socket;
 *         -ENAMETOOLONG beyond 107 bytes; -EBUSY where the device is served already; -EINVAL;
 *         what socket(), bind(), listen() return
 */
int umd_server_create(struct umd_device *device, const struct umd_server_options *options,
		      struct umd_server **ret);

/** Says goodbye to the client, removes the socket path. NULL is allowed. */
void umd_server_destroy(struct umd_server *server);

/** A file descriptor that polls readable whenever umd_server_dispatch() has something to do. */
int umd_server_fd(const struct umd_server *server);

/**
 * Handles what has arrived for the device: messages, connections, its watches.
 *
 * @param timeout_ms how long to wait for something to arrive; 0 does not wait, -1 waits for ever
 * @return 0; -ESHUTDOWN once a server on a connected fd has lost its client, and once the device
 * was unplugged and has none; -EINTR
 */
int umd_server_dispatch(struct umd_server *server, int timeout_ms);

/* ---- Kinds of device, for programs that offer several -------------------------------------- */

/** One `-o name=value` that a kind understands. */
struct umd_option {
	const char *name;
	const char *value; /* what it takes, for help: "1|2|4" */
	const char *help;  /* a sentence, with the default */
};

/** A kind of device: how `umdev serve NAME` finds it and explains it. */
struct umd_device_kind {
	const char *name;		  /* "serial" */
	const char *summary;		  /* a line */
	const char *description;	  /* some lines for `umdev serve NAME --help` */
	const struct umd_option *options; /* ends with a NULL name */

	/**
	 * Makes and realises a device.
	 *
	 * @param options "name=value" strings in the order they were given; a name alone is "name"
	 * @param error   filled in on failure
	 */
	int (*create)(const char *const *options, size_t count, struct umd_device **ret,
		      struct umd_error *error);
};

#ifdef __cplusplus
}
#endif
#endif
