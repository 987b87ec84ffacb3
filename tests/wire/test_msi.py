# SPDX-License-Identifier: BSD-2-Clause
"""MSI: messages reach their eventfds; the capability shows and governs what SET_IRQS enabled."""

import struct

import pytest

import protocol as p
from capabilities import MSI
from registers import (MSI_ENABLED, MSI_MESSAGES, MSIX_ENABLED, TRIGGER, TRIGGER_MSI, command_write,
                       signals)

BOTH = pytest.mark.parametrize("shape", ["express", "conventional"])
MASKABLE = pytest.mark.parametrize("shape", ["express"])
MASK, PENDING = 16, 20  # registers of a maskable capability with 64-bit addresses
ENABLE = 1


class Messages:
    """MSI of a driver's device."""

    def __init__(self, driver, shape):
        self.driver = driver
        self.at = driver.capability(MSI)
        self.count = MSI_MESSAGES[shape]

    def fire(self, vector):
        self.driver.set_reg(TRIGGER_MSI, vector)

    def control(self):
        """(enabled, log2 of the messages enabled)."""
        control = self.driver.get(p.CONFIG, self.at + 2, 2)
        return control & ENABLE, control >> 4 & 7

    def set_control(self, enabled, log2):
        self.driver.put(p.CONFIG, self.at + 2, enabled | log2 << 4, 2)

    def mask(self, bits):
        self.driver.put(p.CONFIG, self.at + MASK, bits)

    def pending(self):
        return self.driver.get(p.CONFIG, self.at + PENDING)


@pytest.fixture
def msi(driver, shape):
    return Messages(driver, shape)


@pytest.fixture
def enabled(driver, msi, eventfds):
    """The eventfds of all messages, assigned."""
    fds = eventfds(msi.count)
    driver.ok(p.set_trigger(p.MSI, fds))
    return fds


def seen(fds):
    return [signals(fd) for fd in fds]


# ---- Eventfds


@pytest.mark.parametrize("shape", MSI_MESSAGES)
def test_msi_has_as_many_vectors_as_messages_and_cannot_grow(client, shape):
    _, flags, index, count = struct.unpack("=IIII", client.ok(p.get_irq_info(p.MSI)))
    assert (index, count) == (p.MSI, MSI_MESSAGES[shape])
    if count:
        assert flags == p.IRQ_EVENTFD | p.IRQ_NORESIZE


@BOTH
def test_every_message_signals_its_own_eventfd(msi, enabled):
    for vector in [*range(msi.count), 0, msi.count - 1, 1]:
        msi.fire(vector)
        assert seen(enabled) == [int(i == vector) for i in range(msi.count)]


@BOTH
@pytest.mark.parametrize("beyond", [0, 1, 32, 0xffff0000])
def test_a_message_that_does_not_exist_cannot_be_triggered(driver, msi, enabled, beyond):
    assert driver.error(command_write(TRIGGER_MSI, msi.count + beyond)) == "EINVAL"
    assert not any(seen(enabled))


def test_a_device_without_msi_cannot_trigger_it(driver):
    assert driver.error(command_write(TRIGGER_MSI, 0)) == "EINVAL"


@BOTH
def test_messages_go_nowhere_while_msi_is_off(driver, msi, eventfd):
    msi.fire(0)
    driver.ok(p.set_trigger(p.MSI, [eventfd]))
    assert signals(eventfd) == 0
    driver.ok(p.disable_irq(p.MSI))
    msi.fire(0)
    driver.ok(p.set_trigger(p.MSI, [eventfd]))
    assert signals(eventfd) == 0
    msi.fire(0)
    assert signals(eventfd) == 1


@BOTH
def test_an_eventfd_is_taken_away_and_given_back(driver, msi, enabled):
    driver.ok(p.clear_trigger(p.MSI, start=1, count=2))
    for vector in range(4):
        msi.fire(vector)
    assert seen(enabled)[:4] == [1, 0, 0, 1]
    driver.ok(p.set_trigger(p.MSI, enabled[1:3], start=1))
    for vector in range(4):
        msi.fire(vector)
    assert seen(enabled)[:4] == [1, 1, 1, 1]


@BOTH
def test_messages_can_be_tried_out(driver, enabled):
    driver.ok(p.set_irqs(p.DATA_NONE | p.ACTION_TRIGGER, p.MSI, 1, 2))
    assert seen(enabled)[:4] == [0, 1, 1, 0]
    driver.ok(p.set_irqs(p.DATA_BOOL | p.ACTION_TRIGGER, p.MSI, 0, 4, b"\1\0\0\5"))
    assert seen(enabled)[:4] == [1, 0, 0, 1]


