# SPDX-License-Identifier: BSD-2-Clause
"""Eventfds on which write() blocks: of no index do they ever make the server wait."""

import os
import time

import pytest

import protocol as p
from capabilities import MSI, PM, PM_CONTROL
from registers import (CORRECTABLE, INTX_LEVEL, SIGNAL, TRIGGER, TRIGGER_MSI, WAKE, signals,
                       wait_signal)

FULL = (1 << 64) - 2
BOUND = 1.0  # seconds: a server that waits does so for ever
UNMASK = p.set_irqs(p.DATA_NONE | p.ACTION_UNMASK, p.INTX, 0, 1)

# What makes the device signal vector 0 of an index.
CAUSES = {
    p.INTX: [(INTX_LEVEL, 1), (INTX_LEVEL, 0)],
    p.MSI: [(TRIGGER_MSI, 0)],
    p.MSIX: [(TRIGGER, 0)],
    p.ERR: [(SIGNAL, p.ERR)],
    p.REQ: [(SIGNAL, p.REQ)],
}
each_index = pytest.mark.parametrize("index", CAUSES)


@pytest.fixture
def shape():
    return "express"


@pytest.fixture
def prompt():
    """The test as a whole takes no longer than a server that never waits."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < BOUND + 2


@pytest.fixture
def saturated(eventfd, prompt):
    os.set_blocking(eventfd, True)
    os.eventfd_write(eventfd, FULL)
    return eventfd


def cause(driver, index, times=10):
    for _ in range(times):
        for register, value in CAUSES[index]:
            assert driver.post(register, value) == "OK"
        if index == p.INTX:
            driver.ok(UNMASK)


@each_index
def test_a_saturated_eventfd_does_not_stop_the_server(driver, saturated, index):
    driver.ok(p.set_trigger(index, [saturated]))
    start = time.monotonic()
    cause(driver, index)
    driver.alive()
    assert time.monotonic() - start < BOUND


@each_index
def test_trying_out_a_saturated_eventfd_does_not_stop_the_server(driver, saturated, index):
    driver.ok(p.set_trigger(index, [saturated]))
    for data, payload in ((p.DATA_NONE, b""), (p.DATA_BOOL, b"\1")):
        for _ in range(5):
            driver.ok(p.set_irqs(data | p.ACTION_TRIGGER, index, 0, 1, payload))
    driver.alive()


@each_index
def test_once_it_was_read_it_is_signalled_again(driver, saturated, index):
    driver.ok(p.set_trigger(index, [saturated]))
    cause(driver, index)
    assert wait_signal(saturated) >= FULL
    signals(saturated)
    cause(driver, index, times=1)
    assert wait_signal(saturated)


@each_index
def test_it_can_be_replaced_and_taken_away(driver, saturated, eventfds, index):
    other = eventfds()[0]
    driver.ok(p.set_trigger(index, [saturated]))
    cause(driver, index, times=2)
    driver.ok(p.set_trigger(index, [other]))
    cause(driver, index, times=1)
    assert signals(other) >= 1
    driver.ok(p.set_trigger(index, [saturated]))
    driver.ok(p.disable_irq(index))
    cause(driver, index, times=1) if index != p.INTX else driver.post(INTX_LEVEL, 1)
    driver.alive()


@each_index
def test_neighbours_of_a_saturated_eventfd_are_signalled(driver, saturated, eventfds, index):
    beside = p.REQ if index != p.REQ else p.ERR
    other = eventfds()[0]
    driver.ok(p.set_trigger(index, [saturated]))
    driver.ok(p.set_trigger(beside, [other]))
    cause(driver, index)
    cause(driver, beside, times=3)
    assert signals(other) == 3


@pytest.mark.parametrize("index", [p.MSI, p.MSIX])
def test_all_vectors_may_share_one_that_is_saturated(driver, saturated, index):
    count = 8 if index == p.MSI else p.MAX_MSG_FDS
    driver.ok(p.set_trigger(index, [saturated] * count))
    driver.ok(p.set_irqs(p.DATA_NONE | p.ACTION_TRIGGER, index, 0, count))
    for vector in range(count):
        driver.post(TRIGGER_MSI if index == p.MSI else TRIGGER, vector)
    driver.alive()


def test_what_an_unmask_lets_out_does_not_stop_the_server(driver, saturated):
    at = driver.capability(MSI)
    driver.ok(p.set_trigger(p.MSI, [saturated] * 8))
    driver.put(p.CONFIG, at + 16, 0xff)
    for vector in range(8):
        driver.post(TRIGGER_MSI, vector)
    driver.put(p.CONFIG, at + 16, 0)
    assert driver.get(p.CONFIG, at + 20) == 0


@pytest.mark.parametrize("index", [p.INTX, p.MSI, p.MSIX])
def test_what_a_return_to_d0_lets_out_does_not_stop_the_server(driver, saturated, index):
    at = driver.capability(PM) + PM_CONTROL
    driver.ok(p.set_trigger(index, [saturated]))
    driver.put(p.CONFIG, at, 1, 1)
    driver.post(*CAUSES[index][0])
    driver.put(p.CONFIG, at, 0, 1)
    driver.alive()


def test_an_error_report_does_not_wait_for_its_eventfd(driver, saturated):
    driver.ok(p.set_trigger(p.ERR, [saturated]))
    driver.put(p.CONFIG, driver.capability(0x10) + 8, 7, 1)
    for _ in range(3):
        assert driver.post(CORRECTABLE, 1) == "OK"


def test_a_saturated_unmask_eventfd_is_left_alone(driver, saturated, eventfds):
    trigger = eventfds()[0]
    driver.ok(p.set_trigger(p.INTX, [trigger]))
    driver.ok(p.set_irqs(p.DATA_EVENTFD | p.ACTION_UNMASK, p.INTX, 0, 1, fds=[saturated]))
    driver.post(INTX_LEVEL, 1)
    assert wait_signal(trigger)
    driver.alive()
    assert signals(saturated) == FULL


@each_index
def test_a_client_that_leaves_one_behind_is_gone(driver, saturated, connect, index):
    driver.ok(p.set_trigger(index, [saturated]))
    cause(driver, index, times=2)
    driver.close()
    other = connect()
    other.ok(p.version())


def test_a_wakeup_by_the_device_does_not_wait(driver, saturated):
    driver.ok(p.low_power_entry_with(saturated))
    driver.post(WAKE, 1)
    driver.alive()
