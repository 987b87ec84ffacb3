# SPDX-License-Identifier: BSD-2-Clause
"""Descriptors whose close() waits for a hostile client: the server never does.

There are three kinds: a file of a file system that does not answer, an eventfd in an epoll set
that is locked, and a socket that lingers. Each must have made somebody wait in the end, or the test
would say nothing.
"""

import contextlib
import os
import signal
import socket
import struct
import time

import pytest

import protocol as p
from client import MAX_FDS, Client
from fuse import FLUSH, POLL, Fuse, Unavailable
from memory import Memory
from process import wait_until
from registers import TRIGGER, Driver, wait_signal

PAGE = p.PAGE
BOUND = 1.0  # seconds: a server that waits does so for ever
GIVEN_UP = 3.0  # by then a client that makes too much wait has been sent away
BACKLOG = 256  # descriptors that wait to be closed, at which a server takes no more
SLOW = 0.02  # seconds after which what is left behind by a client is somebody else's
CLOSERS = 8  # clients that can leave something behind before others notice
LINGER = 60  # longer than any test
OWN = 16 * PAGE  # where honest memory is mapped


@pytest.fixture(scope="module", autouse=True)
def available():
    try:
        Fuse().end()
    except Unavailable as reason:
        pytest.exit(f"no file system in user space: {reason}", returncode=77)


@pytest.fixture
def fuse(device):
    """Ends before the device is looked at: then everything is to be closed."""
    system = Fuse()
    yield system
    system.end()


