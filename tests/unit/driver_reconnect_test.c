/* SPDX-License-Identifier: BSD-2-Clause */
/* A server that goes away and comes back: its driver goes on with the maps and interrupts it had.
 */
#include "served_fixture.h"

#include <sys/resource.h>

#define PAGE 4096u

static struct served served;
static struct umd_driver *driver;
static struct umd_driver_buffer *buffer;

static int begin(void **state)
{
	memset(&served, 0, sizeof(served));
	served_start(&served);
	driver = served_open(&served, UMD_DRIVER_CAN_RECONNECT);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_buffer_create(16 * PAGE, 0, &buffer), 0);
	return 0;
}

static int end(void **state)
{
	umd_driver_buffer_destroy(buffer);
	umd_driver_close(driver);
	served_finish(&served);
	return 0;
}

/* The kind of the next event; -EAGAIN where there is none in time. */
static int next_event(int timeout_ms)
{
	struct pollfd pollfd = {.fd = umd_driver_event_fd(driver), .events = POLLIN};
	struct umd_driver_event event = {.size = sizeof(event)};
	int64_t deadline = now_ms() + timeout_ms;

	while (now_ms() < deadline && poll(&pollfd, 1, (int)(deadline - now_ms())) == 1) {
		if (umd_driver_next_event(driver, &event) == 0)
			return (int)event.kind;
	}
	return -EAGAIN;
}

static struct umd_driver_dma part(size_t at, size_t bytes)
{
	return (struct umd_driver_dma){.size = sizeof(struct umd_driver_dma),
				       .address = (uint8_t *)buffer->address + at,
				       .bytes = bytes,
				       .fd = buffer->fd,
				       .fd_offset = at,
				       .flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE};
}

static struct umd_driver_map *map(struct umd_driver_dma request, uint64_t *ret_iova)
{
	struct umd_driver_map *ret = NULL;

	assert_int_equal(umd_driver_dma_map(driver, &request, &ret, ret_iova), 0);
	return ret;
}

static void lose_server(void)
{
	served_end(&served);
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_REMOVED);
}

/* ---- What the device does ------------------------------------------------------------------ */

static struct {
	uint64_t iova;
	uint32_t pasid;
	char text[16];
	int result;
} seen;

static void read_memory(struct umd_device *device)
{
	const struct umd_dma_prefix prefix = {.pasid = seen.pasid};

	seen.result = seen.pasid ? umd_dma_read_tagged(device, &prefix, seen.iova, seen.text,
						       sizeof(seen.text))
				 : umd_dma_read(device, seen.iova, seen.text, sizeof(seen.text));
}

static void trigger(struct umd_device *device)
{
	umd_device_trigger(device, UMD_IRQ_MSI, 1);
}

static void unplug(struct umd_device *device)
{
	umd_device_unplug(device, UINT64_C(60000000000));
}

static void remove_by_surprise(struct umd_device *device)
{
	umd_device_unplug(device, 0);
}

static int device_reads(uint64_t iova, uint32_t pasid)
{
	memset(&seen, 0, sizeof(seen));
	seen.iova = iova;
	seen.pasid = pasid;
	served_do(&served, read_memory);
	return seen.result;
}

/* ---- It comes back ------------------------------------------------------------------------- */

static void test_maps_are_where_they_were(void **state)
{
	struct umd_driver_map *first, *second;
	uint64_t iovas[3], pasid_iova;
	struct umd_driver_dma request = part(5 * PAGE, PAGE);

	first = map(part(0, PAGE), &iovas[0]);
	second = map(part(PAGE, 2 * PAGE), &iovas[1]);
	map(part(4 * PAGE, PAGE), &iovas[2]);
	assert_int_equal(umd_driver_dma_unmap(driver, second), 0);
	request.flags |= UMD_DRIVER_DMA_PASID;
	request.pasid = 7;
	map(request, &pasid_iova);

	lose_server();
	served_begin(&served);
	assert_int_equal(umd_driver_reconnect(driver), 0);
	served_enable(driver);
	strcpy(buffer->address, "first");
	strcpy((char *)buffer->address + 4 * PAGE, "third");
	strcpy((char *)buffer->address + 5 * PAGE, "tagged");
	assert_int_equal(device_reads(iovas[0], 0), 0);
	assert_string_equal(seen.text, "first");
	assert_int_equal(device_reads(iovas[2], 0), 0);
	assert_string_equal(seen.text, "third");
	assert_int_equal(device_reads(pasid_iova, 7), 0);
	assert_string_equal(seen.text, "tagged");
	assert_int_equal(device_reads(iovas[1], 0), -EFAULT);

	assert_int_equal(umd_driver_dma_unmap(driver, first), 0);
	assert_int_equal(device_reads(iovas[0], 0), -EFAULT);
}

