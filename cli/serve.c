/* SPDX-License-Identifier: BSD-2-Clause */
/* `umdev serve`: its arguments. */
#include "serve.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "kinds.h"
#include "numbers.h"

enum { SOCKET_PATH = 256, FD, GRACE, MAX_MAPPED, PRINT_CAPABILITIES };

#define GRACE_MAX 86400 /* seconds: a day */

static const struct option long_options[] = {
	{"socket-path", required_argument, NULL, SOCKET_PATH},
	{"fd", required_argument, NULL, FD},
	{"grace", required_argument, NULL, GRACE},
	{"max-mapped", required_argument, NULL, MAX_MAPPED},
	{"option", required_argument, NULL, 'o'},
	{"print-capabilities", no_argument, NULL, PRINT_CAPABILITIES},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* What is asked for besides serving. */
struct asked {
	bool help, capabilities;
};

static int parse_fd(const char *text, int *ret)
{
	long value;

	if (!cli_parse_number(text, INT_MAX, &value))
		return cli_misuse(" serve", "--fd wants a number, not '%s'", text);
	if (fcntl((int)value, F_GETFD) < 0)
		return cli_fail("--fd %ld: not an open file descriptor", value);
	*ret = (int)value;
	return CLI_OK;
}

static int parse_grace(const char *text, unsigned int *ret)
{
	long value;

	if (!cli_parse_number(text, GRACE_MAX, &value))
		return cli_misuse(" serve", "--grace wants seconds, 0 to %d, not '%s'", GRACE_MAX,
				  text);
	*ret = (unsigned int)value;
	return CLI_OK;
}

static int parse_max_mapped(const char *text, uint64_t *ret)
{
	if (!cli_parse_size(text, ret) || *ret < 4096)
		return cli_misuse(" serve", "--max-mapped wants a size, such as 2G, not '%s'",
				  text);
	return CLI_OK;
}

static int parse_options(int argc, char **argv, struct serve *serve, struct asked *asked)
{
	int option, status = CLI_OK;

	while (status == CLI_OK &&
	       (option = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
		switch (option) {
		case SOCKET_PATH:
			serve->socket_path = optarg;
			break;
		case FD:
			status = parse_fd(optarg, &serve->fd);
			break;
		case GRACE:
			status = parse_grace(optarg, &serve->grace);
			break;
		case MAX_MAPPED:
			status = parse_max_mapped(optarg, &serve->max_mapped);
			break;
		case 'o':
			serve->options[serve->option_count++] = optarg;
			break;
		case PRINT_CAPABILITIES:
			asked->capabilities = true;
			break;
		case 'h':
			asked->help = true;
			break;
		default:
			return cli_misuse(" serve", "the arguments are not understood");
		}
	}
	return status;
}

static int find_kind(const char *name, struct serve *serve)
{
	struct cli_guess guess = {.given = name};

	serve->kind = cli_find_kind(name);
	if (serve->kind)
		return CLI_OK;

	for (size_t i = 0; cli_kinds[i]; i++)
		cli_guess_try(&guess, cli_kinds[i]->name);
	return cli_unknown(" serve", "kind of device", &guess);
}

/* Names are checked here, values by the kind. */
static int check_option(const struct serve *serve, const char *given)
{
	const struct umd_option *option = serve->kind->options;
	char verb[64], name[64];
	struct cli_guess guess = {.given = name};

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(given, "="), given);
	for (; option && option->name; option++) {
		if (strcmp(option->name, name) == 0)
			return CLI_OK;
		cli_guess_try(&guess, option->name);
	}
	snprintf(verb, sizeof(verb), " serve %s", serve->kind->name);
	return cli_unknown(verb, "option -o", &guess);
}

static int check(const struct serve *serve)
{
	if (serve->socket_path && serve->fd >= 0)
		return cli_misuse(" serve", "--socket-path and --fd exclude each other");
	if (!serve->socket_path && serve->fd < 0)
		return cli_misuse(" serve", "one of --socket-path and --fd is needed");

	for (size_t i = 0; i < serve->option_count; i++) {
		int status = check_option(serve, serve->options[i]);

		if (status)
			return status;
	}
	return CLI_OK;
}

static int tell(const struct serve *serve, const struct asked *asked)
{
	if (asked->capabilities)
		serve_print_capabilities(stdout, serve->kind);
	else if (serve->kind)
		serve_kind_help(stdout, serve->kind);
	else
		serve_help(stdout);
	return CLI_OK;
}

static int act(int argc, char **argv, struct serve *serve)
{
	struct asked asked = {0};
	int status = parse_options(argc, argv, serve, &asked);

	if (status == CLI_OK && optind < argc)
		status = find_kind(argv[optind++], serve);
	if (status)
		return status;
	if (optind < argc)
		return cli_misuse(" serve", "one kind of device at a time: '%s'", argv[optind]);
	if (asked.help || asked.capabilities)
		return tell(serve, &asked);
	if (!serve->kind && argc > 1)
		return cli_misuse(" serve", "which kind of device?");
	if (!serve->kind) {
		serve_list_kinds(stdout);
		return CLI_OK;
	}

	status = check(serve);
	return status ? status : serve_run(serve);
}

static int run(int argc, char **argv)
{
	struct serve serve = {.fd = -1};
	int status;

	serve.options = calloc((size_t)argc, sizeof(*serve.options));
	if (!serve.options)
		return cli_fail("out of memory");

	status = act(argc, argv, &serve);
	free(serve.options);
	return status;
}

const struct cli_verb cli_serve_verb = {
	.name = "serve",
	.summary = "Make a device and serve it on a socket",
	.help = serve_help,
	.run = run,
};
