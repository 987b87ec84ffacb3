# SPDX-License-Identifier: BSD-2-Clause
"""Config space of each shape of the device, from the specifications: registers and their masks.

PCI Local Bus 3.0, PCI Power Management 1.2, PCI Express Base 5.0. Space is a model of it, to be
compared with what the device says. Its counterpart, what the device declares, is shapes.c.
"""

import struct
from typing import NamedTuple

from memory import pattern

PM, VPD, MSI, VENDOR, EXPRESS, MSIX, AF = 0x01, 0x03, 0x05, 0x09, 0x10, 0x11, 0x13
AER, DSN, VSEC, ACS, ARI, ATS, SRIOV = 0x01, 0x03, 0x0b, 0x0d, 0x0e, 0x0f, 0x10
PRI, REBAR, DPA, TPH, LTR, PASID, DVSEC = 0x13, 0x15, 0x16, 0x17, 0x18, 0x1b, 0x23

ROM_BYTES = pattern(5000, 9)
ROM_SIZE = 8192
VPD_BYTES = pattern(64, 1)
VPD_WRITABLE = range(32, 46)

# Registers that tests name, from where their capability begins.
PM_CONTROL = 4
EXPRESS_CONTROL = 8
EXPRESS_STATUS = 10
EXPRESS_FLR = 0x8000
AF_CONTROL = 4
AER_UNCORRECTABLE_STATUS = 4
AER_UNCORRECTABLE_MASK = 8
AER_SEVERITY = 0xc
AER_CORRECTABLE_STATUS = 0x10
AER_CORRECTABLE_MASK = 0x14
VPD_ADDRESS = 2
VPD_DATA = 4


class Register(NamedTuple):
    """A register; bits that are in no mask are read-only."""

    offset: int
    size: int
    value: int = 0
    rw: int = 0
    w1c: int = 0
    sticky: int = 0  # a function level reset leaves them alone


class Capability(NamedTuple):
    """A capability; the first register is behind its header."""

    id: int
    size: int
    registers: tuple = ()
    version: int = 0  # of an extended one
    at: int = 0  # 0: the next free place

    def header(self, following):
        if self.version:
            return struct.pack("<HH", self.id, self.version | following << 4)
        return bytes((self.id, following))


def header(rom, latency_timer):
    """The type 0 header that all shapes have, but for its BARs."""
    return [
        Register(0x00, 4, 0xfff01b36), Register(0x04, 2, rw=0x547), Register(0x06, 2, 0x10),
        Register(0x08, 4, 0xff000001), Register(0x0c, 1, rw=0xff),
        Register(0x0d, 1, rw=latency_timer), Register(0x10, 4, rw=0xfffff000),
        Register(0x14, 4, 1, rw=0xffffff00), Register(0x18, 4, 0xc, rw=0xffff0000),
        Register(0x1c, 4, rw=0xffffffff), Register(0x20, 4, rw=0xffffe000),
        Register(0x2c, 4, 0x11001af4), Register(0x30, 4, rw=rom), Register(0x3c, 1, rw=0xff),
        Register(0x3d, 1, 1),
    ]


MSIX_REGISTERS = (Register(2, 2, 63, rw=0xc000), Register(4, 4, 4), Register(8, 4, 0x1004))
MAILBOX_REGISTERS = (Register(2, 1, 16), Register(4, 4, rw=0xffffffff), Register(8, 2, rw=0xffff))
BODY = ((1, 0x12), (1, 0x34, 0x7e), (1, 0x56, 0, 0xf0), (1, 0x78, 0xff, 0, 0xff))


def body(at):
    """The registers that shapes.c's bodies consist of."""
    return tuple(Register(at + i, *register) for i, register in enumerate(BODY))


UNCORRECTABLE = 0x007ff010
CORRECTABLE = 0x0000f1c1
LINK_CONTROL = 0x00cb
LINK_CONTROL_2 = 0xff9f

PLAIN_CAPABILITIES = [Capability(MSIX, 12, MSIX_REGISTERS)]

