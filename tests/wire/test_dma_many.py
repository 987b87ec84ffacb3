# SPDX-License-Identifier: BSD-2-Clause
"""As many maps as are promised, and what they cost the server."""

import select

import pytest

import protocol as p

PAGE = p.PAGE
BASE = 1 << 32
BATCH = 64  # commands under way at a time
FILE_PAGES = 1024


def map_many(client, count, fd=None):
    """Maps `count` single pages with a gap between any two. Returns how many succeeded."""
    accepted = 0
    for start in range(0, count, BATCH):
        commands = [p.dma_map(BASE + 2 * i * PAGE, PAGE, fd=fd, offset=i % FILE_PAGES * PAGE)
                    for i in range(start, min(start + BATCH, count))]
        ids = [client.send(command) for command in commands]
        accepted += sum(client.expect(i, c).error == "OK" for i, c in zip(ids, commands))
    return accepted


@pytest.mark.parametrize("shared", [False, True], ids=["message", "file"])
def test_the_promised_number_of_maps_and_not_one_more(driver, device, memory, shared, sanitised):
    ram = memory(FILE_PAGES * PAGE)
    vmas = device.vmas()
    assert map_many(driver, p.MAX_DMA_MAPS, ram.fd if shared else None) == p.MAX_DMA_MAPS
    assert device.vmas() - vmas < 100
    assert sanitised or len(device.fds()) < 100

    assert driver.error(p.dma_map(0, PAGE)) == "ENOSPC"
    assert driver.error(p.dma_map(BASE, PAGE)) in ("EEXIST", "ENOSPC")
    last = BASE + 2 * (p.MAX_DMA_MAPS - 1) * PAGE
    if shared:
        ram[:4] = b"far."
        page = (p.MAX_DMA_MAPS - 1) % FILE_PAGES * PAGE
        assert driver.copy(BASE, last + 8, 4) == "OK"
        assert ram[page + 8:page + 12] == b"far."

    driver.ok(p.dma_unmap(BASE + 2000 * PAGE, PAGE))
    driver.ok(p.dma_map(0, PAGE))
    assert driver.error(p.dma_map(PAGE, PAGE)) == "ENOSPC"
    driver.ok(p.dma_unmap_all())
    driver.ok(p.dma_map(0, 1 << 50))


def test_a_client_that_leaves_with_many_maps_is_cleaned_up_after(driver, memory, connect):
    map_many(driver, 20_000, memory(FILE_PAGES * PAGE).fd)
    driver.close()
    other = connect()
    other.ok(p.version())
    other.ok(p.dma_map(BASE, 1 << 40))


def test_many_files_are_mapped_and_closed_again(driver, memory):
    files = [memory(PAGE) for _ in range(200)]
    for i, file in enumerate(files):
        driver.ok(p.dma_map(BASE + i * PAGE, PAGE, fd=file.fd))
    files[0][:4] = b"last"
    assert driver.copy(BASE, BASE + 199 * PAGE, 4) == "OK"
    assert files[199][:4] == b"last"
    for i in range(200):
        driver.ok(p.dma_unmap(BASE + i * PAGE, PAGE))


def test_replies_to_many_maps_need_not_be_read_at_once(driver, memory):
    """What a VMM's memory listener does: it reads only when the last map was sent."""
    ram = memory(FILE_PAGES * PAGE)
    commands = [p.dma_map(BASE + i * PAGE, PAGE, fd=ram.fd, offset=i % FILE_PAGES * PAGE)
                for i in range(2000)]
    ids = [driver.send(command) for command in commands]
    for msg_id, command in zip(ids, commands):
        assert driver.expect(msg_id, command).error == "OK"
    assert not select.select([driver.sock], [], [], 0)[0]
