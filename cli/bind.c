/* SPDX-License-Identifier: BSD-2-Clause */
/* `umdev bind` and `umdev unbind`: their arguments. */
#include "bind.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void bind_help(FILE *to)
{
	fputs("Usage: umdev bind BDF [--user USER] [--force] [--json]\n"
	      "\n"
	      "Gives a PCI device of this machine to an ordinary user: takes it from its host\n"
	      "driver, binds it to vfio-pci (which is loaded if need be), resets it, and makes the\n"
	      "user the owner of the nodes by which programs open it. Takes root. What fails on\n"
	      "the way is undone.\n"
	      "\n"
	      "BDF is the device's address, as lspci shows it: 01:00.0, or 0000:01:00.0.\n"
	      "\n"
	      "A device that the host uses is refused: with a disk that is mounted or otherwise in\n"
	      "use, a network interface that is up, virtual functions; the display that the\n"
	      "machine booted with; a bridge. Devices of its IOMMU group that other drivers have\n"
	      "keep it from being opened; they are named, with what to do.\n"
	      "\n"
	      "Options:\n"
	      "  -u, --user USER  Whose it will be: a name or a number (default: who ran sudo;\n"
	      "                   otherwise the nodes are left as they are)\n"
	      "  -f, --force      Take it although it is in use\n"
	      "  -j, --json       Print what was done as JSON\n"
	      "  -h, --help       This text\n"
	      "\n"
	      "Examples:\n"
	      "  sudo umdev bind 01:00.0\n"
	      "  umdev probe pci:0000:01:00.0\n"
	      "  sudo umdev unbind 01:00.0\n"
	      "\n"
	      "Exit status: 0 it is bound, 1 it is not, 2 not understood.\n",
	      to);
}

static void unbind_help(FILE *to)
{
	fputs("Usage: umdev unbind BDF [--force] [--json]\n"
	      "\n"
	      "Gives a PCI device back to the host: takes its nodes from their owner, unbinds it\n"
	      "from vfio-pci, resets it, and has the host's driver take it.\n"
	      "\n"
	      "A device that a program has open is refused: vfio-pci waits until it is closed.\n"
	      "\n"
	      "Options:\n"
	      "  -f, --force  Ask the program for it, and wait until it closes it\n"
	      "  -j, --json   Print what was done as JSON\n"
	      "  -h, --help   This text\n"
	      "\n"
	      "Examples:\n"
	      "  sudo umdev unbind 01:00.0\n"
	      "\n"
	      "Exit status: 0 it is the host's, 1 it is not, 2 not understood.\n",
	      to);
}

/* Beyond a char, and not in the help: where to find what is elsewhere in a test. */
enum { SYSFS = 256, DEV, PROC, MODPROBE };

static const struct option long_options[] = {
	{"user", required_argument, NULL, 'u'},
	{"force", no_argument, NULL, 'f'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"sysfs", required_argument, NULL, SYSFS},
	{"dev", required_argument, NULL, DEV},
	{"proc", required_argument, NULL, PROC},
	{"modprobe", required_argument, NULL, MODPROBE},
	{NULL, 0, NULL, 0},
};

static bool take_root(int option, struct bind_roots *roots)
{
	switch (option) {
	case SYSFS:
		roots->sysfs = optarg;
		return true;
	case DEV:
		roots->dev = optarg;
		return true;
	case PROC:
		roots->proc = optarg;
		return true;
	case MODPROBE:
		roots->modprobe = optarg;
		return true;
	default:
		return false;
	}
}

static int parse_options(int argc, char **argv, const char *verb, struct bind_job *job,
			 bool *ret_help)
{
	bool has_user = !strcmp(verb, " bind");
	int option;

	while ((option = getopt_long(argc, argv, has_user ? "u:fjh" : "fjh", long_options, NULL)) !=
	       -1) {
		if (option == 'u' && has_user)
			job->user = optarg;
		else if (option == 'f')
			job->force = true;
		else if (option == 'j')
			job->json = true;
		else if (option == 'h')
			*ret_help = true;
		else if (!take_root(option, &job->roots))
			return cli_misuse(verb, "the arguments are not understood");
	}
	return CLI_OK;
}

static int parse(int argc, char **argv, const char *verb, struct bind_job *job, bool *ret_help)
{
	int status = parse_options(argc, argv, verb, job, ret_help);

	if (status || *ret_help)
		return status;
	if (optind + 1 != argc)
		return cli_misuse(verb, "one device is needed, such as 0000:01:00.0");
	if (bind_parse_address(argv[optind], job->address, sizeof(job->address)))
		return cli_misuse(verb, "'%s' is no address of a PCI device, such as 0000:01:00.0",
				  argv[optind]);
	return CLI_OK;
}

/* Runs a verb: `act` once the arguments are understood. */
static int run(int argc, char **argv, const struct cli_verb *verb, int (*act)(struct bind_job *job))
{
	static struct bind_job job = {.roots = {"/sys", "/dev", "/proc", "modprobe"}, .reset = 1};
	bool help = false;
	char name[16];
	int status;

	snprintf(name, sizeof(name), " %s", verb->name);
	status = parse(argc, argv, name, &job, &help);
	if (status)
		return status;
	if (help) {
		verb->help(stdout);
		return CLI_OK;
	}
	return act(&job);
}

static int run_bind(struct bind_job *job)
{
	if (!job->user)
		job->user = getenv("SUDO_USER");
	return bind_run(job);
}

static int bind_main(int argc, char **argv)
{
	return run(argc, argv, &cli_bind_verb, run_bind);
}

static int unbind_main(int argc, char **argv)
{
	return run(argc, argv, &cli_unbind_verb, unbind_run);
}

const struct cli_verb cli_bind_verb = {
	.name = "bind",
	.summary = "Give a device of this machine to a user",
	.help = bind_help,
	.run = bind_main,
};

const struct cli_verb cli_unbind_verb = {
	.name = "unbind",
	.summary = "Give it back to the host",
	.help = unbind_help,
	.run = unbind_main,
};
