/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts as vfio-user messages: what there is, and what becomes of them. */
#include "driver/vfio_user.h"

#include <errno.h>

#define IRQ_FLAGS                                                                       \
	(UMD_DRIVER_IRQ_EVENTFD | UMD_DRIVER_IRQ_MASKABLE | UMD_DRIVER_IRQ_AUTOMASKED | \
	 UMD_DRIVER_IRQ_NORESIZE)

int umd_vfio_user_get_irq(struct umd_driver *driver, unsigned int index, struct umd_driver_irq *ret)
{
	struct umd_wire_irq_info info = {.argsz = sizeof(info), .index = index};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_GET_IRQ_INFO,
		.out = {{&info, sizeof(info)}},
		.in = {{&info, sizeof(info)}},
	};
	int err = umd_vfio_user_call_exact(umd_vfio_user(driver), &call);

	if (err)
		return err;
	if (info.index != index || info.count > UMD_DRIVER_VECTORS_MAX)
		return -EPROTO;

	*ret = (struct umd_driver_irq){
		.size = sizeof(*ret), .flags = info.flags & IRQ_FLAGS, .count = info.count};
	return 0;
}

/* Descriptors travel beside the message; a message without any takes them away. */
int umd_vfio_user_set_irqs(struct umd_driver *driver, const struct umd_driver_irq_set *set)
{
	struct umd_wire_set_irqs request = {.argsz = sizeof(request),
					    .flags = set->flags,
					    .index = set->index,
					    .start = set->start,
					    .count = set->count};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_SET_IRQS,
		.out = {{&request, sizeof(request)}},
		.fds = set->fds,
		.fd_count = set->fds ? set->count : 0,
	};

	return umd_vfio_user_call_exact(umd_vfio_user(driver), &call);
}
