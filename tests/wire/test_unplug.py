# SPDX-License-Identifier: BSD-2-Clause
"""Unplug: the client is asked to let go, and after the deadline the device is gone regardless."""

import mmap
import os
import signal
import socket
import struct
import time

import pytest

import protocol as p
from capabilities import MSIX, PM, PM_CONTROL
from client import Client, Closed
from process import DeviceProcess, wait_until
from registers import (BAR_SIZES, CAP_MAILBOX, COPY_FROM, COPY_RUN, INTX_LEVEL, NEVER, RESET_NOW,
                       TRIGGER, UNCORRECTABLE, UNPLUG, WAKE, Driver, command_write, signals,
                       wait_signal)

LATER = 60_000  # ms: a deadline that no test waits for
SOON = 60  # ms
REPEATED = 10.0  # s between two requests
AT_ONCE = 0.7  # seconds, with room for a busy machine


@pytest.fixture
def shape():
    return "express"


@pytest.fixture
def process(spawn):
    """A process of the test's own, since it will end."""
    process, process.path = spawn()
    process.idle_fds = len(process.fds())
    return process


@pytest.fixture
def driver(process):
    driver = connected(process)
    driver.enable()
    yield driver
    driver.close()


def connected(process):
    driver = Driver.to(process.path)
    driver.ok(p.version(p.QEMU_CAPABILITIES))
    return driver


@pytest.fixture
def clock():
    start = time.monotonic()
    return lambda: time.monotonic() - start


def unplug_command(driver, deadline):
    """The write to config space that has the device unplug itself."""
    at = driver.capability(CAP_MAILBOX) + 4
    return p.region_write(p.CONFIG, at, struct.pack("<IH", deadline, UNPLUG))


def unplug(driver, deadline):
    driver.ok(unplug_command(driver, deadline))


def ended(process, *words):
    """It has ended by itself, and said how the device went."""
    assert process.said() == list(words)
    assert process.wait() == 0
    assert not os.path.exists(process.path)


def is_gone(driver):
    return driver.read(p.CONFIG, 0, 4) == b"\xff" * 4


# ---- A client that lets go


def test_a_client_that_lets_go_in_time_leaves_nothing_to_be_done(driver, process, eventfd):
    driver.ok(p.set_trigger(p.REQ, [eventfd]))
    assert driver.post(UNPLUG, LATER) == "OK"
    assert wait_signal(eventfd) == 1
    driver.close()
    ended(process, "unplugged")


def test_the_device_works_until_then(driver, process, eventfds, memory):
    fds, ram = eventfds(2), memory(p.PAGE)
    assert driver.post(UNPLUG, LATER) == "OK"
    driver.write(p.BAR0, 0, b"alive")
    assert driver.read(p.BAR0, 0, 5) == b"alive"
    driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
    assert driver.copy(0, 8, 4) == "OK"
    driver.ok(p.set_trigger(p.MSIX, fds))
    driver.set_reg(TRIGGER, 1)
    assert [signals(fd) for fd in fds] == [0, 1]
    driver.ok(p.device_reset())
    driver.ok(p.low_power_entry())
    driver.close()
    ended(process, "unplugged")


def test_a_client_without_an_eventfd_for_it_may_go_too(driver, process):
    assert driver.post(UNPLUG, LATER) == "OK"
    driver.close()
    ended(process, "unplugged")


def test_a_device_is_unplugged_once(driver, process, eventfd):
    driver.ok(p.set_trigger(p.REQ, [eventfd]))
    assert driver.post(UNPLUG, LATER) == "OK"
    for deadline in (LATER, SOON, 0):
        assert driver.post(UNPLUG, deadline) == "EALREADY"
    assert signals(eventfd) == 1
    assert not is_gone(driver)
    driver.close()
    ended(process, "unplugged")


def test_while_the_client_is_asked_another_one_is_refused_as_ever(driver, process):
    assert driver.post(UNPLUG, LATER) == "OK"
    other = Client.to(process.path)
    other.expect_end()
    other.close()
    driver.alive()


