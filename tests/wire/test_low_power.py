# SPDX-License-Identifier: BSD-2-Clause
"""Low power at the client's word: any access wakes the device, and so may the device itself."""

import os

import pytest

import protocol as p
from capabilities import PM, PM_CONTROL
from process import wait_until
from registers import (DELAY, NEVER, POWER_D0, POWER_D3HOT, POWER_LOW, RESET_DEVICE, RESET_FLR,
                       RESETS, WAKE, command_write, signals, wait_signal)

pytestmark = pytest.mark.parametrize("shape", ["express"])

ENTRY, EXIT = p.low_power_entry(), p.low_power_exit()


def access(driver):
    driver.read(p.CONFIG, 0, 4)


def leave(driver):
    """Ends it. Returns what the device was told since it began."""
    driver.ok(EXIT)
    return driver.told()


# ---- Without a wake-up


def test_the_device_is_told_of_both_ends(driver):
    driver.ok(ENTRY)
    assert leave(driver) == [POWER_LOW, POWER_D0]


def test_leaving_what_was_not_entered_succeeds(driver):
    for _ in range(3):
        driver.ok(EXIT)
    assert driver.told() == []


def test_it_can_be_entered_again_and_again(driver):
    for _ in range(5):
        driver.ok(ENTRY)
        assert leave(driver) == [POWER_LOW, POWER_D0]


@pytest.mark.parametrize("between", [0, 1, 3], ids=lambda n: f"{n} accesses")
def test_entering_twice_is_refused(driver, eventfd, between):
    driver.ok(ENTRY)
    for _ in range(between):
        access(driver)
    assert driver.error(ENTRY) == "EINVAL"
    assert driver.error(p.low_power_entry_with(eventfd)) == "EINVAL"
    assert leave(driver) == [POWER_LOW, *[POWER_D0, POWER_LOW] * between, POWER_D0]
    assert signals(eventfd) == 0


@pytest.mark.parametrize("region, offset", [(p.CONFIG, 0), (p.BAR0, 0), (p.BAR1, 0), (p.BAR2, 0),
                                            (p.BAR2, 0x4000), (p.BAR4, 0), (p.ROM, 0)])
def test_any_access_wakes_the_device_for_as_long_as_it_takes(driver, region, offset):
    driver.ok(ENTRY)
    driver.read(region, offset, 4)
    if region != p.ROM:
        driver.write(region, offset, bytes(4))
    times = 1 if region == p.ROM else 2
    assert leave(driver) == [POWER_LOW, *[POWER_D0, POWER_LOW] * times, POWER_D0]


def test_what_is_no_access_does_not_wake_the_device(driver, eventfd, memory):
    driver.ok(ENTRY)
    for command in (p.get_info(), p.get_region_info(0), p.get_irq_info(p.MSIX),
                    p.set_trigger(p.MSIX, [eventfd]), p.dma_map(0, p.PAGE, fd=memory(p.PAGE).fd),
                    p.device_feature(p.FEATURE_PROBE | p.BUS_MASTER)):
        driver.ok(command)
    assert leave(driver) == [POWER_LOW, POWER_D0]


def test_each_part_of_a_multiple_write_wakes_the_device(driver):
    driver.ok(ENTRY)
    driver.ok(p.region_write_multi([(p.BAR0, 0, b"ab"), (p.BAR0, 2, b"cd"), (p.BAR1, 0, b"e")]))
    told = leave(driver)
    assert told[:2] == [POWER_LOW, POWER_D0] and told[-1] == POWER_D0
    assert driver.read(p.BAR0, 0, 4) == b"abcd"


def test_the_device_is_awake_until_a_deferred_access_has_ended(driver):
    """It is not asleep meanwhile: it would be told so if it woke itself."""
    bell = driver.bell(WAKE, 1)
    driver.ok(ENTRY)
    write = command_write(DELAY, 60)
    msg_id = driver.send(write)
    driver.wait_taken()
    os.eventfd_write(bell, 1)
    assert driver.expect(msg_id, write).error == "OK"
    assert leave(driver) == [POWER_LOW, POWER_D0, POWER_LOW, POWER_D0]


def test_the_device_sleeps_again_when_a_deferral_timed_out(driver):
    driver.ok(ENTRY)
    assert driver.error(command_write(NEVER, 1)) == "ETIMEDOUT"
    assert leave(driver) == [POWER_LOW, POWER_D0, POWER_LOW, POWER_D0]


def test_the_device_wakes_itself_until_the_next_access_is_over(driver, eventfd):
    bell = driver.bell(WAKE, 1)
    driver.ok(ENTRY)
    os.eventfd_write(bell, 1)
    os.eventfd_write(bell, 1)
    driver.alive()
    driver.expect_silence(0.02)
    access(driver)
    assert leave(driver) == [POWER_LOW, POWER_D0, POWER_LOW, POWER_D0]
    assert signals(eventfd) == 0


# ---- With a wake-up


