# SPDX-License-Identifier: BSD-2-Clause
"""The MSI-X table and its pending bits: they gate the vectors of a client that uses them."""

import struct

import protocol as p
from registers import PBA, TRIGGER, VECTORS, signals

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
