# SPDX-License-Identifier: BSD-2-Clause
"""The extension for PASIDs and page requests, from docs/extensions.md, and a client that speaks it.

The client drives the tagged shape of the test device: BAR5's registers in device.h.
"""

import errno
import struct
import time
from typing import NamedTuple

import protocol as p
from client import TIMEOUT
from registers import COMMAND_IO, COMMAND_MASTER, COMMAND_MEM
from remote import PEEK_ALL, Asked

# Commands
ATTACH, DETACH, MAP, UNMAP, PAGE_REQUEST, STOP_MARKER = range(0xf001, 0xf007)

# Flags of maps and of page requests
READ, WRITE, EXECUTE, PRIVILEGED, HAS_PASID = 1, 2, 4, 8, 16

# Response codes
SUCCESS, INVALID, FAILURE = 0, 1, 15

# What the server has
MAX_SPACES = 256
MAX_PAGE_REQUESTS = 512
WIDTH = 16
QUEUE = 256  # requests that wait
REQUEST_PAGES = 16  # the most that one asks for
PATIENCE = 5  # seconds

OFFER = {"max_spaces": MAX_SPACES, "max_page_requests": MAX_PAGE_REQUESTS}

# Config space of the tagged shape
PRI_CONTROL, PRI_STATUS, PRI_CAPACITY, PRI_ALLOCATION = 0x104, 0x106, 0x108, 0x10c
PRI_ENABLE, PRI_RESET = 1, 2
STATUS_FAILURE, STATUS_UNEXPECTED, STATUS_STOPPED, STATUS_PASID = 1, 2, 0x100, 0x8000
PASID_CONTROL = 0x116
PASID_ENABLE, PASID_EXECUTE, PASID_PRIVILEGED = 1, 2, 4

# BAR5 of the tagged shape
TAG_PASID = 0x00
TAG_COPY = 0x14
TAG_COPY_CANCEL = 0x18
TAG_ASK = 0x1c
TAG_ASK_CANCEL = 0x20
TAG_STOP = 0x24
TAG_STOP_RESULT = 0x28
TAG_ATTACHED = 0x2c
TAG_DETACHED = 0x30
TAG_COPY_RESULTS = 0x100
TAG_ASK_RESULTS = 0x1000
TAG_ASKS = 512
TAG_BUFFERS = 0x100000
TAG_BUFFER = 0x10000
NO_PASID = 0xffffffff
DO_EXECUTE, DO_PRIVILEGED, DO_WRITE, DO_READ, DO_WAIT = 1, 2, 4, 8, 16


def attach(pasid):
    return p.Command(ATTACH, struct.pack("=IIII", 16, 0, pasid, 0))


def detach(pasid):
    return p.Command(DETACH, struct.pack("=IIII", 16, 0, pasid, 0))


def dma_map(pasid, address, size, fd, flags=READ | WRITE, offset=0):
    payload = struct.pack("=IIQQQII", 40, flags, offset, address, size, pasid, 0)
    return p.Command(MAP, payload, () if fd is None else (fd,))


def dma_unmap(pasid, address, size, flags=0):
    return p.Command(UNMAP, struct.pack("=IIQQII", 32, flags, address, size, pasid, 0))


def dma_unmap_all(pasid):
    return dma_unmap(pasid, 0, 0, p.UNMAP_ALL)


class PageRequest(NamedTuple):
    """A PAGE_REQUEST of the server's."""

    id: int
    flags: int
    pasid: int
    address: int
    pages: int
    group: int

    def respond(self, code=SUCCESS, pasid=None, group=None, reserved=0):
        return self.reply(struct.pack("=IIII", self.pasid if pasid is None else pasid,
                                      self.group if group is None else group, code, reserved))

    def reply(self, payload, flags=p.TYPE_REPLY, error=0, command=PAGE_REQUEST):
        return p.HEADER.pack(self.id, command, p.HEADER_SIZE + len(payload), flags, error) + payload

    def error(self, number=errno.EINVAL):
        return self.reply(b"", p.TYPE_REPLY | p.ERROR, number)


class Marker(NamedTuple):
    """A STOP_MARKER of the server's."""

    pasid: int


