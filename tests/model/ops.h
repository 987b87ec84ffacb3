/* SPDX-License-Identifier: BSD-2-Clause */
/* Random operations on a device and its model: accesses and the device's own calls, interrupts. */
#ifndef MODEL_OPS_H
#define MODEL_OPS_H

#include "rig.h"

struct model_op {
	const char *name;
	unsigned int weight;
	void (*run)(struct rig *rig);
	enum model_cap needs; /* a capability, or MODEL_END */
};

extern const struct model_op model_access_ops[], model_device_ops[], model_irq_ops[];
extern const unsigned int model_access_op_count, model_device_op_count, model_irq_op_count;

#endif
