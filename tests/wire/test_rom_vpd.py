# SPDX-License-Identifier: BSD-2-Clause
"""The expansion ROM, and Vital Product Data (PCI Local Bus 3.0, section 6.2.5.2 and appendix I)."""

import struct

import pytest

import protocol as p
from capabilities import ROM_BYTES, ROM_SIZE, VPD, VPD_ADDRESS, VPD_BYTES, VPD_DATA, VPD_WRITABLE
from registers import COMMAND_IO, COMMAND_MASTER, COMMAND_MEM

FLAG = 0x8000
ROM_BAR = 0x30


@pytest.fixture
def shape():
    return "express"


# ---- The ROM


def test_the_rom_is_a_region_that_can_be_read(client):
    info = p.RegionInfo.parse(client.ok(p.get_region_info(p.ROM)))
    assert info.size == ROM_SIZE
    assert info.flags == p.REGION_READABLE


@pytest.mark.parametrize("offset, size", [
    (0, 1), (1, 2), (0, 5000), (0, ROM_SIZE), (4990, 8), (4999, 1), (4999, 2), (4990, 20),
    (5000, 1), (5000, 8), (ROM_SIZE - 1, 1), (ROM_SIZE - 8, 8), (4096, 4096),
])
def test_behind_its_bytes_the_rom_reads_as_ones(driver, offset, size):
    whole = ROM_BYTES.ljust(ROM_SIZE, b"\xff")
    assert driver.read(p.ROM, offset, size) == whole[offset:offset + size]


@pytest.mark.parametrize("offset, size", [(ROM_SIZE, 1), (ROM_SIZE - 1, 2), (0, ROM_SIZE + 1),
                                          (p.U64_MAX, 1), (0, 0), (1 << 32, 4)])
def test_beyond_the_roms_bar_there_is_nothing(driver, offset, size):
    assert driver.error(p.region_read(p.ROM, offset, size)) == "EINVAL"


@pytest.mark.parametrize("offset, size", [(0, 1), (0, 4), (4999, 2), (ROM_SIZE - 1, 1)])
def test_the_rom_cannot_be_written(driver, offset, size):
    before = driver.read(p.ROM, 0, ROM_SIZE)
    assert driver.error(p.region_write(p.ROM, offset, bytes(size))) == "EINVAL"
    driver.enable(0)
    assert driver.error(p.region_write(p.ROM, offset, bytes(size))) == "EINVAL"
    driver.enable()
    assert driver.read(p.ROM, 0, ROM_SIZE) == before


@pytest.mark.parametrize("command, error", [
    (0, "EIO"), (COMMAND_IO, "EIO"), (COMMAND_MASTER, "EIO"), (COMMAND_MEM, "OK"),
])
@pytest.mark.parametrize("rom_bar", [0, 1, 0xfebf0000, 0xfebf0001])
def test_memory_space_alone_gates_the_rom(client, command, error, rom_bar):
    client.put(p.CONFIG, ROM_BAR, rom_bar)
    client.enable(command)
    assert client.error(p.region_read(p.ROM, 0, 4)) == error


def test_the_roms_bar_shows_its_size(client):
    client.put(p.CONFIG, ROM_BAR, 0xfffff800)
    assert client.get(p.CONFIG, ROM_BAR) == 0xffffe000
    client.put(p.CONFIG, ROM_BAR, 0xffffffff)
    assert client.get(p.CONFIG, ROM_BAR) == 0xffffe001
    client.put(p.CONFIG, ROM_BAR, 0)
    assert client.get(p.CONFIG, ROM_BAR) == 0


@pytest.mark.parametrize("shape", ["conventional"])
def test_a_device_without_a_rom_has_no_such_region(driver):
    assert p.RegionInfo.parse(driver.ok(p.get_region_info(p.ROM))).size == 0
    assert driver.error(p.region_read(p.ROM, 0, 1)) == "EINVAL"
    assert driver.error(p.region_write(p.ROM, 0, b"\0")) == "EINVAL"
    driver.put(p.CONFIG, ROM_BAR, 0xffffffff)
    assert driver.get(p.CONFIG, ROM_BAR) == 0


# ---- Vital Product Data


