/* SPDX-License-Identifier: BSD-2-Clause */
/* What `umdev parent` tells about itself. */
#include "parent.h"

void parent_help(FILE *to)
{
	fputs("Usage: umdev parent dsa --listen OWNER:PATH... [OPTIONS]\n"
	      "\n"
	      "Runs an engine that does the work of an Intel DSA, and shares it out: each owner has a\n"
	      "socket, and who connects there is that owner, one at a time. Slices (umdev serve\n"
	      "dsa-1dwq-v1 -o parent=PATH) and programs (examples/dsa_copy.c) connect alike. What\n"
	      "one owner maps, submits and is interrupted by is out of the others' reach.\n"
	      "It stays in the foreground, until SIGTERM or SIGINT, and says on stderr when it is\n"
	      "ready.\n"
	      "\n"
	      "  --listen OWNER:PATH   Listen on a new Unix socket for the owner of that number; the\n"
	      "                        socket is removed in the end. May be given more than once\n"
	      "  --weight OWNER=N      The owner's share while others are busy, too. Default: 1\n"
	      "  --workers N           Threads. Default: one for each processor, at most 8\n"
	      "  --queues N            So many queues for each owner. Default: 1\n"
	      "  --vectors N           So many interrupts for each owner. Default: 1\n"
	      "  --shared-queues N     Queues that owners share, numbered from 1. Default: none\n"
	      "  --max-mapped SIZE     Let an owner map so much memory and no more: bytes, or with K,\n"
	      "                        M, G or T; a VM maps all of its memory\n"
	      "  --status PATH         Listen on a new Unix socket that tells what each owner has had:\n"
	      "                        who connects gets one JSON object\n"
	      "  -h, --help            This text\n"
	      "\n"
	      "Examples:\n"
	      "  umdev parent dsa --listen 1:/tmp/dsa-1 --listen 2:/tmp/dsa-2 --status /tmp/dsa &\n"
	      "  umdev serve dsa-1dwq-v1 --socket-path /tmp/vm.sock -o parent=/tmp/dsa-1 &\n"
	      "  dsa_copy /tmp/dsa-2\n"
	      "  socat - UNIX-CONNECT:/tmp/dsa\n",
	      to);
}
