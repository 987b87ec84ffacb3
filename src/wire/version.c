/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/version.h"

#include <errno.h>
#include <string.h>

#include "wire/json.h"
#include "wire/pasid.h"
#include "wire/proto.h"

typedef int member_fn(struct umd_json *json, const struct umd_json_name *name,
		      struct umd_wire_caps *caps);

/* Has each member of an object read; a value that is left alone must be skipped. */
static int each_member(struct umd_json *json, member_fn *fn, struct umd_wire_caps *caps)
{
	struct umd_json_name name;
	bool first = true;
	int more;

	if (!umd_json_object(json))
		return -EINVAL;

	while ((more = umd_json_member(json, &first, &name)) > 0) {
		int err = fn(json, &name, caps);

		if (err)
			return err;
	}
	return more;
}

static int skip(struct umd_json *json)
{
	return umd_json_skip(json) ? 0 : -EINVAL;
}

static int parse_twin(struct umd_json *json, const struct umd_json_name *name,
		      struct umd_wire_caps *caps)
{
	if (!umd_json_is(name, "supported"))
		return skip(json);
	return umd_json_bool(json, &caps->twin_socket) ? 0 : -EINVAL;
}

static int parse_pasid(struct umd_json *json, const struct umd_json_name *name,
		       struct umd_wire_caps *caps)
{
	uint64_t *number = umd_json_is(name, "max_spaces")	    ? &caps->max_spaces
			   : umd_json_is(name, "max_page_requests") ? &caps->max_page_requests
								    : NULL;

	if (!number)
		return skip(json);
	return umd_json_uint(json, number) ? 0 : -EINVAL;
}

static int parse_capability(struct umd_json *json, const struct umd_json_name *name,
			    struct umd_wire_caps *caps)
{
	const struct {
		const char *name;
		uint64_t *value;
		bool *has;
	} numbers[] = {
		{"max_msg_fds", &caps->max_msg_fds, &caps->has_max_msg_fds},
		{"max_data_xfer_size", &caps->max_data_xfer_size, &caps->has_max_data_xfer_size},
		{"max_dma_maps", &caps->max_dma_maps, &caps->has_max_dma_maps},
		{"pgsizes", &caps->pgsizes, &caps->has_pgsizes},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!umd_json_is(name, numbers[i].name))
			continue;
		*numbers[i].has = true;
		return umd_json_uint(json, numbers[i].value) ? 0 : -EINVAL;
	}
	if (umd_json_is(name, "twin_socket"))
		return each_member(json, parse_twin, caps);
	if (umd_json_is(name, "umdev_pasid")) {
		caps->has_pasid = true;
		return each_member(json, parse_pasid, caps);
	}
	if (!umd_json_is(name, "write_multiple"))
		return skip(json);
	caps->has_write_multiple = true;
	return umd_json_bool(json, &caps->write_multiple) ? 0 : -EINVAL;
}

static int parse_top(struct umd_json *json, const struct umd_json_name *name,
		     struct umd_wire_caps *caps)
{
	return umd_json_is(name, "capabilities") ? each_member(json, parse_capability, caps)
						 : skip(json);
}

static int parse_json(struct umd_json *json, struct umd_wire_caps *caps)
{
	int err = each_member(json, parse_top, caps);

	if (err)
		return err;
	return umd_json_at_end(json) ? 0 : -EINVAL;
}

/* A peer must be able to take some data, and pages of ours; an extension must be of use. */
static bool workable(const struct umd_wire_caps *caps)
{
	return caps->max_data_xfer_size > 0 && (caps->pgsizes & UMD_WIRE_PGSIZES) &&
	       (!caps->has_pasid || caps->max_spaces || caps->max_page_requests);
}

