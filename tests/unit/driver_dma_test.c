/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA maps of a driver, beside a server that notes what it is told; and a server that asks for
 * memory which it was not given, or asks without end.
 */
#include "driver_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGE	 4096u
#define MAPS_MAX 100u /* as the fake server says */
#define XFER_MAX 65536u

static struct fake fake;
static struct umd_driver *driver;
static struct umd_driver_buffer *buffer;

/* What the server was told, and how it answers. */
static struct {
	struct umd_wire_dma_map map;	 /* the last one */
	struct umd_wire_dma_unmap unmap; /* the last one */
	unsigned int maps, unmaps, fds;
	struct stat file; /* that came with it */
	uint32_t map_error, unmap_error;
	uint64_t unmap_patch; /* XORed into the answer's size */
	bool silent, hang_up;
} told;

/* A command of the server's, with some data behind the access. */
static struct question {
	struct umd_wire_header header;
	struct umd_wire_dma_access access;
	uint8_t data[PAGE + 64];
} question;

static unsigned int questions; /* how often it is asked, with ids from 1 on */

static void note_map(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload)
{
	memcpy(&told.map, payload, sizeof(told.map));
	told.maps++;
	told.fds = f->fd_count;
	if (f->fd_count)
		fstat(f->fds[0], &told.file);
	if (told.map_error)
		fake_error(f, command, told.map_error);
	else
		fake_reply(f, command, NULL, 0);
}

static void note_unmap(struct fake *f, const struct umd_wire_header *command,
		       const uint8_t *payload)
{
	struct umd_wire_dma_unmap reply;

	memcpy(&told.unmap, payload, sizeof(told.unmap));
	told.unmaps++;
	reply = told.unmap;
	reply.size ^= told.unmap_patch;
	if (told.unmap_error)
		fake_error(f, command, told.unmap_error);
	else
		fake_reply(f, command, &reply, sizeof(reply));
}

static bool note(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		 size_t size)
{
	if (command->command != UMD_WIRE_DMA_MAP && command->command != UMD_WIRE_DMA_UNMAP)
		return false;
	if (told.hang_up)
		shutdown(f->connection, SHUT_RDWR);
	else if (told.silent)
		return true;
	else if (command->command == UMD_WIRE_DMA_MAP)
		note_map(f, command, payload);
	else
		note_unmap(f, command, payload);
	return true;
}

static void begin_with(fake_twist *twist)
{
	fake.twist = twist;
	fake_start(&fake);
	driver = fake_open(&fake);
	assert_int_equal(umd_driver_buffer_create(16 * PAGE, 0, &buffer), 0);
}

static void begin(void)
{
	begin_with(note);
}

static int end(void **state)
{
	umd_driver_buffer_destroy(buffer);
	umd_driver_close(driver);
	fake_stop(&fake);
	memset(&fake, 0, sizeof(fake));
	memset(&told, 0, sizeof(told));
	memset(&question, 0, sizeof(question));
	return 0;
}

/* A part of the buffer, by its file. */
static struct umd_driver_dma part(size_t at, size_t bytes)
{
	return (struct umd_driver_dma){.size = sizeof(struct umd_driver_dma),
				       .address = (uint8_t *)buffer->address + at,
				       .bytes = bytes,
				       .fd = buffer->fd,
				       .fd_offset = at,
				       .flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE};
}

static int map_error(struct umd_driver_dma dma)
{
	struct umd_driver_map *map = NULL;
	uint64_t iova = 77;
	int err = umd_driver_dma_map(driver, &dma, &map, &iova);

	if (err) {
		assert_null(map);
		assert_int_equal(iova, 77);
	}
	return err;
}

static struct umd_driver_map *map_at(struct umd_driver_dma dma, uint64_t iova)
{
	struct umd_driver_map *map = NULL;
	uint64_t found;

	dma.flags |= UMD_DRIVER_DMA_FIXED;
	dma.iova = iova;
	assert_int_equal(umd_driver_dma_map(driver, &dma, &map, &found), 0);
	assert_int_equal(found, iova);
	return map;
}

