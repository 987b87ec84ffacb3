/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire-device: serves the wire suite's device until SIGTERM, until the client of a connected socket
 * is gone, or until the device was unplugged and has no client. Prints "ready" when it listens.
 * SIGUSR1 unplugs the device at once.
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
	struct wire_options device;
};

static bool stopping;

static _Noreturn void usage(void)
{
	fputs("usage: wire-device --socket-path PATH | --fd FD [--defer] [--seed NUMBER]\n"
	      "                   [--shape plain | express | conventional | tagged]\n",
	      stderr);
	exit(2);
}

static enum wire_shape parse_shape(const char *name)
{
	static const char *const names[] = {[WIRE_PLAIN] = "plain",
					    [WIRE_EXPRESS] = "express",
					    [WIRE_CONVENTIONAL] = "conventional",
					    [WIRE_TAGGED] = "tagged"};

	for (enum wire_shape shape = 0; shape < WIRE_SHAPES; shape++) {
		if (!strcmp(name, names[shape]))
			return shape;
	}
	usage();
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"socket-path", required_argument, NULL, 's'},
		{"fd", required_argument, NULL, 'f'},
		{"defer", no_argument, NULL, 'd'},
		{"seed", required_argument, NULL, 'r'},
		{"shape", required_argument, NULL, 'p'},
		{0},
	};
	int name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (name == 's')
			options->socket_path = optarg;
		else if (name == 'f')
			options->fd = (int)strtol(optarg, NULL, 10);
		else if (name == 'd')
			options->device.deferring = true;
		else if (name == 'r')
			options->device.seed = strtoull(optarg, NULL, 0);
		else if (name == 'p')
			options->device.shape = parse_shape(optarg);
		else
			usage();
	}
	if (optind != argc || !options->device.seed || !options->socket_path == (options->fd < 0))
		usage();
}

struct signals {
	struct umd_device *device;
	struct umd_watch *watch;
	int fd;
};

static void signalled(void *data, uint32_t events)
{
	struct signals *signals = data;
	struct signalfd_siginfo info;

	if (read(signals->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1)
		umd_device_unplug(signals->device, 0);
	else
		stopping = true;
}

/* Turns SIGTERM and SIGUSR1 into a watch of the device's. */
static int watch_signals(struct signals *signals)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;

	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0)
		return -errno;
	return umd_watch_fd(signals->device, signals->fd, EPOLLIN, signalled, signals,
			    &signals->watch);
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
	struct options options = {.fd = -1, .device.seed = 1};
	struct signals signals = {.fd = -1};
	struct umd_error error = {0};
	struct wire_device *wire;
	int code;

	parse(argc, argv, &options);
	code = wire_device_create(&options.device, &wire, &error);
	if (code) {
		fprintf(stderr, "wire-device: %s: %s\n", error.text, strerror(-code));
		return 1;
	}

	signals.device = wire_device_handle(wire);
	code = watch_signals(&signals);
	if (!code)
		code = serve(signals.device, &options);
	if (code)
		fprintf(stderr, "wire-device: %s\n", strerror(-code));

	umd_watch_destroy(signals.watch);
	wire_device_destroy(wire);
	if (signals.fd >= 0)
		close(signals.fd);
	return code ? 1 : 0;
}
