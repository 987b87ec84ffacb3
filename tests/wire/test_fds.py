# SPDX-License-Identifier: BSD-2-Clause
"""Descriptors: to which message they belong, and that none is kept that nobody asked for."""

import contextlib
import resource

import pytest

import protocol as p
from client import MAX_FDS, Client, Closed
from process import wait_until
from registers import TRIGGER, signals

PAGE = p.PAGE
ENABLE = p.DATA_EVENTFD | p.ACTION_TRIGGER


def idle(device, count):
    wait_until(lambda: len(device.fds()) == count, "descriptors to be closed")


@pytest.fixture
def held(driver, device):
    """How many descriptors the server has while this client is served."""
    driver.alive()
    return len(device.fds())


# ---- Where none is expected


COMMANDS = {
    "dma_unmap": p.dma_unmap(0, PAGE),
    "get_info": p.get_info(),
    "get_region_info": p.get_region_info(p.BAR2),
    "get_region_io_fds": p.get_region_io_fds(p.BAR0),
    "get_irq_info": p.get_irq_info(p.INTX),
    "set_irqs": p.disable_irq(p.MSIX),
    "region_read": p.region_read(p.BAR0, 0, 4),
    "region_write": p.region_write(p.BAR0, 0, b"abcd"),
    "region_write_multi": p.region_write_multi([(p.BAR0, 0, b"abcd")]),
    "reset": p.device_reset(),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("count", [1, 16])
def test_descriptors_are_tolerated_and_closed(driver, device, held, eventfds, name, count):
    command = COMMANDS[name]._replace(fds=tuple(eventfds(count)))
    assert driver.error(command) == "OK"
    idle(device, held)


@pytest.mark.parametrize("command", [p.Command(0x7777), p.device_feature(p.FEATURE_PROBE | 1),
                                     p.get_region_info(99), p.Command(p.REGION_READ)],
                         ids=lambda c: str(c.number))
def test_descriptors_of_a_failing_command_are_closed(driver, device, held, eventfds, command):
    assert driver.error(command._replace(fds=tuple(eventfds(3)))) != "OK"
    idle(device, held)


# ---- Too many


@pytest.mark.parametrize("count", [17, 32, 64])
def test_more_than_was_agreed_are_refused_or_all_taken(driver, device, held, eventfds, count):
    fds = eventfds(count)
    error = driver.error(p.set_trigger(p.MSIX, fds))
    assert error in ("OK", "EINVAL")
    for vector in range(count):
        driver.set_reg(TRIGGER, vector)
    assert [signals(fd) for fd in fds] == [int(error == "OK")] * count
    driver.ok(p.disable_irq(p.MSIX))
    idle(device, held)


@pytest.mark.parametrize("count", [17, 65, MAX_FDS])
def test_more_than_there_are_vectors_named_are_refused_and_closed(driver, device, held, eventfds,
                                                                  count):
    command = p.set_irqs(ENABLE, p.MSIX, 0, 16, fds=eventfds(count))
    assert driver.error(command) == "EINVAL"
    idle(device, held)


@pytest.mark.parametrize("count", [17, MAX_FDS])
def test_too_many_descriptors_for_a_map_are_refused(driver, device, held, memory, count):
    ram = memory(PAGE)
    command = p.dma_map(0, PAGE)._replace(fds=(ram.fd,) * count)
    assert driver.error(command) == "EINVAL"
    idle(device, held)


def test_too_many_descriptors_where_none_is_expected_do_no_harm(driver, device, held, eventfd):
    command = p.get_info()._replace(fds=(eventfd,) * MAX_FDS)
    assert driver.error(command) in ("OK", "EINVAL")
    idle(device, held)
    driver.alive()


def test_sixteen_are_accepted_whatever_was_negotiated(connect, eventfds):
    client = connect()
    client.ok(p.version({"max_msg_fds": 1}, padding=20))
    client.ok(p.set_trigger(p.MSIX, eventfds(16)))


@pytest.mark.parametrize("size", [1, 8, 15, 16, 20])
def test_all_the_kernel_allows_with_half_a_message_and_then_the_end(driver, device, held, eventfd,
                                                                    size):
    data = p.set_irqs(ENABLE, p.MSIX, 0, 16).encode(1)
    driver.send_bytes(data[:size], (eventfd,) * MAX_FDS)
    driver.wait_taken()
    assert len(device.fds()) <= held + MAX_FDS
    driver.close()


def test_descriptors_with_every_byte_of_a_message_do_not_pile_up(driver, device, eventfd, connect):
    """The server may end such a connection, but neither stall nor collect what is sent."""
    data = p.region_write(p.BAR0, 0, bytes(200)).encode(1)
    before = device.cpu()
    try:
        for i in range(len(data)):
            driver.send_bytes(data[i:i + 1], (eventfd,) * 16)
        driver.expect(1, p.region_write(p.BAR0, 0, b""))
    except (BrokenPipeError, Closed):
        pass
    driver.close()
    connect().ok(p.version())
    assert device.cpu() - before < 0.5


def test_a_client_that_leaves_among_too_many_descriptors_is_gone(driver, device, eventfd, connect):
    driver.sock.settimeout(0.2)
    try:
        for _ in range(8):
            driver.send_bytes(b"\xff", (eventfd,) * MAX_FDS)
    except (BrokenPipeError, TimeoutError):
        pass
    driver.close()
    before = device.cpu()
    connect().ok(p.version())
    assert device.cpu() - before < 0.5


def test_descriptors_with_what_is_drained_are_closed(driver, device, held, eventfd):
    size = 2 << 20
    driver.send_bytes(p.Command(p.REGION_WRITE).encode(1, size=size), (eventfd,) * 16)
    left = size - p.HEADER_SIZE
    while left:
        driver.send_bytes(bytes(min(left, 1 << 16)), (eventfd,) * 16)
        left -= min(left, 1 << 16)
    assert driver.expect(1, p.Command(p.REGION_WRITE)).error == "EMSGSIZE"
    idle(device, held)
    driver.alive()


# ---- Out of descriptors


def test_a_server_out_of_descriptors_recovers(driver, device, connect, memory):
    """The client's own greed ends its connection or its commands, and nobody else's."""
    files = [memory(PAGE) for _ in range(40)]
    normal = resource.prlimit(device.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(device.pid, resource.RLIMIT_NOFILE, (len(device.fds()) + 20, normal[1]))
    try:
        with contextlib.suppress(BrokenPipeError, Closed):
            for i, file in enumerate(files):
                driver.call(p.dma_map(i * PAGE, PAGE, fd=file.fd))
            driver.alive()
        driver.close()
        connect().ok(p.version())
    finally:
        resource.prlimit(device.pid, resource.RLIMIT_NOFILE, normal)


def test_a_second_client_while_there_is_no_descriptor_for_it(driver, device, connect):
    normal = resource.prlimit(device.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(device.pid, resource.RLIMIT_NOFILE, (max(device.fds()) + 1, normal[1]))
    try:
        second = connect(Client)
        before = device.cpu()
        driver.expect_silence(0.1)
        assert device.cpu() - before < 0.02, "the server spins"
        driver.alive()
        driver.close()
        second.ok(p.version())
    finally:
        resource.prlimit(device.pid, resource.RLIMIT_NOFILE, normal)


# ---- To which message they belong


def reached(driver, page, size=4):
    """Whether a page of the device's address space has memory behind it."""
    return driver.copy(page * PAGE, page * PAGE + 64, size)


PATTERNS = ["01", "10", "0101", "1001", "110", "011", "000100", "111111", "00000000000000000001"]


@pytest.mark.parametrize("shared", PATTERNS)
def test_every_map_gets_its_own_descriptor(driver, device, memory, shared):
    """Maps with (1) and without (0) memory, which arrive in one piece."""
    files = [memory(PAGE) for _ in shared]
    commands = [p.dma_map(i * PAGE, PAGE, fd=files[i].fd if kind == "1" else None)
                for i, kind in enumerate(shared)]
    with device.frozen():
        ids = [driver.send(command) for command in commands]
    for msg_id, command in zip(ids, commands):
        assert driver.expect(msg_id, command).error == "OK"
    for i, kind in enumerate(shared):
        files[i][:4] = b"mine"
        assert reached(driver, i) == ("OK" if kind == "1" else "EREMOTE")
        assert files[i][64:68] == (b"mine" if kind == "1" else bytes(4))


def test_every_vector_gets_its_own_descriptor(driver, device, eventfds):
    fds = eventfds(8)
    commands = []
    for i in range(8):
        commands += [p.get_info(), p.set_trigger(p.MSIX, [fds[i]], start=i),
                     p.clear_trigger(p.MSIX, start=8 + i)]
    with device.frozen():
        ids = [driver.send(command) for command in commands]
    for msg_id, command in zip(ids, commands):
        assert driver.expect(msg_id, command).error == "OK"
    for i in range(8):
        driver.set_reg(TRIGGER, i)
        assert [signals(fd) for fd in fds] == [int(j == i) for j in range(8)]


def test_a_wakeup_gets_its_own_descriptor(driver, device, eventfds):
    """Between commands with and without."""
    wakeup, *fds = eventfds(3)
    commands = [p.low_power_exit(), p.low_power_entry_with(wakeup), p.set_trigger(p.MSIX, fds[:1]),
                p.device_feature(p.FEATURE_PROBE | p.BUS_MASTER), p.get_info(),
                p.set_trigger(p.MSIX, fds[1:], start=1), p.low_power_entry()]
    with device.frozen():
        ids = [driver.send(command) for command in commands]
    replies = [driver.expect(i, command).error for i, command in zip(ids, commands)]
    assert replies == ["OK"] * 6 + ["EINVAL"]
    driver.set_reg(TRIGGER, 0)
    driver.set_reg(TRIGGER, 1)
    assert [signals(fd) for fd in (wakeup, *fds)] == [1, 1, 1]


def test_descriptors_of_a_command_without_do_not_go_to_the_next(driver, memory):
    stray, ram = memory(PAGE), memory(PAGE)
    driver.ok(p.get_info()._replace(fds=(stray.fd,)))
    driver.ok(p.dma_map(0, PAGE))
    driver.ok(p.get_info()._replace(fds=(stray.fd,)))
    driver.ok(p.dma_map(PAGE, PAGE, fd=ram.fd))
    assert reached(driver, 0) == "EREMOTE"
    assert reached(driver, 1) == "OK"
    assert stray[:] == bytes(PAGE)


def test_descriptors_belong_to_the_message_whose_first_byte_they_came_with(driver, memory):
    """Two messages in one send: the first has them."""
    ram = memory(PAGE)
    first, second = p.dma_map(0, PAGE), p.get_info()
    ids = driver.take_id(), driver.take_id()
    driver.send_bytes(first.encode(ids[0]) + second.encode(ids[1]), (ram.fd,))
    assert driver.expect(ids[0], first).error == "OK"
    assert driver.expect(ids[1], second).error == "OK"
    assert reached(driver, 0) == "OK"


def test_a_message_split_behind_its_descriptors_keeps_them(driver, device, memory):
    ram = memory(PAGE)
    first, second = p.dma_map(0, PAGE, fd=ram.fd), p.dma_map(PAGE, PAGE)
    data = first.encode(1)
    with device.frozen():
        driver.send_bytes(data[:3], (ram.fd,))
        driver.send_bytes(data[3:] + second.encode(2))
    assert driver.expect(1, first).error == "OK"
    assert driver.expect(2, second).error == "OK"
    assert (reached(driver, 0), reached(driver, 1)) == ("OK", "EREMOTE")


def is_taken(client):
    """Whether the server talks to it, and has not turned it away for another."""
    try:
        return client.error(p.version()) == "OK"
    except (BrokenPipeError, Closed):
        return False


def test_a_client_that_hands_over_its_own_socket_can_still_leave(driver, connect):
    driver.ok(p.get_info()._replace(fds=(driver.sock.fileno(),)))
    driver.close()
    # Its copy of the socket is closed soon, not at once.
    wait_until(lambda: is_taken(connect()), "the server to be free")
