// SPDX-License-Identifier: BSD-2-Clause
/* Floor of an idle process: it has started and waits. usage: floor_idle */
#include <unistd.h>

int main(void)
{
	pause();
	return 0;
}
