# SPDX-License-Identifier: BSD-2-Clause
"""Power states (PCI Power Management 1.2, section 5): what works in which, what waits."""

import struct

import pytest

import protocol as p
from capabilities import MSI, PM, PM_CONTROL
from registers import (COMMAND, COPY_FROM, COPY_RESULT, COPY_RUN, INTX_LEVEL, PBA, POWER_D0,
                       POWER_D1, POWER_D2, POWER_D3HOT, RESET_POWER, SIGNAL, TRIGGER, TRIGGER_MSI,
                       WAKE, signals)

EXPRESS = pytest.mark.parametrize("shape", ["express"])  # has D1 and D2, forgets in D3hot
CONVENTIONAL = pytest.mark.parametrize("shape", ["conventional"])  # No_Soft_Reset
# From these, the way back to D0 is no reset.
SLEEPS = pytest.mark.parametrize("shape, state", [("express", 1), ("express", 2),
                                                  ("conventional", 3)])
PME = 0x8000
PME_ENABLE = 0x100


class Power:
    """The capability of a driver's device."""

    def __init__(self, driver):
        self.driver = driver
        self.at = driver.capability(PM) + PM_CONTROL

    def set(self, state):
        self.driver.put(p.CONFIG, self.at, state, 1)

    def get(self):
        return self.driver.get(p.CONFIG, self.at, 2)


@pytest.fixture
def power(driver):
    return Power(driver)


# ---- The states


@EXPRESS
@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("end", range(4))
def test_a_state_is_left_downwards_or_for_d0(driver, power, start, end):
    power.set(start)
    driver.told()
    power.set(end)
    goes = end > start or end == 0
    assert power.get() & 3 == (end if goes else start)
    expected = [POWER_D0 + end] if goes and end != start else []
    assert driver.told() == expected + [RESET_POWER] * (start == 3 and end == 0)


@CONVENTIONAL
@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("end", range(4))
def test_a_state_that_the_device_lacks_is_not_taken(driver, power, start, end):
    power.set(start)
    driver.told()
    power.set(end)
    final = end if end in (0, 3) else start
    assert power.get() & 3 == final
    assert driver.told() == ([POWER_D0 + final] if final != start else [])


@EXPRESS
def test_one_write_after_another_ends_where_the_last_goes(driver, power):
    for state in (1, 1, 2, 1, 3, 2, 0, 2, 0):
        power.set(state)
    assert driver.told() == [POWER_D1, POWER_D2, POWER_D3HOT, POWER_D0, RESET_POWER, POWER_D2,
                             POWER_D0]


@EXPRESS
def test_the_rest_of_the_register_does_not_move_the_device(driver, power):
    driver.put(p.CONFIG, power.at + 1, 0xff, 1)
    driver.put(p.CONFIG, power.at, 0xfc, 1)
    driver.write(p.CONFIG, power.at + 1, b"\xff" * 7)
    assert driver.told() == []
    assert power.get() == PME_ENABLE


@EXPRESS
@pytest.mark.parametrize("offset, size", [(4, 2), (4, 4), (3, 3), (1, 8), (0, 8)])
def test_a_write_of_any_shape_moves_the_device(driver, power, offset, size):
    data = bytearray(size)
    data[4 - offset] = 3
    driver.write(p.CONFIG, power.at - PM_CONTROL + offset, bytes(data))
    assert driver.told() == [POWER_D3HOT]
    assert power.get() & 3 == 3


# ---- What is out of reach


@pytest.mark.parametrize("shape, state", [("express", 1), ("express", 2), ("express", 3),
                                          ("conventional", 3)])
def test_below_d0_there_is_only_config_space(driver, power, shape, state):
    power.set(state)
    regions = [p.BAR0, p.BAR1, p.BAR2, p.BAR4] + [p.BAR5, p.ROM] * (shape == "express")
    for region in regions:
        assert driver.error(p.region_read(region, 0, 4)) == "EIO"
        if region != p.ROM:
            assert driver.error(p.region_write(region, 0, bytes(4))) == "EIO"
    assert driver.get(p.CONFIG, 0, 4) == 0xfff01b36
    assert driver.get(p.CONFIG, COMMAND, 2) == 7
    driver.put(p.CONFIG, 0x3c, 0x5a, 1)
    assert driver.get(p.CONFIG, 0x3c, 1) == 0x5a
    driver.enable()
    assert driver.error(p.region_read(p.BAR0, 0, 4)) == "EIO"


