# SPDX-License-Identifier: BSD-2-Clause
"""DEVICE_FEATURE: which features there are, and what of a request is refused."""

import os
import struct

import pytest

import protocol as p
from memory import pattern
from process import wait_until
from registers import COMMAND, COMMAND_IO, COMMAND_MASTER, COMMAND_MEM

PROBE, GET, SET = p.FEATURE_PROBE, p.FEATURE_GET, p.FEATURE_SET
KNOWN = [p.LOW_POWER_ENTRY, p.LOW_POWER_ENTRY_WAKEUP, p.LOW_POWER_EXIT, p.LOG_START, p.LOG_STOP,
         p.BUS_MASTER]  # which can be set
UNKNOWN = [i for i in [*range(14), 100, 0xfff, 0xffff] if i not in [*KNOWN, p.LOG_REPORT]]


# ---- What there is


@pytest.mark.parametrize("feature", KNOWN)
@pytest.mark.parametrize("flags", [PROBE, PROBE | SET])
def test_a_feature_is_found(client, feature, flags):
    for _ in range(3):
        payload = client.ok(p.device_feature(flags | feature))
        assert struct.unpack_from("=II", payload)[1] == flags | feature


@pytest.mark.parametrize("feature", UNKNOWN)
@pytest.mark.parametrize("flags", [PROBE, PROBE | GET, PROBE | SET, PROBE | GET | SET])
def test_no_other_feature_is_found(client, feature, flags):
    assert client.error(p.device_feature(flags | feature)) == "ENOTTY"


@pytest.mark.parametrize("feature", UNKNOWN)
@pytest.mark.parametrize("flags", [GET, SET])
def test_no_other_feature_can_be_used(client, feature, flags):
    assert client.error(p.device_feature(flags | feature, bytes(64))) == "ENOTTY"


@pytest.mark.parametrize("feature", KNOWN)
@pytest.mark.parametrize("flags", [GET, PROBE | GET, PROBE | GET | SET])
def test_what_can_only_be_set_cannot_be_got(client, feature, flags):
    assert client.error(p.device_feature(flags | feature, bytes(64))) == "EINVAL"


@pytest.mark.parametrize("flags, expected", [
    (PROBE, "OK"), (PROBE | GET, "OK"), (PROBE | SET, "EINVAL"), (PROBE | GET | SET, "EINVAL"),
    (SET, "EINVAL")])
def test_a_report_of_the_dirty_log_can_only_be_got(client, flags, expected):
    assert client.error(p.device_feature(flags | p.LOG_REPORT, bytes(64))) == expected


# ---- What makes no sense


@pytest.mark.parametrize("flags", [0, GET | SET] + [PROBE | 1 << bit for bit in range(19, 32)])
@pytest.mark.parametrize("feature", [0, 1, 0xffff, *KNOWN, p.LOG_REPORT])
def test_flags_that_make_no_sense_are_refused(client, flags, feature):
    assert client.error(p.device_feature(flags | feature, bytes(16))) == "EINVAL"


@pytest.mark.parametrize("argsz", [8, 24, 4096, 0xffffffff])
@pytest.mark.parametrize("feature, expected", [(1, "ENOTTY"), (p.BUS_MASTER, "OK")])
def test_argsz_may_be_anything_that_holds_the_header(client, argsz, feature, expected):
    assert client.error(p.device_feature(PROBE | feature).patched(0, "I", argsz)) == expected
    client.alive()


@pytest.mark.parametrize("argsz", [0, 1, 7])
@pytest.mark.parametrize("flags", [PROBE, SET])
def test_argsz_holds_the_header(client, argsz, flags):
    for feature in KNOWN:
        command = p.device_feature(flags | feature, bytes(8)).patched(0, "I", argsz)
        assert client.error(command) == "EINVAL"


@pytest.mark.parametrize("size", range(8))
def test_half_a_header_is_refused(client, size):
    assert client.error(p.device_feature(PROBE | p.BUS_MASTER).cut(size)) == "EINVAL"
    client.alive()


