# SPDX-License-Identifier: BSD-2-Clause
"""A client that sends and does not read: the server stops reading, stays small, loses nothing."""

import os
import select
import struct

import pytest

import protocol as p
from client import TIMEOUT
from registers import ANSWER_VECTOR, COMMAND, DOORBELL, Driver, wait_signal

GROWTH = 8 << 20  # bytes that the server may grow by


class Flood:
    """A client's non-blocking output and input, both counted in messages."""

    def __init__(self, client, commands):
        """`commands` are bytes of whole messages."""
        self.sock = client.sock
        self.left = memoryview(commands)
        self.received = bytearray()

    def send(self, stalled=0.1):
        """Sends until nothing was taken for so many seconds, or all is sent."""
        while self.left and select.select([], [self.sock], [], stalled)[1]:
            try:
                sent = self.sock.send(self.left[:1 << 16], 0x40)  # MSG_DONTWAIT
            except BlockingIOError:
                continue
            self.left = self.left[sent:]

    def finish(self, size):
        """Sends the rest and receives so many bytes in all."""
        while len(self.received) < size:
            writing = [self.sock] if self.left else []
            readable, writable, _ = select.select([self.sock], writing, [], TIMEOUT)
            assert readable or writable, f"stuck after {len(self.received)} of {size} bytes"
            if readable:
                chunk = self.sock.recv(1 << 18)
                assert chunk, "the connection ended"
                self.received += chunk
            if writable:
                self.send(0)


def config_reads(count):
    """Reads of config space, each different from its neighbours."""
    return b"".join(p.region_read(p.CONFIG, i % 64 * 4, 4).encode(i & 0xffff) for i in range(count))


def check_config_reads(client, received, count):
    expected = client.read(p.CONFIG, 0, 256)
    reply = struct.Struct("=HHIII QII 4s")
    for i, fields in enumerate(reply.iter_unpack(received)):
        at = i % 64 * 4
        assert fields == (i & 0xffff, p.REGION_READ, 36, p.TYPE_REPLY, 0, at, p.CONFIG, 4,
                          expected[at:at + 4])
    assert i == count - 1


@pytest.fixture
def doorbell(driver, eventfd):
    """Rings the device's doorbell and waits for its answer, both past the socket."""
    reply = driver.call(p.get_region_io_fds(p.BAR0))
    _, entries = p.IoFd.parse(reply.payload)
    bell = reply.fds[next(e.fd_index for e in entries if e.offset == DOORBELL)]
    driver.ok(p.set_trigger(p.MSIX, [eventfd], start=ANSWER_VECTOR))

    def ring():
        os.eventfd_write(bell, 1)
        return wait_signal(eventfd)

    return ring


def test_a_hundred_thousand_reads_that_nobody_reads(driver, device, doorbell, sanitised):
    count = 100_000
    driver.read(p.CONFIG, 0, 256)
    before = device.rss()
    flood = Flood(driver, config_reads(count))
    flood.send()
    assert len(flood.left) > 0, "the server reads without bound"
    assert sanitised or device.rss() - before < GROWTH
    for _ in range(10):
        assert doorbell() == 1

    flood.finish(count * 36)
    check_config_reads(driver, flood.received, count)
    assert sanitised or device.rss() - before < GROWTH


def test_reads_of_the_device_that_nobody_reads(driver, device, doorbell, deferring, sanitised):
    count = 1_000 if deferring else 50_000
    messages = b"".join(p.region_read(p.BAR0, i % 100, 64).encode(i & 0xffff) for i in range(count))
    before = device.rss()
    flood = Flood(driver, messages)
    flood.send()
    assert sanitised or device.rss() - before < GROWTH
    assert doorbell() == 1
    flood.finish(count * 96)
    ids = [struct.unpack_from("=H", flood.received, 96 * i)[0] for i in range(count)]
    assert ids == [i & 0xffff for i in range(count)]