/* ---- What the server is told --------------------------------------------------------------- */

static void test_a_map_goes_with_its_file(void **state)
{
	struct umd_driver_dma dma;
	struct umd_driver_map *map;
	struct stat file;
	uint64_t iova;

	begin();
	dma = part(2 * PAGE, 3 * PAGE);
	dma.flags = UMD_DRIVER_DMA_READ;
	assert_int_equal(umd_driver_dma_map(driver, &dma, &map, &iova), 0);
	assert_int_equal(told.fds, 1);
	assert_int_equal(fstat(buffer->fd, &file), 0);
	assert_int_equal(told.file.st_ino, file.st_ino);
	assert_int_equal(told.map.flags, 1);
	assert_int_equal(told.map.offset, 2 * PAGE);
	assert_int_equal(told.map.size, 3 * PAGE);
	assert_int_equal(told.map.address, iova);
	assert_int_not_equal(iova, 0);

	assert_int_equal(umd_driver_dma_unmap(driver, map), 0);
	assert_int_equal(told.unmap.address, iova);
	assert_int_equal(told.unmap.size, 3 * PAGE);
	assert_int_equal(told.unmap.flags, 0);
}

static void test_memory_without_a_file_goes_without(void **state)
{
	struct umd_driver_dma dma;

	begin();
	dma = part(0, PAGE);
	dma.fd = -1;
	dma.flags = UMD_DRIVER_DMA_WRITE;
	assert_int_equal(map_error(dma), 0);
	assert_int_equal(told.fds, 0);
	assert_int_equal(told.map.offset, 0);
	assert_int_equal(told.map.flags, 2);
}

static void test_a_server_that_takes_no_files_gets_none(void **state)
{
	fake.version_json = "{\"capabilities\":{\"max_msg_fds\":0}}";
	begin();
	assert_int_equal(map_error(part(PAGE, PAGE)), 0);
	assert_int_equal(told.fds, 0);
	assert_int_equal(told.map.offset, 0);
}

/* ---- What a caller gives ------------------------------------------------------------------- */

static void test_maps_that_cannot_be(void **state)
{
	struct umd_driver_dma good, dma;

	begin();
	good = part(0, PAGE);
	dma = good;
	dma.address = (uint8_t *)dma.address + 1;
	assert_int_equal(map_error(dma), -EINVAL);
	dma = good;
	dma.address = NULL;
	assert_int_equal(map_error(dma), -EINVAL);
	dma = good;
	dma.bytes = 0;
	assert_int_equal(map_error(dma), -EINVAL);
	dma.bytes = PAGE + 1;
	assert_int_equal(map_error(dma), -EINVAL);
	dma.bytes = SIZE_MAX - PAGE + 1;
	assert_int_equal(map_error(dma), -EINVAL);
	dma = good;
	dma.fd_offset = 1;
	assert_int_equal(map_error(dma), -EINVAL);
	dma.fd_offset = INT64_MAX - PAGE + 1;
	assert_int_equal(map_error(dma), -EINVAL);
	dma.fd_offset = UINT64_MAX - PAGE + 1;
	assert_int_equal(map_error(dma), -EINVAL);
	dma = good;
	dma.flags = 0;
	assert_int_equal(map_error(dma), -EINVAL);
	dma.flags = UMD_DRIVER_DMA_READ | 16;
	assert_int_equal(map_error(dma), -EINVAL);
	dma.flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_PASID;
	assert_int_equal(map_error(dma), -EOPNOTSUPP);
	dma = good;
	dma.size = offsetof(struct umd_driver_dma, fd);
	assert_int_equal(map_error(dma), -EINVAL);
	assert_int_equal(told.maps, 0);
}

