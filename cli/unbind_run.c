/* SPDX-License-Identifier: BSD-2-Clause */
/* `umdev unbind`, once its arguments are understood. */
#include "bind.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

/* The group's node serves all of its devices: it stays whose it is while another needs it. */
static bool is_shared(const struct bind_job *job)
{
	struct bind_device other;

	for (unsigned int i = 0; i < job->group.count; i++) {
		if (!bind_look(&other, &job->roots, job->group.neighbours[i].address) && other.vfio)
			return true;
	}
	return false;
}

/* Back to root, so that nobody opens it any more. */
static int take_nodes_back(struct bind_job *job)
{
	static const struct bind_owner root = {.uid = 0, .gid = 0, .name = "root"};
	bool shared = is_shared(job);

	for (unsigned int i = 0; i < BIND_NODES; i++) {
		int err;

		if (!job->nodes[i].there || job->nodes[i].uid == root.uid || (i == 0 && shared))
			continue;
		err = bind_give(&job->nodes[i], &root);
		if (err)
			return cli_fail("%s: %s cannot be taken back: %s", job->address,
					job->nodes[i].path, strerror(-err));
	}
	return CLI_OK;
}

static int give_to_host(struct bind_job *job)
{
	struct umd_error error = {0};

	if (bind_release(&job->device, &error))
		return cli_fail("%s: %s", job->address, error.text);
	job->reset = bind_reset(&job->device);
	if (bind_let_probe(&job->device, "", &error))
		return cli_fail("%s: %s", job->address, error.text);
	if (job->device.vfio)
		return cli_fail("%s: vfio-pci took it again: it has been told of this kind of "
				"device (new_id, or its parameter ids)",
				job->address);
	return CLI_OK;
}

/* The host's already: at most it is told to forget vfio-pci, and to look for a driver. */
static int leave_to_host(struct bind_job *job)
{
	bool overridden = !strcmp(job->device.override, BIND_VFIO);
	struct umd_error error = {0};

	if (job->device.driver[0] && !overridden)
		return CLI_OK;
	if (bind_let_probe(&job->device, overridden ? "" : job->device.override, &error))
		return cli_fail("%s: %s", job->address, error.text);
	return CLI_OK;
}

int unbind_run(struct bind_job *job)
{
	int status;

	if (bind_look(&job->device, &job->roots, job->address))
		return cli_fail("there is no device %s (`lspci -D` lists them)", job->address);

	memcpy(job->before, job->device.driver, sizeof(job->before));
	bind_look_at_group(&job->device, &job->group);
	if (job->device.vfio) {
		bind_look_at_nodes(&job->device, job->nodes);
		status = bind_check_users(job, "asks for it, and waits until it is closed");
		if (!status)
			status = take_nodes_back(job);
		if (!status)
			status = give_to_host(job);
	} else {
		status = leave_to_host(job);
	}
	if (status)
		return status;
	unbind_report(job);
	return CLI_OK;
}
