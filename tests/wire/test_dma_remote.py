# SPDX-License-Identifier: BSD-2-Clause
"""DMA by message: memory that the client shares no file for is read and written by asking it."""

import errno
import os
import random
import struct
import time

import pytest

import protocol as p
from memory import pattern
from registers import (COMMAND_IO, COMMAND_MEM, DELAY, NEVER, RESET_NOW, UNPLUG, command_write)
from remote import Asked

PAGE = p.PAGE
SIZE = 64 * PAGE  # of the client's memory, mapped at its own address from PAGE on
OUT = 16  # messages that the server has out at a time
MOST = 32768  # bytes that it moves by one
PATIENCE = 5  # seconds


@pytest.fixture(params=["main", "twin"])
def twin(request):
    return request.param == "twin"


@pytest.fixture
def asked(connect, twin):
    """A client with memory from PAGE to SIZE that the device reaches by messages."""
    client = connect(Asked).begin(twin)
    client.ok(p.dma_map(PAGE, SIZE - PAGE))
    return client


@pytest.fixture
def paged(connect, twin):
    """The same, with a page for a message at most."""
    client = connect(Asked).begin(twin, max_data_xfer_size=PAGE)
    client.ok(p.dma_map(PAGE, SIZE - PAGE))
    return client


@pytest.fixture
def ram():
    return bytearray(pattern(SIZE, 5))


@pytest.mark.parametrize("source, target, size", [
    (PAGE, 2 * PAGE, 1), (PAGE + 3, 5 * PAGE + 1, 100), (2 * PAGE - 1, 9 * PAGE + 5, PAGE + 2),
    (PAGE, 32 * PAGE, 31 * PAGE), (SIZE - 8, PAGE, 8),
])
def test_a_copy_reads_and_writes_by_messages(asked, ram, source, target, size):
    expected = bytearray(ram)
    expected[target:target + size] = ram[source:source + size]
    result, asks = asked.run(ram, source, target, size)
    assert result == "OK"
    assert ram == expected
    assert {ask.command for ask in asks} == {p.DMA_READ, p.DMA_WRITE}
    assert all(0 < ask.count <= MOST for ask in asks)
    asked.alive()


def test_the_synchronous_calls_still_refuse(asked):
    assert asked.copy(PAGE, 2 * PAGE, 8) == "EREMOTE"
    assert asked.asks_now() == []


def test_no_message_moves_more_than_the_client_takes(connect, twin, ram):
    client = connect(Asked).begin(twin, max_data_xfer_size=1000)
    client.ok(p.dma_map(PAGE, SIZE - PAGE))
    before = bytes(ram)
    result, asks = client.run(ram, PAGE + 7, 20 * PAGE, 4500)
    assert result == "OK"
    assert ram[20 * PAGE:20 * PAGE + 4500] == before[PAGE + 7:PAGE + 7 + 4500]
    reads = [(a.address, a.count) for a in asks if a.command == p.DMA_READ]
    assert reads == [(PAGE + 7 + at, min(1000, 4500 - at)) for at in range(0, 4500, 1000)]


def test_a_copy_spans_messages_and_shared_memory(asked, ram, memory):
    shared = memory(2 * PAGE)
    shared[:] = pattern(2 * PAGE, 77)
    asked.ok(p.dma_map(SIZE, 2 * PAGE, fd=shared.fd))
    asked.ok(p.dma_map(SIZE + 2 * PAGE, PAGE))
    ram += bytes(2 * PAGE) + pattern(PAGE, 3)
    expected = ram[SIZE - 10:SIZE] + shared[:] + ram[SIZE + 2 * PAGE:SIZE + 2 * PAGE + 10]
    result, asks = asked.run(ram, SIZE - 10, 4 * PAGE, 2 * PAGE + 20)
    assert result == "OK"
    assert ram[4 * PAGE:6 * PAGE + 20] == expected
    assert [(a.address, a.count) for a in asks if a.command == p.DMA_READ] == [
        (SIZE - 10, 10), (SIZE + 2 * PAGE, 10)]

    result, asks = asked.run(ram, PAGE, SIZE - 10, 2 * PAGE + 20)
    assert result == "OK"
    assert ram[SIZE - 10:SIZE] + shared[:] + ram[SIZE + 2 * PAGE:SIZE + 2 * PAGE + 10] == \
        ram[PAGE:3 * PAGE + 20]


