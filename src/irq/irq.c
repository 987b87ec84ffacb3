/* SPDX-License-Identifier: BSD-2-Clause */
/* The vectors: declared, triggered, held back, let out. SET_IRQS: set.c. INTx: intx.c. */
#include "irq/irq.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "base/foreign.h"
#include "irq/backing.h"
#include "irq/intx.h"

int umd_irqs_init(struct umd_irqs *irqs, struct umd_poller *poller)
{
	*irqs = (struct umd_irqs){.poller = poller, .live = UMD_IRQ_INDEXES};
	irqs->intx.unmask_fd = -1;
	umd_msi_state_init(&irqs->msi);
	umd_lanes_init(&irqs->lanes);
	return umd_signaller_init(&irqs->signaller);
}

/* Tells a vector from those of all indexes. */
static uint32_t lane_of(enum umd_irq index, unsigned int vector)
{
	return (uint32_t)index << 16 | vector;
}

void umd_irqs_drop_vector(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector)
{
	umd_lanes_drop(&irqs->lanes, lane_of(index, vector));
	umd_foreign_close(&irqs->indexes[index].eventfds[vector]);
}

void umd_irqs_drop_index(struct umd_irqs *irqs, enum umd_irq index)
{
	for (unsigned int i = 0; i < irqs->indexes[index].count; i++)
		umd_irqs_drop_vector(irqs, index, i);
	if (irqs->live == index)
		irqs->live = UMD_IRQ_INDEXES;
	if (index == UMD_IRQ_INTX)
		umd_intx_forget(irqs);
	else if (index == UMD_IRQ_MSI)
		umd_msi_allocate(&irqs->msi, 0);
	for (unsigned int i = 0; index == UMD_IRQ_MSIX && i < irqs->msix.vectors; i++)
		umd_backing_assign(irqs, i);
}

void umd_irqs_forget(struct umd_irqs *irqs)
{
	for (enum umd_irq i = 0; i < UMD_IRQ_INDEXES; i++)
		umd_irqs_drop_index(irqs, i);
}

void umd_irqs_finish(struct umd_irqs *irqs)
{
	if (!irqs->poller)
		return;
	umd_irqs_forget(irqs);
	umd_backing_finish(irqs);
	for (enum umd_irq i = 0; i < UMD_IRQ_INDEXES; i++)
		free(irqs->indexes[i].eventfds);
	umd_msix_state_finish(&irqs->msix);
	umd_lanes_finish(&irqs->lanes);
	umd_signaller_finish(&irqs->signaller);
}

int umd_irqs_declare(struct umd_irqs *irqs, enum umd_irq index, unsigned int count)
{
	int *fds = malloc(count * sizeof(*fds));

	if (!fds)
		return -ENOMEM;
	if (index == UMD_IRQ_MSIX && umd_msix_state_init(&irqs->msix, count) < 0) {
		free(fds);
		return -ENOMEM;
	}

	memset(fds, 0xff, count * sizeof(*fds));
	free(irqs->indexes[index].eventfds);
	irqs->indexes[index] = (struct umd_irq_index){.count = count, .eventfds = fds};
	return 0;
}

void umd_irqs_reset(struct umd_irqs *irqs)
{
	umd_intx_reset(irqs);
	umd_msi_state_reset(&irqs->msi);
	umd_msix_state_reset(&irqs->msix);
	umd_backing_reset(irqs);
}

/* MSI-X may grow while enabled, so it lacks NORESIZE. */
uint32_t umd_irqs_flags(enum umd_irq index)
{
	switch (index) {
	case UMD_IRQ_INTX:
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	case UMD_IRQ_MSIX:
		return VFIO_IRQ_INFO_EVENTFD;
	default:
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	}
}

