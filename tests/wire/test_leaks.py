# SPDX-License-Identifier: BSD-2-Clause
"""Many clients, one after another, leave nothing behind: no descriptor, no mapping, no memory."""

import os
import resource

import pytest

import protocol as p
from client import Client
from memory import Memory, pattern
from process import wait_until
from registers import INTX_LEVEL, NEVER, TRIGGER, Driver, command_write

CLIENTS = 200
WARM_UP = 20  # of them: what is allocated once is allocated then


class Life:
    """What a client does before it leaves."""

    def __init__(self, ram, fds):
        self.ram = ram
        self.fds = fds

    def silent(self, client):
        pass

    def version(self, client):
        client.ok(p.version(p.QEMU_CAPABILITIES))

    def refused(self, client):
        client.error(p.version_text(b"{"))

    def twin(self, client):
        client.ok(p.version({"twin_socket": {"supported": True}}, padding=64))

    def maps(self, client):
        self.version(client)
        for i in range(16):
            client.ok(p.dma_map(i * p.PAGE, p.PAGE, p.READ | i % 2 * p.WRITE, self.ram.fd,
                                i * p.PAGE))
        client.ok(p.dma_map(1 << 40, 1 << 40))

    def copies(self, client):
        self.version(client)
        client.enable()
        client.ok(p.dma_map(0, 16 * p.PAGE, fd=self.ram.fd))
        assert client.copy(0, 8 * p.PAGE, 8 * p.PAGE) == "OK"

    def interrupts(self, client):
        self.version(client)
        client.enable()
        client.ok(p.set_trigger(p.MSIX, self.fds))
        client.set_reg(TRIGGER, 1)
        client.ok(p.disable_irq(p.MSIX))
        client.ok(p.set_trigger(p.INTX, self.fds[:1]))
        client.ok(p.set_irqs(p.DATA_EVENTFD | p.ACTION_UNMASK, p.INTX, 0, 1, fds=self.fds[1:2]))
        client.set_reg(INTX_LEVEL, 1)

    def features(self, client):
        self.version(client)
        client.ok(p.low_power_entry_with(self.fds[0]))
        client.read(p.CONFIG, 0, 4)
        client.ok(p.low_power_entry_with(self.fds[1]))
        client.error(p.low_power_entry_with(self.fds[2]))

    def dirty_logs(self, client):
        self.copies(client)
        client.ok(p.log_start((0, 1 << 40)))
        assert client.copy(0, 8 * p.PAGE, 8 * p.PAGE) == "OK"
        client.ok(p.log_report(0, 16 * p.PAGE))

    def regions(self, client):
        self.version(client)
        client.enable()
        client.call(p.get_region_info(p.BAR2))
        client.call(p.get_region_io_fds(p.BAR0))
        client.write(p.BAR2, 0, pattern(0x10000))

    def deferred(self, client):
        self.version(client)
        client.enable()
        client.send(command_write(NEVER, 1))

    def half(self, client):
        self.version(client)
        client.send_bytes(p.get_info().encode(1)[:8], self.fds)

    def errors(self, client):
        self.version(client)
        client.error(p.Command(0x7777, bytes(100), tuple(self.fds)))
        client.error(p.set_trigger(p.MSIX, [self.ram.fd]))
        client.error(p.dma_map(1, 1, fd=self.ram.fd))

    def unread(self, client):
        self.version(client)
        for _ in range(50):
            client.send(p.get_region_info(p.BAR2))


def stack_size():
    """Of a thread, in bytes: the limit of the process's own."""
    limit = resource.getrlimit(resource.RLIMIT_STACK)[0]
    return 2 << 20 if limit == resource.RLIM_INFINITY else limit


def close_by_thread(path):
    """Has the device begin its thread that closes fds, whose stack the C library keeps."""
    client = Driver.to(path)
    client.ok(p.version())
    reader, writer = os.pipe()
    client.ok(p.get_info()._replace(fds=(reader,)))
    for fd in (reader, writer):
        os.close(fd)
    client.close()


LIVES = [name for name in vars(Life) if not name.startswith("_")]


@pytest.mark.parametrize("life", LIVES)
def test_two_hundred_clients_leave_nothing(served, device, eventfds, sanitised, life):
    fds = eventfds(4)

    def run(count):
        for _ in range(count):
            client, ram = Driver.to(served.path), Memory(16 * p.PAGE)
            getattr(Life(ram, fds), life)(client)
            client.close()
            ram.close()
        wait_until(lambda: len(device.fds()) == len(served.idle_fds), "the last to be gone")

    close_by_thread(served.path)
    run(WARM_UP)
    vmas, data, rss = device.vmas(), device.data(), device.rss()
    run(CLIENTS - WARM_UP)
    # A thread's stack may have come: the C library keeps it for the next one.
    assert sanitised or device.vmas() - vmas in (0, 2)
    assert sanitised or device.data() - data in (0, stack_size())
    assert sanitised or device.rss() - rss <= 64 << 10


def test_a_thousand_connections_that_close_at_once(served, driver):
    """While a client is served, so that each is refused."""
    for _ in range(1000):
        Client.to(served.path).close()
    driver.alive()


def test_a_thousand_maps_and_unmaps_leave_nothing(driver, device, sanitised):
    def run(count):
        for _ in range(count):
            ram = Memory(p.PAGE)
            driver.ok(p.dma_map(0, p.PAGE, fd=ram.fd))
            ram.close()
            driver.ok(p.dma_unmap(0, p.PAGE))

    run(50)
    fds, vmas, data = len(device.fds()), device.vmas(), device.data()
    run(1000)
    wait_until(lambda: len(device.fds()) == fds, "the last to be closed")
    assert sanitised or (device.vmas(), device.data()) == (vmas, data)


def test_a_thousand_new_eventfds_leave_nothing(served, driver, device):
    def run(count):
        for _ in range(count):
            fd = os.eventfd(0)
            driver.ok(p.set_trigger(p.MSIX, [fd]))
            os.close(fd)

    run(10)
    driver.ok(p.disable_irq(p.MSIX))
    wait_until(lambda: len(device.fds()) == len(served.idle_fds) + 1, "the eventfds to be closed")
    run(1000)
    driver.ok(p.disable_irq(p.MSIX))
    wait_until(lambda: len(device.fds()) == len(served.idle_fds) + 1, "the eventfds to be closed")


def test_clients_that_never_say_a_word_are_replaced(served, connect):
    for _ in range(CLIENTS):
        Client.to(served.path).close()
    connect().ok(p.version())