EXPRESS_CAPABILITIES = [
    Capability(PM, 8, (
        Register(2, 2, 0xf800 | 0x0600 | 3 << 6 | 3),
        Register(4, 2, rw=0x0103, w1c=0x8000, sticky=0x8100))),
    Capability(MSI, 24, (
        Register(2, 2, 0x0186, rw=0x71), Register(4, 4, rw=0xfffffffc),
        Register(8, 4, rw=0xffffffff), Register(12, 2, rw=0xffff), Register(16, 4, rw=0xff))),
    Capability(MSIX, 12, MSIX_REGISTERS),
    Capability(EXPRESS, 60, (
        Register(2, 2, 2), Register(4, 4, 0x10008021),
        Register(8, 2, 0x2810, rw=0xfdff, sticky=0x04e0), Register(10, 2, w1c=0xf),
        Register(12, 4, 0x00400041), Register(16, 2, rw=LINK_CONTROL, sticky=LINK_CONTROL),
        Register(18, 2, 0x0041), Register(36, 4, 0x00300810), Register(40, 2, rw=0x0410),
        Register(44, 4, 2), Register(48, 2, 1, rw=LINK_CONTROL_2, sticky=LINK_CONTROL_2))),
    Capability(VPD, 8, (Register(2, 2, rw=0xffff), Register(4, 4, rw=0xffffffff))),
    Capability(VENDOR, 16, MAILBOX_REGISTERS),

    Capability(AER, 0x48, (
        Register(0x04, 4, w1c=UNCORRECTABLE, sticky=UNCORRECTABLE),
        Register(0x08, 4, 0x00400000, rw=UNCORRECTABLE, sticky=UNCORRECTABLE),
        Register(0x0c, 4, 0x00462010, rw=UNCORRECTABLE, sticky=UNCORRECTABLE),
        Register(0x10, 4, w1c=CORRECTABLE, sticky=CORRECTABLE),
        Register(0x14, 4, 0x0000e000, rw=CORRECTABLE, sticky=CORRECTABLE),
        Register(0x18, 4, 0x000000a0, rw=0x140, sticky=0x15f)), 2),
    Capability(DSN, 12, (Register(4, 4, 0x89abcdef), Register(8, 4, 0x01234567)), 1),
    Capability(VSEC, 12, (Register(4, 4, 12 << 20 | 2 << 16 | 0xabcd), *body(8)), 1),
    Capability(DVSEC, 14, (
        Register(4, 4, 14 << 20 | 1 << 16 | 0x1b36), Register(8, 2, 0x4321), *body(10)), 1),
    Capability(ACS, 16, (
        Register(4, 2, 40 << 8 | 0x6c), Register(6, 2, rw=0x6c), Register(8, 4, rw=0xffffffff),
        Register(12, 4, rw=0xff)), 1),
    Capability(ARI, 8, (Register(4, 2, 3 << 8),), 1),
    Capability(ATS, 8, (Register(4, 2, 0x20), Register(6, 2, rw=0x801f)), 1),
    Capability(PRI, 16, (
        Register(4, 2, rw=3), Register(6, 2, 0x8100, w1c=3), Register(8, 4, 0x200),
        Register(12, 4, rw=0xffffffff)), 1),
    Capability(PASID, 8, (Register(4, 2, 20 << 8 | 2), Register(6, 2, rw=3)), 1),
    Capability(LTR, 8, (Register(4, 2, rw=0x1fff), Register(6, 2, rw=0x1fff)), 1),
    Capability(TPH, 20, (
        Register(4, 4, 3 << 16 | 0x303), Register(8, 4, rw=0x307),
        *(Register(12 + 2 * i, 2, rw=0xffff) for i in range(4))), 1),
    Capability(REBAR, 12, (Register(4, 4, 0xb0), Register(8, 4, 0x325, rw=0x3f00)), 1),
    Capability(SRIOV, 64, (
        Register(12, 4, 4 << 16 | 4), Register(20, 4, 1 << 16 | 1), Register(26, 2, 0xfff1),
        Register(28, 4, 0x553), Register(32, 4, 1)), 1),
    Capability(DPA, 19, (
        Register(4, 4, 5 << 24 | 2 << 16 | 1 << 12 | 1 << 8 | 2), Register(8, 4, 6),
        Register(12, 2, 0x100, w1c=0x100), Register(14, 2, rw=0x1f), Register(16, 1, 100),
        Register(17, 1, 60), Register(18, 1, 20)), 1),
]

