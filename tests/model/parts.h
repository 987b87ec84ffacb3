/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the model: bits, registers, and what each file offers the others. */
#ifndef MODEL_PARTS_H
#define MODEL_PARTS_H

#include "model.h"

/* What a driver may do to a bit, named as in PCIe, section 7.4; S is sticky. */
enum model_kind {
	MODEL_RO,
	MODEL_RW,
	MODEL_RW1C,
	MODEL_ROS,
	MODEL_RWS,
	MODEL_RW1CS,
	MODEL_ADDRESS, /* of a BAR: RW, and left alone by the device's own resets */
	MODEL_CONTEXT, /* RW: PME context that survives the return from D3hot */
	MODEL_CONTEXT1C,
};

/* Registers that do something, from where their capability begins. */
enum {
	HEADER_COMMAND = 0x04,
	HEADER_STATUS = 0x06,
	HEADER_BARS = 0x10,
	HEADER_ROM = 0x30,
	PM_CONTROL = 4,
	MSI_CONTROL = 2,
	MSIX_CONTROL = 2,
	EXPRESS_CONTROL = 8,
	EXPRESS_STATUS = 10,
	AF_CONTROL = 4,
	VPD_ADDRESS = 2,
	VPD_DATA = 4,
	VENDOR_BODY = 3,
	VSEC_BODY = 8,
	DVSEC_BODY = 10,
	AER_UNCORRECTABLE_STATUS = 0x04,
	AER_UNCORRECTABLE_MASK = 0x08,
	AER_UNCORRECTABLE_SEVERITY = 0x0c,
	AER_CORRECTABLE_STATUS = 0x10,
	AER_CORRECTABLE_MASK = 0x14,
	AER_CONTROL = 0x18,
	AER_HEADER_LOG = 0x1c,
	PRI_CONTROL = 4,
	PRI_STATUS = 6,
	REBAR_CAPABILITY = 4,
	REBAR_CONTROL = 8,
	DPA_STATUS = 0x0c,
	DPA_CONTROL = 0x0e,
};

#define COMMAND_IO	     0x0001u
#define COMMAND_MEMORY	     0x0002u
#define COMMAND_MASTER	     0x0004u
#define COMMAND_SERR	     0x0100u
#define COMMAND_INTX_DISABLE 0x0400u
#define STATUS_INTX	     0x0008u
#define STATUS_SERR	     0x4000u

/* ---- model_space.c: bits ------------------------------------------------------------------- */

/* Declares `width` bits of the register at `at`, from bit `low` on. */
void model_bits(struct model *m, size_t at, unsigned int low, unsigned int width,
		enum model_kind kind, uint64_t value);
void model_bytes(struct model *m, size_t at, const uint8_t *bytes, size_t size);
void model_body(struct model *m, size_t at, const struct model_body *body);

uint32_t model_get(const struct model *m, size_t at, unsigned int size);
void model_put(struct model *m, size_t at, unsigned int size, uint32_t value);

/* One access of a driver: 1, 2 or 4 bytes, aligned. */
void model_store(struct model *m, size_t at, const uint8_t *data, size_t size);

void model_space_reset(struct model *m, enum model_reset kind);

/* ---- model_header.c, model_caps.c, model_extended.c: registers ----------------------------- */

void model_header(struct model *m);
void model_capability(struct model *m, enum model_cap cap);
void model_extended(struct model *m, enum model_cap cap);

/* The address bits of a BAR of this size are the driver's; the others are 0. */
void model_bar_bits(struct model *m, unsigned int bar, uint64_t size);

/* ---- model_effects.c: what registers do ---------------------------------------------------- */

void model_written(struct model *m, size_t at, size_t size);
void model_resize_all(struct model *m);

/* Tells the device's own code of each body that [at, at + size) touches. */
typedef void model_body_fn(void *data, enum model_cap cap, size_t offset, size_t size);
void model_body_hooks(struct model *m, size_t at, size_t size, model_body_fn *tell);

/* ---- model_irq.c, model_msix.c ------------------------------------------------------------- */

void model_signal(struct model *m, enum model_irq index, unsigned int vector);
void model_drop(struct model *m, enum model_irq index);
void model_irqs_reset(struct model *m);
bool model_is_quiet(const struct model *m);

/* Lets out whatever nothing holds back any more. */
void model_settle(struct model *m);

/* MSI's control register: takes back what SET_IRQS does not allow. */
void model_msi_limit(struct model *m);
void model_msi_restore(struct model *m);

void model_msix_reset(struct model *m);
void model_msix_trigger(struct model *m, unsigned int vector);
void model_msix_settle(struct model *m);

/* The table and the pending bits, as they are accessed in a BAR. */
void model_table_access(struct model *m, bool write, size_t at, uint8_t *data, size_t size);
void model_pending_access(const struct model *m, bool write, size_t at, uint8_t *data, size_t size);

/* ---- model_bars.c, model_power.c ----------------------------------------------------------- */

uint64_t model_region_size(const struct model *m, unsigned int region);
int model_bar_access(struct model *m, unsigned int bar, bool write, uint64_t offset, uint8_t *data,
		     size_t size);
int model_rom_access(const struct model *m, bool write, uint64_t offset, uint8_t *data,
		     size_t size);

void model_move(struct model *m);
void model_power_reset(struct model *m);
void model_access_begins(struct model *m);
void model_access_ends(struct model *m);

#endif
