/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a driver whose device misbehaves: each call returns what umdev/driver.h says,
 * none takes longer than its timeout, and no file descriptor is left.
 *
 *   faults COPIER EDU    the servers of the two devices
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "offer.h"
#include "suite.h"

#define TIMEOUT_MS 400
#define SLACK_MS   2000 /* of a busy machine */
#define TIME_LIMIT 120

struct faults {
	struct suite suite;
	const char *copier, *edu;
	char folder[32], path[48], uri[64];
	pid_t server;
	unsigned int flags; /* to open with */
	struct umd_device *fake;
	struct rlimit files; /* as it was */
};

/* ---- Servers ------------------------------------------------------------------------------- */

static void start_server(struct faults *faults, const char *program)
{
	faults->server = fork();
	check(faults->server >= 0);
	if (!faults->server) {
		execl(program, program, faults->path, (char *)NULL);
		_exit(127);
	}
}

static void kill_server(struct faults *faults)
{
	if (faults->server <= 0)
		return;
	kill(faults->server, SIGKILL);
	waitpid(faults->server, NULL, 0);
	faults->server = 0;
}

/* Kills the server while the caller waits for it. */
static pid_t kill_soon(struct faults *faults)
{
	pid_t child = fork();

	check(child >= 0);
	if (!child) {
		harness_sleep_us(100000);
		kill(faults->server, SIGKILL);
		_exit(0);
	}
	return child;
}

static void open_it(struct faults *faults)
{
	const struct umd_driver_options options = {
		.size = sizeof(options), .timeout_ms = TIMEOUT_MS, .flags = faults->flags};
	int64_t end = harness_ms() + SUITE_WAIT_MS;
	struct umd_error error;
	int err;

	do {
		err = umd_driver_open(faults->suite.uri, &options, &faults->suite.driver, &error);
		if (err)
			harness_sleep_us(5000);
	} while (err && harness_ms() < end);
	must(err);
}

static struct umd_driver *serve(struct faults *faults, const char *program, const struct kind *kind)
{
	faults->suite.kind = kind;
	faults->suite.uri = faults->uri;
	start_server(faults, program);
	open_it(faults);
	suite_command(&faults->suite, true, true);
	return faults->suite.driver;
}

/* ---- Around each test ---------------------------------------------------------------------- */

static void begin(void *context)
{
	struct faults *faults = context;

	faults->suite.fds_before = harness_fds();
	faults->suite.driver = NULL;
	faults->suite.next_iova = 0x1000000;
	faults->flags = 0;
	strcpy(faults->folder, "/tmp/umdev-faults-XXXXXX");
	check(mkdtemp(faults->folder));
	snprintf(faults->path, sizeof(faults->path), "%s/s", faults->folder);
	snprintf(faults->uri, sizeof(faults->uri), "vfio-user:%s", faults->path);
}

static void end(void *context)
{
	struct faults *faults = context;
	int64_t patience = harness_ms() + SUITE_WAIT_MS;

	setrlimit(RLIMIT_NOFILE, &faults->files);
	umd_driver_close(faults->suite.driver);
	kill_server(faults);
	offer_end(faults->fake);
	faults->fake = NULL;
	unlink(faults->path);
	rmdir(faults->folder);
	while (harness_fds() > faults->suite.fds_before && harness_ms() < patience)
		harness_sleep_us(1000);
	check_is(harness_fds(), faults->suite.fds_before);
}

/* ---- A device that is gone ----------------------------------------------------------------- */

static int map_one(struct umd_driver *driver, struct umd_driver_buffer *buffer,
		   struct umd_driver_map **ret, uint64_t *ret_iova)
{
	const struct umd_driver_dma dma = {.size = sizeof(dma),
					   .address = buffer->address,
					   .bytes = buffer->bytes,
					   .fd = buffer->fd,
					   .flags = SUITE_BOTH};

	return umd_driver_dma_map(driver, &dma, ret, ret_iova);
}

