/* SPDX-License-Identifier: BSD-2-Clause */
/* `umdev bind`, once its arguments are understood. */
#include "bind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static int fail(const struct bind_job *job, const struct umd_error *error)
{
	return cli_fail("%s: %s", job->address, error->text);
}

/* With enable_unsafe_noiommu_mode, a group is made up when vfio-pci takes the device. */
static bool may_do_without_iommu(const struct bind_roots *roots)
{
	char path[PATH_MAX], value[8];

	bind_path(path, "%s/module/vfio/parameters/enable_unsafe_noiommu_mode", roots->sysfs);
	return !bind_read(path, value, sizeof(value)) && value[0] == 'Y';
}

static int check_iommu(const struct bind_job *job)
{
	if (job->device.group >= 0 || may_do_without_iommu(&job->roots))
		return CLI_OK;
	cli_fail("%s: it is in no IOMMU group, so nothing would confine its DMA", job->address);
	cli_fail("turn the IOMMU on: in the firmware's setup (VT-d, AMD-Vi, SMMU), and with "
		 "intel_iommu=on on the kernel's command line where that is Intel's");
	return cli_fail("without an IOMMU, root alone may use it: "
			"modprobe vfio enable_unsafe_noiommu_mode=1");
}

static int check_uses(const struct bind_job *job)
{
	struct bind_uses uses;

	if (job->force)
		return CLI_OK;
	bind_find_uses(&job->device, &uses);
	if (!uses.count)
		return CLI_OK;
	for (unsigned int i = 0; i < uses.count; i++)
		cli_fail("%s is in use: %s", job->address, uses.text[i]);
	return cli_fail("--force takes it all the same");
}

int bind_check_users(const struct bind_job *job, const char *force)
{
	char user[64];

	if (job->force || !bind_find_user(&job->roots, job->nodes, user, sizeof(user)))
		return CLI_OK;
	cli_fail("%s is in use: %s has it open", job->address, user);
	return cli_fail("--force %s", force);
}

/*
 * Reset before anybody but root can open it. The group's node is the last one: it is the one that
 * outlives the device's, where another device of the group needs it.
 */
static int hand_over(struct bind_job *job, const struct bind_owner *owner, struct umd_error *error)
{
	job->reset = bind_reset(&job->device);
	for (unsigned int i = BIND_NODES; owner && i-- > 0;) {
		int err = job->nodes[i].there ? bind_give(&job->nodes[i], owner) : 0;

		if (err)
			return umd_error_set(error, err, "%s cannot be given to %s: %s",
					     job->nodes[i].path, owner->name, strerror(-err));
	}
	return 0;
}

static int wait_for_nodes(struct bind_job *job, struct umd_error *error)
{
	int err = bind_wait_for_nodes(&job->device, job->nodes);

	if (err == -ENOENT)
		return umd_error_set(error, err, "the kernel has no node for it");
	if (err)
		return umd_error_set(error, err, "%s did not appear",
				     job->nodes[job->nodes[0].kind ? 0 : 1].path);
	return 0;
}

/* From the host's driver to the user; from an error, all the way back. */
static int take(struct bind_job *job, const struct bind_owner *owner)
{
	char override[BIND_NAME_MAX], outcome[160];
	struct umd_error error = {0};

	memcpy(override, job->device.override, sizeof(override));
	if (check_uses(job))
		return CLI_FAILED;
	if (bind_load_driver(&job->roots, &error) || bind_take(&job->device, &error))
		return fail(job, &error);
	if (!wait_for_nodes(job, &error) && !hand_over(job, owner, &error))
		return CLI_OK;

	bind_put_back(&job->device, job->before, override, outcome, sizeof(outcome));
	return cli_fail("%s: %s; %s", job->address, error.text, outcome);
}

/* It has been bound before: at most it changes hands. */
static int pass_on(struct bind_job *job, const struct bind_owner *owner)
{
	struct umd_error error = {0};

	if (wait_for_nodes(job, &error))
		return fail(job, &error);
	if (!owner || bind_owns(job->nodes, owner))
		return CLI_OK;
	if (bind_check_users(job, "takes it all the same"))
		return CLI_FAILED;
	return hand_over(job, owner, &error) ? fail(job, &error) : CLI_OK;
}

int bind_run(struct bind_job *job)
{
	struct bind_owner owner;
	int status;

	if (job->user && bind_find_owner(job->user, &owner))
		return cli_fail("there is no user '%s'", job->user);
	if (bind_look(&job->device, &job->roots, job->address))
		return cli_fail("there is no device %s (`lspci -D` lists them)", job->address);

	memcpy(job->before, job->device.driver, sizeof(job->before));
	status = check_iommu(job);
	if (status)
		return status;
	if (job->device.vfio)
		status = pass_on(job, job->user ? &owner : NULL);
	else
		status = take(job, job->user ? &owner : NULL);
	if (status)
		return status;

	bind_look_at_group(&job->device, &job->group);
	bind_report(job);
	bind_advise(job);
	return CLI_OK;
}
