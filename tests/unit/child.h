/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios in a process of their own, for what must not be done in the test's: signal handlers
 * that are installed once (cmocka's come and go with each test), namespaces, filters, death. The
 * child ends with 0 where all was well.
 */
#ifndef CHILD_H
#define CHILD_H

#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define CHILD_FAILED  1
#define CHILD_SKIPPED 77

/* In a child no longjmp() leads back to cmocka. */
static inline void child_expect_at(bool good, const char *file, int line, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	_exit(CHILD_FAILED);
}
#define EXPECT(condition) child_expect_at(condition, __FILE__, __LINE__, #condition)

static inline void child_skip(const char *reason)
{
	fprintf(stderr, "skipped, %s: %s\n", reason, strerror(errno));
	_exit(CHILD_SKIPPED);
}

static inline int child_run(void (*scenario)(void))
{
	static const struct rlimit no_core;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		scenario();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static inline void child_expect_success(void (*scenario)(void))
{
	int status = child_run(scenario);

	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIPPED)
		skip();
	assert_int_equal(status, 0);
}

static inline void child_expect_death(void (*scenario)(void), int sig)
{
	int status = child_run(scenario);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), sig);
}

/* A file on a tmpfs of the child's own that has room for 32 KiB. */
static inline int child_open_small_file(void)
{
	char name[] = "/tmp/small-XXXXXX";
	int namespaces = geteuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS;
	int fd = -1;

	EXPECT(mkdtemp(name) != NULL);
	if (unshare(namespaces) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", name, "tmpfs", 0, "size=32k") == 0) {
		fd = open(name, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		umount2(name, MNT_DETACH);
	}
	rmdir(name);
	if (fd < 0)
		child_skip("no tmpfs of our own");
	return fd;
}

#endif
