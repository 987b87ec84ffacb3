# SPDX-License-Identifier: BSD-2-Clause
"""DMA by the device: through what was mapped, as it was mapped, and nothing else."""

import fcntl
import os
import random

import pytest

import protocol as p
from memory import pattern
from registers import COMMAND_IO, COMMAND_MEM, COPY_RESULT, copy_commands

PAGE = p.PAGE
BASE = 0x100000
TOP = 1 << 64


@pytest.fixture
def ram(driver, memory):
    """16 pages at BASE."""
    ram = memory(16 * PAGE)
    driver.ok(p.dma_map(BASE, 16 * PAGE, fd=ram.fd))
    return ram


@pytest.mark.parametrize("size", [1, 3, 8, 100, PAGE, PAGE + 1, 6 * PAGE])
@pytest.mark.parametrize("source, target", [(0, 8 * PAGE), (5, 8 * PAGE + 3), (PAGE - 1, 9 * PAGE)])
def test_the_device_copies(driver, ram, source, target, size):
    ram[source:source + size] = pattern(size, 9)
    assert driver.copy(BASE + source, BASE + target, size) == "OK"
    assert ram[target:target + size] == pattern(size, 9)
    assert ram[target + size:target + size + 8] == bytes(8)


def test_the_offset_of_a_map_is_kept(driver, memory):
    ram = memory(8 * PAGE)
    ram[5 * PAGE:5 * PAGE + 8] = b"page 5.."
    driver.ok(p.dma_map(BASE, PAGE, fd=ram.fd, offset=5 * PAGE))
    driver.ok(p.dma_map(BASE + PAGE, PAGE, fd=ram.fd, offset=2 * PAGE))
    assert driver.copy(BASE, BASE + PAGE + 16, 8) == "OK"
    assert ram[2 * PAGE + 16:2 * PAGE + 24] == b"page 5.."


def test_a_copy_spans_maps_of_different_files(driver, memory):
    files = [memory(4 * PAGE) for _ in range(5)]
    order = [3, 0, 4, 2, 1]
    for i, number in enumerate(order):
        driver.ok(p.dma_map(BASE + i * PAGE, PAGE, fd=files[number].fd, offset=number % 4 * PAGE))
    target = memory(8 * PAGE)
    driver.ok(p.dma_map(0, 8 * PAGE, fd=target.fd))

    data = pattern(5 * PAGE - 20, 4)
    expanded = bytes(10) + data + bytes(10)
    for i, number in enumerate(order):
        at = number % 4 * PAGE
        files[number][at:at + PAGE] = expanded[i * PAGE:(i + 1) * PAGE]
    assert driver.copy(BASE + 10, 3, len(data)) == "OK"
    assert target[3:3 + len(data)] == data
    assert driver.copy(3, BASE + 10, len(data)) == "OK"


def test_slices_of_one_file_in_any_order(driver, memory):
    ram, target = memory(64 * PAGE), memory(64 * PAGE)
    ram[:] = pattern(64 * PAGE, 3)
    order = list(range(64))
    random.Random(2).shuffle(order)
    for i, page in enumerate(order):
        driver.ok(p.dma_map(BASE + i * PAGE, PAGE, fd=ram.fd, offset=page * PAGE))
    driver.ok(p.dma_map(0, 64 * PAGE, fd=target.fd))
    assert driver.copy(BASE, 0, 64 * PAGE) == "OK"
    expected = b"".join(ram[page * PAGE:(page + 1) * PAGE] for page in order)
    assert target[:] == expected


def test_a_copy_of_a_mebibyte(driver, memory):
    ram = memory(2 << 20)
    ram[:1 << 20] = pattern(1 << 20, 8)
    driver.ok(p.dma_map(BASE, 2 << 20, fd=ram.fd))
    assert driver.copy(BASE, BASE + (1 << 20), 1 << 20) == "OK"
    assert ram[1 << 20:] == pattern(1 << 20, 8)


def test_the_last_page_of_the_address_space_is_reached(driver, memory):
    ram = memory(2 * PAGE)
    ram[PAGE:] = pattern(PAGE)
    driver.ok(p.dma_map(TOP - 2 * PAGE, 2 * PAGE, fd=ram.fd))
    assert driver.copy(TOP - PAGE, TOP - 2 * PAGE, PAGE) == "OK"
    assert ram[:PAGE] == pattern(PAGE)


# ---- What is not reached


@pytest.mark.parametrize("source, target, size", [
    (0, BASE, 8), (BASE, 0, 8), (BASE - 4, BASE, 8), (BASE + 16 * PAGE - 4, BASE, 8),
    (BASE, BASE + 16 * PAGE - 4, 8), (BASE, BASE + 16 * PAGE, 1), (TOP - 8, BASE, 8),
    (TOP - 4, BASE, 8), (BASE, TOP - 1, 2), (BASE, TOP - 8, PAGE),
])
def test_what_is_not_mapped_is_out_of_reach(driver, ram, source, target, size):
    assert driver.copy(source, target, size) == "EFAULT"
    driver.alive()


