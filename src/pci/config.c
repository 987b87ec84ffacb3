/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci/config.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "base/bytes.h"

#define CAP_HEADER 2u /* id and next pointer of a capability */

#define COMMAND_WRITABLE                                                                 \
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | \
	 PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)

void umd_pci_config_init(struct umd_pci_config *config, const struct umd_device_info *info)
{
	uint8_t *b = config->bytes, *w = config->writable;

	memset(config, 0, sizeof(*config));
	umd_put_le16(&b[PCI_VENDOR_ID], info->vendor);
	umd_put_le16(&b[PCI_DEVICE_ID], info->device);
	b[PCI_REVISION_ID] = info->revision;
	b[PCI_CLASS_PROG] = (uint8_t)info->class_code;
	umd_put_le16(&b[PCI_CLASS_DEVICE], (uint16_t)(info->class_code >> 8));
	umd_put_le16(&b[PCI_SUBSYSTEM_VENDOR_ID], info->subsystem_vendor);
	umd_put_le16(&b[PCI_SUBSYSTEM_ID], info->subsystem);

	umd_put_le16(&w[PCI_COMMAND], COMMAND_WRITABLE);
	w[PCI_CACHE_LINE_SIZE] = 0xff;
	w[PCI_LATENCY_TIMER] = 0xff;
	w[PCI_INTERRUPT_LINE] = 0xff;

	config->next_cap = PCI_STD_HEADER_SIZEOF;
	config->last_cap = PCI_CAPABILITY_LIST;
}

/* The address bits that a BAR of this size decodes are writable; the rest read back as zero. */
void umd_pci_config_add_bar(struct umd_pci_config *config, unsigned int index,
			    const struct umd_region *region)
{
	unsigned int at = PCI_BASE_ADDRESS_0 + 4 * index;
	uint64_t mask = ~(region->size - 1);
	uint32_t type = 0;

	if (region->flags & UMD_REGION_IO)
		type |= PCI_BASE_ADDRESS_SPACE_IO;
	if (region->flags & UMD_REGION_MEM64)
		type |= PCI_BASE_ADDRESS_MEM_TYPE_64;
	if (region->flags & UMD_REGION_PREFETCH)
		type |= PCI_BASE_ADDRESS_MEM_PREFETCH;

	umd_put_le32(&config->bytes[at], type);
	umd_put_le32(&config->writable[at], (uint32_t)mask);
	if (region->flags & UMD_REGION_MEM64)
		umd_put_le32(&config->writable[at + 4], (uint32_t)(mask >> 32));
}

void umd_pci_config_set_pin(struct umd_pci_config *config, unsigned int pin)
{
	config->bytes[PCI_INTERRUPT_PIN] = (uint8_t)pin;
}

int umd_pci_config_add_cap(struct umd_pci_config *config, uint8_t id, const uint8_t *body,
			   const uint8_t *writable, size_t size)
{
	unsigned int at = config->next_cap;

	if (size + CAP_HEADER > UMD_PCI_CONFIG_SIZE - at)
		return -ENOSPC;

	config->bytes[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	config->bytes[config->last_cap] = (uint8_t)at;
	config->bytes[at + PCI_CAP_LIST_ID] = id;
	memcpy(&config->bytes[at + CAP_HEADER], body, size);
	memcpy(&config->writable[at + CAP_HEADER], writable, size);

	config->last_cap = at + PCI_CAP_LIST_NEXT;
	config->next_cap = (unsigned int)(at + CAP_HEADER + size + 3) & ~3u;
	return (int)at;
}

void umd_pci_config_realize(struct umd_pci_config *config)
{
	memcpy(config->initial, config->bytes, sizeof(config->initial));
}

void umd_pci_config_reset(struct umd_pci_config *config)
{
	memcpy(config->bytes, config->initial, sizeof(config->bytes));
}

void umd_pci_config_read(const struct umd_pci_config *config, size_t offset, uint8_t *to,
			 size_t size)
{
	memcpy(to, &config->bytes[offset], size);
}

void umd_pci_config_write(struct umd_pci_config *config, size_t offset, const uint8_t *from,
			  size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t mask = config->writable[offset + i];
		uint8_t *byte = &config->bytes[offset + i];

		*byte = (uint8_t)((*byte & ~mask) | (from[i] & mask));
	}
}

uint16_t umd_pci_config_command(const struct umd_pci_config *config)
{
	return umd_get_le16(&config->bytes[PCI_COMMAND]);
}

void umd_pci_config_set_interrupt_status(struct umd_pci_config *config, bool asserted)
{
	uint8_t *status = &config->bytes[PCI_STATUS];

	*status = (uint8_t)(asserted ? *status | PCI_STATUS_INTERRUPT
				     : *status & ~PCI_STATUS_INTERRUPT);
}
