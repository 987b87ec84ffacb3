/* SPDX-License-Identifier: BSD-2-Clause */
/* The header, BARs, and the accesses. Where capabilities are placed: chain.c. */
#include "pci/config.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include <umdev/caps.h>

#include "base/bytes.h"

#define COMMAND_WRITABLE                                                                 \
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | \
	 PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)

#define STATUS_CLEARABLE                                                                 \
	(PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT | \
	 PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY)

/* ---- Declaring ----------------------------------------------------------------------------- */

void umd_pci_config_init(struct umd_pci_config *config, const struct umd_device_info *info)
{
	const struct umd_pci_field header[] = {
		{PCI_VENDOR_ID, 2, .value = info->vendor},
		{PCI_DEVICE_ID, 2, .value = info->device},
		{PCI_COMMAND, 2, .rw = COMMAND_WRITABLE},
		{PCI_STATUS, 2, .w1c = STATUS_CLEARABLE},
		{PCI_CLASS_REVISION, 4, .value = info->class_code << 8 | info->revision},
		{PCI_CACHE_LINE_SIZE, 1, .rw = 0xff},
		{PCI_LATENCY_TIMER, 1, .rw = 0xff},
		{PCI_SUBSYSTEM_VENDOR_ID, 2, .value = info->subsystem_vendor},
		{PCI_SUBSYSTEM_ID, 2, .value = info->subsystem},
		{PCI_INTERRUPT_LINE, 1, .rw = 0xff},
	};

	memset(config, 0, offsetof(struct umd_pci_config, bytes));
	memset(config->bytes, 0, UMD_PCI_CONFIG_SIZE);
	memset(config->about, 0, UMD_PCI_CONFIG_SIZE * sizeof(config->about[0]));
	config->size = UMD_PCI_CONFIG_SIZE;
	umd_pci_config_add_fields(config, 0, header, sizeof(header) / sizeof(header[0]));
}

void umd_pci_config_grow(struct umd_pci_config *config)
{
	const size_t more = UMD_PCIE_CONFIG_SIZE - UMD_PCI_CONFIG_SIZE;

	if (config->size == UMD_PCIE_CONFIG_SIZE)
		return;
	memset(&config->bytes[config->size], 0, more);
	memset(&config->about[config->size], 0, more * sizeof(config->about[0]));
	config->size = UMD_PCIE_CONFIG_SIZE;
}

static void put_initial(struct umd_pci_config *config, size_t offset, uint8_t value)
{
	config->bytes[offset] = config->about[offset].initial = value;
}

void umd_pci_config_add_fields(struct umd_pci_config *config, size_t base,
			       const struct umd_pci_field *fields, size_t count)
{
	for (const struct umd_pci_field *f = fields; f < fields + count; f++) {
		for (unsigned int i = 0; i < f->size; i++) {
			struct umd_pci_byte *about = &config->about[base + f->offset + i];

			put_initial(config, base + f->offset + i, (uint8_t)(f->value >> 8 * i));
			about->writable = (uint8_t)(f->rw >> 8 * i);
			about->clearable = (uint8_t)(f->w1c >> 8 * i);
			about->sticky = (uint8_t)(f->sticky >> 8 * i);
		}
	}
}

void umd_pci_config_add_body(struct umd_pci_config *config, size_t base,
			     const struct umd_cap_body *body)
{
	for (size_t i = 0; i < body->size; i++) {
		struct umd_pci_byte *about = &config->about[base + i];

		put_initial(config, base + i, body->bytes ? body->bytes[i] : 0);
		about->writable = body->writable ? body->writable[i] : 0;
		about->clearable = body->clearable ? body->clearable[i] : 0;
		about->sticky = body->sticky ? body->sticky[i] : 0;
	}
}

void umd_pci_config_add_bar_fields(struct umd_pci_config *config, size_t base, size_t size)
{
	for (size_t i = 0; i < size; i++)
		config->about[base + i].bar = true;
}

static uint32_t bar_type(unsigned int flags)
{
	uint32_t type = 0;

	if (flags & UMD_REGION_IO)
		type |= PCI_BASE_ADDRESS_SPACE_IO;
	if (flags & UMD_REGION_MEM64)
		type |= PCI_BASE_ADDRESS_MEM_TYPE_64;
	if (flags & UMD_REGION_PREFETCH)
		type |= PCI_BASE_ADDRESS_MEM_PREFETCH;
	return type;
}

/* The address bits that a BAR of this size decodes are writable; the rest read back as zero. */
void umd_pci_config_add_bar(struct umd_pci_config *config, unsigned int index,
			    const struct umd_region *region)
{
	uint64_t mask = ~(region->size - 1);
	const struct umd_pci_field bar[] = {
		{0, 4, .value = bar_type(region->flags), .rw = (uint32_t)mask},
		{4, 4, .rw = (uint32_t)(mask >> 32)},
	};
	size_t at = PCI_BASE_ADDRESS_0 + 4 * index, count = 1;

	if (region->flags & UMD_REGION_MEM64)
		count = 2;
	umd_pci_config_add_fields(config, at, bar, count);
	umd_pci_config_add_bar_fields(config, at, 4 * count);
}

