/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps memory for the device of examples/copier_device.c in a guest, and takes it away again, page
 * by page through the guest kernel's vfio-pci and IOMMU; meanwhile the device copies. It calls the
 * kernel itself: what it is about are unmaps that end many maps, which the driver library has not.
 *
 *   guest-dma ADDRESS CYCLES COPIES SEED   (ADDRESS as in sysfs: 0000:01:00.0)
 *
 * Some hundred maps stand at a time, of up to 32 pages in a row. CYCLES maps are made and ended in
 * all, and COPIES copies between them compared with what they should give; the device also has to
 * refuse what was mapped a moment ago. Exit status 0 when all went as it should; 1 otherwise, with
 * the reason on stderr. Nothing waits for ever.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "guest_copier.h"
#include "guest_device.h"
#include "guest_runs.h"

#define TIME_LIMIT    400 /* seconds, whatever happens */
#define CHECKED_EVERY 8	  /* one in so many refusals is looked at closely, or provoked at all */
#define ALL_EVERY     500 /* one in so many steps ends all maps */
#define LONG_EVERY    8	  /* one in so many copies is as long as can be */
#define REPORTS	      10

struct job {
	struct guest_device device;
	struct guest_runs runs;
	size_t cycles, copies;	/* to do */
	size_t copied, refused; /* done */
	double copying;		/* seconds */
	double start;
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const struct job *job)
{
	printf("%zu maps, %zu at most, ended by %zu calls; %zu copies, %zu refused; "
	       "%.1f s, %.1f of them copying\n",
	       job->runs.maps, job->runs.most_standing, job->runs.unmaps, job->copied, job->refused,
	       seconds_now() - job->start, job->copying);
	fflush(stdout);
}

static int copy(struct job *job, uint64_t from, uint64_t to, size_t size)
{
	double start = seconds_now();
	int status = guest_copy(&job->device, from, to, (uint32_t)size);

	job->copying += seconds_now() - start;
	return status;
}

/* A run that is mapped: the first behind some place. NULL: there is none. */
static struct guest_run *find_mapped(struct guest_runs *runs)
{
	size_t start = guest_random(runs, GUEST_RUNS);

	for (size_t i = 0; i < GUEST_RUNS; i++) {
		struct guest_run *run = &runs->run[(start + i) % GUEST_RUNS];

		if (run->pages)
			return run;
	}
	return NULL;
}

/* ---- Copies -------------------------------------------------------------------------------- */

