# SPDX-License-Identifier: BSD-2-Clause
"""Requests that a device completes later: they hold back what follows, and they always end."""

import os
import struct
import time

import pytest

import protocol as p
from registers import (CANCELS, COMPLETED, DELAY, DISCONNECTS, DOORBELL, DOORBELLS, NEVER, RESETS,
                       SELF_RESET, Driver, command_write)

NEVER_WRITE = command_write(NEVER, 1)
DELAYED = 0.05  # seconds
DELAYED_WRITE = command_write(DELAY, int(DELAYED * 1000))
AT_ONCE = 0.7  # seconds; far from the deadline, with room for a busy machine
# How a request ends that is cancelled by a reset.
CANCELLED = ("ECANCELED", "EIO", "EINTR", "ENODEV")


@pytest.fixture
def clock():
    start = time.monotonic()
    return lambda: time.monotonic() - start


def test_what_follows_a_deferred_request_waits_for_it(driver, clock):
    following = [p.get_info(), p.region_read(p.CONFIG, 0, 4), p.region_read(p.BAR0, 0, 4),
                 p.dma_map(0, p.PAGE), p.Command(0x7777), p.region_write(p.BAR0, 0, b"xyz")]
    first = driver.send(DELAYED_WRITE)
    ids = [driver.send(command) for command in following]
    assert driver.expect(first, DELAYED_WRITE).error == "OK"
    assert clock() >= DELAYED
    for msg_id, command in zip(ids, following):
        driver.expect(msg_id, command)
    assert clock() < DELAYED + AT_ONCE


def test_what_follows_has_no_effect_before_it(driver, memory):
    ram = memory(p.PAGE)
    commands = [DELAYED_WRITE, p.region_write(p.BAR0, 0, b"after"), DELAYED_WRITE,
                p.region_read(p.BAR0, 0, 5), p.dma_map(0, p.PAGE, fd=ram.fd), DELAYED_WRITE,
                p.dma_unmap(0, p.PAGE)]
    ids = [driver.send(command) for command in commands]
    replies = [driver.expect(i, command) for i, command in zip(ids, commands)]
    assert [r.error for r in replies] == ["OK"] * 7
    assert replies[3].payload[16:] == b"after"


def test_a_message_that_comes_during_a_deferral_waits_too(driver, clock):
    first = driver.send(DELAYED_WRITE)
    driver.wait_taken()
    second = driver.send(p.get_info())
    driver.expect(first, DELAYED_WRITE)
    driver.expect(second, p.get_info())
    assert clock() >= DELAYED


def test_the_device_lives_while_a_request_is_deferred(driver):
    reply = driver.call(p.get_region_io_fds(p.BAR0))
    _, entries = p.IoFd.parse(reply.payload)
    bell = reply.fds[next(e.fd_index for e in entries if e.offset == DOORBELL)]
    before = driver.reg(DOORBELLS)
    driver.send(command_write(DELAY, 100))
    read = p.region_read(p.BAR0, DOORBELLS, 4)
    msg_id = driver.send(read)
    os.eventfd_write(bell, 1)
    driver.recv()
    assert struct.unpack("<I", driver.expect(msg_id, read).payload[16:])[0] == before + 1


def test_a_deferral_ends_after_one_second(driver, clock):
    cancels = driver.reg(CANCELS)
    assert driver.error(NEVER_WRITE) == "ETIMEDOUT"
    assert 0.9 <= clock() < 1.5
    assert driver.reg(CANCELS) == cancels + 1
    driver.alive()


def test_a_deferral_without_a_reply_ends_after_one_second(driver, clock):
    cancels = driver.reg(CANCELS)
    driver.send(NEVER_WRITE, flags=p.NO_REPLY)
    assert driver.reg(CANCELS) == cancels + 1
    assert 0.9 <= clock() < 1.5


def test_deadlines_do_not_add_up_for_those_that_came_in_time(driver, clock):
    """A request's second begins when the device gets it, so two in a row take two."""
    ids = [driver.send(NEVER_WRITE) for _ in range(2)]
    for msg_id in ids:
        assert driver.expect(msg_id, NEVER_WRITE).error == "ETIMEDOUT"
    assert 1.8 <= clock() < 2.7


def test_a_device_may_complete_just_before_the_deadline(driver):
    assert driver.error(command_write(DELAY, 800)) == "OK"
    driver.alive()


