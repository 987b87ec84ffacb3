/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/epoch.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

void umd_dma_epochs_join(struct umd_dma_epochs *epochs, struct umd_dma_visit *visit)
{
	if (!epochs->fences &&
	    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0)
		epochs->fences = true;
	*visit = (struct umd_dma_visit){.fences = epochs->fences, .next = epochs->visits};
	epochs->visits = visit;
}

void umd_dma_epochs_part(struct umd_dma_epochs *epochs, struct umd_dma_visit *visit)
{
	struct umd_dma_visit **at = &epochs->visits;

	while (*at != visit)
		at = &(*at)->next;
	*at = visit->next;
	umd_dma_epochs_collect(epochs);
}

uint64_t umd_dma_epochs_turn(struct umd_dma_epochs *epochs)
{
	__atomic_store_n(&epochs->ended, epochs->ended + 1, __ATOMIC_RELEASE);
	return epochs->ended + 1;
}

/*
 * Whether everybody executes fences of his own. Readers that are gone may have left pins behind,
 * which end in threads that rely on the owner's, too.
 */
static bool all_fence(const struct umd_dma_epochs *epochs)
{
	const struct umd_dma_visit *visit = epochs->visits;

	if (!visit)
		return epochs->fences;
	while (visit && visit->fences)
		visit = visit->next;
	return !visit;
}

/* Readers that came in before are seen hereafter, and others see what was done before. */
int umd_dma_epochs_fence(struct umd_dma_epochs *epochs)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (!all_fence(epochs) && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
		return -EAGAIN;
	epochs->fenced = epochs->ended + 1;
	return 0;
}

bool umd_dma_epochs_are_past(struct umd_dma_epochs *epochs, uint64_t mark)
{
	if (!epochs->visits)
		return true;
	if (epochs->fenced < mark && umd_dma_epochs_fence(epochs))
		return false;
	for (const struct umd_dma_visit *visit = epochs->visits; visit; visit = visit->next) {
		uint64_t epoch = __atomic_load_n(&visit->epoch, __ATOMIC_ACQUIRE);

		if (epoch && epoch < mark)
			return false;
	}
	return true;
}

bool umd_dma_epochs_can_retire(struct umd_dma_epochs *epochs, size_t size)
{
	if (!epochs->visits)
		return true;
	if (epochs->retired_size + size > UMD_DMA_RETIRED_MAX)
		umd_dma_epochs_collect(epochs);
	return epochs->retired_size + size <= UMD_DMA_RETIRED_MAX;
}

void umd_dma_epochs_retire(struct umd_dma_epochs *epochs, struct umd_dma_retired *retired)
{
	if (!epochs->visits) {
		free(retired);
		return;
	}

	retired->next = epochs->fresh;
	epochs->fresh = retired;
	epochs->retired_size += retired->size;
	if (++epochs->fresh_count % UMD_DMA_RETIRED_BATCH == 0)
		umd_dma_epochs_collect(epochs);
}

static void free_waiting(struct umd_dma_epochs *epochs)
{
	struct umd_dma_retired *next;

	for (struct umd_dma_retired *retired = epochs->waiting; retired; retired = next) {
		next = retired->next;
		epochs->retired_size -= retired->size;
		free(retired);
	}
	epochs->waiting = NULL;
}

void umd_dma_epochs_collect(struct umd_dma_epochs *epochs)
{
	while (epochs->waiting || epochs->fresh) {
		if (!epochs->waiting) {
			epochs->waiting = epochs->fresh;
			epochs->mark = umd_dma_epochs_turn(epochs);
			epochs->fresh = NULL;
			epochs->fresh_count = 0;
		}
		if (!umd_dma_epochs_are_past(epochs, epochs->mark))
			return;
		free_waiting(epochs);
	}
}