/* All that asks the device says so; what asks nobody still works. */
static void check_gone(struct umd_driver *driver)
{
	struct umd_driver_info info = {.size = sizeof(info)};
	struct umd_driver_map *map;
	struct umd_driver_buffer *buffer;
	int fd = suite_eventfd();
	uint32_t value;
	uint64_t iova;
	int64_t start = harness_ms();

	check_is(umd_driver_read32(driver, UMD_DRIVER_BAR0, 0, &value), -ENODEV);
	check_is(umd_driver_write32(driver, UMD_DRIVER_BAR0, 0, 0), -ENODEV);
	check_is(umd_driver_config_read32(driver, 0, &value), -ENODEV);
	check_is(umd_driver_reset(driver), -ENODEV);
	check_is(umd_driver_irq_set_fds(driver, UMD_DRIVER_MSI, 0, 1, &fd), -ENODEV);
	must(umd_driver_buffer_create(SUITE_PAGE, 0, &buffer));
	check_is(map_one(driver, buffer, &map, &iova), -ENODEV);
	umd_driver_buffer_destroy(buffer);
	must(umd_driver_get_info(driver, &info));
	check(umd_driver_name(driver));
	check(harness_ms() - start < SLACK_MS);
	close(fd);
}

static void test_silent(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver *driver = serve(faults, faults->edu, &kind_edu);
	int64_t start = harness_ms();
	uint32_t value;

	kill(faults->server, SIGSTOP);
	check_is(umd_driver_read32(driver, UMD_DRIVER_BAR0, 0, &value), -ETIMEDOUT);
	check(harness_ms() - start >= TIMEOUT_MS);
	check(harness_ms() - start < TIMEOUT_MS + SLACK_MS);
	check_gone(driver);
	kill(faults->server, SIGCONT); /* its late answer is nobody's */
	harness_sleep_us(50000);
	check_gone(driver);
}

static void test_killed(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver *driver = serve(faults, faults->edu, &kind_edu);
	int64_t start = harness_ms();
	uint32_t value;
	pid_t killer;

	kill(faults->server, SIGSTOP);
	killer = kill_soon(faults);
	check_is(umd_driver_read32(driver, UMD_DRIVER_BAR0, 0, &value), -ENODEV);
	check(harness_ms() - start < TIMEOUT_MS + SLACK_MS);
	waitpid(killer, NULL, 0);
	check_gone(driver);
}

static void expect_removed(struct umd_driver *driver)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	struct pollfd pollfd = {.fd = umd_driver_event_fd(driver), .events = POLLIN};
	int64_t end = harness_ms() + SUITE_WAIT_MS;
	int err;

	do {
		check(harness_ms() < end);
		poll(&pollfd, 1, 100);
		err = umd_driver_next_event(driver, &event);
	} while (err == -EAGAIN);
	must(err);
	check_is(event.kind, UMD_DRIVER_EVENT_REMOVED);
	check_is(umd_driver_next_event(driver, &event), -EAGAIN);
}

static void test_removed(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver *driver = serve(faults, faults->edu, &kind_edu);

	must(umd_driver_enable_events(driver));
	must(umd_driver_irq_listen(driver, UMD_DRIVER_MSI, 0, 1));
	kill_server(faults);
	expect_removed(driver);
	check_gone(driver);
}

/* ---- In the middle of DMA ------------------------------------------------------------------ */

/* The server's messages for the bytes may be on their way. */
static void test_killed_in_dma(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver *driver = serve(faults, faults->copier, &kind_copier);
	struct umd_driver_dma dma = {
		.size = sizeof(dma), .bytes = 131072, .fd = -1, .flags = SUITE_BOTH};
	struct umd_driver_map *map;
	uint64_t iova;
	uint8_t *memory =
		mmap(NULL, dma.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED);
	dma.address = memory;
	must(umd_driver_dma_map(driver, &dma, &map, &iova));
	kind_copier.memcpy_start(&faults->suite, iova, iova + 65536, 65536);
	kill_server(faults);
	check_is(umd_driver_dma_unmap(driver, map), -ENODEV);
	munmap(memory, dma.bytes); /* nothing reaches for it any more */
	check_gone(driver);
}

