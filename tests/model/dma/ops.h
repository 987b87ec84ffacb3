/* SPDX-License-Identifier: BSD-2-Clause */
/* Random operations: each is done to the space and to its reference, and compared. */
#ifndef MODEL_DMA_OPS_H
#define MODEL_DMA_OPS_H

#include "rig.h"

struct rig_op {
	const char *name;
	unsigned int weight;
	void (*run)(struct rig *rig);
};

extern const struct rig_op rig_change_ops[];
extern const unsigned int rig_change_op_count;
extern const struct rig_op rig_access_ops[];
extern const unsigned int rig_access_op_count;
extern const struct rig_op rig_reader_ops[];
extern const unsigned int rig_reader_op_count;
extern const struct rig_op rig_pin_ops[];
extern const unsigned int rig_pin_op_count;
extern const struct rig_op rig_memory_ops[];
extern const unsigned int rig_memory_op_count;

#endif
