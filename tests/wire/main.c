/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire-device: serves the wire suite's device until SIGTERM, or until the client of a connected
 * socket is gone. Prints "ready" when it listens.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "device.h"

struct options {
	const char *socket_path;
	int fd;
	bool deferring;
	uint64_t seed;
};

static bool stopping;

static void usage(void)
{
	fputs("usage: wire-device --socket-path PATH | --fd FD [--defer] [--seed NUMBER]\n",
	      stderr);
	exit(2);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"socket-path", required_argument, NULL, 's'},
		{"fd", required_argument, NULL, 'f'},
		{"defer", no_argument, NULL, 'd'},
		{"seed", required_argument, NULL, 'r'},
		{0},
	};
	int name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (name == 's')
			options->socket_path = optarg;
		else if (name == 'f')
			options->fd = atoi(optarg);
		else if (name == 'd')
			options->deferring = true;
		else if (name == 'r')
			options->seed = strtoull(optarg, NULL, 0);
		else
			usage();
	}
	if (optind != argc || !options->seed || !options->socket_path == (options->fd < 0))
		usage();
}

static void terminated(void *data, uint32_t events)
{
	stopping = true;
}

/* Turns SIGTERM into a watch of the device's. Returns the signalfd. */
static int watch_sigterm(struct umd_device *device, struct umd_watch **ret)
{
	sigset_t set;
	int fd, error;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;

	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;

	error = umd_watch_fd(device, fd, EPOLLIN, terminated, NULL, ret);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

static int serve(struct umd_device *device, const struct options *options)
{
	const struct umd_server_options server_options = {
		.size = sizeof(server_options),
		.socket_path = options->socket_path,
		.fd = options->fd,
	};
	struct umd_server *server;
	int error = umd_server_create(device, &server_options, &server);

	if (error)
		return error;

	puts("ready");
	fflush(stdout);
	while (!stopping && (!error || error == -EINTR))
		error = umd_server_dispatch(server, -1);
	umd_server_destroy(server);
	return error == -ESHUTDOWN || stopping ? 0 : error;
}

int main(int argc, char **argv)
{
	struct options options = {.fd = -1, .seed = 1};
	struct umd_watch *watch = NULL;
	struct umd_error error = {0};
	struct wire_device *wire;
	int signal_fd, code;

	parse(argc, argv, &options);
	code = wire_device_create(options.deferring, options.seed, &wire, &error);
	if (code) {
		fprintf(stderr, "wire-device: %s: %s\n", error.text, strerror(-code));
		return 1;
	}

	signal_fd = watch_sigterm(wire_device_handle(wire), &watch);
	code = signal_fd < 0 ? signal_fd : serve(wire_device_handle(wire), &options);
	if (code)
		fprintf(stderr, "wire-device: %s\n", strerror(-code));

	umd_watch_destroy(watch);
	wire_device_destroy(wire);
	if (signal_fd >= 0)
		close(signal_fd);
	return code ? 1 : 0;
}
