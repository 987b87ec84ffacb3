/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver asks of a device that answers well, and of one that describes nonsense. */
#include "driver_fixture.h"

static struct fake fake;
static struct umd_driver *driver;

static void begin(fake_twist *twist)
{
	fake.twist = twist;
	fake_start(&fake);
	driver = fake_open(&fake);
}

static int end(void **state)
{
	umd_driver_close(driver);
	if (*fake.uri)
		fake_stop(&fake);
	memset(&fake, 0, sizeof(fake));
	driver = NULL;
	return 0;
}

/* ---- Device and interrupts ----------------------------------------------------------------- */

static void test_device_info(void **state)
{
	struct umd_driver_info info = {.size = sizeof(info)};

	begin(NULL);
	assert_int_equal(umd_driver_get_info(driver, &info), 0);
	assert_int_equal(info.flags, UMD_DRIVER_PCI | UMD_DRIVER_RESET);
	assert_int_equal(info.regions, 9);
	assert_int_equal(info.irqs, 5);
}

static void test_irqs(void **state)
{
	struct umd_driver_irq irq = {.size = sizeof(irq)};

	begin(NULL);
	assert_int_equal(umd_driver_get_irq(driver, UMD_DRIVER_MSIX, &irq), 0);
	assert_int_equal(irq.flags, UMD_DRIVER_IRQ_EVENTFD | UMD_DRIVER_IRQ_NORESIZE);
	assert_int_equal(irq.count, 12);
	assert_int_equal(umd_driver_irq_count(driver, UMD_DRIVER_INTX), 10);
	assert_int_equal(umd_driver_irq_count(driver, 5), -EINVAL);
}

static bool many_vectors(struct fake *f, const struct umd_wire_header *command,
			 const uint8_t *payload, size_t size)
{
	struct umd_wire_irq_info irq = {.argsz = sizeof(irq), .count = 65537};

	if (command->command != UMD_WIRE_GET_IRQ_INFO)
		return false;
	fake_reply(f, command, &irq, sizeof(irq));
	return true;
}

/* The answer is wrong, but it is the answer: the next question is asked. */
static void test_too_many_vectors(void **state)
{
	uint8_t byte;

	begin(many_vectors);
	assert_int_equal(umd_driver_irq_count(driver, 0), -EPROTO);
	assert_int_equal(umd_driver_irq_count(driver, 1), -EPROTO);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), 0);
}

static void test_reset(void **state)
{
	begin(NULL);
	assert_int_equal(umd_driver_reset(driver), 0);
}

static void test_reset_that_it_has_not(void **state)
{
	fake.flags = UMD_WIRE_DEVICE_FLAG_PCI;
	begin(NULL);
	assert_int_equal(umd_driver_reset(driver), -EOPNOTSUPP);
}

/* ---- Config space -------------------------------------------------------------------------- */

static void test_config_is_little_endian(void **state)
{
	uint8_t byte;
	uint16_t word;
	uint32_t dword;

	memcpy(fake.config + 0x40, "\x11\x22\x33\x44", 4);
	begin(NULL);
	assert_int_equal(umd_driver_config_read8(driver, 0x41, &byte), 0);
	assert_int_equal(byte, 0x22);
	assert_int_equal(umd_driver_config_read16(driver, 0x42, &word), 0);
	assert_int_equal(word, 0x4433);
	assert_int_equal(umd_driver_config_read32(driver, 0x40, &dword), 0);
	assert_int_equal(dword, 0x44332211);

	assert_int_equal(umd_driver_config_write8(driver, 0x80, 0xaa), 0);
	assert_int_equal(umd_driver_config_write16(driver, 0x82, 0xbbcc), 0);
	assert_int_equal(umd_driver_config_write32(driver, 0x84, 0x12345678), 0);
	assert_memory_equal(fake.config + 0x80, "\xaa\x00\xcc\xbb\x78\x56\x34\x12", 8);
}

static void test_config_offsets(void **state)
{
	uint16_t word = 1;
	uint32_t dword;

	begin(NULL);
	assert_int_equal(umd_driver_config_read16(driver, 3, &word), -EINVAL);
	assert_int_equal(umd_driver_config_read32(driver, 6, &dword), -EINVAL);
	assert_int_equal(umd_driver_config_read16(driver, 4096, &word), -EINVAL);
	assert_int_equal(umd_driver_config_write32(driver, 2, 0), -EINVAL);
	assert_int_equal(fake.accesses, 0);
	assert_int_equal(umd_driver_config_read16(driver, 256, &word), -EINVAL); /* the device's */
	assert_int_equal(word, 1);
}

static void test_config_of_what_is_not_pci(void **state)
{
	uint32_t dword;

	fake.flags = UMD_WIRE_DEVICE_FLAG_RESET;
	begin(NULL);
	assert_int_equal(umd_driver_config_read32(driver, 0, &dword), -EOPNOTSUPP);
}

/* ---- Region access ------------------------------------------------------------------------- */

static void fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
}

