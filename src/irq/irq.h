/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of a device, by VFIO's indexes: eventfds that the client assigns to vectors, and the
 * level-triggered INTx line with its masks.
 *
 * The rules are vfio-pci's (drivers/vfio/pci/vfio_pci_intrs.c). Two are wider: disabling an index
 * that is off succeeds, and so does assigning no fd to a vector of it.
 */
#ifndef UMD_IRQ_IRQ_H
#define UMD_IRQ_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include <umdev/device.h>

#include "base/poller.h"
#include "irq/msix.h"
#include "irq/signal.h"

/* One index: what its vectors signal. */
struct umd_irq_index {
	unsigned int count;
	int *eventfds; /* -1: none */
};

/*
 * INTx is signalled once when it becomes pending, which masks it (automasking), and again at an
 * unmask while the line is still asserted.
 */
struct umd_intx {
	bool asserted; /* by the device */
	bool masked;   /* by the client, or by the signal that it has not answered yet */
	bool disabled; /* PCI_COMMAND_INTX_DISABLE */
	int unmask_fd;
	struct umd_watch *unmask_watch;
};

struct umd_irqs {
	struct umd_poller *poller;
	struct umd_signaller signaller;
	struct umd_irq_index indexes[UMD_IRQ_INDEXES];
	struct umd_intx intx;
	struct umd_msix_state msix;
	enum umd_irq live; /* the one of INTX, MSI, MSIX in use; UMD_IRQ_INDEXES: none */
};

/* A SET_IRQS: flags are VFIO_IRQ_SET_..., data as they say. */
struct umd_irq_set {
	uint32_t flags, index, start, count;
	const uint8_t *bools;  /* `count` of them, with DATA_BOOL */
	int *fds;	       /* with DATA_EVENTFD: those used are taken and set to -1 */
	unsigned int fd_count; /* 0 de-assigns, or `count` */
};

int umd_irqs_init(struct umd_irqs *irqs, struct umd_poller *poller);
void umd_irqs_finish(struct umd_irqs *irqs);

/* Declares how many vectors an index has. 0 or -ENOMEM. */
int umd_irqs_declare(struct umd_irqs *irqs, enum umd_irq index, unsigned int count);

/* Lowers the line and empties the MSI-X table; with `drop`, forgets the client's eventfds too. */
void umd_irqs_reset(struct umd_irqs *irqs, bool drop);

/* VFIO_IRQ_INFO_... flags of an index. */
uint32_t umd_irqs_flags(enum umd_irq index);

/* 0; -EINVAL for what is out of range or contradictory; -ENOTTY for what an index cannot do. */
int umd_irqs_set(struct umd_irqs *irqs, const struct umd_irq_set *set);

/* Signals a vector, or keeps it pending; -EINVAL where there is none. */
int umd_irqs_trigger(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector);

void umd_irqs_set_intx(struct umd_irqs *irqs, bool asserted);
void umd_irqs_disable_intx(struct umd_irqs *irqs, bool disabled);

/* The client wrote to the MSI-X table, or set the function mask. What that unmasks is sent. */
void umd_irqs_msix_written(struct umd_irqs *irqs, size_t offset, size_t size);
void umd_irqs_mask_msix(struct umd_irqs *irqs, bool masked);

#endif
