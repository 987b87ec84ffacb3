// SPDX-License-Identifier: BSD-2-Clause
/*
 * usage: bench_client CASE SOCKET_PATH MILLISECONDS
 *
 * Measures one case against a server and prints what came out as name=value. The cases `maps` and
 * `hold` print, and then stay connected until a line or the end arrives on the standard input.
 */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	void (*run)(struct client *client, unsigned int milliseconds);
} cases[] = {
	{"read", case_read},
	{"config", case_config},
	{"flight", case_flight},
	{"post", case_post},
	{"multi", case_multi},
	{"dma", case_dma},
	{"dma-used", case_dma_used},
	{"dma-held", case_dma_held},
	{"dma-deep", case_dma_deep},
	{"pull", case_pull},
	{"pull-twin", case_pull_twin},
	{"connect", case_connect},
	{"version", case_version},
	{"event", case_event},
	{"doorbell", case_doorbell},
	{"maps", case_maps},
	{"hold", case_hold},
	{"ping", case_ping},
	{"config-first", case_config_first},
	{"config-last", case_config_last},
};

void case_hold(struct client *client, unsigned int milliseconds)
{
	(void)milliseconds;
	client_open(client, client->path);
	client_enable(client);
	puts("held=1");
	fflush(stdout);
	getchar();
}

int main(int argc, char **argv)
{
	struct client client = {.fd = -1, .file = NO_FD};

	if (argc != 4)
		return 2;
	client.path = argv[2];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		cases[i].run(&client, (unsigned int)strtoul(argv[3], NULL, 10));
		return 0;
	}
	fprintf(stderr, "bench_client: no case %s\n", argv[1]);
	return 2;
}
