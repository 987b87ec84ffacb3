/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drives the device of caps_device.c in a guest, through the guest kernel's vfio-pci.
 *
 *   guest-vfio ADDRESS COMMAND [ARGUMENT...]   (ADDRESS as in sysfs: 0000:01:00.0)
 *
 * The device is bound to vfio-pci and its group is free; the guest has an IOMMU. Exit status 0 when
 * all went as it should; 1 otherwise, with the reason on stderr. Nothing waits for ever.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "caps_registers.h"
#include "guest_device.h"
#include "guest_interrupts.h"

#define TIME_LIMIT 300 /* seconds, whatever happens */

static unsigned int number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 0);
}

static int irqs(struct guest_device *device, char **arguments)
{
	static const char *const names[] = {"intx", "msi", "msix", "err", "req"};
	struct vfio_irq_info info;

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!guest_irq_info(device, i, &info))
			printf("%s %u%s\n", names[i], info.count,
			       info.flags & VFIO_IRQ_INFO_NORESIZE ? " noresize" : "");
	return 0;
}

static int msi(struct guest_device *device, char **arguments)
{
	return guest_messages(device, VFIO_PCI_MSI_IRQ_INDEX, number(arguments[0]));
}

static int msix(struct guest_device *device, char **arguments)
{
	return guest_messages(device, VFIO_PCI_MSIX_IRQ_INDEX, number(arguments[0]));
}

static int intx(struct guest_device *device, char **arguments)
{
	return guest_levels(device, number(arguments[0]));
}

static int err(struct guest_device *device, char **arguments)
{
	return guest_notice(device, VFIO_PCI_ERR_IRQ_INDEX, number(arguments[0]));
}

static int req(struct guest_device *device, char **arguments)
{
	return guest_notice(device, VFIO_PCI_REQ_IRQ_INDEX, number(arguments[0]));
}

static int reset(struct guest_device *device, char **arguments)
{
	if (ioctl(device->fd, VFIO_DEVICE_RESET) < 0)
		return guest_problem("reset");
	return 0;
}

static int config_read(struct guest_device *device, char **arguments)
{
	uint32_t value;

	if (guest_config_read(device, number(arguments[0]), number(arguments[1]), &value) < 0)
		return -1;
	printf("%#x\n", value);
	return 0;
}

static int config_write(struct guest_device *device, char **arguments)
{
	return guest_config_write(device, number(arguments[0]), number(arguments[1]),
				  number(arguments[2]));
}

static int register_read(struct guest_device *device, char **arguments)
{
	printf("%#x\n", guest_device_read(device, number(arguments[0])));
	return 0;
}

static int register_write(struct guest_device *device, char **arguments)
{
	guest_device_write(device, number(arguments[0]), number(arguments[1]));
	return 0;
}

static const struct command {
	const char *name;
	int arguments;
	const char *usage;
	int (*run)(struct guest_device *device, char **arguments);
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

static int run(const struct command *command, char **argv)
{
	struct guest_device device;
	int result = guest_device_open(&device, argv[1]);

	errno = 0;
	if (!result && guest_device_read(&device, CAPS_IDENT) != CAPS_IDENT_VALUE)
		result = guest_problem("this is not the device of caps_device.c");
	if (!result)
		result = command->run(&device, argv + 3);
	guest_device_close(&device);
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
