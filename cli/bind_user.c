/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that have a device open. vfio-pci lets go of a device only when its program does, so
 * taking it away from one waits for as long as that takes.
 */
#include "bind.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_one_of(const char *path, const struct bind_node nodes[BIND_NODES])
{
	for (unsigned int i = 0; i < BIND_NODES; i++) {
		if (nodes[i].there && !strcmp(path, nodes[i].path))
			return true;
	}
	return false;
}

static bool has_open(const char *process, const struct bind_node nodes[BIND_NODES])
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	ssize_t length;
	DIR *fds;

	bind_path(path, "%s/fd", process);
	fds = opendir(path);
	while (fds && !found && (entry = readdir(fds))) {
		length = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		found = is_one_of(target, nodes);
	}
	if (fds)
		closedir(fds);
	return found;
}

static void name_process(const char *process, const char *pid, char *to, size_t size)
{
	char path[PATH_MAX], command[32];

	bind_path(path, "%s/comm", process);
	if (bind_read(path, command, sizeof(command)))
		snprintf(command, sizeof(command), "?");
	snprintf(to, size, "process %.16s (%s)", pid, command);
}

static bool find_process(const struct bind_roots *roots, const struct bind_node nodes[BIND_NODES],
			 char *to, size_t size)
{
	char process[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *processes = opendir(roots->proc);

	while (processes && !found && (entry = readdir(processes))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		bind_path(process, "%s/%s", roots->proc, entry->d_name);
		found = has_open(process, nodes);
		if (found)
			name_process(process, entry->d_name, to, size);
	}
	if (processes)
		closedir(processes);
	return found;
}

/* A program may keep the device and close the group, which stays busy; others cannot open it. */
static bool is_busy(const struct bind_node *group)
{
	int fd = group->there ? open(group->path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return group->there && errno == EBUSY;
	close(fd);
	return false;
}

bool bind_find_user(const struct bind_roots *roots, const struct bind_node nodes[BIND_NODES],
		    char *to, size_t size)
{
	if (find_process(roots, nodes, to, size))
		return true;
	if (!is_busy(&nodes[0]))
		return false;
	snprintf(to, size, "a program");
	return true;
}
