# SPDX-License-Identifier: BSD-2-Clause
"""Resets of every kind: what the device is told, what goes, what stays."""

import struct

import pytest

import protocol as p
from capabilities import (AER, AER_CORRECTABLE_MASK, AER_SEVERITY, AER_UNCORRECTABLE_MASK,
                          AER_UNCORRECTABLE_STATUS, AF, AF_CONTROL, EXPRESS, EXPRESS_CONTROL,
                          EXPRESS_FLR, MSI, PM, PM_CONTROL, Space)
from memory import pattern
from registers import (COMMAND, INTX_LEVEL, PBA, POWER_D0, POWER_D3HOT, RESET_DEVICE, RESET_FLR,
                       RESET_NOW, RESET_POWER, RESET_SELF, RESETS, STATUS, TRIGGER, TRIGGER_MSI,
                       UNCORRECTABLE, WAKE, signals)


def by_command(driver):
    driver.ok(p.device_reset())


def by_express(driver):
    at = driver.capability(EXPRESS) + EXPRESS_CONTROL
    driver.put(p.CONFIG, at, driver.get(p.CONFIG, at, 2) | EXPRESS_FLR, 2)


def by_advanced_features(driver):
    driver.put(p.CONFIG, driver.capability(AF) + AF_CONTROL, 1, 1)


def by_power(driver):
    at = driver.capability(PM) + PM_CONTROL
    driver.put(p.CONFIG, at, 3, 1)
    driver.put(p.CONFIG, at, 0, 1)


def by_itself(driver):
    driver.post(RESET_NOW, 1)


# Shape, how, and what the device is told.
WAYS = [
    pytest.param("express", by_command, [RESET_DEVICE], id="command"),
    pytest.param("express", by_express, [RESET_FLR], id="express"),
    pytest.param("conventional", by_advanced_features, [RESET_FLR], id="advanced features"),
    pytest.param("express", by_power, [POWER_D3HOT, POWER_D0, RESET_POWER], id="power"),
    pytest.param("express", by_itself, [RESET_SELF], id="itself"),
]
each_way = pytest.mark.parametrize("shape, reset, told", WAYS)
each_express_way = pytest.mark.parametrize("shape, reset, told", [way for way in WAYS
                                                                  if way.values[0] == "express"])


@pytest.fixture
def space(shape):
    return Space(shape)


# ---- What is told and what the registers say


@each_way
def test_the_device_is_told_the_kind_once(driver, reset, told):
    before = driver.peek(RESETS)
    reset(driver)
    assert driver.told() == told
    assert driver.peek(RESETS) == before + 1


@each_way
def test_config_space_has_its_first_values_but_for_what_is_sticky(driver, space, reset, told):
    data = space.allowed(0, pattern(space.size, 0x5b))
    driver.write(p.CONFIG, 0, data)
    space.write(0, data)
    reset(driver)
    space.reset(keep_bars=reset == by_itself)
    assert not space.difference(driver.read(p.CONFIG, 0, space.size))


@each_way
def test_the_bit_that_asks_for_it_reads_as_zero(driver, space, reset, told):
    reset(driver)
    for cap_id, register, bit in ((EXPRESS, EXPRESS_CONTROL, EXPRESS_FLR), (AF, AF_CONTROL, 1)):
        at = space.find(cap_id)
        assert at is None or not driver.get(p.CONFIG, at + register, 2) & bit


@each_way
def test_bars_are_zero_unless_the_device_did_it_itself(driver, reset, told):
    addresses = [0xfebf0000, 0xc001, 0xfff0000c, 0x12345678, 0xfeb00000]
    driver.write(p.CONFIG, 0x10, struct.pack("<5I", *addresses))
    reset(driver)
    bars = list(struct.unpack("<5I", driver.read(p.CONFIG, 0x10, 20)))
    assert bars == (addresses if reset == by_itself else [0, 1, 0xc, 0, 0])
    assert driver.get(p.CONFIG, COMMAND, 2) == 0
    assert driver.error(p.region_read(p.BAR0, 0, 4)) == "EIO"
    assert driver.error(p.region_read(p.BAR1, 0, 4)) == "EIO"


@each_way
def test_the_devices_memory_is_clear(driver, reset, told):
    for region in (p.BAR0, p.BAR1, p.BAR2):
        driver.write(region, 0, b"secret")
    reset(driver)
    driver.enable()
    for region in (p.BAR0, p.BAR1, p.BAR2):
        assert driver.read(region, 0, 6) == bytes(6)


# ---- What stays the client's


@each_way
def test_the_maps_stay(driver, memory, reset, told):
    ram = memory(p.PAGE)
    ram[:4] = b"stay"
    driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
    reset(driver)
    driver.enable()
    assert driver.copy(0, 64, 4) == "OK"
    assert ram[64:68] == b"stay"


