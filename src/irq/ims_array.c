/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A store's fixed array as registers. A range may begin and end anywhere: what it covers of an
 * entry is copied out of, or into, the entry's 16 bytes.
 */
#include <errno.h>

#include "base/bytes.h"
#include "base/export.h"
#include "base/range.h"
#include "irq/ims_slot.h"
#include "irq/ims_store.h"

#define DATA	8u
#define CONTROL 12u

/* What a range covers of one entry. */
struct piece {
	uint32_t index;
	size_t offset, size; /* within the entry */
};

static struct piece first_piece(size_t offset, size_t size)
{
	struct piece piece = {.index = (uint32_t)(offset / UMD_IMS_ENTRY_SIZE),
			      .offset = offset % UMD_IMS_ENTRY_SIZE};
	size_t room = UMD_IMS_ENTRY_SIZE - piece.offset;

	piece.size = size < room ? size : room;
	return piece;
}

static void show(const struct umd_ims_slot *slot, uint8_t *image)
{
	uint32_t control = UMD_IMS_CTRL_OWNED | slot->domain->owner << UMD_IMS_CTRL_OWNER_SHIFT;

	if (slot->masked)
		control |= UMD_IMS_CTRL_MASK;
	if (slot->pending)
		control |= UMD_IMS_CTRL_PENDING;
	umd_put_le64(image, slot->address);
	umd_put_le32(image + DATA, slot->data);
	umd_put_le32(image + CONTROL, control);
}

static void read_piece(struct umd_ims_slot *slot, const struct piece *piece, uint8_t *to)
{
	uint8_t image[UMD_IMS_ENTRY_SIZE] = {0};

	pthread_mutex_lock(&slot->lock);
	if (slot->domain)
		show(slot, image);
	pthread_mutex_unlock(&slot->lock);
	memcpy(to, image + piece->offset, piece->size);
}

UMD_EXPORT int umd_ims_read(struct umd_ims *ims, size_t offset, void *to, size_t size)
{
	uint8_t *bytes = to;

	if (!ims->entries ||
	    !umd_range_within(offset, size, (uint64_t)ims->entries * UMD_IMS_ENTRY_SIZE))
		return -EINVAL;

	for (size_t done = 0; done < size;) {
		struct piece piece = first_piece(offset + done, size - done);

		read_piece(umd_ims_table_find(&ims->table, piece.index), &piece, bytes + done);
		done += piece.size;
	}
	return 0;
}

/* Of control, the mask alone can be written. */
static void store(struct umd_ims_slot *slot, const struct piece *piece, const uint8_t *from)
{
	uint8_t image[UMD_IMS_ENTRY_SIZE];

	show(slot, image);
	memcpy(image + piece->offset, from, piece->size);
	slot->address = umd_get_le64(image);
	slot->data = umd_get_le32(image + DATA);
	slot->masked = image[CONTROL] & UMD_IMS_CTRL_MASK;
}

static int write_piece(struct umd_ims_slot *slot, uint32_t owner, const struct piece *piece,
		       const uint8_t *from)
{
	int err = -EPERM;

	pthread_mutex_lock(&slot->lock);
	if (slot->domain && slot->domain->owner == owner) {
		store(slot, piece, from);
		umd_ims_slot_deliver(slot);
		err = 0;
	}
	pthread_mutex_unlock(&slot->lock);
	return err;
}

UMD_EXPORT int umd_ims_write(struct umd_ims *ims, uint32_t owner, size_t offset, const void *from,
			     size_t size)
{
	const uint8_t *bytes = from;
	int err = 0;

	if (!ims->entries ||
	    !umd_range_within(offset, size, (uint64_t)ims->entries * UMD_IMS_ENTRY_SIZE))
		return -EINVAL;

	for (size_t done = 0; done < size;) {
		struct piece piece = first_piece(offset + done, size - done);

		if (write_piece(umd_ims_table_find(&ims->table, piece.index), owner, &piece,
				bytes + done) < 0)
			err = -EPERM;
		done += piece.size;
	}
	return err;
}
