# SPDX-License-Identifier: BSD-2-Clause
"""REGION_READ, REGION_WRITE and REGION_WRITE_MULTI: what reaches the device, and in what pieces."""

import struct

import pytest

import protocol as p
from memory import pattern
from registers import (BAR_SIZES, COMMAND_IO, COMMAND_MASTER, COMMAND_MEM, FAIL, Piece,
                       command_write)

PRESENT = [p.BAR0, p.BAR1, p.BAR2, p.BAR4, p.CONFIG]
ABSENT = [p.BAR3, p.BAR5, p.ROM, p.VGA, p.REGIONS, 100, 0x7fffffff, 0x80000000, 0xffffffff]
SIZES = {**BAR_SIZES, p.CONFIG: 256}


def pieces(offset, size, largest):
    """The naturally aligned pieces of an access, in ascending order: (offset, size)."""
    result = []
    while size:
        piece = largest
        while offset % piece or piece > size:
            piece //= 2
        result.append((offset, piece))
        offset, size = offset + piece, size - piece
    return result


# ---- Accesses that a device sees whole


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 16, 63, 64, 1000])
@pytest.mark.parametrize("offset", [0, 1, 2, 3, 0x7ff])
def test_what_is_written_is_read(driver, offset, size):
    driver.write(p.BAR0, offset, pattern(size, 5))
    assert driver.read(p.BAR0, offset, size) == pattern(size, 5)
    assert driver.read(p.BAR0, offset + size, 8) == bytes(8)


def test_a_whole_bar_is_read_at_once(driver):
    driver.write(p.BAR0, 0, pattern(0xe00))
    assert driver.read(p.BAR0, 0, 0x1000)[:0xe00] == pattern(0xe00)


def test_the_last_byte_of_a_region_is_accessible(driver):
    for region in PRESENT:
        driver.read(region, SIZES[region] - 1, 1)
        driver.write(region, SIZES[region] - 1, b"\0")


@pytest.mark.parametrize("number, name", [
    (1, "EPERM"), (5, "EIO"), (22, "EINVAL"), (110, "ETIMEDOUT"),
])
def test_a_device_may_fail_an_access(driver, number, name):
    assert driver.error(command_write(FAIL, number)) == name
    driver.alive()


# ---- Accesses that are refused


@pytest.mark.parametrize("region", PRESENT)
def test_an_access_beyond_the_region_is_refused(driver, region):
    size = SIZES[region]
    ranges = [(size, 1), (size - 1, 2), (size - 3, 4), (size + 1, 1), (1 << 32, 4), (1 << 63, 4),
              (p.U64_MAX, 1), (p.U64_MAX - 3, 4), (p.U64_MAX - 3, 8), (0, size + 1),
              ((1 << 32) - 4, 8), ((1 << 64) - size, size)]
    for offset, count in ranges:
        assert driver.error(p.region_read(region, offset, count)) == "EINVAL"
        assert driver.error(p.region_write(region, offset, bytes(count))) == "EINVAL"
    driver.alive()


@pytest.mark.parametrize("region", ABSENT)
def test_a_region_that_is_not_there_is_refused(driver, region):
    for offset, count in [(0, 1), (0, 4), (4096, 8), (p.U64_MAX, 1)]:
        assert driver.error(p.region_read(region, offset, count)) == "EINVAL"
        assert driver.error(p.region_write(region, offset, bytes(count))) == "EINVAL"
    driver.alive()


@pytest.mark.parametrize("region", PRESENT + [p.BAR3, p.VGA])
def test_an_access_of_no_bytes_is_refused(driver, region):
    assert driver.error(p.region_read(region, 0, 0)) == "EINVAL"
    assert driver.error(p.region_write(region, 0, b"")) == "EINVAL"
    driver.alive()


@pytest.mark.parametrize("count", [p.MAX_DATA_XFER_SIZE + 1, 1 << 24, 0x7fffffff, 0x80000000,
                                   0xfffffff0, 0xffffffff])
def test_a_count_beyond_the_largest_transfer_is_refused(driver, count):
    for region in (p.BAR0, p.BAR2, p.CONFIG, p.VGA, 99):
        assert driver.error(p.region_read(region, 0, count)) == "EINVAL"
        write = p.region_write(region, 0, bytes(8)).patched(12, "I", count)
        assert driver.error(write) == "EINVAL"
    driver.alive()


@pytest.mark.parametrize("count", [9, 16, 4096, 0xffffffff])
def test_a_write_with_less_data_than_its_count_is_refused(driver, count):
    assert driver.error(p.region_write(p.BAR0, 0, b"\xff" * 8).patched(12, "I", count)) == "EINVAL"
    assert driver.read(p.BAR0, 0, 16) == bytes(16)


