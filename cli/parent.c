/* SPDX-License-Identifier: BSD-2-Clause */
/* `umdev parent`: its arguments. */
#include "parent.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "numbers.h"

#define VERB	    " parent"
#define KIND	    "dsa"
#define WORKERS_MAX 64
#define SHARED_MAX  64
#define WEIGHT_MAX  1000
#define QUEUES_MAX  64
#define VECTORS_MAX 256

enum { LISTEN = 256, STATUS, WORKERS, SHARED, WEIGHT, QUEUES, VECTORS, MAX_MAPPED };

static const struct option long_options[] = {
	{"listen", required_argument, NULL, LISTEN},
	{"status", required_argument, NULL, STATUS},
	{"workers", required_argument, NULL, WORKERS},
	{"shared-queues", required_argument, NULL, SHARED},
	{"weight", required_argument, NULL, WEIGHT},
	{"queues", required_argument, NULL, QUEUES},
	{"vectors", required_argument, NULL, VECTORS},
	{"max-mapped", required_argument, NULL, MAX_MAPPED},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* What is given for one owner, or for each; kept until all owners are known. */
struct asked {
	bool help;
	const char **weights; /* "OWNER=N" */
	size_t weight_count;
	long queues, vectors;
	uint64_t max_mapped;
};

/* "NUMBER" and the separator behind it. NULL: it is none; otherwise what follows. */
static const char *parse_owner(const char *text, char separator, uint32_t *ret)
{
	const char *behind = strchr(text, separator);
	char number[16];
	long value;

	if (!behind || behind == text || (size_t)(behind - text) >= sizeof(number) || !behind[1])
		return NULL;

	memcpy(number, text, (size_t)(behind - text));
	number[behind - text] = '\0';
	if (!cli_parse_number(number, UINT32_MAX - 1L, &value))
		return NULL;
	*ret = (uint32_t)value;
	return behind + 1;
}

static struct parent_owner *find_owner(const struct parent *parent, uint32_t owner)
{
	for (size_t i = 0; i < parent->owner_count; i++) {
		if (parent->owners[i].owner.owner == owner)
			return &parent->owners[i];
	}
	return NULL;
}

static int add_owner(struct parent *parent, const char *text)
{
	struct parent_owner *place = &parent->owners[parent->owner_count];
	uint32_t owner;
	const char *path = parse_owner(text, ':', &owner);

	if (!path)
		return cli_misuse(VERB, "--listen wants OWNER:PATH, such as 7:/tmp/s, not '%s'",
				  text);
	if (find_owner(parent, owner))
		return cli_misuse(VERB, "owner %u is given twice", owner);

	*place = (struct parent_owner){{.size = sizeof(place->owner), .owner = owner}, path};
	parent->owner_count++;
	return CLI_OK;
}

static int parse_count(const char *option, const char *text, long max, long *ret)
{
	if (!cli_parse_number(text, max, ret) || !*ret)
		return cli_misuse(VERB, "--%s wants a number, 1 to %ld, not '%s'", option, max,
				  text);
	return CLI_OK;
}

static int parse_unsigned(const char *option, const char *text, long max, unsigned int *ret)
{
	long value;
	int status = parse_count(option, text, max, &value);

	if (status == CLI_OK)
		*ret = (unsigned int)value;
	return status;
}

static int parse_max_mapped(const char *text, uint64_t *ret)
{
	if (!cli_parse_size(text, ret) || *ret < 4096)
		return cli_misuse(VERB, "--max-mapped wants a size, such as 2G, not '%s'", text);
	return CLI_OK;
}

static int take(int option, struct parent *parent, struct asked *asked)
{
	switch (option) {
	case LISTEN:
		return add_owner(parent, optarg);
	case STATUS:
		parent->status_path = optarg;
		return CLI_OK;
	case WORKERS:
		return parse_unsigned("workers", optarg, WORKERS_MAX, &parent->workers);
	case SHARED:
		return parse_unsigned("shared-queues", optarg, SHARED_MAX, &parent->shared_queues);
	case WEIGHT:
		asked->weights[asked->weight_count++] = optarg;
		return CLI_OK;
	case QUEUES:
		return parse_count("queues", optarg, QUEUES_MAX, &asked->queues);
	case VECTORS:
		return parse_count("vectors", optarg, VECTORS_MAX, &asked->vectors);
	case MAX_MAPPED:
		return parse_max_mapped(optarg, &asked->max_mapped);
	case 'h':
		asked->help = true;
		return CLI_OK;
	default:
		return cli_misuse(VERB, "the arguments are not understood");
	}
}

static int give_weight(struct parent *parent, const char *text)
{
	struct parent_owner *place;
	uint32_t owner;
	const char *number = parse_owner(text, '=', &owner);

	if (!number)
		return cli_misuse(VERB, "--weight wants OWNER=N, such as 7=2, not '%s'", text);
	place = find_owner(parent, owner);
	if (!place)
		return cli_misuse(VERB, "--weight %s: nothing listens for owner %u", text, owner);
	return parse_unsigned("weight", number, WEIGHT_MAX, &place->owner.max_weight);
}

static int give_all(struct parent *parent, const struct asked *asked)
{
	int status = CLI_OK;

	for (size_t i = 0; i < parent->owner_count; i++) {
		parent->owners[i].owner.queues = (uint32_t)asked->queues;
		parent->owners[i].owner.vectors = (uint32_t)asked->vectors;
		parent->owners[i].owner.max_mapped_bytes = asked->max_mapped;
	}
	for (size_t i = 0; i < asked->weight_count && status == CLI_OK; i++)
		status = give_weight(parent, asked->weights[i]);
	return status;
}

static int check_kind(int argc, char **argv)
{
	struct cli_guess guess = {.given = argv[optind]};

	if (optind == argc)
		return cli_misuse(VERB, "which kind of parent? There is one, " KIND);
	if (optind + 1 < argc)
		return cli_misuse(VERB, "one kind of parent at a time: '%s'", argv[optind + 1]);
	if (strcmp(argv[optind], KIND) == 0)
		return CLI_OK;
	cli_guess_try(&guess, KIND);
	return cli_unknown(VERB, "kind of parent", &guess);
}

static int act(int argc, char **argv, struct parent *parent, struct asked *asked)
{
	int option, status = CLI_OK;

	while (status == CLI_OK &&
	       (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1)
		status = take(option, parent, asked);
	if (status == CLI_OK && asked->help) {
		parent_help(stdout);
		return CLI_OK;
	}
	if (status == CLI_OK)
		status = check_kind(argc, argv);
	if (status == CLI_OK)
		status = give_all(parent, asked);
	if (status == CLI_OK && !parent->owner_count)
		status = cli_misuse(VERB, "at least one --listen OWNER:PATH is needed");
	return status == CLI_OK ? parent_run(parent) : status;
}

static int run(int argc, char **argv)
{
	struct parent parent = {.owners = calloc((size_t)argc, sizeof(*parent.owners))};
	struct asked asked = {.weights = calloc((size_t)argc, sizeof(*asked.weights))};
	int status;

	if (parent.owners && asked.weights)
		status = act(argc, argv, &parent, &asked);
	else
		status = cli_fail("out of memory");
	free(asked.weights);
	free(parent.owners);
	return status;
}

const struct cli_verb cli_parent_verb = {
	.name = "parent",
	.summary = "Share an engine out to devices and programs",
	.help = parent_help,
	.run = run,
};
