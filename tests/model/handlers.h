/* SPDX-License-Identifier: BSD-2-Clause */
/* The handlers of the devices that are compared with the model. */
#ifndef MODEL_HANDLERS_H
#define MODEL_HANDLERS_H

#include <umdev/caps.h>
#include <umdev/device.h>

const struct umd_device_ops *model_handlers_ops(void);
void model_handlers_region(unsigned int index, bool requests, struct umd_region *region);

/* `index` is 0 for the vendor's capability, 1 and 2 for its extended and designated forms. */
void model_handlers_body(unsigned int index, struct umd_cap_body *body);

#endif