def test_what_is_all_shared_needs_no_message(asked, memory):
    shared = memory(2 * PAGE)
    shared[:4] = b"here"
    asked.ok(p.dma_map(SIZE, 2 * PAGE, fd=shared.fd))
    asked.start(SIZE, SIZE + PAGE, 4)
    assert asked.result() == "OK"
    assert shared[PAGE:PAGE + 4] == b"here"
    assert asked.asks_now() == []


@pytest.mark.parametrize("source, target, size, result", [
    (0, PAGE, 8, "EFAULT"), (SIZE - 4, PAGE, 8, "EFAULT"), ((1 << 64) - 4, PAGE, 8, "EFAULT"),
])
def test_what_is_not_mapped_is_not_asked_for(asked, source, target, size, result):
    asked.start(source, target, size)
    assert asked.result() == result
    assert asked.asks_now() == []


def test_the_direction_is_the_maps(asked, ram):
    asked.ok(p.dma_map(SIZE, PAGE, p.READ))
    asked.start(PAGE, SIZE, 8)
    assert asked.serve(ram, asked.ended)
    assert asked.result() == "EFAULT"


def test_no_message_while_the_bus_master_is_off(asked):
    asked.enable(COMMAND_IO | COMMAND_MEM)
    asked.start(PAGE, 2 * PAGE, 8)
    assert asked.result() == "ENODEV"
    assert asked.asks_now() == []


# ---- In flight


def test_only_so_many_messages_are_out(paged, ram):
    paged.start(PAGE, 32 * PAGE, 8)
    first = paged.ask()
    for number in (1, 2, 3):
        paged.start(PAGE, 30 * PAGE, 30 * PAGE, number)
    asks = [first, *paged.asks_now()]
    assert len(asks) == OUT
    assert len({ask.id for ask in asks}) == OUT
    paged.answer(asks[3].good(ram))
    assert len(paged.asks_now()) == 1
    paged.alive()


def test_copies_take_turns(connect, twin, ram):
    client = connect(Asked).begin(twin, max_data_xfer_size=64)
    client.ok(p.dma_map(PAGE, SIZE - PAGE))
    client.start(PAGE, 32 * PAGE, 30 * PAGE, 0)
    asks = client.asks_now()
    client.start(SIZE - 8, PAGE, 8, 1)
    client.answer(*(ask.good(ram) for ask in asks))
    assert (SIZE - 8, 8) in [(ask.address, ask.count) for ask in client.asks_now()]


def test_replies_may_come_in_any_order(connect, twin, ram):
    client = connect(Asked).begin(twin, max_data_xfer_size=512)
    client.ok(p.dma_map(PAGE, SIZE - PAGE))
    expected = bytes(ram[PAGE:3 * PAGE])
    client.start(PAGE, 40 * PAGE, 2 * PAGE)
    shuffler, deadline = random.Random(4), time.monotonic() + 5
    while not client.ended():
        assert time.monotonic() < deadline
        asks = client.asks_now(0.02)
        shuffler.shuffle(asks)
        client.answer(*(ask.good(ram) for ask in asks))
    assert client.result() == "OK"
    assert ram[40 * PAGE:42 * PAGE] == expected


def test_a_reply_may_come_in_pieces(asked, ram):
    asked.start(PAGE, 2 * PAGE, 100)
    for _ in range(2):
        reply = asked.ask().good(ram)
        for at in range(0, len(reply), 20):
            asked.answer(reply[at:at + 20])
            time.sleep(0.002)
    assert asked.wait_result() == "OK"


def test_a_short_count_in_the_reply_to_a_write_is_good(asked, ram):
    asked.start(PAGE, 2 * PAGE, 100)
    asked.answer(asked.ask().good(ram))
    ask = asked.ask()
    asked.answer(ask.reply(struct.pack("=QI", ask.address, ask.count)))
    assert asked.wait_result() == "OK"


