# SPDX-License-Identifier: BSD-2-Clause
"""Config space (PCI Local Bus 3.0, chapter 6): identity, masks, BAR sizing, capabilities."""

import struct

import pytest

import protocol as p
from registers import COMMAND, COMMAND_INTX_DISABLE, STATUS, VECTORS

CAP_MSIX = 0x11

# Offset and size of fields that a driver cannot change.
READ_ONLY = {
    "vendor": (0x00, 2), "device": (0x02, 2), "revision": (0x08, 1), "class": (0x09, 3),
    "header type": (0x0e, 1), "cardbus": (0x28, 4), "subsystem vendor": (0x2c, 2),
    "subsystem": (0x2e, 2), "capability pointer": (0x34, 1), "reserved": (0x35, 7),
    "interrupt pin": (0x3d, 1), "min gnt": (0x3e, 1), "max lat": (0x3f, 1), "BAR5": (0x24, 4),
    "ROM BAR": (0x30, 4),
}

# What a BAR reads after all ones were written to it.
BAR_MASKS = [0xfffff000, 0xffffff01, 0xffff000c, 0xffffffff, 0xffffe000, 0]


def config(client, offset, size):
    return client.get(p.CONFIG, offset, size)


def test_the_identity_is_the_devices(client):
    header = client.read(p.CONFIG, 0, 64)
    assert struct.unpack_from("<HH", header) == (0x1b36, 0xfff0)
    assert header[8] == 1
    assert int.from_bytes(header[9:12], "little") == 0xff0000
    assert header[0x0e] == 0
    assert struct.unpack_from("<HH", header, 0x2c) == (0x1af4, 0x1100)
    assert header[0x3d] == 1


def test_a_fresh_command_register_is_zero(client):
    assert config(client, COMMAND, 2) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 13, 64, 255, 256])
def test_any_size_and_offset_reads_the_same_bytes(client, size):
    whole = client.read(p.CONFIG, 0, 256)
    for offset in range(0, 257 - size, 1 if size <= 8 else 17):
        assert client.read(p.CONFIG, offset, size) == whole[offset:offset + size]


@pytest.mark.parametrize("name", READ_ONLY)
def test_a_read_only_field_keeps_its_value_and_the_write_succeeds(client, name):
    offset, size = READ_ONLY[name]
    before = client.read(p.CONFIG, offset, size)
    for value in (b"\xff", b"\0", b"\x5a"):
        client.write(p.CONFIG, offset, value * size)
        for i in range(size):
            client.write(p.CONFIG, offset + i, value)
        assert client.read(p.CONFIG, offset, size) == before


def test_status_cannot_be_set(client):
    before = config(client, STATUS, 2)
    assert before & 0x10, "the capability list"
    client.put(p.CONFIG, STATUS, 0xffff, 2)
    client.put(p.CONFIG, COMMAND, 0xffff0000, 4)
    assert config(client, STATUS, 2) == before


@pytest.mark.parametrize("bit", [1, 2, 4, COMMAND_INTX_DISABLE])
def test_command_bits_are_kept(client, bit):
    client.put(p.CONFIG, COMMAND, bit, 2)
    assert config(client, COMMAND, 2) == bit
    client.put(p.CONFIG, COMMAND, 0, 2)
    assert config(client, COMMAND, 2) == 0


def test_reserved_command_bits_stay_zero(client):
    client.put(p.CONFIG, COMMAND, 0xffff, 2)
    value = config(client, COMMAND, 2)
    assert value & 0x407 == 0x407
    assert value & 0xf880 == 0


def test_command_can_be_written_by_bytes(client):
    client.put(p.CONFIG, COMMAND, 7, 1)
    client.put(p.CONFIG, COMMAND + 1, 4, 1)
    assert config(client, COMMAND, 2) == 0x407
    client.put(p.CONFIG, COMMAND, 2, 1)
    assert config(client, COMMAND, 2) == 0x402


@pytest.mark.parametrize("offset", [0x0c, 0x3c], ids=["cache line size", "interrupt line"])
def test_a_field_that_only_software_uses_is_kept(client, offset):
    for value in (0x5a, 0xff, 0):
        client.put(p.CONFIG, offset, value, 1)
        assert config(client, offset, 1) == value