/* The caller needs its fd no more once it has mapped memory with it. */
static void test_files_are_remembered(void **state)
{
	struct umd_driver_map *maps[8];
	struct umd_driver_dma request;
	unsigned int before = count_fds();
	uint64_t iovas[8];
	int copy;

	for (unsigned int i = 0; i < 8; i++) {
		request = part(i * PAGE, PAGE);
		request.fd = copy = dup(buffer->fd);
		maps[i] = map(request, &iovas[i]);
		close(copy);
	}
	assert_int_equal(count_fds(), before + 2); /* the library's, and the server's here */
	lose_server();
	served_begin(&served);
	assert_int_equal(umd_driver_reconnect(driver), 0);
	served_enable(driver);
	strcpy((char *)buffer->address + 3 * PAGE, "3");
	assert_int_equal(device_reads(iovas[3], 0), 0);
	assert_string_equal(seen.text, "3");
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(umd_driver_dma_unmap(driver, maps[i]), 0);
}

static void test_a_file_that_cannot_be_remembered_is_not_mapped(void **state)
{
	struct umd_driver_dma request = part(0, PAGE);
	struct umd_driver_map *none = NULL;
	struct rlimit before, none_left;
	uint64_t iova = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none_left = before;
	none_left.rlim_cur = 3; /* as many as every process has */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none_left), 0);
	assert_int_equal(umd_driver_dma_map(driver, &request, &none, &iova), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	map(request, &iova);
	assert_int_equal(iova, PAGE); /* the first place is still free */
}

static void test_interrupts_are_set_up_again(void **state)
{
	int eventfds[2] = {eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK)};
	uint64_t count;

	assert_int_equal(umd_driver_irq_set_fds(driver, UMD_DRIVER_MSI, 0, 2, eventfds), 0);
	lose_server();
	while (read(eventfds[1], &count, sizeof(count)) > 0)
		;
	served_begin(&served);
	assert_int_equal(umd_driver_reconnect(driver), 0);
	served_do(&served, trigger);
	assert_int_equal(read(eventfds[1], &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	close(eventfds[0]);
	close(eventfds[1]);
}

static void test_events_go_on(void **state)
{
	int fd = umd_driver_event_fd(driver);

	served_do(&served, unplug); /* nobody hears of it in time */
	served_end(&served);
	served_begin(&served);
	assert_int_equal(umd_driver_reconnect(driver), 0);
	assert_int_equal(umd_driver_event_fd(driver), fd);
	assert_int_equal(next_event(50), -EAGAIN); /* neither that nor REMOVED */
	served_do(&served, unplug);
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	lose_server();
	assert_int_equal(next_event(50), -EAGAIN);
}

static void test_it_may_go_and_come_any_number_of_times(void **state)
{
	unsigned int fds = 0;
	uint64_t iova;
	uint16_t id;

	map(part(0, PAGE), &iova);
	for (unsigned int i = 0; i < 5; i++) {
		lose_server();
		assert_int_equal(umd_driver_config_read16(driver, 0, &id), -ENODEV);
		served_begin(&served);
		assert_int_equal(umd_driver_reconnect(driver), 0);
		assert_int_equal(umd_driver_reconnect(driver), -EISCONN);
		assert_int_equal(umd_driver_config_read16(driver, 0, &id), 0);
		served_enable(driver);
		assert_int_equal(device_reads(iova, 0), 0);
		if (i == 0)
			fds = count_fds();
		assert_int_equal(count_fds(), fds);
	}
}

static void test_a_map_taken_away_meanwhile_stays_away(void **state)
{
	struct umd_driver_map *first;
	uint64_t iovas[2];

	first = map(part(0, PAGE), &iovas[0]);
	map(part(PAGE, PAGE), &iovas[1]);
	lose_server();
	assert_int_equal(umd_driver_dma_unmap(driver, first), -ENODEV);
	served_begin(&served);
	assert_int_equal(umd_driver_reconnect(driver), 0);
	served_enable(driver);
	assert_int_equal(device_reads(iovas[0], 0), -EFAULT);
	assert_int_equal(device_reads(iovas[1], 0), 0);
}

static void test_a_device_removed_by_surprise_may_come_back(void **state)
{
	uint16_t id;

	served_do(&served, remove_by_surprise);
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_REMOVED);
	served_end(&served);
	served_begin(&served);
	assert_int_equal(umd_driver_reconnect(driver), 0);
	assert_int_equal(umd_driver_config_read16(driver, 0, &id), 0);
	assert_int_equal(id, 0x1234);
}

/* ---- It does not --------------------------------------------------------------------------- */

static void test_what_is_there_is_left_alone(void **state)
{
	uint16_t id;

	assert_int_equal(umd_driver_reconnect(driver), -EISCONN);
	assert_int_equal(umd_driver_config_read16(driver, 0, &id), 0);
	umd_driver_close(driver);
	usleep(20000);
	driver = served_open(&served, 0);
	assert_int_equal(umd_driver_reconnect(driver), -EOPNOTSUPP);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	lose_server();
	assert_int_equal(umd_driver_reconnect(driver), -EOPNOTSUPP);
}