def test_a_reply_keeps_to_the_clients_largest_transfer(connect):
    client = connect()
    client.ok(p.version({"max_data_xfer_size": 100}, padding=20))
    assert client.error(p.region_read(p.CONFIG, 0, 101)) == "EINVAL"
    assert client.error(p.region_read(p.CONFIG, 0, 100)) == "OK"


def test_a_write_with_more_data_than_its_count_writes_no_more(driver):
    write = p.region_write(p.BAR0, 0, b"\xff" * 8).patched(12, "I", 4)
    assert driver.error(write) in ("OK", "EINVAL")
    assert driver.read(p.BAR0, 4, 4) == bytes(4)


# ---- Registers: accesses are cut


@pytest.mark.parametrize("offset", range(9))
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31])
def test_an_access_of_registers_is_cut_into_aligned_pieces(driver, offset, size):
    data = pattern(size, 3)
    driver.write(p.BAR1, offset, data)
    values = [int.from_bytes(data[at - offset:at - offset + length], "little")
              for at, length in pieces(offset, size, 4)]
    expected = [(at, length, value) for (at, length), value in zip(pieces(offset, size, 4), values)]
    assert driver.log() == [Piece(1, True, *piece) for piece in expected]
    assert driver.read(p.BAR1, offset, size) == data
    assert driver.log() == [Piece(1, False, *piece) for piece in expected]


@pytest.mark.parametrize("offset, size", [(0x4000, 8), (0x4001, 8), (0x4004, 16), (0xfff8, 8),
                                          (0xfff9, 7), (0x4003, 40)])
def test_registers_of_eight_bytes_are_read_whole(driver, offset, size):
    expected = bytes((at ^ at >> 8) & 0xff for at in range(offset, offset + size))
    assert driver.read(p.BAR2, offset, size) == expected
    assert [(q.offset, q.size) for q in driver.log()] == pieces(offset, size, 8)


# ---- Memory behind a BAR, and its borders


@pytest.mark.parametrize("offset", [0, 1, 0x3ff0, 0x8000, 0xbff0])
def test_memory_is_served_without_the_device(driver, offset):
    driver.write(p.BAR2, offset, pattern(16, 1))
    assert driver.read(p.BAR2, offset, 16) == pattern(16, 1)
    assert driver.log() == []


@pytest.mark.parametrize("border, registers_behind", [(0x4000, True), (0x8000, False),
                                                      (0xc000, True)])
@pytest.mark.parametrize("before, behind", [(4, 4), (3, 5), (1, 1), (16, 16)])
def test_an_access_may_span_memory_and_registers(driver, border, registers_behind, before, behind):
    driver.write(p.BAR2, border - before, pattern(before + behind, 1))
    at, size = (border, behind) if registers_behind else (border - before, before)
    assert [(q.offset, q.size) for q in driver.log()] == pieces(at, size, 8)

    data = driver.read(p.BAR2, border - before, before + behind)
    registers = bytes((o ^ o >> 8) & 0xff for o in range(at, at + size))
    if registers_behind:
        assert data == pattern(before + behind, 1)[:before] + registers
    else:
        assert data == registers + pattern(before + behind, 1)[before:]


def test_all_of_a_large_bar_is_read_at_once(driver):
    driver.write(p.BAR2, 0, pattern(0x4000, 1))
    driver.write(p.BAR2, 0x8000, pattern(0x4000, 2))
    data = driver.read(p.BAR2, 0, 0x10000)
    assert data[:0x4000] == pattern(0x4000, 1)
    assert data[0x8000:0xc000] == pattern(0x4000, 2)
    for start in (0x4000, 0xc000):
        expected = bytes((at ^ at >> 8) & 0xff for at in range(start, start + 0x4000))
        assert data[start:start + 0x4000] == expected


# ---- COMMAND's gates


@pytest.mark.parametrize("region", [p.BAR0, p.BAR2, p.BAR4])
def test_memory_is_out_of_reach_while_memory_space_is_off(client, region):
    assert client.error(p.region_read(region, 0, 4)) == "EIO"
    assert client.error(p.region_write(region, 0, bytes(4))) == "EIO"
    client.enable(COMMAND_MASTER)
    assert client.error(p.region_read(region, 0, 4)) == "EIO"
    client.enable()
    assert client.error(p.region_read(region, 0, 4)) == "OK"


def test_a_write_while_memory_space_is_off_is_lost(driver):
    driver.enable(0)
    driver.error(p.region_write(p.BAR0, 0, b"lost"))
    driver.enable()
    assert driver.read(p.BAR0, 0, 4) == bytes(4)


