/* SPDX-License-Identifier: BSD-2-Clause */
/* How a block device is used: by a mounted file system, as swap, or by another block device. */
#include "bind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether a path names the device by its node: "/dev/NAME". */
static bool is_node(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return !strncmp(path, "/dev/", 5) && !strcmp(slash + 1, name);
}

/*
 * A line of mountinfo (proc_pid_mountinfo(5)): the third field is the device's number, the fifth
 * where it is mounted, the second after " - " what was mounted. Where file systems have numbers of
 * their own, as btrfs, only that names the device.
 */
static bool is_mount_of(char *line, const char *number, const char *name, const char **ret_where)
{
	char *fields[5], *state = NULL, *rest = strstr(line, " - "), *source = NULL;

	if (!rest)
		return false;
	*rest = '\0';
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		fields[i] = strtok_r(i ? NULL : line, " ", &state);
		if (!fields[i])
			return false;
	}
	*ret_where = fields[4];
	if (strtok_r(rest + 3, " ", &state))
		source = strtok_r(NULL, " \n", &state);
	return !strcmp(fields[2], number) || (source && is_node(source, name));
}

static void find_mounts(const struct bind_roots *roots, const char *number, const char *name,
			struct bind_uses *uses)
{
	char path[PATH_MAX], line[4096];
	const char *where;
	FILE *file;

	bind_path(path, "%s/self/mountinfo", roots->proc);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (!is_mount_of(line, number, name, &where))
			continue;
		bind_use_add(uses, "its disk %s is mounted on %.100s", name, where);
		break; /* one is enough, there may be many */
	}
	if (file)
		fclose(file);
}

static void find_swap(const struct bind_roots *roots, const char *name, struct bind_uses *uses)
{
	char path[PATH_MAX], line[4096];
	FILE *file;

	bind_path(path, "%s/swaps", roots->proc);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\n")] = '\0';
		if (is_node(line, name))
			bind_use_add(uses, "its disk %s is swapped to", name);
	}
	if (file)
		fclose(file);
}

/* Device mapper, LVM, RAID. */
static void find_holders(const char *directory, const char *name, struct bind_uses *uses)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *holders;

	bind_path(path, "%s/holders", directory);
	holders = opendir(path);
	while (holders && (entry = readdir(holders))) {
		if (entry->d_name[0] != '.')
			bind_use_add(uses, "its disk %s is part of %.64s", name, entry->d_name);
	}
	if (holders)
		closedir(holders);
}

void bind_find_disk_uses(const struct bind_roots *roots, const char *directory, const char *name,
			 struct bind_uses *uses)
{
	char path[PATH_MAX], number[32];

	bind_path(path, "%s/dev", directory);
	if (bind_read(path, number, sizeof(number)))
		return; /* a path of a multipath disk: it has no node */
	find_mounts(roots, number, name, uses);
	find_swap(roots, name, uses);
	find_holders(directory, name, uses);
}

/* O_EXCL without O_CREAT: busy for a disk that any part of the kernel, or program, claims. */
void bind_find_disk_holder(const struct bind_roots *roots, const char *name, struct bind_uses *uses)
{
	char path[PATH_MAX];
	int fd;

	bind_path(path, "%s/%s", roots->dev, name);
	fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	else if (errno == EBUSY)
		bind_use_add(uses, "its disk %s is in use", name);
}
