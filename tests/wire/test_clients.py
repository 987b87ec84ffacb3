# SPDX-License-Identifier: BSD-2-Clause
"""One client at a time: a second is refused at once, and the next finds a fresh device."""

import os
import struct

import pytest

import protocol as p
from client import Client, Closed
from process import wait_until
from registers import (COMMAND, DISCONNECTS, DOORBELL, DOORBELLS, INTX_LEVEL, RESETS, TRIGGER,
                       signals)


BURST = 40  # messages that fit in a socket that nobody reads


def expect_refusal(client):
    """An EBUSY for a VERSION that was sent in time, then the end; never ECONNRESET."""
    try:
        assert client.recv().error == "EBUSY"
        client.expect_end()
    except Closed:
        pass


def enabled(connect):
    client = connect()
    client.ok(p.version(p.QEMU_CAPABILITIES))
    client.enable()
    return client


# ---- A second client


def test_a_second_client_that_asks_before_it_is_seen_is_told_why(driver, connect, device):
    with device.frozen():
        second = connect(Client)
        msg_id = second.send(p.version(p.QEMU_CAPABILITIES))
    assert second.expect(msg_id, p.version()).error == "EBUSY"
    second.expect_end()
    driver.alive()


def test_a_second_client_that_says_nothing_is_closed(driver, connect):
    second = connect(Client)
    second.expect_end()
    driver.alive()


def test_a_second_client_that_asks_late_meets_a_clear_end(driver, connect):
    second = connect(Client)
    second.expect_end()
    with pytest.raises(BrokenPipeError):
        second.send(p.version())
    second.expect_end()
    driver.alive()


@pytest.mark.parametrize("size", [1, 8, 15, 16, 17])
def test_a_second_client_with_half_a_message_is_closed(driver, connect, device, size):
    with device.frozen():
        second = connect(Client)
        second.send_bytes(p.version(p.QEMU_CAPABILITIES).encode(1)[:size])
    expect_refusal(second)
    driver.alive()


def test_a_second_client_with_much_to_say_is_closed_cleanly(driver, connect, device, eventfds):
    with device.frozen():
        second = connect(Client)
        second.send(p.version(p.QEMU_CAPABILITIES)._replace(fds=tuple(eventfds(10))))
        for _ in range(BURST):
            second.send(p.region_write(p.CONFIG, 4, b"\0\0"))
    expect_refusal(second)
    assert driver.get(p.CONFIG, COMMAND, 2) == 7


def test_any_moment_of_asking_meets_a_clear_end(driver, connect):
    for _ in range(100):
        second = connect(Client)
        try:
            second.send(p.version(p.QEMU_CAPABILITIES))
        except BrokenPipeError:
            pass
        expect_refusal(second)
        second.close()
    driver.alive()


def test_many_who_knock_at_a_time_are_refused(driver, connect, device):
    with device.frozen():
        others = [connect(Client) for _ in range(8)]
        for other in others:
            other.send(p.version())
    for other in others:
        expect_refusal(other)
    driver.alive()


def test_the_first_client_is_not_disturbed(driver, connect, memory, eventfd):
    ram = memory(p.PAGE)
    ram[:4] = b"calm"
    driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
    driver.ok(p.set_trigger(p.MSIX, [eventfd]))
    driver.write(p.BAR0, 0, b"undisturbed")
    resets = driver.reg(RESETS)
    connect(Client).expect_end()
    assert driver.read(p.BAR0, 0, 11) == b"undisturbed"
    assert driver.copy(0, 8, 4) == "OK"
    driver.set_reg(TRIGGER, 0)
    assert signals(eventfd) == 1
    assert driver.reg(RESETS) == resets


def test_a_silent_first_client_keeps_its_place(raw, connect):
    connect(Client).expect_end()
    raw.ok(p.version())


def test_half_a_message_leaves_the_server_free(driver, connect, device):
    """It neither spins nor waits: a second client is refused, time passes without work."""
    driver.send_bytes(p.get_info().encode(1)[:20])
    driver.wait_taken()
    connect(Client).expect_end()
    before = device.cpu()
    driver.expect_silence(0.2)
    assert device.cpu() - before < 0.02


def test_half_a_message_does_not_delay_sigterm(spawn):
    process, path = spawn()
    client = Client.to(path)
    client.ok(p.version())
    client.send_bytes(p.get_info().encode(1)[:9])
    client.wait_taken()
    assert process.stop(timeout=5) == 0
    client.expect_end()
    client.close()


# ---- The next client


def test_the_next_client_is_served_at_once(connect):
    for _ in range(20):
        client = connect()
        client.ok(p.version())
        client.close()


