/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver's memory as a device reaches it: by its file, by messages that the driver answers inside
 * its calls or between them, under PASIDs; and the log of what the device writes.
 */
#include "served_fixture.h"

#include <sys/mman.h>

#define PAGE	 4096u
#define MESSAGES (3 * 32768u) /* bytes of a transfer that takes some messages */
#define BYTES	 (64 * PAGE)

static struct served served;
static struct umd_driver *driver;
static struct umd_driver_buffer *buffer;
static uint8_t *plain; /* memory without a file */

static int begin(void **state)
{
	memset(&served, 0, sizeof(served));
	served_start(&served);
	driver = served_open(&served, 0);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	served_enable(driver);
	assert_int_equal(umd_driver_buffer_create(BYTES, 0, &buffer), 0);
	plain = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(plain != MAP_FAILED);
	return 0;
}

static int end(void **state)
{
	umd_driver_buffer_destroy(buffer);
	munmap(plain, BYTES);
	umd_driver_close(driver);
	served_finish(&served);
	return 0;
}

/* ---- What the device does ------------------------------------------------------------------ */

static struct {
	uint64_t iova;
	uint8_t bytes[BYTES];
	size_t size;
	bool write;
	uint32_t pasid;
	struct umd_dma_transfer transfer;
	atomic_int result; /* 1: not there yet */
} dma;

static void done(void *data, int error)
{
	dma.result = error;
}

static void start(struct umd_device *device)
{
	int err;

	dma.transfer = (struct umd_dma_transfer){.iova = dma.iova,
						 .buffer = dma.bytes,
						 .size = dma.size,
						 .write = dma.write,
						 .done = done};
	err = umd_dma_start(device, &dma.transfer);
	if (err != -EINPROGRESS)
		dma.result = err;
}

static void start_tagged(struct umd_device *device)
{
	const struct umd_dma_prefix prefix = {.pasid = dma.pasid};

	dma.result = dma.write
			     ? umd_dma_write_tagged(device, &prefix, dma.iova, dma.bytes, dma.size)
			     : umd_dma_read_tagged(device, &prefix, dma.iova, dma.bytes, dma.size);
}

static void have_device(uint64_t iova, size_t size, bool write)
{
	dma.iova = iova;
	dma.size = size;
	dma.write = write;
	dma.result = 1;
	served_do(&served, start);
}

/* Lets events serve what the device asks for, until it has what it wants. */
static int transfer_error(void)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	int64_t deadline = now_ms() + WAIT_MS;

	while (dma.result > 0 && now_ms() < deadline) {
		struct pollfd pollfd = {.fd = umd_driver_event_fd(driver), .events = POLLIN};

		poll(&pollfd, 1, 10);
		assert_int_equal(umd_driver_next_event(driver, &event), -EAGAIN);
	}
	return dma.result;
}

static int device_reads(uint64_t iova, size_t size)
{
	memset(dma.bytes, 0, sizeof(dma.bytes));
	have_device(iova, size, false);
	return transfer_error();
}

static int device_writes(uint64_t iova, size_t size)
{
	have_device(iova, size, true);
	return transfer_error();
}

static int tagged(uint32_t pasid, uint64_t iova, size_t size, bool write)
{
	dma.pasid = pasid;
	dma.iova = iova;
	dma.size = size;
	dma.write = write;
	served_do(&served, start_tagged);
	return dma.result;
}

static void fill(uint8_t *bytes, size_t size, uint8_t seed)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251 + seed);
}

/* ---- What the driver maps ------------------------------------------------------------------ */

static struct umd_driver_dma by_file(size_t at, size_t bytes)
{
	return (struct umd_driver_dma){.size = sizeof(struct umd_driver_dma),
				       .address = (uint8_t *)buffer->address + at,
				       .bytes = bytes,
				       .fd = buffer->fd,
				       .fd_offset = at,
				       .flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE};
}

static struct umd_driver_dma by_message(size_t at, size_t bytes)
{
	struct umd_driver_dma request = by_file(0, bytes);

	request.address = plain + at;
	request.fd = -1;
	return request;
}

static struct umd_driver_map *map(struct umd_driver_dma request, uint64_t *ret_iova)
{
	struct umd_driver_map *ret = NULL;