@pytest.mark.parametrize("flags", [0, p.NO_REPLY], ids=["reply", "no reply"])
@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
def test_a_reset_cancels_a_deferred_request_at_once(driver, device, clock, flags, together):
    cancels, resets = driver.reg(CANCELS), driver.reg(RESETS)
    if together:
        with device.frozen():
            write = driver.send(NEVER_WRITE, flags)
            reset = driver.send(p.device_reset())
    else:
        write = driver.send(NEVER_WRITE, flags)
        driver.wait_taken()
        reset = driver.send(p.device_reset())
    if not flags:
        assert driver.expect(write, NEVER_WRITE).error in CANCELLED
    assert driver.expect(reset, p.device_reset()).error == "OK"
    assert clock() < AT_ONCE
    driver.enable()
    assert driver.reg(CANCELS) == cancels + 1
    assert driver.reg(RESETS) == resets + 1


def test_a_reset_cancels_all_that_are_deferred_before_it(driver, clock):
    cancels = driver.reg(CANCELS)
    ids = [driver.send(NEVER_WRITE) for _ in range(10)]
    reset = driver.send(p.device_reset())
    for msg_id in ids:
        assert driver.expect(msg_id, NEVER_WRITE).error in CANCELLED
    assert driver.expect(reset, p.device_reset()).error == "OK"
    assert clock() < AT_ONCE
    driver.enable()
    assert driver.reg(CANCELS) == cancels + 10


def test_a_reset_behind_other_commands_cancels_at_once(driver, clock):
    read = p.region_read(p.CONFIG, 0, 4)
    write = driver.send(NEVER_WRITE)
    reads = [driver.send(read) for _ in range(5)]
    reset = driver.send(p.device_reset())
    assert driver.expect(write, NEVER_WRITE).error in CANCELLED
    for msg_id in reads:
        driver.expect(msg_id, read)
    assert driver.expect(reset, p.device_reset()).error == "OK"
    assert clock() < AT_ONCE


@pytest.mark.parametrize("flags", [p.TYPE_REPLY, p.TYPE_REPLY | p.ERROR, 2, 15])
def test_what_is_no_reset_does_not_cancel(driver, flags):
    """Not each message with the number of DEVICE_RESET is one."""
    write = command_write(DELAY, 30)
    msg_id = driver.send(write)
    driver.send(p.device_reset(), flags)
    assert driver.expect(msg_id, write).error == "OK"
    if flags & 0xf != p.TYPE_REPLY:
        assert driver.recv().error == "EINVAL"
    driver.alive()


def test_bytes_that_look_like_a_reset_do_not_cancel(driver):
    write = command_write(DELAY, 30)
    inner = p.device_reset().encode(1) * 20
    following = p.region_write(p.BAR0, 0, inner)
    ids = driver.send(write), driver.send(following)
    assert driver.expect(ids[0], write).error == "OK"
    assert driver.expect(ids[1], following).error == "OK"
    assert driver.read(p.BAR0, 0, len(inner)) == inner


def test_what_is_behind_a_reset_meets_the_device_that_was_reset(driver, deferring):
    commands = [p.region_write(p.BAR0, 0, b"old"), NEVER_WRITE, p.device_reset(),
                p.region_read(p.CONFIG, 4, 2), p.region_read(p.BAR0, 0, 3)]
    ids = [driver.send(command) for command in commands]
    replies = [driver.expect(i, command) for i, command in zip(ids, commands)]
    assert replies[0].error == "OK" or deferring
    assert replies[1].error in CANCELLED
    assert replies[2].error == "OK"
    assert replies[3].payload[16:] == bytes(2)
    assert replies[4].error == "EIO"  # memory space is off
    driver.enable()
    assert driver.read(p.BAR0, 0, 3) == bytes(3)


def test_a_reset_by_the_device_itself_cancels_the_request_under_way(driver, clock):
    cancels, resets = driver.reg(CANCELS), driver.reg(RESETS)
    assert driver.error(command_write(SELF_RESET, 5)) in CANCELLED
    assert clock() < AT_ONCE
    driver.enable()
    assert (driver.reg(CANCELS), driver.reg(RESETS)) == (cancels + 1, resets + 1)


def test_a_multiple_write_is_deferred_part_by_part(driver, clock):
    parts = [(p.BAR0, 0, b"one"), (p.BAR0, DELAY, struct.pack("<I", 30)), (p.BAR0, 1, b"two"),
             (p.BAR0, DELAY, struct.pack("<I", 30)), (p.BAR0, 2, b"three")]
    multi = p.region_write_multi(parts)
    read = p.region_read(p.BAR0, 0, 7)
    ids = driver.send(multi), driver.send(read)
    assert driver.expect(ids[0], multi).payload == struct.pack("=Q", 5)
    assert clock() >= 0.06
    assert driver.expect(ids[1], read).payload[16:] == b"otthree"


