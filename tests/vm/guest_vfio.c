/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drives the device of caps_device.c in a guest, through the driver library and the guest
 * kernel's vfio-pci.
 *
 *   guest-vfio ADDRESS COMMAND [ARGUMENT...]   (ADDRESS as in sysfs: 0000:01:00.0)
 *
 * The device is bound to vfio-pci and its group is free; the guest has an IOMMU. Exit status 0 when
 * all went as it should; 1 otherwise, with the reason on stderr. Nothing waits for ever.
 */
#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "caps_registers.h"
#include "guest_interrupts.h"
#include "guest_problem.h"

#define TIME_LIMIT 300 /* seconds, whatever happens */

static unsigned int number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 0);
}

static int irqs(struct umd_driver *device, char **arguments)
{
	static const char *const names[] = {"intx", "msi", "msix", "err", "req"};
	struct umd_driver_irq info = {.size = sizeof(info)};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!umd_driver_get_irq(device, i, &info))
			printf("%s %u%s\n", names[i], info.count,
			       info.flags & UMD_DRIVER_IRQ_NORESIZE ? " noresize" : "");
	return 0;
}

static int msi(struct umd_driver *device, char **arguments)
{
	return guest_messages(device, UMD_DRIVER_MSI, number(arguments[0]));
}

static int msix(struct umd_driver *device, char **arguments)
{
	return guest_messages(device, UMD_DRIVER_MSIX, number(arguments[0]));
}

static int intx(struct umd_driver *device, char **arguments)
{
	return guest_levels(device, number(arguments[0]));
}

static int err(struct umd_driver *device, char **arguments)
{
	return guest_notice(device, UMD_DRIVER_ERR, number(arguments[0]));
}

static int req(struct umd_driver *device, char **arguments)
{
	return guest_notice(device, UMD_DRIVER_REQ, number(arguments[0]));
}

/* 0 or -1, with a word about a call of the library. */
static int done(int err, const char *what)
{
	errno = -err;
	return err < 0 ? guest_problem("%s", what) : 0;
}

static int reset(struct umd_driver *device, char **arguments)
{
	return done(umd_driver_reset(device), "reset");
}

/* Of a register: up to four bytes. */
static unsigned int size_of(const char *text)
{
	return number(text) < 4 ? number(text) : 4;
}

static int show(int err, uint32_t value)
{
	if (done(err, "reading") < 0)
		return -1;
	printf("%#x\n", le32toh(value));
	return 0;
}

static int config_read(struct umd_driver *device, char **arguments)
{
	uint32_t value = 0;
	int err = umd_driver_region_read(device, UMD_DRIVER_CONFIG, number(arguments[0]), &value,
					 size_of(arguments[1]));

	return show(err, value);
}

static int config_write(struct umd_driver *device, char **arguments)
{
	uint32_t value = htole32(number(arguments[2]));

	return done(umd_driver_region_write(device, UMD_DRIVER_CONFIG, number(arguments[0]), &value,
					    size_of(arguments[1])),
		    "writing");
}

static int register_read(struct umd_driver *device, char **arguments)
{
	uint32_t value = 0;
	int err = umd_driver_read32(device, UMD_DRIVER_BAR0, number(arguments[0]), &value);

	return show(err, htole32(value));
}

static int register_write(struct umd_driver *device, char **arguments)
{
	return done(umd_driver_write32(device, UMD_DRIVER_BAR0, number(arguments[0]),
				       number(arguments[1])),
		    "writing");
}

static const struct command {
	const char *name;
	int arguments;
	const char *usage;
	int (*run)(struct umd_driver *device, char **arguments);
} commands[] = {
	{"irqs", 0, "                            how many vectors each index has", irqs},
	{"msi", 1, " COUNT                       has the device send so many messages", msi},
	{"msix", 1, " COUNT", msix},
	{"intx", 1, " COUNT                      serves so many level interrupts", intx},
	{"err", 1, " SECONDS                     assigns it, and waits so long if not 0", err},
	{"req", 1, " SECONDS", req},
	{"reset", 0, "", reset},
	{"config-read", 2, " OFFSET SIZE", config_read},
	{"config-write", 3, " OFFSET SIZE VALUE", config_write},
	{"read", 1, " OFFSET                     a register of BAR0", register_read},
	{"write", 2, " OFFSET VALUE", register_write},
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct command *find_command(int argc, char **argv)
{
	for (unsigned int i = 0; argc > 2 && i < COMMANDS; i++)
		if (!strcmp(argv[2], commands[i].name) && argc == 3 + commands[i].arguments)
			return &commands[i];

	fprintf(stderr, "usage: guest-vfio ADDRESS COMMAND [ARGUMENT...]\n");
	for (unsigned int i = 0; i < COMMANDS; i++)
		fprintf(stderr, "  %s%s\n", commands[i].name, commands[i].usage);
	return NULL;
}

/* Bus mastering on, since a message is a DMA write; the registers mapped. */
static int prepare(struct umd_driver *device)
{
	struct umd_driver_area area = {0};
	volatile void *registers;
	unsigned int count = 0;
	uint16_t command;
	int err = umd_driver_config_read16(device, PCI_COMMAND, &command);

	if (!err)
		err = umd_driver_config_write16(device, PCI_COMMAND, command | PCI_COMMAND_MASTER);
	if (!err)
		err = umd_driver_get_areas(device, UMD_DRIVER_BAR0, &area, 1, &count);
	if (!err && count)
		err = umd_driver_region_map(device, UMD_DRIVER_BAR0, area.offset, area.size,
					    &registers);
	return done(err, "BAR0");
}

static int check_identity(struct umd_driver *device)
{
	uint32_t value = 0;

	if (done(umd_driver_read32(device, UMD_DRIVER_BAR0, CAPS_IDENT, &value), "BAR0") < 0)
		return -1;
	return value == CAPS_IDENT_VALUE ? 0
					 : guest_problem("this is not the device of caps_device.c");
}

static int run(const struct command *command, char **argv)
{
	struct umd_driver *device = NULL;
	struct umd_error error = {0};
	char uri[64];
	int result;

	snprintf(uri, sizeof(uri), "pci:%s", argv[1]);
	errno = 0;
	if (umd_driver_open(uri, NULL, &device, &error))
		return guest_problem("%s", error.text);
	result = prepare(device);
	if (!result)
		result = check_identity(device);
	if (!result)
		result = command->run(device, argv + 3);
	umd_driver_close(device);
	return result;
}

int main(int argc, char **argv)
{
	const struct command *command = find_command(argc, argv);

	if (!command)
		return 2;
	alarm(TIME_LIMIT);
	return run(command, argv) < 0;
}
