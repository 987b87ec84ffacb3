# SPDX-License-Identifier: BSD-2-Clause
"""MSI-X, ERR and REQ: vectors reach their eventfds, and only those."""

import os
import random
import struct
import time

import pytest

import protocol as p
from registers import INTX_LEVEL, SIGNAL, TRIGGER, VECTORS, signals, wait_signal


def fire(driver, vector):
    driver.set_reg(TRIGGER, vector)


# ---- Eventfds


def test_every_vector_signals_its_own_eventfd(driver, eventfds):
    fds = eventfds(VECTORS)
    for start in range(0, VECTORS, p.MAX_MSG_FDS):
        driver.ok(p.set_trigger(p.MSIX, fds[start:start + p.MAX_MSG_FDS], start))
    order = list(range(VECTORS)) * 2
    random.Random(1).shuffle(order)
    for vector in order:
        fire(driver, vector)
        assert [v for v in range(VECTORS) if signals(fds[v])] == [vector]


def test_signals_add_up(driver, eventfds):
    fd = eventfds()[0]
    driver.ok(p.set_trigger(p.MSIX, [fd]))
    for _ in range(7):
        fire(driver, 0)
    assert signals(fd) == 7


def test_a_vector_without_an_eventfd_goes_nowhere(driver, eventfds):
    fds = eventfds(2)
    driver.ok(p.set_trigger(p.MSIX, fds, start=4))
    for vector in (0, 3, 6, 63):
        fire(driver, vector)
    assert not signals(fds[0]) and not signals(fds[1])


def test_a_vector_that_does_not_exist_cannot_be_triggered(driver):
    for vector in (VECTORS, 2048, 0xffffffff):
        assert driver.error(p.region_write(p.BAR0, TRIGGER, struct.pack("<I", vector))) == "EINVAL"


def test_vectors_are_enabled_as_qemu_does(driver, eventfds):
    """Vector 0 without a descriptor first, then one by one, then all in chunks."""
    fds = eventfds(4)
    driver.ok(p.clear_trigger(p.MSIX))
    for vector in range(4):
        driver.ok(p.set_trigger(p.MSIX, [fds[vector]], start=vector))
    driver.ok(p.disable_irq(p.MSIX))
    driver.ok(p.set_trigger(p.MSIX, fds))
    for vector in range(4):
        fire(driver, vector)
        assert signals(fds[vector]) == 1


def test_an_eventfd_is_replaced(driver, eventfds):
    old, new = eventfds(2)
    driver.ok(p.set_trigger(p.MSIX, [old], start=5))
    driver.ok(p.set_trigger(p.MSIX, [new], start=5))
    fire(driver, 5)
    assert (signals(old), signals(new)) == (0, 1)


def test_one_eventfd_may_serve_many_vectors(driver, eventfd):
    driver.ok(p.set_trigger(p.MSIX, [eventfd] * p.MAX_MSG_FDS))
    for vector in range(p.MAX_MSG_FDS):
        fire(driver, vector)
    assert signals(eventfd) == p.MAX_MSG_FDS


def test_eventfds_are_taken_away_from_a_range(driver, eventfds):
    fds = eventfds(8)
    driver.ok(p.set_trigger(p.MSIX, fds))
    driver.ok(p.clear_trigger(p.MSIX, start=2, count=3))
    for vector in range(8):
        fire(driver, vector)
    assert [signals(fd) for fd in fds] == [1, 1, 0, 0, 0, 1, 1, 1]


def test_eventfds_are_taken_away_from_all(driver, eventfds):
    fds = eventfds(8)
    driver.ok(p.set_trigger(p.MSIX, fds))
    driver.ok(p.clear_trigger(p.MSIX, count=VECTORS))
    for vector in range(8):
        fire(driver, vector)
    assert not any(signals(fd) for fd in fds)


def test_a_disabled_index_signals_nothing(driver, eventfds):
    fds = eventfds(8)
    driver.ok(p.set_trigger(p.MSIX, fds))
    driver.ok(p.disable_irq(p.MSIX))
    for vector in range(8):
        fire(driver, vector)
    assert not any(signals(fd) for fd in fds)


def test_an_eventfd_that_the_client_has_closed_is_no_trouble(driver):
    fd = os.eventfd(0)
    driver.ok(p.set_trigger(p.MSIX, [fd]))
    os.close(fd)
    fire(driver, 0)
    driver.alive()


def test_a_reset_keeps_the_eventfds(driver, eventfd):
    driver.ok(p.set_trigger(p.MSIX, [eventfd]))
    driver.ok(p.device_reset())
    driver.enable()
    fire(driver, 0)
    assert signals(eventfd) == 1


@pytest.mark.parametrize("data, payload, expected", [
    (p.DATA_NONE, b"", [0, 1, 1, 1, 0]),
    (p.DATA_BOOL, b"\1\0\1", [0, 1, 0, 1, 0]),
])
def test_vectors_can_be_tried_out(driver, eventfds, data, payload, expected):
    fds = eventfds(5)
    driver.ok(p.set_trigger(p.MSIX, fds))
    driver.ok(p.set_irqs(data | p.ACTION_TRIGGER, p.MSIX, 1, 3, payload))
    assert [signals(fd) for fd in fds] == expected


@pytest.mark.parametrize("index", [p.ERR, p.REQ])
def test_err_and_req_signal_their_eventfds(driver, eventfd, index):
    driver.ok(p.set_trigger(index, [eventfd]))
    driver.set_reg(SIGNAL, index)
    assert signals(eventfd) == 1
    driver.ok(p.set_irqs(p.DATA_NONE | p.ACTION_TRIGGER, index, 0, 1))
    assert signals(eventfd) == 1
    driver.ok(p.clear_trigger(index))
    driver.set_reg(SIGNAL, index)
    assert signals(eventfd) == 0


# ---- Eventfds that block


@pytest.fixture
def saturated(eventfds):
    """An eventfd on which write() blocks."""
    fd = eventfds()[0]
    os.set_blocking(fd, True)
    os.eventfd_write(fd, (1 << 64) - 2)
    return fd


def test_a_saturated_eventfd_does_not_stop_the_server(driver, eventfds, saturated):
    other = eventfds()[0]
    driver.ok(p.set_trigger(p.MSIX, [saturated, other]))
    start = time.monotonic()
    for _ in range(10):
        fire(driver, 0)
    fire(driver, 1)
    assert time.monotonic() - start < 1
    assert signals(other) == 1


def test_a_saturated_eventfd_is_signalled_again_once_it_was_read(driver, saturated):
    driver.ok(p.set_trigger(p.MSIX, [saturated]))
    fire(driver, 0)
    assert wait_signal(saturated) >= (1 << 64) - 2
    signals(saturated)
    fire(driver, 0)
    assert wait_signal(saturated)


def test_a_saturated_eventfd_behind_intx_does_not_stop_the_server(driver, saturated):
    driver.ok(p.set_trigger(p.INTX, [saturated]))
    driver.set_reg(INTX_LEVEL, 1)
    driver.ok(p.set_irqs(p.DATA_NONE | p.ACTION_UNMASK, p.INTX, 0, 1))
    driver.alive()


def test_trying_out_a_saturated_eventfd_does_not_stop_the_server(driver, saturated):
    driver.ok(p.set_trigger(p.MSIX, [saturated]))
    driver.ok(p.set_irqs(p.DATA_NONE | p.ACTION_TRIGGER, p.MSIX, 0, 1))
    driver.alive()
