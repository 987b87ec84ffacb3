/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON cursor against RFC 8259, on texts that end where memory does: what is JSON is skipped
 * whole, what is none is refused, and no byte behind the text is looked at.
 */
#include "unit.h"

#include "wire/json.h"

static struct unit_guarded guarded;

static struct umd_json place(const char *text, size_t size)
{
	const char *at = (const char *)unit_guarded_put(&guarded, text, size);

	return (struct umd_json){.at = at, .end = at + size};
}

/* Whether the text is one value and nothing else. */
static bool is_json(const char *text, size_t size)
{
	struct umd_json json = place(text, size);
	bool ok = umd_json_skip(&json);

	assert_true(json.at <= json.end);
	return ok && umd_json_at_end(&json);
}

static int setup(void **state)
{
	unit_guarded_init(&guarded);
	return 0;
}

static int teardown(void **state)
{
	unit_guarded_finish(&guarded);
	return 0;
}

/* ---- Skipping ------------------------------------------------------------------------------ */

static const char *const good[] = {
	"{}",
	"[]",
	"\"\"",
	"null",
	"true",
	"false",
	"0",
	"-0",
	"10",
	"-1.5e+10",
	"0.0",
	"1E5",
	"1e-5",
	"123456789012345678901234567890",
	" \t\r\n{ \"a\" : [ 1 , 2 , { } ] , \"b\" : null } \n",
	"{\"a\":{\"b\":{\"c\":[[[]]]}}}",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fF\"",
	"\"\xc3\xa9\x7f\"",
	"{\"\":0,\"\":0}",
	"[true,false,null,\"x\",-1]",
};

static const char *const bad[] = {
	"",
	" ",
	"{",
	"}",
	"[",
	"]",
	",",
	":",
	"{]",
	"[}",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\" 1}",
	"{\"a\":1,}",
	"{,\"a\":1}",
	"{\"a\":1 \"b\":2}",
	"{\"a\":1,,\"b\":2}",
	"{a:1}",
	"{1:1}",
	"{null:1}",
	"[1,]",
	"[,1]",
	"[1 2]",
	"[1,,2]",
	"\"a",
	"\"\\",
	"\"\\\"",
	"\"\\x\"",
	"\"\\u123\"",
	"\"\\u12g4\"",
	"\"\\u",
	"\"\x01\"",
	"\"\n\"",
	"'a'",
	"tru",
	"truest",
	"True",
	"nul",
	"fals",
	"nan",
	"Infinity",
	"-",
	"+1",
	"--1",
	".5",
	"1.",
	"1.e5",
	"-.5",
	"1e",
	"1e+",
	"01",
	"-01",
	"0x10",
	"1 2",
	"{}{}",
	"// comment\n{}",
	"\v1",
	"\f1",
	"\xef\xbb\xbf{}",
};

static void test_every_kind_of_value_is_skipped(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(good); i++) {
		if (!is_json(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
	}
}

static void test_what_is_no_json_is_refused(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
		if (is_json(bad[i], strlen(bad[i])))
			fail_msg("taken: %s", bad[i]);
	}
}

static void test_nul_is_no_character_of_json(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} rows[] = {
		{"\0", 1},	 {"1\0", 2},	{"\0{}", 3},	     {"{\0}", 3}, {"[1\0]", 4},
		{"\"\\\0\"", 4}, {"\"\0\"", 3}, {"1.\0", 3},	     {"1e\0", 3}, {"-\0", 2},
		{"{}\0", 3},	 {"true\0", 5}, {"\"\\u\0000\"", 5},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		assert_false(is_json(rows[i].text, rows[i].size));
}

static bool is_bracketed(const char *text)
{
	return strchr("{[\"", text[strspn(text, " \t\r\n")]);
}

static void test_text_that_was_cut_is_refused(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(good); i++) {
		size_t size = strlen(good[i]);

		while (strchr(" \n", good[i][size - 1]))
			size--;
		while (size--) {
			if (is_json(good[i], size) && is_bracketed(good[i]))
				fail_msg("taken: %.*s", (int)size, good[i]);
		}
	}
}

/* ---- Depth --------------------------------------------------------------------------------- */

static bool is_nested_json(size_t depth, const char *open, const char *value, const char *close)
{
	char text[2048] = "";

	for (size_t i = 0; i < depth; i++)
		strcat(text, open);
	strcat(text, value);
	for (size_t i = 0; i < depth; i++)
		strcat(text, close);
	return is_json(text, strlen(text));
}

