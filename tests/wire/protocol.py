# SPDX-License-Identifier: BSD-2-Clause
"""vfio-user's messages, encoded from the protocol's description alone.

A command is built by a function named after it and is a Command: its number, its payload and the
descriptors that go with it. Nothing here does I/O, and nothing is shared with the C code.
"""

import json
import struct
from typing import NamedTuple

HEADER = struct.Struct("=HHIII")  # id, command, size, flags, errno
HEADER_SIZE = HEADER.size

# Header flags
TYPE_COMMAND = 0
TYPE_REPLY = 1
NO_REPLY = 1 << 4
ERROR = 1 << 5

# Command numbers
VERSION = 1
DMA_MAP = 2
DMA_UNMAP = 3
GET_INFO = 4
GET_REGION_INFO = 5
GET_REGION_IO_FDS = 6
GET_IRQ_INFO = 7
SET_IRQS = 8
REGION_READ = 9
REGION_WRITE = 10
DMA_READ = 11
DMA_WRITE = 12
DEVICE_RESET = 13
REGION_WRITE_MULTI = 15
DEVICE_FEATURE = 16
MIG_DATA_READ = 17
MIG_DATA_WRITE = 18

# DMA_MAP flags, DMA_UNMAP flags
READ = 1
WRITE = 2
UNMAP_DIRTY = 1
UNMAP_ALL = 2

# GET_INFO flags
DEVICE_RESETTABLE = 1
DEVICE_PCI = 2

# GET_REGION_INFO flags, capability id
REGION_READABLE = 1
REGION_WRITABLE = 2
REGION_MMAP = 4
REGION_CAPS = 8
CAP_SPARSE_MMAP = 1

# Region indexes
BAR0, BAR1, BAR2, BAR3, BAR4, BAR5, ROM, CONFIG, VGA = range(9)
REGIONS = 9

# Interrupt indexes, GET_IRQ_INFO flags
INTX, MSI, MSIX, ERR, REQ = range(5)
IRQS = 5
IRQ_EVENTFD = 1
IRQ_MASKABLE = 2
IRQ_AUTOMASKED = 4
IRQ_NORESIZE = 8

# SET_IRQS flags
DATA_NONE = 1
DATA_BOOL = 2
DATA_EVENTFD = 4
ACTION_MASK = 8
ACTION_UNMASK = 0x10
ACTION_TRIGGER = 0x20

# DEVICE_FEATURE flags, with the feature's index in the low 16 bits
FEATURE_GET = 1 << 16
FEATURE_SET = 1 << 17
FEATURE_PROBE = 1 << 18
LOW_POWER_ENTRY = 3
LOW_POWER_ENTRY_WAKEUP = 4
LOW_POWER_EXIT = 5
LOG_START = 6
LOG_STOP = 7
LOG_REPORT = 8
BUS_MASTER = 10

# What the server is to advertise
MAX_MSG_FDS = 16
MAX_DATA_XFER_SIZE = 1 << 20
MAX_DMA_MAPS = 65535
PAGE = 4096

U64_MAX = (1 << 64) - 1


class Command(NamedTuple):
    """A command before it has an id."""

    number: int
    payload: bytes = b""
    fds: tuple = ()

    def cut(self, size):
        """The same with only so many bytes of payload."""
        return self._replace(payload=self.payload[:size])

    def patched(self, offset, fmt, value):
        """The same with one field of the payload overwritten."""
        field = struct.pack("=" + fmt, value)
        payload = self.payload[:offset] + field + self.payload[offset + len(field):]
        return self._replace(payload=payload)

    def encode(self, msg_id, flags=TYPE_COMMAND, size=None):
        """The bytes on the wire; `size` replaces the true size."""
        if size is None:
            size = HEADER_SIZE + len(self.payload)
        return HEADER.pack(msg_id, self.number, size, flags, 0) + self.payload


# What QEMU's client offers.
QEMU_CAPABILITIES = {
    "migration": {"pgsize": PAGE},
    "max_msg_fds": MAX_MSG_FDS,
    "max_data_xfer_size": MAX_DATA_XFER_SIZE,
    "pgsizes": PAGE,
    "max_dma_maps": MAX_DMA_MAPS,
    "write_multiple": True,
}


def version(capabilities=None, major=0, minor=0, padding=0):
    """VERSION; `capabilities` None sends no JSON, `padding` adds spaces that are legal in JSON."""
    text = b""
    if capabilities is not None:
        text = json.dumps({"capabilities": capabilities}).encode() + b" " * padding + b"\0"
    return version_text(text, major, minor)


def version_text(text, major=0, minor=0):
    """VERSION with these very bytes in place of JSON."""
    return Command(VERSION, struct.pack("=HH", major, minor) + text)


def dma_map(address, size, flags=READ | WRITE, fd=None, offset=0):
    payload = struct.pack("=IIQQQ", 32, flags, offset, address, size)
    return Command(DMA_MAP, payload, () if fd is None else (fd,))


def dma_unmap(address, size, flags=0):
    return Command(DMA_UNMAP, struct.pack("=IIQQ", 24, flags, address, size))


def dma_unmap_all():
    return dma_unmap(0, 0, UNMAP_ALL)


