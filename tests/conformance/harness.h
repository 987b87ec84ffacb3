/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs tests one by one and reports in TAP. A test ends at its first failure, or where it says that
 * it has to be skipped; what it had set up then is left to the end of the process.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct harness_test {
	const char *name;
	void (*run)(void *context, unsigned int argument);
	unsigned int argument;
};

/* What is done around each test. */
struct harness {
	void *context;
	void (*begin)(void *context); /* may be NULL, and may skip */
	void (*end)(void *context);   /* also after a failure */
};

/* Tables are ended by NULL; a table's tests by a NULL name. Returns an exit status. */
int harness_run(const struct harness *harness, const struct harness_test *const *tables);

__attribute__((noreturn, format(printf, 3, 4))) void harness_fail(const char *file, int line,
								  const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void harness_skip(const char *format, ...);

#define check(condition) \
	((condition) ? (void)0 : harness_fail(__FILE__, __LINE__, "not so: %s", #condition))

/* That a call returns what it should, an errno or a number. */
#define check_is(call, expected) \
	harness_check(__FILE__, __LINE__, #call, (long long)(call), (long long)(expected))
#define must(call) check_is(call, 0)
void harness_check(const char *file, int line, const char *what, long long is, long long expected);

/* Open file descriptors of this process. */
unsigned int harness_fds(void);

int64_t harness_ms(void);
void harness_sleep_us(unsigned int us);

/* Numbers that are the same each time. */
uint32_t harness_random(uint32_t below);
void harness_fill(void *to, size_t bytes);

#endif