@pytest.mark.parametrize("bar", range(6))
def test_a_bar_shows_its_size_when_all_ones_are_written(client, bar):
    offset = 0x10 + 4 * bar
    flags = config(client, offset, 4)
    assert flags == {1: 1, 2: 0xc}.get(bar, 0)
    client.put(p.CONFIG, offset, 0xffffffff, 4)
    assert config(client, offset, 4) == BAR_MASKS[bar]
    client.put(p.CONFIG, offset, 0, 4)
    assert config(client, offset, 4) == flags


@pytest.mark.parametrize("bar", range(6))
def test_a_bar_is_sized_by_odd_accesses_too(client, bar):
    offset = 0x10 + 4 * bar
    client.write(p.CONFIG, offset, b"\xff")
    client.write(p.CONFIG, offset + 1, b"\xff\xff")
    client.write(p.CONFIG, offset + 3, b"\xff")
    assert config(client, offset, 4) == BAR_MASKS[bar]


def test_all_bars_are_sized_in_one_access(client):
    client.write(p.CONFIG, 0x10, b"\xff" * 24)
    assert list(struct.unpack("<6I", client.read(p.CONFIG, 0x10, 24))) == BAR_MASKS


def test_the_rom_bar_shows_that_there_is_no_rom(client):
    client.put(p.CONFIG, 0x30, 0xfffffffe, 4)
    assert config(client, 0x30, 4) == 0


def test_a_bar_keeps_its_address(client):
    client.put(p.CONFIG, 0x10, 0xfebf1234, 4)
    assert config(client, 0x10, 4) == 0xfebf1000
    client.put(p.CONFIG, 0x14, 0xc0ff, 4)
    assert config(client, 0x14, 4) == 0xc001
    client.put(p.CONFIG, 0x18, 0x12345678_fffd0000, 8)
    assert config(client, 0x18, 8) == 0x12345678_fffd000c


def test_a_bars_address_does_not_move_its_region(driver):
    driver.put(p.CONFIG, 0x10, 0xfebf0000, 4)
    driver.write(p.BAR0, 0, b"here")
    assert driver.read(p.BAR0, 0, 4) == b"here"


def test_all_of_config_space_may_be_written_at_once(client):
    before = client.read(p.CONFIG, 0, 256)
    client.write(p.CONFIG, 0, b"\xff" * 256)
    after = client.read(p.CONFIG, 0, 256)
    assert list(struct.unpack("<6I", after[0x10:0x28])) == BAR_MASKS
    for offset, size in READ_ONLY.values():
        assert after[offset:offset + size] == before[offset:offset + size]


def test_a_reset_restores_config_space(client):
    before = client.read(p.CONFIG, 0, 256)
    client.write(p.CONFIG, 0, b"\xff" * 256)
    client.ok(p.device_reset())
    assert client.read(p.CONFIG, 0, 256) == before


def test_the_capability_list_is_well_formed(client):
    whole = client.read(p.CONFIG, 0, 256)
    seen, at = [], whole[0x34]
    while at:
        assert at >= 0x40 and at % 4 == 0 and at not in seen
        seen.append(at)
        at = whole[at + 1]
    assert CAP_MSIX in [whole[at] for at in seen]


def test_the_msix_capability_says_where_table_and_pending_bits_are(client):
    at = client.capability(CAP_MSIX)
    control, table, pba = struct.unpack("<HII", client.read(p.CONFIG, at + 2, 10))
    assert control == VECTORS - 1
    assert table == 4
    assert pba == 0x1000 | 4


def test_of_msix_only_enable_and_function_mask_can_be_written(client):
    at = client.capability(CAP_MSIX)
    before = client.read(p.CONFIG, at, 12)
    client.write(p.CONFIG, at, b"\xff" * 12)
    after = client.read(p.CONFIG, at, 12)
    control = struct.unpack("<H", after[2:4])[0]
    assert control & 0x3fff == VECTORS - 1
    assert after[:2] + after[4:] == before[:2] + before[4:]
