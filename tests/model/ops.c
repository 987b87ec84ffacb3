/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver's accesses: config space, BARs, ROM; at random, and where registers do something. */
#include "ops.h"

#include <linux/pci_regs.h>

#define BYTES_MAX MODEL_SPACE

/* Random bytes; often all ones or all zeroes, which drivers write to size and to clear. */
static const uint8_t *some_bytes(struct rig *rig, size_t size)
{
	static uint8_t bytes[BYTES_MAX];
	unsigned int kind = (unsigned int)rig_below(rig, 8);

	if (kind < 2) {
		memset(bytes, kind ? 0xff : 0, size);
		return bytes;
	}
	for (size_t i = 0; i < size; i += 8) {
		uint64_t value = unit_random(&rig->random);

		memcpy(bytes + i, &value, size - i < 8 ? size - i : 8);
	}
	return bytes;
}

static void access_some(struct rig *rig, uint32_t region, bool write, uint64_t offset, size_t size)
{
	const uint8_t *bytes = some_bytes(rig, size);
	uint64_t first = 0;

	memcpy(&first, bytes, size < 8 ? size : 8);
	rig_access(rig, region, write, offset, bytes, size);
	if (write)
		rig_note(rig, first);
}

/* ---- Config space -------------------------------------------------------------------------- */

/* Few accesses are long, and many are aligned. */
static size_t some_size(struct rig *rig)
{
	if (rig_chance(rig, 70))
		return UINT64_C(1) << rig_below(rig, 3);
	return 1 + rig_below(rig, rig_chance(rig, 95) ? 12 : 300);
}

static void access_config(struct rig *rig, bool write, uint64_t offset)
{
	uint64_t left = rig->model.size - offset;
	size_t size = some_size(rig);

	access_some(rig, UMD_REGION_CONFIG, write, offset, size < left ? size : left);
}

static void read_config(struct rig *rig)
{
	access_config(rig, false, rig_below(rig, rig->model.size));
}

static void write_config(struct rig *rig)
{
	access_config(rig, true, rig_below(rig, rig->model.size));
}

static void write_register(struct rig *rig)
{
	unsigned int at = rig->places[rig_below(rig, rig->place_count)];

	access_config(rig, true, at + rig_below(rig, 4));
}

static void access_all_of_config(struct rig *rig)
{
	uint64_t offset = rig_below(rig, 80);

	access_some(rig, UMD_REGION_CONFIG, rig_chance(rig, 30), offset, rig->model.size - offset);
}

static void write_command(struct rig *rig)
{
	uint32_t on = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	uint32_t others = PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_PARITY;

	if (rig_chance(rig, 15))
		on &= (uint32_t)unit_random(&rig->random);
	if (rig_chance(rig, 30))
		on |= others & (uint32_t)unit_random(&rig->random);
	rig_write_config(rig, PCI_COMMAND, 2, on);
}