def test_a_hole_between_maps_is_out_of_reach(driver, memory):
    ram = memory(8 * PAGE)
    driver.ok(p.dma_map(BASE, PAGE, fd=ram.fd))
    driver.ok(p.dma_map(BASE + 2 * PAGE, PAGE, fd=ram.fd))
    assert driver.copy(BASE, BASE + 2 * PAGE, PAGE) == "OK"
    assert driver.copy(BASE, BASE + 2 * PAGE, PAGE + 1) == "EFAULT"


def test_what_was_unmapped_is_out_of_reach(driver, ram):
    driver.ok(p.dma_unmap(BASE, 16 * PAGE))
    assert driver.copy(BASE, BASE + PAGE, 8) == "EFAULT"
    driver.ok(p.dma_map(BASE, PAGE, fd=ram.fd))
    assert driver.copy(BASE, BASE + 16, 8) == "OK"
    assert driver.copy(BASE, BASE + PAGE, 8) == "EFAULT"


def test_unmapping_one_slice_leaves_the_others(driver, memory):
    ram = memory(4 * PAGE)
    for i in range(4):
        driver.ok(p.dma_map(BASE + i * PAGE, PAGE, fd=ram.fd, offset=i * PAGE))
    driver.ok(p.dma_unmap(BASE + PAGE, PAGE))
    ram[:4] = b"left"
    assert driver.copy(BASE, BASE + 3 * PAGE, 4) == "OK"
    assert ram[3 * PAGE:3 * PAGE + 4] == b"left"
    assert driver.copy(BASE + PAGE, BASE, 4) == "EFAULT"


def test_a_read_only_map_is_read_and_not_written(driver, ram, memory):
    fixed = memory(PAGE)
    fixed[:4] = b"rom."
    driver.ok(p.dma_map(0, PAGE, p.READ, fd=fixed.fd))
    assert driver.copy(0, BASE, 4) == "OK"
    assert ram[:4] == b"rom."
    ram[:4] = b"bad!"
    assert driver.copy(BASE, 0, 4) == "EFAULT"
    assert fixed[:4] == b"rom."


def test_a_write_only_map_is_written_and_not_read(driver, ram, memory):
    sink = memory(PAGE)
    ram[:4] = b"data"
    driver.ok(p.dma_map(0, PAGE, p.WRITE, fd=sink.fd))
    assert driver.copy(BASE, 0, 4) == "OK"
    assert sink[:4] == b"data"
    assert driver.copy(0, BASE, 4) == "EFAULT"


def test_one_file_is_mapped_with_different_rights(driver, memory):
    ram = memory(2 * PAGE)
    ram[:4] = b"page"
    driver.ok(p.dma_map(0, PAGE, p.READ, fd=ram.fd))
    driver.ok(p.dma_map(PAGE, PAGE, fd=ram.fd, offset=PAGE))
    assert driver.copy(0, PAGE, 4) == "OK"
    assert driver.copy(PAGE, 0, 4) == "EFAULT"
    driver.ok(p.dma_unmap(0, PAGE))
    driver.ok(p.dma_map(0, PAGE, fd=ram.fd))
    assert driver.copy(PAGE, 8, 4) == "OK"
    assert ram[8:12] == b"page"


def test_memory_without_a_file_is_reached_by_messages_only(driver, ram):
    driver.ok(p.dma_map(0, PAGE))
    assert driver.copy(0, BASE, 8) == "EREMOTE"
    assert driver.copy(BASE, 0, 8) == "EREMOTE"
    driver.alive()


def test_no_dma_while_the_bus_master_is_off(driver, ram):
    driver.enable(COMMAND_IO | COMMAND_MEM)
    assert driver.copy(BASE, BASE + PAGE, 8) == "ENODEV"
    driver.enable()
    assert driver.copy(BASE, BASE + PAGE, 8) == "OK"


# ---- Files that are not what they seem


def test_a_file_that_was_truncated_faults_and_harms_nobody(driver, ram):
    os.ftruncate(ram.fd, PAGE)
    assert driver.copy(BASE, BASE + 8, 8) == "OK"
    assert driver.copy(BASE + 4 * PAGE, BASE, 8) == "EFAULT"
    assert driver.copy(BASE, BASE + 4 * PAGE, 8) == "EFAULT"
    assert driver.copy(BASE + PAGE - 4, BASE, 8) == "EFAULT"
    driver.alive()
    os.ftruncate(ram.fd, 16 * PAGE)
    assert driver.copy(BASE + 4 * PAGE, BASE, 8) == "OK"


@pytest.mark.parametrize("offset, size", [(0, 4), (4, 1), (1 << 30, 1)])
def test_a_map_beyond_the_end_of_its_file_harms_nobody(driver, ram, memory, offset, size):
    small = memory(PAGE)
    reply = driver.call(p.dma_map(0, size * PAGE, fd=small.fd, offset=offset * PAGE))
    assert reply.error in ("OK", "EINVAL", "EFAULT", "EOVERFLOW")
    assert driver.copy((size - 1) * PAGE, BASE, 8) == "EFAULT"
    assert driver.copy(BASE, (size - 1) * PAGE, 8) == "EFAULT"
    driver.alive()