unsigned int umd_irqs_enabled(const struct umd_irqs *irqs, enum umd_irq index)
{
	const struct umd_irq_index *i = &irqs->indexes[index];
	unsigned int count = i->count, message = 0;

	if (index == UMD_IRQ_MSI)
		return umd_msi_route(&irqs->msi, UINT32_MAX, &message) ? message + 1 : 0;
	while (count && i->eventfds[count - 1] < 0)
		count--;
	return count;
}

/* ---- Triggers ------------------------------------------------------------------------------ */

void umd_irqs_signal_vector(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector)
{
	int eventfd = irqs->indexes[index].eventfds[vector];

	if (eventfd >= 0 && !umd_lanes_send(&irqs->lanes, lane_of(index, vector), eventfd))
		umd_signaller_send(&irqs->signaller, eventfd);
}

void umd_irqs_signal_all(struct umd_irqs *irqs)
{
	for (enum umd_irq i = 0; i < UMD_IRQ_INDEXES; i++) {
		for (unsigned int vector = 0; vector < irqs->indexes[i].count; vector++)
			umd_irqs_signal_vector(irqs, i, vector);
	}
}

static void trigger_msi(struct umd_irqs *irqs, unsigned int vector)
{
	unsigned int message;

	if (umd_msi_route(&irqs->msi, vector, &message) &&
	    umd_msi_admit(&irqs->msi, message, irqs->quiet))
		umd_irqs_signal_vector(irqs, UMD_IRQ_MSI, message);
}

static void trigger_msix(struct umd_irqs *irqs, unsigned int vector)
{
	if (umd_backing_trigger(irqs, vector))
		return;
	if (umd_msix_admit(&irqs->msix, vector))
		umd_irqs_signal_vector(irqs, UMD_IRQ_MSIX, vector);
	else
		umd_backing_hold(irqs, vector);
}

int umd_irqs_trigger(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector)
{
	if (index >= UMD_IRQ_INDEXES || vector >= irqs->indexes[index].count)
		return -EINVAL;

	if (index == UMD_IRQ_MSIX)
		trigger_msix(irqs, vector);
	else if (index == UMD_IRQ_MSI)
		trigger_msi(irqs, vector);
	else
		umd_irqs_signal_vector(irqs, index, vector);
	return 0;
}

/* ---- What holds vectors back --------------------------------------------------------------- */

static void release_msi(struct umd_irqs *irqs)
{
	unsigned int message;

	while (!irqs->quiet && umd_msi_release(&irqs->msi, &message))
		umd_irqs_signal_vector(irqs, UMD_IRQ_MSI, message);
}

static void release_msix(struct umd_irqs *irqs)
{
	unsigned int vector = 0;

	while (umd_msix_release(&irqs->msix, vector, &vector)) {
		if (umd_backing_release(irqs, vector))
			umd_irqs_signal_vector(irqs, UMD_IRQ_MSIX, vector);
	}
}

void umd_irqs_msi_written(struct umd_irqs *irqs)
{
	umd_msi_control_written(&irqs->msi);
	release_msi(irqs);
}

void umd_irqs_msix_written(struct umd_irqs *irqs, size_t offset, size_t size)
{
	umd_msix_written(&irqs->msix, offset, size);
	for (size_t i = offset / 16; irqs->backing && i <= (offset + size - 1) / 16; i++)
		umd_backing_mask(irqs, (unsigned int)i);
	release_msix(irqs);
}

void umd_irqs_mask_msix(struct umd_irqs *irqs, bool masked)
{
	if (irqs->msix.function_masked == masked)
		return;
	irqs->msix.function_masked = masked;
	umd_backing_mask_all(irqs);
	release_msix(irqs);
}

void umd_irqs_set_quiet(struct umd_irqs *irqs, bool quiet)
{
	if (irqs->quiet == quiet)
		return;
	irqs->quiet = irqs->msix.quiet = quiet;
	umd_backing_mask_all(irqs);
	umd_intx_update(irqs);
	release_msi(irqs);
	release_msix(irqs);
}
