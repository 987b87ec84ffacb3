/* SPDX-License-Identifier: BSD-2-Clause */
#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define STEP_MS 10 /* between two looks */

void bind_path(char *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(to, PATH_MAX, format, args);
	va_end(args);
}

int bind_read(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, to, size - 1);
	if (got < 0)
		got = -errno;
	close(fd);
	if (got < 0)
		return (int)got;

	to[got] = '\0';
	to[strcspn(to, "\n")] = '\0';
	return 0;
}

int bind_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t written;

	if (fd < 0)
		return -errno;
	written = write(fd, text, strlen(text));
	if (written < 0)
		written = -errno;
	close(fd);
	return written < 0 ? (int)written : 0;
}

int bind_read_link(const char *path, char *to, size_t size)
{
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	if (length < 0)
		return -errno;
	target[length] = '\0';
	slash = strrchr(target, '/');
	slash = slash ? slash + 1 : target;
	if (strlen(slash) >= size)
		return -ENAMETOOLONG;
	memcpy(to, slash, strlen(slash) + 1);
	return 0;
}

bool bind_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool bind_wait(bool (*met)(void *context), void *context, unsigned int ms)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};

	for (unsigned int waited = 0; waited < ms; waited += STEP_MS) {
		if (met(context))
			return true;
		nanosleep(&step, NULL);
	}
	return met(context);
}

int bind_program(const char *const *argv)
{
	int status, err;
	pid_t pid;

	err = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