static void test_values_lie_up_to_sixteen_levels_deep(void **state)
{
	assert_true(is_nested_json(16, "[", "", "]"));
	assert_false(is_nested_json(17, "[", "", "]"));
	assert_true(is_nested_json(15, "[", "1", "]"));
	assert_false(is_nested_json(16, "[", "1", "]"));
	assert_true(is_nested_json(15, "{\"a\":", "{}", "}"));
	assert_false(is_nested_json(16, "{\"a\":", "{}", "}"));
	assert_true(is_nested_json(7, "[{\"a\":", "[{}]", "}]"));
	assert_false(is_nested_json(8, "[{\"a\":", "[{}]", "}]"));
}

static void test_wide_values_are_no_deep_ones(void **state)
{
	char text[2048] = "[";

	for (int i = 0; i < 200; i++)
		strcat(text, "[[]],{},");
	strcat(text, "1]");
	assert_true(is_json(text, strlen(text)));
}

static void test_endless_nesting_costs_no_stack(void **state)
{
	char text[UNIT_GUARDED_MAX];

	memset(text, '[', sizeof(text));
	assert_false(is_json(text, sizeof(text)));
	for (size_t i = 0; i + 5 <= sizeof(text); i += 5)
		memcpy(&text[i], "{\"a\":", 5);
	assert_false(is_json(text, sizeof(text)));
}

/* ---- Members ------------------------------------------------------------------------------- */

static void test_members_come_in_order_with_the_cursor_on_their_values(void **state)
{
	static const char text[] = " { \"one\" : 1 , \"two\":[2,2],\"one\":true}";
	struct umd_json json = place(text, strlen(text));
	struct umd_json_name name;
	bool first = true, value = false;
	uint64_t number = 0;

	assert_true(umd_json_object(&json));
	assert_int_equal(umd_json_member(&json, &first, &name), 1);
	assert_true(umd_json_is(&name, "one"));
	assert_true(umd_json_uint(&json, &number));
	assert_int_equal(number, 1);
	assert_int_equal(umd_json_member(&json, &first, &name), 1);
	assert_true(umd_json_is(&name, "two"));
	assert_true(umd_json_skip(&json));
	assert_int_equal(umd_json_member(&json, &first, &name), 1);
	assert_true(umd_json_bool(&json, &value));
	assert_true(value);
	assert_int_equal(umd_json_member(&json, &first, &name), 0);
	assert_true(umd_json_at_end(&json));
}

static bool is_first_name(const char *text, const char *wanted)
{
	struct umd_json json = place(text, strlen(text));
	struct umd_json_name name;
	bool first = true;

	assert_true(umd_json_object(&json));
	assert_int_equal(umd_json_member(&json, &first, &name), 1);
	return umd_json_is(&name, wanted);
}

static void test_names_match_whole_and_without_escapes(void **state)
{
	assert_true(is_first_name("{\"abc\":1}", "abc"));
	assert_true(is_first_name("{\"\":1}", ""));
	assert_false(is_first_name("{\"abc\":1}", "ab"));
	assert_false(is_first_name("{\"ab\":1}", "abc"));
	assert_false(is_first_name("{\"Abc\":1}", "abc"));
	assert_false(is_first_name("{\"\\u0061bc\":1}", "abc"));
	assert_false(is_first_name("{\"abc\\u0000\":1}", "abc"));
}

static void test_only_an_object_is_begun(void **state)
{
	static const char *const others[] = {"[]", "1", "\"{}\"", "null", "", " ", "}"};

	for (size_t i = 0; i < UNIT_COUNT(others); i++) {
		struct umd_json json = place(others[i], strlen(others[i]));

		assert_false(umd_json_object(&json));
	}
}

/* ---- Numbers and truths -------------------------------------------------------------------- */

static bool get_number(const char *text, uint64_t *ret)
{
	struct umd_json json = place(text, strlen(text));

	return umd_json_uint(&json, ret) && umd_json_at_end(&json);
}

static void test_numbers_up_to_the_limit(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} rows[] = {
		{"0", 0},
		{" 7 ", 7},
		{"1048576", 1048576},
		{"9223372036854775808", UINT64_C(1) << 63},
		{"18446744073709551615", UINT64_MAX},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		uint64_t value = 99;

		assert_true(get_number(rows[i].text, &value));
		assert_true(value == rows[i].value);
	}
}