@MASKABLE
def test_masks_do_not_count_when_a_message_is_tried_out(driver, msi, enabled):
    msi.mask(0xff)
    driver.ok(p.set_irqs(p.DATA_NONE | p.ACTION_TRIGGER, p.MSI, 0, 1))
    assert seen(enabled)[0] == 1
    assert msi.pending() == 0


# ---- The capability's control register


@BOTH
@pytest.mark.parametrize("count", range(1, 9))
def test_the_capability_shows_how_many_messages_were_enabled(driver, msi, eventfds, count):
    if count > msi.count:
        assert driver.error(p.set_trigger(p.MSI, eventfds(count))) == "EINVAL"
        assert msi.control() == (0, 0)
        return
    driver.ok(p.set_trigger(p.MSI, eventfds(count)))
    log2 = (count - 1).bit_length()
    assert msi.control() == (1, log2)
    assert driver.reg(MSI_ENABLED) == 1 << log2
    driver.ok(p.disable_irq(p.MSI))
    assert msi.control() == (0, 0)
    assert driver.reg(MSI_ENABLED) == 0


@BOTH
def test_the_driver_cannot_enable_msi_by_the_capability_alone(driver, msi):
    for log2 in range(8):
        msi.set_control(ENABLE, log2)
        assert msi.control() == (0, 0)
    assert driver.reg(MSI_ENABLED) == 0


@BOTH
def test_the_driver_turns_msi_off_and_on(driver, msi, enabled):
    msi.set_control(0, 2)
    assert msi.control()[0] == 0
    assert driver.reg(MSI_ENABLED) == 0
    msi.fire(0)
    msi.set_control(ENABLE, 2)
    assert not any(seen(enabled)), "what was triggered while it was off is lost"
    msi.fire(0)
    assert seen(enabled)[0] == 1


@BOTH
@pytest.mark.parametrize("log2", range(8))
def test_with_fewer_messages_several_vectors_share_one(driver, msi, enabled, log2):
    msi.set_control(ENABLE, log2)
    count = min(1 << log2, msi.count)
    assert msi.control() == (1, count.bit_length() - 1)
    assert driver.reg(MSI_ENABLED) == count
    for vector in range(msi.count):
        msi.fire(vector)
        assert seen(enabled) == [int(i == vector % count) for i in range(msi.count)]


@MASKABLE
def test_the_driver_chooses_no_more_than_set_irqs_enabled(driver, msi, eventfds):
    driver.ok(p.set_trigger(p.MSI, eventfds(3)))
    msi.set_control(ENABLE, 3)
    assert msi.control() == (1, 2)
    msi.set_control(ENABLE, 1)
    assert msi.control() == (1, 1)
    msi.set_control(ENABLE, 2)
    assert msi.control() == (1, 2)


@BOTH
def test_a_reset_leaves_msi_as_set_irqs_enabled_it(driver, msi, enabled):
    msi.set_control(0, 0)
    driver.ok(p.device_reset())
    assert msi.control() == (1, msi.count.bit_length() - 1)
    driver.enable()
    for vector in range(msi.count):
        msi.fire(vector)
    assert seen(enabled) == [1] * msi.count


# ---- Masks


@MASKABLE
def test_a_masked_message_is_pending_until_it_is_unmasked(msi, enabled):
    msi.mask(0x05)
    for vector in (0, 0, 1, 2):
        msi.fire(vector)
    assert seen(enabled)[:3] == [0, 1, 0]
    assert msi.pending() == 0x05
    msi.mask(0x04)
    assert seen(enabled)[:3] == [1, 0, 0]
    assert msi.pending() == 0x04
    msi.mask(0)
    assert seen(enabled)[:3] == [0, 0, 1]
    assert msi.pending() == 0


@MASKABLE
def test_masks_are_written_by_bytes_and_with_what_lies_around(driver, msi, enabled):
    driver.write(p.CONFIG, msi.at + MASK, b"\x02")
    msi.fire(1)
    assert msi.pending() == 2
    driver.write(p.CONFIG, msi.at + MASK + 1, bytes(3))
    assert msi.pending() == 2
    driver.write(p.CONFIG, msi.at + MASK - 2, bytes(8))
    assert seen(enabled)[1] == 1
    assert msi.pending() == 0


