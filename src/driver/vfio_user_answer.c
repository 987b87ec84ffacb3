/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers to what a server asks of us: the bytes of memory that was mapped for it. It reaches
 * nothing that is not mapped, and not for its direction; what the caller has unmapped himself, or
 * cut short, is EFAULT to it, since the bytes are moved by process_vm_readv() and _writev() on
 * ourselves. All else is refused.
 */
#include <errno.h>
#include <unistd.h>

#include "driver/dma.h"
#include "driver/vfio_user.h"

/* A piece of a transfer that lies in one map. */
struct piece {
	uint8_t *address;
	size_t size;
};

/* The piece at `iova`, of at most `left` bytes; -EFAULT where there is none for this direction. */
static int find_piece(const struct umd_driver *driver, uint64_t iova, size_t left, uint32_t flag,
		      struct piece *ret)
{
	const struct umd_driver_dma *dma = umd_driver_dma_find(driver, iova);
	size_t offset;

	if (!dma || !(dma->flags & flag))
		return -EFAULT;

	offset = (size_t)(iova - dma->iova);
	ret->address = (uint8_t *)dma->address + offset;
	ret->size = left < dma->bytes - offset ? left : dma->bytes - offset;
	return 0;
}

/* Whether the server may have all of it: nothing is written where it may not. */
static int check(const struct umd_driver *driver, const struct umd_wire_dma_access *access,
		 uint32_t flag)
{
	struct piece piece;

	if (!access->count || access->count > driver->limits.max_data_xfer_size)
		return -EINVAL;
	if (access->count - 1 > UINT64_MAX - access->address)
		return -EFAULT;

	for (size_t at = 0; at < access->count; at += piece.size) {
		int err = find_piece(driver, access->address + at, (size_t)access->count - at, flag,
				     &piece);

		if (err)
			return err;
	}
	return 0;
}

static int copy(const struct umd_driver *driver, const struct umd_wire_dma_access *access,
		uint32_t flag, uint8_t *local)
{
	struct piece piece;
	int err = check(driver, access, flag);

	for (size_t at = 0; !err && at < access->count; at += piece.size) {
		struct iovec ours, theirs;
		ssize_t n;

		err = find_piece(driver, access->address + at, (size_t)access->count - at, flag,
				 &piece);
		if (err)
			break;
		ours = (struct iovec){local + at, piece.size};
		theirs = (struct iovec){piece.address, piece.size};
		n = flag == UMD_DRIVER_DMA_READ
			    ? process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0)
			    : process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0);
		err = n == (ssize_t)piece.size ? 0 : -EFAULT;
	}
	return err;
}

/* The reply's payload is put to `to`; returns its size. */
static int dma_read(const struct umd_driver *driver, const struct umd_message *command, uint8_t *to)
{
	struct umd_wire_dma_access access;
	int err;

	if (command->size != sizeof(access) ||
	    !umd_message_get(command, 0, &access, sizeof(access)))
		return -EINVAL;

	err = copy(driver, &access, UMD_DRIVER_DMA_READ, to + sizeof(access));
	if (err)
		return err;
	memcpy(to, &access, sizeof(access));
	return (int)(sizeof(access) + access.count);
}

static int dma_write(const struct umd_driver *driver, const struct umd_message *command,
		     uint8_t *to)
{
	struct umd_wire_dma_access access;
	int err;

	if (!umd_message_get(command, 0, &access, sizeof(access)) ||
	    command->size - sizeof(access) != access.count)
		return -EINVAL;

	err = copy(driver, &access, UMD_DRIVER_DMA_WRITE,
		   (uint8_t *)(uintptr_t)command->payload + sizeof(access));
	if (err)
		return err;
	memcpy(to, &access, sizeof(access));
	return sizeof(access);
}

static int answer(const struct umd_driver *driver, const struct umd_message *command, uint8_t *to)
{
	switch (command->header.command) {
	case UMD_WIRE_DMA_READ:
		return dma_read(driver, command, to);
	case UMD_WIRE_DMA_WRITE:
		return dma_write(driver, command, to);
	default:
		return -ENOTSUP;
	}
}

int umd_vfio_user_answer(struct umd_vfio_user *user, const struct umd_message *command)
{
	struct umd_wire_header header = {.id = command->header.id,
					 .command = command->header.command,
					 .size = sizeof(header),
					 .flags = UMD_WIRE_TYPE_REPLY};
	uint8_t *to;
	int n;

	if (!umd_conn_can_send(&user->conn))
		umd_conn_flush(&user->conn); /* what fails is found by whoever sends next */
	if (!umd_conn_can_send(&user->conn))
		return -EAGAIN;

	to = umd_conn_reserve(&user->conn, UMD_WIRE_MAX_MESSAGE);
	n = answer(&user->driver, command, to + sizeof(header));
	if (n < 0) {
		header.flags |= UMD_WIRE_ERROR;
		header.error = (uint32_t)-n;
	} else {
		header.size += (uint32_t)n;
	}
	if (command->header.flags & UMD_WIRE_NO_REPLY)
		header.size = 0;
	else
		memcpy(to, &header, sizeof(header));
	umd_conn_commit(&user->conn, header.size, NULL, 0);
	return 0;
}
