/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serves a device with as many capabilities as there are, for the tests in a VM.
 *
 *   caps-device KIND SOCKET
 *
 * KIND is `express`, a PCI Express endpoint with all of them; `plug`, the same without MSI-X; or
 * `conventional`, a PCI device without PCI Express. Each has the registers of caps_registers.h in
 * BAR0, INTA# and a ROM. SIGTERM ends it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "caps_bar.h"
#include "caps_declare.h"
#include "caps_registers.h"

static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = 1;
}

static void declare_bars(struct umd_device *device, bool conventional)
{
	static const struct umd_region registers = {.size = CAPS_BAR0_SIZE,
						    .max_access = 4,
						    .read = caps_bar_read,
						    .write = caps_bar_write};
	static const struct umd_region ports = {.size = CAPS_IO_SIZE,
						.flags = UMD_REGION_IO,
						.max_access = 4,
						.read = caps_bar_read,
						.write = caps_bar_write};
	/* Reads zero: it is there to be resized. */
	static const struct umd_region large = {.size = 8 << 20,
						.flags = UMD_REGION_MEM64 | UMD_REGION_PREFETCH};

	umd_device_add_bar(device, 0, &registers);
	umd_device_add_bar(device, 2, conventional ? &ports : &large);
}

/* An expansion ROM image (PCI, section 6.3.1) of one block, of a code type that nobody runs. */
static void declare_rom(struct umd_device *device)
{
	static const uint8_t data[] = {
		'P', 'C', 'I', 'R', 0x36, 0x1b, 0xe1, 0xff,
		0,   0,	  24,  0,   0,	  0x00, 0x80, 0x08, /* length, class */
		1,   0,	  0,   0,   0xff, 0x80};	    /* blocks, type, the last one */
	static const uint8_t mark[] = {'u', 'm', 'd', 'e', 'v'};
	uint8_t rom[512] = {0x55, 0xaa};

	rom[0x18] = 0x40; /* where the PCI data structure lies */
	memcpy(rom + 0x40, data, sizeof(data));
	memcpy(rom + 0x100, mark, sizeof(mark));
	umd_device_add_rom(device, rom, sizeof(rom));
}

static int make(struct caps_bar *bar, const char *kind, struct umd_error *error)
{
	static const struct umd_device_ops ops = {.reset = caps_bar_reset, .power = caps_bar_power};
	bool conventional = !strcmp(kind, "conventional");
	const struct umd_device_info info = {
		.size = sizeof(info),
		.name = kind,
		.vendor = CAPS_VENDOR,
		.device = conventional ? CAPS_DEVICE_CONVENTIONAL : CAPS_DEVICE_EXPRESS,
		.subsystem_vendor = CAPS_VENDOR,
		.subsystem = 0x1100,
		.class_code = 0x088000, /* system peripheral, other */
		.revision = 3,
		.ops = &ops,
		.data = bar,
	};

	if (umd_device_create(&info, &bar->device) < 0)
		return umd_error_set(error, -ENOMEM, "out of memory");

	declare_bars(bar->device, conventional);
	declare_rom(bar->device);
	umd_device_add_intx(bar->device, 1);
	if (conventional)
		caps_declare_conventional(bar->device);
	else
		caps_declare_express(bar->device, !strcmp(kind, "express"));
	return umd_device_realize(bar->device, error);
}

static int serve(struct umd_device *device, const char *path)
{
	const struct umd_server_options options = {.size = sizeof(options), .socket_path = path};
	struct umd_server *server;
	int err = umd_server_create(device, &options, &server);

	if (err < 0)
		return err;
	while (!ended && (!err || err == -EINTR))
		err = umd_server_dispatch(server, -1);
	umd_server_destroy(server);
	return ended ? 0 : err;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = end};
	struct umd_error error = {0};
	struct caps_bar bar = {0};
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: caps-device express|plug|conventional SOCKET\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	err = make(&bar, argv[1], &error);
	if (err < 0)
		fprintf(stderr, "caps-device: %s\n", error.text);
	else
		err = serve(bar.device, argv[2]);
	umd_device_destroy(bar.device);
	return err < 0;
}
