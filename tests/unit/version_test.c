/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Version negotiation: what a peer may say, what holds between its limits and ours, and what it is
 * told: only what it named, and no more bytes than it sent.
 */
#include "unit.h"

#include <stdio.h>

#include "wire/json.h"
#include "wire/proto.h"
#include "wire/version.h"

static struct unit_guarded guarded;

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

/* Parses a payload of version 0.minor with `size` bytes behind it. */
static int parse_bytes(uint16_t minor, const char *bytes, size_t size, struct umd_wire_caps *ret)
{
	struct umd_wire_version version = {.minor = minor};
	uint8_t payload[4096];

	memcpy(payload, &version, sizeof(version));
	memcpy(payload + sizeof(version), bytes, size);
	size += sizeof(version);
	return umd_wire_version_parse(unit_guarded_put(&guarded, payload, size), size, ret);
}

static int parse(const char *text, struct umd_wire_caps *ret)
{
	return parse_bytes(1, text, strlen(text) + 1, ret);
}

static size_t payload_size(const char *text)
{
	return sizeof(struct umd_wire_version) + strlen(text) + 1;
}

/* Parses, agrees and answers; the reply's JSON, or "" where it has none. */
static const char *answer(const char *text)
{
	static uint8_t reply[UMD_WIRE_VERSION_MAX + 1];
	struct umd_wire_caps theirs, agreed;
	size_t size;

	assert_int_equal(parse(text, &theirs), 0);
	agreed = umd_wire_version_agree(&theirs);
	memset(reply, 0, sizeof(reply));
	size = umd_wire_version_write(&agreed, payload_size(text), reply);
	assert_true(size <= UMD_WIRE_VERSION_MAX);
	assert_true(size == sizeof(struct umd_wire_version) ||
		    size == payload_size((const char *)reply + sizeof(struct umd_wire_version)));
	return size == sizeof(struct umd_wire_version)
		       ? ""
		       : (const char *)reply + sizeof(struct umd_wire_version);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void test_peer_that_names_nothing_has_the_defaults(void **state)
{
	static const char *const texts[] = {"{}", "{\"capabilities\":{}}", " { } "};
	struct umd_wire_caps caps;

	assert_int_equal(parse_bytes(1, "", 0, &caps), 0);
	assert_false(caps.has_json);
	assert_int_equal(caps.max_msg_fds, 1);
	assert_int_equal(caps.max_data_xfer_size, 1048576);
	assert_int_equal(caps.max_dma_maps, 65535);
	assert_int_equal(caps.pgsizes, 4096);
	assert_false(caps.write_multiple || caps.twin_socket);

	for (size_t i = 0; i < UNIT_COUNT(texts); i++) {
		assert_int_equal(parse(texts[i], &caps), 0);
		assert_true(caps.has_json);
		assert_false(caps.has_max_msg_fds || caps.has_max_data_xfer_size ||
			     caps.has_max_dma_maps || caps.has_pgsizes || caps.has_write_multiple);
		assert_int_equal(caps.max_data_xfer_size, 1048576);
	}
}

static void test_what_a_vmm_sends_is_understood(void **state)
{
	static const char text[] =
		"{\"capabilities\": {\"max_msg_fds\": 8, \"max_data_xfer_size\": 1048576, "
		"\"pgsizes\": 4096, \"max_dma_maps\": 65535, "
		"\"migration\": {\"pgsize\": 4096, \"max_bitmap_size\": 268435456}, "
		"\"write_multiple\": true, \"twin_socket\": {\"supported\": true, \"x\": [1]}}, "
		"\"more\": [{\"of\": \"it\"}]}";
	struct umd_wire_caps caps;

	assert_int_equal(parse(text, &caps), 0);
	assert_int_equal(caps.minor, 1);
	assert_true(caps.has_max_msg_fds && caps.has_max_data_xfer_size && caps.has_pgsizes);
	assert_true(caps.has_max_dma_maps && caps.has_write_multiple);
	assert_int_equal(caps.max_msg_fds, 8);
	assert_true(caps.write_multiple && caps.twin_socket);
}

static void test_short_payload_is_refused(void **state)
{
	static const uint8_t zeros[4];
	struct umd_wire_caps caps;

	for (size_t size = 0; size < sizeof(struct umd_wire_version); size++)
		assert_int_equal(umd_wire_version_parse(unit_guarded_put(&guarded, zeros, size),
							size, &caps),
				 -EINVAL);
}

static void test_other_major_is_refused(void **state)
{
	static const uint16_t majors[] = {1, 2, 256, 65535};

	for (size_t i = 0; i < UNIT_COUNT(majors); i++) {
		struct umd_wire_version version = {.major = majors[i], .minor = 1};
		struct umd_wire_caps caps;

		assert_int_equal(
			umd_wire_version_parse((const uint8_t *)&version, sizeof(version), &caps),
			-EINVAL);
	}
}

static void test_text_ends_with_nuls_and_has_none_inside(void **state)
{
	struct umd_wire_caps caps;

	assert_int_equal(parse_bytes(1, "{}", 3, &caps), 0);
	assert_int_equal(parse_bytes(1, "{}", 2, &caps), -EINVAL);
	assert_int_equal(parse_bytes(1, "{}\0\0", 4, &caps), 0);
	assert_int_equal(parse_bytes(1, "{}\0{}", 6, &caps), -EINVAL);
	assert_int_equal(parse_bytes(1, "", 1, &caps), -EINVAL);
	assert_int_equal(parse_bytes(1, "{\0}", 4, &caps), -EINVAL);
	assert_int_equal(parse_bytes(1, "\0\0\0\0", 4, &caps), -EINVAL);
}

static void test_bad_text_is_refused_and_nothing_stored(void **state)
{
	static const char *const texts[] = {
		"[]",
		"1",
		"null",
		"{",
		"{}}",
		"{} x",
		"{\"capabilities\"}",
		"{\"capabilities\":null}",
		"{\"capabilities\":[]}",
		"{\"capabilities\":{}",
		"{\"capabilities\":{\"max_msg_fds\"}}",
		"{\"capabilities\":{\"max_msg_fds\":}}",
		"{\"capabilities\":{\"max_msg_fds\":\"8\"}}",
		"{\"capabilities\":{\"max_msg_fds\":-1}}",
		"{\"capabilities\":{\"max_msg_fds\":1.0}}",
		"{\"capabilities\":{\"max_msg_fds\":1e1}}",
		"{\"capabilities\":{\"max_msg_fds\":null}}",
		"{\"capabilities\":{\"max_msg_fds\":08}}",
		"{\"capabilities\":{\"max_msg_fds\":8,}}",
		"{\"capabilities\":{\"max_data_xfer_size\":18446744073709551616}}",
		"{\"capabilities\":{\"max_data_xfer_size\":true}}",
		"{\"capabilities\":{\"max_dma_maps\":{}}}",
		"{\"capabilities\":{\"pgsizes\":[4096]}}",
		"{\"capabilities\":{\"write_multiple\":1}}",
		"{\"capabilities\":{\"write_multiple\":\"true\"}}",
		"{\"capabilities\":{\"twin_socket\":true}}",
		"{\"capabilities\":{\"twin_socket\":{\"supported\":1}}}",
		"{\"capabilities\":{\"twin_socket\":{\"supported\":true}}",
		"{\"capabilities\":{\"unknown\":tru}}",
		"{\"unknown\":[}",
	};

	for (size_t i = 0; i < UNIT_COUNT(texts); i++) {
		struct umd_wire_caps caps = {.minor = 77};

		if (parse(texts[i], &caps) != -EINVAL || caps.minor != 77)
			fail_msg("%s", texts[i]);
	}
}

static void test_limits_nobody_can_work_with_are_refused(void **state)
{
	struct umd_wire_caps caps;

	assert_int_equal(parse("{\"capabilities\":{\"max_data_xfer_size\":0}}", &caps), -EINVAL);
	assert_int_equal(parse("{\"capabilities\":{\"max_data_xfer_size\":1}}", &caps), 0);
	assert_int_equal(parse("{\"capabilities\":{\"pgsizes\":0}}", &caps), -EINVAL);
	assert_int_equal(parse("{\"capabilities\":{\"pgsizes\":8192}}", &caps), -EINVAL);
	assert_int_equal(parse("{\"capabilities\":{\"pgsizes\":12288}}", &caps), 0);
}

/* ---- Agreeing ------------------------------------------------------------------------------ */

static void test_lesser_limit_holds(void **state)
{
	static const struct umd_wire_caps most = {.minor = UINT16_MAX,
						  .max_msg_fds = UINT64_MAX,
						  .max_data_xfer_size = UINT64_MAX,
						  .max_dma_maps = UINT64_MAX,
						  .pgsizes = UINT64_MAX};
	static const struct umd_wire_caps least = {.max_data_xfer_size = 1, .pgsizes = 4096};
	struct umd_wire_caps agreed = umd_wire_version_agree(&most);

	assert_int_equal(agreed.minor, 1);
	assert_int_equal(agreed.max_msg_fds, 16);
	assert_int_equal(agreed.max_data_xfer_size, 1048576);
	assert_int_equal(agreed.max_dma_maps, 65535);
	assert_int_equal(agreed.pgsizes, 4096);

	agreed = umd_wire_version_agree(&least);
	assert_int_equal(agreed.minor, 0);
	assert_int_equal(agreed.max_msg_fds, 0);
	assert_int_equal(agreed.max_data_xfer_size, 1);
	assert_int_equal(agreed.max_dma_maps, 0);
}

#define PASID(members) "{\"capabilities\":{\"umdev_pasid\":" members "}}"

static void test_our_extension_is_read(void **state)
{
	static const char *const bad[] = {
		PASID("{}"),
		PASID("{\"max_spaces\":0}"),
		PASID("{\"max_spaces\":0,\"max_page_requests\":0}"),
		PASID("{\"max_spaces\":true}"),
		PASID("{\"max_spaces\":-1}"),
		PASID("{\"max_spaces\":18446744073709551616}"),
		PASID("{\"max_spaces\":1"),
		PASID("true"),
		PASID("3"),
		PASID("[]"),
		PASID("null"),
	};
	struct umd_wire_caps caps;

	assert_int_equal(parse("{}", &caps), 0);
	assert_false(caps.has_pasid || caps.max_spaces || caps.max_page_requests);
	assert_int_equal(
		parse(PASID("{\"x\":[{}],\"max_page_requests\":7,\"max_spaces\":8}"), &caps), 0);
	assert_true(caps.has_pasid);
	assert_int_equal(caps.max_spaces, 8);
	assert_int_equal(caps.max_page_requests, 7);
	assert_int_equal(parse(PASID("{\"max_page_requests\":1}"), &caps), 0);
	assert_int_equal(caps.max_spaces, 0);
	for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
		if (parse(bad[i], &caps) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	}
}

static void test_twin_socket_needs_a_peer_that_takes_fds(void **state)
{
	struct umd_wire_caps theirs = {.max_msg_fds = 1, .twin_socket = true};

	assert_true(umd_wire_version_agree(&theirs).twin_socket);
	theirs.max_msg_fds = 0;
	assert_false(umd_wire_version_agree(&theirs).twin_socket);
	theirs = (struct umd_wire_caps){.max_msg_fds = 1};
	assert_false(umd_wire_version_agree(&theirs).twin_socket);
}

/* ---- Answering ----------------------------------------------------------------------------- */

static void test_reply_without_json_to_a_request_without(void **state)
{
	struct umd_wire_caps theirs, agreed;
	struct umd_wire_version version;
	uint8_t reply[UMD_WIRE_VERSION_MAX];

	for (uint16_t minor = 0; minor < 4; minor++) {
		assert_int_equal(parse_bytes(minor, "", 0, &theirs), 0);
		agreed = umd_wire_version_agree(&theirs);
		assert_int_equal(umd_wire_version_write(&agreed, sizeof(version), reply),
				 sizeof(version));
		memcpy(&version, reply, sizeof(version));
		assert_int_equal(version.major, 0);
		assert_int_equal(version.minor, minor ? 1 : 0);
	}
}

static void test_our_extension_is_answered_where_it_was_offered(void **state)
{
	assert_string_equal(answer(PASID("{\"max_spaces\":9}")),
			    PASID("{\"max_spaces\":9,\"max_page_requests\":0}"));
	assert_string_equal(
		answer(PASID("{\"max_spaces\":99999,\"max_page_requests\":18446744073709551615}")),
		PASID("{\"max_spaces\":256,\"max_page_requests\":512}"));
	assert_string_equal(
		answer("{\"capabilities\":{\"umdev_pasid\":{\"max_spaces\":1},\"max_dma_maps\":3,"
		       "\"twin_socket\":{\"supported\":true},\"max_msg_fds\":1}}"),
		"{\"capabilities\":{\"max_msg_fds\":1,\"max_dma_maps\":3,"
		"\"twin_socket\":{\"supported\":true,\"fd_index\":0},"
		"\"umdev_pasid\":{\"max_spaces\":1,\"max_page_requests\":0}}}");
}

static void test_reply_names_what_was_offered_at_what_was_agreed(void **state)
{
	assert_string_equal(
		answer("{\"capabilities\":{\"max_msg_fds\":800,\"max_data_xfer_size\":9999999999,"
		       "\"max_dma_maps\":65536,\"pgsizes\":2101248,\"write_multiple\":true}}"),
		"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
		"\"max_dma_maps\":65535,\"pgsizes\":4096,\"write_multiple\":true}}");
	assert_string_equal(answer("{\"capabilities\":{\"write_multiple\":false}}"),
			    "{\"capabilities\":{\"write_multiple\":false}}");
	assert_string_equal(answer("{\"capabilities\":{}}"), "{\"capabilities\":{}}");
}

static void test_reply_that_would_be_longer_has_no_json(void **state)
{
	assert_string_equal(answer("{}"), "");
	assert_string_equal(answer("{\"other\":1}"), "");
	assert_string_equal(answer("{\"other\":123456789}"), "{\"capabilities\":{}}");
}

static void test_twin_socket_is_answered_with_its_fd_even_at_length(void **state)
{
	assert_string_equal(
		answer("{\"capabilities\":{\"twin_socket\":{\"supported\":true}}}"),
		"{\"capabilities\":{\"twin_socket\":{\"supported\":true,\"fd_index\":0}}}");
	assert_string_equal(answer("{\"capabilities\":{\"twin_socket\":{\"supported\":false}}}"),
			    "{\"capabilities\":{}}");
	assert_string_equal(
		answer("{\"capabilities\":{\"max_msg_fds\":0,\"twin_socket\":{\"supported\":true}}}"),
		"{\"capabilities\":{\"max_msg_fds\":0}}");
}

static const struct {
	const char *name, *value;
} offers[] = {
	{"max_msg_fds", "8"},
	{"max_data_xfer_size", "4096"},
	{"max_dma_maps", "10"},
	{"pgsizes", "4096"},
	{"write_multiple", "true"},
	{"twin_socket", "{\"supported\":true}"},
	{"migration", "{\"pgsize\":4096}"},
};

static void offer(unsigned int set, char *text)
{
	const char *separator = "";

	text += sprintf(text, "{\"capabilities\":{");
	for (unsigned int i = 0; i < UNIT_COUNT(offers); i++) {
		if (!(set >> i & 1))
			continue;
		text += sprintf(text, "%s\"%s\":%s", separator, offers[i].name, offers[i].value);
		separator = ",";
	}
	sprintf(text, "}}");
}

/* Which of the offers a reply names. */
static unsigned int collect(const char *text)
{
	struct umd_json json = {.at = text, .end = text + strlen(text)};
	struct umd_json_name name;
	bool first = true;
	unsigned int set = 0;

	assert_true(umd_json_object(&json));
	assert_int_equal(umd_json_member(&json, &first, &name), 1);
	assert_true(umd_json_is(&name, "capabilities"));
	assert_true(umd_json_object(&json));
	for (first = true; umd_json_member(&json, &first, &name) == 1; umd_json_skip(&json)) {
		for (unsigned int i = 0; i < UNIT_COUNT(offers); i++)
			set |= umd_json_is(&name, offers[i].name) ? 1u << i : 0;
	}
	return set;
}

static void test_every_set_of_offers_is_answered_with_itself(void **state)
{
	const unsigned int ours = (1u << 6) - 1;

	for (unsigned int set = 0; set < 1u << UNIT_COUNT(offers); set++) {
		struct umd_wire_caps caps;
		char text[512];
		const char *reply;

		offer(set, text);
		reply = answer(text);
		assert_int_equal(collect(reply), set & ours);
		assert_int_equal(parse(reply, &caps), 0);
		if (!(set & 1u << 5))
			assert_true(strlen(reply) <= strlen(text));
	}
}

static void test_longest_reply_fits(void **state)
{
	const struct umd_wire_caps caps = {.minor = UINT16_MAX,
					   .max_msg_fds = UINT64_MAX,
					   .max_data_xfer_size = UINT64_MAX,
					   .max_dma_maps = UINT64_MAX,
					   .pgsizes = UINT64_MAX,
					   .twin_socket = true,
					   .has_json = true,
					   .has_max_msg_fds = true,
					   .has_max_data_xfer_size = true,
					   .has_max_dma_maps = true,
					   .has_pgsizes = true,
					   .has_write_multiple = true};
	uint8_t reply[UMD_WIRE_VERSION_MAX];
	size_t size = umd_wire_version_write(&caps, 4, reply);

	assert_true(size <= sizeof(reply));
	assert_int_equal(reply[size - 1], 0);
	assert_int_equal(strlen((const char *)reply + 4) + 5, size);
}

/* ---- Anything ------------------------------------------------------------------------------ */

static void scramble(uint64_t *seed, char *text)
{
	static const char alphabet[] = "{}[]\",:\\u0189eE+-.tfn \x01";
	size_t size = strlen(text);

	for (uint64_t n = unit_below(seed, 3); n; n--)
		text[unit_below(seed, size)] = alphabet[unit_below(seed, sizeof(alphabet) - 1)];
}

static bool is_answered_well(const char *text)
{
	struct umd_wire_caps theirs, agreed, again;
	uint8_t reply[UMD_WIRE_VERSION_MAX];
	size_t size;

	if (parse(text, &theirs) < 0)
		return true;

	agreed = umd_wire_version_agree(&theirs);
	size = umd_wire_version_write(&agreed, payload_size(text), reply);
	if (size > payload_size(text) && !agreed.twin_socket)
		return false;
	return umd_wire_version_parse(unit_guarded_put(&guarded, reply, size), size, &again) == 0;
}

static long run_scramble(uint64_t seed)
{
	for (long step = 0; step < 30000; step++) {
		char text[512];

		offer((unsigned int)unit_below(&seed, 1u << UNIT_COUNT(offers)), text);
		scramble(&seed, text);
		if (!is_answered_well(text))
			return step;
	}
	return -1;
}

static void test_no_request_is_read_past_its_end_or_answered_at_length(void **state)
{
	unit_run_seeds(run_scramble);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer_that_names_nothing_has_the_defaults),
		cmocka_unit_test(test_what_a_vmm_sends_is_understood),
		cmocka_unit_test(test_short_payload_is_refused),
		cmocka_unit_test(test_other_major_is_refused),
		cmocka_unit_test(test_text_ends_with_nuls_and_has_none_inside),
		cmocka_unit_test(test_bad_text_is_refused_and_nothing_stored),
		cmocka_unit_test(test_limits_nobody_can_work_with_are_refused),
		cmocka_unit_test(test_lesser_limit_holds),
		cmocka_unit_test(test_twin_socket_needs_a_peer_that_takes_fds),
		cmocka_unit_test(test_our_extension_is_read),
		cmocka_unit_test(test_our_extension_is_answered_where_it_was_offered),
		cmocka_unit_test(test_reply_without_json_to_a_request_without),
		cmocka_unit_test(test_reply_names_what_was_offered_at_what_was_agreed),
		cmocka_unit_test(test_reply_that_would_be_longer_has_no_json),
		cmocka_unit_test(test_twin_socket_is_answered_with_its_fd_even_at_length),
		cmocka_unit_test(test_every_set_of_offers_is_answered_with_itself),
		cmocka_unit_test(test_longest_reply_fits),
		cmocka_unit_test(test_no_request_is_read_past_its_end_or_answered_at_length),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("version", tests, setup, teardown);
}
