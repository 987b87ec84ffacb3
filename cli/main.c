/* SPDX-License-Identifier: BSD-2-Clause */
/* umdev: finds the verb and runs it. */
#include "cli.h"

#include <stdbool.h>
#include <string.h>

static const struct cli_verb *const verbs[] = {
	&cli_serve_verb, &cli_parent_verb, &cli_probe_verb, &cli_bind_verb, &cli_unbind_verb,
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void help(FILE *to)
{
	fputs("Usage: umdev VERB [ARGUMENTS]\n"
	      "\n"
	      "PCI devices emulated in user space, served over vfio-user.\n"
	      "\n"
	      "Verbs:\n",
	      to);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-8s  %s\n", verbs[i]->name, verbs[i]->summary);
	fputs("  help      Explain a verb: umdev help serve\n"
	      "\n"
	      "Options:\n"
	      "  -h, --help     This text; after a verb, the verb's\n"
	      "  -V, --version  The version\n"
	      "\n"
	      "Examples:\n"
	      "  Serve a serial port, see what it is, give it to a virtual machine:\n"
	      "    umdev serve serial --socket-path /run/user/1000/serial.sock &\n"
	      "    umdev probe vfio-user:/run/user/1000/serial.sock\n"
	      "    qemu-system-x86_64 -m 1G \\\n"
	      "      -object memory-backend-memfd,id=mem,size=1G,share=on \\\n"
	      "      -machine q35,memory-backend=mem \\\n"
	      "      -device '{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\n"
	      "                \"path\":\"/run/user/1000/serial.sock\"}}' ...\n"
	      "\n"
	      "Exit status: 0 done, 1 failed, 2 not understood. More in umdev(1).\n",
	      to);
}

static const struct cli_verb *find_verb(const char *name, struct cli_guess *guess)
{
	*guess = (struct cli_guess){.given = name};
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(name, verbs[i]->name) == 0)
			return verbs[i];
		cli_guess_try(guess, verbs[i]->name);
	}
	cli_guess_try(guess, "help");
	return NULL;
}

static int explain(const char *name)
{
	const struct cli_verb *verb;
	struct cli_guess guess;

	if (!name) {
		help(stdout);
		return CLI_OK;
	}

	verb = find_verb(name, &guess);
	if (!verb)
		return cli_unknown("", "verb", &guess);
	verb->help(stdout);
	return CLI_OK;
}

static bool is(const char *argument, const char *either, const char * or)
{
	return strcmp(argument, either) == 0 || strcmp(argument, or) == 0;
}

static int run_verb(int argc, char **argv)
{
	const struct cli_verb *verb;
	struct cli_guess guess;
	static char name[32]; /* outlives the call: argv leads to it */

	verb = find_verb(argv[1], &guess);
	if (!verb)
		return cli_unknown("", argv[1][0] == '-' ? "option" : "verb", &guess);

	snprintf(name, sizeof(name), "umdev %s", verb->name);
	argv[1] = name; /* what getopt_long() begins its messages with */
	return verb->run(argc - 1, argv + 1);
}

static int run(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return CLI_USAGE;
	}
	if (is(argv[1], "-h", "--help"))
		return explain(NULL);
	if (strcmp(argv[1], "help") == 0)
		return explain(argv[2]);
	if (is(argv[1], "-V", "--version")) {
		puts("umdev " UMDEV_VERSION);
		return CLI_OK;
	}
	return run_verb(argc, argv);
}

/* Data that could not be written is a failure, as on a full disk. */
int main(int argc, char **argv)
{
	int status = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_fail("writing to standard output failed");
	return status;
}
