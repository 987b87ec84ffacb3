# SPDX-License-Identifier: BSD-2-Clause
"""Errors that a device reports (PCI Express Base 5.0, section 6.2): entered, masked, signalled."""

import pytest

import protocol as p
from capabilities import (AER_CORRECTABLE_MASK, AER_CORRECTABLE_STATUS, AER_SEVERITY,
                          AER_UNCORRECTABLE_MASK, AER_UNCORRECTABLE_STATUS, EXPRESS,
                          EXPRESS_CONTROL, EXPRESS_STATUS)
from registers import CORRECTABLE, UNCORRECTABLE, signals


AER = 0x100
CONTROL = AER + 0x18  # with First Error Pointer in its low bits
TIMEOUT, POISONED, MALFORMED, INTERNAL = 1 << 14, 1 << 12, 1 << 18, 1 << 22
REPLAY, ADVISORY = 1 << 12, 1 << 13
CORRECTABLE_BIT, NONFATAL_BIT, FATAL_BIT = 1, 2, 4  # of device control and device status


class Errors:
    """Where errors show."""

    def __init__(self, driver, eventfd):
        self.driver = driver
        self.express = driver.capability(EXPRESS)
        self.eventfd = eventfd
        driver.ok(p.set_trigger(p.ERR, [eventfd]))

    def enable(self, bits):
        self.driver.put(p.CONFIG, self.express + EXPRESS_CONTROL, bits, 1)

    def status(self):
        return self.driver.get(p.CONFIG, self.express + EXPRESS_STATUS, 2)

    def register(self, offset):
        return self.driver.get(p.CONFIG, AER + offset)

    def set_register(self, offset, value):
        self.driver.put(p.CONFIG, AER + offset, value)

    def signals(self):
        return signals(self.eventfd)


@pytest.fixture
def shape():
    return "express"


@pytest.fixture
def errors(driver, eventfd):
    return Errors(driver, eventfd)


@pytest.mark.parametrize("register, error, detected, offset", [
    (UNCORRECTABLE, TIMEOUT, NONFATAL_BIT, AER_UNCORRECTABLE_STATUS),
    (UNCORRECTABLE, MALFORMED, FATAL_BIT, AER_UNCORRECTABLE_STATUS),
    (CORRECTABLE, REPLAY, CORRECTABLE_BIT, AER_CORRECTABLE_STATUS),
])
@pytest.mark.parametrize("enabled", range(8))
def test_an_error_is_entered_and_signalled_where_it_is_to_be(driver, errors, register, error,
                                                             detected, offset, enabled):
    errors.enable(enabled)
    assert driver.post(register, error) == "OK"
    assert errors.status() == detected
    assert errors.register(offset) == error
    assert errors.signals() == int(bool(enabled & detected))


@pytest.mark.parametrize("register, error, mask", [
    (UNCORRECTABLE, TIMEOUT, AER_UNCORRECTABLE_MASK), (CORRECTABLE, REPLAY, AER_CORRECTABLE_MASK),
])
def test_a_masked_error_is_entered_but_not_signalled(driver, errors, register, error, mask):
    errors.enable(7)
    errors.set_register(mask, error)
    driver.post(register, error)
    assert errors.signals() == 0
    assert errors.register(mask - 4) == error
    assert errors.register(0x18) & 0x1f == 0
    errors.set_register(mask, 0)
    assert errors.signals() == 0
    driver.post(register, error)
    assert errors.signals() == 1


@pytest.mark.parametrize("register, error", [(UNCORRECTABLE, INTERNAL), (CORRECTABLE, ADVISORY)])
def test_some_errors_are_masked_at_first(driver, errors, register, error):
    errors.enable(7)
    driver.post(register, error)
    assert errors.signals() == 0


def test_the_severity_says_what_is_fatal(driver, errors):
    errors.set_register(AER_SEVERITY, TIMEOUT)
    errors.enable(NONFATAL_BIT)
    driver.post(UNCORRECTABLE, TIMEOUT)
    assert (errors.status(), errors.signals()) == (FATAL_BIT, 0)
    driver.post(UNCORRECTABLE, MALFORMED)
    assert (errors.status(), errors.signals()) == (FATAL_BIT | NONFATAL_BIT, 1)


def test_the_first_error_is_pointed_to_until_it_is_cleared(driver, errors):
    driver.post(UNCORRECTABLE, TIMEOUT)
    driver.post(UNCORRECTABLE, POISONED)
    assert errors.register(0x18) & 0x1f == 14
    assert errors.register(AER_UNCORRECTABLE_STATUS) == TIMEOUT | POISONED
    errors.set_register(AER_UNCORRECTABLE_STATUS, TIMEOUT | POISONED)
    assert errors.register(AER_UNCORRECTABLE_STATUS) == 0
    driver.post(UNCORRECTABLE, POISONED)
    assert errors.register(0x18) & 0x1f == 12


def test_status_bits_are_cleared_by_ones_and_only_those(driver, errors):
    for register, error in ((UNCORRECTABLE, TIMEOUT), (UNCORRECTABLE, POISONED),
                            (CORRECTABLE, REPLAY)):
        driver.post(register, error)
    errors.set_register(AER_UNCORRECTABLE_STATUS, 0)
    errors.set_register(AER_UNCORRECTABLE_STATUS, ~TIMEOUT & 0xffffffff)
    assert errors.register(AER_UNCORRECTABLE_STATUS) == TIMEOUT
    assert errors.status() == CORRECTABLE_BIT | NONFATAL_BIT
    driver.put(p.CONFIG, errors.express + EXPRESS_STATUS, NONFATAL_BIT, 2)
    assert errors.status() == CORRECTABLE_BIT


@pytest.mark.parametrize("register", [UNCORRECTABLE, CORRECTABLE])
@pytest.mark.parametrize("bits", [0, 3 << 12, 0xffffffff])
def test_one_error_is_reported_at_a_time(driver, errors, register, bits):
    errors.enable(7)
    assert driver.post(register, bits) == "EINVAL"
    assert (errors.status(), errors.signals()) == (0, 0)


@pytest.mark.parametrize("register", [UNCORRECTABLE, CORRECTABLE])
@pytest.mark.parametrize("shape", ["conventional"])
def test_a_conventional_device_reports_none(driver, eventfd, register):
    driver.ok(p.set_trigger(p.ERR, [eventfd]))
    assert driver.post(register, 1 << 12) == "ENOENT"
    assert signals(eventfd) == 0