/* And it can be tried until the right one is back. */
static void test_another_kind_of_device_is_stale(void **state)
{
	uint64_t iova;
	uint16_t id;

	map(part(0, PAGE), &iova);
	lose_server();
	assert_int_equal(umd_driver_reconnect(driver), -ENOENT);
	served.id = 0x4321;
	served_begin(&served);
	for (unsigned int i = 0; i < 3; i++) {
		int err = umd_driver_reconnect(driver);

		while (err == -EBUSY || err == -ENODEV) { /* the last one is still about to leave */
			usleep(1000);
			err = umd_driver_reconnect(driver);
		}
		assert_int_equal(err, -ESTALE);
		assert_int_equal(umd_driver_config_read16(driver, 0, &id), -ENODEV);
	}
	assert_int_equal(next_event(50), -EAGAIN);
	served_end(&served);
	served.id = 0;
	served_begin(&served);
	assert_int_equal(umd_driver_reconnect(driver), 0);
	served_enable(driver);
	assert_int_equal(device_reads(iova, 0), 0);
}

/* ---- Servers that do not play along -------------------------------------------------------- */

static struct fake fake;
static atomic_bool refuse_maps;

static bool refuse(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		   size_t size)
{
	if (command->command != UMD_WIRE_DMA_MAP)
		return false;
	if (refuse_maps)
		fake_error(f, command, ENOMEM);
	else
		fake_reply(f, command, NULL, 0);
	return true;
}

/* Another connection of the same server. */
static void accept_again(void)
{
	pthread_join(fake.thread, NULL);
	fake_close(fake.eventfds, FAKE_IRQS);
	assert_int_equal(pthread_create(&fake.thread, NULL, fake_run, &fake), 0);
}

static void hang_up(void)
{
	shutdown(fake.connection, SHUT_RDWR);
	accept_again();
}

static struct umd_driver *open_fake(void)
{
	struct umd_driver_options options = {
		.size = sizeof(options), .timeout_ms = SHORT_MS, .flags = UMD_DRIVER_CAN_RECONNECT};
	struct umd_driver *ret = NULL;

	assert_int_equal(umd_driver_open(fake.uri, &options, &ret, NULL), 0);
	return ret;
}

static int begin_fake(void **state)
{
	struct umd_driver_dma request;
	uint64_t iova;

	memset(&fake, 0, sizeof(fake));
	fake.twist = refuse;
	fake_start(&fake);
	refuse_maps = false;
	driver = open_fake();
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_buffer_create(PAGE, 0, &buffer), 0);
	request = part(0, PAGE);
	map(request, &iova);
	return 0;
}

static int end_fake(void **state)
{
	umd_driver_buffer_destroy(buffer);
	umd_driver_close(driver);
	fake_stop(&fake);
	return 0;
}

static void test_a_map_that_is_refused_now_is_tried_again(void **state)
{
	uint8_t byte;

	hang_up();
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_REMOVED);
	refuse_maps = true;
	assert_int_equal(umd_driver_reconnect(driver), -ENOMEM);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), -ENODEV);
	assert_int_equal(next_event(50), -EAGAIN);
	accept_again();
	refuse_maps = false;
	assert_int_equal(umd_driver_reconnect(driver), 0);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), 0);
}

/* It takes fewer maps than there are. */
static void test_a_smaller_server_is_stale(void **state)
{
	struct umd_driver_limits limits = {.size = sizeof(limits)};

	fake.version_json = "{\"capabilities\":{\"max_dma_maps\":0,\"max_data_xfer_size\":4096}}";
	hang_up();
	assert_int_equal(umd_driver_reconnect(driver), -ESTALE);
	fake.version_json = NULL;
	accept_again();
	assert_int_equal(umd_driver_reconnect(driver), 0);
	assert_int_equal(umd_driver_get_limits(driver, &limits), 0);
	assert_int_equal(limits.max_data_xfer_size, 65536);
}

static void test_a_server_that_accepts_nobody(void **state)
{
	int64_t start;

	shutdown(fake.connection, SHUT_RDWR);
	pthread_join(fake.thread, NULL);
	start = now_ms();
	assert_int_equal(umd_driver_reconnect(driver), -ETIMEDOUT);
	assert_true(now_ms() - start < 10 * SHORT_MS);
	assert_int_equal(pthread_create(&fake.thread, NULL, fake_run, &fake), 0);
	accept_again();
	assert_int_equal(umd_driver_reconnect(driver), 0);
}

#define CASE(test)	cmocka_unit_test_setup_teardown(test, begin, end)
#define CASE_FAKE(test) cmocka_unit_test_setup_teardown(test, begin_fake, end_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_maps_are_where_they_were),
		CASE(test_files_are_remembered),
		CASE(test_a_file_that_cannot_be_remembered_is_not_mapped),
		CASE(test_interrupts_are_set_up_again),
		CASE(test_events_go_on),
		CASE(test_it_may_go_and_come_any_number_of_times),
		CASE(test_a_map_taken_away_meanwhile_stays_away),
		CASE(test_a_device_removed_by_surprise_may_come_back),
		CASE(test_what_is_there_is_left_alone),
		CASE(test_another_kind_of_device_is_stale),
		CASE_FAKE(test_a_map_that_is_refused_now_is_tried_again),
		CASE_FAKE(test_a_smaller_server_is_stale),
		CASE_FAKE(test_a_server_that_accepts_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
