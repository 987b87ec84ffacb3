/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt message stores (IMS): where a device that is shared out keeps its interrupts.
 *
 * A store holds entries, each one interrupt of one owner. There are two kinds: a fixed array that
 * all owners share, as in a device's registers; and storage that each owner brings, as in memory,
 * which has no bound in total and one for each owner.
 *
 * An owner (a PASID, a VM's number) gets a domain: a number of vectors, decided when it is made and
 * reserved from then on. Its vectors are then parcelled out one by one. An entry carries its owner,
 * and who triggers it says for whom: an entry of somebody else is refused, and counted. So what
 * works for one owner can never interrupt another, whatever handle it was given.
 *
 * A handle names an entry and is never used again for another, so that a late trigger finds nothing
 * instead of the next user's interrupt.
 *
 * Threads: all calls on a store and its domains may come from any thread at any time, but for
 * umd_ims_destroy() and umd_ims_domain_destroy(), after which nobody may use what they end.
 * umd_ims_trigger() never waits for a peer, and for other threads no longer than a signal takes.
 * What frees an entry or changes its eventfd waits as long for a trigger that is under way: when it
 * returns, the old eventfd is closed and nothing signals it any more.
 *
 * Errors are negative errnos.
 */
#ifndef UMDEV_IMS_H
#define UMDEV_IMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct umd_ims;	       /* a store */
struct umd_ims_domain; /* an owner's share of a store */

/**
 * An entry of a store. 0 is none. The low 32 bits are its index in the store, the high 32 count the
 * handles of that index; an index that has used up its 2^32 - 1 handles is not given out again.
 */
typedef uint64_t umd_ims_handle;

/* ---- Stores -------------------------------------------------------------------------------- */

#define UMD_IMS_ENTRIES_MAX   65536u /* of a fixed array */
#define UMD_IMS_PER_OWNER_MAX 2048u

struct umd_ims_options {
	size_t size;		/* sizeof(struct umd_ims_options) */
	unsigned int entries;	/* of the array that all owners share; 0: storage per owner */
	unsigned int per_owner; /* at most so many for an owner; 0: UMD_IMS_PER_OWNER_MAX */
};

/** @return 0; -EINVAL beyond the limits above; -ENOMEM; -EAGAIN without asynchronous I/O left */
int umd_ims_create(const struct umd_ims_options *options, struct umd_ims **ret);

/** Ends a store whose domains have ended. It may sleep for some 100 ms. NULL is allowed. */
void umd_ims_destroy(struct umd_ims *ims);

/** What a store has seen and has left. */
struct umd_ims_stats {
	size_t size;	       /* sizeof(struct umd_ims_stats) */
	unsigned int entries;  /* of a fixed array; 0: storage per owner */
	unsigned int reserved; /* by domains */
	unsigned int in_use;   /* parcelled out */
	uint64_t delivered;    /* signals: triggers that waited together count once */
	uint64_t refused;      /* triggers for another owner: -EPERM */
	uint64_t stale;	       /* triggers of a handle that names nothing: -ENOENT */
};

/** @return 0; -EINVAL for a size that cannot be */
int umd_ims_get_stats(struct umd_ims *ims, struct umd_ims_stats *ret);

/* ---- Domains ------------------------------------------------------------------------------- */

struct umd_ims_domain_options {
	size_t size;	      /* sizeof(struct umd_ims_domain_options) */
	uint32_t owner;	      /* one domain for each */
	unsigned int vectors; /* reserved, at least 1 */

	/**
	 * Told of an entry that umd_ims_revoke() took away, in its thread and without a lock held;
	 * umd_ims_domain_destroy() waits until it has returned, so it must not call that. May be
	 * NULL.
	 */
	void (*revoked)(void *data, umd_ims_handle handle);
	void *data;
};

/**
 * Makes a domain and reserves its vectors.
 *
 * @param error filled in on failure; may be NULL. With -ENOSPC it names what was free.
 * @return 0; -ENOSPC where the array has not so many left, or an owner may not have so many;
 *         -EEXIST for an owner that has a domain; -EINVAL for no vectors; -ENOMEM
 */
int umd_ims_domain_create(struct umd_ims *ims, const struct umd_ims_domain_options *options,
			  struct umd_ims_domain **ret, struct umd_error *error);

/** Frees the domain's entries and gives its vectors back. NULL is allowed. */
void umd_ims_domain_destroy(struct umd_ims_domain *domain);

uint32_t umd_ims_domain_owner(const struct umd_ims_domain *domain);

/** The store that the domain is a part of. */
struct umd_ims *umd_ims_domain_store(const struct umd_ims_domain *domain);

/** Triggers of this domain's entries that came for somebody else. */
uint64_t umd_ims_domain_refused(const struct umd_ims_domain *domain);

/* ---- Entries ------------------------------------------------------------------------------- */

/**
 * Parcels out one of the domain's vectors: an entry that signals nothing yet, unmasked.
 *
 * @return 0; -ENOSPC when all are out
 */
int umd_ims_alloc(struct umd_ims_domain *domain, umd_ims_handle *ret);

/** Takes a vector back. @return 0; -ENOENT for a handle that names no entry of the domain */
int umd_ims_free(struct umd_ims_domain *domain, umd_ims_handle handle);

/**
 * What the entry signals: an eventfd of the owner's, which is duplicated; -1 for nothing. Triggers
 * without one stay pending and are delivered here.
 *
 * @return 0; -ENOENT; -EINVAL for what is no eventfd; -EMFILE
 */
int umd_ims_set_eventfd(struct umd_ims_domain *domain, umd_ims_handle handle, int fd);

/** Starts anew: nothing pending, unmasked; what the entry signals stays. @return 0; -ENOENT */
int umd_ims_reset(struct umd_ims_domain *domain, umd_ims_handle handle);

/** Masks; unmasks, and delivers what is pending. @return 0; -ENOENT */
int umd_ims_set_mask(struct umd_ims_domain *domain, umd_ims_handle handle, bool masked);

/** @return 1 where an interrupt waits for an unmask or an eventfd; 0; -ENOENT */
int umd_ims_is_pending(struct umd_ims_domain *domain, umd_ims_handle handle);

/**
 * Triggers an entry for an owner: signals, or leaves it pending while it is masked or has no
 * eventfd.
 *
 * @param owner for whom the work was done that ends with this interrupt
 * @return 0; -EPERM where the entry is somebody else's; -ENOENT where the handle names no entry
 */
int umd_ims_trigger(struct umd_ims *ims, umd_ims_handle handle, uint32_t owner);

/**
 * The same by an entry's index alone, for engines whose handles are as narrow as hardware's: what
 * triggers is the entry that the index has now, so a late one may find the next.
 */
int umd_ims_trigger_index(struct umd_ims *ims, uint32_t index, uint32_t owner);

/** What umd_ims_trigger_index() would return; what it would count is counted. */
int umd_ims_check_index(struct umd_ims *ims, uint32_t index, uint32_t owner);

/**
 * Takes an entry away from its user: the handle names nothing from now on, the vector can be
 * parcelled out again, and the domain is told, in this order.
 *
 * @return 0; -ENOENT
 */
int umd_ims_revoke(struct umd_ims *ims, umd_ims_handle handle);

/* ---- A slice that moves -------------------------------------------------------------------- */

/** What of an entry moves along with a slice. */
struct umd_ims_state {
	size_t size; /* sizeof(struct umd_ims_state) */
	bool masked;
	bool pending;
	uint64_t address; /* as the driver wrote them; see umd_ims_read() */
	uint32_t data;
};

/** @return 0; -ENOENT; -EINVAL for a size that cannot be */
int umd_ims_save(struct umd_ims_domain *domain, umd_ims_handle handle, struct umd_ims_state *ret);

/**
 * Gives a saved entry a new home: a vector of this domain, with this domain's owner. What was
 * pending is delivered as soon as the entry has an eventfd and is not masked.
 *
 * @return 0; -ENOSPC; -EINVAL for a size that cannot be
 */
int umd_ims_restore(struct umd_ims_domain *domain, const struct umd_ims_state *state,
		    umd_ims_handle *ret);

/* ---- The store as registers ---------------------------------------------------------------- */

/*
 * A fixed array as a device shows it, entry by entry, little-endian, laid out as Intel DSA's
 * (struct ims_slot and CTRL_PASID_... of the kernel's ims-msi series of 2021):
 *
 *	00  message address  u64  read-write; umdev keeps it and signals the eventfd instead
 *	08  message data     u32  read-write, the same
 *	0c  control          u32  bit 0      mask, read-write
 *				  bit 2      pending, read-only; umdev's own place for it
 *				  bit 3      the entry is an owner's, read-only
 *				  bits 31:12 the low 20 bits of the owner (its PASID), read-only
 */
#define UMD_IMS_ENTRY_SIZE	 16u
#define UMD_IMS_CTRL_MASK	 (1u << 0)
#define UMD_IMS_CTRL_PENDING	 (1u << 2)
#define UMD_IMS_CTRL_OWNED	 (1u << 3)
#define UMD_IMS_CTRL_OWNER_SHIFT 12

/**
 * Reads the array. Entries that are not out read as zero.
 *
 * @param offset in bytes; offset + size lies within the array
 * @return 0; -EINVAL for a range outside, or a store without an array
 */
int umd_ims_read(struct umd_ims *ims, size_t offset, void *to, size_t size);

/**
 * Writes to an owner's entries in the array. Bytes of other entries are left alone: the rest of the
 * write takes effect.
 *
 * @return 0; -EPERM where a byte was somebody else's, or nobody's; -EINVAL as above
 */
int umd_ims_write(struct umd_ims *ims, uint32_t owner, size_t offset, const void *from,
		  size_t size);

#ifdef __cplusplus
}
#endif
#endif
