/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs tests one by one and reports in TAP (testanything.org). */
#include "harness.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum outcome { PASSED, FAILED, SKIPPED };

static struct {
	jmp_buf out; /* of the test that runs */
	char reason[256];
	uint64_t random;
} state;

void harness_fail(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	size_t length;
	va_list arguments;

	length = (size_t)snprintf(state.reason, sizeof(state.reason),
				  "%s:%d: ", name ? name + 1 : file, line);
	va_start(arguments, format);
	vsnprintf(state.reason + length, sizeof(state.reason) - length, format, arguments);
	va_end(arguments);
	longjmp(state.out, FAILED);
}

void harness_skip(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(state.reason, sizeof(state.reason), format, arguments);
	va_end(arguments);
	longjmp(state.out, SKIPPED);
}

/* "-22 (Invalid argument)" */
static const char *describe(char *buffer, size_t size, long long value)
{
	if (value < 0 && value > -4096)
		snprintf(buffer, size, "%lld (%s)", value, strerror((int)-value));
	else
		snprintf(buffer, size, "%lld", value);
	return buffer;
}

void harness_check(const char *file, int line, const char *what, long long is, long long expected)
{
	char is_text[80], expected_text[80];

	if (is == expected)
		return;
	harness_fail(file, line, "%s is %s, not %s", what, describe(is_text, sizeof(is_text), is),
		     describe(expected_text, sizeof(expected_text), expected));
}

static enum outcome run(const struct harness *harness, const struct harness_test *test)
{
	int outcome = setjmp(state.out);

	if (outcome)
		return (enum outcome)outcome;
	state.random = 1;
	if (harness->begin)
		harness->begin(harness->context);
	test->run(harness->context, test->argument);
	return PASSED;
}

/* Ending can fail, too: a test that failed before stays as it is. */
static enum outcome finish(const struct harness *harness, enum outcome before)
{
	int outcome = setjmp(state.out);

	if (outcome)
		return FAILED;
	if (harness->end && before == PASSED) {
		harness->end(harness->context);
	} else if (harness->end) {
		char reason[sizeof(state.reason)];

		memcpy(reason, state.reason, sizeof(reason));
		harness->end(harness->context);
		memcpy(state.reason, reason, sizeof(reason));
	}
	return before;
}

static void report(unsigned int number, const char *name, enum outcome outcome, int64_t ms)
{
	printf("%s %u - %s%s%s\n", outcome == FAILED ? "not ok" : "ok", number, name,
	       outcome == SKIPPED ? " # SKIP " : "", outcome == SKIPPED ? state.reason : "");
	if (outcome == FAILED)
		printf("# %s\n", state.reason);
	if (ms > 1000)
		printf("# took %lld ms\n", (long long)ms);
	fflush(stdout);
}

int harness_run(const struct harness *harness, const struct harness_test *const *tables)
{
	unsigned int counts[3] = {0}, number = 0;

	for (; *tables; tables++) {
		for (const struct harness_test *test = *tables; test->name; test++) {
			int64_t start = harness_ms();
			enum outcome outcome = finish(harness, run(harness, test));

			report(++number, test->name, outcome, harness_ms() - start);
			counts[outcome]++;
		}
	}
	printf("1..%u\n# %u ran, %u skipped, %u failed\n", number, counts[PASSED] + counts[FAILED],
	       counts[SKIPPED], counts[FAILED]);
	return counts[FAILED] ? 1 : 0;
}

unsigned int harness_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	if (!dir)
		harness_fail(__FILE__, __LINE__, "/proc/self/fd cannot be read");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

int64_t harness_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void harness_sleep_us(unsigned int us)
{
	nanosleep(
		&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000},
		NULL);
}

/* xorshift64* */
uint32_t harness_random(uint32_t below)
{
	state.random ^= state.random >> 12;
	state.random ^= state.random << 25;
	state.random ^= state.random >> 27;
	return (uint32_t)((state.random * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % below;
}

void harness_fill(void *to, size_t bytes)
{
	uint8_t *at = to;

	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)harness_random(256);
}
