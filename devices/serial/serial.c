/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card: QEMU's pci-serial and its kin of two and four ports, which Linux's 8250_pci takes by
 * their class. BAR 0 is I/O ports, eight registers for each UART; INTA# is the OR of the UARTs.
 */
#include "serial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "port.h"

#define CLASS_SERIAL_16550 0x070002u /* PCI Code and ID Assignment: communication, 16550 */

struct card {
	struct umd_device *device;
	unsigned int count;
	bool asserted;		    /* INTA# */
	struct serial_port ports[]; /* as many as the card has */
};

/* ---- The driver's side --------------------------------------------------------------------- */

static void update_interrupt(void *data)
{
	struct card *card = data;
	bool asserted = false;

	for (unsigned int i = 0; i < card->count; i++)
		asserted |= serial_port_interrupt(&card->ports[i]);
	if (asserted == card->asserted)
		return;

	card->asserted = asserted;
	umd_device_set_intx(card->device, asserted);
}

static uint64_t card_read(void *data, uint64_t offset, unsigned int size)
{
	struct card *card = data;

	return serial_port_read(&card->ports[offset / UART_REGISTERS], offset % UART_REGISTERS);
}

static void card_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct card *card = data;
	struct serial_port *port = &card->ports[offset / UART_REGISTERS];

	serial_port_write(port, offset % UART_REGISTERS, (uint8_t)value);
}

static void card_reset(void *data, enum umd_reset kind)
{
	struct card *card = data;

	card->asserted = false; /* the library has lowered the line */
	for (unsigned int i = 0; i < card->count; i++)
		serial_port_reset(&card->ports[i], kind == UMD_RESET_DISCONNECT);
}

static void card_destroy(void *data)
{
	struct card *card = data;

	for (unsigned int i = 0; i < card->count; i++)
		serial_port_finish(&card->ports[i]);
	free(card);
}

/* ---- Making one ---------------------------------------------------------------------------- */

/* 1b36:0002, :0003 and :0004 for one, two and four ports (QEMU, docs/specs/pci-serial.rst). */
static uint16_t device_id(unsigned int ports)
{
	return ports == 1 ? 0x0002 : ports == 2 ? 0x0003 : 0x0004;
}

static int declare(struct card *card, unsigned int ports, struct umd_error *error)
{
	struct umd_region bar = {
		.size = (uint64_t)ports * UART_REGISTERS,
		.flags = UMD_REGION_IO,
		.max_access = 1,
		.read = card_read,
		.write = card_write,
	};
	int err = umd_device_add_bar(card->device, 0, &bar);

	if (!err)
		err = umd_device_add_intx(card->device, 1);
	return err ? umd_error_set(error, err, "cannot declare the card: %s", strerror(-err)) : 0;
}

static int add_ports(struct card *card, const struct serial_options *options,
		     struct umd_error *error)
{
	for (unsigned int i = 0; i < options->ports; i++) {
		struct serial_port_config config = {
			.device = card->device,
			.index = i,
			.backend = options->backends[i],
			.changed = update_interrupt,
			.data = card,
		};
		int err = serial_port_init(&card->ports[i], &config, error);

		if (err)
			return err;
		card->count++;
	}
	return 0;
}

/* From here on the card belongs to the device, and ends with it. */
static int create_device(struct card *card, const struct serial_options *options,
			 struct umd_error *error)
{
	static const struct umd_device_ops ops = {.reset = card_reset, .destroy = card_destroy};
	struct umd_device_info info = {
		.size = sizeof(info),
		.name = "serial",
		.vendor = 0x1b36,
		.device = device_id(options->ports),
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = CLASS_SERIAL_16550,
		.revision = 1,
		.ops = &ops,
		.data = card,
	};
	int err = umd_device_create(&info, &card->device);

	return err ? umd_error_set(error, err, "cannot make a device: %s", strerror(-err)) : 0;
}

static int serial_create(const char *const *strings, size_t count, struct umd_device **ret,
			 struct umd_error *error)
{
	struct serial_options options;
	struct card *card;
	int err = serial_options_parse(&options, strings, count, error);

	if (err)
		return err;

	card = calloc(1, sizeof(*card) + options.ports * sizeof(card->ports[0]));
	if (!card)
		return umd_error_set(error, -ENOMEM, "no memory for a serial card");

	err = create_device(card, &options, error);
	if (err) {
		free(card);
		return err;
	}

	err = declare(card, options.ports, error);
	if (!err)
		err = add_ports(card, &options, error);
	if (!err)
		err = umd_device_realize(card->device, error);
	if (err) {
		umd_device_destroy(card->device);
		return err;
	}

	*ret = card->device;
	return 0;
}

static const char description[] =
	"The card is QEMU's pci-serial (1b36:0002, :0003 or :0004), which an unmodified\n"
	"8250_pci drives. Each port leads to a host end:\n"
	"\n"
	"  pty[:LINK]  a pseudo-terminal, raw; its path is said on stderr in a line\n"
	"              'serial: port N: pty PATH', and LINK becomes a symbolic link to it\n"
	"  stdio       this process's standard input and output, for one port\n"
	"  unix:PATH   a listening socket; one client at a time, a second one waits\n"
	"  file:PATH   output is appended to a file; there is no input\n"
	"  null        output is thrown away; there is no input\n"
	"\n"
	"Bytes go as fast as both ends allow, whatever the baud rate says. With hardware\n"
	"flow control in the guest (crtscts) none is lost: input waits at the host while RTS\n"
	"is off, and CTS falls when the host end is slow or not connected. Without it, the\n"
	"transmitter stays busy while a connected host end is full, and what is sent to\n"
	"nobody is lost. DCD and DSR say whether the host end is connected.\n";

const struct umd_device_kind umd_serial_kind = {
	.name = "serial",
	.summary = "PCI serial card with one, two or four 16550A UARTs",
	.description = description,
	.options = serial_option_table,
	.create = serial_create,
};
