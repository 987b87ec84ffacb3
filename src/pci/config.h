/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config space as data: its bytes, and for each bit what the driver may do to it. Registers and
 * capabilities are declared as tables of fields; some have hooks, which are found by the bytes that
 * an access touches. No access walks the capabilities.
 *
 * References: PCI Local Bus 3.0, chapter 6; PCI Express Base 5.0, chapter 7; names as in
 * linux/pci_regs.h.
 */
#ifndef UMD_PCI_CONFIG_H
#define UMD_PCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/device.h>

#define UMD_PCI_CONFIG_SIZE  256u
#define UMD_PCIE_CONFIG_SIZE 4096u

#define UMD_PCI_CAPS_MAX  64u
#define UMD_PCI_HOOKS_MAX 64u

/* A register. Bits that are in none of the masks are read-only. */
struct umd_pci_field {
	unsigned int offset; /* from where its capability begins */
	unsigned int size;   /* 1, 2 or 4 bytes */
	uint32_t value;	     /* after a reset */
	uint32_t rw;	     /* the driver writes these bits */
	uint32_t w1c;	     /* the driver clears these by writing ones */
	uint32_t sticky;     /* a function reset leaves these alone */
};

/* A capability as it is declared. */
struct umd_pci_cap {
	const char *name; /* for errors */
	unsigned int id;
	unsigned int version; /* of an extended one; 0: a standard one */
	unsigned int at;      /* 0: the next free place */
	unsigned int size;    /* bytes, its header included */
};

/* Called with the part of its range that an access touches, `offset` from where the range begins.
 */
typedef void umd_pci_hook_fn(void *data, size_t offset, size_t size);

struct umd_pci_hook {
	size_t offset, size;
	umd_pci_hook_fn *written; /* after the bytes of each piece of a write are stored */
	umd_pci_hook_fn *reading; /* before the bytes are taken */
	void *data;
};

/* What there is to know of one byte. */
struct umd_pci_byte {
	uint8_t initial, writable, clearable, sticky;
	uint8_t hook; /* index + 1; 0: none */
	bool bar;     /* of a BAR: UMD_PCI_KEEP_BARS */
};

struct umd_pci_config {
	size_t size; /* UMD_PCI_CONFIG_SIZE or UMD_PCIE_CONFIG_SIZE */
	bool is_express;
	struct umd_pci_cap
		caps[UMD_PCI_CAPS_MAX]; /* with their places, in the order of the chain */
	unsigned int cap_count;
	struct umd_pci_hook hooks[UMD_PCI_HOOKS_MAX];
	unsigned int hook_count;
	bool reading_is_hooked;

	/* Beyond UMD_PCI_CONFIG_SIZE nothing is set up, nor used, before there is need: grow(). */
	uint8_t bytes[UMD_PCIE_CONFIG_SIZE];
	struct umd_pci_byte about[UMD_PCIE_CONFIG_SIZE];
};

/* ---- Declaring ----------------------------------------------------------------------------- */

/* A type 0 header with the device's identity. */
void umd_pci_config_init(struct umd_pci_config *config, const struct umd_device_info *info);

/* Makes room for extended capabilities: 4 KiB from here on. */
void umd_pci_config_grow(struct umd_pci_config *config);

/* Declares a BAR; its size is a power of two and its flags are UMD_REGION_... */
void umd_pci_config_add_bar(struct umd_pci_config *config, unsigned int index,
			    const struct umd_region *region);

/* Declares the expansion ROM's BAR; the size is a power of two. */
void umd_pci_config_add_rom(struct umd_pci_config *config, uint32_t size);

void umd_pci_config_set_pin(struct umd_pci_config *config, unsigned int pin);

/* Puts registers at `base`. */
void umd_pci_config_add_fields(struct umd_pci_config *config, size_t base,
			       const struct umd_pci_field *fields, size_t count);

/*
 * Places a capability, links it to the one before and puts its registers there.
 *
 * @return its offset; -EINVAL, -EEXIST (an overlap), -ENOSPC with a sentence
 */
int umd_pci_config_add_cap(struct umd_pci_config *config, const struct umd_pci_cap *cap,
			   const struct umd_pci_field *fields, size_t count,
			   struct umd_error *error);

/* Puts raw bytes with their masks at `base`; `body` is struct umd_cap_body without its hooks. */
struct umd_cap_body;
void umd_pci_config_add_body(struct umd_pci_config *config, size_t base,
			     const struct umd_cap_body *body);

/* Registers that say where a BAR lies or how large it is: kept as BARs are. */
void umd_pci_config_add_bar_fields(struct umd_pci_config *config, size_t base, size_t size);

/* @return 0; -ENOSPC beyond UMD_PCI_HOOKS_MAX */
int umd_pci_config_add_hook(struct umd_pci_config *config, const struct umd_pci_hook *hook);

/* The offset of a declared capability, or -ENOENT. */
int umd_pci_config_find_cap(const struct umd_pci_config *config, unsigned int id, bool extended);

/* Checks what only the whole can tell: 0 or -EINVAL. */
int umd_pci_config_realize(const struct umd_pci_config *config, struct umd_error *error);

/* ---- Running ------------------------------------------------------------------------------- */

#define UMD_PCI_KEEP_STICKY (1u << 0) /* what a function reset leaves alone */
#define UMD_PCI_KEEP_BARS   (1u << 1) /* the addresses that the driver gave */

/* Brings back the initial values, but for what is to be kept: UMD_PCI_KEEP_... */
void umd_pci_config_reset(struct umd_pci_config *config, unsigned int keep);

/* The driver's accesses, of any size and alignment within the space. */
void umd_pci_config_read(const struct umd_pci_config *config, size_t offset, uint8_t *to,
			 size_t size);
void umd_pci_config_write(struct umd_pci_config *config, size_t offset, const uint8_t *from,
			  size_t size);

/* Ours: a number of 1, 2 or 4 bytes, past all masks and hooks. */
uint32_t umd_pci_config_get(const struct umd_pci_config *config, size_t offset, unsigned int size);
void umd_pci_config_set(struct umd_pci_config *config, size_t offset, unsigned int size,
			uint32_t value);

/* PCI_COMMAND. */
uint16_t umd_pci_config_command(const struct umd_pci_config *config);

/* PCI_STATUS_INTERRUPT: whether the INTx line is asserted. */
void umd_pci_config_set_interrupt_status(struct umd_pci_config *config, bool asserted);

/* The driver has chosen another size for a resizable BAR: other bits of its address are kept. */
void umd_pci_config_resize_bar(struct umd_pci_config *config, unsigned int index, uint64_t size,
			       bool is_64bit);

#endif
