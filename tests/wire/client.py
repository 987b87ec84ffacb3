# SPDX-License-Identifier: BSD-2-Clause
"""A vfio-user client on a raw socket.

It sends what a test builds, whole or in pieces, and checks of every reply what holds for all of
them: the type, the error bit, that an error reply is a header alone. Every wait is bounded.
"""

import array
import errno
import fcntl
import os
import socket
import struct
import time
from typing import NamedTuple

import protocol as p

TIMEOUT = 5.0  # seconds, for whatever a test waits for
MAX_FDS = 253  # the kernel's limit for one message
TIOCOUTQ = 0x5411


class Reply(NamedTuple):
    """A reply as it came, with the descriptors that came along."""

    id: int
    command: int
    errno: int
    payload: bytes
    fds: tuple

    @property
    def error(self):
        """The errno's name, "OK" for none: reads well in a failed assertion."""
        return errno.errorcode.get(self.errno, str(self.errno)) if self.errno else "OK"


class Closed(Exception):
    """The server has closed the connection cleanly."""


class Client:
    """One connection."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(TIMEOUT)
        self.next_id = 1
        self.fds = []  # received, closed with the client

    @classmethod
    def to(cls, path):
        """Connects; waits, as a blocking connect() does, while the server's backlog is full."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(TIMEOUT), 0))
        sock.connect(path)
        return cls(sock)

    def close(self):
        self.sock.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    # ---- Sending

    def take_id(self):
        msg_id = self.next_id
        self.next_id = (msg_id + 1) & 0xffff
        return msg_id

    def send(self, command, flags=p.TYPE_COMMAND, size=None):
        """Sends one command. Returns its id."""
        msg_id = self.take_id()
        self.send_bytes(command.encode(msg_id, flags, size), command.fds)
        return msg_id

    def send_bytes(self, data, fds=()):
        """Sends bytes, with descriptors at the first of them."""
        sent = socket.send_fds(self.sock, [data], fds) if fds else 0
        self.sock.sendall(data[sent:])

    def wait_taken(self):
        """Waits until the server has received every byte that was sent."""
        deadline = time.monotonic() + TIMEOUT
        left = array.array("i", [1])
        while True:
            fcntl.ioctl(self.sock, TIOCOUTQ, left)
            if left[0] == 0:
                return
            assert time.monotonic() < deadline, f"{left[0]} bytes were not received"
            time.sleep(0.0002)

    # ---- Receiving

    def recv(self):
        """The next reply. Raises Closed at a clean end; ECONNRESET is never one."""
        header, fds = self._recv_exactly(p.HEADER_SIZE)
        msg_id, command, size, flags, number = p.HEADER.unpack(header)
        payload = b""
        if size > p.HEADER_SIZE:
            payload, more = self._recv_exactly(size - p.HEADER_SIZE)
            self.fds += more
            assert not more, "descriptors come with the header: QEMU looks for them nowhere else"
        self.fds += fds

        assert size >= p.HEADER_SIZE
        assert flags in (p.TYPE_REPLY, p.TYPE_REPLY | p.ERROR)
        assert bool(number) == bool(flags & p.ERROR)
        assert not number or size == p.HEADER_SIZE, "an error reply is the header alone"
        return Reply(msg_id, command, number, payload, tuple(fds))

    def _recv_exactly(self, size):
        data, fds = b"", []
        while len(data) < size:
            space = socket.CMSG_SPACE(MAX_FDS * 4)
            chunk, ancillary, flags, _ = self.sock.recvmsg(size - len(data), space)
            assert not flags & socket.MSG_CTRUNC
            for level, kind, payload in ancillary:
                assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
                fds += struct.unpack(f"{len(payload) // 4}i", payload)
            if not chunk:
                assert not data, f"the connection ended inside a message: {data!r}"
                raise Closed
            data += chunk
        return data, fds

    def expect_end(self):
        """Reads the clean end of the connection."""
        try:
            reply = self.recv()
        except Closed:
            return
        raise AssertionError(f"the connection goes on: {reply}")

    def expect_silence(self, seconds=0.05):
        """Nothing comes for so long."""
        self.sock.settimeout(seconds)
        try:
            reply = self.recv()
        except socket.timeout:
            return
        finally:
            self.sock.settimeout(TIMEOUT)
        raise AssertionError(f"not expected: {reply}")

    # ---- Both

    def expect(self, msg_id, command):
        """The next reply, which is to be the answer to that command."""
        reply = self.recv()
        assert (reply.id, reply.command) == (msg_id, command.number)
        return reply

    def call(self, command):
        """Sends a command and receives its reply."""
        return self.expect(self.send(command), command)

    def error(self, command):
        """How a command ends: an errno's name, or "OK"."""
        return self.call(command).error

    def ok(self, command):
        """Sends a command that is to succeed. Returns the reply's payload."""
        reply = self.call(command)
        assert reply.error == "OK"
        return reply.payload

    def alive(self):
        """The connection still serves commands, and no stray reply is on its way."""
        assert len(self.ok(p.get_info())) == 16

    # ---- Regions, which every test needs

    def read(self, region, offset, count):
        """The bytes of a region."""
        payload = self.ok(p.region_read(region, offset, count))
        assert payload[:16] == struct.pack("=QII", offset, region, count)
        assert len(payload) == 16 + count
        return payload[16:]

    def write(self, region, offset, data):
        """Writes bytes to a region."""
        payload = self.ok(p.region_write(region, offset, data))
        assert payload == struct.pack("=QII", offset, region, len(data))

    def get(self, region, offset, size=4):
        """The value of a little-endian register."""
        return int.from_bytes(self.read(region, offset, size), "little")

    def put(self, region, offset, value, size=4):
        """Writes a little-endian register."""
        self.write(region, offset, value.to_bytes(size, "little"))