def test_nobody_comes_behind_a_client_that_let_go(driver, process):
    assert driver.post(UNPLUG, LATER) == "OK"
    with process.frozen():
        other = Client.to(process.path)
        other.send(p.version())
        driver.close()
    try:
        assert other.recv().error in ("EBUSY", "ENODEV")
        other.expect_end()
    except (Closed, ConnectionResetError):
        pass
    other.close()
    ended(process, "unplugged")


def test_a_client_that_leaves_with_the_request_under_way(driver, process):
    command = unplug_command(driver, LATER)
    with process.frozen():
        driver.send(command)
        driver.close()
    ended(process, "unplugged")


def test_the_request_is_repeated(driver, process, eventfd):
    """Before the deadline, every ten seconds."""
    driver.ok(p.set_trigger(p.REQ, [eventfd]))
    start = time.monotonic()
    assert driver.post(UNPLUG, LATER) == "OK"
    assert signals(eventfd) == 1
    assert signals(eventfd, REPEATED + 2) == 1
    assert REPEATED - 0.1 < time.monotonic() - start < REPEATED + 1.5
    assert not is_gone(driver)
    driver.close()
    ended(process, "unplugged")


# ---- By surprise


def test_after_the_deadline_the_device_is_gone(driver, process, eventfds):
    req, err = eventfds(2)
    driver.ok(p.set_trigger(p.REQ, [req]))
    driver.ok(p.set_trigger(p.ERR, [err]))
    start = time.monotonic()
    unplug(driver, 500)
    assert signals(req) == 1
    assert not is_gone(driver)
    assert wait_signal(err) == 1
    assert 0.5 <= time.monotonic() - start < 0.5 + AT_ONCE
    assert wait_signal(req) == 1
    assert is_gone(driver)
    driver.close()
    ended(process, "unplugged by surprise")


def test_without_a_deadline_it_is_gone_at_once(driver, process, eventfd):
    driver.ok(p.set_trigger(p.REQ, [eventfd]))
    unplug(driver, 0)
    assert is_gone(driver)
    assert signals(eventfd) == 1
    driver.close()
    ended(process, "unplugged by surprise")


def test_it_is_gone_at_once_from_within_an_access_of_a_bar(driver, process):
    assert driver.error(command_write(UNPLUG, 0)) in ("OK", "ENODEV")
    assert is_gone(driver)
    driver.close()
    ended(process, "unplugged by surprise")


def test_everything_reads_as_ones_and_writes_are_dropped(driver):
    unplug(driver, 0)
    sizes = {**{region: size for region, size in BAR_SIZES.items() if size}, p.BAR5: 8 << 20,
             p.CONFIG: 4096, p.ROM: 8192}
    for region, size in sizes.items():
        for offset, count in ((0, 1), (1, 8), (size - 4, 4), (0, min(size, 1 << 16))):
            assert driver.read(region, offset, count) == b"\xff" * count
            driver.write(region, offset, bytes(count))
            assert driver.read(region, offset, count) == b"\xff" * count
        assert driver.error(p.region_read(region, size, 1)) == "EINVAL"
        assert driver.error(p.region_write(region, size - 1, b"\0\0")) == "EINVAL"
    assert driver.error(p.region_read(p.BAR3, 0, 4)) == "EINVAL"
    parts = [(p.BAR0, 0, b"a"), (p.CONFIG, 4, b"\0"), (p.BAR1, 0, b"b")]
    assert driver.ok(p.region_write_multi(parts)) == struct.pack("=Q", 3)


