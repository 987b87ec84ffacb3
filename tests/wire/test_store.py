# SPDX-License-Identifier: BSD-2-Clause
"""An interrupt store's entry behind an MSI-X vector: the vector's eventfd, mask and pending bit."""

import os
import struct
import time

import pytest

import protocol as p
from capabilities import MSIX, PM, PM_CONTROL
from registers import (PBA, STORE_BACK, STORE_REVOKE, STORE_STRANGER, STORE_TRIGGER, TRIGGER,
                       VECTORS, signals)

NOTHING = 0xffff


@pytest.fixture
def shape():
    return "express"


class Store:
    """Entries, and the vectors before them."""

    def __init__(self, driver):
        self.driver = driver

    def back(self, vector, entry):
        return self.driver.post(STORE_BACK, entry << 16 | vector)

    def trigger(self, entry):
        return self.driver.post(STORE_TRIGGER, entry)

    def mask(self, vector, masked):
        self.driver.write(p.BAR4, 16 * vector, struct.pack("<QII", 0xfee00000, vector, masked))

    def mask_function(self, masked):
        self.driver.put(p.CONFIG, self.driver.capability(MSIX) + 2, 0x8000 | masked << 14, 2)

    def pending(self):
        bits = self.driver.get(p.BAR4, PBA, 8)
        return [vector for vector in range(VECTORS) if bits >> vector & 1]


@pytest.fixture
def store(driver):
    return Store(driver)


@pytest.fixture
def fds(driver, eventfds):
    """The eventfds of vectors 0 to 3, with entries 2 and 3 behind vectors 0 and 1."""
    fds = eventfds(4)
    driver.ok(p.set_trigger(p.MSIX, fds))
    for vector in (0, 1):
        assert Store(driver).back(vector, vector + 2) == "OK"
    return fds


def seen(fds):
    return [signals(fd) for fd in fds]


def test_an_entry_signals_the_eventfd_of_its_vector(store, fds):
    assert store.trigger(2) == "OK"
    assert seen(fds) == [1, 0, 0, 0]
    assert store.trigger(3) == "OK"
    assert seen(fds) == [0, 1, 0, 0]
    assert store.trigger(0) == "OK"
    assert seen(fds) == [0, 0, 0, 0]


def test_a_trigger_of_the_vector_is_one_of_the_entry(driver, fds):
    driver.set_reg(TRIGGER, 0)
    driver.set_reg(TRIGGER, 2)
    assert seen(fds) == [1, 0, 1, 0]


def test_nobody_else_triggers_an_entry(driver, fds):
    assert driver.post(STORE_STRANGER, 2) == "EPERM"
    assert seen(fds) == [0, 0, 0, 0]


def test_an_entry_follows_the_eventfd_of_its_vector(driver, store, fds):
    driver.ok(p.set_trigger(p.MSIX, fds[3:]))
    store.trigger(2)
    assert seen(fds) == [0, 0, 0, 1]
    driver.ok(p.clear_trigger(p.MSIX))
    driver.ok(p.set_trigger(p.MSIX, fds[2:3]))
    store.trigger(2)
    assert seen(fds) == [0, 0, 1, 0]


def test_an_entry_may_come_after_the_eventfd_and_go_before_it(store, fds):
    assert store.back(0, NOTHING) == "OK"
    store.trigger(2)
    assert seen(fds) == [0, 0, 0, 0]
    store.driver.set_reg(TRIGGER, 0)
    assert seen(fds) == [1, 0, 0, 0]
    assert store.back(2, 1) == "OK"
    store.trigger(1)
    assert seen(fds) == [0, 0, 1, 0]


def test_the_table_masks_an_entry(store, fds):
    store.mask(0, 1)
    store.trigger(2)
    store.trigger(2)
    store.trigger(3)
    assert seen(fds) == [0, 1, 0, 0]
    assert store.pending() == [0]
    store.mask(0, 0)
    assert seen(fds) == [1, 0, 0, 0]
    assert store.pending() == []