static void test_fixed_iovas(void **state)
{
	struct umd_driver_dma dma;
	struct umd_driver_map *map;

	begin();
	map = map_at(part(0, 2 * PAGE), 0x10000);
	dma = part(0, 2 * PAGE);
	dma.flags |= UMD_DRIVER_DMA_FIXED;
	dma.iova = 0x10800;
	assert_int_equal(map_error(dma), -EINVAL);
	dma.iova = 0xf000;
	assert_int_equal(map_error(dma), -EEXIST);
	dma.iova = 0x11000;
	assert_int_equal(map_error(dma), -EEXIST);
	dma.iova = UINT64_MAX - PAGE + 1;
	assert_int_equal(map_error(dma), -ERANGE);
	assert_int_equal(told.maps, 1);

	map_at(part(0, 2 * PAGE), 0x12000);
	map_at(part(0, PAGE), 0);
	map_at(part(0, PAGE), UINT64_MAX - PAGE + 1);
	assert_int_equal(umd_driver_dma_unmap(driver, map), 0);
	map_at(part(0, 2 * PAGE), 0x10000);
}

static void test_no_more_maps_than_the_server_takes(void **state)
{
	struct umd_driver_map *maps[MAPS_MAX];
	struct umd_driver_dma dma;
	uint64_t iova;

	begin();
	dma = part(0, PAGE);
	for (unsigned int i = 0; i < MAPS_MAX; i++)
		assert_int_equal(umd_driver_dma_map(driver, &dma, &maps[i], &iova), 0);
	assert_int_equal(map_error(dma), -ENOSPC);
	assert_int_equal(told.maps, MAPS_MAX);
	assert_int_equal(umd_driver_dma_unmap(driver, maps[50]), 0);
	assert_int_equal(map_error(dma), 0);
	assert_int_equal(map_error(dma), -ENOSPC);
}