def test_what_can_be_done_with_a_device_that_is_gone_is_to_ask(driver, eventfd, memory):
    unplug(driver, 0)
    for command in (p.device_reset(), p.set_trigger(p.MSIX, [eventfd]), p.disable_irq(p.INTX),
                    p.set_irqs(p.DATA_NONE | p.ACTION_TRIGGER, p.MSIX, 0, 1), p.low_power_entry(),
                    p.low_power_entry_with(eventfd), p.low_power_exit(), p.bus_master(1)):
        assert driver.error(command) == "ENODEV"
    driver.alive()
    driver.ok(p.get_irq_info(p.MSIX))
    driver.ok(p.get_region_info(p.BAR2))
    driver.ok(p.get_region_io_fds(p.BAR0))
    driver.ok(p.dma_unmap_all())
    assert driver.error(p.dma_map(0, p.PAGE, fd=memory(p.PAGE).fd)) in ("OK", "ENODEV")


@pytest.mark.parametrize("index, count", [(p.INTX, 1), (p.MSI, 8), (p.MSIX, 16)])
def test_every_eventfd_is_signalled_once(driver, eventfds, index, count):
    fds = eventfds(count + 2)
    driver.ok(p.set_trigger(index, fds[:count]))
    driver.ok(p.set_trigger(p.ERR, [fds[-1]]))
    driver.ok(p.set_trigger(p.REQ, [fds[-2]]))
    unplug(driver, 0)
    assert is_gone(driver)
    assert [signals(fd) for fd in fds] == [1] * len(fds)
    driver.expect_silence(0.05)
    assert not any(signals(fd) for fd in fds)


def test_masks_do_not_keep_that_signal_back(driver, eventfds):
    fds = eventfds(2)
    driver.ok(p.set_trigger(p.MSIX, fds))
    driver.write(p.BAR4, 0, struct.pack("<QII", 0, 0, 1))
    driver.put(p.CONFIG, driver.capability(MSIX) + 2, 0x4000, 2)
    driver.put(p.CONFIG, driver.capability(PM) + PM_CONTROL, 3, 1)
    unplug(driver, 0)
    assert is_gone(driver)
    assert [signals(fd) for fd in fds] == [1, 1]


def test_eventfds_that_block_do_not_keep_the_device(driver, process, eventfds):
    fds = eventfds(4)
    for fd in fds:
        os.set_blocking(fd, True)
        os.eventfd_write(fd, (1 << 64) - 2)
    driver.ok(p.set_trigger(p.MSI, fds[:2]))
    driver.ok(p.set_trigger(p.ERR, fds[2:3]))
    driver.ok(p.set_trigger(p.REQ, fds[3:]))
    unplug(driver, SOON)
    wait_until(lambda: is_gone(driver), "the device to be gone")
    driver.close()
    ended(process, "unplugged by surprise")


def test_mapped_memory_stays_mapped(driver):
    info = driver.call(p.get_region_info(p.BAR2))
    with mmap.mmap(info.fds[0], 0x4000) as area:
        area[:4] = b"mine"
        unplug(driver, 0)
        assert is_gone(driver)
        assert area[:4] == b"mine"
        area[4:8] = b"more"
        assert driver.read(p.BAR2, 0, 8) == b"\xff" * 8


def test_the_device_does_no_dma_any_more(driver, memory):
    ram = memory(p.PAGE)
    ram[:4] = b"data"
    driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
    bell = driver.bell(COPY_RUN, 1)
    driver.write(p.BAR0, COPY_FROM, struct.pack("<QQI", 0, 64, 4))
    os.eventfd_write(bell, 1)
    wait_until(lambda: ram[64:68] == b"data", "the copy")
    ram[64:68] = bytes(4)
    unplug(driver, 0)
    os.eventfd_write(bell, 1)
    driver.expect_silence(0.05)
    driver.alive()
    assert ram[64:68] == bytes(4)


@pytest.mark.parametrize("register, value", [
    (TRIGGER, 0), (INTX_LEVEL, 1), (WAKE, 1), (RESET_NOW, 1), (UNPLUG, 0), (UNCORRECTABLE, 1 << 12),
])
def test_what_a_device_does_after_it_is_gone_is_no_trouble(driver, process, eventfd, register,
                                                           value):
    driver.ok(p.set_trigger(p.INTX, [eventfd]))
    bell = driver.bell(register, value)
    unplug(driver, 0)
    assert signals(eventfd) == 1
    os.eventfd_write(bell, 1)
    driver.expect_silence(0.02)
    assert is_gone(driver)
    assert signals(eventfd) == 0
    driver.close()
    ended(process, "unplugged by surprise")


