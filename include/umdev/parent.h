/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parents: resources that are shared out, and the one door to them.
 *
 * A parent offers spaces, interrupts, queues and, where it likes, regions of memory. Who uses it
 * holds a link: a host program, or a process that emulates a slice of the parent for a guest; there
 * is no second interface for these. A link leads to a parent of the same process, or through a Unix
 * socket to one of another process; the calls are the same.
 *
 * A link belongs to an owner (a PASID, a VM's number), bound when it is made by whoever holds the
 * parent. No message carries one. What a link maps, triggers and submits is its owner's, and the
 * parent checks every entry: its addresses are looked up in the owner's space, its interrupt is one
 * of the owner's.
 *
 * A queue is a ring of entries of fixed size. Submitting writes entries and moves an index; a
 * system call is needed only while the parent sleeps. The parent copies an entry once and then
 * checks its copy, so that nothing changes under its feet. What an entry means is the parent's and
 * its users' business: the library never looks. Completions are written where entries say, to
 * memory of the owner's.
 *
 * Threads: a parent, its links and the calls of this header on them belong to one thread, the one
 * that calls umd_parent_dispatch(); a link to another process belongs to whichever thread uses it.
 * umd_queue_submit() may be called from one other thread, as long as no other call on the queue is
 * under way. Calls for a parent's engines say that they are for any thread.
 *
 * Errors are negative errnos, sizes are bytes.
 */
#ifndef UMDEV_PARENT_H
#define UMDEV_PARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/dma.h>
#include <umdev/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct umd_device; /* umdev/device.h */
struct umd_ims;	   /* umdev/ims.h */
struct umd_link;   /* an owner's door to a parent */
struct umd_queue;  /* a queue of a link, where entries are submitted */
struct umd_parent; /* a resource that is shared out */
struct umd_work;   /* the parent's end of a queue, where entries are taken */

/* ---- What a parent is ---------------------------------------------------------------------- */

/** What a parent offers, and what of it is left for the link that asks. */
struct umd_parent_info {
	size_t size;		   /* sizeof(struct umd_parent_info) */
	char api[32];		   /* what an entry means, with its version: "dsa-1" */
	char algorithms[224];	   /* what it can do, in the API's words, by spaces: "move crc" */
	uint32_t entry_size;	   /* bytes: 16 to 256, a power of two */
	uint32_t max_depth;	   /* entries of a queue */
	uint32_t shared_queues;	   /* queues that links may share: numbers 1 to this */
	uint32_t queues;	   /* that the link may have */
	uint32_t free_queues;	   /* of these, now */
	uint32_t vectors;	   /* interrupts that the link may have */
	uint32_t free_vectors;	   /* of these, now */
	uint32_t max_weight;	   /* of a queue of the link's */
	uint32_t max_batch;	   /* entries that one entry may stand for */
	uint64_t max_transfer;	   /* bytes that one entry may name */
	uint32_t max_maps;	   /* of the link's space */
	uint64_t max_mapped_bytes; /* 0: no limit */
	uint32_t regions;	   /* numbers of regions: 0 to this, less 1 */
};

/** What an owner may have of a parent: set by whoever holds the parent, when the link is made. */
struct umd_owner {
	size_t size;	  /* sizeof(struct umd_owner) */
	uint32_t owner;	  /* the tag of all that is its; one link at a time; not UMD_DMA_NO_OWNER */
	uint32_t queues;  /* at most; 0: 1 */
	uint32_t vectors; /* interrupts, reserved; 0: 1 */
	uint32_t max_weight;	   /* of a queue; 0: 1 */
	uint32_t max_maps;	   /* 0: 65535 */
	uint64_t max_mapped_bytes; /* 0: no limit */
};

/* ---- Links --------------------------------------------------------------------------------- */

/**
 * Opens a link to a parent of this process.
 *
 * @param space where the link's addresses lead, kept by the caller for as long as the link and its
 *	  queues: a served device's, say (umd_device_space()). NULL: the link gets one of its own,
 *	  with owner->owner, to be filled by umd_link_change()
 * @return 0; -EBUSY for an owner that has a link; -ENOSPC where the store has not so many vectors
 *	   left; -EINVAL; -ENOMEM
 */
int umd_link_open(struct umd_parent *parent, const struct umd_owner *owner,
		  struct umd_dma_space *space, struct umd_link **ret, struct umd_error *error);

#define UMD_LINK_TIMEOUT_MS 2000u

/**
 * Connects to a parent that listens at a socket path (umd_parent_listen()). Calls that need the
 * parent's answer wait for it, at most UMD_LINK_TIMEOUT_MS: a parent is trusted by its users. One
 * that does not answer is lost.
 *
 * @param error filled in on failure, may be NULL: in words, what the parent has refused
 * @return 0; -EBUSY where the owner has a link already; -EPROTO; -ETIMEDOUT; what connect() returns
 */
int umd_link_connect(const char *path, struct umd_link **ret, struct umd_error *error);

/** The same over a connected AF_UNIX SOCK_SEQPACKET socket, which is taken over where it is 0. */
int umd_link_connect_fd(int fd, struct umd_link **ret, struct umd_error *error);

/**
 * Ends a link and all that is its: queues, vectors, maps. When it returns, nothing of the parent's
 * uses the owner's memory any more, or will signal its eventfds. NULL is allowed.
 */
void umd_link_close(struct umd_link *link);

/** What the parent offers. @return 0; -EINVAL for a size that cannot be; -ENOTCONN */
int umd_link_get_info(struct umd_link *link, struct umd_parent_info *ret);

/** What a link is told, from umd_link_dispatch(). Every member may be NULL. */
struct umd_link_ops {
	/** The parent is gone: all calls return -ENOTCONN, nothing submitted will be done. */
	void (*lost)(void *data);

	/** A vector was taken away by the parent (umd_ims_revoke()). */
	void (*revoked)(void *data, uint32_t vector);

	/** A queue has stopped by itself: its ring was nonsense, or the parent's API says so. */
	void (*halted)(void *data, struct umd_queue *queue, int reason);

	/**
	 * What the parent's API has to say about a queue, such as an error that no completion could
	 * tell. Only the first note waits to be told; `lost` says how many came behind it.
	 */
	void (*noted)(void *data, struct umd_queue *queue, const void *note, size_t size,
		      uint32_t lost);

	/**
	 * The parent could not map what a mirrored device's client has mapped (umd_link_mirror()):
	 * `error` is umd_dma_space_change()'s. Nothing of the device's is mapped for the parent any
	 * more, and will not be until the client has unmapped everything.
	 */
	void (*unmirrored)(void *data, int error);

	/** A region that the link has mapped was taken away: memory of nobody is in its place. */
	void (*region_revoked)(void *data, uint32_t index);
};

void umd_link_set_ops(struct umd_link *link, const struct umd_link_ops *ops, void *data);

/** An fd that polls readable when umd_link_dispatch() has something to do. */
int umd_link_fd(const struct umd_link *link);

/** Handles what has come from the parent: answers, news. Does not wait. @return 0; -ENOTCONN */
int umd_link_dispatch(struct umd_link *link);

/* ---- Memory -------------------------------------------------------------------------------- */

/**
 * How a call that has returned -EINPROGRESS has ended: once for each, from umd_link_dispatch(), or
 * out of what ends the queue or the link meanwhile: -ECANCELED for a command. Never out of the call
 * itself: one that returns anything else has ended with that.
 */
typedef void umd_link_done_fn(void *data, int result);

/**
 * Maps and unmaps memory for the parent, as umd_dma_space_change() does. Through a socket, maps are
 * of kind UMD_DMA_BY_FD, with files of shmem or hugetlbfs.
 *
 * Entries that are submitted from now on are not looked at before the changes are made: no need to
 * wait for that. Memory that is unmapped may be used for something else once the call has ended.
 *
 * @param done told that the changes are made, and what was unmapped is used by nobody; what is
 *	  still used after half a second is taken away. NULL: the call waits for that
 * @return 0, or -EINPROGRESS where done() will be called; what umd_dma_space_change() returns, and
 *	   done() may be told, too, with the changes before the one at fault made; -ENOBUFS also
 *	   for more than 4096 changes that have not ended; -EREMOTE for another kind through a
 *	   socket; -EPERM for a link whose space is the caller's; -ENOTCONN
 */
int umd_link_change(struct umd_link *link, const struct umd_dma_change *changes, size_t count,
		    umd_link_done_fn *done, void *data);

/**
 * Makes what a device's client maps the link's, too, from now on, in batches: for the process that
 * emulates a slice. The device answers an unmap after the parent's word; a parent that does not say
 * it within a second is lost. The link is dispatched with the device, and its queues are used in
 * that thread from here on, umd_queue_submit() too. Its space has nothing else: what was mapped
 * there is unmapped. Not for a link whose space is the device's already.
 *
 * Memory that the client shares no file for is out of the parent's reach. What goes beyond the
 * parent's limits is refused to the client.
 *
 * After a link that was lost is closed, another one can take its place, also while the device has a
 * client: what that has mapped is made known to the new parent. For that a mirrored device keeps
 * open each file that its client shares.
 *
 * @return 0; -EBUSY for a device that is mirrored already, or whose client has mapped memory before
 *	   it first was, and for a link that mirrors one; -ENOSPC and -ENOMEM where what is mapped
 *	   goes beyond the parent's limits; -EPERM as above; -ENOMEM; -EMFILE; -ENOTCONN
 */
int umd_link_mirror(struct umd_link *link, struct umd_device *device);

/* ---- Interrupts ---------------------------------------------------------------------------- */

/*
 * A vector is an entry of the parent's interrupt store, by its index there: the number that entries
 * of queues carry. Another owner's number is refused by the parent, and counted.
 */

/** @return 0; -ENOSPC where the owner has all of its vectors; -ENOTCONN */
int umd_link_alloc_vector(struct umd_link *link, uint32_t *ret);

/** @return 0; -ENOENT for no vector of the link's; -ENOTCONN */
int umd_link_free_vector(struct umd_link *link, uint32_t vector);

/** What the vector signals: an eventfd, duplicated; -1: nothing. @return 0; -ENOENT; -EINVAL */
int umd_link_set_eventfd(struct umd_link *link, uint32_t vector, int fd);

/** Masks; unmasks, and delivers what is pending. @return 0; -ENOENT; -ENOTCONN */
int umd_link_set_mask(struct umd_link *link, uint32_t vector, bool masked);

/** @return 1 where an interrupt waits for an unmask or an eventfd; 0; -ENOENT; -ENOTCONN */
int umd_link_is_pending(struct umd_link *link, uint32_t vector);

/**
 * Puts a vector of the link's behind an MSI-X vector of a device: what triggers it signals the
 * eventfd of the device's client, by the parent itself, and its mask is the client's. The device
 * may trigger its vector, too. It ends with the device or the link.
 *
 * @return 0; -EINVAL for no such MSI-X vector; -ENOENT; -ENOMEM; -EMFILE; -ENOTCONN
 */
int umd_link_back_vector(struct umd_link *link, uint32_t vector, struct umd_device *device,
			 unsigned int msix_vector);

/** Nothing any more behind an MSI-X vector. @return 0; -EINVAL */
int umd_link_unback_vector(struct umd_link *link, struct umd_device *device,
			   unsigned int msix_vector);

/* ---- Regions ------------------------------------------------------------------------------- */

#define UMD_REGIONS_MAX	     64u
#define UMD_REGION_BYTES_MAX (UINT64_C(1) << 40)

/*
 * A region is memory that the parent has for the link, known by a number: doorbells, registers,
 * counters. What lies where in it is told by the parent's API. Of the numbers that there are
 * (umd_parent_info.regions), some may have no region for this link, or none at present.
 */

/** A region: as the parent describes it, or, where it is mapped, as it was mapped. */
struct umd_link_region {
	size_t size;		/* sizeof(struct umd_link_region) */
	uint64_t bytes;		/* whole pages, at most UMD_REGION_BYTES_MAX */
	bool writable;		/* else a store ends in SIGSEGV, and nothing makes it writable */
	bool revoked;		/* what is mapped is memory of nobody: zeroes, and private */
	volatile void *address; /* NULL: it is not mapped */
};

/** @return 0; -ENOENT for no such region; -EINVAL; -ENOTCONN; what the parent says */
int umd_link_get_region(struct umd_link *link, uint32_t index, struct umd_link_region *ret);

/**
 * Maps all of a region, until umd_link_unmap_region() or umd_link_close(). That of a parent that is
 * gone stays, and means nothing.
 *
 * When the parent takes the region away (umd_link_ops.region_revoked), its place gets memory of
 * nobody at once, through a socket with the next call or dispatch on the link. So nothing that uses
 * it faults. It can be mapped again after it was unmapped, if the parent has got another one.
 *
 * @return 0; -EBUSY for one that is mapped; -ENOENT; -EINVAL; -ENOMEM; -EMFILE; -ENOTCONN; what the
 *	   parent says
 */
int umd_link_map_region(struct umd_link *link, uint32_t index, struct umd_link_region *ret);

/** @return 0, also where the parent is gone; -ENOENT for one that is not mapped */
int umd_link_unmap_region(struct umd_link *link, uint32_t index);

/* ---- Queues -------------------------------------------------------------------------------- */

#define UMD_QUEUE_CONFIG_MAX 256u

struct umd_queue_options {
	size_t size;	      /* sizeof(struct umd_queue_options) */
	uint32_t shared;      /* number of a queue to share; 0: one of its own (dedicated) */
	uint32_t depth;	      /* entries: rounded up to a power of two; 0: as we like */
	uint32_t weight;      /* its share while others are busy, too; 0: 1 */
	const void *config;   /* what the API asks of a queue; NULL: as the parent likes */
	uint32_t config_size; /* at most UMD_QUEUE_CONFIG_MAX */
};

/**
 * Opens a queue.
 *
 * @return 0; -ENOSPC where the owner, or the parent, has no more; -ENOENT for no such shared queue;
 *	   -EPERM for more weight than the owner may have; -EINVAL; -ENOMEM; -ENOTCONN; what the
 *	   parent says of the config
 */
int umd_queue_open(struct umd_link *link, const struct umd_queue_options *options,
		   struct umd_queue **ret);

/**
 * Closes a queue; what was not done is not done. When it returns, nothing of the parent's uses
 * memory for it any more. NULL is allowed.
 */
void umd_queue_close(struct umd_queue *queue);

/**
 * Submits entries. For a shared queue, what does not fit is what ENQCMD calls retry.
 *
 * @param entries count of them, of umd_parent_info.entry_size each
 * @return how many were taken, from the first: fewer than count where the queue is full; -ESHUTDOWN
 *	   for a queue that was stopped, or has halted; -ENOTCONN
 */
int umd_queue_submit(struct umd_queue *queue, const void *entries, unsigned int count);

/** Entries that a submission would find room for now. */
unsigned int umd_queue_room(const struct umd_queue *queue);

/** The depth that it has got: a power of two. */
unsigned int umd_queue_depth(const struct umd_queue *queue);

enum umd_queue_command {
	UMD_QUEUE_START, /* takes entries again, after a stop or a halt: with an empty ring. What
			    runs is left alone */
	UMD_QUEUE_STOP,	 /* takes no more entries; ended when what was taken is done */
	UMD_QUEUE_DRAIN, /* ended when what has been submitted by now is done */
	UMD_QUEUE_ABORT, /* what was submitted ends as soon as it can, or is not begun; then stopped
			  */
	UMD_QUEUE_COMMANDS,
};

/**
 * Commands a queue. One at a time.
 *
 * @param done told when it has ended; NULL: the call waits for that, also beyond the timeout where
 *	  the queue has so much to do
 * @return 0, or -EINPROGRESS where done() will be called; -EBUSY while one is under way; -EINVAL;
 *	   -ENOTCONN
 */
int umd_queue_command(struct umd_queue *queue, enum umd_queue_command command,
		      umd_link_done_fn *done, void *data);

/* ---- Being a parent ------------------------------------------------------------------------ */

/**
 * Memory that a parent's author offers to one owner.
 *
 * Through a socket the file itself is handed out: all of it, whatever `offset` and `bytes` say. So
 * it is a file of this owner's alone, and what its kind can do besides being mapped is his as well:
 * with the fd of a VFIO device he has the device.
 *
 * A memfd is made with MFD_ALLOW_SEALING. When it is first offered it is sealed against any change
 * of its size, and one that is not writable against writing for ever, also by an fd that somebody
 * opens anew: whoever is to write maps it before. Another file has to be a device's, as its like
 * does not shrink; one that is not writable is opened with O_RDONLY, and the permissions of its
 * node say whether a client can open it again for more.
 */
struct umd_parent_region {
	size_t size;	 /* sizeof(struct umd_parent_region) */
	int fd;		 /* the author's, and used during the call only */
	uint64_t offset; /* in whole pages */
	uint64_t bytes;	 /* likewise, not 0, at most UMD_REGION_BYTES_MAX */
	bool writable;
};

/** What a parent's author writes: called in the parent's thread. */
struct umd_parent_ops {
	/**
	 * A queue is opened. Checks the options (umd_work_options()), makes what its engine needs,
	 * such as a reader of umd_work_space(). Nothing can be taken before it has returned 0.
	 *
	 * @param ret what the other calls get as `context`
	 */
	int (*open)(void *data, struct umd_work *work, void **ret);

	/**
	 * The queue ends: returns when no thread uses `work` or its memory any more. What is under
	 * way is given up at the next occasion: the call takes no longer than a piece of work does.
	 */
	void (*close)(void *data, void *context);

	/**
	 * START, STOP, DRAIN or ABORT: begins it; umd_work_ended() says that it has ended, also out
	 * of this call. With STOP and ABORT nothing is taken any more, but by a umd_work_take()
	 * that is under way: they have not ended before that has returned. START comes for a queue
	 * that has stopped or halted; entries can be taken some time after it has ended, which the
	 * engine learns by looking and by the doorbell, as ever. One that is cancelled because the
	 * queue is closed need not be ended.
	 */
	void (*command)(void *data, void *context, enum umd_queue_command command);

	/** Adds what is the API's to what a link is told. May be NULL. */
	void (*get_info)(void *data, struct umd_parent_info *info);

	/**
	 * Describes a region of an owner's, whose link asks or is about to map it. May be NULL
	 * without regions.
	 *
	 * @param ret `size` is filled in, the rest is zero
	 * @return 0; -ENOENT where he has none of this number; any error is the link's
	 */
	int (*get_region)(void *data, uint32_t owner, uint32_t index,
			  struct umd_parent_region *ret);

	/**
	 * A link that had mapped a region has unmapped it, or has ended. A client of a socket says
	 * so, and may have it mapped nevertheless. May be NULL.
	 */
	void (*put_region)(void *data, uint32_t owner, uint32_t index);
};

struct umd_parent_options {
	size_t size;		/* sizeof(struct umd_parent_options) */
	const char *api;	/* copied; as in struct umd_parent_info */
	const char *algorithms; /* copied */
	uint32_t entry_size;	/* 16 to 256, a power of two */
	uint32_t max_depth;	/* of a queue; a power of two, at most 65536 */
	uint32_t max_queues;	/* of all links; 0: no limit but those of their owners */
	uint32_t shared_queues; /* numbers that links may share; the author tells them apart */
	struct umd_ims *ims;	/* where interrupts are kept; the caller's, outlives the parent */
	const struct umd_parent_ops *ops;
	void *data;	  /* handed to every op */
	uint32_t regions; /* numbers of regions, at most UMD_REGIONS_MAX */
};

/** @return 0; -EINVAL; -ENOMEM; -EMFILE */
int umd_parent_create(const struct umd_parent_options *options, struct umd_parent **ret);

/**
 * Ends a parent, out of none of its calls. NULL is allowed. Links of this process are closed
 * before; those that are not are lost: told so (umd_link_ops.lost), good for nothing, and still to
 * be closed, with their queues.
 */
void umd_parent_destroy(struct umd_parent *parent);

/**
 * Listens for links of one owner: who connects is that owner, one at a time; another one is told
 * -EBUSY.
 *
 * @param path removed in the end
 * @return 0; -EADDRINUSE; -EEXIST where the path is no socket; -EBUSY for an owner that is listened
 *	   for already; -ENAMETOOLONG; -EINVAL; what socket(), bind(), listen() return
 */
int umd_parent_listen(struct umd_parent *parent, const char *path, const struct umd_owner *owner);

/** The same for a connected AF_UNIX SOCK_SEQPACKET socket, taken over where it is 0. */
int umd_parent_accept(struct umd_parent *parent, int fd, const struct umd_owner *owner);

/** An fd that polls readable when umd_parent_dispatch() has something to do. */
int umd_parent_fd(const struct umd_parent *parent);

/** Handles what has come. @param timeout_ms 0 does not wait, -1 for ever. @return 0; -EINTR */
int umd_parent_dispatch(struct umd_parent *parent, int timeout_ms);

/**
 * Takes a region away from the link of an owner's that has mapped it. The link is told, and the
 * library puts memory of nobody in its place.
 *
 * That holds for a client that uses the library. A hostile one keeps what it has mapped, for as
 * long as it likes: so a revoked region's memory is never used for anybody else. Whoever asks next
 * is given a fresh file, and nothing that comes by the old one is obeyed any more. What is to be
 * out of a hostile client's reach has to end in the kernel, as the mappings of a VFIO device's BARs
 * do when the device is reset, or its memory decoding is switched off.
 *
 * @return 0; -ENOENT where no link of this owner's has mapped it
 */
int umd_parent_revoke_region(struct umd_parent *parent, uint32_t owner, uint32_t index);

/* ---- Work: a queue as its parent sees it, for the parent's engines ------------------------- */

uint32_t umd_work_owner(const struct umd_work *work);

/** As the link asked for them, with `depth` and `weight` as they are; size and config are valid. */
const struct umd_queue_options *umd_work_options(const struct umd_work *work);

/** Where the entries' addresses lead: make a reader of it for the queue in ops.open(). */
struct umd_dma_space *umd_work_space(const struct umd_work *work);

/**
 * Takes entries: copies of what has been submitted, in order, once each. One thread at a time, any.
 *
 * @return how many, 0 for none, or for a queue that has stopped or halted; -EAGAIN while entries
 *wait for a change of the space to be made, of which the doorbell tells; -EPROTO for a ring that is
 *nonsense: the queue has halted, and its link is told
 */
int umd_work_take(struct umd_work *work, void *entries, unsigned int room);

/** How many entries wait to be taken, as umd_work_take() would be called: what a DRAIN is for. */
unsigned int umd_work_waiting(const struct umd_work *work);

/**
 * The engine is about to sleep, and wants the doorbell from now on. Whoever has called it and does
 * not sleep after all, or wakes, calls umd_work_wake().
 *
 * Both are called as umd_work_take() is: by one thread at a time.
 *
 * @return whether it may sleep: false where there are entries that can be taken
 */
bool umd_work_sleep(struct umd_work *work);
void umd_work_wake(struct umd_work *work);

/**
 * Signalled for a queue that sleeps when entries have come. To be waited for with EPOLLIN |
 * EPOLLET, and never read: its other end is the peer's, in whose process it lives on. So it is
 * taken out of epoll sets in ops.close().
 */
int umd_work_doorbell(const struct umd_work *work);

/** Whether `vector` is one of the owner's. 0; -EPERM, counted; -ENOENT. Any thread. */
int umd_work_check_vector(struct umd_work *work, uint32_t vector);

/** Triggers one of the owner's vectors. 0; -EPERM, counted; -ENOENT. Any thread. */
int umd_work_trigger(struct umd_work *work, uint32_t vector);

/** The command that was begun last has ended: 0 or a negative errno. Any thread. */
void umd_work_ended(struct umd_work *work, int result);

/** The queue has halted for a reason of the API's: the link is told. Any thread. */
void umd_work_halt(struct umd_work *work, int reason);

/** Tells the link something of the API's (umd_link_ops.noted). Any thread. */
#define UMD_NOTE_MAX 64u
void umd_work_note(struct umd_work *work, const void *note, size_t size);

/** What the queue core has counted. */
struct umd_work_stats {
	size_t size;	    /* sizeof(struct umd_work_stats) */
	uint64_t entries;   /* taken */
	uint64_t doorbells; /* system calls that submitting has cost, where we can know */
	uint64_t triggers;  /* interrupts */
	uint64_t refused;   /* interrupts of somebody else's */
};
int umd_work_get_stats(const struct umd_work *work, struct umd_work_stats *ret);

#ifdef __cplusplus
}
#endif
#endif