static void test_limits(void **state)
{
	struct umd_driver_dma_limits limits = {.size = sizeof(limits)};
	struct umd_driver_dma_range range;
	unsigned int count;

	begin();
	assert_int_equal(umd_driver_get_dma_limits(driver, &limits), 0);
	assert_int_equal(limits.flags, 0);
	assert_int_equal(limits.page_sizes, PAGE);
	assert_int_equal(limits.max_maps, MAPS_MAX);
	assert_int_equal(limits.ranges, 1);
	assert_int_equal(umd_driver_get_dma_ranges(driver, &range, 1, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(range.first, 0);
	assert_int_equal(range.last, UINT64_MAX);
	assert_int_equal(umd_driver_get_dma_ranges(driver, NULL, 0, &count), 0);
	limits.size = 1;
	assert_int_equal(umd_driver_get_dma_limits(driver, &limits), -EINVAL);
}

static void test_what_a_log_cannot_be_asked(void **state)
{
	const struct umd_driver_dma_range all = {0, UINT64_MAX}, none = {1, 0};
	struct umd_driver_dma_range many[UMD_DRIVER_DIRTY_RANGES_MAX + 1] = {0};
	uint64_t word;

	begin();
	assert_int_equal(umd_driver_dirty_start(driver, NULL, 0, 0), -EINVAL);
	assert_int_equal(umd_driver_dirty_start(driver, NULL, 0, 4097), -EINVAL);
	assert_int_equal(umd_driver_dirty_start(driver, &all, 1, PAGE), -EINVAL);
	assert_int_equal(umd_driver_dirty_start(driver, &none, 1, PAGE), -EINVAL);
	assert_int_equal(
		umd_driver_dirty_start(driver, many, UMD_DRIVER_DIRTY_RANGES_MAX + 1, PAGE),
		-E2BIG);
	assert_int_equal(umd_driver_dirty_report(driver, 0, 0, PAGE, &word), -EINVAL);
	assert_int_equal(umd_driver_dirty_report(driver, 0, PAGE + 1, PAGE, &word), -EINVAL);
	assert_int_equal(umd_driver_dirty_report(driver, 1, PAGE, PAGE, &word), -EINVAL);
	assert_int_equal(
		umd_driver_dirty_report(driver, UINT64_MAX - PAGE + 1, 2 * PAGE, PAGE, &word),
		-EINVAL);
	assert_int_equal(umd_driver_dirty_start(driver, NULL, 0, PAGE), -ENOTTY); /* its answer */
}

/* ---- Buffers ------------------------------------------------------------------------------- */

static void test_buffers_are_whole_pages_of_zeroes_that_nobody_cuts_short(void **state)
{
	static const uint8_t zeroes[2 * PAGE];
	struct umd_driver_buffer *odd = NULL;

	begin();
	assert_int_equal(umd_driver_buffer_create(PAGE + 1, 0, &odd), 0);
	assert_int_equal(odd->bytes, 2 * PAGE);
	assert_memory_equal(odd->address, zeroes, sizeof(zeroes));
	assert_int_equal(ftruncate(odd->fd, PAGE), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(odd->fd, 3 * PAGE), -1);
	umd_driver_buffer_destroy(odd);
	umd_driver_buffer_destroy(NULL);
}

static void test_buffers_that_cannot_be(void **state)
{
	struct umd_driver_buffer *none = NULL;

	begin();
	assert_int_equal(umd_driver_buffer_create(0, 0, &none), -EINVAL);
	assert_int_equal(umd_driver_buffer_create(PAGE, 2, &none), -EINVAL);
	assert_int_equal(umd_driver_buffer_create(SIZE_MAX, 0, &none), -ENOMEM);
	assert_int_equal(umd_driver_buffer_create(SIZE_MAX / 2, UMD_DRIVER_BUFFER_HUGE, &none),
			 -ENOMEM);
	assert_null(none);
}

static void test_buffers_of_huge_pages(void **state)
{
	struct umd_driver_buffer *huge = NULL;
	struct umd_driver_dma dma;
	int err;

	begin();
	err = umd_driver_buffer_create(1, UMD_DRIVER_BUFFER_HUGE, &huge);
	if (err) { /* the system has none to give */
		assert_int_equal(err, -ENOMEM);
		return;
	}
	assert_true(huge->bytes > PAGE && huge->bytes % PAGE == 0);
	memset(huge->address, 0x55, huge->bytes);
	dma = part(0, PAGE);
	dma.address = huge->address;
	dma.bytes = huge->bytes;
	dma.fd = huge->fd;
	assert_int_equal(map_error(dma), 0);
	umd_driver_buffer_destroy(huge);
}

/* ---- Servers that do not play along -------------------------------------------------------- */

static void test_what_the_server_refuses_leaves_its_place(void **state)
{
	begin();
	told.map_error = ENOMEM;
	for (unsigned int i = 0; i < 2 * MAPS_MAX; i++)
		assert_int_equal(map_error(part(0, PAGE)), -ENOMEM);
	told.map_error = 0;
	map_at(part(0, PAGE), told.map.address);
}

/* Memory that the server may still reach is not forgotten. */
static void expect_unmap_to_end_it(int expected)
{
	struct umd_driver_map *map = map_at(part(0, PAGE), PAGE);
	uint8_t byte;

	assert_int_equal(umd_driver_dma_unmap(driver, map), expected);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), -ENODEV);
	assert_int_equal(map_error(part(0, PAGE)), -ENODEV);
}

static void test_an_unmap_that_is_refused_is_the_end(void **state)
{
	begin();
	told.unmap_error = EBUSY;
	expect_unmap_to_end_it(-EBUSY);
}

static void test_an_unmap_of_something_else_is_the_end(void **state)
{
	begin();
	told.unmap_patch = PAGE;
	expect_unmap_to_end_it(-EPROTO);
}

static void test_the_server_dies_in_the_middle(void **state)
{
	struct umd_driver_map *map;

	begin();
	map = map_at(part(0, PAGE), PAGE);
	told.hang_up = true;
	assert_int_equal(map_error(part(0, PAGE)), -ENODEV);
	assert_int_equal(umd_driver_dma_unmap(driver, map), -ENODEV);
}

