/* SPDX-License-Identifier: BSD-2-Clause */
/* The library's device of a shape, made as an author would make it, and the model's handlers. */
#ifndef MODEL_DEVICE_H
#define MODEL_DEVICE_H

#include "rig.h"

/* A realised device whose handlers log to rig->device_log. */
struct umd_device *model_device_create(struct rig *rig, const struct model_shape *shape);

/* The same handlers for the model; they log to rig->model_log. */
struct model_sink model_device_sink(struct rig *rig);

#endif