def test_an_access_under_way_ends_with_the_device(driver, clock):
    never, with_deadline = command_write(NEVER, 1), unplug_command(driver, SOON)
    first, second, third = (driver.send(c) for c in (with_deadline, never, never))
    assert driver.expect(first, with_deadline).error == "OK"
    assert driver.expect(second, never).error == "ENODEV"
    assert driver.expect(third, never).error == "OK"
    assert SOON / 1000 <= clock() < AT_ONCE
    assert is_gone(driver)


@pytest.mark.parametrize("wakeup", [False, True])
def test_a_device_asleep_is_gone_too(driver, process, eventfd, wakeup):
    driver.ok(p.low_power_entry_with(eventfd) if wakeup else p.low_power_entry())
    process.popen.send_signal(signal.SIGUSR1)
    assert not wakeup or wait_signal(eventfd) == 1
    wait_until(lambda: is_gone(driver), "the device to be gone")
    assert signals(eventfd) == 0
    driver.close()
    ended(process, "unplugged by surprise")


def test_a_device_in_d3hot_is_gone_too(driver, process):
    driver.put(p.CONFIG, driver.capability(PM) + PM_CONTROL, 3, 1)
    unplug(driver, 0)
    assert driver.read(p.BAR0, 0, 4) == b"\xff" * 4
    driver.close()
    ended(process, "unplugged by surprise")


def test_a_device_that_is_gone_uses_no_cpu(driver, process):
    unplug(driver, 0)
    driver.alive()
    before = process.cpu()
    driver.expect_silence(0.2)
    assert process.cpu() - before < 0.02
    assert process.running()


# ---- New clients


def test_new_clients_are_refused_while_the_last_one_is_there(driver, process):
    unplug(driver, 0)
    for _ in range(3):
        other = Client.to(process.path)
        other.expect_end()
        other.close()
    with process.frozen():
        other = Client.to(process.path)
        msg_id = other.send(p.version())
    assert other.expect(msg_id, p.version()).error == "ENODEV"
    other.expect_end()
    other.close()
    driver.alive()


def test_a_client_in_the_backlog_meets_a_clear_end(driver, process):
    unplug(driver, 0)
    with process.frozen():
        other = Client.to(process.path)
        driver.close()
    try:
        other.expect_end()
    except ConnectionResetError:
        pass
    other.close()
    ended(process, "unplugged by surprise")


# ---- Without a client, and with one that says nothing


def test_without_a_client_the_server_ends_at_once(process):
    process.popen.send_signal(signal.SIGUSR1)
    ended(process, "unplugged")


def test_after_a_client_has_left_the_server_ends_at_once(driver, process):
    driver.close()
    wait_until(lambda: len(process.fds()) == process.idle_fds, "the client to be gone")
    process.popen.send_signal(signal.SIGUSR1)
    ended(process, "unplugged")


def test_a_client_that_said_nothing_yet_finds_no_device(process):
    client = Driver.to(process.path)
    client.expect_silence(0.02)
    process.popen.send_signal(signal.SIGUSR1)
    client.ok(p.version())
    wait_until(lambda: is_gone(client), "the device to be gone")
    client.close()
    ended(process, "unplugged by surprise")


def test_a_device_on_a_connected_socket_ends_with_its_client(executable, arguments):
    ours, theirs = socket.socketpair()
    fd = theirs.fileno()
    process = DeviceProcess(executable, ["--fd", str(fd), "--shape", "express", *arguments], (fd,))
    theirs.close()
    client = Driver(ours)
    client.ok(p.version())
    unplug(client, 0)
    assert is_gone(client)
    assert process.running()
    client.close()
    assert process.said() == ["unplugged by surprise"]
    assert process.wait() == 0
    process.kill()