@SLEEPS
def test_what_was_there_is_there_again(driver, power, state):
    for region in (p.BAR0, p.BAR1, p.BAR2):
        driver.write(region, 0, b"kept")
    driver.put(p.CONFIG, 0x10, 0xfebf0000)
    power.set(state)
    power.set(0)
    assert driver.get(p.CONFIG, 0x10) == 0xfebf0000
    assert driver.get(p.CONFIG, COMMAND, 2) == 7
    for region in (p.BAR0, p.BAR1, p.BAR2):
        assert driver.read(region, 0, 4) == b"kept"


@SLEEPS
def test_memory_that_was_off_stays_off(driver, power, state):
    driver.enable(1)
    power.set(state)
    power.set(0)
    assert driver.error(p.region_read(p.BAR0, 0, 4)) == "EIO"
    assert driver.error(p.region_read(p.BAR1, 0, 4)) == "OK"


@EXPRESS
def test_without_no_soft_reset_the_way_from_d3hot_is_a_reset(driver, power):
    driver.write(p.BAR0, 0, b"lost")
    driver.put(p.CONFIG, 0x10, 0xfebf0000)
    power.set(3)
    power.set(0)
    assert driver.get(p.CONFIG, 0x10) == 0
    assert driver.get(p.CONFIG, COMMAND, 2) == 0
    driver.enable()
    assert driver.read(p.BAR0, 0, 4) == bytes(4)


@SLEEPS
def test_the_device_does_no_dma(driver, power, memory, state):
    ram = memory(p.PAGE)
    ram[:4] = b"data"
    driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
    driver.write(p.BAR0, COPY_FROM, struct.pack("<QQI", 0, 64, 4))
    power.set(state)
    driver.post(COPY_RUN, 1)
    assert driver.peek(COPY_RESULT) == 19  # ENODEV
    assert ram[64:68] == bytes(4)
    power.set(0)
    driver.post(COPY_RUN, 1)
    assert driver.peek(COPY_RESULT) == 0
    assert ram[64:68] == b"data"


@EXPRESS
def test_maps_are_made_and_taken_away_in_d3hot(driver, power, memory):
    ram = memory(2 * p.PAGE)
    driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
    power.set(3)
    driver.ok(p.dma_unmap(0, p.PAGE))
    driver.ok(p.dma_map(p.PAGE, p.PAGE, fd=ram.fd, offset=p.PAGE))
    power.set(0)
    driver.enable()
    assert driver.copy(0, 8, 4) == "EFAULT"
    assert driver.copy(p.PAGE, p.PAGE + 8, 4) == "OK"


# ---- Interrupts wait


@SLEEPS
@pytest.mark.parametrize("index, register", [(p.MSI, TRIGGER_MSI), (p.MSIX, TRIGGER)])
def test_messages_wait_for_d0(driver, power, eventfds, state, index, register):
    fds = eventfds(4)
    driver.ok(p.set_trigger(index, fds))
    power.set(state)
    for vector in (1, 3, 3):
        assert driver.post(register, vector) == "OK"
    assert not any(signals(fd) for fd in fds)
    power.set(0)
    assert [signals(fd) for fd in fds] == [0, 1, 0, 1]
    driver.post(register, 3)
    assert [signals(fd) for fd in fds] == [0, 0, 0, 1]


@SLEEPS
def test_the_line_waits_for_d0(driver, power, eventfd, state):
    driver.ok(p.set_trigger(p.INTX, [eventfd]))
    power.set(state)
    driver.post(INTX_LEVEL, 1)
    assert signals(eventfd) == 0
    power.set(0)
    assert signals(eventfd) == 1


@SLEEPS
def test_a_line_that_fell_meanwhile_is_not_signalled(driver, power, eventfd, state):
    driver.ok(p.set_trigger(p.INTX, [eventfd]))
    power.set(state)
    driver.post(INTX_LEVEL, 1)
    driver.post(INTX_LEVEL, 0)
    power.set(0)
    assert signals(eventfd) == 0


@SLEEPS
def test_a_line_that_is_unmasked_meanwhile_is_signalled_in_d0(driver, power, eventfd, state):
    driver.ok(p.set_trigger(p.INTX, [eventfd]))
    driver.set_reg(INTX_LEVEL, 1)
    assert signals(eventfd) == 1
    power.set(state)
    driver.ok(p.set_irqs(p.DATA_NONE | p.ACTION_UNMASK, p.INTX, 0, 1))
    assert signals(eventfd) == 0
    power.set(0)
    assert signals(eventfd) == 1


@EXPRESS
@pytest.mark.parametrize("index, register", [(p.MSI, TRIGGER_MSI), (p.MSIX, TRIGGER),
                                             (p.INTX, INTX_LEVEL)])