void umd_pci_config_resize_bar(struct umd_pci_config *config, unsigned int index, uint64_t size,
			       bool is_64bit)
{
	size_t at = PCI_BASE_ADDRESS_0 + 4 * index;
	uint64_t mask = ~(size - 1);

	for (size_t i = 0; i < (is_64bit ? 8 : 4); i++) {
		uint8_t *byte = &config->bytes[at + i], *writable = &config->about[at + i].writable;
		uint8_t type = config->about[at + i].initial;

		*writable = (uint8_t)(mask >> 8 * i);
		*byte = (uint8_t)((*byte & *writable) | type);
	}
}

void umd_pci_config_add_rom(struct umd_pci_config *config, uint32_t size)
{
	const struct umd_pci_field rom = {PCI_ROM_ADDRESS, 4,
					  .rw = ~(size - 1) | PCI_ROM_ADDRESS_ENABLE};

	umd_pci_config_add_fields(config, 0, &rom, 1);
	umd_pci_config_add_bar_fields(config, PCI_ROM_ADDRESS, 4);
}

void umd_pci_config_set_pin(struct umd_pci_config *config, unsigned int pin)
{
	put_initial(config, PCI_INTERRUPT_PIN, (uint8_t)pin);
}

int umd_pci_config_add_hook(struct umd_pci_config *config, const struct umd_pci_hook *hook)
{
	if (config->hook_count == UMD_PCI_HOOKS_MAX)
		return -ENOSPC;

	config->hooks[config->hook_count++] = *hook;
	config->reading_is_hooked |= hook->reading != NULL;
	for (size_t i = 0; i < hook->size; i++)
		config->about[hook->offset + i].hook = (uint8_t)config->hook_count;
	return 0;
}

/* ---- Running ------------------------------------------------------------------------------- */

void umd_pci_config_reset(struct umd_pci_config *config, unsigned int keep)
{
	for (size_t i = 0; i < config->size; i++) {
		const struct umd_pci_byte *about = &config->about[i];
		uint8_t kept = keep & UMD_PCI_KEEP_STICKY ? about->sticky : 0;

		if ((keep & UMD_PCI_KEEP_BARS) && about->bar)
			kept = about->writable;
		config->bytes[i] = (uint8_t)((config->bytes[i] & kept) | (about->initial & ~kept));
	}
}

/* The next hook that has a byte of [offset, end), and its part of that; NULL: no more. */
static const struct umd_pci_hook *next_hook(const struct umd_pci_config *config, size_t *offset,
					    size_t end, size_t *ret_size)
{
	for (; *offset < end; ++*offset) {
		const struct umd_pci_hook *hook;
		uint8_t index = config->about[*offset].hook;

		if (!index)
			continue;
		hook = &config->hooks[index - 1];
		end = end < hook->offset + hook->size ? end : hook->offset + hook->size;
		*ret_size = end - *offset;
		return hook;
	}
	return NULL;
}

static void run_hooks(const struct umd_pci_config *config, size_t offset, size_t end, bool write)
{
	const struct umd_pci_hook *hook;
	size_t size = 0;

	for (; (hook = next_hook(config, &offset, end, &size)); offset += size) {
		umd_pci_hook_fn *fn = write ? hook->written : hook->reading;

		if (fn)
			fn(hook->data, offset - hook->offset, size);
	}
}

void umd_pci_config_read(const struct umd_pci_config *config, size_t offset, uint8_t *to,
			 size_t size)
{
	if (config->reading_is_hooked)
		run_hooks(config, offset, offset + size, false);
	memcpy(to, &config->bytes[offset], size);
}

static void write_piece(struct umd_pci_config *config, size_t offset, const uint8_t *from,
			size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const struct umd_pci_byte *about = &config->about[offset + i];
		uint8_t *byte = &config->bytes[offset + i];
		uint8_t cleared = *byte & about->clearable & from[i];

		*byte = (uint8_t)((*byte & ~about->writable & ~cleared) |
				  (from[i] & about->writable));
	}
	run_hooks(config, offset, offset + size, true);
}

/*
 * As vfio-pci takes them: in aligned pieces of 4, 2 and 1 bytes, each of which has its effect
 * before the next one is stored.
 */
void umd_pci_config_write(struct umd_pci_config *config, size_t offset, const uint8_t *from,
			  size_t size)
{
	for (size_t done = 0; done < size;) {
		size_t piece = 4;

		while ((offset + done) % piece || piece > size - done)
			piece /= 2;
		write_piece(config, offset + done, from + done, piece);
		done += piece;
	}
}

uint32_t umd_pci_config_get(const struct umd_pci_config *config, size_t offset, unsigned int size)
{
	return (uint32_t)umd_get_le(&config->bytes[offset], size);
}

void umd_pci_config_set(struct umd_pci_config *config, size_t offset, unsigned int size,
			uint32_t value)
{
	umd_put_le(&config->bytes[offset], size, value);
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
