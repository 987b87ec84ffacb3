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
DOORBELL = 0xff0
MATCHED_DOORBELL = 0xff4
DOORBELL_VALUE = 0x1234
ANSWER_VECTOR = 63

# Config space
VENDOR = 0x00
COMMAND = 0x04
STATUS = 0x06
COMMAND_IO = 1
COMMAND_MEM = 2
COMMAND_MASTER = 4
COMMAND_INTX_DISABLE = 0x400


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
