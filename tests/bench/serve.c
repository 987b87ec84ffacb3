// SPDX-License-Identifier: BSD-2-Clause
/* Serves a device until SIGTERM, which interrupts whatever waits. */
#include "serve.h"

#include <errno.h>
#include <signal.h>

static volatile sig_atomic_t ended;

static void end(int signal)
{
	ended = 1;
}

int bench_serve(struct umd_device *device, const char *path)
{
	const struct umd_server_options options = {
		.size = sizeof(options), .socket_path = path, .fd = -1};
	const struct sigaction action = {.sa_handler = end};
	struct umd_server *server;
	int r;

	sigaction(SIGTERM, &action, NULL);
	r = umd_server_create(device, &options, &server);
	if (r)
		return r;
	while (!ended && (!r || r == -EINTR))
		r = umd_server_dispatch(server, -1);
	umd_server_destroy(server);
	return ended ? 0 : r;
}
