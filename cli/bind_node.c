/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nodes of a device that is bound to vfio-pci: its group's, /dev/vfio/N, and its own where the
 * kernel makes those, /dev/vfio/devices/vfioN. Sysfs says which there are to be, since /dev may
 * have them a moment later.
 */
#include "bind.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODES_MS    2000 /* until /dev has them */
#define UDEV_S	    "5"	 /* until udev is done with them */
#define PERMISSIONS 0600

static int find_number(const char *name, struct bind_owner *ret)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(name, &end, 10);
	if (errno || *end || number >= UINT32_MAX)
		return -ENOENT;
	*ret = (struct bind_owner){.uid = (uid_t)number, .gid = (gid_t)-1};
	snprintf(ret->name, sizeof(ret->name), "%lu", number);
	return 0;
}

int bind_find_owner(const char *name, struct bind_owner *ret)
{
	const struct passwd *entry = getpwnam(name);

	if (!entry && isdigit((unsigned char)name[0]))
		return find_number(name, ret);
	if (!entry)
		return -ENOENT;
	*ret = (struct bind_owner){.uid = entry->pw_uid, .gid = entry->pw_gid};
	snprintf(ret->name, sizeof(ret->name), "%s", entry->pw_name);
	return 0;
}

void bind_owner_name(uid_t uid, char *to, size_t size)
{
	const struct passwd *entry = getpwuid(uid);

	if (entry)
		snprintf(to, size, "%s", entry->pw_name);
	else
		snprintf(to, size, "%lu", (unsigned long)uid);
}

static void look_at_node(struct bind_node *node)
{
	struct stat status;

	node->there = lstat(node->path, &status) == 0 && !S_ISLNK(status.st_mode);
	if (!node->there)
		return;
	node->uid = status.st_uid;
	node->mode = status.st_mode & 07777;
}

/* The group that the kernel makes up without an IOMMU has a number, too, and a node of its own. */
static void find_group_node(const struct bind_device *device, struct bind_node *node)
{
	static const char *const prefixes[] = {"", "noiommu-"};

	for (size_t i = 0; i < 2 && device->group >= 0; i++) {
		bind_path(node->sysfs, "%s/class/vfio/%s%d", device->roots->sysfs, prefixes[i],
			  device->group);
		if (!bind_exists(node->sysfs))
			continue;
		node->kind = "group";
		node->root_only = i == 1;
		bind_path(node->path, "%s/vfio/%s%d", device->roots->dev, prefixes[i],
			  device->group);
		look_at_node(node);
		return;
	}
}

static void find_own_node(const struct bind_device *device, struct bind_node *node)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	bind_attribute(device, "vfio-dev", path);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		bind_path(node->sysfs, "%s/%s/dev", path, entry->d_name);
		if (entry->d_name[0] == '.' || !bind_exists(node->sysfs))
			continue;
		node->kind = "cdev";
		bind_path(node->path, "%s/vfio/devices/%s", device->roots->dev, entry->d_name);
		look_at_node(node);
		break;
	}
	if (directory)
		closedir(directory);
}

void bind_look_at_nodes(const struct bind_device *device, struct bind_node nodes[BIND_NODES])
{
	memset(nodes, 0, BIND_NODES * sizeof(*nodes));
	find_group_node(device, &nodes[0]);
	find_own_node(device, &nodes[1]);
}

struct wanted {
	const struct bind_device *device;
	struct bind_node *nodes;
};

static bool all_there(void *context)
{
	struct wanted *wanted = context;
	unsigned int there = 0;

	bind_look_at_nodes(wanted->device, wanted->nodes);
	for (unsigned int i = 0; i < BIND_NODES; i++) {
		if (wanted->nodes[i].kind && !wanted->nodes[i].there)
			return false;
		there += wanted->nodes[i].there;
	}
	return there > 0;
}

/* udev's rules would give the nodes to whom they know after we have given them to somebody. */
static void let_udev_finish(const struct bind_roots *roots)
{
	static const char *const settle[] = {"udevadm", "settle", "--timeout=" UDEV_S, NULL};

	if (!strcmp(roots->dev, "/dev") && bind_exists("/run/udev/control"))
		bind_program(settle);
}

int bind_wait_for_nodes(const struct bind_device *device, struct bind_node nodes[BIND_NODES])
{
	struct wanted wanted = {.device = device, .nodes = nodes};

	if (bind_wait(all_there, &wanted, NODES_MS)) {
		let_udev_finish(device->roots);
		bind_look_at_nodes(device, nodes);
		return 0;
	}
	return nodes[0].kind || nodes[1].kind ? -ETIMEDOUT : -ENOENT;
}

bool bind_owns(const struct bind_node nodes[BIND_NODES], const struct bind_owner *owner)
{
	for (unsigned int i = 0; i < BIND_NODES; i++) {
		if (nodes[i].there && (nodes[i].uid != owner->uid || nodes[i].mode != PERMISSIONS))
			return false;
	}
	return true;
}

/* Closed first, so that nobody has it in between; whoever has it open keeps it. */
int bind_give(struct bind_node *node, const struct bind_owner *owner)
{
	if (chmod(node->path, 0) || lchown(node->path, owner->uid, owner->gid) ||
	    chmod(node->path, PERMISSIONS))
		return -errno;
	look_at_node(node);
	return 0;
}
