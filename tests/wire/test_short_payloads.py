# SPDX-License-Identifier: BSD-2-Clause
"""Payloads that end too early, and argsz fields that promise too little, of every command."""

import pytest

import protocol as p

# A good command, and how many bytes of its payload are required.
COMMANDS = {
    "dma_map": (p.dma_map(0x10000, p.PAGE), 32),
    "dma_unmap": (p.dma_unmap(0x10000, p.PAGE), 24),
    "get_info": (p.get_info(), 16),
    "get_region_info": (p.get_region_info(p.BAR0), 32),
    "get_region_io_fds": (p.get_region_io_fds(p.BAR0), 16),
    "get_irq_info": (p.get_irq_info(p.INTX), 16),
    "set_irqs": (p.disable_irq(p.MSIX), 20),
    "set_irqs with bools": (p.set_irqs(p.DATA_BOOL | p.ACTION_TRIGGER, p.MSIX, 0, 4, bytes(4)), 24),
    "region_read": (p.region_read(p.BAR0, 0, 4), 16),
    "region_write": (p.region_write(p.BAR0, 0, b"abcdefgh"), 24),
    "region_write_multi": (p.region_write_multi([(p.BAR0, 0, b"abcd"), (p.BAR0, 8, b"ef")]), 56),
    "device_feature": (p.device_feature(p.FEATURE_PROBE | 1), 8),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_short_payload_is_refused(driver, name):
    command, required = COMMANDS[name]
    for size in range(required):
        assert driver.error(command.cut(size)) == "EINVAL", f"{size} of {required} bytes"
    driver.alive()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_short_payload_with_a_descriptor_is_refused(driver, eventfd, name):
    command, required = COMMANDS[name]
    for size in (0, required - 1):
        assert driver.error(command.cut(size)._replace(fds=(eventfd,))) == "EINVAL"
    driver.alive()


@pytest.mark.parametrize("name", COMMANDS)
def test_bytes_behind_the_payload_do_no_harm(driver, name):
    command, _ = COMMANDS[name]
    driver.call(command._replace(payload=command.payload + b"\xff" * 5))
    driver.alive()


def test_bytes_behind_a_reset_do_no_harm(driver):
    assert driver.error(p.device_reset()._replace(payload=b"\xff" * 40)) in ("OK", "EINVAL")
    driver.alive()


WITH_ARGSZ = ["dma_map", "dma_unmap", "get_info", "get_region_info", "get_region_io_fds",
              "get_irq_info", "set_irqs", "device_feature"]


@pytest.mark.parametrize("name", WITH_ARGSZ)
def test_an_argsz_below_the_fixed_part_is_refused(driver, name):
    command, required = COMMANDS[name]
    for argsz in (0, 1, 4, required - 1):
        assert driver.error(command.patched(0, "I", argsz)) == "EINVAL", f"argsz {argsz}"
    driver.alive()


@pytest.mark.parametrize("name, reply_size", [
    ("dma_unmap", 24), ("get_info", 16), ("get_region_info", 32), ("get_irq_info", 16),
])
@pytest.mark.parametrize("argsz", [40, 4096, 0xffffffff])
def test_a_generous_argsz_does_not_lengthen_the_reply(driver, name, reply_size, argsz):
    command, _ = COMMANDS[name]
    assert len(driver.ok(command.patched(0, "I", argsz))) == reply_size
