/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver has mapped for DMA, by space: that of the device, and one for each PASID. It is
 * made with the first map. Backends are told of each map, and find one by its IOVA here.
 */
#ifndef UMD_DRIVER_DMA_H
#define UMD_DRIVER_DMA_H

#include "driver/backend.h"

/* The device's map that an IOVA lies in; NULL for none. */
const struct umd_driver_dma *umd_driver_dma_find(const struct umd_driver *driver, uint64_t iova);

/*
 * Makes all maps again, for a device that has been connected to anew. -ESTALE where it takes fewer
 * maps, or other pages; what the device answers.
 */
int umd_driver_dma_restore(struct umd_driver *driver);

/* Forgets all maps. The device has let go of them, or does so when it is closed. */
void umd_driver_dma_destroy(struct umd_driver *driver);

#endif