def test_a_client_is_counted_as_gone_once(driver, connect):
    before = driver.reg(RESETS), driver.reg(DISCONNECTS)
    driver.close()
    other = enabled(connect)
    assert (other.reg(RESETS), other.reg(DISCONNECTS)) == (before[0] + 1, before[1] + 1)


def test_the_next_client_finds_fresh_registers(driver, connect):
    driver.write(p.BAR0, 0, b"secret")
    driver.write(p.BAR1, 0, b"secret")
    driver.write(p.BAR2, 0, b"secret")
    driver.write(p.BAR2, 0x8000, b"secret")
    driver.write(p.BAR4, 0, b"secret")
    driver.close()
    other = enabled(connect)
    for region, offset in [(p.BAR0, 0), (p.BAR1, 0), (p.BAR2, 0), (p.BAR2, 0x8000), (p.BAR4, 0)]:
        assert other.read(region, offset, 6) == bytes(6)


def test_the_next_client_finds_fresh_config_space(connect):
    first = connect()
    first.ok(p.version())
    before = first.read(p.CONFIG, 0, 256)
    first.write(p.CONFIG, 0, b"\xff" * 256)
    first.close()
    other = connect()
    other.ok(p.version())
    assert other.read(p.CONFIG, 0, 256) == before
    assert other.get(p.CONFIG, COMMAND, 2) == 0


def test_the_next_client_finds_nothing_mapped(driver, connect, memory):
    ram = memory(2 * p.PAGE)
    driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
    driver.ok(p.dma_map(p.PAGE, p.PAGE, fd=ram.fd, offset=p.PAGE))
    driver.close()
    other = enabled(connect)
    assert other.copy(0, 64, 8) == "EFAULT"
    other.ok(p.dma_map(0, 1 << 50))


def test_the_next_clients_device_signals_nobody_else(driver, connect, eventfds):
    msix, intx = eventfds(2)
    driver.ok(p.set_trigger(p.MSIX, [msix]))
    driver.ok(p.disable_irq(p.MSIX))
    driver.ok(p.set_trigger(p.INTX, [intx]))
    driver.set_reg(INTX_LEVEL, 1)
    assert signals(intx) == 1
    driver.close()
    other = enabled(connect)
    other.set_reg(TRIGGER, 0)
    other.set_reg(INTX_LEVEL, 1)
    assert not signals(msix) and not signals(intx)


def test_a_line_that_was_high_is_low_for_the_next_client(driver, connect, eventfd):
    driver.set_reg(INTX_LEVEL, 1)
    driver.close()
    other = enabled(connect)
    other.ok(p.set_trigger(p.INTX, [eventfd]))
    assert signals(eventfd) == 0
    other.set_reg(INTX_LEVEL, 1)
    assert signals(eventfd) == 1


def test_a_mask_of_one_client_does_not_hold_back_the_next(driver, connect, eventfds):
    fds = eventfds(2)
    driver.ok(p.set_trigger(p.INTX, fds[:1]))
    driver.ok(p.set_irqs(p.DATA_NONE | p.ACTION_MASK, p.INTX, 0, 1))
    driver.close()
    other = enabled(connect)
    other.ok(p.set_trigger(p.INTX, fds[1:]))
    other.set_reg(INTX_LEVEL, 1)
    assert signals(fds[1]) == 1


def test_doorbells_work_for_every_client(connect):
    for _ in range(3):
        client = enabled(connect)
        reply = client.call(p.get_region_io_fds(p.BAR0))
        _, entries = p.IoFd.parse(reply.payload)
        before = client.reg(DOORBELLS)
        os.eventfd_write(reply.fds[next(e.fd_index for e in entries if e.offset == DOORBELL)], 1)
        wait_until(lambda: client.reg(DOORBELLS) == before + 1, "the doorbell")
        client.close()


def test_half_a_message_does_not_reach_the_next_client(driver, connect):
    driver.send_bytes(p.region_write(p.BAR0, 0, b"half of it").encode(1)[:30])
    driver.wait_taken()
    driver.close()
    connect().ok(p.version())


def test_what_a_client_sent_before_it_left_is_not_the_next_clients(driver, connect, device):
    with device.frozen():
        for i in range(BURST):
            driver.send(p.region_read(p.CONFIG, i, 1))
        driver.close()
        other = connect()
        msg_id = other.send(p.version())
    assert other.expect(msg_id, p.version()).error == "OK"
    payload = other.ok(p.region_read(p.CONFIG, 0, 4))
    assert struct.unpack_from("<HH", payload, 16) == (0x1b36, 0xfff0)