class Tagged(Asked):
    """A client that has the extension, with everything that the driver can enable enabled."""

    def begin(self, twin=False, offer=None, allocation=32, **capabilities):
        super().begin(twin, umdev_pasid=OFFER if offer is None else offer, **capabilities)
        if self.twin:
            self.twin = TaggedTwin(self.twin.sock)
        self.enable_all(allocation)
        return self

    def enable_all(self, allocation=32):
        self.enable()
        self.put(p.CONFIG, PASID_CONTROL, PASID_ENABLE | PASID_EXECUTE | PASID_PRIVILEGED, 2)
        self.put(p.CONFIG, PRI_ALLOCATION, allocation)
        self.put(p.CONFIG, PRI_CONTROL, PRI_ENABLE, 2)

    def bus_master_off(self):
        self.enable(COMMAND_IO | COMMAND_MEM)

    def status(self):
        return self.get(p.CONFIG, PRI_STATUS, 2) & ~STATUS_PASID

    # ---- The server's commands

    def _take(self):
        header = self.sock.recv(p.HEADER_SIZE, PEEK_ALL)
        if len(header) == p.HEADER_SIZE:
            _, command, _, flags, _ = p.HEADER.unpack(header)
            if command in (PAGE_REQUEST, STOP_MARKER) and not flags & p.TYPE_REPLY:
                return self._take_extension(), None
        return super()._take()

    def _take_extension(self):
        header, fds = self._recv_exactly(p.HEADER_SIZE)
        msg_id, command, size, flags, number = p.HEADER.unpack(header)
        assert (number, fds) == (0, [])
        payload, fds = self._recv_exactly(size - p.HEADER_SIZE)
        assert fds == []
        if command == STOP_MARKER:
            assert flags == p.NO_REPLY and len(payload) == 8
            pasid, reserved = struct.unpack("=II", payload)
            assert reserved == 0
            return Marker(pasid)
        assert (command, flags, len(payload)) == (PAGE_REQUEST, p.TYPE_COMMAND, 24)
        return PageRequest(msg_id, *struct.unpack("=IIQII", payload))

    def settle(self, requests, seconds=0.2):
        """Answers page requests with Success, as long as they come. Returns all of them."""
        requests = list(requests)
        done = 0
        while done < len(requests):
            self.answer(*(request.respond() for request in requests[done:]))
            done = len(requests)
            requests += self.asks_now(seconds)
        return requests

    # ---- The device's registers

    def describe(self, pasid, flags, iova, size):
        self.write(p.BAR5, TAG_PASID, struct.pack("<IIQI", pasid, flags, iova, size))

    def do(self, register, number=0):
        self.put(p.BAR5, register, number)

    def outcome(self, register):
        value = self.get(p.BAR5, register)
        return errno.errorcode.get(value, str(value)) if value else "OK"

    def copied(self, number=0):
        return self.outcome(TAG_COPY_RESULTS + 4 * number)

    def asked(self, number=0):
        return self.outcome(TAG_ASK_RESULTS + 4 * number)

    def all_asked(self, count):
        """How the first page requests ended: each result with how many had it."""
        raw = self.read(p.BAR5, TAG_ASK_RESULTS, 4 * count)
        names = [errno.errorcode.get(value, str(value)) if value else "OK"
                 for (value,) in struct.iter_unpack("<I", raw)]
        return {name: names.count(name) for name in names}

    def wait(self, outcome, number=0):
        """What a transfer or page request, `copied` or `asked`, ends with."""
        deadline = time.monotonic() + TIMEOUT
        while (result := outcome(number)) == "EINPROGRESS":
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.001)
        return result

    def fetch(self, pasid, iova, size, flags=0, number=0):
        """Has the device read. Returns the bytes, or how it failed; None while in progress."""
        self.describe(pasid, flags, iova, size)
        self.do(TAG_COPY, number)
        return self.fetched(size, number)

    def fetched(self, size, number=0):
        result = self.copied(number)
        if result == "EINPROGRESS":
            return None
        at = TAG_BUFFERS + number * TAG_BUFFER
        return self.read(p.BAR5, at, size) if result == "OK" else result

    def store(self, pasid, iova, data, flags=0, number=0):
        """Has the device write. Returns how that ended, "EINPROGRESS" meanwhile."""
        self.write(p.BAR5, TAG_BUFFERS + number * TAG_BUFFER, data)
        self.describe(pasid, flags | DO_WRITE, iova, len(data))
        self.do(TAG_COPY, number)
        return self.copied(number)

    def ask_for(self, pasid, address, pages=1, flags=DO_READ, number=0):
        """Has the device ask for pages. Returns how that began."""
        self.describe(pasid, flags, address, pages)
        self.do(TAG_ASK, number)
        return self.asked(number)

    def request(self, pasid, address, pages=1, flags=DO_READ, number=0):
        """The same, and takes the request as it comes."""
        assert self.ask_for(pasid, address, pages, flags, number) == "EINPROGRESS"
        return self.ask()

    def stop(self, pasid):
        self.do(TAG_STOP, pasid)
        return self.outcome(TAG_STOP_RESULT)


class TaggedTwin(Tagged):
    """The socket for the server's commands."""
