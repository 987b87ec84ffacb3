/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices that are compared with the model. */
#ifndef MODEL_SHAPES_H
#define MODEL_SHAPES_H

#include "model.h"

#define MODEL_SHAPES 4u

extern const struct model_shape model_shapes[MODEL_SHAPES];

#endif
