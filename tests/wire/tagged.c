/* SPDX-License-Identifier: BSD-2-Clause */
/* BAR5 of the tagged shape: requests with a PASID, by umd_dma_start_tagged(), and page requests. */
#include <errno.h>
#include <stdlib.h>

#include <umdev/pasid.h>

#include "internal.h"

struct wire_copy {
	struct umd_tagged_transfer transfer;
	int result; /* 0 or a negative errno; -EINPROGRESS */
	uint8_t buffer[TAG_BUFFER];
};

struct wire_ask {
	struct umd_page_request request;
	int result;
};

struct wire_tagged {
	struct umd_device *device;
	uint8_t registers[TAG_COPY]; /* those that only say what to do */
	int stop_result;
	uint32_t attached, detached;
	struct wire_copy copies[TAG_COPIES];
	struct wire_ask asks[TAG_ASKS];
};

static uint32_t get(const struct wire_tagged *tagged, unsigned int offset)
{
	return (uint32_t)get_le(tagged->registers + offset, 4);
}

static struct umd_dma_prefix prefix(const struct wire_tagged *tagged)
{
	uint32_t pasid = get(tagged, TAG_PASID), flags = get(tagged, TAG_FLAGS);

	return (struct umd_dma_prefix){.pasid = pasid == (uint32_t)TAG_NO_PASID ? UMD_DMA_NO_OWNER
										: pasid,
				       .execute = flags & TAG_EXECUTE,
				       .privileged = flags & TAG_PRIVILEGED};
}

/* ---- Doing it ------------------------------------------------------------------------------ */

static void copied(void *data, int error)
{
	struct wire_copy *copy = data;

	copy->result = error;
}

static void start_copy(struct wire_tagged *tagged, uint32_t number)
{
	struct wire_copy *copy = &tagged->copies[number % TAG_COPIES];
	uint32_t size = get(tagged, TAG_SIZE), flags = get(tagged, TAG_FLAGS);

	if (copy->result == -EINPROGRESS || size > TAG_BUFFER)
		return;
	copy->transfer = (struct umd_tagged_transfer){
		.prefix = prefix(tagged),
		.iova = get_le(tagged->registers + TAG_IOVA, 8),
		.buffer = copy->buffer,
		.size = size,
		.write = flags & TAG_WRITE,
		.may_wait = flags & TAG_MAY_WAIT,
		.done = copied,
		.data = copy,
	};
	copy->result = umd_dma_start_tagged(tagged->device, &copy->transfer);
}

static void cancel_copy(struct wire_tagged *tagged, uint32_t number)
{
	struct wire_copy *copy = &tagged->copies[number % TAG_COPIES];

	umd_dma_cancel_tagged(tagged->device, &copy->transfer);
	copy->result = -ECANCELED;
}

static void answered(void *data, int result)
{
	struct wire_ask *ask = data;

	ask->result = result;
}

static void start_ask(struct wire_tagged *tagged, uint32_t number)
{
	struct wire_ask *ask = &tagged->asks[number % TAG_ASKS];
	uint32_t flags = get(tagged, TAG_FLAGS);

	if (ask->result == -EINPROGRESS)
		return;
	ask->request = (struct umd_page_request){
		.prefix = prefix(tagged),
		.address = get_le(tagged->registers + TAG_IOVA, 8),
		.pages = get(tagged, TAG_SIZE),
		.read = flags & TAG_READ,
		.write = flags & TAG_WRITE,
		.done = answered,
		.data = ask,
	};
	ask->result = umd_page_request_start(tagged->device, &ask->request);
}

static void cancel_ask(struct wire_tagged *tagged, uint32_t number)
{
	struct wire_ask *ask = &tagged->asks[number % TAG_ASKS];

	umd_page_request_cancel(tagged->device, &ask->request);
	ask->result = -ECANCELED;
}

/* ---- Registers ----------------------------------------------------------------------------- */

static uint32_t read_result(const struct wire_tagged *tagged, uint64_t offset)
{
	if (offset >= TAG_ASK_RESULTS && offset < TAG_ASK_RESULTS + 4 * TAG_ASKS)
		return (uint32_t)-tagged->asks[(offset - TAG_ASK_RESULTS) / 4].result;
	if (offset >= TAG_COPY_RESULTS && offset < TAG_COPY_RESULTS + 4 * TAG_COPIES)
		return (uint32_t)-tagged->copies[(offset - TAG_COPY_RESULTS) / 4].result;
	switch (offset) {
	case TAG_STOP_RESULT:
		return (uint32_t)-tagged->stop_result;
	case TAG_ATTACHED:
		return tagged->attached;
	case TAG_DETACHED:
		return tagged->detached;
	default:
		return 0;
	}
}

/* The place of a buffer's byte; NULL: none is here. An access of 8 bytes or less lies in one. */
static uint8_t *buffer_at(struct wire_tagged *tagged, uint64_t offset)
{
	uint64_t at = offset - TAG_BUFFERS;

	if (offset < TAG_BUFFERS || at >= TAG_COPIES * (uint64_t)TAG_BUFFER)
		return NULL;
	return &tagged->copies[at / TAG_BUFFER].buffer[at % TAG_BUFFER];
}

static uint64_t read_bar(void *data, uint64_t offset, unsigned int size)
{
	struct wire_device *wire = data;
	const uint8_t *buffer = buffer_at(wire->tagged, offset);

	if (buffer)
		return get_le(buffer, size);
	if (offset + size <= TAG_COPY)
		return get_le(wire->tagged->registers + offset, size);
	return read_result(wire->tagged, offset & ~UINT64_C(3));
}

static void command(struct wire_tagged *tagged, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case TAG_COPY:
		start_copy(tagged, value);
		break;
	case TAG_COPY_CANCEL:
		cancel_copy(tagged, value);
		break;
	case TAG_ASK:
		start_ask(tagged, value);
		break;
	case TAG_ASK_CANCEL:
		cancel_ask(tagged, value);
		break;
	case TAG_STOP:
		tagged->stop_result = umd_page_request_stop(tagged->device, value);
		break;
	default:
		break;
	}
}

static void write_bar(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct wire_device *wire = data;
	uint8_t *buffer = buffer_at(wire->tagged, offset);

	if (buffer)
		put_le(buffer, size, value);
	else if (offset + size <= TAG_COPY)
		put_le(wire->tagged->registers + offset, size, value);
	else if (size == 4)
		command(wire->tagged, offset, (uint32_t)value);
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void attached(void *data, uint32_t pasid, struct umd_dma_space *space)
{
	struct wire_device *wire = data;

	wire->tagged->attached++;
}

static void detached(void *data, uint32_t pasid, struct umd_dma_space *space)
{
	struct wire_device *wire = data;

	wire->tagged->detached++;
}

int wire_tagged_create(struct wire_device *wire)
{
	wire->tagged = calloc(1, sizeof(*wire->tagged));
	if (!wire->tagged)
		return -ENOMEM;
	wire->tagged->device = wire->device;
	return 0;
}

void wire_tagged_destroy(struct wire_tagged *tagged)
{
	free(tagged);
}

void wire_add_tagged_bar(struct wire_device *wire)
{
	const struct umd_region bar5 = {
		.size = TAG_BAR_SIZE, .max_access = 4, .read = read_bar, .write = write_bar};

	umd_device_add_bar(wire->device, 5, &bar5);
}

void wire_add_tagged_ops(struct wire_device *wire)
{
	static const struct umd_pasid_ops ops = {.attached = attached, .detached = detached};

	umd_device_set_pasid_ops(wire->device, &ops);
}