CONVENTIONAL_CAPABILITIES = [
    Capability(PM, 8, (Register(2, 2, 3), Register(4, 2, 8, rw=3)), at=0xd0),
    Capability(MSI, 10, (
        Register(2, 2, 0x0004, rw=0x71), Register(4, 4, rw=0xfffffffc),
        Register(8, 2, rw=0xffff)), at=0x60),
    Capability(MSIX, 12, MSIX_REGISTERS, at=0x40),
    Capability(AF, 6, (Register(2, 1, 6), Register(3, 1, 3), Register(4, 1, rw=1)), at=0xf0),
    Capability(VENDOR, 16, MAILBOX_REGISTERS, at=0x80),
]

HEADERS = {
    "plain": header(rom=0, latency_timer=0xff),
    "express": [*header(rom=0xffffe001, latency_timer=0), Register(0x24, 4, rw=0xff800000)],
    "conventional": header(rom=0, latency_timer=0xff),
}

CAPABILITIES = {
    "plain": PLAIN_CAPABILITIES,
    "express": EXPRESS_CAPABILITIES,
    "conventional": CONVENTIONAL_CAPABILITIES,
}

SIZES = {"plain": 256, "express": 4096, "conventional": 256}


def placed(shape):
    """The shape's capabilities, each with its place, in the order of the two chains."""
    free = {False: 0x40, True: 0x100}
    result = []
    for cap in CAPABILITIES[shape]:
        at = cap.at or free[cap.version > 0]
        free[cap.version > 0] = (at + cap.size + 3) & ~3
        result.append(cap._replace(at=at))
    return result


