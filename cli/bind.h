/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `umdev bind` and `umdev unbind`: a device of this machine goes from its host driver to vfio-pci
 * and the nodes by which programs open it to a user; and back. All of it is read from and done
 * through sysfs, anew each time: nothing is remembered elsewhere, so that each verb may be run
 * again, whatever it finds.
 */
#ifndef CLI_BIND_H
#define CLI_BIND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <umdev/error.h>

#define BIND_NAME_MAX 64 /* of an address, a driver, a node; with its NUL */
#define BIND_VFIO     "vfio-pci"

/* Where the kernel shows itself; others than the usual places are for tests. */
struct bind_roots {
	const char *sysfs, *dev, *proc;
	const char *modprobe; /* loads a module */
};

/* ---- Attributes of sysfs (bind_sysfs.c) ----------------------------------------------------- */

/* A path, into PATH_MAX bytes; what does not fit is cut, and leads nowhere. */
void bind_path(char *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first line of a file. 0 or a negative errno. */
int bind_read(const char *path, char *to, size_t size);

/* Writes text in one piece, as attributes want it. */
int bind_write(const char *path, const char *text);

/* The last part of what a link leads to. */
int bind_read_link(const char *path, char *to, size_t size);

bool bind_exists(const char *path);

/* Asks `met` until it says yes, for so long at most. Returns what it said last. */
bool bind_wait(bool (*met)(void *context), void *context, unsigned int ms);

/* Runs a program to its end. Its exit status; 128 and more for a signal; a negative errno. */
int bind_program(const char *const *argv);

/* ---- A device (bind_device.c) --------------------------------------------------------------- */

struct bind_device {
	const struct bind_roots *roots;
	char address[BIND_NAME_MAX];  /* 0000:01:00.0 */
	char directory[PATH_MAX];     /* of the device in sysfs */
	char driver[BIND_NAME_MAX];   /* "": none */
	char override[BIND_NAME_MAX]; /* driver_override; "": none */
	int group;		      /* number of the IOMMU group; -1: none */
	bool vfio;		      /* bound to vfio-pci, or a driver that extends it */
};

/* "0000:01:00.0" out of text that may leave the domain out. -EINVAL. */
int bind_parse_address(const char *text, char *to, size_t size);

/* Looks at the device at `address`. -ENODEV. */
int bind_look(struct bind_device *device, const struct bind_roots *roots, const char *address);

/* Looks again at what may have changed. */
void bind_look_again(struct bind_device *device);

/* The path of one of its attributes, into PATH_MAX bytes. */
void bind_attribute(const struct bind_device *device, const char *name, char *to);

/* The first line of one of its attributes. */
int bind_read_attribute(const struct bind_device *device, const char *name, char *to, size_t size);
int bind_write_attribute(const struct bind_device *device, const char *name, const char *text);

/* ---- What the host does with it (bind_use.c, bind_disk.c) ----------------------------------- */

#define BIND_USES_MAX 16

/* Why the host would miss a device: sentences that begin with "its" or "it". */
struct bind_uses {
	unsigned int count;
	char text[BIND_USES_MAX][192];
};

void bind_use_add(struct bind_uses *uses, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void bind_find_uses(const struct bind_device *device, struct bind_uses *ret);

/* Notes how a block device is used, whose directory in sysfs that is. */
void bind_find_disk_uses(const struct bind_roots *roots, const char *directory, const char *name,
			 struct bind_uses *uses);

/* Notes that somebody holds it open, where nothing else is known of it. */
void bind_find_disk_holder(const struct bind_roots *roots, const char *name,
			   struct bind_uses *uses);

/* ---- The other devices of its group (bind_group.c) ------------------------------------------ */

#define BIND_GROUP_MAX 64u

struct bind_neighbour {
	char address[BIND_NAME_MAX];
	char driver[BIND_NAME_MAX];
	bool in_the_way; /* as long as that driver has it, the group cannot be opened */
};

struct bind_group {
	unsigned int count;
	unsigned int in_the_way;
	struct bind_neighbour neighbours[BIND_GROUP_MAX];
};

void bind_look_at_group(const struct bind_device *device, struct bind_group *ret);

/* ---- The nodes (bind_node.c) ---------------------------------------------------------------- */

struct bind_owner {
	uid_t uid;
	gid_t gid;
	char name[BIND_NAME_MAX];
};

/* A node by which a program opens the device. */
struct bind_node {
	const char *kind; /* "group" or "cdev"; NULL: there is none */
	char path[PATH_MAX];
	bool there;	      /* in /dev */
	bool root_only;	      /* no-IOMMU: nobody else may use it, whoever owns it */
	uid_t uid;	      /* of whom it is */
	mode_t mode;	      /* permissions */
	char sysfs[PATH_MAX]; /* of its own: what lies there says that it is to come */
};

#define BIND_NODES 2 /* the group's, the device's own */

/* -ENOENT for a name that nobody has. A number is a user without a name. */
int bind_find_owner(const char *name, struct bind_owner *ret);

/* What user a uid is, as text. */
void bind_owner_name(uid_t uid, char *to, size_t size);

/* Those that there are, and those that are to come. */
void bind_look_at_nodes(const struct bind_device *device, struct bind_node nodes[BIND_NODES]);

/* The same, waiting for those that are to come. -ETIMEDOUT, -ENOENT where the kernel has none. */
int bind_wait_for_nodes(const struct bind_device *device, struct bind_node nodes[BIND_NODES]);

/* Whether that user, and nobody else, can open the nodes. */
bool bind_owns(const struct bind_node nodes[BIND_NODES], const struct bind_owner *owner);

/* Gives a node to a user alone. On error, it is root's alone, or as it was. */
int bind_give(struct bind_node *node, const struct bind_owner *owner);

/* ---- Programs that have it open (bind_user.c) ----------------------------------------------- */

/* "PID (COMMAND)" of a program that has one of the nodes open; false: there is none. */
bool bind_find_user(const struct bind_roots *roots, const struct bind_node nodes[BIND_NODES],
		    char *to, size_t size);

/* ---- The steps (bind_steps.c) --------------------------------------------------------------- */

/* Sees to vfio-pci being there. */
int bind_load_driver(const struct bind_roots *roots, struct umd_error *error);

/* Has the present driver let go. */
int bind_release(struct bind_device *device, struct umd_error *error);

/*
 * Says which driver may have the device ("": whichever knows it) and has the bus look for one.
 * Waits a moment for it; `device` says what has come.
 */
int bind_let_probe(struct bind_device *device, const char *override, struct umd_error *error);

/* Binds it to vfio-pci. On error, tells in the sentence what has become of the device. */
int bind_take(struct bind_device *device, struct umd_error *error);

/* Gives it back to the driver `before`, as far as that takes it; says whether it did. */
void bind_put_back(struct bind_device *device, const char *before, const char *override, char *to,
		   size_t size);

/* Resets the function. -EOPNOTSUPP where it has no way. */
int bind_reset(const struct bind_device *device);

/* ---- The verbs (bind.c, bind_run.c, unbind_run.c) ------------------------------------------- */

struct bind_job {
	struct bind_roots roots;
	const char *user; /* as given, or found; NULL: leave the nodes to root */
	bool force, json;
	char address[BIND_NAME_MAX];

	struct bind_device device;
	struct bind_node nodes[BIND_NODES];
	struct bind_group group;
	char before[BIND_NAME_MAX]; /* the driver that had it */
	int reset;		    /* 1: not tried; 0 or a negative errno */
};

/* Exit statuses. */
int bind_run(struct bind_job *job);
int unbind_run(struct bind_job *job);

/* Fails where a program has the device open, and tells what --force does then. An exit status. */
int bind_check_users(const struct bind_job *job, const char *force);

/* What was done, on stdout; what remains to be done, on stderr (bind_report.c). */
void bind_report(const struct bind_job *job);
void unbind_report(const struct bind_job *job);
void bind_advise(const struct bind_job *job);

#endif
