/* SPDX-License-Identifier: BSD-2-Clause */
/* What `umdev serve` tells about itself and the kinds, to people and to programs. */
#include "serve.h"

#include <string.h>

#include "json.h"
#include "kinds.h"

void serve_list_kinds(FILE *to)
{
	fputs("Kinds of device:\n", to);
	for (size_t i = 0; cli_kinds[i]; i++)
		fprintf(to, "  %-11s  %s\n", cli_kinds[i]->name, cli_kinds[i]->summary);
	fputs("\nOptions of a kind: umdev serve KIND --help\n", to);
}

void serve_help(FILE *to)
{
	fputs("Usage: umdev serve KIND (--socket-path PATH | --fd N) [-o NAME=VALUE]...\n"
	      "       umdev serve KIND --help\n"
	      "       umdev serve [KIND] --print-capabilities\n"
	      "\n"
	      "Makes a device and serves it to one driver at a time, until SIGTERM or SIGINT.\n"
	      "It stays in the foreground, and says on stderr when it is ready.\n"
	      "\n"
	      "  --socket-path PATH    Listen on a new Unix socket; it is removed in the end\n"
	      "  --fd N                Use an open Unix socket instead: one that listens, or one\n"
	      "                        that is connected and ends the process with its driver\n"
	      "  -o, --option NAME=VALUE\n"
	      "                        Set an option of the kind\n"
	      "  --grace SECONDS       When ended, ask the driver to let go of the device first (the\n"
	      "                        REQ interrupt) and wait so long; a second signal ends at once\n"
	      "  --max-mapped SIZE     Let the driver map so much memory for DMA and no more: bytes,\n"
	      "                        or with K, M, G or T; a VM maps all of its memory\n"
	      "  --print-capabilities  Print what the kind can do as JSON, and exit\n"
	      "  -h, --help            This text; with a KIND, the kind's options\n"
	      "\n",
	      to);
	serve_list_kinds(to);
	fputs("\n"
	      "Examples:\n"
	      "  umdev serve serial --socket-path /tmp/serial.sock -o ports=2 -o backend=pty\n"
	      "\n"
	      "  qemu-system-x86_64 -m 1G \\\n"
	      "    -object memory-backend-memfd,id=mem,size=1G,share=on \\\n"
	      "    -machine q35,memory-backend=mem \\\n"
	      "    -device '{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\","
	      "\"path\":\"/tmp/serial.sock\"}}' ...\n"
	      "\n"
	      "  The guest's memory must be shared (share=on), or the device cannot reach it.\n",
	      to);
}

/* Lines, whether or not the last one has its end. */
static void put_lines(FILE *to, const char *lines)
{
	size_t length = strlen(lines);

	fputs(lines, to);
	if (length && lines[length - 1] != '\n')
		fputc('\n', to);
}

void serve_kind_help(FILE *to, const struct umd_device_kind *kind)
{
	fprintf(to, "%s: %s\n\n", kind->name, kind->summary);
	put_lines(to, kind->description);
	if (!kind->options || !kind->options->name)
		return;

	fputs("\nOptions:\n", to);
	for (const struct umd_option *option = kind->options; option->name; option++)
		fprintf(to, "  -o %s=%s\n        %s\n", option->name,
			option->value ? option->value : "VALUE", option->help);
	fprintf(to, "\nExample:\n  umdev serve %s --socket-path /tmp/%s.sock\n", kind->name,
		kind->name);
}

/* The convention has no place for options but the features: one is named after each. */
void serve_print_capabilities(FILE *to, const struct umd_device_kind *kind)
{
	struct json_out json = {.file = to};

	json_open(&json, NULL, '{');
	json_text(&json, "type", "vfio-user");
	json_open(&json, "features", '[');
	for (const struct umd_option *o = kind ? kind->options : NULL; o && o->name; o++)
		json_text(&json, NULL, o->name);
	json_close(&json, ']');
	json_close(&json, '}');
}
