/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of PCI classes, vendors and devices, from libpci, which is loaded when a name is wanted: a
 * server pays nothing for it, and where it is missing ids are shown as numbers. names_none.c stands
 * in where libpci's header was missing at build time.
 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <stdint.h>

#define NAMES_MAX 160

enum names_kind {		   /* by which ids: */
		  NAMES_VENDOR,	   /* vendor */
		  NAMES_DEVICE,	   /* vendor, device */
		  NAMES_SUBSYSTEM, /* vendor, device, subsystem vendor, subsystem */
		  NAMES_CLASS,	   /* class: base class and sub-class */
		  NAMES_INTERFACE, /* class, interface */
};

struct names_ids {
	uint16_t a, b, c, d;
};

struct names; /* the loaded library */

/* NULL without libpci. */
struct names *names_open(void);
void names_close(struct names *names); /* NULL is allowed */

/* Returns `to`, of NAMES_MAX bytes, or NULL where there is no name, or no `names`. */
const char *names_find(struct names *names, char *to, enum names_kind kind, struct names_ids ids);

#endif
