/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/listen.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/foreign.h"
#include "base/receive.h"
#include "wire/proto.h"

void umd_refuse(int fd, int error)
{
	struct umd_wire_header header;
	int fds[UMD_SCM_MAX_FD];
	unsigned int fd_count = 0;
	uint8_t rest[4096];

	shutdown(fd, SHUT_RD);
	if (umd_receive(fd, &header, sizeof(header), fds, &fd_count) == sizeof(header)) {
		header.flags = UMD_WIRE_TYPE_REPLY | UMD_WIRE_ERROR;
		header.size = sizeof(header);
		header.error = (uint32_t)-error;
		send(fd, &header, sizeof(header), MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	umd_foreign_close_all(fds, fd_count);
	umd_hang_up(&fd, rest, sizeof(rest));
}
