/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that a vfio-user server has its regions mapped from: those that are, and those that are
 * not, since they could make the driver wait, or end it. */
#include "driver_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PAGE 4096u

static struct fake fake;
static struct umd_driver *driver;

/* What GET_REGION_INFO of region 0 comes with. */
static int file = -1;
static uint64_t file_offset;
static uint32_t region_flags;

static bool give_file(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		      size_t size)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct {
		struct umd_wire_header header;
		struct umd_wire_region_info info;
	} reply = {{.id = command->id,
		    .command = command->command,
		    .size = sizeof(reply),
		    .flags = UMD_WIRE_TYPE_REPLY},
		   {.argsz = sizeof(reply.info),
		    .flags = region_flags,
		    .size = 4 * PAGE,
		    .offset = file_offset}};
	struct iovec iov = {&reply, sizeof(reply)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (command->command != UMD_WIRE_GET_REGION_INFO)
		return false;
	if (file >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &file, sizeof(int));
	}
	sendmsg(f->connection, &msg, MSG_NOSIGNAL);
	return true;
}

static void begin(int fd, unsigned int flags)
{
	struct umd_driver_options options = {
		.size = sizeof(options), .timeout_ms = 1000, .flags = flags};

	file = fd;
	file_offset = 0;
	region_flags = UMD_DRIVER_REGION_READ | UMD_DRIVER_REGION_WRITE | UMD_DRIVER_REGION_MMAP;
	fake.twist = give_file;
	fake_start(&fake);
	assert_int_equal(umd_driver_open(fake.uri, &options, &driver, NULL), 0);
}

static int end(void **state)
{
	umd_driver_close(driver);
	driver = NULL;
	fake_stop(&fake);
	memset(&fake, 0, sizeof(fake));
	fake_close(&file, 1);
	return 0;
}

/* Made before the fixture counts fds, so it is closed after. */
static int make_file(off_t bytes, int seals)
{
	int fd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int map(uint64_t offset, uint64_t bytes, volatile void **ret)
{
	*ret = NULL;
	return umd_driver_region_map(driver, 0, offset, bytes, ret);
}

static int map_error(void)
{
	volatile void *address;
	int err = map(PAGE, PAGE, &address);

	assert_null(address);
	return err;
}

static void test_a_sealed_file_is_mapped_where_it_says(void **state)
{
	volatile void *address;
	uint32_t value = 0x11223344;

	begin(make_file(8 * PAGE, F_SEAL_SHRINK), 0);
	file_offset = 3 * PAGE;
	assert_int_equal(pwrite(file, &value, sizeof(value), 4 * PAGE + 16), sizeof(value));
	assert_int_equal(map(PAGE, PAGE, &address), 0);
	value = 0;
	assert_int_equal(umd_driver_read32(driver, 0, PAGE + 16, &value), 0);
	assert_int_equal(value, 0x11223344);
	assert_int_equal(fake.accesses, 0);
}

static void test_a_file_that_could_be_cut_short_is_not_mapped(void **state)
{
	begin(make_file(4 * PAGE, 0), 0);
	assert_int_equal(map_error(), -ENOTSUP);
}

static void test_a_region_without_a_file_is_not_mapped(void **state)
{
	begin(-1, 0);
	assert_int_equal(map_error(), -ENOTSUP);
}

static void test_what_is_no_shared_memory_is_not_mapped(void **state)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	close(fds[1]);
	begin(fds[0], UMD_DRIVER_GUARD_REGIONS);
	assert_int_equal(map_error(), -ENOTSUP);
}

static void test_a_file_on_disk_is_not_mapped(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	begin(fd, UMD_DRIVER_GUARD_REGIONS);
	assert_int_equal(map_error(), -ENOTSUP);
}

static void test_a_file_too_short_for_its_region_breaks_the_protocol(void **state)
{
	begin(make_file(2 * PAGE - 1, F_SEAL_SHRINK), 0);
	assert_int_equal(map_error(), -EPROTO);
}

