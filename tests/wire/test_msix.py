# SPDX-License-Identifier: BSD-2-Clause
"""MSI-X, ERR and REQ: vectors reach their eventfds; the table gates those who use it."""

import os
import random
import struct
import time

import pytest

import protocol as p
from registers import INTX_LEVEL, PBA, SIGNAL, TRIGGER, VECTORS, signals, wait_signal

CAP_MSIX = 0x11
ENABLE = 1 << 15
FUNCTION_MASK = 1 << 14


def set_control(driver, bits):
    """Writes MSI-X's enable and function mask."""
    driver.put(p.CONFIG, driver.capability(CAP_MSIX) + 2, bits, 2)


def set_entry(driver, vector, masked):
    """Writes a table entry."""
    entry = struct.pack("<QII", 0xfee00000, vector, masked)
    driver.write(p.BAR4, 16 * vector, entry)


def pending(driver):
    """The vectors with a pending bit."""
    bits = driver.get(p.BAR4, PBA, 8)
    return [vector for vector in range(VECTORS) if bits >> vector & 1]


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


# ---- Table and pending bits


def test_a_fresh_table_is_masked_and_nothing_is_pending(driver):
    table = driver.read(p.BAR4, 0, 16 * VECTORS)
    assert table == struct.pack("<QII", 0, 0, 1) * VECTORS
    assert pending(driver) == []


def test_the_table_keeps_what_is_written(driver):
    set_entry(driver, 3, masked=0)
    assert driver.read(p.BAR4, 48, 16) == struct.pack("<QII", 0xfee00000, 3, 0)
    driver.write(p.BAR4, 48, struct.pack("<Q", 0x1_fee01000))
    driver.write(p.BAR4, 56, struct.pack("<I", 0x4321))
    assert driver.read(p.BAR4, 48, 16) == struct.pack("<QII", 0x1_fee01000, 0x4321, 0)


def test_of_vector_control_only_the_mask_bit_is_kept(driver):
    driver.write(p.BAR4, 12, struct.pack("<I", 0xffffffff))
    assert driver.get(p.BAR4, 12) & 1 == 1
    driver.write(p.BAR4, 12, struct.pack("<I", 0xfffffffe))
    assert driver.get(p.BAR4, 12) & 1 == 0


def test_pending_bits_cannot_be_written(driver):
    driver.write(p.BAR4, PBA, b"\xff" * 8)
    assert pending(driver) == []


def test_what_lies_between_table_and_pending_bits_reads_zero(driver):
    driver.write(p.BAR4, 16 * VECTORS, b"\xff" * 16)
    assert driver.read(p.BAR4, 16 * VECTORS, 16) == bytes(16)
    assert driver.read(p.BAR4, PBA + 8, 16) == bytes(16)


def test_a_table_that_was_never_written_gates_nothing(driver, eventfd):
    driver.ok(p.set_trigger(p.MSIX, [eventfd]))
    fire(driver, 0)
    assert signals(eventfd) == 1
    assert pending(driver) == []


def test_a_masked_entry_holds_its_vector_back(driver, eventfds):
    fds = eventfds(2)
    driver.ok(p.set_trigger(p.MSIX, fds))
    set_control(driver, ENABLE)
    set_entry(driver, 0, masked=1)
    set_entry(driver, 1, masked=0)
    fire(driver, 0)
    fire(driver, 0)
    fire(driver, 1)
    assert [signals(fd) for fd in fds] == [0, 1]
    assert pending(driver) == [0]
    driver.put(p.BAR4, 12, 0)
    assert [signals(fd) for fd in fds] == [1, 0]
    assert pending(driver) == []


def test_the_function_mask_holds_back_what_the_table_governs(driver, eventfds):
    fds = eventfds(2)
    driver.ok(p.set_trigger(p.MSIX, fds))
    set_entry(driver, 0, masked=0)
    set_entry(driver, 1, masked=0)
    set_control(driver, ENABLE | FUNCTION_MASK)
    fire(driver, 0)
    fire(driver, 1)
    assert [signals(fd) for fd in fds] == [0, 0]
    assert pending(driver) == [0, 1]
    set_control(driver, ENABLE)
    assert [signals(fd) for fd in fds] == [1, 1]
    assert pending(driver) == []


def test_a_reset_empties_table_and_pending_bits(driver, eventfd):
    driver.ok(p.set_trigger(p.MSIX, [eventfd]))
    set_control(driver, ENABLE)
    set_entry(driver, 0, masked=1)
    fire(driver, 0)
    assert pending(driver) == [0]
    driver.ok(p.device_reset())
    driver.enable()
    assert pending(driver) == []
    assert driver.read(p.BAR4, 0, 16) == struct.pack("<QII", 0, 0, 1)


def test_a_table_written_by_one_client_does_not_gate_the_next(driver, connect, eventfd):
    set_entry(driver, 0, masked=1)
    driver.close()
    other = connect()
    other.ok(p.version())
    other.enable()
    other.ok(p.set_trigger(p.MSIX, [eventfd]))
    fire(other, 0)
    assert signals(eventfd) == 1
