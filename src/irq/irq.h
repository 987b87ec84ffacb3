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

/*
 * How what stands behind an MSI-X vector is reached: `data` and `entry` are of struct
 * umd_irq_backing. What is gone by itself is silent, and its calls do nothing.
 */
struct umd_irq_backing_ops {
	/* Another eventfd, which stays the client's; -1: none. 0; -ENOENT where it is gone; why not
	 */
	int (*assign)(void *data, uint64_t entry, int eventfd);
	void (*mask)(void *data, uint64_t entry, bool masked);

	/* Nothing that waits is delivered any more; not masked; `eventfd` is the one there is. */
	void (*reset)(void *data, uint64_t entry, int eventfd);

	/* By the device; NULL: its own triggers go the way of a vector without backing. */
	void (*trigger)(void *data, uint64_t entry);
	bool (*is_pending)(void *data, uint64_t entry);

	/* It is behind the vector no more, and signals nobody. */
	void (*end)(void *data, uint64_t entry);
};

/* What an MSI-X vector's interrupts come out of besides the device. */
struct umd_irq_backing {
	const struct umd_irq_backing_ops *ops; /* NULL: nothing */
	void *data;
	uint64_t entry;
	bool waits; /* a trigger of the device's own is held back by the mask */
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
 * Puts something behind an MSI-X vector, in the place of what is there; NULL: nothing. It is ended
 * with the device, or by another call; what was not taken is not ended.
 *
 * @return 0; -EINVAL for no such vector; -ENOMEM: all is as it was; what assign() returns
 */
int umd_irqs_back(struct umd_irqs *irqs, unsigned int vector,
		  const struct umd_irq_backing *backing);

/* The same for a store's entry. -ENOENT for no such entry. */
int umd_irqs_back_ims(struct umd_irqs *irqs, unsigned int vector, struct umd_ims_domain *domain,
		      umd_ims_handle handle);

/* Brings MSI-X's pending bits up to date with what stands behind vectors. */
void umd_irqs_refresh_pending(struct umd_irqs *irqs);

/* ---- Between the files of this room -------------------------------------------------------- */

void umd_irqs_signal_vector(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector);

/* Closes what a vector signals. */
void umd_irqs_drop_vector(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector);
void umd_irqs_drop_index(struct umd_irqs *irqs, enum umd_irq index);

#endif
