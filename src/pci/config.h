/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config space as data: the bytes, and for each bit whether the driver may write it. A field or a
 * capability is declared by putting bytes and a write mask; no access walks the capabilities.
 *
 * References: PCI Local Bus 3.0, chapter 6; names as in linux/pci_regs.h.
 */
#ifndef UMD_PCI_CONFIG_H
#define UMD_PCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/device.h>

#define UMD_PCI_CONFIG_SIZE 256u

struct umd_pci_config {
	uint8_t bytes[UMD_PCI_CONFIG_SIZE];
	uint8_t initial[UMD_PCI_CONFIG_SIZE]; /* what a reset brings back */
	uint8_t writable[UMD_PCI_CONFIG_SIZE];
	unsigned int next_cap; /* where the next capability goes */
	unsigned int last_cap; /* the offset of the pointer that is to lead to it */
};

/* A type 0 header with the device's identity. */
void umd_pci_config_init(struct umd_pci_config *config, const struct umd_device_info *info);

/* Declares a BAR; its size is a power of two and its flags are UMD_REGION_... */
void umd_pci_config_add_bar(struct umd_pci_config *config, unsigned int index,
			    const struct umd_region *region);

void umd_pci_config_set_pin(struct umd_pci_config *config, unsigned int pin);

/*
 * Adds a capability at the next free place, a multiple of 4.
 *
 * @param body     what follows its id and next pointer
 * @param writable as many bytes: the bits that a driver may write
 * @return its offset, or -ENOSPC
 */
int umd_pci_config_add_cap(struct umd_pci_config *config, uint8_t id, const uint8_t *body,
			   const uint8_t *writable, size_t size);

/* Keeps what was declared as the state after a reset. */
void umd_pci_config_realize(struct umd_pci_config *config);

void umd_pci_config_reset(struct umd_pci_config *config);

/* Accesses of any size and alignment within the space. */
void umd_pci_config_read(const struct umd_pci_config *config, size_t offset, uint8_t *to,
			 size_t size);
void umd_pci_config_write(struct umd_pci_config *config, size_t offset, const uint8_t *from,
			  size_t size);

/* PCI_COMMAND. */
uint16_t umd_pci_config_command(const struct umd_pci_config *config);

/* PCI_STATUS_INTERRUPT: whether the INTx line is asserted. */
void umd_pci_config_set_interrupt_status(struct umd_pci_config *config, bool asserted);

#endif