static void test_the_server_says_nothing(void **state)
{
	struct umd_driver_map *map;
	int64_t start;

	begin();
	map = map_at(part(0, PAGE), PAGE);
	told.silent = true;
	start = now_ms();
	assert_int_equal(map_error(part(0, PAGE)), -ETIMEDOUT);
	assert_true(now_ms() - start < 10 * SHORT_MS);
	assert_int_equal(umd_driver_dma_unmap(driver, map), -ENODEV);
}

/* ---- What the server asks for -------------------------------------------------------------- */

static void send_questions(struct fake *f)
{
	for (unsigned int i = 0; i < questions; i++) {
		question.header.id = (uint16_t)(i + 1);
		fake_send(f, &question, question.header.size);
	}
}

/* Before the answer to a reset. */
static bool ask(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		size_t size)
{
	if (command->command == UMD_WIRE_DEVICE_RESET)
		send_questions(f);
	return note(f, command, payload, size);
}

/* Behind it. */
static bool ask_behind(struct fake *f, const struct umd_wire_header *command,
		       const uint8_t *payload, size_t size)
{
	if (command->command != UMD_WIRE_DEVICE_RESET)
		return note(f, command, payload, size);
	fake_reply(f, command, NULL, 0);
	send_questions(f);
	return true;
}

static void prepare(uint16_t command, uint64_t address, uint64_t count, size_t data)
{
	question.header = (struct umd_wire_header){
		.command = command,
		.size = (uint32_t)(sizeof(question.header) + sizeof(question.access) + data)};
	question.access = (struct umd_wire_dma_access){.address = address, .count = count};
	questions = 1;
}

/* The error that the server gets; 0 for an answer of so many bytes that names what was asked. */
static uint32_t answer_to(size_t bytes)
{
	uint8_t byte;
	unsigned int before = fake.replies;

	assert_int_equal(umd_driver_reset(driver), 0);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), 0);
	assert_int_equal(fake.replies, before + 1);
	assert_int_equal(fake.last_reply.id, 1);
	assert_int_equal(fake.last_reply.command, question.header.command);
	if (fake.last_reply.flags & UMD_WIRE_ERROR) {
		assert_int_equal(fake.last_reply.size, sizeof(fake.last_reply));
		return fake.last_reply.error;
	}
	assert_int_equal(fake.last_reply.size,
			 sizeof(fake.last_reply) + sizeof(question.access) + bytes);
	assert_memory_equal(fake.last_payload, &question.access, sizeof(question.access));
	return 0;
}

static uint32_t read_error(uint64_t address, uint64_t count)
{
	prepare(UMD_WIRE_DMA_READ, address, count, 0);
	return answer_to((size_t)count);
}

static uint32_t write_error(uint64_t address, uint64_t count, size_t data)
{
	prepare(UMD_WIRE_DMA_WRITE, address, count, data);
	return answer_to(0);
}

static void test_the_server_gets_what_is_mapped(void **state)
{
	uint8_t *bytes;

	begin_with(ask);
	bytes = buffer->address;
	map_at(part(0, PAGE), 0x10000);
	map_at(part(2 * PAGE, 2 * PAGE), 0x11000); /* next to it, but not in memory */
	strcpy((char *)bytes + 100, "hello");
	assert_int_equal(read_error(0x10000 + 100, 6), 0);
	assert_string_equal(fake.last_payload + sizeof(question.access), "hello");

	bytes[PAGE - 1] = 'a';
	bytes[2 * PAGE] = 'b';
	assert_int_equal(read_error(0x10fff, 2), 0);
	assert_memory_equal(fake.last_payload + sizeof(question.access), "ab", 2);

	memcpy(question.data, "12", 2);
	assert_int_equal(write_error(0x10fff, 2, 2), 0);
	assert_int_equal(bytes[PAGE - 1], '1');
	assert_int_equal(bytes[2 * PAGE], '2');
	assert_int_equal(bytes[PAGE], 0);
}

