/* SPDX-License-Identifier: BSD-2-Clause */
/* What bind and unbind tell: what was done, and what the user still has to do. */
#include "bind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "report.h"

static const char *reset_text(int reset)
{
	if (reset == -EOPNOTSUPP)
		return "not possible: it has none";
	return reset ? strerror(-reset) : "done";
}

static void report_reset(const struct bind_job *job, struct report *report)
{
	if (job->reset <= 0)
		report_say(report, "  reset  %s\n", reset_text(job->reset));
	report_bool(report, "reset", job->reset == 0);
}

static void report_driver(const struct bind_job *job, struct report *report)
{
	const char *now = job->device.driver, *before = job->before;

	report_text(report, "device", job->address);
	report_text(report, "driver", now);
	report_text(report, "before", before);
	report_say(report, "%s ", job->address);
	report_say(report, now[0] ? "is bound to %s" : "has no driver of the host's%s", now);
	if (!strcmp(now, before))
		report_say(report, now[0] ? ", as before\n" : "\n");
	else
		report_say(report, " (before: %s)\n", before[0] ? before : "none");
}

static void report_node(const struct bind_node *node, struct report *report)
{
	char owner[BIND_NAME_MAX];

	if (!node->there)
		return;
	bind_owner_name(node->uid, owner, sizeof(owner));
	report_say(report, "  %-5s  %s, of %s\n", node->kind, node->path, owner);
	report_open(report, NULL, '{');
	report_text(report, "kind", node->kind);
	report_text(report, "path", node->path);
	report_text(report, "owner", owner);
	report_close(report, '}');
}

static void report_neighbours(const struct bind_group *group, struct report *report)
{
	report_bool(report, "viable", !group->in_the_way);
	report_open(report, "neighbours", '[');
	for (unsigned int i = 0; i < group->count; i++) {
		const struct bind_neighbour *neighbour = &group->neighbours[i];

		report_say(report, "  with   %s, %s%s\n", neighbour->address,
			   neighbour->driver[0] ? neighbour->driver : "no driver",
			   neighbour->in_the_way ? ": in the way" : "");
		report_open(report, NULL, '{');
		report_text(report, "device", neighbour->address);
		report_text(report, "driver", neighbour->driver);
		report_bool(report, "in_the_way", neighbour->in_the_way);
		report_close(report, '}');
	}
	report_close(report, ']');
}

void bind_report(const struct bind_job *job)
{
	char uri[BIND_NAME_MAX + 4];
	struct report report;

	snprintf(uri, sizeof(uri), "pci:%s", job->address);
	report_begin(&report, stdout, job->json);
	report_driver(job, &report);
	if (job->device.group >= 0)
		report_number(&report, "group", (uint64_t)job->device.group);
	report_open(&report, "nodes", '[');
	for (unsigned int i = 0; i < BIND_NODES; i++)
		report_node(&job->nodes[i], &report);
	report_close(&report, ']');
	report_neighbours(&job->group, &report);
	report_reset(job, &report);
	report_say(&report, "  open   %s\n", uri);
	report_text(&report, "uri", uri);
	report_end(&report);
}

void unbind_report(const struct bind_job *job)
{
	struct report report;

	report_begin(&report, stdout, job->json);
	report_driver(job, &report);
	report_reset(job, &report);
	report_end(&report);
}

/* ---- What remains to be done --------------------------------------------------------------- */

static void advise_on_group(const struct bind_job *job)
{
	if (!job->group.in_the_way)
		return;
	cli_fail("%s cannot be opened yet: IOMMU group %d has other devices, which the host uses",
		 job->address, job->device.group);
	for (unsigned int i = 0; i < job->group.count; i++) {
		const struct bind_neighbour *neighbour = &job->group.neighbours[i];

		if (neighbour->in_the_way)
			cli_fail("%s is bound to %s: `umdev bind %s`, or have %s let go of it: "
				 "echo %s >%s/bus/pci/devices/%s/driver/unbind",
				 neighbour->address, neighbour->driver, neighbour->address,
				 neighbour->driver, neighbour->address, job->roots.sysfs,
				 neighbour->address);
	}
}

/* Who opens a cdev needs the node of iommufd besides, which no device owns. */
static void advise_on_iommufd(const struct bind_job *job)
{
	char path[PATH_MAX];
	struct stat status;

	if (!job->nodes[1].there || job->nodes[1].uid == 0)
		return;
	bind_path(path, "%s/iommu", job->roots.dev);
	if (stat(path, &status) || status.st_uid == job->nodes[1].uid || status.st_mode & S_IWOTH)
		return;
	cli_fail("to use %s, its user must also be let into %s", job->nodes[1].path, path);
}

static void advise_on_no_iommu(const struct bind_job *job)
{
	if (job->nodes[0].root_only)
		cli_fail("%s: no IOMMU confines it; it takes root (CAP_SYS_RAWIO) to open %s",
			 job->address, job->nodes[0].path);
}

void bind_advise(const struct bind_job *job)
{
	fflush(stdout);
	if (job->reset < 0 && job->reset != -EOPNOTSUPP)
		cli_fail("%s could not be reset: %s", job->address, strerror(-job->reset));
	advise_on_group(job);
	advise_on_iommufd(job);
	advise_on_no_iommu(job);
}