@pytest.mark.parametrize("feature, needed", [(p.LOW_POWER_ENTRY_WAKEUP, 8), (p.BUS_MASTER, 4)])
def test_a_feature_has_all_of_its_data(client, eventfd, feature, needed):
    for size in range(needed):
        command = p.device_feature(SET | feature, bytes(size))._replace(fds=(eventfd,))
        assert client.error(command) == "EINVAL"
        full = p.device_feature(SET | feature, bytes(needed))._replace(fds=(eventfd,))
        assert client.error(full.patched(0, "I", 8 + size)) == "EINVAL", "argsz says less"
        assert client.error(full.cut(8 + size)) == "EINVAL", "argsz says more"
    client.ok(p.device_feature(SET | feature, bytes(needed))._replace(fds=(eventfd,)))


@pytest.mark.parametrize("feature", [p.LOW_POWER_ENTRY, p.LOW_POWER_EXIT, p.LOG_STOP])
def test_more_data_than_a_feature_has_is_not_looked_at(client, feature):
    client.ok(p.device_feature(SET | feature, pattern(500)))
    client.ok(p.low_power_exit())


# ---- Bus master


def test_bus_mastering_is_switched_as_by_the_command_register(driver, memory):
    ram = memory(p.PAGE)
    driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
    for _ in range(2):
        driver.ok(p.bus_master(0))
        assert driver.get(p.CONFIG, COMMAND, 2) == COMMAND_IO | COMMAND_MEM
        assert driver.copy(0, 8, 4) == "ENODEV"
        driver.ok(p.bus_master(1))
        assert driver.get(p.CONFIG, COMMAND, 2) == COMMAND_IO | COMMAND_MEM | COMMAND_MASTER
        assert driver.copy(0, 8, 4) == "OK"


def test_bus_mastering_is_switched_while_memory_is_off(client):
    client.ok(p.bus_master(1))
    assert client.get(p.CONFIG, COMMAND, 2) == COMMAND_MASTER
    assert client.error(p.region_read(p.BAR0, 0, 4)) == "EIO"
    client.ok(p.bus_master(0))
    assert client.get(p.CONFIG, COMMAND, 2) == 0


@pytest.mark.parametrize("operation", [2, 3, 0x100, 0x80000000, 0xffffffff])
def test_bus_mastering_is_on_or_off(client, operation):
    assert client.error(p.bus_master(operation)) == "EINVAL"
    assert client.get(p.CONFIG, COMMAND, 2) == 0


# ---- The wake-up eventfd


@pytest.mark.parametrize("count", [0, 2, 3, 16])
def test_a_wakeup_has_one_descriptor(client, eventfds, count):
    assert client.error(p.low_power_entry_with(*eventfds(count))) == "EINVAL"
    client.ok(p.low_power_entry())


@pytest.mark.parametrize("offset, value", [(8, 1), (8, 0xffffffff), (8, 16), (12, 1),
                                           (12, 1 << 31)])
def test_a_wakeups_descriptor_is_the_first_and_nothing_else_is_said(client, eventfd, offset, value):
    command = p.low_power_entry_with(eventfd).patched(offset, "I", value)
    assert client.error(command) == "EINVAL"
    client.ok(p.low_power_entry())


def test_a_wakeup_is_an_eventfd(client, memory):
    reader, writer = os.pipe()
    for fd in (reader, writer, memory(p.PAGE).fd, client.sock.fileno()):
        assert client.error(p.low_power_entry_with(fd)) == "EINVAL"
    client.ok(p.low_power_entry())
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("feature", [p.LOW_POWER_ENTRY, p.LOW_POWER_EXIT, p.BUS_MASTER])
def test_descriptors_of_other_features_are_closed(client, device, eventfds, feature):
    before = len(device.fds())
    command = p.device_feature(SET | feature, bytes(4))._replace(fds=tuple(eventfds(3)))
    client.ok(command)
    wait_until(lambda: len(device.fds()) == before, "the descriptors to be closed")
