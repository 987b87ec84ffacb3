/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person can say about a serial card, and what they are told when it makes no sense.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "serial/options.h"
#include "serial/serial.h"

#define MAX 6

static size_t count_strings(const char *const *strings)
{
	size_t count = 0;

	while (count < MAX && strings[count])
		count++;
	return count;
}

static void test_accepted(void **state)
{
	static const struct {
		const char *options[MAX];
		unsigned int ports;
		const char *backends[SERIAL_PORTS_MAX];
	} rows[] = {
		{{NULL}, 1, {"pty"}},
		{{"backend=null"}, 1, {"null"}},
		{{"backend0=null"}, 1, {"null"}},
		{{"ports=2"}, 2, {"pty", "pty"}},
		{{"ports=2", "backend=null"}, 2, {"null", "null"}},
		{{"backend1=file:/a=b", "ports=2"}, 2, {"pty", "file:/a=b"}},
		{{"ports=4", "backend=null", "backend2=stdio", "backend0=unix:/x"},
		 4,
		 {"unix:/x", "null", "stdio", "null"}},
		{{"ports=2", "backend=file:/log"}, 2, {"file:/log", "file:/log"}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct serial_options options;
		size_t count = count_strings(rows[i].options);

		assert_int_equal(serial_options_parse(&options, rows[i].options, count, NULL), 0);
		assert_int_equal(options.ports, rows[i].ports);
		for (unsigned int port = 0; port < options.ports; port++)
			assert_string_equal(options.backends[port], rows[i].backends[port]);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *options[MAX];
		const char *text;
	} rows[] = {
		{{"port=2"},
		 "no option 'port': serial has ports, backend and backend0 to backend3"},
		{{"backend4=pty"},
		 "no option 'backend4': serial has ports, backend and backend0 to backend3"},
		{{""}, "no option '': serial has ports, backend and backend0 to backend3"},
		{{"ports"}, "ports needs a value: ports=1|2|4"},
		{{"ports="}, "ports needs a value: ports=1|2|4"},
		{{"ports=3"}, "ports is 1, 2 or 4, not '3'"},
		{{"ports=12"}, "ports is 1, 2 or 4, not '12'"},
		{{"ports=-1"}, "ports is 1, 2 or 4, not '-1'"},
		{{"ports=1", "ports=1"}, "ports is given twice"},
		{{"backend1=pty"}, "backend1 is for a port that a card with ports=1 does not have"},
		{{"ports=2", "backend=stdio"},
		 "ports 0 and 1 cannot share stdio: give each its own by backend0= and backend1="},
		{{"ports=4", "backend1=unix:/x", "backend3=unix:/x"},
		 "ports 1 and 3 cannot share unix:/x: give each its own by backend1= and backend3="},
		{{"ports=2", "backend=pty:/x"},
		 "ports 0 and 1 cannot share pty:/x: give each its own by backend0= and backend1="},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct umd_error error = {0};
		struct umd_device *device = NULL;
		size_t count = count_strings(rows[i].options);

		assert_int_equal(umd_serial_kind.create(rows[i].options, count, &device, &error),
				 -EINVAL);
		assert_null(device);
		assert_string_equal(error.text, rows[i].text);
	}
}

/* Help has something to say about everything. */
static void test_table(void **state)
{
	size_t count = 0;

	for (const struct umd_option *option = umd_serial_kind.options; option->name; option++) {
		assert_true(*option->value && *option->help);
		count++;
	}
	assert_int_equal(count, 2 + SERIAL_PORTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
