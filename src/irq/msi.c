/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/msi.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "base/bytes.h"

#define QSIZE_SHIFT 4 /* of PCI_MSI_FLAGS_QSIZE, log2 of the messages enabled */

void umd_msi_state_init(struct umd_msi_state *msi)
{
	*msi = (struct umd_msi_state){0};
	umd_msi_state_attach(msi, msi->own_control, NULL, NULL);
}

void umd_msi_state_attach(struct umd_msi_state *msi, uint8_t *control, const uint8_t *mask,
			  uint8_t *pending)
{
	msi->control = control;
	msi->mask = mask ? mask : msi->own_mask;
	msi->pending = pending ? pending : msi->own_pending;
}

/* The smallest n for which 2^n messages are enough. */
static unsigned int log2_of(unsigned int messages)
{
	unsigned int n = 0;

	while (1u << n < messages)
		n++;
	return n;
}

static void put_control(struct umd_msi_state *msi, bool enabled, unsigned int qsize)
{
	uint16_t control = umd_get_le16(msi->control);

	control &= (uint16_t) ~(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	control |= (uint16_t)(qsize << QSIZE_SHIFT);
	umd_put_le16(msi->control, enabled ? control | PCI_MSI_FLAGS_ENABLE : control);
}

void umd_msi_allocate(struct umd_msi_state *msi, unsigned int messages)
{
	msi->allocated = messages;
	put_control(msi, messages > 0, log2_of(messages));
	if (!messages)
		umd_put_le32(msi->pending, 0);
}

static bool is_enabled(const struct umd_msi_state *msi)
{
	return umd_get_le16(msi->control) & PCI_MSI_FLAGS_ENABLE;
}

static unsigned int qsize_of(const struct umd_msi_state *msi)
{
	return (umd_get_le16(msi->control) & PCI_MSI_FLAGS_QSIZE) >> QSIZE_SHIFT;
}

void umd_msi_control_written(struct umd_msi_state *msi)
{
	unsigned int most = log2_of(msi->allocated), qsize = qsize_of(msi);

	put_control(msi, is_enabled(msi) && msi->allocated, qsize < most ? qsize : most);
}

void umd_msi_state_reset(struct umd_msi_state *msi)
{
	umd_put_le32(msi->pending, 0);
	umd_msi_allocate(msi, msi->allocated);
}

bool umd_msi_route(const struct umd_msi_state *msi, unsigned int vector, unsigned int *ret_message)
{
	if (!is_enabled(msi))
		return false;
	*ret_message = vector & ((1u << qsize_of(msi)) - 1);
	return true;
}

bool umd_msi_admit(struct umd_msi_state *msi, unsigned int message, bool quiet)
{
	uint32_t bit = UINT32_C(1) << message;

	if (!quiet && !(umd_get_le32(msi->mask) & bit))
		return true;
	umd_put_le32(msi->pending, umd_get_le32(msi->pending) | bit);
	return false;
}

bool umd_msi_release(struct umd_msi_state *msi, unsigned int *ret_message)
{
	uint32_t pending = umd_get_le32(msi->pending);
	uint32_t ready = pending & ~umd_get_le32(msi->mask);

	if (!ready || !is_enabled(msi))
		return false;
	*ret_message = (unsigned int)__builtin_ctz(ready);
	umd_put_le32(msi->pending, pending & ~(UINT32_C(1) << *ret_message));
	return true;
}
