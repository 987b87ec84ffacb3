/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries: what their owner does with them, and the trigger. */
#include <errno.h>
#include <fcntl.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/foreign.h"
#include "irq/ims_slot.h"
#include "irq/ims_store.h"

/* The domain's entry that a handle names, locked, or NULL. */
static struct umd_ims_slot *lock_own(struct umd_ims_domain *domain, umd_ims_handle handle)
{
	struct umd_ims_slot *slot = umd_ims_slot_lock(&domain->ims->table, handle);

	if (!slot || slot->domain == domain)
		return slot;
	umd_ims_slot_unlock(slot);
	return NULL;
}

UMD_EXPORT int umd_ims_alloc(struct umd_ims_domain *domain, umd_ims_handle *ret)
{
	static const struct umd_ims_state fresh = {.size = sizeof(fresh)};

	return umd_ims_domain_give_out(domain, &fresh, ret);
}

UMD_EXPORT int umd_ims_free(struct umd_ims_domain *domain, umd_ims_handle handle)
{
	struct umd_ims_slot *slot = lock_own(domain, handle);
	int eventfd;

	if (!slot)
		return -ENOENT;

	eventfd = umd_ims_slot_clear(slot);
	umd_ims_slot_unlock(slot);
	umd_foreign_close(&eventfd);
	umd_ims_domain_take_back(domain, slot);
	return 0;
}

UMD_EXPORT int umd_ims_revoke(struct umd_ims *ims, umd_ims_handle handle)
{
	struct umd_ims_slot *slot = umd_ims_slot_lock(&ims->table, handle);
	struct umd_ims_domain *domain;
	int eventfd;

	if (!slot)
		return -ENOENT;

	domain = slot->domain;
	domain->revoking++;
	eventfd = umd_ims_slot_clear(slot);
	umd_ims_slot_unlock(slot);
	umd_foreign_close(&eventfd);
	umd_ims_domain_take_back(domain, slot);
	if (domain->revoked)
		domain->revoked(domain->data, handle);
	umd_ims_domain_end_revoke(domain);
	return 0;
}

/* The duplicate is what is looked at: it is what will be signalled. */
static int duplicate_eventfd(struct umd_ims *ims, int fd, int *ret)
{
	cleanup_foreign int eventfd = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (eventfd < 0)
		return errno == EBADF ? -EINVAL : -errno;
	if (umd_signaller_check(umd_signallers_here(&ims->signallers), eventfd) < 0)
		return -EINVAL;

	*ret = umd_steal_fd(&eventfd);
	return 0;
}

UMD_EXPORT int umd_ims_set_eventfd(struct umd_ims_domain *domain, umd_ims_handle handle, int fd)
{
	cleanup_foreign int eventfd = -1;
	int err = fd == -1 ? 0 : duplicate_eventfd(domain->ims, fd, &eventfd), old;
	struct umd_ims_slot *slot;

	if (err)
		return err;
	slot = lock_own(domain, handle);
	if (!slot)
		return -ENOENT;

	old = slot->eventfd;
	slot->eventfd = umd_steal_fd(&eventfd);
	umd_ims_slot_deliver(slot);
	umd_ims_slot_unlock(slot);
	umd_foreign_close(&old);
	return 0;
}

UMD_EXPORT int umd_ims_set_mask(struct umd_ims_domain *domain, umd_ims_handle handle, bool masked)
{
	struct umd_ims_slot *slot = lock_own(domain, handle);

	if (!slot)
		return -ENOENT;

	slot->masked = masked;
	umd_ims_slot_deliver(slot);
	umd_ims_slot_unlock(slot);
	return 0;
}

UMD_EXPORT int umd_ims_reset(struct umd_ims_domain *domain, umd_ims_handle handle)
{
	struct umd_ims_slot *slot = lock_own(domain, handle);

	if (!slot)
		return -ENOENT;

	slot->masked = slot->pending = false;
	slot->address = 0;
	slot->data = 0;
	umd_ims_slot_unlock(slot);
	return 0;
}

UMD_EXPORT int umd_ims_is_pending(struct umd_ims_domain *domain, umd_ims_handle handle)
{
	struct umd_ims_slot *slot = lock_own(domain, handle);
	int pending;

	if (!slot)
		return -ENOENT;

	pending = slot->pending;
	umd_ims_slot_unlock(slot);
	return pending;
}

/* Whether a locked slot is an entry of the owner's; NULL is nobody's. */
static int check(struct umd_ims *ims, struct umd_ims_slot *slot, uint32_t owner)
{
	if (!slot) {
		umd_ims_count(&ims->stale);
		return -ENOENT;
	}
	if (slot->domain->owner == owner)
		return 0;

	umd_ims_count(&slot->domain->refused);
	return -EPERM;
}

static int trigger(struct umd_ims *ims, struct umd_ims_slot *slot, uint32_t owner)
{
	int err = check(ims, slot, owner);

	if (!err) {
		slot->pending = true;
		umd_ims_slot_deliver(slot);
	}
	if (slot)
		umd_ims_slot_unlock(slot);
	return err;
}

UMD_EXPORT int umd_ims_trigger(struct umd_ims *ims, umd_ims_handle handle, uint32_t owner)
{
	return trigger(ims, umd_ims_slot_lock(&ims->table, handle), owner);
}

UMD_EXPORT int umd_ims_trigger_index(struct umd_ims *ims, uint32_t index, uint32_t owner)
{
	return trigger(ims, umd_ims_slot_lock_index(&ims->table, index), owner);
}

UMD_EXPORT int umd_ims_check_index(struct umd_ims *ims, uint32_t index, uint32_t owner)
{
	struct umd_ims_slot *slot = umd_ims_slot_lock_index(&ims->table, index);
	int err = check(ims, slot, owner);

	if (slot)
		umd_ims_slot_unlock(slot);
	return err;
}

/* ---- A slice that moves -------------------------------------------------------------------- */

UMD_EXPORT int umd_ims_save(struct umd_ims_domain *domain, umd_ims_handle handle,
			    struct umd_ims_state *ret)
{
	struct umd_ims_slot *slot;

	if (ret->size != sizeof(*ret))
		return -EINVAL;
	slot = lock_own(domain, handle);
	if (!slot)
		return -ENOENT;

	ret->masked = slot->masked;
	ret->pending = slot->pending;
	ret->address = slot->address;
	ret->data = slot->data;
	umd_ims_slot_unlock(slot);
	return 0;
}

UMD_EXPORT int umd_ims_restore(struct umd_ims_domain *domain, const struct umd_ims_state *state,
			       umd_ims_handle *ret)
{
	if (state->size != sizeof(*state))
		return -EINVAL;
	return umd_ims_domain_give_out(domain, state, ret);
}
