/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/signallers.h"

#include <sched.h>
#include <sys/sysinfo.h>

static unsigned int wanted(void)
{
	int cpus = get_nprocs();

	if (cpus < 1)
		return 1;
	return (unsigned int)cpus < UMD_SIGNALLERS_MAX ? (unsigned int)cpus : UMD_SIGNALLERS_MAX;
}

int umd_signallers_init(struct umd_signallers *signallers)
{
	unsigned int count = wanted();

	for (signallers->count = 0; signallers->count < count; signallers->count++) {
		int err = umd_signaller_init(&signallers->each[signallers->count]);

		if (err)
			return signallers->count ? 0 : err;
	}
	return 0;
}

void umd_signallers_finish(struct umd_signallers *signallers)
{
	while (signallers->count)
		umd_signaller_finish(&signallers->each[--signallers->count]);
}

struct umd_signaller *umd_signallers_here(struct umd_signallers *signallers)
{
	int cpu = sched_getcpu();

	return &signallers->each[cpu < 0 ? 0 : (unsigned int)cpu % signallers->count];
}