# ---- What goes wrong


WRONG = {
    "address": lambda ask: ask.echo(bytes(ask.count), address=ask.address + 1),
    "count": lambda ask: ask.echo(bytes(ask.count), count=ask.count - 1),
    "large count": lambda ask: ask.echo(bytes(ask.count), count=1 << 63),
    "less data": lambda ask: ask.echo(bytes(ask.count - 1)),
    "more data": lambda ask: ask.echo(bytes(ask.count + 1)),
    "no data": lambda ask: ask.echo(),
    "no payload": lambda ask: ask.reply(b""),
    "half a payload": lambda ask: ask.reply(bytes(15)),
    "command": lambda ask: ask.reply(struct.pack("=QQ", ask.address, ask.count) +
                                     bytes(ask.count), command=p.REGION_READ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_reply_to_a_read_ends_the_copy(asked, wrong):
    asked.start(PAGE, 2 * PAGE, 64)
    asked.answer(WRONG[wrong](asked.ask()))
    assert asked.wait_result() == "EIO"
    asked.alive()


@pytest.mark.parametrize("wrong", ["address", "count", "more data", "no payload", "command"])
def test_a_wrong_reply_to_a_write_ends_the_copy(asked, ram, wrong):
    asked.start(PAGE, 2 * PAGE, 64)
    asked.answer(asked.ask().good(ram))
    asked.answer(WRONG[wrong](asked.ask()))
    assert asked.wait_result() == "EIO"
    asked.alive()


@pytest.mark.parametrize("number, result", [
    (errno.EFAULT, "EFAULT"), (errno.ENODEV, "ENODEV"), (errno.EPERM, "EIO"), (0, "EIO"),
    (errno.EINPROGRESS, "EIO"), (0xffffffff, "EIO"), (1 << 31, "EIO"),
])
def test_an_error_reply_ends_the_copy(asked, ram, number, result):
    asked.start(PAGE, 20 * PAGE, 10 * PAGE)
    asks = asked.asks_now()
    assert len(asks) > 1
    asked.answer(asks[1].error(number))
    assert asked.wait_result() == result
    asked.answer(asks[0].good(ram), *(ask.good(ram) for ask in asks[2:]))
    assert asked.run(ram, PAGE, 3 * PAGE, 8)[0] == "OK"


def test_replies_to_nothing_are_dropped(asked, ram):
    asked.start(PAGE, 2 * PAGE, 64)
    ask = asked.ask()
    asked.answer(*(ask._replace(id=ask.id ^ 1 << bit).good(ram) for bit in range(16)))
    assert asked.result() == "EINPROGRESS"
    asked.answer(ask.good(ram))
    second = asked.ask()
    asked.answer(ask.good(ram), ask.error(errno.EIO))
    assert asked.result() == "EINPROGRESS"
    asked.answer(second.good(ram))
    assert asked.wait_result() == "OK"


def test_a_client_that_never_answers_is_given_up(paged, ram):
    start = time.monotonic()
    for number in range(4):
        paged.start(PAGE, 30 * PAGE, 30 * PAGE, number)
    asks = paged.asks_now()
    assert len(asks) == OUT
    while not all(paged.ended(number) for number in range(4)):
        assert time.monotonic() - start < PATIENCE + 4
        time.sleep(0.05)
    assert time.monotonic() - start >= PATIENCE
    assert [paged.result(number) for number in range(4)] == ["ETIMEDOUT"] * 4

    paged.start(PAGE, 2 * PAGE, 8)
    assert paged.asks_now() == []  # all ids are dead
    paged.answer(asks[0].good(ram), asks[1].error(errno.EIO))  # but for these, late
    assert paged.serve(ram, paged.ended)
    assert paged.result() == "OK"


def test_a_client_that_does_not_read_is_asked_for_little(asked, sanitised, device):
    before = device.data()
    for number in range(4):
        asked.start(PAGE, 2 * PAGE, 60 * PAGE, number)
    asks = asked.asks_now()
    while asks and asks[0].command == p.DMA_READ:
        ask = asks.pop(0)
        asked.answer(ask.echo(bytes(ask.count)))
        asks += asked.asks_now(0.02) if not asks else []
    time.sleep(0.2)
    assert sanitised or device.data() - before < 8 << 20
    asked.alive()


def test_a_client_may_send_much_before_it_reads(asked, ram):
    """Our commands in its way do not keep us from receiving what it sends."""
    asked.start(PAGE, 2 * PAGE, 60 * PAGE)
    asks = asked.asks_now()
    asked.answer(*(ask.good(ram) for ask in asks))  # large writes follow
    write = p.region_write(p.BAR0, 0, bytes(1000)).encode(7, p.NO_REPLY)
    for _ in range(100):
        asked.sock.sendall(write * 32)
    asked.serve(ram, asked.ended)
    assert asked.result() == "OK"


# ---- What ends a transfer


def started(asked, size=10 * PAGE):
    asked.start(PAGE, 20 * PAGE, size)
    return asked.asks_now()


def late(asked, ram, asks):
    """Answers that nobody waits for any more do no harm."""
    before = bytes(ram)
    asked.answer(*(ask.good(ram) for ask in asks))
    assert asked.asks_now() == []
    assert bytes(ram) == before
    asked.enable()
    assert asked.run(ram, PAGE, 3 * PAGE, 8)[0] == "OK"


@pytest.mark.parametrize("command", [p.device_reset(), command_write(RESET_NOW, 1)],
                         ids=["client", "self"])
def test_a_reset_ends_it(asked, ram, command):
    asks = started(asked)
    asked.call(command)  # one of the device's own cancels its access, where that is deferred
    asked.enable()
    assert asked.result() == "ECANCELED"
    late(asked, ram, asks)


def test_the_bus_master_bit_ends_it(asked, ram):
    asks = started(asked)
    asked.enable(COMMAND_IO | COMMAND_MEM)
    assert asked.result() == "ENODEV"
    late(asked, ram, asks)


def test_an_unmap_ends_it(asked, ram):
    asks = started(asked)
    asked.ok(p.dma_unmap(PAGE, SIZE - PAGE))
    assert asked.result() == "EFAULT"
    asked.ok(p.dma_map(PAGE, SIZE - PAGE))
    late(asked, ram, asks)


def test_an_unmap_of_everything_ends_it(asked):
    started(asked)
    asked.ok(p.dma_unmap_all())
    assert asked.result() == "EFAULT"


def test_an_unmap_elsewhere_does_not(asked, ram):
    asked.ok(p.dma_map(SIZE, PAGE))
    asks = started(asked, 64)
    asked.ok(p.dma_unmap(SIZE, PAGE))
    assert asked.result() == "EINPROGRESS"
    asked.answer(*(ask.good(ram) for ask in asks))
    asked.serve(ram, asked.ended)
    assert asked.result() == "OK"


def test_the_device_takes_it_back(asked, ram):
    asks = started(asked)
    asked.cancel()
    late(asked, ram, asks)


def test_a_copy_that_has_not_begun_is_taken_back(paged, ram):
    paged.start(PAGE, 30 * PAGE, 30 * PAGE, 0)
    paged.start(PAGE, 30 * PAGE, 30 * PAGE, 1)
    paged.start(PAGE, 30 * PAGE, 30 * PAGE, 2)
    paged.start(62 * PAGE, PAGE, 8, 3)
    paged.cancel(3)
    asks = paged.serve(ram, lambda: all(paged.ended(number) for number in range(3)))
    assert [paged.result(number) for number in range(4)] == ["OK"] * 3 + ["ECANCELED"]
    assert 62 * PAGE not in [ask.address for ask in asks]


def test_a_disconnect_ends_it_and_the_next_client_finds_nothing_of_it(asked, connect, twin, ram):
    started(asked)
    asked.close()
    client = connect(Asked).begin(twin)
    assert client.result() == "ECANCELED"
    client.ok(p.dma_map(PAGE, SIZE - PAGE))
    assert client.run(ram, PAGE, 3 * PAGE, 100)[0] == "OK"


def test_a_surprise_removal_ends_it(spawn, connect):
    process, path = spawn()
    client = Asked.to(path)
    try:
        client.begin().ok(p.dma_map(PAGE, PAGE))
        client.start(PAGE, PAGE, 8)
        client.ask()
        client.call(command_write(UNPLUG, 0))
        client.alive()
    finally:
        client.close()
    assert process.wait() == 0


# ---- Accesses that wait


def test_a_deferred_access_does_not_hold_back_answers(asked, ram):
    asked.start(PAGE, 2 * PAGE, 64)
    asked.answer(asked.ask().good(ram))
    write = asked.ask()
    start = time.monotonic()
    msg_id = asked.send(command_write(DELAY, 300))
    asked.answer(write.good(ram))
    assert asked.expect(msg_id, command_write(DELAY, 0)).error == "OK"
    assert time.monotonic() - start >= 0.3
    assert asked.result() == "OK"


def test_an_answer_behind_a_deferred_access_is_taken_once(asked, ram):
    """It comes up again when the access has ended, and is then no answer to the next message."""
    for _ in range(3):
        asked.start(PAGE, 2 * PAGE, 64)
        read = asked.ask()
        never = asked.send(command_write(DELAY, 50))
        info = asked.send(p.get_info())
        asked.answer(read.good(ram))
        asked.expect(never, command_write(DELAY, 0))
        asked.expect(info, p.get_info())
        asked.answer(asked.ask().good(ram))
        assert asked.wait_result() == "OK"


def test_an_access_that_never_ends_is_not_waited_for(asked, ram):
    asked.start(PAGE, 2 * PAGE, 64)
    first = asked.ask()
    start = time.monotonic()
    never = asked.send(command_write(NEVER, 1))
    asked.answer(first.good(ram))
    reply = asked.expect(never, command_write(NEVER, 1))
    assert reply.error == "ETIMEDOUT" and time.monotonic() - start < 2
    asked.answer(asked.ask().good(ram))
    assert asked.wait_result() == "OK"


def test_the_twin_socket_serves_while_an_access_is_deferred(connect, ram):
    client = connect(Asked).begin(twin=True)
    client.ok(p.dma_map(PAGE, SIZE - PAGE))
    client.start(PAGE, 30 * PAGE, 30 * PAGE)
    msg_id = client.send(command_write(DELAY, 400))
    before, asks = bytes(ram), []
    start = time.monotonic()
    while sum(ask.count for ask in asks) < 60 * PAGE:
        assert time.monotonic() - start < 0.35
        asks.append(client.ask())
        client.answer(asks[-1].good(ram))
    client.expect(msg_id, command_write(DELAY, 0))
    assert client.result() == "OK"
    assert ram[30 * PAGE:60 * PAGE] == before[PAGE:31 * PAGE]


# ---- The twin socket


@pytest.mark.parametrize("garbage", [
    b"", b"\0" * 64, p.get_info().encode(1), p.Command(0x7777, bytes(100)).encode(2, p.TYPE_REPLY),
    p.Command(1).encode(1, size=15), p.Command(1).encode(1, size=0xffffffff), os.urandom(5000),
], ids=["end", "zeros", "command", "reply", "size", "huge", "random"])
def test_nonsense_on_the_twin_socket_harms_nobody(connect, garbage):
    client = connect(Asked).begin(twin=True)
    client.ok(p.dma_map(PAGE, SIZE - PAGE))
    client.start(PAGE, 2 * PAGE, 64)
    client.ask()
    client.answer(garbage)
    client.twin.close()
    assert client.wait_result() == "ECANCELED"
    client.alive()
    client.start(PAGE, 2 * PAGE, 64)
    assert client.result() == "EREMOTE"


def test_descriptors_beside_answers_are_closed(asked, eventfd, ram):
    asked.start(PAGE, 2 * PAGE, 64)
    (asked.twin or asked).send_bytes(asked.ask().good(ram), [eventfd] * 20)
    asked.answer(asked.ask().good(ram))
    assert asked.wait_result() == "OK"