@each_way
@pytest.mark.parametrize("index, register", [(p.MSIX, TRIGGER), (p.MSI, TRIGGER_MSI)])
def test_the_eventfds_of_messages_stay(driver, eventfds, reset, told, index, register):
    fds = eventfds(4)
    driver.ok(p.set_trigger(index, fds))
    reset(driver)
    assert not any(signals(fd) for fd in fds)
    for vector in range(4):
        driver.post(register, vector)
        assert [signals(fd) for fd in fds] == [int(i == vector) for i in range(4)]


@each_way
def test_the_lines_eventfd_stays_and_the_line_is_low(driver, eventfd, reset, told):
    driver.ok(p.set_trigger(p.INTX, [eventfd]))
    driver.set_reg(INTX_LEVEL, 1)
    assert signals(eventfd) == 1
    reset(driver)
    assert not driver.get(p.CONFIG, STATUS, 2) & 8
    driver.ok(p.set_irqs(p.DATA_NONE | p.ACTION_UNMASK, p.INTX, 0, 1))
    assert signals(eventfd) == 0
    driver.post(INTX_LEVEL, 1)
    assert signals(eventfd) == 1


# ---- What was held back goes


@each_way
def test_what_is_pending_behind_the_msix_table_is_forgotten(driver, eventfd, reset, told):
    driver.ok(p.set_trigger(p.MSIX, [eventfd]))
    driver.write(p.BAR4, 0, struct.pack("<QII", 0xfee00000, 0, 1))
    driver.set_reg(TRIGGER, 0)
    assert driver.get(p.BAR4, PBA, 8) == 1
    reset(driver)
    driver.enable()
    assert driver.get(p.BAR4, PBA, 8) == 0
    assert driver.read(p.BAR4, 0, 16) == struct.pack("<QII", 0, 0, 1)
    driver.write(p.BAR4, 0, struct.pack("<QII", 0xfee00000, 0, 0))
    assert signals(eventfd) == 0


@each_express_way
def test_what_is_pending_behind_msis_mask_is_forgotten(driver, eventfd, reset, told):
    at = driver.capability(MSI)
    driver.ok(p.set_trigger(p.MSI, [eventfd]))
    driver.put(p.CONFIG, at + 16, 1)
    driver.set_reg(TRIGGER_MSI, 0)
    assert driver.get(p.CONFIG, at + 20) == 1
    reset(driver)
    assert driver.get(p.CONFIG, at + 16) == 0
    assert driver.get(p.CONFIG, at + 20) == 0
    assert signals(eventfd) == 0


# ---- Sticky bits


@pytest.fixture
def scarred(driver):
    """A device with an error that was reported, other masks for such, and a PME."""
    at = scar_places(driver)
    driver.put(p.CONFIG, at["mask"], 0x2000)
    driver.put(p.CONFIG, at["severity"], 0x10)
    driver.put(p.CONFIG, at["correctable mask"], 0x1)
    assert driver.post(UNCORRECTABLE, 0x4000) == "OK"
    driver.post(WAKE, 1)
    return driver


def scar_places(driver):
    aer, pm = 0x100, driver.capability(PM)
    assert driver.get(p.CONFIG, aer, 2) == AER
    return {"status": aer + AER_UNCORRECTABLE_STATUS, "mask": aer + AER_UNCORRECTABLE_MASK,
            "severity": aer + AER_SEVERITY, "correctable mask": aer + AER_CORRECTABLE_MASK,
            "first error": aer + 0x18, "PME": pm + PM_CONTROL}


def scars(driver):
    return {name: driver.get(p.CONFIG, at, 2) for name, at in scar_places(driver).items()}


FRESH = {"status": 0, "mask": 0, "severity": 0x2010, "correctable mask": 0xe000,
         "first error": 0xa0, "PME": 0}
SCARRED = {"status": 0x4000, "mask": 0x2000, "severity": 0x10, "correctable mask": 1,
           "first error": 0xae, "PME": 0x8000}


@each_express_way
def test_a_reset_keeps_what_is_sticky(scarred, reset, told):
    assert scars(scarred) == SCARRED
    reset(scarred)
    assert scars(scarred) == SCARRED


@pytest.mark.parametrize("shape", ["express"])
def test_the_next_client_finds_nothing_sticky(scarred, connect, space):
    scarred.close()
    other = connect()
    other.ok(p.version())
    assert scars(other) == FRESH
    assert not space.difference(other.read(p.CONFIG, 0, space.size))


# ---- How it is asked for