def test_an_access_wakes_for_good_and_says_so(driver, eventfd):
    driver.ok(p.low_power_entry_with(eventfd))
    assert signals(eventfd) == 0
    access(driver)
    assert signals(eventfd) == 1
    access(driver)
    assert driver.told() == [POWER_LOW, POWER_D0]
    assert signals(eventfd) == 0


def test_the_device_wakes_itself_for_good_and_says_so(driver, eventfd):
    bell = driver.bell(WAKE, 1)
    driver.ok(p.low_power_entry_with(eventfd))
    os.eventfd_write(bell, 1)
    assert wait_signal(eventfd) == 1
    os.eventfd_write(bell, 1)
    access(driver)
    assert driver.told() == [POWER_LOW, POWER_D0]
    assert signals(eventfd) == 0


def test_leaving_is_no_wakeup(driver, eventfd):
    driver.ok(p.low_power_entry_with(eventfd))
    assert leave(driver) == [POWER_LOW, POWER_D0]
    assert signals(eventfd) == 0


def test_what_was_woken_for_good_can_be_put_to_sleep_again(driver, eventfd):
    for _ in range(4):
        driver.ok(p.low_power_entry_with(eventfd))
        assert driver.error(p.low_power_entry_with(eventfd)) == "EINVAL"
        access(driver)
        assert signals(eventfd) == 1
        assert driver.told() == [POWER_LOW, POWER_D0]


def test_a_deferred_access_wakes_for_good_when_it_begins(driver, eventfd):
    driver.ok(p.low_power_entry_with(eventfd))
    write = command_write(DELAY, 100)
    msg_id = driver.send(write)
    assert wait_signal(eventfd) == 1
    assert driver.expect(msg_id, write).error == "OK"
    assert driver.told() == [POWER_LOW, POWER_D0]


def test_the_wakeups_eventfd_is_given_back(driver, device):
    before = len(device.fds())
    for end in (lambda: access(driver), lambda: driver.ok(EXIT),
                lambda: driver.ok(p.device_reset())):
        fd = os.eventfd(0)
        driver.ok(p.low_power_entry_with(fd))
        os.close(fd)
        wait_until(lambda: len(device.fds()) == before + 1, "the eventfd alone to be kept")
        end()
        wait_until(lambda: len(device.fds()) == before, "the eventfd to be closed")


def test_a_wakeup_that_the_client_has_saturated_does_not_stop_the_server(driver, eventfd):
    os.set_blocking(eventfd, True)
    os.eventfd_write(eventfd, (1 << 64) - 2)
    bell = driver.bell(WAKE, 1)
    driver.ok(p.low_power_entry_with(eventfd))
    access(driver)
    driver.ok(p.low_power_entry_with(eventfd))
    os.eventfd_write(bell, 1)
    driver.expect_silence(0.02)
    driver.alive()


# ---- Resets, other states, other clients


def test_a_reset_ends_it(driver, eventfd):
    driver.ok(p.low_power_entry_with(eventfd))
    driver.ok(p.device_reset())
    assert driver.told() == [POWER_LOW, POWER_D0, RESET_DEVICE]
    assert signals(eventfd) == 0
    driver.ok(ENTRY)
    assert leave(driver) == [POWER_LOW, POWER_D0]


def test_a_function_level_reset_ends_it(driver):
    at = driver.capability(0x10)
    driver.ok(ENTRY)
    driver.put(p.CONFIG, at + 8, 0x8000, 2)
    assert driver.told() == [POWER_LOW, POWER_D0, RESET_FLR]
    assert driver.error(ENTRY) == "OK"


def test_a_reset_that_cancels_an_access_ends_it(driver):
    driver.ok(ENTRY)
    driver.send(command_write(NEVER, 1))
    reset = driver.send(p.device_reset())
    driver.recv()
    assert driver.expect(reset, p.device_reset()).error == "OK"
    told = driver.told()
    assert told[:2] == [POWER_LOW, POWER_D0] and told[-2:] == [POWER_D0, RESET_DEVICE]
    driver.ok(ENTRY)


def test_a_device_in_d3hot_returns_to_it(driver):
    at = driver.capability(PM) + PM_CONTROL
    driver.put(p.CONFIG, at, 3, 1)
    driver.ok(ENTRY)
    access(driver)
    assert leave(driver) == [POWER_D3HOT, POWER_LOW, POWER_D3HOT, POWER_LOW, POWER_D3HOT]
    assert driver.get(p.CONFIG, at, 1) & 3 == 3


@pytest.mark.parametrize("wakeup", [False, True])
def test_the_next_client_finds_it_awake(driver, connect, eventfd, wakeup):
    driver.ok(p.low_power_entry_with(eventfd) if wakeup else ENTRY)
    driver.close()
    other = connect()
    other.ok(p.version())
    other.enable()
    assert other.reg(RESETS)
    other.ok(ENTRY)
    other.ok(EXIT)
    assert signals(eventfd) == 0