def get_info(argsz=16):
    return Command(GET_INFO, struct.pack("=IIII", argsz, 0, 0, 0))


def get_region_info(index, argsz=4096):
    return Command(GET_REGION_INFO, struct.pack("=IIIIQQ", argsz, 0, index, 0, 0, 0))


def get_region_io_fds(index, argsz=4096, flags=0, count=0):
    return Command(GET_REGION_IO_FDS, struct.pack("=IIII", argsz, flags, index, count))


def get_irq_info(index, argsz=16):
    return Command(GET_IRQ_INFO, struct.pack("=IIII", argsz, 0, index, 0))


def set_irqs(flags, index, start, count, data=b"", fds=()):
    payload = struct.pack("=IIIII", 20 + len(data), flags, index, start, count) + data
    return Command(SET_IRQS, payload, tuple(fds))


def set_trigger(index, fds, start=0):
    """SET_IRQS that gives vectors from `start` an eventfd each."""
    return set_irqs(DATA_EVENTFD | ACTION_TRIGGER, index, start, len(fds), fds=fds)


def clear_trigger(index, start=0, count=1):
    """SET_IRQS that takes the eventfds of vectors away."""
    return set_irqs(DATA_EVENTFD | ACTION_TRIGGER, index, start, count)


def disable_irq(index):
    return set_irqs(DATA_NONE | ACTION_TRIGGER, index, 0, 0)


def region_read(region, offset, count):
    return Command(REGION_READ, struct.pack("=QII", offset, region, count))


def region_write(region, offset, data):
    return Command(REGION_WRITE, struct.pack("=QII", offset, region, len(data)) + data)


def region_write_multi(writes, count=None):
    """REGION_WRITE_MULTI of (region, offset, data) with at most 8 bytes each."""
    payload = struct.pack("=Q", len(writes) if count is None else count)
    for region, offset, data in writes:
        payload += struct.pack("=QII8s", offset, region, len(data), data)
    return Command(REGION_WRITE_MULTI, payload)


def device_reset():
    return Command(DEVICE_RESET)


def device_feature(flags, data=b""):
    return Command(DEVICE_FEATURE, struct.pack("=II", 8 + len(data), flags) + data)


def low_power_entry():
    return device_feature(FEATURE_SET | LOW_POWER_ENTRY)


def low_power_entry_with(*fds):
    """The entry with a wake-up eventfd: the number in the data is its place among the fds."""
    command = device_feature(FEATURE_SET | LOW_POWER_ENTRY_WAKEUP, struct.pack("=iI", 0, 0))
    return command._replace(fds=fds)


def low_power_exit():
    return device_feature(FEATURE_SET | LOW_POWER_EXIT)


def bus_master(operation):
    """0 clears, 1 sets."""
    return device_feature(FEATURE_SET | BUS_MASTER, struct.pack("=I", operation))


def log_start(*ranges, page_size=PAGE, count=None):
    """Logs writes to ranges of (iova, length); all writes where there is none."""
    data = struct.pack("=QII", page_size, len(ranges) if count is None else count, 0)
    for iova, length in ranges:
        data += struct.pack("=QQ", iova, length)
    return device_feature(FEATURE_SET | LOG_START, data)


def log_stop():
    return device_feature(FEATURE_SET | LOG_STOP)


def bitmap_size(length, page_size=PAGE):
    """Bytes, of whole words of 64 bits."""
    return (length + 64 * page_size - 1) // (64 * page_size) * 8


def log_report(iova, length, page_size=PAGE, room=None):
    """`room`: for the bitmap; as much as it needs where nothing is said."""
    data = struct.pack("=QQQ", iova, length, page_size)
    room = bitmap_size(length, page_size) if room is None else room
    command = device_feature(FEATURE_GET | LOG_REPORT, data)
    return command.patched(0, "I", len(command.payload) + room)


class RegionInfo(NamedTuple):
    """A GET_REGION_INFO reply."""

    argsz: int
    flags: int
    index: int
    size: int
    offset: int
    areas: list  # of (offset, size), from the sparse mmap capability; None without one
    length: int  # of the payload

    @classmethod
    def parse(cls, payload):
        argsz, flags, index, cap, size, offset = struct.unpack_from("=IIIIQQ", payload)
        areas = None
        while flags & REGION_CAPS and cap:
            cap_id, _version, following = struct.unpack_from("=HHI", payload, cap)
            if cap_id == CAP_SPARSE_MMAP:
                count, _reserved = struct.unpack_from("=II", payload, cap + 8)
                areas = list(struct.iter_unpack("=QQ", payload[cap + 16:cap + 16 + 16 * count]))
            cap = following
        return cls(argsz, flags, index, size, offset, areas, len(payload))


class IoFd(NamedTuple):
    """An entry of a GET_REGION_IO_FDS reply."""

    offset: int
    size: int
    fd_index: int
    type: int
    flags: int
    padding: int
    datamatch: int

    @classmethod
    def parse(cls, payload):
        """Returns (argsz, flags, index, count) and the entries that follow."""
        head = struct.unpack_from("=IIII", payload)
        entries = [cls(*fields) for fields in struct.iter_unpack("=QQIIIIQ", payload[16:])]
        return head, entries
