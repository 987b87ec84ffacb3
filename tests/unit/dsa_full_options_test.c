/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be said about a full device. */
#include "unit.h"

#include "dsa/full_options.h"

static struct dsa_full_options options;
static struct umd_error error;

static int parse(const char *first, const char *second)
{
	const char *strings[] = {first, second};

	memset(&options, 0xee, sizeof(options));
	error = (struct umd_error){0};
	return dsa_full_options_parse(&options, strings, first ? second ? 2 : 1 : 0, &error);
}

static void expect_refused(const char *first, const char *second, const char *why)
{
	assert_int_equal(parse(first, second), -EINVAL);
	assert_int_equal(error.code, -EINVAL);
	if (!strstr(error.text, why))
		fail_msg("'%s' does not say '%s'", error.text, why);
	assert_int_equal(options.device_id, 0xeeee);
}

static void test_defaults(void **state)
{
	assert_int_equal(parse(NULL, NULL), 0);
	assert_int_equal(options.device_id, 0x0b25);
	assert_int_equal(options.workers, 0);
}

static void test_values(void **state)
{
	assert_int_equal(parse("device-id=11fb", "workers=64"), 0);
	assert_int_equal(options.device_id, 0x11fb);
	assert_int_equal(options.workers, 64);
	assert_int_equal(parse("workers=1", "device-id=0b25"), 0);
	assert_int_equal(options.device_id, 0x0b25);
	assert_int_equal(options.workers, 1);
}

static void test_what_is_wrong_is_named(void **state)
{
	expect_refused("device-id=1212", NULL, "'1212'");
	expect_refused("device-id=0B25", NULL, "'0B25'");
	expect_refused("device-id", NULL, "device-id needs a value");
	expect_refused("workers=", NULL, "workers needs a value");
	expect_refused("workers=0", NULL, "1 to 64");
	expect_refused("workers=65", NULL, "1 to 64");
	expect_refused("workers=-1", NULL, "'-1'");
	expect_refused("workers=4x", NULL, "'4x'");
	expect_refused("workers=18446744073709551617", NULL, "1 to 64");
	expect_refused("work=4", NULL, "no option 'work'");
	expect_refused("workers=4", "workers=4", "workers is given twice");
}

static void test_help_names_all_of_them(void **state)
{
	unsigned int count = 0;

	for (const struct umd_option *option = dsa_full_option_table; option->name; option++) {
		assert_non_null(option->value);
		assert_non_null(option->help);
		count++;
	}
	assert_int_equal(count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_what_is_wrong_is_named),
		cmocka_unit_test(test_help_names_all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