class Hostile:
    """Descriptors that were made here and are on their way to the server."""

    def __init__(self, fuse, device):
        self.fuse = fuse
        self.device = device
        self.peers = []

    # ---- The kinds

    def file(self):
        return self.fuse.file()

    def eventfd(self):
        return self.fuse.eventfd()

    def socket(self):
        """Connected to one that takes nothing, and full."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            self.peers.append(listener.accept()[0])
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, LINGER))
        ours.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(1 << 16))
        return ours.detach()

    # ---- What becomes of them

    @contextlib.contextmanager
    def given(self, kind, times=1):
        """One of a kind, named several times, to be sent. It is the server's alone when the server
        gets it: whoever closes it as the last one waits."""
        fd = getattr(self, kind)()
        with self.device.frozen():
            try:
                yield (fd,) * times
            finally:
                os.close(fd)

    def held_up(self):
        """Threads of the device that wait for one of us."""
        places = ("request_wait_answer", "eventpoll_release_file", "wait_woken")
        return sum(self.device.waits_in(thread) in places for thread in self.device.threads())

    def wait_held_up(self, count=1):
        wait_until(lambda: self.held_up() >= count, "the descriptor to make somebody wait")

    def check(self):
        """Nobody has asked the file for anything but to be closed."""
        assert self.fuse.ended or set(self.fuse.waiting()) <= {FLUSH, POLL}

    def end(self):
        for peer in self.peers:
            peer.close()


@pytest.fixture
def hostile(fuse, device):
    hostile = Hostile(fuse, device)
    yield hostile
    hostile.check()
    hostile.end()


KINDS = ["file", "eventfd", "socket"]
each_kind = pytest.mark.parametrize("kind", KINDS)


@contextlib.contextmanager
def prompt(bound=BOUND):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < bound


def use(client):
    """What an honest client does, with descriptors of its own. It works, and promptly."""
    memory, eventfd = Memory(PAGE), os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    with prompt():
        client.enable()
        client.ok(p.dma_map(OWN, PAGE, fd=memory.fd))
        memory[:4] = b"mine"
        assert client.copy(OWN, OWN + 64, 4) == "OK"
        assert memory[64:68] == b"mine"
        client.ok(p.set_trigger(p.MSIX, [eventfd]))
        client.set_reg(TRIGGER, 0)
        assert wait_signal(eventfd) == 1
        client.ok(p.set_trigger(p.MSIX, [eventfd]))
        client.ok(p.disable_irq(p.MSIX))
        client.ok(p.dma_unmap(OWN, PAGE))
    memory.close()
    os.close(eventfd)


@pytest.fixture
def newcomer(connect):
    """A function that has another client come and do its work."""
    def come():
        with prompt():
            client = connect()
            client.ok(p.version(p.QEMU_CAPABILITIES))
        use(client)
        client.close()

    return come


# ---- With every message


ENABLE = p.DATA_EVENTFD | p.ACTION_TRIGGER
UNMASK = p.DATA_EVENTFD | p.ACTION_UNMASK

COMMANDS = {
    "dma_map": p.dma_map(0, PAGE),
    "dma_map of no pages": p.dma_map(1, PAGE),
    "dma_unmap": p.dma_unmap(0, PAGE),
    "get_info": p.get_info(),
    "get_region_info": p.get_region_info(p.BAR2),
    "get_irq_info": p.get_irq_info(p.INTX),
    "set_irqs": p.set_irqs(ENABLE, p.MSIX, 0, 1),
    "set_irqs without": p.disable_irq(p.MSIX),
    "set_irqs of too few": p.set_irqs(ENABLE, p.MSIX, 0, 2),
    "unmask": p.set_irqs(UNMASK, p.INTX, 0, 1),
    "region_read": p.region_read(p.BAR0, 0, 4),
    "region_write": p.region_write(p.BAR0, 0, b"abcd"),
    "wakeup": p.low_power_entry_with(),
    "probe": p.device_feature(p.FEATURE_PROBE | p.BUS_MASTER),
    "reset": p.device_reset(),
    "another version": p.version(),
    "unknown": p.Command(0x7777),
}


@each_kind
@pytest.mark.parametrize("name", COMMANDS)
def test_no_message_brings_a_descriptor_that_stops_the_server(driver, hostile, newcomer, kind,
                                                              name):
    command = COMMANDS[name]
    with hostile.given(kind) as fds:
        msg_id = driver.send(command._replace(fds=fds))
    with prompt():
        driver.expect(msg_id, command)
        driver.alive()
    driver.ok(p.disable_irq(p.MSIX))
    driver.ok(p.low_power_exit())
    use(driver)
    hostile.wait_held_up()
    driver.close()
    newcomer()


@each_kind
def test_neither_does_the_first_message(raw, hostile, newcomer, kind):
    with hostile.given(kind) as fds:
        raw.send(p.version(p.QEMU_CAPABILITIES)._replace(fds=fds))
    with prompt():
        assert raw.recv().error == "OK"
        raw.alive()
    hostile.wait_held_up()
    raw.close()
    newcomer()


@each_kind
@pytest.mark.parametrize("command", [p.version_text(b"{"), p.get_info()], ids=["bad", "none"])
def test_neither_does_a_client_that_is_not_understood(raw, hostile, newcomer, kind, command):
    with hostile.given(kind) as fds:
        raw.send(command._replace(fds=fds))
    with prompt():
        assert raw.recv().error == "EINVAL"
        raw.expect_end()
    hostile.wait_held_up()
    newcomer()


@each_kind
def test_neither_does_half_a_message(driver, hostile, newcomer, kind):
    with hostile.given(kind) as fds:
        driver.send_bytes(p.dma_map(0, PAGE).encode(1)[:20], fds)
    driver.wait_taken()
    driver.close()
    newcomer()
    hostile.wait_held_up()


@each_kind
def test_neither_does_what_is_thrown_away(driver, hostile, newcomer, kind):
    """A message too large, of which another part has brought the descriptor."""
    size = 2 << 20
    driver.send_bytes(p.Command(p.REGION_WRITE).encode(1, size=size))
    with hostile.given(kind) as fds:
        driver.send_bytes(bytes(1000), fds)
    driver.send_bytes(bytes(size - p.HEADER_SIZE - 1000))
    with prompt():
        assert driver.expect(1, p.Command(p.REGION_WRITE)).error == "EMSGSIZE"
        driver.alive()
    hostile.wait_held_up()
    driver.close()
    newcomer()


@each_kind
def test_neither_does_what_a_client_leaves_in_the_socket(driver, hostile, newcomer, kind):
    with hostile.given(kind) as fds:
        for _ in range(3):
            driver.send(p.get_info()._replace(fds=fds))
        driver.close()
    newcomer()
    hostile.wait_held_up()


@each_kind
def test_neither_does_a_client_that_is_turned_away(driver, served, hostile, kind):
    with hostile.given(kind) as fds:
        other = Client.to(served.path)
        other.send(p.version()._replace(fds=fds))
    with prompt():
        assert other.recv().error == "EBUSY"
        other.expect_end()
    other.close()
    use(driver)
    hostile.wait_held_up()


@each_kind
def test_neither_does_the_twin_socket(connect, hostile, newcomer, kind):
    client = connect()
    reply = client.call(p.version({"twin_socket": {"supported": True}}, padding=64))
    twin = Client(socket.socket(fileno=os.dup(reply.fds[0])))
    with hostile.given(kind) as fds:
        twin.send(p.get_info()._replace(fds=fds))
    with prompt():
        twin.wait_taken()
        client.alive()
    hostile.wait_held_up()
    twin.close()
    client.close()
    newcomer()


# ---- Eventfds that were accepted


@pytest.mark.parametrize("command", [p.set_irqs(ENABLE, p.MSIX, 0, 1), p.set_irqs(ENABLE, p.INTX,
                                                                                  0, 1),
                                     p.low_power_entry_with()], ids=["msix", "intx", "wakeup"])
@pytest.mark.parametrize("left", [False, True], ids=["dropped", "left"])
def test_an_eventfd_that_was_accepted_is_let_go(driver, hostile, newcomer, command, left):
    with hostile.given("eventfd") as fds:
        msg_id = driver.send(command._replace(fds=fds))
    assert driver.expect(msg_id, command).error == "OK"
    assert hostile.held_up() == 0
    with prompt():
        if not left:
            driver.ok(p.disable_irq(p.MSIX))
            driver.ok(p.disable_irq(p.INTX))
            driver.ok(p.low_power_exit())
            use(driver)
        driver.close()
    newcomer()
    hostile.wait_held_up()


def test_an_unmask_eventfd_is_let_go(driver, hostile, eventfd, newcomer):
    driver.ok(p.set_trigger(p.INTX, [eventfd]))
    command = p.set_irqs(UNMASK, p.INTX, 0, 1)
    with hostile.given("eventfd") as fds:
        msg_id = driver.send(command._replace(fds=fds))
    assert driver.expect(msg_id, command).error == "OK"
    with prompt():
        driver.ok(p.disable_irq(p.INTX))
        driver.alive()
    hostile.wait_held_up()
    driver.close()
    newcomer()


# ---- Too many


def fill(driver, hostile):
    """Makes more wait than the server takes."""
    with hostile.given("file", MAX_FDS) as fds:
        for _ in range(2):
            driver.send(p.get_info()._replace(fds=fds))
    with prompt():
        for _ in range(2):
            assert driver.recv().error == "OK"
    hostile.wait_held_up()


def test_a_client_with_too_many_is_served_while_it_sends_none(driver, hostile):
    fill(driver, hostile)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        with prompt():
            driver.set_reg(0, 1)
            driver.alive()


def test_a_client_with_too_many_is_sent_away_when_it_sends_more(driver, device, hostile, eventfd):
    fill(driver, hostile)
    before = len(device.fds())
    with prompt(GIVEN_UP), contextlib.suppress(BrokenPipeError, ConnectionResetError):
        driver.send(p.set_trigger(p.MSIX, [eventfd]))
        driver.expect_end()
    wait_until(lambda: len(device.fds()) <= before, "what was sent to be closed")


def test_the_next_client_is_served_all_the_same(driver, hostile, newcomer):
    fill(driver, hostile)
    driver.close()
    for _ in range(2 * BACKLOG // 16):
        newcomer()


def test_descriptors_without_end_do_not_fill_the_server(driver, device, hostile, newcomer):
    most = len(device.fds())
    file = hostile.file()
    with prompt(GIVEN_UP), contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while True:
            driver.send(p.get_info()._replace(fds=(file,) * MAX_FDS))
            most = max(most, len(device.fds()))
    os.close(file)
    assert most < BACKLOG + 3 * MAX_FDS
    driver.close()
    newcomer()


def test_one_client_after_another_leaves_something_behind(served, hostile, newcomer):
    for _ in range(CLOSERS + 2):
        client = Driver.to(served.path)
        client.ok(p.version(p.QEMU_CAPABILITIES))
        with hostile.given("file") as fds:
            client.send(p.dma_map(0, PAGE)._replace(fds=fds))
        assert client.recv().error == "OK"
        client.close()
        time.sleep(SLOW)
    hostile.wait_held_up(CLOSERS)
    assert hostile.held_up() == CLOSERS
    newcomer()


def test_what_waited_is_closed_once_the_file_system_has_ended(driver, device, fuse, hostile):
    before = len(device.fds())
    fill(driver, hostile)
    assert len(device.fds()) > before + MAX_FDS
    hostile.check()
    fuse.end()
    wait_until(lambda: len(device.fds()) == before, "the descriptors to be closed")
    use(driver)


# ---- The end


def test_a_server_ends_when_what_it_waits_for_does(spawn, fuse):
    """Nobody can end a flush: the process is gone once the file system is."""
    process, path = spawn()
    client = Driver.to(path)
    client.ok(p.version(p.QEMU_CAPABILITIES))
    hostile = Hostile(fuse, process)
    with hostile.given("file") as fds:
        client.send(p.get_info()._replace(fds=fds))
    assert client.recv().error == "OK"
    hostile.wait_held_up()
    process.popen.send_signal(signal.SIGTERM)
    client.expect_end()
    client.close()
    fuse.end()
    assert process.wait() == 0