int umd_wire_version_parse(const uint8_t *payload, size_t size, struct umd_wire_caps *ret)
{
	struct umd_wire_caps caps = {.max_msg_fds = UMD_WIRE_DEFAULT_FDS,
				     .max_data_xfer_size = UMD_WIRE_DEFAULT_XFER,
				     .max_dma_maps = UMD_WIRE_MAX_MAPS,
				     .pgsizes = UMD_WIRE_PGSIZES};
	struct umd_wire_version version;

	if (size < sizeof(version))
		return -EINVAL;
	memcpy(&version, payload, sizeof(version));
	if (version.major != UMD_WIRE_MAJOR)
		return -EINVAL;

	caps.minor = version.minor;
	if (size > sizeof(version)) {
		const char *text = (const char *)payload + sizeof(version);
		struct umd_json json = {.at = text, .end = (const char *)payload + size - 1};
		int err;

		if (*json.end != '\0')
			return -EINVAL;
		while (json.end > text && json.end[-1] == '\0')
			json.end--;
		caps.has_json = true;
		err = parse_json(&json, &caps);
		if (err)
			return err;
	}
	if (!workable(&caps))
		return -EINVAL;
	*ret = caps;
	return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct umd_wire_caps umd_wire_version_agree(const struct umd_wire_caps *theirs)
{
	struct umd_wire_caps agreed = *theirs;

	agreed.minor = (uint16_t)least(theirs->minor, UMD_WIRE_MINOR);
	agreed.max_msg_fds = least(theirs->max_msg_fds, UMD_WIRE_MAX_FDS);
	agreed.max_data_xfer_size = least(theirs->max_data_xfer_size, UMD_WIRE_MAX_XFER);
	agreed.max_dma_maps = least(theirs->max_dma_maps, UMD_WIRE_MAX_MAPS);
	agreed.pgsizes = theirs->pgsizes & UMD_WIRE_PGSIZES;
	agreed.max_spaces = least(theirs->max_spaces, UMD_WIRE_MAX_SPACES);
	agreed.max_page_requests = least(theirs->max_page_requests, UMD_WIRE_MAX_PAGE_REQUESTS);
	agreed.twin_socket = theirs->twin_socket && agreed.max_msg_fds > 0;
	return agreed;
}

/* JSON under construction; the buffer holds all members at their longest. No printf(): a client's
 * connecting should not cost more than the socket's. */
struct text {
	char *at;
	const char *separator; /* before the next member */
};

static void add(struct text *text, const char *string)
{
	text->at = stpcpy(text->at, string);
}

static void add_name(struct text *text, const char *name)
{
	add(text, text->separator);
	add(text, "\"");
	add(text, name);
	add(text, "\":");
	text->separator = ",";
}

static void add_number(struct text *text, bool wanted, const char *name, uint64_t value)
{
	char digits[24], *at = &digits[sizeof(digits) - 1];

	if (!wanted)
		return;
	*at = '\0';
	do {
		*--at = (char)('0' + value % 10);
	} while (value /= 10);
	add_name(text, name);
	add(text, at);
}

static void add_pasid(struct text *text, const struct umd_wire_caps *agreed)
{
	add_name(text, "umdev_pasid");
	add(text, "{");
	text->separator = "";
	add_number(text, true, "max_spaces", agreed->max_spaces);
	add_number(text, true, "max_page_requests", agreed->max_page_requests);
	add(text, "}");
	text->separator = ",";
}

size_t umd_wire_version_write(const struct umd_wire_caps *agreed, size_t request_size, uint8_t *to)
{
	struct umd_wire_version version = {.major = UMD_WIRE_MAJOR, .minor = agreed->minor};
	struct text text = {(char *)to + sizeof(version), ""};
	size_t size;

	memcpy(to, &version, sizeof(version));
	if (!agreed->has_json)
		return sizeof(version);

	add(&text, "{\"capabilities\":{");
	add_number(&text, agreed->has_max_msg_fds, "max_msg_fds", agreed->max_msg_fds);
	add_number(&text, agreed->has_max_data_xfer_size, "max_data_xfer_size",
		   agreed->max_data_xfer_size);
	add_number(&text, agreed->has_max_dma_maps, "max_dma_maps", agreed->max_dma_maps);
	add_number(&text, agreed->has_pgsizes, "pgsizes", agreed->pgsizes);
	if (agreed->has_write_multiple) {
		add_name(&text, "write_multiple");
		add(&text, agreed->write_multiple ? "true" : "false");
	}
	if (agreed->twin_socket) {
		add_name(&text, "twin_socket");
		add(&text, "{\"supported\":true,\"fd_index\":0}");
	}
	if (agreed->has_pasid)
		add_pasid(&text, agreed);
	add(&text, "}}");

	size = (size_t)(text.at - (char *)to) + 1;
	return size <= request_size || agreed->twin_socket || agreed->has_pasid ? size
										: sizeof(version);
}