	assert_int_equal(umd_driver_dma_map(driver, &request, &ret, ret_iova), 0);
	return ret;
}

static uint64_t map_at(struct umd_driver_dma request, uint64_t iova)
{
	request.flags |= UMD_DRIVER_DMA_FIXED;
	request.iova = iova;
	map(request, &iova);
	return iova;
}

/* ---- By file ------------------------------------------------------------------------------- */

static void test_a_device_reaches_the_file(void **state)
{
	uint8_t *bytes = buffer->address;
	struct umd_driver_map *handle;
	uint64_t iova;

	handle = map(by_file(PAGE, 2 * PAGE), &iova);
	fill(bytes, BYTES, 1);
	assert_int_equal(device_reads(iova, 2 * PAGE), 0);
	assert_memory_equal(dma.bytes, bytes + PAGE, 2 * PAGE);
	fill(dma.bytes, PAGE, 9);
	assert_int_equal(device_writes(iova + PAGE, PAGE), 0);
	assert_memory_equal(dma.bytes, bytes + 2 * PAGE, PAGE);

	assert_int_equal(umd_driver_dma_unmap(driver, handle), 0);
	assert_int_equal(device_reads(iova, 1), -EFAULT);
}

static void test_directions_are_the_devices(void **state)
{
	struct umd_driver_dma request = by_file(0, PAGE);
	uint64_t iova;

	request.flags = UMD_DRIVER_DMA_READ;
	map(request, &iova);
	assert_int_equal(device_reads(iova, PAGE), 0);
	assert_int_equal(device_writes(iova, PAGE), -EFAULT);
}

static void test_maps_survive_a_reset(void **state)
{
	uint64_t iova;

	map(by_file(0, PAGE), &iova);
	assert_int_equal(umd_driver_reset(driver), 0);
	served_enable(driver);
	assert_int_equal(device_reads(iova, PAGE), 0);
}

/* Taken away in another order, and made again where there is room. */
static void test_as_many_maps_as_the_device_takes(void **state)
{
	struct umd_driver_dma_limits limits = {.size = sizeof(limits)};
	struct umd_driver_map **maps, *none = NULL;
	struct umd_driver_dma request = by_file(0, PAGE);
	uint64_t iova, first, count;

	assert_int_equal(umd_driver_get_dma_limits(driver, &limits), 0);
	count = limits.max_maps;
	maps = calloc(count, sizeof(struct umd_driver_map *));
	assert_non_null(maps);
	maps[0] = map(request, &first);
	for (uint64_t i = 1; i < count; i++)
		maps[i] = map(request, &iova);
	assert_int_equal(umd_driver_dma_map(driver, &request, &none, &iova), -ENOSPC);
	assert_int_equal(device_reads(first + (count - 1) * PAGE, PAGE), 0);
	for (uint64_t i = 0; i < count; i++)
		assert_int_equal(umd_driver_dma_unmap(driver, maps[i * 40507 % count]), 0);
	map(request, &iova);
	assert_int_equal(iova, first);
	free(maps);
}

/* ---- By message ---------------------------------------------------------------------------- */

static void test_messages_are_answered_between_calls(void **state)
{
	struct umd_driver_map *handle;
	uint64_t iova;

	handle = map(by_message(PAGE, MESSAGES), &iova);
	fill(plain, BYTES, 3);
	assert_int_equal(device_reads(iova, MESSAGES), 0);
	assert_memory_equal(dma.bytes, plain + PAGE, MESSAGES);
	fill(dma.bytes, MESSAGES, 5);
	assert_int_equal(device_writes(iova, MESSAGES), 0);
	assert_memory_equal(dma.bytes, plain + PAGE, MESSAGES);
	assert_int_equal(umd_driver_dma_unmap(driver, handle), 0);
	assert_int_equal(device_reads(iova, 1), -EFAULT);
}

static void test_messages_are_answered_inside_calls(void **state)
{
	int64_t deadline = now_ms() + WAIT_MS;
	uint16_t ids;
	uint64_t iova;

	map(by_message(0, BYTES), &iova);
	fill(plain, BYTES, 4);
	for (int write = 0; write < 2; write++) {
		have_device(iova, BYTES, write);
		while (dma.result > 0 && now_ms() < deadline)
			assert_int_equal(umd_driver_config_read16(driver, 0, &ids), 0);
		assert_int_equal(dma.result, 0);
		assert_memory_equal(dma.bytes, plain, BYTES);
		fill(dma.bytes, BYTES, 6);
	}
}

