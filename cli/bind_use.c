/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host does with a device that it would miss: found by walking the device's directory in
 * sysfs for network interfaces and disks, which may lie several drivers deep.
 */
#include "bind.h"

#include <dirent.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 12 /* below the device; a disk of a USB host controller lies ten deep */

void bind_use_add(struct bind_uses *uses, const char *format, ...)
{
	va_list args;

	if (uses->count == BIND_USES_MAX)
		return;
	va_start(args, format);
	vsnprintf(uses->text[uses->count++], sizeof(uses->text[0]), format, args);
	va_end(args);
}

static unsigned long number_in(const char *directory, const char *name)
{
	char path[PATH_MAX], text[32];

	bind_path(path, "%s/%s", directory, name);
	return bind_read(path, text, sizeof(text)) ? 0 : strtoul(text, NULL, 0);
}

static void look_at_interface(const char *directory, const char *name, struct bind_uses *uses)
{
	if (number_in(directory, "flags") & 1) /* IFF_UP */
		bind_use_add(uses, "its network interface %s is up", name);
}

static void walk(const struct bind_roots *roots, const char *directory, struct bind_uses *uses);

/* With native multipath, an NVMe disk is its subsystem's; controllers are links from there. */
static void look_at_nvme(const struct bind_roots *roots, const char *name, struct bind_uses *uses)
{
	char classes[PATH_MAX], path[PATH_MAX], subsystem[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	bind_path(classes, "%s/class/nvme-subsystem", roots->sysfs);
	directory = opendir(classes);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		bind_path(path, "%s/%s/%s", classes, entry->d_name, name);
		if (!bind_exists(path))
			continue;
		bind_path(path, "%s/%s", classes, entry->d_name);
		if (realpath(path, subsystem))
			walk(roots, subsystem, uses);
	}
	if (directory)
		closedir(directory);
}

/* Which class the directory is a member of. */
static bool has_class(const char *directory, const char *class)
{
	char path[PATH_MAX], name[BIND_NAME_MAX];

	bind_path(path, "%s/subsystem", directory);
	return !bind_read_link(path, name, sizeof(name)) && !strcmp(name, class);
}

/* Before what lies in it. How many uses were known is kept for the way back. */
static void enter(const struct bind_roots *roots, FTSENT *entry, struct bind_uses *uses)
{
	entry->fts_number = uses->count;
	if (has_class(entry->fts_path, "net"))
		look_at_interface(entry->fts_path, entry->fts_name, uses);
	else if (has_class(entry->fts_path, "nvme"))
		look_at_nvme(roots, entry->fts_name, uses);
	else if (has_class(entry->fts_path, "block"))
		bind_find_disk_uses(roots, entry->fts_path, entry->fts_name, uses);
}

/* After it, partitions included. */
static void leave(const struct bind_roots *roots, const FTSENT *entry, struct bind_uses *uses)
{
	if ((unsigned int)entry->fts_number == uses->count && has_class(entry->fts_path, "block"))
		bind_find_disk_holder(roots, entry->fts_name, uses);
}

static void walk(const struct bind_roots *roots, const char *directory, struct bind_uses *uses)
{
	char *paths[] = {(char *)directory, NULL};
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree))) {
		if (entry->fts_info == FTS_D)
			enter(roots, entry, uses);
		else if (entry->fts_info == FTS_DP)
			leave(roots, entry, uses);
		if (entry->fts_info == FTS_D && entry->fts_level >= DEPTH_MAX)
			fts_set(tree, entry, FTS_SKIP);
	}
	if (tree)
		fts_close(tree);
}

void bind_find_uses(const struct bind_device *device, struct bind_uses *ret)
{
	char directory[PATH_MAX];
	unsigned long functions;

	*ret = (struct bind_uses){0};
	if (number_in(device->directory, "class") >> 16 == 0x06)
		bind_use_add(ret, "it is a bridge: the host reaches other devices through it");
	if (number_in(device->directory, "boot_vga"))
		bind_use_add(ret, "it is the display that the machine booted with");
	functions = number_in(device->directory, "sriov_numvfs");
	if (functions)
		bind_use_add(ret, "it has %lu virtual functions, which would go with it",
			     functions);
	if (realpath(device->directory, directory))
		walk(device->roots, directory, ret);
}