def test_the_function_mask_masks_an_entry(store, fds):
    store.mask(0, 0)
    store.mask_function(1)
    store.trigger(2)
    store.trigger(3)
    assert seen(fds) == [0, 1, 0, 0], "an entry that was never written is not governed"
    assert store.pending() == [0]
    store.mask_function(0)
    assert seen(fds) == [1, 0, 0, 0]


def test_pending_bits_of_entries_and_others_stand_side_by_side(driver, store, fds):
    for vector in (0, 2):
        store.mask(vector, 1)
    store.trigger(2)
    driver.set_reg(TRIGGER, 2)
    assert store.pending() == [0, 2]
    assert driver.get(p.BAR4, PBA, 1) == 5
    for vector in (0, 2):
        store.mask(vector, 0)
    assert seen(fds) == [1, 0, 1, 0]
    assert store.pending() == []


def test_an_entry_waits_for_d0(driver, store, fds):
    at = driver.capability(PM) + PM_CONTROL
    driver.put(p.CONFIG, at, 1, 1)
    store.trigger(2)
    assert seen(fds) == [0, 0, 0, 0]
    driver.put(p.CONFIG, at, 0, 1)
    assert seen(fds) == [1, 0, 0, 0]
    assert store.pending() == []


@pytest.mark.parametrize("way", ["command", "d3hot"])
def test_a_reset_forgets_what_is_pending_behind_an_entry(driver, store, fds, way):
    at = driver.capability(PM) + PM_CONTROL
    store.mask(0, 1)
    store.trigger(2)
    if way == "command":
        driver.ok(p.device_reset())
    else:
        driver.put(p.CONFIG, at, 3, 1)
        store.trigger(3)
        driver.put(p.CONFIG, at, 0, 1)
    assert seen(fds) == [0, 0, 0, 0]
    driver.enable()
    assert store.pending() == []
    store.trigger(2)
    assert seen(fds) == [1, 0, 0, 0]


def test_an_entry_that_is_revoked_leaves_its_vector_silent(driver, store, fds):
    assert driver.post(STORE_REVOKE, 2) == "OK"
    assert store.trigger(2) == "ENOENT"
    driver.set_reg(TRIGGER, 0)
    assert seen(fds) == [0, 0, 0, 0]
    store.mask(0, 1)
    store.mask(0, 0)
    driver.ok(p.set_trigger(p.MSIX, fds))
    store.trigger(3)
    assert seen(fds) == [0, 1, 0, 0]
    assert store.back(0, 2) == "ENOENT"
    assert store.back(0, 1) == "OK"
    store.trigger(1)
    assert seen(fds) == [1, 0, 0, 0]


def test_only_a_vector_that_exists_has_an_entry(store):
    for vector in (VECTORS, 0x800, 0xffff):
        assert store.back(vector, 0) == "EINVAL"
        assert store.back(vector, NOTHING) == "EINVAL"
    assert store.back(VECTORS - 1, 0) == "OK"


def test_a_saturated_eventfd_behind_an_entry_does_not_stop_the_server(driver, store, eventfds):
    fds = eventfds(2)
    os.set_blocking(fds[0], True)
    os.eventfd_write(fds[0], (1 << 64) - 2)
    driver.ok(p.set_trigger(p.MSIX, fds))
    store.back(0, 0)
    store.back(1, 1)
    start = time.monotonic()
    for _ in range(10):
        assert store.trigger(0) == "OK"
    assert store.trigger(1) == "OK"
    assert time.monotonic() - start < 1
    assert signals(fds[1]) == 1


def test_the_next_client_has_no_entries_behind_its_vectors(driver, store, fds, connect, eventfd):
    store.mask(0, 1)
    store.trigger(2)
    driver.close()
    other = connect()
    other.ok(p.version())
    other.enable()
    other.ok(p.set_trigger(p.MSIX, [eventfd]))
    Store(other).trigger(2)
    assert signals(eventfd) == 0 and seen(fds) == [0, 0, 0, 0]
    assert Store(other).pending() == []
