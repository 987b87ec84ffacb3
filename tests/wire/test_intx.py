# SPDX-License-Identifier: BSD-2-Clause
"""INTx: a level that signals once and masks itself; masks; the sequence that KVM's user sends."""

import itertools
import os

import pytest

import protocol as p
from registers import (COMMAND_INTX_DISABLE, COMMAND_IO, COMMAND_MASTER, COMMAND_MEM, INTX_LEVEL,
                       STATUS, signals, wait_signal)

ON = COMMAND_IO | COMMAND_MEM | COMMAND_MASTER
MASK = p.set_irqs(p.DATA_NONE | p.ACTION_MASK, p.INTX, 0, 1)
UNMASK = p.set_irqs(p.DATA_NONE | p.ACTION_UNMASK, p.INTX, 0, 1)


def unmask_by(fd):
    return p.set_irqs(p.DATA_EVENTFD | p.ACTION_UNMASK, p.INTX, 0, 1, fds=[fd])


class Line:
    """A driver, the trigger's eventfd and one to unmask with."""

    def __init__(self, driver, trigger, unmask):
        self.driver = driver
        self.trigger = trigger
        self.unmask = unmask

    def set(self, level):
        self.driver.set_reg(INTX_LEVEL, level)

    def signals(self):
        """Signals so far; what the commands before have caused has been sent."""
        return signals(self.trigger)

    def call(self, command):
        self.driver.ok(command)


@pytest.fixture
def line(driver, eventfds):
    """INTx with its trigger."""
    trigger, unmask = eventfds(2)
    driver.ok(p.set_trigger(p.INTX, [trigger]))
    return Line(driver, trigger, unmask)


def test_a_rising_line_signals_once(line):
    assert line.signals() == 0
    line.set(1)
    assert line.signals() == 1
    line.set(1)
    line.set(1)
    assert line.signals() == 0


def test_the_line_stays_masked_until_unmasked(line):
    line.set(1)
    assert line.signals() == 1
    for _ in range(3):
        line.set(0)
        line.set(1)
    assert line.signals() == 0


@pytest.mark.parametrize("data", [p.DATA_NONE, p.DATA_BOOL])
def test_unmasking_signals_again_while_the_line_is_high(line, data):
    unmask = p.set_irqs(data | p.ACTION_UNMASK, p.INTX, 0, 1, b"\1" if data == p.DATA_BOOL else b"")
    line.set(1)
    assert line.signals() == 1
    for _ in range(5):
        line.call(unmask)
        assert line.signals() == 1


def test_unmasking_a_low_line_waits_for_the_next_rise(line):
    line.set(1)
    line.set(0)
    assert line.signals() == 1
    line.call(UNMASK)
    assert line.signals() == 0
    line.set(1)
    assert line.signals() == 1


def test_unmasking_twice_signals_once_a_rise(line):
    line.call(UNMASK)
    line.call(UNMASK)
    line.set(1)
    assert line.signals() == 1


def test_a_masked_line_is_signalled_when_it_is_unmasked(line):
    line.call(MASK)
    line.set(1)
    assert line.signals() == 0
    line.call(UNMASK)
    assert line.signals() == 1


def test_what_falls_while_masked_is_not_signalled(line):
    line.call(MASK)
    line.set(1)
    line.set(0)
    line.call(UNMASK)
    assert line.signals() == 0


def test_masks_do_not_count(line):
    line.call(MASK)
    line.call(MASK)
    line.set(1)
    line.call(UNMASK)
    assert line.signals() == 1


@pytest.mark.parametrize("action, signalled", [(p.ACTION_MASK, 1), (p.ACTION_UNMASK, 0)])
def test_a_false_bool_does_nothing(line, action, signalled):
    if action == p.ACTION_UNMASK:
        line.call(MASK)
    line.call(p.set_irqs(p.DATA_BOOL | action, p.INTX, 0, 1, b"\0"))
    line.set(1)
    assert line.signals() == signalled


def test_an_eventfd_unmasks(line):
    line.call(unmask_by(line.unmask))
    line.set(1)
    assert line.signals() == 1
    for _ in range(5):
        os.eventfd_write(line.unmask, 1)
        assert wait_signal(line.trigger) == 1
    line.set(0)
    os.eventfd_write(line.unmask, 1)
    line.driver.expect_silence(0.02)
    assert line.signals() == 0
    line.set(1)
    assert line.signals() == 1


def test_an_eventfd_unmasks_what_a_command_has_masked(line):
    line.call(unmask_by(line.unmask))
    line.call(MASK)
    line.set(1)
    assert line.signals() == 0
    os.eventfd_write(line.unmask, 1)
    assert wait_signal(line.trigger) == 1


def test_an_eventfd_that_is_taken_away_unmasks_no_more(line):
    line.call(unmask_by(line.unmask))
    line.call(p.set_irqs(p.DATA_EVENTFD | p.ACTION_UNMASK, p.INTX, 0, 1))
    line.set(1)
    assert line.signals() == 1
    os.eventfd_write(line.unmask, 1)
    line.driver.expect_silence(0.02)
    assert line.signals() == 0
    line.call(UNMASK)
    assert line.signals() == 1


def test_an_eventfd_is_replaced_by_another(line, eventfds):
    other = eventfds()[0]
    line.call(unmask_by(line.unmask))
    line.call(unmask_by(other))
    line.set(1)
    assert line.signals() == 1
    os.eventfd_write(other, 1)
    assert wait_signal(line.trigger) == 1
    os.eventfd_write(line.unmask, 1)
    line.driver.expect_silence(0.02)
    assert line.signals() == 0


