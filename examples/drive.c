/* SPDX-License-Identifier: BSD-2-Clause */
/* Drives the copier (copier_device.c) wherever it is: drive vfio-user:SOCKET, drive pci:01:00.0 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <umdev/driver.h>

#define TRY(call)               \
	if ((err = (call)) < 0) \
	return fprintf(stderr, "%s: %s\n", #call, strerror(-err)), 1

int main(int argc, char **argv)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	struct umd_driver_buffer *memory;
	struct umd_driver_dma dma = {.size = sizeof(dma),
				     .flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE};
	struct umd_driver_map *map;
	struct umd_driver *driver;
	struct umd_error error;
	uint32_t status;
	uint64_t iova;
	int err;

	if (argc != 2 || umd_driver_open(argv[1], NULL, &driver, &error) < 0)
		return fprintf(stderr, "drive: %s\n", argc == 2 ? error.text : "which URI?"), 1;
	printf("%s: %d INTx, %d MSI, %d MSI-X\n", umd_driver_name(driver),
	       umd_driver_irq_count(driver, UMD_DRIVER_INTX),
	       umd_driver_irq_count(driver, UMD_DRIVER_MSI),
	       umd_driver_irq_count(driver, UMD_DRIVER_MSIX));

	TRY(umd_driver_buffer_create(4096, 0, &memory));
	dma.address = memory->address, dma.bytes = memory->bytes, dma.fd = memory->fd;
	TRY(umd_driver_dma_map(driver, &dma, &map, &iova));
	TRY(umd_driver_enable_events(driver));
	TRY(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 0, 1));
	TRY(umd_driver_config_write16(driver, PCI_COMMAND,
				      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));

	strcpy(memory->address, "copied by DMA");
	TRY(umd_driver_write64(driver, UMD_DRIVER_BAR0, 0x00, iova));
	TRY(umd_driver_write64(driver, UMD_DRIVER_BAR0, 0x08, iova + 2048));
	TRY(umd_driver_write32(driver, UMD_DRIVER_BAR0, 0x10, 14));
	TRY(umd_driver_write32(driver, UMD_DRIVER_BAR0, 0x14, 1));
	do
		poll(&(struct pollfd){umd_driver_event_fd(driver), POLLIN, 0}, 1, -1);
	while ((err = umd_driver_next_event(driver, &event)) == -EAGAIN);
	TRY(err);
	TRY(umd_driver_read32(driver, UMD_DRIVER_BAR0, 0x18, &status));
	printf("event %u, vector %u, status %u: %s\n", event.kind, event.vector, status,
	       (char *)memory->address + 2048);
	umd_driver_close(driver);
	umd_driver_buffer_destroy(memory);
	return event.kind != UMD_DRIVER_EVENT_IRQ || status;
}
