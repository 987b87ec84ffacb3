# SPDX-License-Identifier: BSD-2-Clause
"""Requests take effect and replies leave in the order in which the requests came."""

import random
import struct

import pytest

import protocol as p
from memory import pattern
from registers import DELAY, command_write


def mixed_commands(count, fd, seed):
    """Commands of all kinds, and for each the error it ends with."""
    rng = random.Random(seed)
    mapped = set()
    commands = []
    for _ in range(count):
        page = rng.randrange(8) * p.PAGE
        kind = rng.randrange(12)
        if kind == 0:
            commands.append((p.dma_map(page, p.PAGE, fd=fd), "EEXIST" if page in mapped else "OK"))
            mapped.add(page)
        elif kind == 1:
            commands.append((p.dma_unmap(page, p.PAGE), "OK"))
            mapped.discard(page)
        else:
            commands.append(rng.choice([
                (p.get_info(), "OK"),
                (p.get_region_info(p.BAR2), "OK"),
                (p.get_region_info(77), "EINVAL"),
                (p.get_irq_info(p.MSIX), "OK"),
                (p.region_read(p.CONFIG, 1, 7), "OK"),
                (p.region_read(p.BAR0, 0xffe, 4), "EINVAL"),
                (p.region_write(p.BAR0, 5, b"123"), "OK"),
                (p.region_write_multi([(p.BAR0, 0, b"12"), (p.BAR1, 0, b"34")]), "OK"),
                (p.device_feature(p.FEATURE_PROBE | 1), "ENOTTY"),
                (p.Command(4711), "ENOSYS"),
            ]))
    return commands


@pytest.mark.parametrize("seed", range(5))
def test_mixed_commands_are_answered_in_order(driver, memory, seed):
    commands = mixed_commands(300, memory(p.PAGE).fd, seed)
    ids = [driver.send(command) for command, _ in commands]
    for msg_id, (command, error) in zip(ids, commands):
        assert driver.expect(msg_id, command).error == error


def test_every_read_sees_the_write_before_it(driver):
    commands = []
    for i in range(300):
        commands.append(p.region_write(p.BAR0, i % 5, struct.pack("<I", i)))
        commands.append(p.region_read(p.BAR0, i % 5, 4))
    ids = [driver.send(command) for command in commands]
    replies = [driver.expect(i, command) for i, command in zip(ids, commands)]
    seen = [struct.unpack("<I", reply.payload[16:])[0] for reply in replies[1::2]]
    assert seen == list(range(300))


def test_memory_and_registers_keep_their_order(driver):
    """Memory is served without the device, and still not before what was asked of the device."""
    commands = []
    for i in range(50):
        commands.append(command_write(DELAY, i % 3))
        commands.append(p.region_write(p.BAR2, 0, struct.pack("<I", i)))
        commands.append(p.region_read(p.BAR2, 0, 4))
    ids = [driver.send(command) for command in commands]
    replies = [driver.expect(i, command) for i, command in zip(ids, commands)]
    seen = [struct.unpack("<I", reply.payload[16:])[0] for reply in replies[2::3]]
    assert seen == list(range(50))


def test_config_space_switches_take_effect_in_order(driver):
    commands = []
    for value in (0, 2, 0, 6, 4, 2):
        commands.append(p.region_write(p.CONFIG, 4, struct.pack("<H", value)))
        commands.append(p.region_read(p.BAR0, 0, 4))
    ids = [driver.send(command) for command in commands]
    replies = [driver.expect(i, command) for i, command in zip(ids, commands)]
    assert [r.error for r in replies[1::2]] == ["EIO", "OK", "EIO", "OK", "EIO", "OK"]


def test_a_reply_with_a_descriptor_keeps_its_place(driver, device):
    commands = [p.get_info(), p.get_region_info(p.BAR2), p.get_info(),
                p.get_region_io_fds(p.BAR0), p.get_region_info(p.BAR2), p.get_info()]
    with device.frozen():
        ids = [driver.send(command) for command in commands]
    replies = [driver.expect(i, command) for i, command in zip(ids, commands)]
    assert [len(reply.fds) for reply in replies] == [0, 1, 0, 2, 1, 0]


def test_large_and_small_replies_keep_their_order(driver):
    driver.write(p.BAR2, 0, pattern(0x4000))
    sizes = [1, 0x4000, 4, 0x3fff, 8, 0x2000] * 10
    commands = [p.region_read(p.BAR2, 0, size) for size in sizes]
    ids = [driver.send(command) for command in commands]
    for msg_id, command, size in zip(ids, commands, sizes):
        assert driver.expect(msg_id, command).payload[16:] == pattern(0x4000)[:size]
