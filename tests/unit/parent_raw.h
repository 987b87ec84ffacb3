/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of a parent's socket that writes its bytes by hand: it shares no line with src/parent.
 * The parent is dispatched by the test itself, so that everything has happened when it looks.
 *
 * All numbers are of the machine's byte order. A message begins with type u16, flags u16, id u32;
 * what comes then is said beside each.
 */
#ifndef PARENT_RAW_H
#define PARENT_RAW_H

#include "parent_fixture.h"

#include <sys/socket.h>

#define FDS_MAX 253u

/* Questions. */
#define HELLO 1u /* version u32, 0 u32 */
#define INFO  2u
#define CHANGE                                                                             \
	3u /* count u32, 0 u32, then each: iova, size, offset u64, prot u32, flags, fd u16 \
	    */
#define ALLOC_VECTOR 4u
#define FREE_VECTOR  5u	 /* vector u32, 0 u32 */
#define SET_EVENTFD  6u	 /* vector u32, 0 or 1 u32 */
#define SET_MASK     7u	 /* vector u32, 0 or 1 u32 */
#define IS_PENDING   8u	 /* vector u32, 0 u32 */
#define OPEN_QUEUE   9u	 /* shared, depth, weight, config size u32, config */
#define CLOSE_QUEUE  10u /* queue u32, 0 u32 */
#define COMMAND	     11u /* queue u32, command u32 */
#define HEARD	     12u
#define BYE	     13u
#define GET_REGION   14u /* region u32, 0 or 1 u32 */
#define PUT_REGION   15u /* region u32, 0 u32 */

/* Answers and news. */
#define DONE	       64u /* count u32, 0 u32, then each: id u32, result i32, value u32, 0 u32 */
#define REVOKED	       65u /* count u32, 0 u32, then each: vector u32 */
#define HALTED	       66u /* queue u32, reason i32, lost u32, size u32, 64 bytes */
#define NOTED	       67u
#define REGION_REVOKED 68u /* region u32, 0 u32 */

#define WAITS 1u
#define MORE  2u

#define UNMAP 1u

struct raw {
	uint8_t bytes[8192];
	size_t size;
	int fds[FDS_MAX];
	unsigned int fd_count;
};

static inline void put16(struct raw *raw, uint16_t value)
{
	memcpy(raw->bytes + raw->size, &value, sizeof(value));
	raw->size += sizeof(value);
}

static inline void put32(struct raw *raw, uint32_t value)
{
	memcpy(raw->bytes + raw->size, &value, sizeof(value));
	raw->size += sizeof(value);
}

static inline void put64(struct raw *raw, uint64_t value)
{
	memcpy(raw->bytes + raw->size, &value, sizeof(value));
	raw->size += sizeof(value);
}

static inline struct raw raw_begin(uint16_t type, uint16_t flags, uint32_t id)
{
	struct raw raw;

	memset(&raw, 0, sizeof(raw));
	put16(&raw, type);
	put16(&raw, flags);
	put32(&raw, id);
	return raw;
}

/* The many that have two numbers behind the header. */
static inline struct raw raw_two(uint16_t type, uint32_t id, uint32_t first, uint32_t second)
{
	struct raw raw = raw_begin(type, 0, id);

	put32(&raw, first);
	put32(&raw, second);
	return raw;
}

static inline struct raw raw_open(uint32_t id, uint32_t depth)
{
	struct raw raw = raw_begin(OPEN_QUEUE, 0, id);

	put32(&raw, 0);
	put32(&raw, depth);
	put32(&raw, 1);
	put32(&raw, 0);
	return raw;
}

static inline struct raw raw_changes(uint32_t id, uint16_t flags, uint32_t count)
{
	struct raw raw = raw_begin(CHANGE, flags, id);

	put32(&raw, count);
	put32(&raw, 0);
	return raw;
}

static inline void put_map(struct raw *raw, uint64_t iova, uint64_t size, uint64_t offset,
			   uint16_t fd)
{
	put64(raw, iova);
	put64(raw, size);
	put64(raw, offset);
	put32(raw, 3);
	put16(raw, 0);
	put16(raw, fd);
}

static inline void put_unmap(struct raw *raw, uint64_t iova, uint64_t size)
{
	put64(raw, iova);
	put64(raw, size);
	put64(raw, 0);
	put32(raw, 0);
	put16(raw, UNMAP);
	put16(raw, 0);
}

/* A map of one page with its fd. */
static inline struct raw raw_map(uint32_t id, uint64_t iova, int fd)
{
	struct raw raw = raw_changes(id, 0, 1);

	put_map(&raw, iova, 4096, 0, 0);
	raw.fds[raw.fd_count++] = fd;
	return raw;
}

static inline struct raw raw_unmap(uint32_t id, uint64_t iova, uint64_t size)
{
	struct raw raw = raw_changes(id, 0, 1);

	put_unmap(&raw, iova, size);
	return raw;
}

union raw_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* 0 or -errno. */
static inline int raw_try_send(int to, const struct raw *raw)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)raw->bytes, .iov_len = raw->size};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	size_t size = raw->fd_count * sizeof(int);
	union raw_control control;

	memset(&control, 0, sizeof(control));
	if (raw->fd_count) {
		control.align = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS,
						 .cmsg_len = CMSG_LEN(size)};
		memcpy(CMSG_DATA(&control.align), raw->fds, size);
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(size);
	}
	return sendmsg(to, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static inline void raw_send(int to, const struct raw *raw)
{
	assert_int_equal(raw_try_send(to, raw), 0);
}

/* Size; 0 at the end; -errno. */
static inline int raw_try_receive(int from, struct raw *ret)
{
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(ret->bytes)}; /* they are first */
	union raw_control control;
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(from, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&header) : NULL;

	ret->size = n < 0 ? 0 : (size_t)n;
	ret->fd_count = 0;
	if (c) {
		ret->fd_count = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(ret->fds, CMSG_DATA(c), ret->fd_count * sizeof(int));
	}
	return n < 0 ? -errno : (int)n;
}

static inline uint16_t get16(const struct raw *raw, size_t offset)
{
	uint16_t value;

	assert_true(offset + sizeof(value) <= raw->size);
	memcpy(&value, raw->bytes + offset, sizeof(value));
	return value;
}

static inline uint32_t get32(const struct raw *raw, size_t offset)
{
	uint32_t value;

	assert_true(offset + sizeof(value) <= raw->size);
	memcpy(&value, raw->bytes + offset, sizeof(value));
	return value;
}

#endif
