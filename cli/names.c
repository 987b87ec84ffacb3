/* SPDX-License-Identifier: BSD-2-Clause */
#include "names.h"

#include <dlfcn.h>
#include <pci/pci.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cli.h"

/* The functions have the header's types; only their addresses are found at run time. */
struct names {
	void *library;
	struct pci_access *access;
	__typeof__(pci_alloc) *alloc;
	__typeof__(pci_cleanup) *cleanup;
	__typeof__(pci_lookup_name) *lookup_name;
};

/* libpci ends the process where its memory or its list of names is broken: say so first. */
static __attribute__((noreturn)) void on_error(char *message, ...)
{
	exit(cli_fail("libpci: %s", message));
}

static void ignore(char *message, ...)
{
}

static bool load(struct names *names)
{
	names->library = dlopen("libpci.so.3", RTLD_NOW | RTLD_LOCAL);
	if (!names->library)
		return false;

	*(void **)&names->alloc = dlsym(names->library, "pci_alloc");
	*(void **)&names->cleanup = dlsym(names->library, "pci_cleanup");
	*(void **)&names->lookup_name = dlsym(names->library, "pci_lookup_name");
	return names->alloc && names->cleanup && names->lookup_name;
}

/* pci_init() is left out: it looks for a way to the machine's devices, which is not wanted. */
static bool prepare(struct names *names)
{
	names->access = names->alloc();
	if (!names->access)
		return false;

	names->access->error = on_error;
	names->access->warning = ignore;
	names->access->debug = ignore;
	return true;
}

struct names *names_open(void)
{
	struct names *names = calloc(1, sizeof(*names));

	if (names && load(names) && prepare(names))
		return names;
	names_close(names);
	return NULL;
}

/* The library stays loaded: a leak of its own can then be told from one of ours. */
void names_close(struct names *names)
{
	if (!names)
		return;
	if (names->access)
		names->cleanup(names->access);
	free(names);
}

static const int lookups[] = {
	[NAMES_VENDOR] = PCI_LOOKUP_VENDOR,
	[NAMES_DEVICE] = PCI_LOOKUP_DEVICE,
	[NAMES_SUBSYSTEM] = PCI_LOOKUP_SUBSYSTEM | PCI_LOOKUP_DEVICE,
	[NAMES_CLASS] = PCI_LOOKUP_CLASS,
	[NAMES_INTERFACE] = PCI_LOOKUP_PROGIF,
};

/*
 * The list of names is somebody else's file. pci_lookup_name() takes as many ids as it needs.
 * (NO_HWDB: it would open udev's database anew for every name, and lose memory where there is
 * none.)
 */
const char *names_find(struct names *names, char *to, enum names_kind kind, struct names_ids ids)
{
	const int flags = PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB;
	char buffer[NAMES_MAX];
	const char *name;

	if (!names)
		return NULL;

	name = names->lookup_name(names->access, buffer, sizeof(buffer), lookups[kind] | flags,
				  ids.a, ids.b, ids.c, ids.d);
	return name ? cli_printable(to, NAMES_MAX, name) : NULL;
}