static void test_large_accesses_are_split(void **state)
{
	uint8_t to[4096], from[4096];

	fake.version_json = "{\"capabilities\":{\"max_data_xfer_size\":1003}}";
	fill(from, sizeof(from));
	begin(NULL);
	assert_int_equal(umd_driver_region_write(driver, 0, 0, from, sizeof(from)), 0);
	assert_memory_equal(fake.bar, from, sizeof(from));
	assert_int_equal(umd_driver_region_read(driver, 0, 0, to, sizeof(to)), 0);
	assert_memory_equal(to, from, sizeof(to));
	assert_int_equal(fake.largest_access, 1000); /* a multiple of 8 */
	assert_int_equal(fake.accesses, 10);
}

static void test_odd_accesses(void **state)
{
	uint8_t to[8];

	fill(fake.bar, sizeof(fake.bar));
	begin(NULL);
	for (size_t size = 0; size <= sizeof(to); size++) {
		assert_int_equal(umd_driver_region_read(driver, 0, 4096 - size, to, size), 0);
		assert_memory_equal(to, fake.bar + 4096 - size, size);
	}
	assert_int_equal(fake.accesses, 8);
}

static void test_ranges_that_are_not_there(void **state)
{
	uint8_t to[8];

	begin(NULL);
	assert_int_equal(umd_driver_region_read(driver, 9, 0, to, 4), -EINVAL);
	assert_int_equal(umd_driver_region_read(driver, 0, UINT64_MAX - 3, to, 8), -EINVAL);
	assert_int_equal(umd_driver_region_write(driver, 0, UINT64_MAX - 3, to, 8), -EINVAL);
	assert_int_equal(umd_driver_region_read(driver, 0, 4093, to, 4), -EINVAL);
	assert_int_equal(umd_driver_region_read(driver, 0, 4092, to, 4), 0);
}

static bool other_count(struct fake *f, const struct umd_wire_header *command,
			const uint8_t *payload, size_t size)
{
	struct umd_wire_region_access access;

	if (command->command != UMD_WIRE_REGION_WRITE)
		return false;
	memcpy(&access, payload, sizeof(access));
	access.count--;
	fake_reply(f, command, &access, sizeof(access));
	return true;
}

static bool short_read(struct fake *f, const struct umd_wire_header *command,
		       const uint8_t *payload, size_t size)
{
	if (command->command != UMD_WIRE_REGION_READ)
		return false;
	fake_reply(f, command, payload, sizeof(struct umd_wire_region_access) + 3);
	return true;
}

static bool long_read(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		      size_t size)
{
	static uint8_t reply[64];

	if (command->command != UMD_WIRE_REGION_READ)
		return false;
	memcpy(reply, payload, sizeof(struct umd_wire_region_access));
	fake_reply(f, command, reply, sizeof(reply));
	return true;
}

static void test_replies_that_access_something_else(void **state)
{
	fake_twist *const twists[] = {short_read, long_read};
	uint8_t byte = 0, to[4];

	begin(other_count);
	assert_int_equal(umd_driver_region_write(driver, 0, 0, &byte, 1), -EPROTO);
	assert_int_equal(umd_driver_region_read(driver, 0, 0, &byte, 1), 0);
	for (int i = 0; i < 2; i++) {
		end(state);
		begin(twists[i]);
		assert_int_equal(umd_driver_region_read(driver, 0, 0, to, 4), -EPROTO);
		assert_int_equal(umd_driver_region_write(driver, 0, 0, to, 4), 0);
	}
}

/* ---- Region descriptions ------------------------------------------------------------------- */

/* The reply to GET_REGION_INFO of region 0, as a test lays it out. */
static struct {
	struct umd_wire_region_info info;
	struct umd_wire_sparse_mmap sparse;
	struct umd_wire_area areas[300];
} region;
static size_t region_size;

static bool describe(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		     size_t size)
{
	if (command->command != UMD_WIRE_GET_REGION_INFO || payload[8] != 0)
		return false;
	fake_reply(f, command, &region, region_size);
	return true;
}

/* A good description with that many areas of a page each. */
static void lay_out(unsigned int areas)
{
	region_size = offsetof(__typeof__(region), areas) + areas * sizeof(region.areas[0]);
	memset(&region, 0, sizeof(region));
	region.info = (struct umd_wire_region_info){.argsz = (uint32_t)region_size,
						    .flags = UMD_WIRE_REGION_FLAG_READ |
							     UMD_WIRE_REGION_FLAG_MMAP |
							     UMD_WIRE_REGION_FLAG_CAPS,
						    .cap_offset = sizeof(region.info),
						    .size = 4096 * 300,
						    .offset = 1 << 20};
	region.sparse.id = UMD_WIRE_CAP_SPARSE_MMAP;
	region.sparse.areas = areas;
	for (unsigned int i = 0; i < areas; i++)
		region.areas[i] = (struct umd_wire_area){.offset = 4096 * i, .size = 4096};
}

static int describe_error(void)
{
	struct umd_driver_region ret = {.size = sizeof(ret)};

	return umd_driver_get_region(driver, 0, &ret);
}

