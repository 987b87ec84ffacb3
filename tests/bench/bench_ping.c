// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device whose interrupt is measured alone. It answers each ping, which is an eventfd's count
 * of one, with a trigger of MSI-X vector 0, and waits for the next ping in read(), as the floor's
 * process does: what differs is the signal. Another count takes it back to the loop.
 *
 * usage: bench_ping SOCKET_PATH trigger|store
 *
 * trigger: umd_device_trigger(). store: umd_ims_trigger() of the entry that is behind the vector.
 *
 * BAR0, 4 KiB: 0xc00 the doorbell whose ioeventfd takes the pings.
 * BAR1, 4 KiB: the MSI-X table and its pending bits.
 */
#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <umdev/ims.h>

#define SIZE	     4096
#define DOORBELL     0xc00
#define PENDING_BITS 0x800
#define VECTOR	     0

#define ENTRIES 64 /* of the store */
#define OWNER	5

struct ping {
	struct umd_device *device;
	struct umd_watch *watch;
	struct umd_ims *store;
	struct umd_ims_domain *domain;
	umd_ims_handle entry;
	int eventfd;
};

static int await_ping(const struct ping *ping)
{
	uint64_t count;

	return read(ping->eventfd, &count, sizeof(count)) == sizeof(count) && count == 1;
}

/*
 * The first ping has arrived: the rest is for read(). The watch must go, or each ping would enter
 * the eventfd in the loop's ready list besides.
 */
static void begin(struct ping *ping)
{
	umd_watch_destroy(ping->watch);
	ping->watch = NULL;
}

static void answer_by_vector(void *data, uint32_t events)
{
	struct ping *ping = data;

	for (begin(ping); await_ping(ping);)
		umd_device_trigger(ping->device, UMD_IRQ_MSIX, VECTOR);
}

static void answer_by_entry(void *data, uint32_t events)
{
	struct ping *ping = data;

	for (begin(ping); await_ping(ping);)
		umd_ims_trigger(ping->store, ping->entry, OWNER);
}

static int add_parts(struct ping *ping)
{
	const struct umd_region bar = {.size = SIZE};
	const struct umd_msix msix = {
		.vectors = 1, .table_bar = 1, .pba_bar = 1, .pba_offset = PENDING_BITS};

	umd_device_add_bar(ping->device, 0, &bar);
	umd_device_add_bar(ping->device, 1, &bar);
	umd_device_add_msix(ping->device, &msix);
	umd_device_add_ioeventfd(ping->device, 0, DOORBELL, 4, 0, 0, ping->eventfd);
	return umd_device_realize(ping->device, NULL);
}

static int make_device(struct ping *ping, umd_watch_fn *answer)
{
	const struct umd_device_info info = {
		.size = sizeof(info),
		.name = "ping",
		.vendor = 0x1b36,
		.device = 0x0005,
		.class_code = 0xff0000,
	};
	int r;

	ping->eventfd = eventfd(0, EFD_CLOEXEC);
	if (ping->eventfd < 0)
		return -errno;
	r = umd_device_create(&info, &ping->device);
	if (!r)
		r = add_parts(ping);
	if (!r)
		r = umd_watch_fd(ping->device, ping->eventfd, EPOLLIN | EPOLLET, answer, ping,
				 &ping->watch);
	return r;
}

/* Puts an entry of a store behind the vector. */
static int back_vector(struct ping *ping)
{
	const struct umd_ims_options options = {.size = sizeof(options), .entries = ENTRIES};
	const struct umd_ims_domain_options share = {
		.size = sizeof(share), .owner = OWNER, .vectors = 1};
	int r = umd_ims_create(&options, &ping->store);

	if (!r)
		r = umd_ims_domain_create(ping->store, &share, &ping->domain, NULL);
	if (!r)
		r = umd_ims_alloc(ping->domain, &ping->entry);
	return r ? r : umd_device_back_vector(ping->device, VECTOR, ping->domain, ping->entry);
}

static void destroy(struct ping *ping)
{
	umd_watch_destroy(ping->watch);
	umd_device_destroy(ping->device);
	umd_ims_domain_destroy(ping->domain);
	umd_ims_destroy(ping->store);
	close(ping->eventfd);
}

int main(int argc, char **argv)
{
	static struct ping ping;
	int stored = argc == 3 && !strcmp(argv[2], "store"), r;

	if (argc != 3 || (!stored && strcmp(argv[2], "trigger") != 0))
		return 2;
	r = make_device(&ping, stored ? answer_by_entry : answer_by_vector);
	if (!r && stored)
		r = back_vector(&ping);
	if (!r)
		r = bench_serve(ping.device, argv[1]);
	if (r)
		fprintf(stderr, "bench_ping: %s\n", strerror(-r));
	destroy(&ping);
	return r ? 1 : 0;
}
