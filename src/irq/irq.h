/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of a device, by VFIO's indexes: eventfds that the client assigns to vectors, and what
 * holds a vector back: the INTx line's masks, MSI's and MSI-X's registers, the power state.
 *
 * The rules of SET_IRQS are vfio-pci's (drivers/vfio/pci/vfio_pci_intrs.c). Two are wider:
 * disabling an index that is off succeeds, and so does assigning no fd to a vector of it.
 */
#ifndef UMD_IRQ_IRQ_H
#define UMD_IRQ_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include <umdev/device.h>
#include <umdev/ims.h>

#include "base/poller.h"
#include "irq/lane.h"
#include "irq/msi.h"
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

/* The store's entry behind an MSI-X vector; domain NULL: none. */
struct umd_irq_backing {
	struct umd_ims_domain *domain;
	umd_ims_handle handle;
};

struct umd_irqs {
	/* What a message's way goes by. */
	struct umd_irq_index indexes[UMD_IRQ_INDEXES];
	struct umd_irq_backing *backing; /* of each MSI-X vector; NULL: none has one */
	struct umd_msix_state msix;
	struct umd_msi_state msi;
	bool quiet; /* the device's power state lets no interrupt out */

	enum umd_irq live; /* the one of INTX, MSI, MSIX in use; UMD_IRQ_INDEXES: none */
	struct umd_intx intx;
	struct umd_poller *poller;
	struct umd_signaller signaller;
	struct umd_lanes lanes;
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

/* Lowers the line and empties MSI-X's table and pending bits; the client's eventfds stay. */
void umd_irqs_reset(struct umd_irqs *irqs);

/* Forgets the client's eventfds. */
void umd_irqs_forget(struct umd_irqs *irqs);

/* VFIO_IRQ_INFO_... flags of an index. */
uint32_t umd_irqs_flags(enum umd_irq index);

/* 0; -EINVAL for what is out of range or contradictory; -ENOTTY for what an index cannot do. */
int umd_irqs_set(struct umd_irqs *irqs, const struct umd_irq_set *set);

/* How many vectors of an index the client has in use: of MSI a power of two. */
unsigned int umd_irqs_enabled(const struct umd_irqs *irqs, enum umd_irq index);

/* Signals a vector, or keeps it pending; -EINVAL where there is none. */
int umd_irqs_trigger(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector);

/* Signals every eventfd there is, once: the device is gone, and whoever waits shall look. */
void umd_irqs_signal_all(struct umd_irqs *irqs);

void umd_irqs_set_intx(struct umd_irqs *irqs, bool asserted);
void umd_irqs_disable_intx(struct umd_irqs *irqs, bool disabled);

/* Lets no interrupt of INTx, MSI and MSI-X out, or those that had to wait. */
void umd_irqs_set_quiet(struct umd_irqs *irqs, bool quiet);

/* The driver wrote MSI's control or mask register. What that unmasks is sent. */
void umd_irqs_msi_written(struct umd_irqs *irqs);

/* The client wrote to the MSI-X table, or set the function mask. What that unmasks is sent. */
void umd_irqs_msix_written(struct umd_irqs *irqs, size_t offset, size_t size);
void umd_irqs_mask_msix(struct umd_irqs *irqs, bool masked);

/*
 * Puts a store's entry behind an MSI-X vector, or with NULL nothing.
 *
 * @return 0; -EINVAL for no such vector; -ENOENT for no such entry; -ENOMEM; -EMFILE
 */
int umd_irqs_back(struct umd_irqs *irqs, unsigned int vector, struct umd_ims_domain *domain,
		  umd_ims_handle handle);

/* Brings MSI-X's pending bits up to date with the stores' entries. */
void umd_irqs_refresh_pending(struct umd_irqs *irqs);

/* ---- Between the files of this room -------------------------------------------------------- */

void umd_irqs_signal_vector(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector);

/* Closes what a vector signals. */
void umd_irqs_drop_vector(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector);
void umd_irqs_drop_index(struct umd_irqs *irqs, enum umd_irq index);

#endif
