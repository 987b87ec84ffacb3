/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card as a vfio-user client sees it: identity, registers of every port in one BAR, one
 * interrupt for all, resets and changing clients. The client is a few lines of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serial/serial.h"
#include "serial/uart.h"

#define CONFIG_REGION 7

static struct umd_device *device;
static struct umd_server *server;
static char path[64];
static char dir[32];
static int client = -1;
static int irq = -1;

/* ---- A client ------------------------------------------------------------------------------ */

struct header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

struct access {
	struct header header;
	uint64_t offset;
	uint32_t region, count;
	uint8_t data[4];
};

struct set_irqs {
	struct header header;
	uint32_t argsz, flags, index, start, count;
};

static void dispatch(void)
{
	for (int i = 0; i < 8; i++)
		assert_int_equal(umd_server_dispatch(server, 0), 0);
}

/* Sends a message, with an fd if there is one, and receives its reply in its place. */
static void call(void *message, size_t size, size_t reply_size, int fd)
{
	struct header *header = message;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = message, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	header->size = (uint32_t)size;
	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
							.cmsg_level = SOL_SOCKET,
							.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(client, &msg, 0), size);
	dispatch();
	assert_int_equal(recv(client, message, reply_size, MSG_DONTWAIT), reply_size);
	assert_int_equal(header->error, 0);
}

static uint32_t region_read(uint32_t region, uint64_t offset, uint32_t count)
{
	struct access access = {{.command = 9}, .offset = offset, .region = region, .count = count};
	uint32_t value = 0;

	call(&access, 32, 32 + count, -1);
	memcpy(&value, access.data, count);
	return value;
}

static void region_write(uint32_t region, uint64_t offset, uint32_t count, uint32_t value)
{
	struct access access = {
		{.command = 10}, .offset = offset, .region = region, .count = count};

	memcpy(access.data, &value, count);
	call(&access, 32 + count, 32, -1);
}

static uint8_t rd(unsigned int port, unsigned int reg)
{
	return (uint8_t)region_read(0, port * UART_REGISTERS + reg, 1);
}

static void wr(unsigned int port, unsigned int reg, uint8_t value)
{
	region_write(0, port * UART_REGISTERS + reg, 1, value);
}

/* COMMAND.IO: without it the card does not answer. */
static void enable_ports(void)
{
	region_write(CONFIG_REGION, 0x04, 2, 1);
}

static void connect_client(void)
{
	struct {
		struct header header;
		uint16_t major, minor;
		char json[20];
	} version = {{.command = 1}, .minor = 1, .json = "{\"capabilities\":{}}"};
	struct set_irqs set = {{.command = 8}, .argsz = 20, .flags = 0x24, .count = 1};
	char reply[4096];
	struct umd_server_options options = {.size = sizeof(options)};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	options.fd = fds[0];
	client = fds[1];
	assert_int_equal(umd_server_create(device, &options, &server), 0);
	version.header.size = sizeof(version);
	assert_int_equal(write(client, &version, sizeof(version)), sizeof(version));
	dispatch();
	assert_true(recv(client, reply, sizeof(reply), MSG_DONTWAIT) > 16);

	irq = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	call(&set, sizeof(set), 16, irq);
	enable_ports();
}

/* The device is told that its client has gone. */
static void disconnect_client(void)
{
	close(client);
	close(irq);
	for (int i = 0; i < 8; i++)
		umd_server_dispatch(server, 0);
	umd_server_destroy(server);
	server = NULL;
	client = -1;
	irq = -1;
}

/* INTx is masked when it is signalled; as a VMM would, unmasks it. @return whether it was up */
static bool take_interrupt(void)
{
	struct set_irqs unmask = {{.command = 8}, .argsz = 20, .flags = 0x11, .count = 1};
	uint64_t value;

	dispatch();
	if (read(irq, &value, sizeof(value)) < 0)
		return false;

	call(&unmask, sizeof(unmask), 16, -1);
	return true;
}

static void start(const char *const *options, size_t count)
{
	struct umd_error error = {0};

	assert_int_equal(umd_serial_kind.create(options, count, &device, &error), 0);
	connect_client();
}