static void test_the_server_gets_nothing_else(void **state)
{
	uint8_t *bytes;
	struct umd_driver_map *map;

	begin_with(ask);
	bytes = buffer->address;
	map = map_at(part(0, PAGE), 0x10000);
	map_at(part(PAGE, PAGE), UINT64_MAX - PAGE + 1);
	assert_int_equal(read_error(0xffff, 2), EFAULT);
	assert_int_equal(read_error(0x10fff, 2), EFAULT);
	assert_int_equal(read_error(0, 1), EFAULT);
	assert_int_equal(read_error(UINT64_MAX, 1), 0);
	assert_int_equal(read_error(UINT64_MAX, 2), EFAULT);
	assert_int_equal(read_error(0x10000, 0), EINVAL);
	assert_int_equal(read_error(0x10000, XFER_MAX + 1), EINVAL);
	assert_int_equal(read_error(0x10000, UINT64_MAX), EINVAL);
	question.data[0] = 9;
	assert_int_equal(write_error(0x10fff, 2, 2), EFAULT);
	assert_int_equal(bytes[PAGE - 1], 0);
	assert_int_equal(write_error(0x10000, 2, 1), EINVAL);
	assert_int_equal(write_error(0x10000, 2, 3), EINVAL);
	prepare(UMD_WIRE_DMA_READ, 0x10000, 1, 1);
	assert_int_equal(answer_to(1), EINVAL);
	question.header.size = sizeof(question.header) + 15;
	assert_int_equal(answer_to(1), EINVAL);

	assert_int_equal(umd_driver_dma_unmap(driver, map), 0);
	assert_int_equal(read_error(0x10000, 1), EFAULT);
}

static void test_directions_are_kept(void **state)
{
	struct umd_driver_dma to_device, from_device;

	begin_with(ask);
	to_device = part(0, PAGE);
	to_device.flags = UMD_DRIVER_DMA_READ;
	from_device = part(PAGE, PAGE);
	from_device.flags = UMD_DRIVER_DMA_WRITE;
	map_at(to_device, 0x10000);
	map_at(from_device, 0x11000);
	assert_int_equal(read_error(0x10000, 1), 0);
	assert_int_equal(write_error(0x10000, 1, 1), EFAULT);
	assert_int_equal(read_error(0x11000, 1), EFAULT);
	assert_int_equal(write_error(0x11000, 1, 1), 0);
	question.data[0] = 7;
	assert_int_equal(write_error(0x10fff, 2, 2), EFAULT);
	assert_int_equal(((uint8_t *)buffer->address)[PAGE], 0);
}

/* The caller was to keep it; it is no reason to end the process. */
static void test_memory_that_the_caller_unmapped(void **state)
{
	struct umd_driver_dma dma;
	void *memory =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	begin_with(ask);
	dma = part(0, 2 * PAGE);
	dma.address = memory;
	dma.fd = -1;
	map_at(dma, 0x10000);
	assert_int_equal(munmap(memory, PAGE), 0);
	assert_int_equal(read_error(0x10800, 0x1000), EFAULT);
	assert_int_equal(write_error(0x10000, 1, 1), EFAULT);
	assert_int_equal(read_error(0x11000, 0x1000), 0);
	munmap((uint8_t *)memory + PAGE, PAGE);
}

static void test_no_reply_is_wanted(void **state)
{
	uint8_t byte;

	begin_with(ask);
	map_at(part(0, PAGE), 0x10000);
	prepare(UMD_WIRE_DMA_WRITE, 0x10000, 1, 1);
	question.header.flags = UMD_WIRE_NO_REPLY;
	question.data[0] = 5;
	assert_int_equal(umd_driver_reset(driver), 0);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), 0);
	assert_int_equal(*(uint8_t *)buffer->address, 5);
	assert_int_equal(fake.replies, 0);
}

static int region_file = -1;