def test_a_reset_cancels_a_multiple_write_in_the_middle(driver, clock):
    parts = [(p.BAR1, 0, b"one"), (p.BAR0, NEVER, struct.pack("<I", 1)), (p.BAR1, 0, b"two")]
    multi = p.region_write_multi(parts)
    ids = driver.send(multi), driver.send(p.device_reset())
    assert driver.expect(ids[0], multi).payload == struct.pack("=Q", 1)
    assert driver.expect(ids[1], p.device_reset()).error == "OK"
    assert clock() < AT_ONCE
    driver.enable()
    assert driver.read(p.BAR1, 0, 3) == bytes(3)


def test_a_reset_cancels_a_multiple_write_at_its_beginning(driver, clock):
    multi = p.region_write_multi([(p.BAR0, NEVER, struct.pack("<I", 1)), (p.BAR1, 0, b"two")])
    ids = driver.send(multi), driver.send(p.device_reset())
    assert driver.expect(ids[0], multi).error in CANCELLED
    assert driver.expect(ids[1], p.device_reset()).error == "OK"
    assert clock() < AT_ONCE


def test_a_multiple_write_ends_within_a_second_too(driver, clock):
    never = (p.BAR0, NEVER, struct.pack("<I", 1))
    assert driver.error(p.region_write_multi([never] * 4)) == "ETIMEDOUT"
    assert clock() < 1.5
    driver.alive()


def fresh(connect):
    """The next client, switched on."""
    client = connect()
    client.ok(p.version())
    client.enable()
    return client


@pytest.mark.parametrize("flags", [0, p.NO_REPLY], ids=["reply", "no reply"])
def test_a_disconnect_cancels_a_deferred_request_at_once(driver, connect, clock, flags):
    cancels, disconnects = driver.reg(CANCELS), driver.reg(DISCONNECTS)
    driver.send(NEVER_WRITE, flags)
    driver.wait_taken()
    driver.close()
    other = fresh(connect)
    assert clock() < AT_ONCE
    assert other.reg(CANCELS) == cancels + 1
    assert other.reg(DISCONNECTS) == disconnects + 1


def test_a_disconnect_with_more_behind_a_deferred_request(driver, connect, clock):
    cancels = driver.reg(CANCELS)
    driver.send(NEVER_WRITE)
    for _ in range(500):
        driver.send(p.region_write(p.BAR0, 0, b"never"))
    driver.close()
    other = fresh(connect)
    assert clock() < AT_ONCE
    assert other.reg(CANCELS) >= cancels + 1
    assert other.read(p.BAR0, 0, 5) == bytes(5)


def test_a_completion_after_the_client_left_reaches_nobody(driver, connect):
    completed = driver.reg(COMPLETED)
    driver.send(DELAYED_WRITE)
    driver.wait_taken()
    driver.close()
    other = fresh(connect)
    time.sleep(DELAYED * 1.5)
    other.alive()
    assert other.reg(COMPLETED) <= completed + 2


def test_a_stop_of_the_server_cancels_a_deferred_request(spawn, clock):
    process, path = spawn()
    client = Driver.to(path)
    client.ok(p.version())
    client.enable()
    client.send(NEVER_WRITE)
    client.wait_taken()
    assert process.stop() == 0
    assert clock() < 0.9
    client.close()


def test_requests_behind_a_deferred_one_are_bounded_in_the_server(driver, device, sanitised):
    """What cannot be served yet is not read without bound either."""
    before = device.rss()
    driver.sock.settimeout(0.2)
    write = p.region_write(p.BAR0, 0, bytes(2048))
    driver.send(NEVER_WRITE)
    sent = 0
    try:
        for _ in range(20_000):
            driver.send(write)
            sent += 1
    except OSError:
        pass
    assert sent < 20_000, "the server reads on"
    assert sanitised or device.rss() - before < 8 << 20


def test_a_client_that_leaves_when_no_more_descriptors_fit_is_not_waited_for(
        driver, connect, eventfd, clock):
    """What it sent cannot be received to the end while an access is deferred."""
    driver.send(NEVER_WRITE)
    for _ in range(40):
        driver.send(p.set_trigger(p.MSIX, [eventfd] * 15))
        time.sleep(0.001)  # received one by one
    driver.close()
    connect().ok(p.version(p.QEMU_CAPABILITIES))
    assert clock() < AT_ONCE