static void test_numbers_that_do_not_fit_are_refused_and_not_stored(void **state)
{
	static const char *const rows[] = {
		"18446744073709551616",
		"18446744073709551620",
		"99999999999999999999",
		"184467440737095516150",
		"340282366920938463463374607431768211456",
		"-1",
		"-0",
		"1.0",
		"1e3",
		"1.",
		"",
		" ",
		"-",
		"+1",
		"0x10",
		"\"1\"",
		"true",
		"null",
		"{}",
		"[1]",
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct umd_json json = place(rows[i], strlen(rows[i]));
		uint64_t value = 99;
		bool ok = umd_json_uint(&json, &value) && umd_json_at_end(&json);

		if (ok || (value != 99 && value != 0))
			fail_msg("taken: %s", rows[i]);
	}
}

static void test_truths(void **state)
{
	static const struct {
		const char *text;
		int value; /* -1: neither */
	} rows[] = {
		{"true", 1},	  {" false", 0}, {"tru", -1},  {"1", -1},
		{"\"true\"", -1}, {"", -1},	 {"TRUE", -1}, {"null", -1},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct umd_json json = place(rows[i].text, strlen(rows[i].text));
		bool value = false;

		assert_int_equal(umd_json_bool(&json, &value), rows[i].value >= 0);
		assert_int_equal(value, rows[i].value == 1);
	}
}

/* ---- Anything ------------------------------------------------------------------------------ */

static long run_scramble(uint64_t seed)
{
	static const char alphabet[] = "{}[]\",:\\u0123456789eE+-.truefalsn \t\n\x01\x80";

	for (long step = 0; step < 50000; step++) {
		char text[48];
		size_t size = unit_below(&seed, sizeof(text));
		struct umd_json json;

		for (size_t i = 0; i < size; i++)
			text[i] = alphabet[unit_below(&seed, sizeof(alphabet))];
		json = place(text, size);
		umd_json_skip(&json);
		if (json.at > json.end)
			return step;
	}
	return -1;
}

static void test_no_text_leads_the_cursor_past_its_end(void **state)
{
	unit_run_seeds(run_scramble);
}

static void scramble(uint64_t *seed, char *text, size_t size)
{
	static const char alphabet[] = "{}[]\",:\\u01eE+-.tfn \x01";

	for (uint64_t n = 1 + unit_below(seed, 3); n; n--)
		text[unit_below(seed, size)] = alphabet[unit_below(seed, sizeof(alphabet))];
}

static long run_mutate(uint64_t seed)
{
	for (long step = 0; step < 50000; step++) {
		const char *from = good[unit_below(&seed, UNIT_COUNT(good))];
		size_t size = strlen(from);
		struct umd_json json;
		char text[128];

		memcpy(text, from, size);
		scramble(&seed, text, size);
		json = place(text, size);
		umd_json_skip(&json);
		if (json.at > json.end)
			return step;
	}
	return -1;
}

static void test_nor_does_a_text_that_is_nearly_json(void **state)
{
	unit_run_seeds(run_mutate);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_of_value_is_skipped),
		cmocka_unit_test(test_what_is_no_json_is_refused),
		cmocka_unit_test(test_nul_is_no_character_of_json),
		cmocka_unit_test(test_text_that_was_cut_is_refused),
		cmocka_unit_test(test_values_lie_up_to_sixteen_levels_deep),
		cmocka_unit_test(test_wide_values_are_no_deep_ones),
		cmocka_unit_test(test_endless_nesting_costs_no_stack),
		cmocka_unit_test(test_members_come_in_order_with_the_cursor_on_their_values),
		cmocka_unit_test(test_names_match_whole_and_without_escapes),
		cmocka_unit_test(test_only_an_object_is_begun),
		cmocka_unit_test(test_numbers_up_to_the_limit),
		cmocka_unit_test(test_numbers_that_do_not_fit_are_refused_and_not_stored),
		cmocka_unit_test(test_truths),
		cmocka_unit_test(test_no_text_leads_the_cursor_past_its_end),
		cmocka_unit_test(test_nor_does_a_text_that_is_nearly_json),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("json", tests, setup, teardown);
}