/* What is copied: offsets in two runs, and a size, in bytes. */
struct part {
	size_t from, to, size;
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Anywhere in the two runs; some copies are as long as can be. */
static struct part choose_part(struct job *job, const struct guest_run *from,
			       const struct guest_run *to)
{
	bool is_long = !guest_random(&job->runs, LONG_EVERY);
	size_t from_bytes = from->pages * GUEST_PAGE, to_bytes = to->pages * GUEST_PAGE, most;
	struct part part;

	part.from = guest_random(&job->runs, is_long ? GUEST_PAGE : from_bytes);
	part.to = guest_random(&job->runs, is_long ? GUEST_PAGE : to_bytes);
	most = least(least(from_bytes - part.from, to_bytes - part.to), GUEST_COPY_MAX);
	part.size = is_long ? most : 1 + guest_random(&job->runs, most);
	return part;
}

static int copy_and_check(struct job *job, struct guest_run *from, struct guest_run *to)
{
	struct part part = choose_part(job, from, to);
	int status;

	guest_run_fill(&job->runs, from, part.from, part.size);
	guest_run_expect_copy(&job->runs, from, part.from, to, part.to, part.size);
	status = copy(job, from->iova + part.from, to->iova + part.to, part.size);

	errno = status > 0 ? status : 0;
	if (status)
		return guest_problem("a copy of %zu bytes failed", part.size);
	job->copied++;
	return guest_run_check(&job->runs, to);
}

/* As many copies as are due after so many cycles. */
static int copy_what_is_due(struct job *job)
{
	size_t due = job->copies * job->runs.maps / job->cycles;

	while (job->copied < due) {
		struct guest_run *from = find_mapped(&job->runs), *to = find_mapped(&job->runs);

		if (!from || !to)
			break;
		if (copy_and_check(job, from, to) < 0)
			return -1;
	}
	return 0;
}

/* ---- What the device must refuse ------------------------------------------------------------ */

static int check_refused(struct job *job, uint64_t from, uint64_t to, size_t size)
{
	int status = copy(job, from, to, size);

	errno = status > 0 ? status : 0;
	if (status != EFAULT)
		return guest_problem("a copy from %#llx to %#llx was not refused",
				     (unsigned long long)from, (unsigned long long)to);
	job->refused++;
	return 0;
}

/* Neither run changes, whatever was copied between them before: what they contain is new. */
static int check_nothing_changes(struct job *job, struct guest_run *gone, uint64_t gone_iova,
				 struct guest_run *other)
{
	guest_run_fill(&job->runs, gone, 0, GUEST_RUN_PAGES * GUEST_PAGE);
	guest_run_fill(&job->runs, other, 0, GUEST_PAGE);
	if (check_refused(job, gone_iova, other->iova, GUEST_PAGE) < 0 ||
	    check_refused(job, other->iova, gone_iova, GUEST_PAGE) < 0)
		return -1;
	return guest_run_check(&job->runs, gone) < 0 ? -1 : guest_run_check(&job->runs, other);
}

/* The run had so many pages. */
static int check_gone(struct job *job, struct guest_run *gone, size_t pages)
{
	struct guest_run *other = find_mapped(&job->runs);
	uint64_t iova = gone->iova + guest_random(&job->runs, pages) * GUEST_PAGE;

	if (!other)
		return 0;
	if (guest_random(&job->runs, CHECKED_EVERY))
		return check_refused(job, iova, other->iova, GUEST_PAGE);
	return check_nothing_changes(job, gone, iova, other);
}

/* From the last byte that is mapped to the first that is not. */
static int check_end(struct job *job, const struct guest_run *run)
{
	struct guest_run *other = find_mapped(&job->runs);

	if (check_refused(job, run->iova + run->pages * GUEST_PAGE - 1, other->iova, 2) < 0)
		return -1;
	return guest_run_check(&job->runs, other);
}

/* ---- The job ------------------------------------------------------------------------------- */

static int map(struct job *job, struct guest_run *run)
{
	if (guest_run_map(&job->runs, run, job->cycles - job->runs.maps) < 0)
		return -1;
	return guest_random(&job->runs, CHECKED_EVERY) ? 0 : check_end(job, run);
}

static int unmap(struct job *job, struct guest_run *run)
{
	size_t pages = run->pages;

	if (guest_run_unmap(&job->runs, run) < 0)
		return -1;
	return check_gone(job, run, pages);
}

static int step(struct job *job)
{
	struct guest_run *run = &job->runs.run[guest_random(&job->runs, GUEST_RUNS)];

	if (!guest_random(&job->runs, ALL_EVERY))
		return guest_runs_unmap_all(&job->runs);
	if ((run->pages ? unmap(job, run) : map(job, run)) < 0)
		return -1;
	return copy_what_is_due(job);
}

static int end_all(struct job *job)
{
	if (guest_runs_unmap_all(&job->runs) < 0)
		return -1;
	for (size_t i = 0; i < GUEST_RUNS; i++)
		if (guest_run_check(&job->runs, &job->runs.run[i]) < 0)
			return -1;
	return 0;
}

static int work(struct job *job)
{
	size_t reports = 0;

	job->start = seconds_now();
	while (job->runs.maps < job->cycles) {
		if (step(job) < 0)
			return -1;
		if (job->runs.maps * REPORTS / job->cycles > reports) {
			reports++;
			report(job);
		}
	}
	if (end_all(job) < 0)
		return -1;
	report(job);
	return 0;
}

static int drive(struct job *job, const char *address, uint64_t seed)
{
	int result = guest_device_open(&job->device, address);

	if (!result)
		result = guest_runs_init(&job->runs, job->device.container, seed);
	if (!result)
		result = work(job);
	guest_device_close(&job->device);
	guest_runs_finish(&job->runs);
	return result;
}

static unsigned int number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 0);
}

int main(int argc, char **argv)
{
	struct job job = {.cycles = argc == 5 ? number(argv[2]) : 0};

	if (!job.cycles || !number(argv[4])) {
		fprintf(stderr, "usage: guest-dma ADDRESS CYCLES COPIES SEED\n");
		return 2;
	}
	job.copies = number(argv[3]);
	alarm(TIME_LIMIT);
	return drive(&job, argv[1], number(argv[4])) < 0;
}
