# SPDX-License-Identifier: BSD-2-Clause
"""DMA_MAP and DMA_UNMAP: what is accepted, by the rules of VFIO's type1 v2."""

import struct

import pytest

import protocol as p

PAGE = p.PAGE
BASE = 0x100000
TOP = 1 << 64


def unmap(client, address, size, flags=0):
    """DMA_UNMAP that is to succeed: the reply echoes the request."""
    command = p.dma_unmap(address, size, flags)
    assert client.ok(command) == command.payload


# ---- Maps


@pytest.mark.parametrize("flags", [p.READ, p.WRITE, p.READ | p.WRITE])
def test_a_map_is_accepted_and_its_reply_is_empty(client, flags):
    assert client.ok(p.dma_map(BASE, PAGE, flags)) == b""


@pytest.mark.parametrize("address, size", [
    (0, PAGE), (0, 1 << 40), (TOP - PAGE, PAGE), (1 << 63, 1 << 63), (PAGE, TOP - PAGE),
])
def test_any_aligned_range_may_be_mapped(client, address, size):
    client.ok(p.dma_map(address, size))


@pytest.mark.parametrize("address, size", [
    (BASE, 0), (0, 0), (BASE + 1, PAGE), (BASE, PAGE + 1), (BASE, PAGE - 1), (BASE, 1),
    (BASE + 2048, PAGE), (BASE, 2048), (BASE + 1, PAGE - 1), (TOP - 1, 1),
])
def test_a_range_that_is_empty_or_misaligned_is_refused(client, address, size):
    assert client.error(p.dma_map(address, size)) == "EINVAL"


@pytest.mark.parametrize("address, size", [
    (TOP - PAGE, 2 * PAGE), (1 << 63, (1 << 63) + PAGE), (2 * PAGE, TOP - PAGE),
    (TOP - PAGE, TOP - PAGE),
])
def test_a_range_that_wraps_is_refused(client, address, size):
    assert client.error(p.dma_map(address, size)) == "EOVERFLOW"


@pytest.mark.parametrize("flags", [0] + [1 << bit | p.READ for bit in range(2, 32)])
def test_flags_are_read_and_write_and_no_other(client, flags):
    assert client.error(p.dma_map(BASE, PAGE, flags)) == "EINVAL"


@pytest.mark.parametrize("offset", [1, 2048, PAGE - 1])
def test_a_misaligned_offset_into_the_file_is_refused(client, memory, offset):
    assert client.error(p.dma_map(BASE, PAGE, fd=memory(4 * PAGE).fd, offset=offset)) == "EINVAL"


@pytest.mark.parametrize("offset, size", [
    (TOP - PAGE, 2 * PAGE), (TOP - PAGE, PAGE), (1 << 63, PAGE), ((1 << 63) - PAGE, 2 * PAGE),
])
def test_an_offset_beyond_any_file_is_refused(client, memory, offset, size):
    command = p.dma_map(BASE, size, fd=memory(4 * PAGE).fd, offset=offset)
    assert client.error(command) in ("EINVAL", "EOVERFLOW")
    client.ok(p.dma_map(BASE, size))


@pytest.mark.parametrize("address, size", [
    (BASE, 4 * PAGE), (BASE, PAGE), (BASE + 3 * PAGE, PAGE), (BASE + PAGE, 2 * PAGE),
    (BASE - PAGE, 2 * PAGE), (BASE + 3 * PAGE, 2 * PAGE), (BASE - PAGE, 6 * PAGE), (0, 1 << 40),
])
@pytest.mark.parametrize("shared", [False, True], ids=["message", "file"])
def test_a_map_over_another_is_refused(client, memory, address, size, shared):
    fd = memory(16 * PAGE).fd if shared else None
    client.ok(p.dma_map(BASE, 4 * PAGE, fd=fd))
    assert client.error(p.dma_map(address, size, fd=fd)) == "EEXIST"
    unmap(client, BASE, 4 * PAGE)
    client.ok(p.dma_map(address, size, fd=fd))


def test_neighbours_do_not_overlap(client):
    client.ok(p.dma_map(BASE, PAGE))
    client.ok(p.dma_map(BASE + PAGE, PAGE))
    client.ok(p.dma_map(BASE - PAGE, PAGE))
    client.ok(p.dma_map(TOP - PAGE, PAGE))


def test_a_refused_map_leaves_nothing_behind(client, memory):
    for _ in range(20):
        client.error(p.dma_map(BASE, PAGE, flags=0, fd=memory(PAGE).fd))
    client.ok(p.dma_map(BASE, PAGE))


# ---- Unmaps


def test_an_unmap_echoes_its_request(client):
    client.ok(p.dma_map(BASE, PAGE))
    unmap(client, BASE, PAGE)


def test_what_was_unmapped_can_be_mapped_again(client):
    for _ in range(20):
        client.ok(p.dma_map(BASE, PAGE))
        unmap(client, BASE, PAGE)


