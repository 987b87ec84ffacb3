/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves the suite's own device. usage: edu-device SOCKET */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edu_device.h"

int main(int argc, char **argv)
{
	struct umd_server_options options = {.size = sizeof(options)};
	struct umd_error error = {0};
	struct umd_device *device = NULL;
	struct umd_server *server = NULL;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: edu-device SOCKET\n");
		return 2;
	}
	if (edu_create(&device, &error) < 0) {
		fprintf(stderr, "edu-device: %s\n", error.text);
		return 1;
	}

	options.socket_path = argv[1];
	err = umd_server_create(device, &options, &server);
	while (!err || err == -EINTR)
		err = umd_server_dispatch(server, -1);
	fprintf(stderr, "edu-device: %s\n", strerror(-err));
	return 1;
}
