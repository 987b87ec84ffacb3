/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Being a parent: the engine's threads work, and one loop serves the sockets, the status and the
 * signals. Everything that can fail fails before the line that says it is ready.
 */
#include "parent.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "dsa/engine.h"
#include "dsa/status.h"
#include "process.h"

struct running {
	struct dsa_engine *engine;
	struct dsa_status_socket *status; /* may be NULL */
	int signals;
};

static int listen_for(struct umd_parent *engine, const struct parent_owner *owner)
{
	int err = umd_parent_listen(engine, owner->path, &owner->owner);

	switch (err) {
	case 0:
		return CLI_OK;
	case -EADDRINUSE:
		return cli_fail("%s is in use: another process listens there", owner->path);
	case -EEXIST:
		return cli_fail("%s exists and is no socket", owner->path);
	case -ENAMETOOLONG:
		return cli_fail("%s: a socket's path has at most 107 bytes", owner->path);
	default:
		return cli_fail("%s: %s", owner->path, strerror(-err));
	}
}

static void say_ready(const struct parent *parent)
{
	char path[128];

	fputs("dsa: listening on", stderr);
	for (size_t i = 0; i < parent->owner_count; i++)
		fprintf(stderr, "%s %s for owner %u", i ? "," : "",
			cli_printable(path, sizeof(path), parent->owners[i].path),
			parent->owners[i].owner.owner);
	fputc('\n', stderr);
}

/* True: it was a signal. */
static int serve(struct running *running)
{
	struct umd_parent *parent = dsa_engine_parent(running->engine);
	struct pollfd fds[] = {
		{.fd = running->signals, .events = POLLIN},
		{.fd = umd_parent_fd(parent), .events = POLLIN},
		{.fd = running->status ? dsa_status_fd(running->status) : -1, .events = POLLIN},
	};

	for (;;) {
		int err;

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0 && errno != EINTR)
			return cli_fail("waiting: %s", strerror(errno));
		if (fds[0].revents)
			return CLI_OK;
		if (fds[2].revents)
			dsa_status_dispatch(running->status);
		err = fds[1].revents ? umd_parent_dispatch(parent, 0) : 0;
		if (err && err != -EINTR)
			return cli_fail("serving failed: %s", strerror(-err));
	}
}

static int begin(struct running *running, const struct parent *parent)
{
	struct umd_error error = {0};
	int status = CLI_OK;

	if (parent->status_path &&
	    dsa_status_create(running->engine, parent->status_path, &running->status, &error) < 0)
		return cli_fail("%s", error.text);
	for (size_t i = 0; i < parent->owner_count && status == CLI_OK; i++)
		status = listen_for(dsa_engine_parent(running->engine), &parent->owners[i]);
	return status;
}

static int run_engine(const struct parent *parent, int signals)
{
	const struct dsa_engine_options options = {.workers = parent->workers,
						   .shared_queues = parent->shared_queues};
	struct running running = {.signals = signals};
	struct umd_error error = {0};
	int status, err = dsa_engine_create(&options, &running.engine, &error);

	if (err)
		return cli_fail("dsa: %s", error.text[0] ? error.text : strerror(-err));

	status = begin(&running, parent);
	if (status == CLI_OK) {
		say_ready(parent);
		status = serve(&running);
	}
	dsa_status_destroy(running.status);
	dsa_engine_destroy(running.engine);
	return status;
}

int parent_run(const struct parent *parent)
{
	int signals = cli_open_signals();
	int status;

	if (signals < 0)
		return cli_fail("waiting for signals: %s", strerror(-signals));

	cli_raise_fd_limit();
	status = run_engine(parent, signals);
	close(signals);
	return status;
}
