/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serving: the device is made, put on its socket, and driven by one loop until a signal arrives or
 * the one client of a connected socket leaves. With time to spare, the first signal asks the client
 * to let go of the device, and the process ends when it has. Everything that can fail fails before
 * the line that says it is ready.
 */
#include "serve.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"
#include "process.h"

/* A device being served, and how it is to end. */
struct serving {
	struct umd_device *device;
	unsigned int grace; /* seconds */
	int signals;	    /* signalfd */
	struct umd_watch *signal_watch, *deadline;
	bool stop;
};

static void on_deadline(void *data, uint32_t events)
{
	struct serving *serving = data;

	serving->stop = true;
}

/* The loop ends by itself once the device is unplugged and nobody uses it. */
static bool ask_to_let_go(struct serving *serving)
{
	const uint64_t grace = serving->grace * UINT64_C(1000000000);

	return serving->grace && umd_device_unplug(serving->device, grace) == 0 &&
	       umd_watch_set_timer(serving->deadline, grace) == 0;
}

static void on_signal(void *data, uint32_t events)
{
	struct serving *serving = data;
	struct signalfd_siginfo info;

	while (read(serving->signals, &info, sizeof(info)) > 0)
		continue;
	if (!ask_to_let_go(serving))
		serving->stop = true;
}

static int create_server(struct umd_device *device, const struct serve *serve,
			 struct umd_server **ret)
{
	const struct umd_server_options options = {.size = sizeof(options),
						   .socket_path = serve->socket_path,
						   .fd = serve->fd,
						   .max_mapped_bytes = serve->max_mapped};
	int err = umd_server_create(device, &options, ret);

	switch (err) {
	case 0:
		return CLI_OK;
	case -EADDRINUSE:
		return cli_fail("%s is in use: another process listens there", serve->socket_path);
	case -EEXIST:
		return cli_fail("%s exists and is no socket", serve->socket_path);
	case -ENAMETOOLONG:
		return cli_fail("%s: a socket's path has at most 107 bytes", serve->socket_path);
	default:
		if (serve->socket_path)
			return cli_fail("%s: %s", serve->socket_path, strerror(-err));
		return cli_fail("--fd %d cannot be served: %s", serve->fd, strerror(-err));
	}
}

static void say_ready(const struct serve *serve)
{
	char path[128];

	if (serve->socket_path)
		fprintf(stderr, "%s: listening on %s\n", serve->kind->name,
			cli_printable(path, sizeof(path), serve->socket_path));
	else
		fprintf(stderr, "%s: serving on file descriptor %d\n", serve->kind->name,
			serve->fd);
}

static int loop(struct umd_server *server, const struct serving *serving)
{
	while (!serving->stop) {
		int err = umd_server_dispatch(server, -1);

		if (err == -ESHUTDOWN)
			return CLI_OK;
		if (err && err != -EINTR)
			return cli_fail("serving failed: %s", strerror(-err));
	}
	return CLI_OK;
}

static int watch(struct serving *serving)
{
	int err = umd_watch_fd(serving->device, serving->signals, EPOLLIN, on_signal, serving,
			       &serving->signal_watch);

	if (!err && serving->grace)
		err = umd_watch_timer(serving->device, on_deadline, serving, &serving->deadline);
	return err ? cli_fail("waiting for signals: %s", strerror(-err)) : CLI_OK;
}

static int serve_device(struct umd_device *device, const struct serve *serve, int signals)
{
	struct serving serving = {.device = device, .grace = serve->grace, .signals = signals};
	struct umd_server *server;
	int status = watch(&serving);

	if (status == CLI_OK)
		status = create_server(device, serve, &server);
	if (status == CLI_OK) {
		say_ready(serve);
		status = loop(server, &serving);
		umd_server_destroy(server);
	}
	umd_watch_destroy(serving.deadline);
	umd_watch_destroy(serving.signal_watch);
	return status;
}

static int create_device(const struct serve *serve, struct umd_device **ret)
{
	struct umd_error error = {0};
	int err = serve->kind->create(serve->options, serve->option_count, ret, &error);

	if (!err)
		return CLI_OK;
	cli_fail("%s: %s", serve->kind->name, error.text[0] ? error.text : strerror(-err));
	return err == -EINVAL ? CLI_USAGE : CLI_FAILED;
}

int serve_run(const struct serve *serve)
{
	struct umd_device *device;
	int signals = cli_open_signals();
	int status;

	if (signals < 0)
		return cli_fail("waiting for signals: %s", strerror(-signals));

	cli_raise_fd_limit();
	status = create_device(serve, &device);
	if (status == CLI_OK) {
		status = serve_device(device, serve, signals);
		umd_device_destroy(device);
	}
	close(signals);
	return status;
}