def test_what_waited_in_d3hot_is_forgotten_by_the_reset(driver, power, eventfd, index, register):
    driver.ok(p.set_trigger(index, [eventfd]))
    power.set(3)
    driver.post(register, 0 if index != p.INTX else 1)
    power.set(0)
    assert signals(eventfd) == 0
    driver.post(register, 0 if index != p.INTX else 1)
    assert signals(eventfd) == 1


@SLEEPS
@pytest.mark.parametrize("index", [p.ERR, p.REQ])
def test_err_and_req_do_not_wait(driver, power, eventfd, state, index):
    driver.ok(p.set_trigger(index, [eventfd]))
    power.set(state)
    driver.post(SIGNAL, index)
    assert signals(eventfd) == 1


@EXPRESS
def test_a_masked_message_waits_for_both(driver, power, eventfds):
    at = driver.capability(MSI)
    fds = eventfds(2)
    driver.ok(p.set_trigger(p.MSI, fds))
    driver.put(p.CONFIG, at + 16, 1)
    power.set(1)
    driver.post(TRIGGER_MSI, 0)
    driver.post(TRIGGER_MSI, 1)
    assert driver.get(p.CONFIG, at + 20) == 3
    power.set(0)
    assert [signals(fd) for fd in fds] == [0, 1]
    assert driver.get(p.CONFIG, at + 20) == 1
    power.set(1)
    driver.put(p.CONFIG, at + 16, 0)
    assert signals(fds[0]) == 0
    power.set(0)
    assert signals(fds[0]) == 1
    assert driver.get(p.CONFIG, at + 20) == 0


@SLEEPS
def test_a_masked_entry_waits_for_both(driver, power, eventfds, state):
    fds = eventfds(2)
    driver.ok(p.set_trigger(p.MSIX, fds))
    driver.write(p.BAR4, 0, struct.pack("<QII", 0, 0, 1))
    power.set(state)
    driver.post(TRIGGER, 0)
    driver.post(TRIGGER, 1)
    power.set(0)
    assert [signals(fd) for fd in fds] == [0, 1]
    assert driver.get(p.BAR4, PBA, 8) == 1
    driver.put(p.BAR4, 12, 0)
    assert signals(fds[0]) == 1


@SLEEPS
@pytest.mark.parametrize("index, register", [(p.MSI, TRIGGER_MSI), (p.MSIX, TRIGGER)])
def test_what_waits_for_an_index_that_is_disabled_is_forgotten(driver, power, eventfds, state,
                                                                index, register):
    old, new = eventfds(2)
    driver.ok(p.set_trigger(index, [old]))
    power.set(state)
    driver.post(register, 0)
    driver.ok(p.disable_irq(index))
    power.set(0)
    driver.ok(p.set_trigger(index, [new]))
    assert not signals(old) and not signals(new)


@SLEEPS
def test_eventfds_can_be_assigned_below_d0(driver, power, eventfds, state):
    fds = eventfds(2)
    power.set(state)
    driver.ok(p.set_trigger(p.MSIX, fds))
    driver.post(TRIGGER, 1)
    power.set(0)
    assert [signals(fd) for fd in fds] == [0, 1]


# ---- PME


@EXPRESS
@pytest.mark.parametrize("state", range(4))
@pytest.mark.parametrize("enabled", [0, PME_ENABLE])
def test_a_device_that_wakes_says_so_in_its_status(driver, power, state, enabled):
    driver.put(p.CONFIG, power.at, state | enabled, 2)
    driver.post(WAKE, 1)
    assert power.get() == state | enabled | PME
    driver.put(p.CONFIG, power.at, state | enabled, 2)
    assert power.get() == state | enabled | PME
    driver.put(p.CONFIG, power.at, PME | state | enabled, 2)
    assert power.get() == state | enabled


@CONVENTIONAL
@pytest.mark.parametrize("state", [0, 3])
def test_a_device_without_pme_has_no_status_of_it(driver, power, state):
    power.set(state)
    driver.post(WAKE, 1)
    assert power.get() == state | 8


# ---- The next client


@pytest.mark.parametrize("shape", ["express", "conventional"])
def test_the_next_client_finds_the_device_in_d0(driver, power, connect, eventfd):
    power.set(3)
    driver.close()
    other = connect()
    other.ok(p.version())
    other.enable()
    assert Power(other).get() & 3 == 0
    assert other.read(p.BAR0, 0, 4) == bytes(4)
    other.ok(p.set_trigger(p.MSIX, [eventfd]))
    other.set_reg(TRIGGER, 0)
    assert signals(eventfd) == 1
