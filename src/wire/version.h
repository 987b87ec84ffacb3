/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Version negotiation: the VERSION message's capabilities, read from a peer and written for one.
 */
#ifndef UMD_WIRE_VERSION_H
#define UMD_WIRE_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one side can take. The names are the JSON's. */
struct umd_wire_caps {
	uint16_t minor;
	uint64_t max_msg_fds;
	uint64_t max_data_xfer_size; /* bytes */
	uint64_t max_dma_maps;
	uint64_t pgsizes;
	bool write_multiple;
	bool twin_socket;

	/* The extension of wire/pasid.h; its name in the JSON is umdev_pasid. */
	uint64_t max_spaces;
	uint64_t max_page_requests; /* pages asked for at a time */

	/* Which of them the peer named; a reply has no others. */
	bool has_json, has_max_msg_fds, has_max_data_xfer_size, has_max_dma_maps, has_pgsizes;
	bool has_write_multiple, has_pasid;
};

/*
 * Reads a VERSION payload.
 *
 * @param payload major, minor, then JSON with its NUL, or nothing
 * @return 0; -EINVAL for a major that is not ours, bad JSON, or a limit nobody can work with
 */
int umd_wire_version_parse(const uint8_t *payload, size_t size, struct umd_wire_caps *ret);

/*
 * The capabilities that hold between a peer's and ours: the lesser of each limit.
 */
struct umd_wire_caps umd_wire_version_agree(const struct umd_wire_caps *theirs);

/*
 * Writes the payload of the reply to a VERSION whose capabilities were `agreed` on: only what the
 * peer named, and no JSON at all where it would be longer than the request's, since QEMU's client
 * takes no longer reply. A peer that offers a twin socket has to expect the number of its fd, which
 * is 0, and one that offers our extension its limits, so for those the reply may be longer.
 *
 * @param request_size of the peer's payload
 * @param to           at least UMD_WIRE_VERSION_MAX bytes
 * @return its size
 */
size_t umd_wire_version_write(const struct umd_wire_caps *agreed, size_t request_size, uint8_t *to);
#define UMD_WIRE_VERSION_MAX 512u

#endif