static void test_a_transfer_goes_over_maps_of_both_kinds(void **state)
{
	map_at(by_message(0, PAGE), 0x100000);
	map_at(by_file(0, PAGE), 0x101000);
	map_at(by_message(5 * PAGE, PAGE), 0x102000);
	fill(dma.bytes, 3 * PAGE, 8);
	assert_int_equal(device_writes(0x100000, 3 * PAGE), 0);
	assert_memory_equal(plain, dma.bytes, PAGE);
	assert_memory_equal(buffer->address, dma.bytes + PAGE, PAGE);
	assert_memory_equal(plain + 5 * PAGE, dma.bytes + 2 * PAGE, PAGE);
	assert_int_equal(device_writes(0x100000, 3 * PAGE + 1), -EFAULT);
}

static void test_an_unmap_ends_a_transfer(void **state)
{
	struct umd_driver_map *handle;
	uint64_t iova;

	handle = map(by_message(0, BYTES), &iova);
	have_device(iova, BYTES, false);
	assert_int_equal(umd_driver_dma_unmap(driver, handle), 0);
	assert_true(transfer_error() == -EFAULT || dma.result == 0);
}

static void test_memory_that_the_device_may_not_write(void **state)
{
	void *constant = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct umd_driver_dma request = by_message(0, PAGE);
	uint64_t iova;

	assert_true(constant != MAP_FAILED);
	request.address = constant;
	map(request, &iova);
	assert_int_equal(device_reads(iova, PAGE), 0);
	assert_int_equal(device_writes(iova, PAGE), -EFAULT);
	munmap(constant, PAGE);
}

/* ---- The dirty log ------------------------------------------------------------------------- */

static void test_what_was_written_is_logged(void **state)
{
	struct umd_driver_dma_limits limits = {.size = sizeof(limits)};
	uint64_t bitmap[2] = {UINT64_MAX, UINT64_MAX};

	assert_int_equal(umd_driver_get_dma_limits(driver, &limits), 0);
	assert_true(limits.flags & UMD_DRIVER_DMA_HAS_DIRTY);
	map_at(by_file(0, BYTES), 0x100000);
	assert_int_equal(umd_driver_dirty_report(driver, 0x100000, BYTES, PAGE, bitmap), -EINVAL);
	assert_int_equal(umd_driver_dirty_start(driver, NULL, 0, PAGE), 0);
	assert_int_equal(device_writes(0x100000 + 3 * PAGE, 1), 0);
	assert_int_equal(device_writes(0x100000 + 63 * PAGE, PAGE), 0);
	assert_int_equal(device_reads(0x100000, PAGE), 0);
	assert_int_equal(umd_driver_dirty_report(driver, 0x100000, BYTES, PAGE, bitmap), 0);
	assert_int_equal(bitmap[0], UINT64_C(1) << 63 | 1 << 3);
	assert_int_equal(bitmap[1], UINT64_MAX);
	assert_int_equal(umd_driver_dirty_report(driver, 0x100000, BYTES, PAGE, bitmap), 0);
	assert_int_equal(bitmap[0], 0);

	assert_int_equal(device_writes(0x100000 + 2 * PAGE, 1), 0);
	assert_int_equal(umd_driver_dirty_report(driver, 0x100000, BYTES, 2 * PAGE, bitmap), 0);
	assert_int_equal(bitmap[0], 2);
	assert_int_equal(umd_driver_dirty_stop(driver), 0);
	assert_int_equal(umd_driver_dirty_report(driver, 0x100000, BYTES, PAGE, bitmap), -EINVAL);
}