static void test_region(void **state)
{
	struct umd_driver_region ret = {.size = sizeof(ret)};

	begin(NULL);
	assert_int_equal(umd_driver_get_region(driver, UMD_DRIVER_CONFIG, &ret), 0);
	assert_int_equal(ret.flags, UMD_DRIVER_REGION_READ | UMD_DRIVER_REGION_WRITE);
	assert_int_equal(ret.bytes, 256);
	assert_int_equal(ret.areas, 0);
	assert_int_equal(umd_driver_get_region(driver, 9, &ret), -EINVAL);
}

static void test_sparse_areas(void **state)
{
	struct umd_driver_region ret = {.size = sizeof(ret)};
	struct umd_driver_area areas[2];
	unsigned int count;

	lay_out(3);
	begin(describe);
	assert_int_equal(umd_driver_get_region(driver, 0, &ret), 0);
	assert_int_equal(ret.areas, 3);
	assert_int_equal(ret.mmap_offset, 1 << 20);
	assert_int_equal(ret.flags, UMD_DRIVER_REGION_READ | UMD_DRIVER_REGION_MMAP);
	assert_int_equal(umd_driver_get_areas(driver, 0, areas, 2, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(areas[1].offset, 4096);
	assert_int_equal(areas[1].size, 4096);
	assert_int_equal(umd_driver_get_areas(driver, 0, NULL, 0, &count), 0);
}

static void test_whole_region_is_an_area(void **state)
{
	struct umd_driver_area area;
	unsigned int count;

	lay_out(0);
	region.info.flags = UMD_WIRE_REGION_FLAG_MMAP;
	begin(describe);
	assert_int_equal(umd_driver_get_areas(driver, 0, &area, 1, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(area.offset, 0);
	assert_int_equal(area.size, 4096 * 300);
	region.info.flags = UMD_WIRE_REGION_FLAG_READ;
	assert_int_equal(umd_driver_get_areas(driver, 0, &area, 1, &count), 0);
	assert_int_equal(count, 0);
}

static void test_another_capability_first(void **state)
{
	struct umd_driver_region ret = {.size = sizeof(ret)};
	struct umd_wire_sparse_mmap *second = (void *)&region.areas[0];

	lay_out(2);
	region.sparse.id = 77;
	region.sparse.next = offsetof(__typeof__(region), areas);
	*second = (struct umd_wire_sparse_mmap){.id = UMD_WIRE_CAP_SPARSE_MMAP, .areas = 1};
	begin(describe);
	assert_int_equal(umd_driver_get_region(driver, 0, &ret), 0);
	assert_int_equal(ret.areas, 1);
}

static void test_as_many_areas_as_allowed(void **state)
{
	struct umd_driver_region ret = {.size = sizeof(ret)};

	lay_out(256);
	begin(describe);
	assert_int_equal(umd_driver_get_region(driver, 0, &ret), 0);
	assert_int_equal(ret.areas, 256);
	lay_out(257);
	region_size = sizeof(region.info);
	assert_int_equal(describe_error(), -E2BIG);
	lay_out(257);
	assert_int_equal(describe_error(), -EPROTO); /* more than was asked for */
}

static void test_bad_descriptions(void **state)
{
	lay_out(1);
	begin(describe);
	region_size = 31;
	assert_int_equal(describe_error(), -EPROTO);
	region_size = 0;
	assert_int_equal(describe_error(), -EPROTO);
	lay_out(1);
	region.info.index = 1;
	assert_int_equal(describe_error(), -EPROTO);
	lay_out(1);
	region.info.cap_offset = 16;
	assert_int_equal(describe_error(), -EPROTO);
	lay_out(1);
	region.info.cap_offset = UINT32_MAX;
	assert_int_equal(describe_error(), -EPROTO);
	lay_out(1);
	region.sparse.id = 2;
	region.sparse.next = sizeof(region.info); /* itself */
	assert_int_equal(describe_error(), -EPROTO);
	lay_out(1);
	region.sparse.areas = 2; /* one came */
	assert_int_equal(describe_error(), -EPROTO);
	lay_out(1);
	region.sparse.areas = UINT32_MAX;
	assert_int_equal(describe_error(), -EPROTO);
	lay_out(1);
	region.areas[0] = (struct umd_wire_area){.offset = 4096 * 300, .size = 1};
	assert_int_equal(describe_error(), -EPROTO);
	lay_out(1);
	region.areas[0] = (struct umd_wire_area){.offset = UINT64_MAX, .size = 2};
	assert_int_equal(describe_error(), -EPROTO);
	lay_out(1);
	assert_int_equal(describe_error(), 0);
}

#define CASE(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_device_info),
		CASE(test_irqs),
		CASE(test_too_many_vectors),
		CASE(test_reset),
		CASE(test_reset_that_it_has_not),
		CASE(test_config_is_little_endian),
		CASE(test_config_offsets),
		CASE(test_config_of_what_is_not_pci),
		CASE(test_large_accesses_are_split),
		CASE(test_odd_accesses),
		CASE(test_ranges_that_are_not_there),
		CASE(test_replies_that_access_something_else),
		CASE(test_region),
		CASE(test_sparse_areas),
		CASE(test_whole_region_is_an_area),
		CASE(test_another_capability_first),
		CASE(test_as_many_areas_as_allowed),
		CASE(test_bad_descriptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