@MASKABLE
def test_pending_bits_cannot_be_written(driver, msi, enabled):
    driver.put(p.CONFIG, msi.at + PENDING, 0xffffffff)
    assert msi.pending() == 0
    msi.mask(1)
    msi.fire(0)
    driver.put(p.CONFIG, msi.at + PENDING, 0)
    assert msi.pending() == 1


@MASKABLE
def test_masks_are_those_of_messages_not_of_vectors(msi, enabled):
    msi.set_control(ENABLE, 1)
    msi.mask(0x02)
    for vector in range(8):
        msi.fire(vector)
    assert seen(enabled) == [4, 0, 0, 0, 0, 0, 0, 0]
    assert msi.pending() == 0x02
    msi.mask(0)
    assert seen(enabled) == [0, 1, 0, 0, 0, 0, 0, 0]


@MASKABLE
def test_what_is_pending_waits_until_msi_is_on_again(msi, enabled):
    msi.mask(1)
    msi.fire(0)
    msi.set_control(0, 3)
    msi.mask(0)
    assert seen(enabled)[0] == 0
    msi.set_control(ENABLE, 3)
    assert seen(enabled)[0] == 1
    assert msi.pending() == 0


@MASKABLE
def test_disabling_forgets_what_is_pending(driver, msi, enabled):
    msi.mask(1)
    msi.fire(0)
    driver.ok(p.disable_irq(p.MSI))
    assert msi.pending() == 0
    driver.ok(p.set_trigger(p.MSI, enabled))
    msi.mask(0)
    assert not any(seen(enabled))


# ---- NORESIZE


@MASKABLE
@pytest.mark.parametrize("start, count, error", [
    (4, 1, "OK"), (4, 4, "OK"), (3, 1, "OK"), (0, 4, "OK"), (0, 5, "EINVAL"), (3, 2, "EINVAL"),
    (5, 1, "EINVAL"), (7, 1, "EINVAL"), (0, 8, "EINVAL"), (4, 5, "EINVAL"),
])
def test_msi_grows_only_by_what_follows_on(driver, msi, eventfds, start, count, error):
    fds, more = eventfds(4), eventfds(count)
    driver.ok(p.set_trigger(p.MSI, fds))
    assert driver.error(p.set_trigger(p.MSI, more, start)) == error
    log2 = 2 if error != "OK" or start + count <= 4 else 3
    assert msi.control() == (1, log2)
    for vector in range(4):
        msi.fire(vector)
    kept = [i for i in range(4) if error != "OK" or not start <= i < start + count]
    assert [i for i, fd in enumerate(fds) if signals(fd)] == kept


@MASKABLE
def test_msi_is_enabled_in_several_steps(driver, msi, eventfds):
    fds = eventfds(8)
    for start in (0, 3, 6):
        driver.ok(p.set_trigger(p.MSI, fds[start:start + 3], start))
    assert msi.control() == (1, 3)
    for vector in range(8):
        msi.fire(vector)
    assert seen(fds) == [1] * 8


@MASKABLE
def test_msi_can_be_enabled_with_any_first_range(driver, msi, eventfd):
    driver.ok(p.set_trigger(p.MSI, [eventfd], start=5))
    assert msi.control() == (1, 3)
    msi.fire(5)
    assert signals(eventfd) == 1


@MASKABLE
def test_growing_keeps_a_mask_and_what_is_pending(driver, msi, eventfds):
    fds = eventfds(4)
    driver.ok(p.set_trigger(p.MSI, fds[:2]))
    msi.mask(1)
    msi.fire(0)
    driver.ok(p.set_trigger(p.MSI, fds[2:], start=2))
    assert msi.pending() == 1
    msi.mask(0)
    assert seen(fds) == [1, 0, 0, 0]


@BOTH
def test_msix_grows_while_it_is_enabled(driver, eventfds):
    fds = eventfds(6)
    driver.ok(p.set_trigger(p.MSIX, fds[:2]))
    driver.ok(p.set_trigger(p.MSIX, fds[2:4], start=60))
    driver.ok(p.set_trigger(p.MSIX, fds[4:], start=10))
    for vector in (0, 1, 60, 61, 10, 11):
        driver.set_reg(TRIGGER, vector)
    assert seen(fds) == [1] * 6
    assert driver.reg(MSIX_ENABLED) == 62
