# SPDX-License-Identifier: BSD-2-Clause
"""A parent's socket and ring in an encoding of our own, which shares nothing with the library.

The messages are those of src/parent/message.h, the ring that of src/parent/ring.h, the descriptors
Intel DSA's. Numbers have the byte order of the machine, in descriptors they are little-endian.
"""

import array
import collections
import json
import mmap
import os
import select
import socket
import struct

TIMEOUT = 10.0  # seconds; a sanitised parent is slow
VERSION = 1

HELLO, INFO, CHANGE, ALLOC_VECTOR, FREE_VECTOR, SET_EVENTFD = 1, 2, 3, 4, 5, 6
SET_MASK, IS_PENDING, OPEN_QUEUE, CLOSE_QUEUE, COMMAND, HEARD, BYE = 7, 8, 9, 10, 11, 12, 13
GET_REGION, PUT_REGION = 14, 15
DONE, REVOKED, HALTED, NOTED, REGION_REVOKED = 64, 65, 66, 67, 68

READ, WRITE = 1, 2
ENTRY = 64
ENTRIES_AT, TAIL_AT, HEAD_AT = 4096, 0, 64

NOP, BATCH, MOVE, FILL = 0, 1, 3, 4
CRAV, RCR, RCI = 4, 8, 16

Done = collections.namedtuple("Done", "result value")


class Link:
    """An owner's connection. Questions are asked one at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        self.number = 0
        self.events = []  # types of what the parent told unasked
        message, _ = self.exchange(HELLO, struct.pack("=II", VERSION, 0))
        result = struct.unpack_from("=i", message, 12)[0]
        if result:
            text = message[16:16 + 232].split(b"\0")[0].decode()
            raise ConnectionRefusedError(-result, text)

    def send(self, kind, payload=b"", fds=(), number=None):
        """Sends a message. Returns its number."""
        if number is None:
            self.number += 1
            number = self.number
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([struct.pack("=HHI", kind, 0, number) + payload], ancillary)
        return number

    def receive(self):
        """The next message, and its fds; an empty one is the end."""
        size = socket.CMSG_SPACE(4 * 4)
        message, ancillary, _, _ = self.socket.recvmsg(8192, size)
        fds = array.array("i")
        for _, _, data in ancillary:
            fds.frombytes(data[:len(data) // 4 * 4])
        return message, list(fds)

    def exchange(self, kind, payload=b"", fds=()):
        """Asks, and returns the answer to that."""
        number = self.send(kind, payload, fds)
        while True:
            message, received = self.receive()
            if not message:
                raise ConnectionResetError("the parent has hung up")
            got, _, answers = struct.unpack_from("=HHI", message)
            if got == DONE:
                for done in self.each_done(message):
                    if done[0] == number:
                        return message, received
            elif answers == number:
                return message, received
            else:
                self.take_event(got)

    def take_event(self, kind):
        """What is told unasked is remembered, and acknowledged where it wants to be."""
        self.events.append(kind)
        if kind in (HALTED, NOTED):
            self.send(HEARD, number=0)

    @staticmethod
    def each_done(message):
        """(number, result, value) of each."""
        count = struct.unpack_from("=I", message, 8)[0]
        return [struct.unpack_from("=IiI", message, 16 + 16 * i) for i in range(count)]

    def ask(self, kind, payload=b"", fds=()):
        """Asks what is answered by DONE."""
        message, _ = self.exchange(kind, payload, fds)
        number = self.number
        return [Done(result, value) for n, result, value in self.each_done(message)
                if n == number][0]

    def ok(self, kind, payload=b"", fds=()):
        """The same for what is to succeed. Returns the value."""
        done = self.ask(kind, payload, fds)
        assert done.result == 0, os.strerror(-done.result)
        return done.value

    def map(self, iova, size, fd):
        """Maps a file from its beginning."""
        change = struct.pack("=QQQIHH", iova, size, 0, READ | WRITE, 0, 0)
        self.ok(CHANGE, struct.pack("=II", 1, 0) + change, [fd])

    def vector(self, eventfd):
        """An interrupt that signals an eventfd. Returns its number."""
        vector = self.ok(ALLOC_VECTOR)
        self.ok(SET_EVENTFD, struct.pack("=II", vector, 1), [eventfd])
        return vector

    def queue(self, depth=16):
        """Opens a dedicated queue."""
        message, fds = self.exchange(OPEN_QUEUE, struct.pack("=IIII", 0, depth, 0, 0))
        assert struct.unpack_from("=H", message)[0] == OPEN_QUEUE
        number, depth = struct.unpack_from("=II", message, 8)
        return Queue(number, depth, *fds)

    def poll(self, seconds=0.0):
        """Takes what the parent tells unasked, for so long. Returns whether it is there still."""
        while select.select([self.socket], [], [], seconds)[0]:
            message, _ = self.receive()
            if not message:
                return False
            self.take_event(struct.unpack_from("=H", message)[0])
            seconds = 0.0
        return True

    def close(self):
        """Hangs up."""
        self.socket.close()


class Queue:
    """A queue's ring and doorbell, scribbled at will."""

    def __init__(self, number, depth, ring_fd, doorbell):
        self.number, self.depth, self.doorbell = number, depth, doorbell
        self.ring = mmap.mmap(ring_fd, ENTRIES_AT + depth * ENTRY)
        os.close(ring_fd)

    def get(self, offset):
        """A number of the ring's."""
        return struct.unpack_from("=I", self.ring, offset)[0]

    def set_tail(self, tail):
        """Says that so many have been submitted, and rings."""
        struct.pack_into("=I", self.ring, TAIL_AT, tail & 0xffffffff)
        os.write(self.doorbell, struct.pack("=Q", 1))

    def submit(self, entry):
        """Submits one entry."""
        tail = self.get(TAIL_AT)
        at = ENTRIES_AT + tail % self.depth * ENTRY
        self.ring[at:at + ENTRY] = entry
        self.set_tail(tail + 1)


def descriptor(opcode, record, *, flags=CRAV | RCR, pasid=0, source=0, destination=0, size=0,
               handle=0):
    """Intel DSA's, 64 bytes."""
    return struct.pack("<IIQQQIH", pasid, opcode << 24 | flags, record, source, destination, size,
                       handle).ljust(ENTRY, b"\0")


def read_status(path):
    """What a parent tells of its owners: {owner: counters}."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect(path)
        with sock.makefile() as file:
            return {owner["owner"]: owner for owner in json.load(file)["owners"]}
