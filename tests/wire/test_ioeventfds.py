# SPDX-License-Identifier: BSD-2-Clause
"""GET_REGION_IO_FDS: eventfds that stand for the write of a register."""

import os

import pytest

import protocol as p
from process import wait_until
from registers import (ANSWER_VECTOR, DOORBELL, DOORBELL_VALUE, DOORBELLS, MATCHED_DOORBELL,
                       MATCHES, signals, wait_signal)

DATAMATCH = 1  # an entry's flag
FULL = 16 + 2 * 40


def io_fds(client, index, argsz=4096):
    """Returns the entries by offset, and the descriptors."""
    reply = client.call(p.get_region_io_fds(index, argsz))
    assert reply.error == "OK"
    (needed, flags, echoed, count), entries = p.IoFd.parse(reply.payload)
    assert (flags, echoed, count) == (0, index, len(entries))
    assert needed == len(reply.payload)
    return {entry.offset: entry for entry in entries}, reply.fds


def test_doorbells_are_described(client):
    entries, fds = io_fds(client, p.BAR0)
    assert set(entries) == {DOORBELL, MATCHED_DOORBELL}
    plain, matched = entries[DOORBELL], entries[MATCHED_DOORBELL]
    assert (plain.size, plain.type, plain.flags, plain.padding) == (4, 0, 0, 0)
    assert (matched.size, matched.type, matched.padding) == (4, 0, 0)
    assert (matched.flags, matched.datamatch) == (DATAMATCH, DOORBELL_VALUE)
    assert {plain.fd_index, matched.fd_index} == {0, 1}
    assert len(fds) == 2


def test_a_signal_rings_the_doorbell(driver):
    entries, fds = io_fds(driver, p.BAR0)
    before = driver.reg(DOORBELLS), driver.reg(MATCHES)
    os.eventfd_write(fds[entries[DOORBELL].fd_index], 1)
    wait_until(lambda: driver.reg(DOORBELLS) == before[0] + 1, "the doorbell")
    os.eventfd_write(fds[entries[MATCHED_DOORBELL].fd_index], 1)
    wait_until(lambda: driver.reg(MATCHES) == before[1] + 1, "the doorbell with a value")
    assert driver.reg(DOORBELLS) == before[0] + 1


def test_a_signal_is_answered_by_an_interrupt_without_any_message(driver, eventfd):
    entries, fds = io_fds(driver, p.BAR0)
    driver.ok(p.set_trigger(p.MSIX, [eventfd], start=ANSWER_VECTOR))
    for _ in range(20):
        os.eventfd_write(fds[entries[DOORBELL].fd_index], 1)
        assert wait_signal(eventfd) == 1


def test_a_client_that_takes_its_own_signals_does_not_block_the_device(driver):
    entries, fds = io_fds(driver, p.BAR0)
    bell = fds[entries[DOORBELL].fd_index]
    os.set_blocking(bell, True)
    for _ in range(300):
        os.eventfd_write(bell, 1)
        signals(bell)
    driver.alive()


def test_a_doorbell_that_is_its_own_answer_leaves_the_server_responsive(driver):
    entries, fds = io_fds(driver, p.BAR0)
    bell = fds[entries[DOORBELL].fd_index]
    driver.ok(p.set_trigger(p.MSIX, [bell], start=ANSWER_VECTOR))
    os.eventfd_write(bell, 1)
    for _ in range(20):
        driver.alive()
    driver.ok(p.disable_irq(p.MSIX))


def test_a_doorbell_can_still_be_written(driver):
    before = driver.reg(DOORBELLS), driver.reg(MATCHES)
    driver.set_reg(DOORBELL, 1)
    driver.set_reg(MATCHED_DOORBELL, 0)
    driver.set_reg(MATCHED_DOORBELL, DOORBELL_VALUE)
    assert (driver.reg(DOORBELLS), driver.reg(MATCHES)) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("index", range(1, p.REGIONS))
def test_other_regions_have_none(client, index):
    entries, fds = io_fds(client, index)
    assert not entries and not fds


@pytest.mark.parametrize("index", [p.REGIONS, 0xffffffff])
def test_no_other_region_exists(client, index):
    assert client.error(p.get_region_io_fds(index)) == "EINVAL"


def test_flags_and_count_of_the_request_are_zero(client):
    assert client.error(p.get_region_io_fds(p.BAR0, flags=1)) == "EINVAL"
    assert client.error(p.get_region_io_fds(p.BAR0, count=1)) == "EINVAL"


@pytest.mark.parametrize("argsz", [16, 17, 56, FULL - 1])
def test_a_reply_keeps_to_argsz_and_says_what_is_needed(client, argsz):
    reply = client.call(p.get_region_io_fds(p.BAR0, argsz))
    assert reply.error == "OK"
    assert 16 <= len(reply.payload) <= argsz
    (needed, _, index, _), entries = p.IoFd.parse(reply.payload)
    assert (needed, index) == (FULL, p.BAR0)
    assert len(entries) * 40 + 16 == len(reply.payload)
    assert all(entry.fd_index < len(reply.fds) for entry in entries)


def test_a_client_of_few_descriptors_is_not_sent_more(connect):
    client = connect()
    client.ok(p.version({"max_msg_fds": 1}, padding=20))
    reply = client.call(p.get_region_io_fds(p.BAR0))
    assert len(reply.fds) <= 1
    if reply.error == "OK":
        _, entries = p.IoFd.parse(reply.payload)
        assert all(entry.fd_index < len(reply.fds) for entry in entries)
    client.alive()