class Space:
    """Config space, as it is and as a driver's writes change it.

    Not modelled: power states, commands, and what enabled interrupts say about MSI. So a write
    leaves out the bits that ask for these; see allowed().
    """

    def __init__(self, shape):
        self.size = SIZES[shape]
        self.caps = placed(shape)
        self.at = {(cap.id, cap.version > 0): cap.at for cap in self.caps}
        self.vpd = bytearray(VPD_BYTES)
        self.initial, self.rw = bytearray(self.size), bytearray(self.size)
        self.w1c, self.sticky = bytearray(self.size), bytearray(self.size)
        for register in HEADERS[shape]:
            self._add(0, register)
        for cap in self.caps:
            for register in cap.registers:
                self._add(cap.at, register)
        self._link()
        self.bytes = bytearray(self.initial)
        self.effects = self._effects()

    def _add(self, base, register):
        where = slice(base + register.offset, base + register.offset + register.size)
        for target, field in ((self.initial, register.value), (self.rw, register.rw),
                              (self.w1c, register.w1c), (self.sticky, register.sticky)):
            target[where] = field.to_bytes(register.size, "little")

    def _link(self):
        for extended in (False, True):
            chain = [cap for cap in self.caps if (cap.version > 0) == extended]
            if chain and not extended:
                self.initial[0x34] = chain[0].at
            for cap, following in zip(chain, [*(cap.at for cap in chain[1:]), 0]):
                head = cap.header(following)
                self.initial[cap.at:cap.at + len(head)] = head

    def find(self, cap_id, extended=False):
        return self.at.get((cap_id, extended))

    def get(self, offset, size):
        return int.from_bytes(self.bytes[offset:offset + size], "little")

    def put(self, offset, size, value):
        self.bytes[offset:offset + size] = value.to_bytes(size, "little")

    def allowed(self, offset, data):
        """The data without what asks for another power state or a command."""
        forbidden = {self.find(PM): (PM_CONTROL, 0x03), self.find(VENDOR): (9, 0xff)}
        data = bytearray(data)
        for at, (register, bits) in forbidden.items():
            if at is not None and 0 <= at + register - offset < len(data):
                data[at + register - offset] &= ~bits
        return bytes(data)

    # ---- What writes do

    def write(self, offset, data):
        """In aligned pieces of 4, 2 and 1 bytes, each with its effects before the next."""
        while data:
            size = next(n for n in (4, 2, 1) if offset % n == 0 and n <= len(data))
            self._write_piece(offset, data[:size])
            offset, data = offset + size, data[size:]

    def _write_piece(self, offset, data):
        for at, byte in enumerate(data, offset):
            kept = self.bytes[at] & ~self.rw[at] & ~(self.w1c[at] & byte)
            self.bytes[at] = kept | (byte & self.rw[at])
        for start, end, effect in self.effects:
            if start < offset + len(data) and offset < end:
                effect()

    def reset(self, sticky=True, keep_bars=False):
        """A reset of the function."""
        for at in range(self.size):
            kept = self.sticky[at] if sticky else 0
            if keep_bars and (0x10 <= at < 0x28 or 0x30 <= at < 0x34):
                kept = self.rw[at]
            self.bytes[at] = (self.bytes[at] & kept) | (self.initial[at] & ~kept)
        self._size_bar5()

    def _effects(self):
        """(start, end, what happens when that is written)."""
        where = [
            (self.find(EXPRESS), 8, 10, self._reset_by_express),
            (self.find(AF), 4, 5, self._reset_by_advanced_features),
            (self.find(MSI), 2, 4, self._enable_msi),
            (self.find(VPD), 3, 4, self._transfer),
            (self.find(PRI, True), 4, 6, self._control_requests),
            (self.find(REBAR, True), 8, 12, self._size_bar5),
            (self.find(DPA, True), 14, 16, self._control_power),
        ]
        return [(at + start, at + end, effect) for at, start, end, effect in where if at]

    def _reset_by_express(self):
        if self.bytes[self.find(EXPRESS) + EXPRESS_CONTROL + 1] & EXPRESS_FLR >> 8:
            self.reset()

    def _reset_by_advanced_features(self):
        if self.bytes[self.find(AF) + AF_CONTROL] & 1:
            self.reset()

    def _enable_msi(self):
        """Nothing of MSI is on as long as SET_IRQS has not enabled it."""
        self.bytes[self.find(MSI) + 2] &= ~0x71

    def _transfer(self):
        """VPD: four bytes go one way or the other, and the flag turns over."""
        at = self.find(VPD)
        address = self.get(at + VPD_ADDRESS, 2)
        for i in range(4):
            byte = (address & 0x7fff) + i
            if not address & 0x8000:
                self.bytes[at + VPD_DATA + i] = self.vpd[byte] if byte < len(self.vpd) else 0
            elif byte in VPD_WRITABLE:
                self.vpd[byte] = self.bytes[at + VPD_DATA + i]
        self.put(at + VPD_ADDRESS, 2, address ^ 0x8000)

    def _control_requests(self):
        """PRI: the reset bit reads as zero, and what is off has stopped."""
        at = self.find(PRI, True)
        self.bytes[at + 4] &= ~2
        self.bytes[at + 7] = self.bytes[at + 7] & ~1 | (not self.bytes[at + 4] & 1)

    def _size_bar5(self):
        """Resizable BAR: a size that is not offered is not taken."""
        at = self.find(REBAR, True)
        if at is None:
            return
        bits = self.bytes[at + 9] & 0x3f
        if bits not in (0, 1, 3):
            size = -struct.unpack("<i", self.rw[0x24:0x28])[0]
            self.bytes[at + 9] = (size >> 20).bit_length() - 1
            return
        self.rw[0x24:0x28] = struct.pack("<I", 0x100000000 - (1 << bits + 20))
        self.put(0x24, 4, self.get(0x24, 4) & int.from_bytes(self.rw[0x24:0x28], "little"))

    def _control_power(self):
        """DPA: while control is enabled, the substate is the one asked for, if there is one."""
        at = self.find(DPA, True)
        wanted = self.bytes[at + 14] & 0x1f
        if self.bytes[at + 13] & 1 and wanted <= 2:
            self.bytes[at + 12] = wanted

    def difference(self, seen):
        """What of the bytes seen is not as it should be: for a failed assertion."""
        ours = bytes(self.bytes)
        return [f"{at:#x} is {seen[at]:#x}, not {ours[at]:#x}" for at in range(self.size)
                if seen[at] != ours[at]]
