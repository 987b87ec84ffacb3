# SPDX-License-Identifier: BSD-2-Clause
"""The No_reply flag: on every command, whether it succeeds or fails, nothing comes back."""

import pytest

import protocol as p
from memory import pattern
from registers import FAIL, command_write

GOOD = {
    "dma_map": p.dma_map(0x10000, p.PAGE),
    "dma_unmap": p.dma_unmap(0x10000, p.PAGE),
    "get_info": p.get_info(),
    "get_region_info": p.get_region_info(p.BAR0),
    "get_region_info with a descriptor": p.get_region_info(p.BAR2),
    "get_region_io_fds": p.get_region_io_fds(p.BAR0),
    "get_irq_info": p.get_irq_info(p.INTX),
    "set_irqs": p.disable_irq(p.MSIX),
    "region_read": p.region_read(p.BAR0, 0, 4),
    "region_write": p.region_write(p.BAR0, 0, b"abcd"),
    "region_write_multi": p.region_write_multi([(p.BAR0, 0, b"abcd")]),
    "reset": p.device_reset(),
}

FAILING = {
    "unknown": p.Command(0x7777),
    "version": p.version(),
    "dma_map": p.dma_map(1, 1),
    "dma_unmap": p.dma_unmap(0, 0, 0x80),
    "get_info": p.get_info(argsz=1),
    "get_region_info": p.get_region_info(99),
    "get_region_io_fds": p.get_region_io_fds(99),
    "get_irq_info": p.get_irq_info(99),
    "set_irqs": p.set_irqs(0xffffffff, 99, 0, 0),
    "region_read": p.region_read(p.BAR0, 0x1000, 1),
    "region_write": p.region_write(p.BAR0, 0x1000, b"a"),
    "device's own error": command_write(FAIL, 5),
    "region_write_multi": p.region_write_multi([(99, 0, b"abcd")]),
    "device_feature": p.device_feature(p.FEATURE_PROBE | 1),
    "dma_read": p.Command(p.DMA_READ, bytes(16)),
    "empty": p.Command(p.REGION_READ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_command_that_succeeds_is_not_answered(driver, name):
    driver.send(GOOD[name], flags=p.NO_REPLY)
    driver.alive()


@pytest.mark.parametrize("name", FAILING)
def test_a_command_that_fails_is_not_answered(driver, name):
    driver.send(FAILING[name], flags=p.NO_REPLY)
    driver.alive()


def test_all_of_them_in_a_row(driver):
    for command in list(GOOD.values()) + list(FAILING.values()):
        driver.send(command, flags=p.NO_REPLY)
    driver.alive()


def test_what_is_not_answered_is_done_all_the_same(driver, memory):
    ram = memory(p.PAGE)
    ram[:8] = b"posted!!"
    driver.send(p.dma_map(0x10000, p.PAGE, fd=ram.fd), flags=p.NO_REPLY)
    driver.send(p.region_write(p.BAR0, 0x20, b"written"), flags=p.NO_REPLY)
    assert driver.read(p.BAR0, 0x20, 7) == b"written"
    assert driver.copy(0x10000, 0x10100, 8) == "OK"
    assert ram[0x100:0x108] == b"posted!!"


def test_posted_writes_take_effect_in_order(driver):
    for i in range(200):
        driver.send(p.region_write(p.BAR0, i % 3, pattern(8, i)), flags=p.NO_REPLY)
    expected = bytearray(16)
    for i in range(200):
        expected[i % 3:i % 3 + 8] = pattern(8, i)
    assert driver.read(p.BAR0, 0, 16) == expected