def test_large_replies_that_nobody_reads(driver, device, doorbell, sanitised):
    count = 1_000
    messages = b"".join(p.region_read(p.BAR2, 0, 0x10000).encode(i) for i in range(count))
    driver.write(p.BAR2, 0, b"first")
    driver.read(p.BAR2, 0, 0x10000)
    before = device.rss()
    flood = Flood(driver, messages)
    flood.send()
    assert sanitised or device.rss() - before < GROWTH
    assert doorbell() == 1
    flood.finish(count * (32 + 0x10000))
    for i in range(count):
        assert flood.received[i * (32 + 0x10000)] == i & 0xff
    assert flood.received[32:37] == b"first"


@pytest.mark.parametrize("size", [0x1000, 0x4000, 0xfff0, 0x10000])
def test_a_full_socket_drained_at_any_moment_fills_again(driver, size):
    """All requests have been received when the replies are read, so that no event but the draining
    itself can tell the server to go on."""
    count = 400
    messages = b"".join(p.region_read(p.BAR2, 0, size).encode(i) for i in range(count))
    for _ in range(10):
        flood = Flood(driver, messages)
        flood.send(0.01)
        flood.finish(count * (32 + size))


def test_a_server_that_waits_for_a_reader_is_not_busy(driver, device):
    flood = Flood(driver, config_reads(100_000))
    flood.send()
    before = device.cpu()
    select.select([], [], [], 0.2)
    assert device.cpu() - before < 0.02


def test_descriptors_in_replies_that_nobody_reads(driver, device, sanitised):
    count = 5_000
    messages = b"".join(p.get_region_info(p.BAR2).encode(i) for i in range(count))
    before, fds = device.rss(), len(device.fds())
    flood = Flood(driver, messages)
    flood.send()
    assert sanitised or device.rss() - before < GROWTH
    assert len(device.fds()) <= fds + p.MAX_MSG_FDS
    sent = (len(messages) - len(flood.left)) // 48
    received = 0
    driver.sock.settimeout(0.2)
    try:
        while received < min(sent, 500):
            reply = driver.recv()
            assert (reply.id, len(reply.fds)) == (received, 1)
            received += 1
            os.close(driver.fds.pop())
    except TimeoutError:
        pass
    assert received


def test_posted_writes_are_never_held_up_by_replies(driver):
    """They have none, so any number is served without the client reading."""
    writes = [p.region_write(p.CONFIG, 0x3c, bytes([i])) for i in range(256)]
    messages = b"".join(writes[i & 0xff].encode(i & 0xffff, p.NO_REPLY) for i in range(50_000))
    flood = Flood(driver, messages)
    flood.send(TIMEOUT)
    assert not flood.left
    assert driver.read(p.CONFIG, 0x3c, 1) == bytes([49_999 & 0xff])


def test_a_client_that_leaves_its_replies_behind(driver, connect):
    flood = Flood(driver, config_reads(50_000))
    flood.send(0.02)
    driver.close()
    other = connect()
    other.ok(p.version())
    assert other.get(p.CONFIG, COMMAND, 2) == 0


def test_a_client_that_leaves_in_the_middle_of_a_large_reply(driver, connect):
    for _ in range(10):
        driver.send(p.region_read(p.BAR2, 0, 0x10000))
    driver.sock.recv(100)
    driver.close()
    connect().ok(p.version())


def test_a_client_that_stops_reading_for_good(driver, connect):
    driver.sock.shutdown(0)  # SHUT_RD: what the server sends fails with EPIPE
    try:
        for _ in range(100):
            driver.send(p.get_info())
    except BrokenPipeError:
        pass
    driver.close()
    connect().ok(p.version())


def test_a_flood_is_ended_by_sigterm(spawn):
    process, path = spawn()
    client = Driver.to(path)
    client.ok(p.version())
    Flood(client, config_reads(50_000)).send()
    assert process.stop() == 0
    client.close()
