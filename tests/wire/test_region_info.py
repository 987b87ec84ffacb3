# SPDX-License-Identifier: BSD-2-Clause
"""GET_INFO and GET_REGION_INFO: sizes, flags, the areas that may be mapped, and mapping them."""

import mmap
import struct

import pytest

import protocol as p
from memory import pattern
from registers import BAR_SIZES, MEMORY_AREAS

FULL = 32 + 16 + 16 * len(MEMORY_AREAS)  # bytes of BAR2's reply


def region_info(client, index, argsz=4096):
    """GET_REGION_INFO. Returns the RegionInfo and the descriptors."""
    reply = client.call(p.get_region_info(index, argsz))
    assert reply.error == "OK"
    return p.RegionInfo.parse(reply.payload), reply.fds


@pytest.fixture
def mapped(driver):
    """BAR2's areas, mapped: {offset: mmap}."""
    info, fds = region_info(driver, p.BAR2)
    maps = {offset: mmap.mmap(fds[0], size, offset=info.offset + offset)
            for offset, size in info.areas}
    yield maps
    for area in maps.values():
        area.close()


def test_the_device_is_a_pci_device_that_can_be_reset(client):
    argsz, flags, regions, irqs = struct.unpack("=IIII", client.ok(p.get_info()))
    assert argsz == 16
    assert flags & p.DEVICE_PCI and flags & p.DEVICE_RESETTABLE
    assert (regions, irqs) == (p.REGIONS, p.IRQS)


@pytest.mark.parametrize("index", range(p.REGIONS))
def test_every_region_has_its_size(client, index):
    info, _ = region_info(client, index)
    assert info.index == index
    assert info.size == {**BAR_SIZES, p.CONFIG: 256}.get(index, 0)


@pytest.mark.parametrize("index", [p.BAR0, p.BAR1, p.BAR2, p.BAR4, p.CONFIG])
def test_regions_can_be_read_and_written(client, index):
    info, _ = region_info(client, index)
    assert info.flags & p.REGION_READABLE and info.flags & p.REGION_WRITABLE


@pytest.mark.parametrize("index", [i for i in range(p.REGIONS) if i != p.BAR2])
def test_a_region_of_registers_cannot_be_mapped(client, index):
    info, fds = region_info(client, index)
    assert not info.flags & (p.REGION_MMAP | p.REGION_CAPS)
    assert not fds and info.areas is None
    assert (info.argsz, info.length) == (32, 32)


def test_a_region_with_memory_says_which_areas_can_be_mapped(client):
    info, fds = region_info(client, p.BAR2)
    assert info.flags & p.REGION_MMAP and info.flags & p.REGION_CAPS
    assert info.areas == MEMORY_AREAS
    assert (info.argsz, info.length) == (FULL, FULL)
    assert len(fds) == 1


@pytest.mark.parametrize("index", [p.REGIONS, 100, 0x80000000, 0xffffffff])
def test_no_other_region_exists(client, index):
    assert client.error(p.get_region_info(index)) == "EINVAL"


@pytest.mark.parametrize("argsz", [32, 33, 48, FULL - 1])
def test_a_reply_keeps_to_argsz_and_says_what_is_needed(client, argsz):
    reply = client.call(p.get_region_info(p.BAR2, argsz))
    assert reply.error == "OK"
    assert 32 <= len(reply.payload) <= argsz
    needed, flags, index, cap, size, _ = struct.unpack_from("=IIIIQQ", reply.payload)
    assert (needed, index, size) == (FULL, p.BAR2, BAR_SIZES[p.BAR2])
    assert cap == 0 and not flags & p.REGION_CAPS, "a capability that is not there"


def test_a_second_question_with_the_size_that_was_needed_gets_it_all(client):
    needed, _ = region_info(client, p.BAR2, 32)
    info, fds = region_info(client, p.BAR2, needed.argsz)
    assert info.areas == MEMORY_AREAS and len(fds) == 1


def test_a_request_may_be_as_long_as_its_reply(client):
    command = p.get_region_info(p.BAR2, 4064)
    reply = client.call(command._replace(payload=command.payload.ljust(4064, b"\0")))
    info = p.RegionInfo.parse(reply.payload)
    assert info.areas == MEMORY_AREAS and info.length == FULL


def test_every_question_gets_a_descriptor(client):
    for _ in range(20):
        assert len(region_info(client, p.BAR2)[1]) == 1


def test_mapped_memory_is_what_messages_reach(driver, mapped):
    for offset, size in MEMORY_AREAS:
        driver.write(p.BAR2, offset + 0x123, pattern(300, 1))
        assert mapped[offset][0x123:0x123 + 300] == pattern(300, 1)
        mapped[offset][size - 100:size] = pattern(100, 2)
        assert driver.read(p.BAR2, offset + size - 100, 100) == pattern(100, 2)


def test_the_two_areas_are_different_memory(driver, mapped):
    mapped[0][:4] = b"low."
    mapped[0x8000][:4] = b"high"
    assert driver.read(p.BAR2, 0, 4) == b"low."
    assert driver.read(p.BAR2, 0x8000, 4) == b"high"


def test_a_reset_clears_mapped_memory(driver, mapped):
    mapped[0][:4] = b"mark"
    driver.ok(p.device_reset())
    assert mapped[0][:4] == bytes(4)


def test_mapped_memory_of_a_client_that_left_is_cleared(driver, mapped, connect):
    mapped[0][:4] = b"mark"
    driver.close()
    other = connect()
    other.ok(p.version())
    other.enable()
    assert other.read(p.BAR2, 0, 4) == bytes(4)
