/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two chains of capabilities, walked in a copy of config space that one read fetched. Every
 * step is checked: a pointer must lead to where capabilities lie, and to a place not yet visited.
 */
#include "driver/backend.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "base/bytes.h"
#include "base/export.h"

#define CONFIG_SIZE	256u
#define EXT_CONFIG_SIZE 4096u
#define FIRST_EXT_CAP	256u

struct walk {
	uint8_t config[EXT_CONFIG_SIZE];
	size_t size;
	unsigned int next;		    /* where the next capability lies; 0 ends the chain */
	uint8_t seen[EXT_CONFIG_SIZE / 32]; /* a bit for each 4 bytes */
};

/* How the chains differ. */
struct chain {
	size_t config_size;
	unsigned int lowest; /* where capabilities may lie */
	void (*begin)(struct walk *walk);

	/* Takes the capability at walk->next apart. False for what stands for no capability. */
	bool (*take)(struct walk *walk, struct umd_driver_cap *ret);
};

static void begin_standard(struct walk *walk)
{
	uint16_t status = umd_get_le16(walk->config + PCI_STATUS);

	if (walk->size == CONFIG_SIZE && (status & PCI_STATUS_CAP_LIST))
		walk->next = walk->config[PCI_CAPABILITY_LIST] & ~3u;
}

static bool take_standard(struct walk *walk, struct umd_driver_cap *ret)
{
	const uint8_t *cap = walk->config + walk->next;

	*ret = (struct umd_driver_cap){.id = cap[PCI_CAP_LIST_ID], .offset = walk->next};
	walk->next = cap[PCI_CAP_LIST_NEXT] & ~3u;
	return ret->id != 0xff;
}

/* A first header of zeros is a chain without capabilities. */
static void begin_extended(struct walk *walk)
{
	if (walk->size == EXT_CONFIG_SIZE && umd_get_le32(walk->config + FIRST_EXT_CAP))
		walk->next = FIRST_EXT_CAP;
}

static bool take_extended(struct walk *walk, struct umd_driver_cap *ret)
{
	uint32_t header = umd_get_le32(walk->config + walk->next);

	*ret = (struct umd_driver_cap){.id = PCI_EXT_CAP_ID(header),
				       .version = PCI_EXT_CAP_VER(header),
				       .offset = walk->next};
	walk->next = PCI_EXT_CAP_NEXT(header);
	return header != UINT32_MAX;
}

static const struct chain standard = {CONFIG_SIZE, PCI_STD_HEADER_SIZEOF, begin_standard,
				      take_standard};
static const struct chain extended = {EXT_CONFIG_SIZE, FIRST_EXT_CAP, begin_extended,
				      take_extended};

static int begin(struct walk *walk, struct umd_driver *driver, const struct chain *chain)
{
	int err = umd_driver_read_config(driver, walk->config, chain->config_size, &walk->size);

	if (err)
		return err;

	walk->next = 0;
	memset(walk->seen, 0, sizeof(walk->seen));
	chain->begin(walk);
	return 0;
}

/* 1 with the next capability, 0 at the end, -ELOOP, -ERANGE. */
static int next(struct walk *walk, const struct chain *chain, struct umd_driver_cap *ret)
{
	unsigned int slot = walk->next / 4;

	if (!walk->next)
		return 0;
	if (walk->next < chain->lowest || walk->next >= chain->config_size)
		return -ERANGE;
	if (walk->seen[slot / 8] & (1u << (slot % 8)))
		return -ELOOP;

	walk->seen[slot / 8] |= (uint8_t)(1u << (slot % 8));
	return chain->take(walk, ret) ? 1 : -ERANGE;
}

static int find(struct umd_driver *driver, const struct chain *chain, unsigned int id,
		unsigned int *ret_offset)
{
	struct umd_driver_cap cap;
	struct walk walk;
	int err = begin(&walk, driver, chain);

	if (err)
		return err;

	while (next(&walk, chain, &cap) > 0) {
		if (cap.id == id) {
			*ret_offset = cap.offset;
			return 0;
		}
	}
	return -ENOENT;
}

static int list(struct umd_driver *driver, const struct chain *chain, struct umd_driver_cap *caps,
		unsigned int max, unsigned int *ret_count)
{
	struct umd_driver_cap cap;
	struct walk walk;
	unsigned int count = 0;
	int err = begin(&walk, driver, chain);

	if (err)
		return err;

	while ((err = next(&walk, chain, &cap)) > 0) {
		if (count < max)
			caps[count] = cap;
		count++;
	}
	*ret_count = count;
	return err;
}

UMD_EXPORT int umd_driver_find_cap(struct umd_driver *driver, unsigned int id,
				   unsigned int *ret_offset)
{
	return find(driver, &standard, id, ret_offset);
}

UMD_EXPORT int umd_driver_find_ext_cap(struct umd_driver *driver, unsigned int id,
				       unsigned int *ret_offset)
{
	return find(driver, &extended, id, ret_offset);
}

UMD_EXPORT int umd_driver_list_caps(struct umd_driver *driver, struct umd_driver_cap *caps,
				    unsigned int max, unsigned int *ret_count)
{
	return list(driver, &standard, caps, max, ret_count);
}

UMD_EXPORT int umd_driver_list_ext_caps(struct umd_driver *driver, struct umd_driver_cap *caps,
					unsigned int max, unsigned int *ret_count)
{
	return list(driver, &extended, caps, max, ret_count);
}