@pytest.mark.parametrize("rise", range(5), ids=["before", "masked", "eventfd", "unmasked", "never"])
def test_the_sequence_of_kvms_user(driver, eventfds, rise):
    """Trigger, MASK, UNMASK by eventfd, UNMASK, with the line rising somewhere in between."""
    trigger, kvm_trigger, unmask = eventfds(3)

    def rise_at(step):
        if rise == step:
            driver.set_reg(INTX_LEVEL, 1)

    rise_at(0)
    driver.ok(p.set_trigger(p.INTX, [trigger]))
    before = signals(trigger)
    driver.ok(MASK)
    rise_at(1)
    driver.ok(p.set_trigger(p.INTX, [kvm_trigger]))
    driver.ok(unmask_by(unmask))
    rise_at(2)
    driver.ok(UNMASK)
    rise_at(3)
    never = rise == 4
    assert before == (1 if rise == 0 else 0)
    assert signals(trigger) == 0
    assert signals(kvm_trigger) == (0 if never else 1)
    if never:
        driver.set_reg(INTX_LEVEL, 1)
        assert signals(kvm_trigger) == 1

    # The guest acknowledges at the APIC with the line still high, serves the device, acknowledges.
    os.eventfd_write(unmask, 1)
    assert wait_signal(kvm_trigger) == 1
    driver.set_reg(INTX_LEVEL, 0)
    os.eventfd_write(unmask, 1)
    driver.expect_silence(0.02)
    assert signals(kvm_trigger) == 0
    driver.set_reg(INTX_LEVEL, 1)
    assert wait_signal(kvm_trigger) == 1


def test_the_command_register_holds_the_line_back(line):
    line.driver.enable(ON | COMMAND_INTX_DISABLE)
    line.set(1)
    assert line.signals() == 0
    line.driver.enable(ON)
    assert line.signals() == 1


def test_the_command_register_holds_back_what_is_unmasked(line):
    line.set(1)
    assert line.signals() == 1
    line.driver.enable(ON | COMMAND_INTX_DISABLE)
    line.call(UNMASK)
    assert line.signals() == 0
    line.driver.enable(ON)
    assert line.signals() == 1


def test_mask_and_command_register_hold_back_independently(line):
    for first, second in itertools.permutations([lambda: line.call(UNMASK),
                                                 lambda: line.driver.enable(ON)]):
        line.set(0)
        line.call(MASK)
        line.driver.enable(ON | COMMAND_INTX_DISABLE)
        line.set(1)
        assert line.signals() == 0
        first()
        assert line.signals() == 0
        second()
        assert line.signals() == 1


def test_a_line_that_is_high_already_signals_a_new_trigger(driver, eventfd):
    driver.set_reg(INTX_LEVEL, 1)
    driver.ok(p.set_trigger(p.INTX, [eventfd]))
    assert signals(eventfd) == 1


def test_without_a_trigger_nothing_is_signalled(line):
    line.call(p.clear_trigger(p.INTX))
    line.set(1)
    assert line.signals() == 0


def test_a_disabled_index_signals_nothing(line):
    line.call(unmask_by(line.unmask))
    line.call(p.disable_irq(p.INTX))
    line.set(1)
    os.eventfd_write(line.unmask, 1)
    line.driver.expect_silence(0.02)
    assert line.signals() == 0


def test_a_reset_lowers_the_line_and_keeps_the_trigger(line):
    line.set(1)
    assert line.signals() == 1
    line.call(p.device_reset())
    line.call(UNMASK)
    assert line.signals() == 0
    line.driver.enable()
    line.set(1)
    assert line.signals() == 1


@pytest.mark.parametrize("data, payload, signalled", [
    (p.DATA_NONE, b"", 1), (p.DATA_BOOL, b"\1", 1), (p.DATA_BOOL, b"\0", 0),
])
def test_the_trigger_can_be_tried_out(line, data, payload, signalled):
    line.call(p.set_irqs(data | p.ACTION_TRIGGER, p.INTX, 0, 1, payload))
    assert line.signals() == signalled


@pytest.mark.parametrize("disable", [0, COMMAND_INTX_DISABLE])
def test_the_status_register_shows_the_line(line, disable):
    """PCI Local Bus 3.0, 6.2.3: bit 3 is the line's state, whatever holds its signal back."""
    line.driver.enable(ON | disable)
    for level in (1, 0, 1):
        line.set(level)
        assert line.driver.get(p.CONFIG, STATUS, 2) >> 3 & 1 == level
    line.call(p.device_reset())
    assert line.driver.get(p.CONFIG, STATUS, 2) >> 3 & 1 == 0


def test_a_signalled_eventfd_unmasks_as_soon_as_it_is_given(line):
    line.set(1)
    assert line.signals() == 1
    os.eventfd_write(line.unmask, 1)
    line.call(unmask_by(line.unmask))
    assert wait_signal(line.trigger) == 1


def test_a_client_that_takes_its_own_signals_does_not_block_the_server(line):
    os.set_blocking(line.unmask, True)
    line.call(unmask_by(line.unmask))
    for _ in range(300):
        os.eventfd_write(line.unmask, 1)
        signals(line.unmask)
    line.driver.alive()


def test_one_eventfd_as_trigger_and_unmask_leaves_the_server_responsive(line):
    line.call(unmask_by(line.trigger))
    line.set(1)
    for _ in range(20):
        line.driver.alive()
    line.set(0)