/* In one message with the description of a region, whose file comes along. */
static bool ask_before_a_file(struct fake *f, const struct umd_wire_header *command,
			      const uint8_t *payload, size_t size)
{
	struct {
		uint8_t command[sizeof(question.header) + sizeof(question.access)];
		struct umd_wire_header header;
		struct umd_wire_region_info info;
	} both = {.header = {.id = command->id,
			     .command = command->command,
			     .size = sizeof(both.header) + sizeof(both.info),
			     .flags = UMD_WIRE_TYPE_REPLY},
		  .info = {.argsz = sizeof(both.info),
			   .flags = UMD_WIRE_REGION_FLAG_READ | UMD_WIRE_REGION_FLAG_MMAP,
			   .size = PAGE}};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.align = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec iov = {&both, sizeof(both)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};

	if (command->command != UMD_WIRE_GET_REGION_INFO)
		return note(f, command, payload, size);
	memcpy(both.command, &question, sizeof(both.command));
	memcpy(CMSG_DATA(&control.align), &region_file, sizeof(region_file));
	sendmsg(f->connection, &msg, MSG_NOSIGNAL);
	return true;
}

static void test_a_question_before_a_reply_leaves_it_its_file(void **state)
{
	volatile void *address;

	begin_with(ask_before_a_file);
	map_at(part(0, PAGE), 0x10000);
	prepare(UMD_WIRE_DMA_READ, 0x10000, 1, 0);
	region_file = buffer->fd;
	strcpy(buffer->address, "region");
	assert_int_equal(umd_driver_region_map(driver, 0, 0, PAGE, &address), 0);
	assert_string_equal((const char *)address, "region");
	assert_int_equal(umd_driver_region_unmap(driver, address), 0);
}

/* ---- Many questions ------------------------------------------------------------------------ */

static void wait_for_replies(unsigned int wanted)
{
	int64_t deadline = now_ms() + 5000;

	while (fake.replies < wanted && now_ms() < deadline)
		usleep(1000);
	assert_int_equal(fake.replies, wanted);
}

/* More than a socket holds: the server reads the answers only when it has answered the reset. */
static void test_answers_that_do_not_fit_leave_with_the_events(void **state)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	unsigned int done;

	begin_with(ask_behind);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	map_at(part(0, 16 * PAGE), 0x10000);
	prepare(UMD_WIRE_DMA_READ, 0x10000, XFER_MAX, 0);
	questions = 40;
	assert_int_equal(umd_driver_reset(driver), 0);
	for (done = 0; done < 10000 && fake.replies < questions; done++) {
		struct pollfd pollfd = {.fd = umd_driver_event_fd(driver), .events = POLLIN};

		assert_true(fake.replies == questions || poll(&pollfd, 1, 1000) >= 0);
		assert_int_equal(umd_driver_next_event(driver, &event), -EAGAIN);
	}
	wait_for_replies(questions);
	assert_int_equal(fake.reply_bytes, questions * (XFER_MAX + sizeof(question.access)));
	assert_in_range(done, 0, 2000); /* it was waited for */
}

static void test_answers_that_do_not_fit_leave_within_a_call(void **state)
{
	uint8_t byte;

	begin_with(ask);
	map_at(part(0, 16 * PAGE), 0x10000);
	prepare(UMD_WIRE_DMA_READ, 0x10000, XFER_MAX, 0);
	questions = 40;
	assert_int_equal(umd_driver_reset(driver), 0);
	while (fake.replies < questions)
		assert_int_equal(umd_driver_config_read8(driver, 0, &byte), 0);
	assert_int_equal(fake.reply_bytes, questions * (XFER_MAX + sizeof(question.access)));
}

/* Asks without end and reads no answer, for longer than the timeout. */
static bool ask_and_ask(struct fake *f, const struct umd_wire_header *command,
			const uint8_t *payload, size_t size)
{
	if (command->command != UMD_WIRE_DEVICE_RESET)
		return note(f, command, payload, size);
	while (send(f->connection, &question, question.header.size, MSG_NOSIGNAL) > 0)
		;
	return true;
}