class Vpd:
    """The capability of a client's device."""

    def __init__(self, client):
        self.client = client
        self.at = client.capability(VPD)

    def read(self, address):
        """The four bytes at an address."""
        self.client.put(p.CONFIG, self.at + VPD_ADDRESS, address, 2)
        assert self.client.get(p.CONFIG, self.at + VPD_ADDRESS, 2) == address | FLAG, "it is done"
        return self.client.read(p.CONFIG, self.at + VPD_DATA, 4)

    def write(self, address, data):
        self.client.write(p.CONFIG, self.at + VPD_DATA, data)
        self.client.put(p.CONFIG, self.at + VPD_ADDRESS, address | FLAG, 2)
        assert self.client.get(p.CONFIG, self.at + VPD_ADDRESS, 2) == address, "it is done"

    def whole(self):
        return b"".join(self.read(address) for address in range(0, len(VPD_BYTES), 4))


@pytest.fixture
def vpd(client):
    """Left as it was found."""
    vpd = Vpd(client)
    yield vpd
    for address in range(VPD_WRITABLE.start, VPD_WRITABLE.stop, 4):
        vpd.write(address, VPD_BYTES[address:address + 4])


def test_vpd_is_read_four_bytes_at_a_time(vpd):
    assert vpd.whole() == VPD_BYTES


@pytest.mark.parametrize("address", [len(VPD_BYTES), len(VPD_BYTES) + 4, 0x1000, 0x7ffc])
def test_behind_its_end_vpd_reads_as_zero(vpd, address):
    assert vpd.read(address) == bytes(4)


def test_vpd_is_read_across_its_end(vpd):
    assert vpd.read(62) == VPD_BYTES[62:] + bytes(2)
    assert vpd.read(0x7fff) == bytes(4)


def test_what_may_be_written_of_vpd_is(vpd):
    vpd.write(VPD_WRITABLE.start + 4, b"abcd")
    expected = bytearray(VPD_BYTES)
    expected[VPD_WRITABLE.start + 4:VPD_WRITABLE.start + 8] = b"abcd"
    assert vpd.whole() == expected


@pytest.mark.parametrize("address", [0, 28, 48, 60, 64, 0x7ffc, 0x7fff])
def test_what_may_not_be_written_of_vpd_stays(vpd, address):
    vpd.write(address, b"\xee\xee\xee\xee")
    assert vpd.whole() == VPD_BYTES


@pytest.mark.parametrize("address", [30, 44, 45])
def test_a_write_across_the_border_of_what_may_be_written(vpd, address):
    vpd.write(address, b"\xee\xee\xee\xee")
    expected = bytes(0xee if i in VPD_WRITABLE and i in range(address, address + 4) else byte
                     for i, byte in enumerate(VPD_BYTES))
    assert vpd.whole() == expected


def test_half_of_the_address_starts_nothing(client, vpd):
    vpd.read(8)
    client.put(p.CONFIG, vpd.at + VPD_ADDRESS, 12, 1)
    assert client.read(p.CONFIG, vpd.at + VPD_DATA, 4) == VPD_BYTES[8:12]
    assert client.get(p.CONFIG, vpd.at + VPD_ADDRESS, 2) == FLAG | 12
    client.put(p.CONFIG, vpd.at + VPD_ADDRESS + 1, 0, 1)
    assert client.read(p.CONFIG, vpd.at + VPD_DATA, 4) == VPD_BYTES[12:16]


def test_data_alone_starts_nothing(client, vpd):
    vpd.read(VPD_WRITABLE.start)
    client.write(p.CONFIG, vpd.at + VPD_DATA, b"\xee\xee\xee\xee")
    assert vpd.whole() == VPD_BYTES


def test_data_that_comes_with_its_address_comes_too_late(client, vpd):
    """Config space is written in ascending order."""
    address = VPD_WRITABLE.start
    client.write(p.CONFIG, vpd.at + VPD_DATA, b"then")
    client.write(p.CONFIG, vpd.at + VPD_ADDRESS, struct.pack("<H4s", address | FLAG, b"late"))
    assert client.read(p.CONFIG, vpd.at + VPD_DATA, 4) == b"late"
    assert vpd.read(address) == b"then"


def test_a_reset_keeps_what_was_written_to_vpd(client, vpd):
    vpd.write(VPD_WRITABLE.start, b"kept")
    client.ok(p.device_reset())
    assert client.read(p.CONFIG, vpd.at + VPD_ADDRESS, 6) == bytes(6)
    assert vpd.read(VPD_WRITABLE.start) == b"kept"


def test_the_next_client_finds_vpd_as_it_was_declared(driver, connect):
    Vpd(driver).write(VPD_WRITABLE.start, b"mine")
    driver.close()
    other = connect()
    other.ok(p.version())
    vpd = Vpd(other)
    try:
        assert vpd.whole() == VPD_BYTES
    finally:
        vpd.write(VPD_WRITABLE.start, VPD_BYTES[VPD_WRITABLE.start:][:4])