static void test_an_offset_that_wraps_breaks_the_protocol(void **state)
{
	begin(make_file(4 * PAGE, F_SEAL_SHRINK), 0);
	file_offset = UINT64_MAX - PAGE + 1;
	assert_int_equal(map_error(), -EPROTO);
	file_offset = UINT64_MAX;
	assert_int_equal(map_error(), -EPROTO);
	file_offset = INT64_MAX - PAGE + 1;
	assert_int_equal(map_error(), -EPROTO);
}

static void test_a_file_sealed_against_writing_is_not_mapped_to_be_written(void **state)
{
	volatile void *address;

	begin(make_file(4 * PAGE, F_SEAL_SHRINK | F_SEAL_WRITE), 0);
	assert_int_equal(map_error(), -EPERM);
	region_flags &= ~UMD_DRIVER_REGION_WRITE;
	assert_int_equal(map(PAGE, PAGE, &address), 0);
}

/* What the region does not allow goes by call, and is refused there. */
static void test_a_region_to_be_read_is_mapped_for_reading(void **state)
{
	volatile void *address;
	uint32_t value = 0;

	begin(make_file(4 * PAGE, F_SEAL_SHRINK), 0);
	region_flags &= ~UMD_DRIVER_REGION_WRITE;
	assert_int_equal(map(0, PAGE, &address), 0);
	assert_int_equal(umd_driver_read32(driver, 0, 0, &value), 0);
	assert_int_equal(fake.accesses, 0);
	assert_int_equal(umd_driver_write32(driver, 0, 0, 5), 0);
	assert_int_equal(fake.accesses, 1);
	assert_int_equal(*(volatile uint32_t *)address, 0);
}

static void test_a_region_without_any_access_is_not_mapped(void **state)
{
	begin(make_file(4 * PAGE, F_SEAL_SHRINK), 0);
	region_flags = UMD_DRIVER_REGION_MMAP;
	assert_int_equal(map_error(), -ENOTSUP);
}

static void test_a_guarded_file_may_be_cut_short(void **state)
{
	volatile void *address;
	uint32_t value = 7;

	begin(make_file(4 * PAGE, 0), UMD_DRIVER_GUARD_REGIONS);
	assert_int_equal(map(PAGE, PAGE, &address), 0);
	assert_int_equal(umd_driver_write32(driver, 0, PAGE, 5), 0);
	assert_int_equal(ftruncate(file, 0), 0);

	assert_int_equal(umd_driver_read32(driver, 0, PAGE, &value), -EIO);
	assert_int_equal(umd_driver_write32(driver, 0, PAGE + 4, 5), -EIO);
	assert_int_equal(*(volatile uint32_t *)address, 0); /* nobody's memory */

	assert_int_equal(ftruncate(file, 4 * PAGE), 0);
	assert_int_equal(umd_driver_read32(driver, 0, PAGE, &value), -EIO);
	assert_int_equal(umd_driver_region_unmap(driver, address), 0);
	assert_int_equal(map(PAGE, PAGE, &address), 0);
	assert_int_equal(umd_driver_read32(driver, 0, PAGE, &value), 0);
	assert_int_equal(value, 0);
}

static void test_an_unknown_option_is_refused(void **state)
{
	struct umd_driver_options options = {.size = sizeof(options), .flags = 1u << 31};
	struct umd_error error = {0};

	begin(-1, 0);
	assert_int_equal(umd_driver_open(fake.uri, &options, &driver, &error), -EINVAL);
	assert_non_null(strstr(error.text, "flag"));
}

#define CASE(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_sealed_file_is_mapped_where_it_says),
		CASE(test_a_file_that_could_be_cut_short_is_not_mapped),
		CASE(test_a_region_without_a_file_is_not_mapped),
		CASE(test_what_is_no_shared_memory_is_not_mapped),
		CASE(test_a_file_on_disk_is_not_mapped),
		CASE(test_a_file_too_short_for_its_region_breaks_the_protocol),
		CASE(test_an_offset_that_wraps_breaks_the_protocol),
		CASE(test_a_file_sealed_against_writing_is_not_mapped_to_be_written),
		CASE(test_a_region_to_be_read_is_mapped_for_reading),
		CASE(test_a_region_without_any_access_is_not_mapped),
		CASE(test_a_guarded_file_may_be_cut_short),
		CASE(test_an_unknown_option_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