def test_io_is_out_of_reach_while_io_space_is_off(client):
    for command in (0, COMMAND_MEM, COMMAND_MEM | COMMAND_MASTER):
        client.enable(command)
        assert client.error(p.region_read(p.BAR1, 0, 4)) == "EIO"
        assert client.error(p.region_write(p.BAR1, 0, b"gate")) == "EIO"
    client.enable(COMMAND_IO)
    assert client.read(p.BAR1, 0, 4) == bytes(4)
    client.write(p.BAR1, 0, b"gate")
    assert client.read(p.BAR1, 0, 4) == b"gate"
    assert client.error(p.region_read(p.BAR0, 0, 4)) == "EIO"


def test_a_bad_range_is_refused_also_while_memory_space_is_off(client):
    assert client.error(p.region_read(p.BAR0, 0x1000, 4)) in ("EINVAL", "EIO")
    assert client.error(p.region_read(p.BAR5, 0, 4)) == "EINVAL"


# ---- Several writes in one message


def test_a_multiple_write_writes_in_order(driver):
    writes = [(p.BAR0, 0, b"abcdefgh"), (p.BAR0, 4, b"IJ"), (p.BAR1, 0, b"\1\2\3\4"),
              (p.BAR0, 5, b"k"), (p.BAR2, 0, b"memory"), (p.CONFIG, 0x3c, b"\x55")]
    reply = driver.ok(p.region_write_multi(writes))
    assert struct.unpack("=Q", reply) == (len(writes),)
    assert driver.read(p.BAR0, 0, 8) == b"abcdIkgh"
    assert driver.read(p.BAR1, 0, 4) == b"\1\2\3\4"
    assert driver.read(p.BAR2, 0, 6) == b"memory"
    assert driver.read(p.CONFIG, 0x3c, 1) == b"\x55"


def test_a_multiple_write_may_be_long(driver, deferring):
    count = 300 if deferring else 10_000
    writes = [(p.BAR0, 4 * (i % 128), struct.pack("<I", i)) for i in range(count)]
    assert struct.unpack("=Q", driver.ok(p.region_write_multi(writes))) == (count,)
    expected = [max(range(i, count, 128)) for i in range(128)]
    assert list(struct.unpack("<128I", driver.read(p.BAR0, 0, 512))) == expected


def test_a_multiple_write_of_nothing_does_nothing(driver):
    reply = driver.call(p.region_write_multi([]))
    assert reply.error == "EINVAL" or reply.payload == bytes(8)
    driver.alive()


@pytest.mark.parametrize("count", [0, 1, 3, 4, 1 << 32, 1 << 61, p.U64_MAX // 24 + 2, p.U64_MAX])
def test_a_multiple_write_whose_count_is_not_its_length_is_refused(driver, count):
    writes = [(p.BAR0, 0, b"ab"), (p.BAR0, 2, b"cd")]
    reply = driver.call(p.region_write_multi(writes, count))
    if count < 2:  # what lies behind is not looked at, or refused
        assert reply.error in ("OK", "EINVAL")
        assert driver.read(p.BAR0, 2, 2) == bytes(2)
    else:
        assert reply.error == "EINVAL"
        assert driver.read(p.BAR0, 0, 4) == bytes(4)


@pytest.mark.parametrize("count", [9, 16, 0x7fffffff, 0xffffffff])
def test_a_part_of_a_multiple_write_is_eight_bytes_at_most(driver, count):
    multi = p.region_write_multi([(p.BAR0, 0, b"abcdefgh")]).patched(8 + 12, "I", count)
    assert driver.error(multi) == "EINVAL"
    assert driver.read(p.BAR0, 8, 8) == bytes(8)


@pytest.mark.parametrize("bad", [(p.BAR0, 0x1000, b"x"), (p.BAR0, p.U64_MAX, b"xy"),
                                 (p.BAR5, 0, b"x"), (77, 0, b"x")])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_multiple_write_ends_at_a_bad_part_and_says_how_many_were_done(driver, bad, place):
    writes = [(p.BAR0, 0, b"a"), (p.BAR0, 1, b"b")]
    writes.insert(place, bad)
    reply = driver.call(p.region_write_multi(writes))
    if place == 0:
        assert reply.error == "EINVAL"
    else:
        assert struct.unpack("=Q", reply.payload) == (place,)
    assert driver.read(p.BAR0, 0, 2) == b"ab"[:place].ljust(2, b"\0")


def test_a_multiple_write_ends_at_the_part_that_the_device_fails(driver):
    fail = (p.BAR0, FAIL, struct.pack("<I", 5))
    assert driver.error(p.region_write_multi([fail, (p.BAR0, 0, b"a")])) == "EIO"
    reply = driver.ok(p.region_write_multi([(p.BAR0, 0, b"a"), fail, (p.BAR0, 1, b"b")]))
    assert struct.unpack("=Q", reply) == (1,)
    assert driver.read(p.BAR0, 0, 2) == b"a\0"
