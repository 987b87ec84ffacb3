/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/shadow.h"

#include <errno.h>

#include "dma/space.h"

int umd_dma_shadow_attach(struct umd_dma_space *space, struct umd_dma_shadow *shadow)
{
	int err = space->shadow ? -EBUSY : umd_dma_wake_open(&space->client->wake);

	if (!err)
		space->shadow = shadow;
	return err;
}

/* Out of any call: who waits is told by the fd, be it that he expects a call. */
void umd_dma_shadow_detach(struct umd_dma_space *space)
{
	space->shadow = NULL;
	umd_dma_wake_arm(&space->client->wake);
	umd_dma_wake_signal(&space->client->wake);
}

void umd_dma_shadow_quiet(struct umd_dma_space *space)
{
	umd_dma_wake_tell(&space->client->wake);
	if (space->hears)
		space->hears(space->hears_data);
}