/* Writes all ones to a BAR and reads what sticks. */
static void size_bar(struct rig *rig)
{
	static const uint8_t ones[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	unsigned int bar = (unsigned int)rig_below(rig, 7);
	unsigned int at = bar < 6 ? PCI_BASE_ADDRESS_0 + 4 * bar : PCI_ROM_ADDRESS;
	size_t size = bar < 5 ? 8 : 4;

	rig_access(rig, UMD_REGION_CONFIG, true, at, ones, size);
	rig_access(rig, UMD_REGION_CONFIG, false, at, NULL, size);
}

static void write_power_state(struct rig *rig)
{
	uint32_t state = rig_chance(rig, 65) ? 0 : (uint32_t)rig_below(rig, 4);
	uint32_t others = (uint32_t)unit_random(&rig->random) & PCI_PM_CTRL_PME_ENABLE;

	if (rig_chance(rig, 20))
		others |= PCI_PM_CTRL_PME_STATUS;
	rig_write_config(rig, rig->model.shape->at[MODEL_PM] + PCI_PM_CTRL, 2, state | others);
}

static void ask_for_flr(struct rig *rig)
{
	const unsigned int *at = rig->model.shape->at;

	if (at[MODEL_EXPRESS])
		rig_write_config(rig, at[MODEL_EXPRESS] + PCI_EXP_DEVCTL, 2,
				 PCI_EXP_DEVCTL_BCR_FLR | (uint32_t)rig_below(rig, 0x8000));
	else
		rig_write_config(rig, at[MODEL_AF] + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
}

static uint32_t some_vpd_address(struct rig *rig)
{
	if (rig_chance(rig, 5))
		return (uint32_t)rig_below(rig, 0x8000);
	return (uint32_t)rig_below(rig, rig->model.shape->vpd_size + 8) &
	       (rig_chance(rig, 90) ? ~3u : ~0u);
}

static void read_vpd(struct rig *rig)
{
	unsigned int at = rig->model.shape->at[MODEL_VPD];

	rig_write_config(rig, at + PCI_VPD_ADDR, 2, some_vpd_address(rig));
	rig_access(rig, UMD_REGION_CONFIG, false, at + PCI_VPD_ADDR, NULL, 6);
}

static void write_vpd(struct rig *rig)
{
	unsigned int at = rig->model.shape->at[MODEL_VPD];

	rig_write_config(rig, at + PCI_VPD_DATA, 4, (uint32_t)unit_random(&rig->random));
	rig_write_config(rig, at + PCI_VPD_ADDR, 2, some_vpd_address(rig) | PCI_VPD_ADDR_F);
}

static void mask_function(struct rig *rig)
{
	uint32_t control = rig_chance(rig, 40) ? PCI_MSIX_FLAGS_MASKALL : 0;

	if (rig_chance(rig, 50))
		control |= PCI_MSIX_FLAGS_ENABLE;
	rig_write_config(rig, rig->model.shape->at[MODEL_MSIX] + PCI_MSIX_FLAGS, 2, control);
}

static void write_msi(struct rig *rig)
{
	const struct model_shape *s = rig->model.shape;
	unsigned int at = s->at[MODEL_MSI],
		     mask = s->only_32bit ? PCI_MSI_MASK_32 : PCI_MSI_MASK_64;
	uint32_t random = (uint32_t)unit_random(&rig->random);

	if (s->unmaskable || rig_chance(rig, 40))
		rig_write_config(rig, at + PCI_MSI_FLAGS, 2,
				 (random & ~1u) | (rig_chance(rig, 80) ? PCI_MSI_FLAGS_ENABLE : 0));
	else
		rig_write_config(rig, at + mask, 4, rig_chance(rig, 50) ? 0 : random);
}

static void choose_size(struct rig *rig)
{
	unsigned int at = rig->model.shape->at[MODEL_REBAR];
	unsigned int i = (unsigned int)rig_below(rig, rig->model.shape->rebars);
	uint32_t size = (uint32_t)rig_below(rig, rig_chance(rig, 90) ? 8 : 64);

	rig_write_config(rig, at + PCI_REBAR_CTRL + 8 * i, 4, size << PCI_REBAR_CTRL_BAR_SHIFT);
}

static void choose_substate(struct rig *rig)
{
	unsigned int at = rig->model.shape->at[MODEL_DPA];

	rig_write_config(rig, at + 14, 2, (uint32_t)rig_below(rig, 10));
}

static void write_pri(struct rig *rig)
{
	rig_write_config(rig, rig->model.shape->at[MODEL_PRI] + PCI_PRI_CTRL, 2,
			 (uint32_t)rig_below(rig, 4));
}

/* ---- Regions ------------------------------------------------------------------------------- */

static unsigned int some_bar(struct rig *rig)
{
	for (;;) {
		unsigned int bar = (unsigned int)rig_below(rig, MODEL_BARS);

		if (rig->model.shape->bars[bar].size)
			return bar;
	}
}

/* Near where the library serves bytes itself, or anywhere. */
static uint64_t some_offset(struct rig *rig, const struct model_bar *bar)
{
	uint64_t edges[] = {bar->area_at, bar->area_at + bar->area_size, bar->size};
	uint64_t from = edges[rig_below(rig, UNIT_COUNT(edges))];

	if (rig_chance(rig, 50))
		return rig_below(rig, bar->size);
	from = from > 8 ? from - 8 : 0;
	return (from + rig_below(rig, 16)) % bar->size;
}

static void access_bar(struct rig *rig, bool write)
{
	unsigned int index = some_bar(rig);
	const struct model_bar *bar = &rig->model.shape->bars[index];
	uint64_t offset = some_offset(rig, bar);
	uint64_t left = bar->size - offset, size = 1 + rig_below(rig, rig_chance(rig, 95) ? 8 : 40);

	access_some(rig, index, write, offset, size < left ? size : left);
}

static void read_bar(struct rig *rig)
{
	access_bar(rig, false);
}

static void write_bar(struct rig *rig)
{
	access_bar(rig, true);
}

/* Beyond the end of a region, or where there is none. */
static void access_nothing(struct rig *rig)
{
	unsigned int region = (unsigned int)rig_below(rig, 12);
	uint64_t size = umd_device_region_size(rig->device, region);

	access_some(rig, region, rig_chance(rig, 50), size - rig_below(rig, size < 4 ? 1 : 4),
		    4 + rig_below(rig, 3));
	rig_access(rig, region, false, 0, NULL, 0);
}

static void access_table(struct rig *rig)
{
	const struct model_shape *s = rig->model.shape;
	uint64_t at = rig_below(rig, UINT64_C(16) * s->vectors), size = 1 + rig_below(rig, 8);

	if (rig_chance(rig, 80)) {
		at &= ~UINT64_C(3);
		size = rig_chance(rig, 70) ? 4 : 8;
	}
	access_some(rig, s->table_bar, rig_chance(rig, 70), s->table_at + at, size);
}

/* Drivers write this register most of all. */
static void write_vector_control(struct rig *rig)
{
	const struct model_shape *s = rig->model.shape;
	uint64_t vector = rig_below(rig, s->vectors);
	uint8_t control[4] = {(uint8_t)rig_chance(rig, 40)};

	rig_access(rig, s->table_bar, true, s->table_at + 16 * vector + 12, control, 4);
	rig_note(rig, control[0]);
}

static void access_pending(struct rig *rig)
{
	const struct model_shape *s = rig->model.shape;

	access_some(rig, s->pba_bar, rig_chance(rig, 20), s->pba_at + rig_below(rig, 8),
		    1 + rig_below(rig, 12));
}

static void access_rom(struct rig *rig)
{
	uint64_t size = umd_device_region_size(rig->device, UMD_REGION_ROM);

	access_some(rig, UMD_REGION_ROM, rig_chance(rig, 10), rig_below(rig, size),
		    1 + rig_below(rig, 64));
}

/* ---- All of them --------------------------------------------------------------------------- */

const struct model_op model_access_ops[] = {
	{"read config space", 40, read_config, MODEL_END},
	{"write config space", 30, write_config, MODEL_END},
	{"write a register", 120, write_register, MODEL_END},
	{"access most of config space", 1, access_all_of_config, MODEL_END},
	{"write COMMAND", 70, write_command, MODEL_END},
	{"size a BAR", 10, size_bar, MODEL_END},
	{"write the power state", 60, write_power_state, MODEL_PM},
	{"ask for a function level reset", 3, ask_for_flr, MODEL_END},
	{"read VPD", 15, read_vpd, MODEL_VPD},
	{"write VPD", 15, write_vpd, MODEL_VPD},
	{"mask the function of MSI-X", 20, mask_function, MODEL_MSIX},
	{"write MSI's registers", 50, write_msi, MODEL_MSI},
	{"choose the size of a BAR", 15, choose_size, MODEL_REBAR},
	{"choose a substate", 10, choose_substate, MODEL_DPA},
	{"write PRI's control", 10, write_pri, MODEL_PRI},
	{"read a BAR", 50, read_bar, MODEL_END},
	{"write a BAR", 50, write_bar, MODEL_END},
	{"access what is not there", 10, access_nothing, MODEL_END},
	{"access the MSI-X table", 30, access_table, MODEL_MSIX},
	{"write vector control", 50, write_vector_control, MODEL_MSIX},
	{"access the pending bits", 15, access_pending, MODEL_MSIX},
	{"access the ROM", 20, access_rom, MODEL_AF},
};

const unsigned int model_access_op_count = UNIT_COUNT(model_access_ops);