def test_an_unmap_takes_every_map_inside_it(client):
    for i in range(8):
        client.ok(p.dma_map(BASE + i * PAGE, PAGE))
    unmap(client, BASE, 8 * PAGE)
    client.ok(p.dma_map(BASE, 8 * PAGE))


def test_an_unmap_may_span_holes(client):
    for i in range(0, 16, 3):
        client.ok(p.dma_map(BASE + i * PAGE, PAGE))
    unmap(client, 0, 1 << 40)
    client.ok(p.dma_map(0, 1 << 40))


@pytest.mark.parametrize("address, size", [
    (BASE, PAGE), (0, PAGE), (0, 1 << 63), (TOP - PAGE, PAGE),
])
def test_an_unmap_of_nothing_succeeds(client, address, size):
    unmap(client, address, size)


@pytest.mark.parametrize("first, pages", [(0, 1), (0, 3), (1, 3), (1, 2), (3, 1), (-1, 2), (3, 8),
                                          (-4, 5)])
def test_an_unmap_that_cuts_a_map_is_refused_and_takes_nothing(client, first, pages):
    client.ok(p.dma_map(BASE, 4 * PAGE))
    client.ok(p.dma_map(BASE + 8 * PAGE, PAGE))
    assert client.error(p.dma_unmap(BASE + first * PAGE, pages * PAGE)) == "EINVAL"
    for page in (0, 3, 8):
        assert client.error(p.dma_map(BASE + page * PAGE, PAGE)) == "EEXIST"


def test_an_unmap_that_cuts_its_last_map_takes_none_before(client):
    client.ok(p.dma_map(BASE, PAGE))
    client.ok(p.dma_map(BASE + PAGE, 2 * PAGE))
    assert client.error(p.dma_unmap(BASE, 2 * PAGE)) == "EINVAL"
    assert client.error(p.dma_map(BASE, PAGE)) == "EEXIST"


@pytest.mark.parametrize("address, size", [
    (BASE, 0), (BASE + 1, PAGE), (BASE, PAGE + 1), (BASE, 1), (0, 0), (TOP - 1, 1),
])
def test_an_unmap_that_is_empty_or_misaligned_is_refused(client, address, size):
    client.ok(p.dma_map(BASE, PAGE))
    assert client.error(p.dma_unmap(address, size)) == "EINVAL"
    assert client.error(p.dma_map(BASE, PAGE)) == "EEXIST"


@pytest.mark.parametrize("address, size", [(TOP - PAGE, 2 * PAGE), (1 << 63, (1 << 63) + PAGE)])
def test_an_unmap_that_wraps_is_refused(client, address, size):
    assert client.error(p.dma_unmap(address, size)) in ("EINVAL", "EOVERFLOW")


@pytest.mark.parametrize("flags", [1 << bit for bit in range(32) if bit != 1] + [3])
def test_unknown_unmap_flags_are_refused(client, flags):
    client.ok(p.dma_map(BASE, PAGE))
    assert client.error(p.dma_unmap(BASE, PAGE, flags)) == "EINVAL"
    assert client.error(p.dma_map(BASE, PAGE)) == "EEXIST"


def test_all_unmaps_all(client):
    for address in (0, BASE, 1 << 63, TOP - PAGE):
        client.ok(p.dma_map(address, PAGE))
    unmap(client, 0, 0, p.UNMAP_ALL)
    client.ok(p.dma_map(0, 1 << 63))
    client.ok(p.dma_map(1 << 63, 1 << 63))


def test_all_of_nothing_succeeds(client):
    unmap(client, 0, 0, p.UNMAP_ALL)
    unmap(client, 0, 0, p.UNMAP_ALL)


@pytest.mark.parametrize("address, size", [(BASE, 0), (0, PAGE), (BASE, PAGE)])
def test_all_takes_no_range(client, address, size):
    client.ok(p.dma_map(BASE, PAGE))
    assert client.error(p.dma_unmap(address, size, p.UNMAP_ALL)) == "EINVAL"
    assert client.error(p.dma_map(BASE, PAGE)) == "EEXIST"


def test_a_descriptor_beside_an_unmap_is_closed(client, eventfd):
    client.ok(p.dma_map(BASE, PAGE))
    client.ok(p.dma_unmap(BASE, PAGE)._replace(fds=(eventfd,)))


def test_maps_are_not_dropped_by_a_reset(client):
    client.ok(p.dma_map(BASE, PAGE))
    client.ok(p.device_reset())
    assert client.error(p.dma_map(BASE, PAGE)) == "EEXIST"


# ---- Descriptors of a map


def test_a_map_takes_one_descriptor_at_most(client, memory):
    ram = memory(PAGE)
    command = p.dma_map(BASE, PAGE)._replace(fds=(ram.fd, ram.fd))
    assert client.error(command) == "EINVAL"
    client.ok(p.dma_map(BASE, PAGE, fd=ram.fd))


def test_the_reply_to_a_long_unmap_request_is_of_the_plain_size(client):
    command = p.dma_unmap(BASE, PAGE)
    reply = client.ok(command._replace(payload=command.payload + struct.pack("=QQ", 0, 0)))
    assert len(reply) == 24
