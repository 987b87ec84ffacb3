# SPDX-License-Identifier: BSD-2-Clause
"""The test device as its driver sees it: device.h's registers, and a driver that uses them."""

import errno
import os
import select
import struct
from typing import NamedTuple

import protocol as p
from client import TIMEOUT, Client

BAR_SIZES = {p.BAR0: 0x1000, p.BAR1: 0x100, p.BAR2: 0x10000, p.BAR3: 0, p.BAR4: 0x2000, p.BAR5: 0}
MEMORY_AREAS = [(0, 0x4000), (0x8000, 0x4000)]  # of BAR2
PBA = 0x1000  # in BAR4, behind the table
VECTORS = 64

# BAR0
LOG_COUNT = 0xe00
LOG_FIRST = 0xe08
LOG_ENTRIES = 31
TRIGGER = 0xf00
INTX_LEVEL = 0xf04
COPY_FROM = 0xf08
COPY_TO = 0xf10
COPY_SIZE = 0xf18
COPY_RUN = 0xf20
COPY_RESULT = 0xf24
FAIL = 0xf28
DELAY = 0xf2c
NEVER = 0xf30
CANCELS = 0xf34
RESETS = 0xf38
COMPLETED = 0xf3c
DOORBELLS = 0xf40
MATCHES = 0xf44
DISCONNECTS = 0xf48
SIGNAL = 0xf50
SELF_RESET = 0xf54
TRIGGER_MSI = 0xf58
UNPLUG = 0xf5c
WAKE = 0xf60
BELL_REGISTER = 0xf64
UNCORRECTABLE = 0xf6c
CORRECTABLE = 0xf70
STORE_BACK = 0xf74
STORE_TRIGGER = 0xf78
STORE_STRANGER = 0xf7c
STORE_REVOKE = 0xf80
EVENT_COUNT = 0xf84
EVENTS = 0xf88
EVENTS_KEPT = 32
MSI_ENABLED = 0xfa8
MSIX_ENABLED = 0xfac
RESET_NOW = 0xfb0
REMOTE_RUN = 0xfb4
REMOTE_CANCEL = 0xfb8
REMOTE_RESULT = 0xfc0
DOORBELL = 0xff0
MATCHED_DOORBELL = 0xff4
BELL = 0xff8
DOORBELL_VALUE = 0x1234
ANSWER_VECTOR = 63
MSI_MESSAGES = {"plain": 0, "express": 8, "conventional": 4}

# What the device is told
RESET_DEVICE, RESET_FLR, RESET_POWER, RESET_SELF, RESET_DISCONNECT = range(0x10, 0x15)
POWER_D0, POWER_D1, POWER_D2, POWER_D3HOT, POWER_LOW = range(0x20, 0x25)

# Config space
VENDOR = 0x00
COMMAND = 0x04
STATUS = 0x06
COMMAND_IO = 1
COMMAND_MEM = 2
COMMAND_MASTER = 4
COMMAND_INTX_DISABLE = 0x400
CAP_MAILBOX = 0x09  # a vendor-specific capability: mailbox.c


class Piece(NamedTuple):
    """A register access that the device saw."""

    bar: int
    write: bool
    offset: int
    size: int
    value: int


def command_write(register, value):
    """The REGION_WRITE of a BAR0 register."""
    return p.region_write(p.BAR0, register, struct.pack("<I", value))


def copy_commands(source, target, size):
    """The REGION_WRITEs that make the device copy."""
    return [p.region_write(p.BAR0, COPY_FROM, struct.pack("<QQI", source, target, size)),
            command_write(COPY_RUN, 1)]


class Driver(Client):
    """A client that has done its VERSION and drives the test device."""

    def __init__(self, sock):
        super().__init__(sock)
        self.mailbox = None  # where it lies, once that is known
        self.events_seen = 0

    def enable(self, command=COMMAND_IO | COMMAND_MEM | COMMAND_MASTER):
        self.put(p.CONFIG, COMMAND, command, 2)

    def reg(self, register):
        return self.get(p.BAR0, register)

    def set_reg(self, register, value):
        self.put(p.BAR0, register, value)

    def copy(self, source, target, size):
        """Has the device copy. Returns how that ended."""
        for command in copy_commands(source, target, size):
            self.ok(command)
        result = self.reg(COPY_RESULT)
        return errno.errorcode.get(result, str(result)) if result else "OK"

    def log(self):
        """The pieces of register accesses since the last call."""
        raw = self.read(p.BAR0, LOG_COUNT, LOG_FIRST + 8 * LOG_ENTRIES - LOG_COUNT)
        count = struct.unpack_from("<I", raw)[0]
        pieces = []
        for i in range(min(count, LOG_ENTRIES)):
            offset, size, kind, value = struct.unpack_from("<HBBI", raw, 8 + 8 * i)
            pieces.append(Piece(kind >> 1, bool(kind & 1), offset, size, value))
        self.set_reg(LOG_COUNT, 0)
        return pieces

    def capability(self, wanted):
        """Where a capability lies in config space; None without it."""
        config = self.read(p.CONFIG, 0, 256)
        at = config[0x34] if config[STATUS] & 0x10 else 0
        for _ in range(48):
            if at == 0 or config[at] == wanted:
                break
            at = config[at + 1]
        return at or None

    # ---- Without BAR0, by the mailbox

    def _mailbox(self):
        if self.mailbox is None:
            self.mailbox = self.capability(CAP_MAILBOX)
        return self.mailbox

    def post(self, register, value):
        """Writes a register of BAR0's through config space. Returns how that ended."""
        self.write(p.CONFIG, self._mailbox() + 4, struct.pack("<IH", value, register))
        result = self.get(p.CONFIG, self._mailbox() + 10, 2)
        return errno.errorcode.get(result, str(result)) if result else "OK"

    def peek(self, register):
        """What a read-only register of BAR0's says."""
        self.write(p.CONFIG, self._mailbox() + 4, struct.pack("<IH", 0, register))
        return self.get(p.CONFIG, self._mailbox() + 12)

    def told(self):
        """What the device has been told since the last call."""
        count = self.peek(EVENT_COUNT)
        kept = b"".join(struct.pack("<I", self.peek(EVENTS + i)) for i in range(0, EVENTS_KEPT, 4))
        new = [kept[i % EVENTS_KEPT] for i in range(self.events_seen, count)]
        self.events_seen = count
        return new

    def bell(self, register, value):
        """Returns an eventfd that makes the device write a register, without any access."""
        self.write(p.BAR0, BELL_REGISTER, struct.pack("<II", register, value))
        reply = self.call(p.get_region_io_fds(p.BAR0))
        _, entries = p.IoFd.parse(reply.payload)
        return reply.fds[next(e.fd_index for e in entries if e.offset == BELL)]


# ---- Eventfds


def signals(fd, timeout=0.0):
    """How often a non-blocking eventfd was signalled, after waiting for the first signal."""
    ready, _, _ = select.select([fd], [], [], timeout)
    return os.eventfd_read(fd) if ready else 0


def wait_signal(fd):
    """Waits for an eventfd. Returns how often it was signalled."""
    count = signals(fd, TIMEOUT)
    assert count, "no signal came"
    return count