static void test_a_call_lasts_no_longer_for_questions(void **state)
{
	int64_t start;

	begin_with(ask_and_ask);
	map_at(part(0, PAGE), 0x10000);
	prepare(UMD_WIRE_DMA_WRITE, 0x10000, PAGE, PAGE);
	question.header.flags = UMD_WIRE_NO_REPLY;
	start = now_ms();
	assert_int_equal(umd_driver_reset(driver), -ETIMEDOUT);
	assert_true(now_ms() - start < 10 * SHORT_MS);
}

/* Has answered, and then asks without end. */
static bool ask_and_ask_behind(struct fake *f, const struct umd_wire_header *command,
			       const uint8_t *payload, size_t size)
{
	if (command->command == UMD_WIRE_DEVICE_RESET)
		fake_reply(f, command, NULL, 0);
	return ask_and_ask(f, command, payload, size);
}

static void test_events_last_no_longer_for_questions(void **state)
{
	struct umd_driver_event event = {.size = sizeof(event)};

	for (int no_reply = 0; no_reply < 2; no_reply++) {
		begin_with(ask_and_ask_behind);
		assert_int_equal(umd_driver_enable_events(driver), 0);
		map_at(part(0, PAGE), 0x10000);
		prepare(UMD_WIRE_DMA_READ, 0x10000, PAGE, 0);
		if (no_reply)
			question.header.flags = UMD_WIRE_NO_REPLY;
		assert_int_equal(umd_driver_reset(driver), 0);
		for (int i = 0; i < 20; i++) {
			int64_t start = now_ms();

			assert_int_equal(umd_driver_next_event(driver, &event), -EAGAIN);
			assert_true(now_ms() - start < 10 * SHORT_MS);
		}
		if (!no_reply)
			end(state);
	}
}

/* ---- Nobody is waited for by accident ------------------------------------------------------ */

static void test_a_server_that_reads_no_answers_is_no_reason_to_spin(void **state)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	int64_t until;
	int rounds = 0;

	begin_with(ask_and_ask_behind);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	map_at(part(0, 16 * PAGE), 0x10000);
	prepare(UMD_WIRE_DMA_READ, 0x10000, XFER_MAX, 0);
	assert_int_equal(umd_driver_reset(driver), 0);
	for (until = now_ms() + SHORT_MS; now_ms() < until; rounds++) {
		struct pollfd pollfd = {.fd = umd_driver_event_fd(driver), .events = POLLIN};

		poll(&pollfd, 1, (int)SHORT_MS);
		assert_int_equal(umd_driver_next_event(driver, &event), -EAGAIN);
	}
	assert_true(rounds < 50);
}

#define CASE(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_map_goes_with_its_file),
		CASE(test_memory_without_a_file_goes_without),
		CASE(test_a_server_that_takes_no_files_gets_none),
		CASE(test_maps_that_cannot_be),
		CASE(test_fixed_iovas),
		CASE(test_no_more_maps_than_the_server_takes),
		CASE(test_limits),
		CASE(test_what_a_log_cannot_be_asked),
		CASE(test_buffers_are_whole_pages_of_zeroes_that_nobody_cuts_short),
		CASE(test_buffers_that_cannot_be),
		CASE(test_buffers_of_huge_pages),
		CASE(test_what_the_server_refuses_leaves_its_place),
		CASE(test_an_unmap_that_is_refused_is_the_end),
		CASE(test_an_unmap_of_something_else_is_the_end),
		CASE(test_the_server_dies_in_the_middle),
		CASE(test_the_server_says_nothing),
		CASE(test_the_server_gets_what_is_mapped),
		CASE(test_the_server_gets_nothing_else),
		CASE(test_directions_are_kept),
		CASE(test_memory_that_the_caller_unmapped),
		CASE(test_no_reply_is_wanted),
		CASE(test_a_question_before_a_reply_leaves_it_its_file),
		CASE(test_answers_that_do_not_fit_leave_with_the_events),
		CASE(test_answers_that_do_not_fit_leave_within_a_call),
		CASE(test_a_call_lasts_no_longer_for_questions),
		CASE(test_events_last_no_longer_for_questions),
		CASE(test_a_server_that_reads_no_answers_is_no_reason_to_spin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
