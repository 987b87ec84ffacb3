/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signallers for threads on several CPUs. One would serve them all, but those that signal at the
 * same moment would wait for each other in the kernel, so every CPU has its own, up to a number.
 */
#ifndef UMD_IRQ_SIGNALLERS_H
#define UMD_IRQ_SIGNALLERS_H

#include "irq/signal.h"

#define UMD_SIGNALLERS_MAX 8u

struct umd_signallers {
	unsigned int count;
	struct umd_signaller each[UMD_SIGNALLERS_MAX];
};

/* As umd_signaller_init(); fewer than one for each CPU will do. */
int umd_signallers_init(struct umd_signallers *signallers);
void umd_signallers_finish(struct umd_signallers *signallers);

/* The one to use from the CPU that the thread runs on; any other works as well. */
struct umd_signaller *umd_signallers_here(struct umd_signallers *signallers);

#endif