static void test_withdrawn_in_dma(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver_buffer *buffer;
	struct umd_driver_map *map;
	struct umd_driver *driver;
	uint64_t iova;

	faults->fake = offer_device("edu");
	check(faults->fake);
	faults->suite.kind = &kind_edu;
	faults->suite.uri = "fake:edu";
	open_it(faults);
	driver = faults->suite.driver;
	suite_command(&faults->suite, true, true);
	must(umd_driver_enable_events(driver));
	must(umd_driver_buffer_create(2 * SUITE_PAGE, 0, &buffer));
	must(map_one(driver, buffer, &map, &iova));
	kind_edu.memcpy_start(&faults->suite, iova, iova + SUITE_PAGE, 64);
	offer_end(faults->fake);
	faults->fake = NULL;
	expect_removed(driver);
	check_is(umd_driver_dma_unmap(driver, map), -ENODEV);
	umd_driver_buffer_destroy(buffer);
	check_gone(driver);
	check_is(umd_driver_reconnect(driver), -EOPNOTSUPP);
}

/* A mapped BAR stays memory: calls say that the device is gone, and no signal comes. */
static void test_killed_while_mapped(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver *driver = serve(faults, faults->edu, &kind_edu);
	volatile void *address;
	uint32_t value;

	must(umd_driver_region_map(driver, UMD_DRIVER_BAR2, 0, SUITE_PAGE, &address));
	must(umd_driver_write32(driver, UMD_DRIVER_BAR2, 16, 0x600d));
	kill_server(faults);
	check_is(umd_driver_config_read32(driver, 0, &value), -ENODEV);
	(void)*(volatile uint32_t *)address;
	check_is(umd_driver_read32(driver, UMD_DRIVER_BAR2, 16, &value), -ENODEV);
	check_is(umd_driver_write32(driver, UMD_DRIVER_BAR2, 16, 0), -ENODEV);
	must(umd_driver_region_unmap(driver, address));
}

/* ---- Coming back --------------------------------------------------------------------------- */

static void reconnect(struct faults *faults, int expected)
{
	int64_t end = harness_ms() + SUITE_WAIT_MS;
	int err;

	do {
		err = umd_driver_reconnect(faults->suite.driver);
		if (err == -ECONNREFUSED || err == -ENOENT)
			harness_sleep_us(5000);
	} while ((err == -ECONNREFUSED || err == -ENOENT) && harness_ms() < end);
	check_is(err, expected);
}

static struct umd_driver *serve_again(struct faults *faults)
{
	faults->flags = UMD_DRIVER_CAN_RECONNECT;
	return serve(faults, faults->copier, &kind_copier);
}

static void test_back(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver *driver = serve_again(faults);
	struct suite_memory memory;
	int fd = suite_eventfd();

	suite_map(&faults->suite, &memory, SUITE_PAGE, SUITE_BOTH);
	must(umd_driver_irq_set_fds(driver, UMD_DRIVER_MSIX, 0, 1, &fd));
	check_is(umd_driver_reconnect(driver), -EISCONN);
	kill_server(faults);
	check_gone(driver);
	check(umd_driver_reconnect(driver) < 0); /* nobody is there */
	unlink(faults->path);

	start_server(faults, faults->copier);
	reconnect(faults, 0);
	suite_command(&faults->suite, true, true);
	memset(memory.bytes, 0x5a, 64);
	must(suite_copy(&faults->suite, memory.iova, memory.iova + 2048, 64));
	check(memory.bytes[2048] == 0x5a && memory.bytes[2111] == 0x5a && !memory.bytes[2112]);
	check_is(suite_fired(fd, SUITE_WAIT_MS), 1);
	suite_unmap(&faults->suite, &memory);
	close(fd);
}

