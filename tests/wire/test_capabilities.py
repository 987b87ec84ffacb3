# SPDX-License-Identifier: BSD-2-Clause
"""Capabilities: where they lie, what a driver may write, whatever its accesses look like."""

import random

import pytest

import protocol as p
from capabilities import CAPABILITIES, SIZES, Space, placed
from memory import pattern

pytestmark = pytest.mark.parametrize("shape", SIZES)

WRITES = 300  # in a row, compared after each


@pytest.fixture
def space(shape):
    return Space(shape)


def compare(client, space):
    """Config space is what the model says."""
    seen = client.read(p.CONFIG, 0, space.size)
    assert not space.difference(seen)


def write(client, space, offset, data):
    """Writes to both."""
    data = space.allowed(offset, data)
    client.write(p.CONFIG, offset, data)
    space.write(offset, data)


def chain(whole):
    """The places of the standard capabilities, and those of the extended ones."""
    standard, extended, at = [], [], whole[0x34]
    while at:
        assert at >= 0x40 and at % 4 == 0 and at not in standard
        standard.append(at)
        at = whole[at + 1]
    at = 0x100 if len(whole) > 256 and any(whole[0x100:0x104]) else 0
    while at:
        assert at >= 0x100 and at % 4 == 0 and at not in extended
        extended.append(at)
        at = int.from_bytes(whole[at + 2:at + 4], "little") >> 4
    return standard, extended


# ---- What there is


def test_config_space_has_its_size(client, space):
    info = p.RegionInfo.parse(client.ok(p.get_region_info(p.CONFIG)))
    assert info.size == space.size
    assert client.error(p.region_read(p.CONFIG, space.size, 1)) == "EINVAL"
    assert client.error(p.region_write(p.CONFIG, space.size - 1, b"\0\0")) == "EINVAL"


def test_every_register_has_its_first_value(client, space):
    compare(client, space)


def test_the_chains_have_the_declared_order(client, shape):
    whole = client.read(p.CONFIG, 0, SIZES[shape])
    standard, extended = chain(whole)
    assert standard == [cap.at for cap in placed(shape) if not cap.version]
    assert extended == [cap.at for cap in placed(shape) if cap.version]
    assert [whole[at] for at in standard] == [c.id for c in CAPABILITIES[shape] if not c.version]


# ---- What a driver may write


def test_ids_and_next_pointers_are_kept(client, space):
    for cap in space.caps:
        size = 4 if cap.version else 2
        for value in (b"\xff", b"\0", b"\x5a", b"\xa5"):
            client.write(p.CONFIG, cap.at, value * size)
            for i in range(size):
                client.write(p.CONFIG, cap.at + i, value)
    compare(client, space)


@pytest.mark.parametrize("unit", [1, 2, 3, 4, 8, 4096], ids=lambda unit: f"by {unit}")
@pytest.mark.parametrize("value", [0xff, 0x00, 0xa5])
def test_each_capability_keeps_what_its_masks_say(client, space, unit, value):
    for cap in space.caps:
        for at in range(cap.at, cap.at + cap.size, unit):
            size = min(unit, cap.at + cap.size - at)
            write(client, space, at, bytes([value]) * size)
        compare(client, space)


def test_each_bit_is_written_alone(client, space):
    """Config space by bytes: a bit set, and the same bit cleared."""
    for at in range(space.size):
        if not space.rw[at] and not space.w1c[at] and at % 7:
            continue
        for bit in range(8):
            write(client, space, at, bytes([1 << bit]))
            assert client.get(p.CONFIG, at, 1) == space.bytes[at], f"{at:#x}, bit {bit}"
        write(client, space, at, b"\0")
    compare(client, space)


@pytest.mark.parametrize("value", [0xff, 0x00, 0x5a])
def test_all_of_config_space_is_written_at_once(client, space, value):
    write(client, space, 0, bytes([value]) * space.size)
    compare(client, space)


@pytest.mark.parametrize("seed", range(6))
def test_writes_of_any_size_at_any_place_do_what_the_masks_say(client, space, seed):
    """Also across the borders of registers and capabilities, and of what lies between."""
    rng = random.Random(seed)
    borders = [0, 256, *(at for cap in space.caps for at in (cap.at, cap.at + cap.size))]
    for _ in range(WRITES):
        size = rng.choice([1, 2, 3, 4, 5, 7, 8, 12, 16, 31, 64, 200])
        border = rng.choice(borders) - rng.randrange(size + 1)
        offset = rng.choice([rng.randrange(space.size), border])
        offset = max(0, min(offset, space.size - size))
        write(client, space, offset, rng.randbytes(size))
        seen = client.read(p.CONFIG, 0, space.size)
        assert not space.difference(seen), f"after {size} bytes at {offset:#x}"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 13, 255, 256])
def test_any_size_and_offset_reads_the_same_bytes(client, space, size):
    write(client, space, 0, pattern(space.size, 3))
    for offset in [*range(0x38, 0x140 - size if space.size > 256 else 257 - size),
                   space.size - size]:
        if 0 <= offset <= space.size - size:
            assert client.read(p.CONFIG, offset, size) == space.bytes[offset:offset + size]
