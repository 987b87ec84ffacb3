/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serves the example device (copier_device.c) on a Unix socket, to one driver at a time.
 *
 *   copier SOCKET
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "copier_device.h"

int main(int argc, char **argv)
{
	struct umd_server_options options = {.size = sizeof(options)};
	struct umd_error error = {0};
	struct umd_device *device = NULL;
	struct umd_server *server = NULL;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: copier SOCKET\n");
		return 2;
	}
	if (copier_create(&device, &error) < 0) {
		fprintf(stderr, "copier: %s\n", error.text);
		return 1;
	}

	options.socket_path = argv[1];
	err = umd_server_create(device, &options, &server);
	while (!err || err == -EINTR)
		err = umd_server_dispatch(server, -1);
	fprintf(stderr, "copier: %s\n", strerror(-err));
	return 1;
}