def test_a_file_opened_for_reading_is_read_and_not_written(driver, ram, memory):
    hidden = memory(PAGE)
    hidden[:4] = b"keep"
    fd = os.open(f"/proc/self/fd/{hidden.fd}", os.O_RDONLY)
    try:
        driver.ok(p.dma_map(0, PAGE, p.READ, fd=fd))
        both = driver.error(p.dma_map(PAGE, PAGE, fd=fd))
    finally:
        os.close(fd)
    assert driver.copy(0, BASE, 4) == "OK"
    assert ram[:4] == b"keep"
    assert both in ("OK", "EACCES", "EPERM", "EINVAL")
    assert driver.copy(BASE, PAGE, 4) in ("EFAULT", "EREMOTE")
    assert driver.copy(BASE, 0, 4) == "EFAULT"
    driver.alive()


@pytest.mark.parametrize("seal", [fcntl.F_SEAL_WRITE, 0x10], ids=["write", "future write"])
def test_a_file_sealed_against_writing_is_read_and_not_written(driver, ram, seal):
    fd = os.memfd_create("sealed", os.MFD_ALLOW_SEALING)
    try:
        os.write(fd, b"seal".ljust(PAGE, b"\0"))
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seal)
        driver.error(p.dma_map(PAGE, PAGE, fd=fd))
        driver.error(p.dma_map(0, PAGE, p.READ, fd=fd))
        assert driver.copy(BASE, PAGE, 4) in ("EFAULT", "EREMOTE")
        assert driver.copy(0, BASE, 4) in ("OK", "EFAULT", "EREMOTE")
        assert os.pread(fd, 4, 0) == b"seal"
    finally:
        os.close(fd)
    driver.alive()


@pytest.mark.parametrize("kind", ["pipe", "socket", "eventfd", "null", "directory", "path", "disk"])
def test_what_is_no_shared_memory_is_refused_or_reached_by_messages(driver, ram, tmp_path, kind):
    fds = {
        "pipe": os.pipe,
        "socket": lambda: (driver.sock.fileno(),),
        "eventfd": lambda: (os.eventfd(0),),
        "null": lambda: (os.open("/dev/null", os.O_RDWR),),
        "directory": lambda: (os.open(tmp_path, os.O_RDONLY),),
        "path": lambda: (os.open(tmp_path, os.O_PATH),),
        "disk": lambda: (os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT),),
    }[kind]()
    if kind == "disk":
        os.ftruncate(fds[0], PAGE)
    reply = driver.call(p.dma_map(0, PAGE, fd=fds[0]))
    for fd in fds:
        if kind != "socket":
            os.close(fd)
    if reply.error == "OK":
        assert driver.copy(0, BASE, 8) in ("EREMOTE", "OK" if kind == "disk" else "EREMOTE")
        driver.ok(p.dma_unmap(0, PAGE))
    driver.alive()


def test_the_client_may_close_its_descriptor(driver, memory):
    ram = memory(2 * PAGE)
    fd = os.dup(ram.fd)
    driver.ok(p.dma_map(BASE, 2 * PAGE, fd=fd))
    os.close(fd)
    ram[:4] = b"kept"
    assert driver.copy(BASE, BASE + PAGE, 4) == "OK"
    assert ram[PAGE:PAGE + 4] == b"kept"


# ---- Order with other commands


def test_maps_copies_and_unmaps_in_one_go_take_effect_in_order(driver, device, memory):
    ram = memory(4 * PAGE)
    ram[:8] = b"in order"
    commands = [
        p.dma_map(BASE, 4 * PAGE, fd=ram.fd),
        *copy_commands(BASE, BASE + PAGE, 8),
        p.region_read(p.BAR0, COPY_RESULT, 4),
        p.dma_unmap(BASE, 4 * PAGE),
        *copy_commands(BASE, BASE + 2 * PAGE, 8),
        p.region_read(p.BAR0, COPY_RESULT, 4),
        p.dma_map(BASE, PAGE, fd=ram.fd, offset=PAGE),
        *copy_commands(BASE, BASE + 16, 8),
        p.region_read(p.BAR0, COPY_RESULT, 4),
    ]
    with device.frozen():
        ids = [driver.send(command) for command in commands]
    replies = [driver.expect(i, command) for i, command in zip(ids, commands)]
    results = [int.from_bytes(r.payload[16:], "little") for r in replies if len(r.payload) == 20]
    assert results == [0, 14, 0]  # 14 is EFAULT
    assert ram[PAGE:PAGE + 24] == b"in order" + bytes(8) + b"in order"
    assert ram[2 * PAGE:2 * PAGE + 8] == bytes(8)