static void test_other_came(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver *driver = serve_again(faults);

	kill_server(faults);
	check_gone(driver);
	unlink(faults->path);
	start_server(faults, faults->edu);
	reconnect(faults, -ESTALE);
	check_gone(driver);

	kill_server(faults);
	unlink(faults->path);
	start_server(faults, faults->copier);
	reconnect(faults, 0);
	suite_command(&faults->suite, true, true);
	kind_copier.send_msi(&faults->suite);
}

/* ---- Limits -------------------------------------------------------------------------------- */

/* No file descriptor may be opened any more. */
static void exhaust(struct faults *faults)
{
	struct rlimit limit = faults->files;
	int next = dup(0);

	check(next >= 0);
	close(next);
	limit.rlim_cur = (rlim_t)next;
	must(setrlimit(RLIMIT_NOFILE, &limit));
}

static void test_files(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver *driver = serve(faults, faults->edu, &kind_edu), *other = NULL;
	struct umd_driver_buffer *buffer;
	struct umd_error error = {0};
	uint32_t value;

	exhaust(faults);
	check_is(umd_driver_enable_events(driver), -EMFILE);
	check_is(umd_driver_event_fd(driver), -EINVAL); /* nothing has changed */
	check_is(umd_driver_buffer_create(SUITE_PAGE, 0, &buffer), -EMFILE);
	check_is(umd_driver_open(faults->uri, NULL, &other, &error), -EMFILE);
	check(error.text[0]);
	must(umd_driver_read32(driver, UMD_DRIVER_BAR0, 0, &value));

	must(setrlimit(RLIMIT_NOFILE, &faults->files));
	must(umd_driver_enable_events(driver));
	exhaust(faults);
	check_is(umd_driver_irq_listen(driver, UMD_DRIVER_MSI, 0, 4), -EMFILE);
	must(setrlimit(RLIMIT_NOFILE, &faults->files));
	must(umd_driver_irq_listen(driver, UMD_DRIVER_MSI, 0, 4));
}

/* Whom a device serves, it serves alone. */
static void test_busy(void *context, unsigned int argument)
{
	struct faults *faults = context;
	struct umd_driver_options options = {.size = sizeof(options), .timeout_ms = TIMEOUT_MS};
	struct umd_driver *driver = serve(faults, faults->edu, &kind_edu), *other = NULL;
	int64_t start = harness_ms();
	struct umd_error error = {0};
	uint32_t value;
	int err;

	err = umd_driver_open(faults->uri, &options, &other, &error);
	check(err == -EBUSY || err == -ENODEV);
	check(error.text[0] && !other);
	check(harness_ms() - start < TIMEOUT_MS + SLACK_MS);
	must(umd_driver_read32(driver, UMD_DRIVER_BAR0, 0, &value));
}

static const struct harness_test tests[] = {
	{"a server that does not answer costs its timeout, once", test_silent, 0},
	{"a server killed while a call waits ends it", test_killed, 0},
	{"a server that is killed is an event", test_removed, 0},
	{"a server killed while it copies leaves memory alone", test_killed_in_dma, 0},
	{"a device withdrawn while it copies leaves memory alone", test_withdrawn_in_dma, 0},
	{"a server killed while a BAR is mapped", test_killed_while_mapped, 0},
	{"a server that came back finds maps and interrupts", test_back, 0},
	{"a server of another device is refused", test_other_came, 0},
	{"a lack of file descriptors is told, and undone", test_files, 0},
	{"a second driver is refused in time", test_busy, 0},
	{0},
};

static const struct harness_test *const tables[] = {tests, NULL};

int main(int argc, char **argv)
{
	static struct faults faults;
	const struct harness harness = {&faults, begin, end};

	if (argc != 3) {
		fprintf(stderr, "usage: faults COPIER EDU\n");
		return 2;
	}
	faults.copier = argv[1];
	faults.edu = argv[2];
	getrlimit(RLIMIT_NOFILE, &faults.files);
	signal(SIGPIPE, SIG_DFL); /* the library does without */
	alarm(TIME_LIMIT);
	return harness_run(&harness, tables);
}