/* More pages than the bitmap of one message has. */
static void test_a_long_report_is_made_of_several(void **state)
{
	const uint64_t base = UINT64_C(1) << 40, size = UINT64_C(1) << 36;
	const struct umd_driver_dma_range range = {base, base + size - 1};
	uint64_t *bitmap = malloc(size / PAGE / 8);
	uint64_t pages[] = {0, UINT64_C(1) << 23, (UINT64_C(1) << 23) - 1, size / PAGE - 1};

	assert_non_null(bitmap);
	for (unsigned int i = 0; i < 4; i++)
		map_at(by_file(0, PAGE), base + pages[i] * PAGE);
	assert_int_equal(umd_driver_dirty_start(driver, &range, 1, PAGE), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(device_writes(base + pages[i] * PAGE, 1), 0);
	assert_int_equal(umd_driver_dirty_report(driver, base, size, PAGE, bitmap), 0);
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(bitmap[pages[i] / 64] & UINT64_C(1) << pages[i] % 64);
		bitmap[pages[i] / 64] &= ~(UINT64_C(1) << pages[i] % 64);
	}
	for (uint64_t i = 0; i < size / PAGE / 64; i++)
		assert_int_equal(bitmap[i], 0);
	free(bitmap);
}

/* ---- PASIDs -------------------------------------------------------------------------------- */

static struct umd_driver_dma under(uint32_t pasid, size_t at, size_t bytes)
{
	struct umd_driver_dma request = by_file(at, bytes);

	request.flags |= UMD_DRIVER_DMA_PASID;
	request.pasid = pasid;
	return request;
}

static void test_a_pasid_has_a_space_of_its_own(void **state)
{
	struct umd_driver_map *first, *second, *other;
	uint64_t iova, next;

	first = map(under(3, 0, PAGE), &iova);
	second = map(under(3, PAGE, PAGE), &next);
	assert_int_not_equal(iova, next);
	other = map(under(4, 2 * PAGE, PAGE), &next);
	assert_int_equal(iova, next); /* spaces know nothing of each other */
	fill(buffer->address, BYTES, 2);
	assert_int_equal(tagged(3, iova, PAGE, false), 0);
	assert_memory_equal(dma.bytes, buffer->address, PAGE);
	assert_int_equal(tagged(4, iova, PAGE, false), 0);
	assert_memory_equal(dma.bytes, (uint8_t *)buffer->address + 2 * PAGE, PAGE);
	assert_int_equal(device_reads(iova, 1), -EFAULT);

	assert_int_equal(umd_driver_dma_unmap(driver, first), 0);
	assert_int_equal(tagged(3, iova, PAGE, false), -EFAULT);
	assert_int_equal(umd_driver_dma_unmap(driver, second), 0);
	assert_int_equal(tagged(3, iova, PAGE, false), -ENXIO); /* detached */
	assert_int_equal(tagged(4, iova, PAGE, true), 0);
	assert_int_equal(umd_driver_dma_unmap(driver, other), 0);
}

static int map_error(struct umd_driver_dma request)
{
	struct umd_driver_map *handle = NULL;
	uint64_t iova;

	return umd_driver_dma_map(driver, &request, &handle, &iova);
}

/* A refused first map leaves no space behind: a log can run, which none of them may see. */
static void test_pasids_that_cannot_be(void **state)
{
	struct umd_driver_dma request = under(3, 0, PAGE);

	request.fd = -1;
	assert_int_equal(map_error(request), -EOPNOTSUPP);
	assert_int_equal(map_error(under(1u << SERVED_WIDTH, 0, PAGE)), -ERANGE);
	assert_int_equal(umd_driver_dirty_start(driver, NULL, 0, PAGE), 0);
	assert_int_equal(map_error(under(3, 0, PAGE)), -EBUSY);
	assert_int_equal(umd_driver_dirty_stop(driver), 0);
	assert_int_equal(map_error(under(3, 0, PAGE)), 0);
	assert_int_equal(umd_driver_dirty_start(driver, NULL, 0, PAGE), -EBUSY);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_device_reaches_the_file),
		CASE(test_directions_are_the_devices),
		CASE(test_maps_survive_a_reset),
		CASE(test_as_many_maps_as_the_device_takes),
		CASE(test_messages_are_answered_between_calls),
		CASE(test_messages_are_answered_inside_calls),
		CASE(test_a_transfer_goes_over_maps_of_both_kinds),
		CASE(test_an_unmap_ends_a_transfer),
		CASE(test_memory_that_the_device_may_not_write),
		CASE(test_what_was_written_is_logged),
		CASE(test_a_long_report_is_made_of_several),
		CASE(test_a_pasid_has_a_space_of_its_own),
		CASE(test_pasids_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