static int setup(void **state)
{
	strcpy(dir, "/tmp/umdev-serial-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int teardown(void **state)
{
	disconnect_client();
	umd_device_destroy(device);
	device = NULL;
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* ---- Tests --------------------------------------------------------------------------------- */

/* As QEMU's pci-serial: ids, class, an I/O BAR of eight ports each, INTA. */
static void test_identity(void **state)
{
	static const struct {
		const char *ports;
		uint32_t id, bar_mask;
	} rows[] = {
		{"ports=1", 0x00021b36, 0xfffffff9},
		{"ports=2", 0x00031b36, 0xfffffff1},
		{"ports=4", 0x00041b36, 0xffffffe1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start((const char *const[]){rows[i].ports, "backend=null"}, 2);
		assert_int_equal(region_read(CONFIG_REGION, 0x00, 4), rows[i].id);
		assert_int_equal(region_read(CONFIG_REGION, 0x08, 4), 0x07000201);
		assert_int_equal(region_read(CONFIG_REGION, 0x2c, 4), 0x11001af4);
		assert_int_equal(region_read(CONFIG_REGION, 0x3d, 1), 1);
		region_write(CONFIG_REGION, 0x10, 4, 0xffffffff);
		assert_int_equal(region_read(CONFIG_REGION, 0x10, 4), rows[i].bar_mask);
		if (i + 1 < sizeof(rows) / sizeof(rows[0])) {
			disconnect_client();
			umd_device_destroy(device);
		}
	}
}

/* Each port has its own eight registers; a wide access is as many narrow ones. */
static void test_ports_are_apart(void **state)
{
	start((const char *const[]){"ports=4", "backend=null"}, 2);
	for (unsigned int port = 0; port < 4; port++)
		wr(port, UART_SCR, (uint8_t)(0x10 + port));
	for (unsigned int port = 0; port < 4; port++)
		assert_int_equal(rd(port, UART_SCR), 0x10 + port);
	region_write(0, 8 + UART_LCR, 2, 0x1a03);
	assert_int_equal(rd(1, UART_LCR), 0x03);
	assert_int_equal(rd(1, UART_MCR), 0x1a);
	assert_int_equal(rd(0, UART_LCR), 0);
	assert_int_equal(region_read(0, UART_LSR, 2), 0xb060);
}

/* INTA# is up as long as any port's interrupt is. */
static void test_shared_interrupt(void **state)
{
	start((const char *const[]){"ports=2", "backend=null"}, 2);
	rd(0, UART_MSR);
	rd(1, UART_MSR);
	assert_false(take_interrupt());
	wr(0, UART_IER, UART_IER_THRE);
	assert_true(take_interrupt());
	wr(1, UART_IER, UART_IER_THRE);
	assert_int_equal(rd(0, UART_IIR), UART_IIR_THRE);
	assert_true(take_interrupt());
	assert_int_equal(rd(1, UART_IIR), UART_IIR_THRE);
	take_interrupt(); /* signalled once more when it was unmasked, before the last was served */
	assert_false(take_interrupt());
	assert_int_equal(rd(0, UART_IIR), UART_IIR_NONE);
}

/* A reset lowers the line, whichever port held it, and raises it for none on the way. */
static void test_reset(void **state)
{
	struct header reset = {.command = 13};

	start((const char *const[]){"ports=2", "backend=null"}, 2);
	wr(1, UART_IER, UART_IER_THRE);
	wr(1, UART_LCR, 0x03);
	while (take_interrupt())
		rd(1, UART_IIR);
	wr(0, UART_IER, UART_IER_THRE);
	wr(1, UART_IER, UART_IER_THRE | UART_IER_RX);
	assert_true(take_interrupt());
	take_interrupt();
	call(&reset, sizeof(reset), sizeof(reset), -1);
	while (take_interrupt())
		; /* what was signalled before */
	assert_false(take_interrupt());
	enable_ports();
	assert_int_equal(rd(1, UART_IER), 0);
	assert_int_equal(rd(1, UART_LCR), 0);
}

/* The next client finds fresh ports, and the host end where it was. */
static void test_next_client(void **state)
{
	char backend[80], text[8] = "";
	FILE *log;

	snprintf(backend, sizeof(backend), "backend=file:%s", path);
	start((const char *const[]){backend}, 1);
	wr(0, UART_LCR, 0x03);
	wr(0, UART_SCR, 0x55);
	wr(0, UART_THR, 'a');
	disconnect_client();
	connect_client();
	assert_int_equal(rd(0, UART_SCR), 0);
	assert_int_equal(rd(0, UART_LCR), 0);
	wr(0, UART_LCR, 0x03);
	wr(0, UART_THR, 'b');
	rd(0, UART_IIR);
	log = fopen(path, "r");
	assert_non_null(fgets(text, sizeof(text), log));
	fclose(log);
	assert_string_equal(text, "ab");
}

/* A port that cannot be made takes the whole card with it, and says which sentence is to blame. */
static void test_failure(void **state)
{
	static const char *const options[] = {"ports=2", "backend0=null",
					      "backend1=file:/nonexistent/x"};
	struct umd_error error = {0};

	assert_int_equal(umd_serial_kind.create(options, 3, &device, &error), -ENOENT);
	assert_string_equal(error.text,
			    "cannot append to /nonexistent/x: No such file or directory");
	start((const char *const[]){"backend=null"}, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_interrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failure, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