@pytest.mark.parametrize("shape", ["express"])
@pytest.mark.parametrize("offset, data, resets", [
    (8, b"\xff", 0), (9, b"\x7f", 0), (9, b"\x80", 1), (8, b"\xff\xff", 1), (7, bytes(3), 0),
    (6, b"\xff\xff\xff\xff", 1), (9, b"\xff\xff\xff", 1), (0, b"\xff" * 60, 1),
    (10, b"\xff\xff", 0),
])
def test_a_function_level_reset_is_asked_for_by_its_bit_alone(driver, offset, data, resets):
    at = driver.capability(EXPRESS)
    driver.write(p.CONFIG, at + offset, data)
    assert driver.told() == [RESET_FLR] * resets


@pytest.mark.parametrize("shape", ["conventional"])
@pytest.mark.parametrize("offset, data, resets", [
    (4, b"\xfe", 0), (4, b"\x01", 1), (4, b"\xff", 1), (3, b"\xff", 0), (0, b"\xff" * 6, 1),
    (5, b"\xff", 0), (3, b"\0\1", 1),
])
def test_advanced_features_reset_by_their_bit_alone(driver, offset, data, resets):
    at = driver.capability(AF)
    driver.write(p.CONFIG, at + offset, data)
    assert driver.told() == [RESET_FLR] * resets


@pytest.mark.parametrize("shape", ["express", "conventional"])
def test_a_reset_within_a_write_comes_between_what_is_below_and_above_it(driver, space):
    """Config space is written in ascending order: what lies above is written after the reset."""
    ones = space.allowed(0, b"\xff" * space.size)
    driver.write(p.CONFIG, 0, ones)
    space.write(0, ones)
    assert not space.difference(driver.read(p.CONFIG, 0, space.size))
    assert driver.get(p.CONFIG, COMMAND, 2) == 0
    assert driver.told() == [RESET_FLR]


@pytest.mark.parametrize("shape", ["express"])
def test_a_posted_reset_comes_before_what_follows(driver):
    at = driver.capability(EXPRESS)
    driver.write(p.BAR0, 0, b"old")
    driver.send(p.region_write(p.CONFIG, at + 9, b"\x80"), p.NO_REPLY)
    assert driver.error(p.region_read(p.BAR0, 0, 3)) == "EIO"
    driver.enable()
    assert driver.read(p.BAR0, 0, 3) == bytes(3)


@pytest.mark.parametrize("shape", ["express"])
def test_a_reset_in_the_middle_of_a_multiple_write(driver):
    at = driver.capability(EXPRESS)
    parts = [(p.BAR0, 0, b"old"), (p.CONFIG, at + 9, b"\x80"), (p.BAR0, 4, b"new")]
    assert driver.ok(p.region_write_multi(parts)) == struct.pack("=Q", 2)
    assert driver.told() == [RESET_FLR]
    driver.enable()
    on = (p.CONFIG, COMMAND, b"\7\0")
    assert driver.ok(p.region_write_multi(parts[:2] + [on, parts[2]])) == struct.pack("=Q", 4)
    assert driver.read(p.BAR0, 0, 8) == b"\0\0\0\0new\0"


@pytest.mark.parametrize("shape", ["express"])
def test_resets_in_a_row_are_all_told(driver):
    for reset in (by_command, by_express, by_itself, by_express, by_command):
        reset(driver)
    assert driver.told() == [RESET_DEVICE, RESET_FLR, RESET_SELF, RESET_FLR, RESET_DEVICE]


@pytest.mark.parametrize("shape", ["express"])
@pytest.mark.parametrize("state", [1, 2, 3])
@pytest.mark.parametrize("reset, kind", [(by_command, RESET_DEVICE), (by_express, RESET_FLR),
                                         (by_itself, RESET_SELF)])
def test_a_reset_leads_to_d0(driver, state, reset, kind):
    at = driver.capability(PM) + PM_CONTROL
    driver.put(p.CONFIG, at, state, 1)
    reset(driver)
    assert driver.get(p.CONFIG, at, 2) == 0
    assert driver.told() == [POWER_D0 + state, POWER_D0, kind]
    driver.enable()
    assert driver.read(p.BAR0, 0, 4) == bytes(4)


@pytest.mark.parametrize("shape", ["express"])
def test_a_device_may_reset_itself_within_an_access_of_its_own(driver, memory):
    ram = memory(p.PAGE)
    driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
    driver.write(p.BAR0, 0, b"old")
    write = p.region_write(p.BAR0, RESET_NOW, struct.pack("<I", 1))
    assert driver.error(write) in ("OK", "ECANCELED")
    assert driver.told() == [RESET_SELF]
    driver.enable()
    assert driver.read(p.BAR0, 0, 3) == bytes(3)
    assert driver.copy(0, 64, 4) == "OK"
