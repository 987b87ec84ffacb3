# SPDX-License-Identifier: BSD-2-Clause
"""A client whose memory the device reaches by messages: it is asked, and answers as a test says."""

import errno
import socket
import struct
import time
from typing import NamedTuple

import protocol as p
from client import TIMEOUT
from registers import COPY_FROM, REMOTE_CANCEL, REMOTE_RESULT, REMOTE_RUN, Driver

PEEK_ALL = socket.MSG_PEEK | socket.MSG_WAITALL


class Ask(NamedTuple):
    """A DMA_READ or DMA_WRITE of the server's."""

    id: int
    command: int
    address: int
    count: int
    data: bytes  # of a write

    def reply(self, payload, flags=p.TYPE_REPLY, error=0, command=None):
        return p.HEADER.pack(self.id, self.command if command is None else command,
                             p.HEADER_SIZE + len(payload), flags, error) + payload

    def echo(self, data=b"", address=None, count=None):
        """A reply that names these in place of what was asked for."""
        return self.reply(struct.pack("=QQ", self.address if address is None else address,
                                      self.count if count is None else count) + data)

    def error(self, number):
        return self.reply(b"", p.TYPE_REPLY | p.ERROR, number)

    def good(self, memory):
        """The right answer, for which memory, a bytearray from address 0, is read or written."""
        end = self.address + self.count
        if self.command == p.DMA_READ:
            return self.echo(bytes(memory[self.address:end]))
        memory[self.address:end] = self.data
        return self.echo()


class Asked(Driver):
    """The main connection. Commands of the server's are kept apart from its replies."""

    def __init__(self, sock):
        super().__init__(sock)
        self.asks = []
        self.twin = None  # where the server's commands come on a socket of their own

    def begin(self, twin=False, **capabilities):
        """VERSION, with a twin socket if wanted, and the device switched on."""
        if twin:
            capabilities["twin_socket"] = {"supported": True}
        reply = self.call(p.version({**p.QEMU_CAPABILITIES, **capabilities}))
        assert reply.error == "OK"
        if twin:
            self.fds.remove(reply.fds[0])
            self.twin = Twin(socket.socket(fileno=reply.fds[0]))
        self.enable()
        return self

    def close(self):
        super().close()
        if self.twin:
            self.twin.close()

    def recv(self):
        while True:
            ask, reply = self._take()
            if reply:
                return reply
            self.asks.append(ask)

    def _take(self):
        """The next message: an Ask and None, or None and a Reply."""
        header = self.sock.recv(p.HEADER_SIZE, PEEK_ALL)
        if len(header) == p.HEADER_SIZE and p.HEADER.unpack(header)[3] == p.TYPE_COMMAND:
            return self._take_ask(), None
        return None, super().recv()

    def _take_ask(self):
        header, fds = self._recv_exactly(p.HEADER_SIZE)
        msg_id, command, size, flags, number = p.HEADER.unpack(header)
        assert command in (p.DMA_READ, p.DMA_WRITE)
        assert (flags, number, fds) == (p.TYPE_COMMAND, 0, [])
        payload, fds = self._recv_exactly(size - p.HEADER_SIZE)
        assert fds == []
        address, count = struct.unpack_from("=QQ", payload)
        assert len(payload) == 16 + (count if command == p.DMA_WRITE else 0)
        return Ask(msg_id, command, address, count, payload[16:])

    # ---- What the server asks for, wherever it does

    def ask(self):
        """The next command of the server's."""
        if self.twin:
            return self.twin.ask()
        if not self.asks:
            ask, reply = self._take()
            assert ask, f"not expected: {reply}"
            return ask
        return self.asks.pop(0)

    def asks_now(self, seconds=0.1):
        """All that come until none has for so long."""
        end, found = self.twin or self, []
        end.sock.settimeout(seconds)
        try:
            while True:
                found.append(self.ask())
        except TimeoutError:
            return found
        finally:
            end.sock.settimeout(TIMEOUT)

    def answer(self, *replies):
        (self.twin or self).sock.sendall(b"".join(replies))

    def serve(self, memory, done):
        """Answers rightly until `done()`. Returns what was asked for."""
        asks, deadline = [], time.monotonic() + TIMEOUT
        while not done():
            assert time.monotonic() < deadline, "the copy does not end"
            for ask in self.asks_now(0.005):
                asks.append(ask)
                self.answer(ask.good(memory))
        return asks

    # ---- Copies

    def start(self, source, target, size, number=0):
        self.write(p.BAR0, COPY_FROM, struct.pack("<QQI", source, target, size))
        self.set_reg(REMOTE_RUN, number)

    def cancel(self, number=0):
        self.set_reg(REMOTE_CANCEL, number)

    def result(self, number=0):
        value = self.reg(REMOTE_RESULT + 4 * number)
        return errno.errorcode.get(value, str(value)) if value else "OK"

    def ended(self, number=0):
        return self.result(number) != "EINPROGRESS"

    def wait_result(self, number=0):
        """How a copy ends of which everything has been answered."""
        deadline = time.monotonic() + TIMEOUT
        while not self.ended(number):
            assert time.monotonic() < deadline, "the copy does not end"
            time.sleep(0.001)
        return self.result(number)

    def run(self, memory, source, target, size):
        """A whole copy. Returns how it ended, and what was asked for."""
        self.start(source, target, size)
        asks = self.serve(memory, self.ended)
        return self.result(), asks


class Twin(Asked):
    """The socket for the server's commands."""
