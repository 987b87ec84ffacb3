# SPDX-License-Identifier: BSD-2-Clause
"""Page requests: fault, request, map, response, retry; and all that can go wrong on the way."""

import errno
import os
import struct
import time

import pytest

import pasid as x
import protocol as p
from memory import pattern
from pasid import Marker, Tagged
from registers import DELAY, RESET_NOW, UNPLUG, command_write

PAGE = p.PAGE
SIZE = 16 * PAGE

@pytest.fixture
def shape():
    return "tagged"


@pytest.fixture(params=["main", "twin"])
def twin(request):
    return request.param == "twin"


@pytest.fixture
def client(connect, twin, shape):
    """A client with PASID 1 attached."""
    client = connect(Tagged).begin(twin)
    client.ok(x.attach(1))
    return client


@pytest.fixture
def ram(memory):
    """A client's memory, with bytes in it."""
    made = memory(SIZE)
    made[:] = pattern(SIZE, 3)
    return made


def serve(client, ram, request):
    """Maps what was asked for, page by page at its own address, and says so."""
    for address in range(request.address, request.address + request.pages * PAGE, PAGE):
        client.ok(x.dma_map(request.pasid, address, PAGE, ram.fd, offset=address))
    client.answer(request.respond())


# ---- Requests


@pytest.mark.parametrize("flags, wire", [
    (x.DO_READ, x.READ), (x.DO_WRITE, x.WRITE), (x.DO_READ | x.DO_WRITE, x.READ | x.WRITE),
    (x.DO_READ | x.DO_EXECUTE, x.READ | x.EXECUTE),
    (x.DO_WRITE | x.DO_PRIVILEGED, x.WRITE | x.PRIVILEGED),
])
def test_a_request_says_what_is_wanted(client, flags, wire):
    request = client.request(1, 0x123456789000, 3, flags)
    assert request[1:5] == (wire | x.HAS_PASID, 1, 0x123456789000, 3)
    assert request.group < 512
    client.answer(request.respond())
    assert client.wait(client.asked) == "OK"


def test_a_request_may_be_for_the_default_space(client):
    request = client.request(x.NO_PASID, PAGE, 1)
    assert request[1:5] == (x.READ, 0, PAGE, 1)
    client.answer(request.respond())
    assert client.wait(client.asked) == "OK"


@pytest.mark.parametrize("code, result", [
    (x.SUCCESS, "OK"), (x.INVALID, "EFAULT"), (x.FAILURE, "EIO"), (2, "EIO"), (14, "EIO"),
    (16, "EIO"), (0xffffffff, "EIO"),
])
def test_each_code_ends_it(client, code, result):
    client.answer(client.request(1, 0).respond(code))
    assert client.wait(client.asked) == result
    failed = result == "EIO"
    assert client.status() == (x.STATUS_FAILURE if failed else 0)
    assert client.ask_for(1, 0) == ("EIO" if failed else "EINPROGRESS")


WRONG = {
    "error": lambda request: request.error(),
    "error 0": lambda request: request.error(0),
    "empty": lambda request: request.reply(b""),
    "short": lambda request: request.respond()[:8] + struct.pack("=I", 0) + b"",
    "half": lambda request: request.reply(bytes(15)),
    "long": lambda request: request.reply(struct.pack("=IIII", 1, request.group, 0, 0) + b"x"),
    "reserved": lambda request: request.respond(reserved=1),
}
del WRONG["short"]


@pytest.mark.parametrize("wrong", WRONG)
def test_an_answer_that_cannot_be_read_is_a_response_failure(client, wrong):
    client.answer(WRONG[wrong](client.request(1, 0)))
    assert client.wait(client.asked) == "EIO"
    assert client.status() == x.STATUS_FAILURE


def test_what_answers_nothing_is_unexpected(client):
    request = client.request(1, 0)
    wrong = [request._replace(id=request.id ^ 1 << bit).respond() for bit in range(16)]
    wrong += [request.respond(group=request.group ^ 1 << bit) for bit in range(32)]
    wrong += [request.respond(pasid=bit) for bit in (0, 2, 0xffffffff)]
    for answer in wrong:
        client.answer(answer)
        deadline = time.monotonic() + 5
        while client.status() != x.STATUS_UNEXPECTED:
            assert time.monotonic() < deadline
        assert client.asked() == "EINPROGRESS"
        client.put(p.CONFIG, x.PRI_STATUS, x.STATUS_UNEXPECTED, 2)
        assert client.status() == 0
    client.answer(request.respond())
    assert client.wait(client.asked) == "OK"
    assert client.status() == 0


def test_a_second_answer_is_unexpected(client):
    request = client.request(1, 0)
    client.answer(request.respond() * 2)
    assert client.wait(client.asked) == "OK"
    deadline = time.monotonic() + 5
    while client.status() != x.STATUS_UNEXPECTED:
        assert time.monotonic() < deadline


def test_other_replies_with_its_id_are_not_for_it(client):
    request = client.request(1, 0)
    for command in (p.DMA_READ, p.DMA_WRITE, p.REGION_READ, x.ATTACH, x.STOP_MARKER):
        client.answer(request.reply(request.respond()[p.HEADER_SIZE:], command=command))
    client.alive()
    assert client.asked() == "EINPROGRESS"
    client.answer(request.respond())
    assert client.wait(client.asked) == "OK"


def test_answers_come_in_any_order_and_in_pieces(client):
    requests = [client.request(1, number * PAGE, number=number) for number in range(8)]
    assert len({request.id for request in requests}) == 8
    assert len({request.group for request in requests}) == 8
    for request in reversed(requests):
        for byte in request.respond():
            client.answer(bytes([byte]))
    for number in range(8):
        assert client.wait(client.asked, number) == "OK"


@pytest.mark.parametrize("pasid, address, pages, flags, result", [
    (1, 1, 1, x.DO_READ, "EINVAL"), (1, 0, 0, x.DO_READ, "EINVAL"), (1, 0, 17, x.DO_READ, "EINVAL"),
    (1, 0, 1, 0, "EINVAL"), (1, (1 << 64) - PAGE, 2, x.DO_READ, "EINVAL"),
    (1, 0, 1, x.DO_WRITE | x.DO_EXECUTE, "EINVAL"), (2, 0, 1, x.DO_READ, "ENXIO"),
    (1 << x.WIDTH, 0, 1, x.DO_READ, "ERANGE"),
])
def test_what_cannot_be_asked_is_not(client, pasid, address, pages, flags, result):
    assert client.ask_for(pasid, address, pages, flags) == result
    assert client.asks_now() == []


def test_what_is_not_enabled_is_not_asked(client):
    client.put(p.CONFIG, x.PRI_CONTROL, 0, 2)
    assert client.ask_for(1, 0) == "ENOTSUP"  # EOPNOTSUPP
    client.put(p.CONFIG, x.PRI_CONTROL, 1, 2)
    client.put(p.CONFIG, x.PASID_CONTROL, x.PASID_ENABLE, 2)
    assert client.ask_for(1, 0, flags=x.DO_READ | x.DO_EXECUTE) == "ENOEXEC"
    assert client.ask_for(1, 0, flags=x.DO_READ | x.DO_PRIVILEGED) == "EPERM"
    client.put(p.CONFIG, x.PASID_CONTROL, 0, 2)
    assert client.ask_for(1, 0) == "EACCES"
    client.bus_master_off()
    assert client.ask_for(1, 0) == "ENODEV"
    assert client.asks_now() == []


def test_a_client_that_takes_none_gets_none(connect):
    client = connect(Tagged).begin(offer={"max_spaces": 1})
    client.ok(x.attach(1))
    assert client.ask_for(1, 0) == "ENOTCONN"
    assert client.stop(1) == "ENOTCONN"
    client.send_bytes(x.PageRequest(1, 0, 1, 0, 1, 1).respond())
    client.alive()
    assert client.status() == 0


# ---- Fault, request, map, response, retry


def test_a_missing_page_is_asked_for_and_the_copy_goes_on(client, ram):
    assert client.fetch(1, 100, 8, x.DO_WAIT) is None
    request = client.ask()
    assert request[1:5] == (x.READ | x.HAS_PASID, 1, 0, 1)
    serve(client, ram, request)
    assert client.wait(client.copied) == "OK"
    assert client.fetched(8) == ram[100:108]
    assert client.asks_now() == []


def test_only_what_is_missing_is_asked_for(client, ram):
    for page in (2, 3, 7):
        client.ok(x.dma_map(1, page * PAGE, PAGE, ram.fd, offset=page * PAGE))
    assert client.fetch(1, PAGE // 2, 9 * PAGE, x.DO_WAIT) is None
    asked = []
    for _ in range(3):
        asked.append(client.ask())
        serve(client, ram, asked[-1])
    assert [(r.address // PAGE, r.pages) for r in asked] == [(0, 2), (4, 3), (8, 2)]
    assert client.wait(client.copied) == "OK"
    assert client.fetched(9 * PAGE) == ram[PAGE // 2:PAGE // 2 + 9 * PAGE]


def test_a_write_asks_for_a_page_to_be_written(client, ram):
    client.ok(x.dma_map(1, 0, PAGE, ram.fd, flags=x.READ))
    assert client.store(1, 10, b"hello", x.DO_WAIT) == "EINPROGRESS"
    request = client.ask()
    assert request.flags == x.WRITE | x.HAS_PASID
    client.ok(x.dma_unmap(1, 0, PAGE))
    client.ok(x.dma_map(1, 0, PAGE, ram.fd))
    client.answer(request.respond())
    assert client.wait(client.copied) == "OK"
    assert ram[10:15] == b"hello"


def test_execution_and_privilege_are_asked_for(client, ram):
    client.ok(x.dma_map(1, 0, PAGE, ram.fd))
    assert client.fetch(1, 0, 8, x.DO_WAIT | x.DO_EXECUTE | x.DO_PRIVILEGED) is None
    request = client.ask()
    assert request.flags == x.READ | x.EXECUTE | x.PRIVILEGED | x.HAS_PASID
    client.ok(x.dma_unmap(1, 0, PAGE))
    client.ok(x.dma_map(1, 0, PAGE, ram.fd, x.READ | x.EXECUTE | x.PRIVILEGED))
    client.answer(request.respond())
    assert client.wait(client.copied) == "OK"


def test_no_more_is_asked_for_at_a_time_than_the_driver_allows(client, ram):
    client.put(p.CONFIG, x.PRI_ALLOCATION, 3)
    assert client.fetch(1, 0, 8 * PAGE, x.DO_WAIT) is None
    asked = []
    for _ in range(3):
        asked.append(client.ask())
        serve(client, ram, asked[-1])
    assert [(r.address // PAGE, r.pages) for r in asked] == [(0, 3), (3, 3), (6, 2)]
    assert client.wait(client.copied) == "OK"


def test_a_page_is_asked_for_once(client):
    assert client.fetch(1, 0, 8, x.DO_WAIT) is None
    client.answer(client.ask().respond())
    assert client.wait(client.copied) == "EFAULT"
    assert client.asks_now() == []


def test_the_wrong_permission_ends_it(client, ram):
    assert client.store(1, 0, b"x", x.DO_WAIT) == "EINPROGRESS"
    client.ok(x.dma_map(1, 0, PAGE, ram.fd, flags=x.READ))
    client.answer(client.ask().respond())
    assert client.wait(client.copied) == "EFAULT"


def test_a_page_that_vanishes_again_ends_it(client, ram):
    assert client.fetch(1, 0, 8, x.DO_WAIT) is None
    request = client.ask()
    client.ok(x.dma_map(1, 0, PAGE, ram.fd))
    client.ok(x.dma_unmap(1, 0, PAGE))
    client.answer(request.respond())
    assert client.wait(client.copied) == "EFAULT"


def test_two_pasids_fault_at_the_same_address(client, ram):
    client.ok(x.attach(2))
    assert client.fetch(1, 0, 8, x.DO_WAIT, 0) is None
    assert client.fetch(2, 0, 8, x.DO_WAIT, 1) is None
    requests = {request.pasid: request for request in (client.ask(), client.ask())}
    client.ok(x.dma_map(2, 0, PAGE, ram.fd, offset=PAGE))
    client.answer(requests[2].respond())
    assert client.wait(client.copied, 1) == "OK"
    assert client.fetched(8, 1) == ram[PAGE:PAGE + 8]
    assert client.copied(0) == "EINPROGRESS"
    client.answer(requests[1].respond(x.INVALID))
    assert client.wait(client.copied, 0) == "EFAULT"


def test_a_transfer_is_taken_back(client, ram):
    assert client.fetch(1, 0, 8, x.DO_WAIT) is None
    request = client.ask()
    client.do(x.TAG_COPY_CANCEL)
    serve(client, ram, request)
    client.alive()
    assert client.copied() == "ECANCELED"
    assert client.status() == 0
    assert client.fetch(1, 0, 8) == ram[:8]


def test_a_page_may_be_mapped_in_the_default_space(client, ram):
    assert client.fetch(x.NO_PASID, 0, 8, x.DO_WAIT) is None
    request = client.ask()
    assert request[1:5] == (x.READ, 0, 0, 1)
    client.ok(p.dma_map(0, PAGE, fd=ram.fd))
    client.answer(request.respond())
    assert client.wait(client.copied) == "OK"
    assert client.fetched(8) == ram[:8]


# ---- How many


def test_what_the_driver_does_not_allow_waits(client):
    client.put(p.CONFIG, x.PRI_ALLOCATION, 4)
    assert client.ask_for(1, 0, 5) == "E2BIG"
    for number in range(6):
        assert client.ask_for(1, number * PAGE, 2, number=number) == "EINPROGRESS"
    first = client.asks_now()
    assert [request.address for request in first] == [0, PAGE]
    client.answer(first[0].respond())
    assert client.ask().address == 2 * PAGE
    assert client.asks_now() == []
    client.put(p.CONFIG, x.PRI_ALLOCATION, 8)
    assert [request.address // PAGE for request in client.asks_now()] == [3, 4]


@pytest.mark.parametrize("most", [1, 7])
def test_what_the_client_does_not_take_waits(connect, twin, most):
    client = connect(Tagged).begin(twin, {"max_spaces": 1, "max_page_requests": most})
    client.ok(x.attach(1))
    assert client.ask_for(1, 0, most + 1) == "E2BIG"
    for number in range(10):
        assert client.ask_for(1, number * PAGE, number=number) == "EINPROGRESS"
    requests = client.asks_now()
    assert len(requests) == most
    assert len(client.settle(requests)) == 10
    assert client.all_asked(10) == {"OK": 10}


def test_a_full_queue_takes_no_more(client):
    client.put(p.CONFIG, x.PRI_ALLOCATION, 2)
    for number in range(2):
        client.request(1, 0, number=number)
    for number in range(2, x.QUEUE + 5):
        client.ask_for(1, 0, number=number)
    assert client.all_asked(x.QUEUE + 5) == {"EINPROGRESS": x.QUEUE + 2, "EBUSY": 3}


def test_a_storm_is_served_in_order(client):
    """Far more than fits into the output at a time, from a client that reads late."""
    client.put(p.CONFIG, x.PRI_ALLOCATION, 512)
    started = 0
    for number in range(x.TAG_ASKS):
        started += client.ask_for(1, number * PAGE, number=number) == "EINPROGRESS"
    assert started == x.TAG_ASKS
    requests = client.settle([client.ask()])
    assert [request.address // PAGE for request in requests] == list(range(x.TAG_ASKS))
    assert len({request.group for request in requests}) == x.TAG_ASKS
    assert client.all_asked(x.TAG_ASKS) == {"OK": x.TAG_ASKS}


def test_groups_go_round(client):
    last = None
    for turn in range(1100):
        request = client.request(1, turn * PAGE)
        assert request.group != last
        last = request.group
        client.answer(request.respond())
        assert client.wait(client.asked) == "OK"


# ---- A client that never answers


def test_a_client_that_never_answers_is_given_up(client, ram):
    client.put(p.CONFIG, x.PRI_ALLOCATION, 3)
    start = time.monotonic()
    requests = [client.request(1, number * PAGE, number=number) for number in range(3)]
    for number in range(3, 5):
        assert client.ask_for(1, number * PAGE, number=number) == "EINPROGRESS"
    assert client.fetch(1, 0, 8, x.DO_WAIT) is None
    while client.all_asked(5) != {"ETIMEDOUT": 5} or client.copied() != "ETIMEDOUT":
        assert time.monotonic() - start < x.PATIENCE + 4
        time.sleep(0.05)
    assert time.monotonic() - start >= x.PATIENCE

    assert client.ask_for(1, 0, number=5) == "EINPROGRESS"
    assert client.asks_now() == []  # there is no room before one is answered
    client.answer(requests[1].respond(x.FAILURE))  # late: nobody's, whatever it says
    request = client.ask()
    assert request.group not in [late.group for late in requests]
    assert client.asked(5) == "EINPROGRESS"
    client.answer(*(late.respond() for late in (requests[0], requests[2])))
    client.answer(request.respond())
    assert client.wait(client.asked, 5) == "OK"
    assert client.status() == 0


def test_a_client_that_does_not_read_is_not_waited_for(connect, ram):
    client = connect(Tagged).begin(twin=True, allocation=512)
    client.ok(x.attach(1))
    start = time.monotonic()
    for number in range(400):
        client.ask_for(1, number * PAGE, number=number)
    assert time.monotonic() - start < 4
    client.ok(x.dma_map(1, 0, PAGE, ram.fd))
    assert client.fetch(1, 0, 8) == ram[:8]


# ---- What ends a request


def begin(client, allocation=2):
    """Two that are out, two that wait, and a copy that waits for its pages."""
    client.put(p.CONFIG, x.PRI_ALLOCATION, allocation)
    requests = [client.request(1, number * PAGE, number=number) for number in range(2)]
    for number in (2, 3):
        assert client.ask_for(1, number * PAGE, number=number) == "EINPROGRESS"
    assert client.fetch(1, 0, 8, x.DO_WAIT) is None
    return requests


def ended(client, result):
    assert client.all_asked(4) == {result: 4}
    assert client.copied() == result


def late(client, ram, requests):
    """Answers that nobody waits for any more do no harm, and free their groups."""
    client.answer(*(request.respond(x.FAILURE) for request in requests))
    client.alive()
    client.enable_all()
    assert client.status() == 0
    client.call(x.attach(1))
    assert client.fetch(1, 0, 8, x.DO_WAIT) is None
    serve(client, ram, client.ask())
    assert client.wait(client.copied) == "OK"


@pytest.mark.parametrize("command", [p.device_reset(), command_write(RESET_NOW, 1)],
                         ids=["client", "self"])
def test_a_reset_ends_it(client, ram, command):
    requests = begin(client)
    client.call(command)
    client.enable()
    ended(client, "ECANCELED")
    late(client, ram, requests)


def test_a_function_level_reset_ends_it(client, ram):
    requests = begin(client)
    client.put(p.CONFIG, client.capability(0x10) + 8, 0x8000, 2)
    client.enable()
    ended(client, "ECANCELED")
    late(client, ram, requests)


def test_the_bus_master_bit_ends_it(client, ram):
    requests = begin(client)
    client.bus_master_off()
    ended(client, "ENODEV")
    late(client, ram, requests)


def test_disabling_pasids_ends_it(client, ram):
    requests = begin(client)
    client.put(p.CONFIG, x.PASID_CONTROL, x.PASID_EXECUTE, 2)
    ended(client, "EACCES")
    late(client, ram, requests)


def test_a_detach_ends_it(client, ram):
    requests = begin(client)
    client.ok(x.detach(1))
    ended(client, "ENXIO")
    assert client.ask() == Marker(1)
    late(client, ram, requests)


def test_no_request_comes_behind_the_marker(connect, twin):
    client = connect(Tagged).begin(twin, allocation=1)
    for pasid in (1, 2):
        client.ok(x.attach(pasid))
    first = client.request(1, 0, number=0)
    for number in range(1, 20):
        client.ask_for(1 + number % 2, number * PAGE, number=number)
    client.ok(x.detach(1))
    assert client.ask() == Marker(1)
    client.answer(first.respond())
    others = client.settle([client.ask()])
    assert [request.pasid for request in others] == [2] * 10
    assert client.all_asked(20) == {"ENXIO": 10, "OK": 10}


def test_the_device_ceases_to_use_a_pasid(client):
    client.ok(x.attach(2))
    requests = [client.request(pasid, 0, number=pasid) for pasid in (1, 2)]
    assert client.stop(1) == "OK"
    assert client.ask() == Marker(1)
    assert client.asked(1) == "ECANCELED"
    assert client.stop(3) == "ENXIO"
    client.answer(*(request.respond() for request in requests))
    assert client.wait(client.asked, 2) == "OK"
    assert client.status() == 0
    client.answer(client.request(1, 0, number=3).respond())
    assert client.wait(client.asked, 3) == "OK"


def test_switching_off_waits_for_what_is_out(client):
    requests = begin(client)
    client.put(p.CONFIG, x.PRI_CONTROL, 0, 2)
    assert client.status() == 0
    assert client.all_asked(4) == {"EINPROGRESS": 2, "ESHUTDOWN": 2}
    assert client.copied() == "ESHUTDOWN"
    client.answer(requests[0].respond())
    assert client.wait(client.asked, 0) == "OK"
    assert client.status() == 0
    client.answer(requests[1].respond(x.INVALID))
    assert client.wait(client.asked, 1) == "EFAULT"
    assert client.status() == x.STATUS_STOPPED


def test_the_reset_bit_ends_what_is_out(client, ram):
    requests = begin(client)
    client.put(p.CONFIG, x.PRI_CONTROL, x.PRI_ENABLE | x.PRI_RESET, 2)
    assert client.all_asked(4) == {"EINPROGRESS": 4}
    client.put(p.CONFIG, x.PRI_CONTROL, x.PRI_RESET, 2)
    assert client.all_asked(4) == {"ECANCELED": 2, "ESHUTDOWN": 2}
    assert client.status() == x.STATUS_STOPPED
    late(client, ram, requests)


def test_a_response_failure_stops_all(client, ram):
    requests = begin(client)
    client.answer(requests[1].respond(x.FAILURE))
    assert client.wait(client.asked, 1) == "EIO"
    ended(client, "EIO")
    assert client.status() == x.STATUS_FAILURE
    assert client.ask_for(1, 0) == "EIO"
    client.answer(requests[0].respond())
    client.put(p.CONFIG, x.PRI_STATUS, x.STATUS_FAILURE, 2)
    assert client.ask_for(1, 0) == "EIO"
    client.put(p.CONFIG, x.PRI_CONTROL, 0, 2)
    assert client.status() == x.STATUS_STOPPED
    late(client, ram, [])


def test_a_disconnect_ends_it(client, connect, twin, ram):
    begin(client)
    client.close()
    client = connect(Tagged).begin(twin)
    ended(client, "ECANCELED")
    assert client.status() == 0
    late(client, ram, [])


def test_a_surprise_removal_ends_it(spawn, twin):
    process, path = spawn()
    client = Tagged.to(path)
    try:
        client.begin(twin).ok(x.attach(1))
        begin(client)
        client.call(command_write(UNPLUG, 0))
        client.alive()
        assert client.error(x.detach(1)) == "OK"
    finally:
        client.close()
    assert process.wait() == 0


# ---- Beside other things


def test_an_access_that_waits_does_not_hold_back_answers(client, ram):
    assert client.fetch(1, 0, 8, x.DO_WAIT) is None
    request = client.ask()
    client.ok(x.dma_map(1, 0, PAGE, ram.fd))
    start = time.monotonic()
    msg_id = client.send(command_write(DELAY, 300))
    client.answer(request.respond())
    client.expect(msg_id, command_write(DELAY, 0))
    assert time.monotonic() - start >= 0.3
    assert client.copied() == "OK"
    assert client.status() == 0


def test_a_client_may_answer_much_later_than_it_sends(client):
    requests = [client.request(1, number * PAGE, number=number) for number in range(30)]
    write = p.region_write(p.BAR0, 0, bytes(1000)).encode(7, p.NO_REPLY)
    client.sock.sendall(write * 500)
    client.answer(*(request.respond() for request in requests))
    client.alive()
    for number in range(30):
        assert client.wait(client.asked, number) == "OK"


def test_without_the_twin_socket_nothing_is_asked(connect, ram):
    client = connect(Tagged).begin(twin=True)
    client.ok(x.attach(1))
    client.request(1, 0)
    client.twin.close()
    assert client.wait(client.asked) == "ECANCELED"
    assert client.ask_for(1, 0) == "ENOTCONN"
    client.ok(x.detach(1))
    client.ok(x.attach(1))
    client.ok(x.dma_map(1, 0, PAGE, ram.fd))
    assert client.fetch(1, 0, 8) == ram[:8]


@pytest.mark.parametrize("garbage", [
    bytes(64), p.Command(x.PAGE_REQUEST, bytes(16)).encode(1, p.TYPE_REPLY),
    p.Command(x.PAGE_REQUEST).encode(1, p.TYPE_REPLY | p.ERROR), x.attach(9).encode(1),
    p.Command(x.PAGE_REQUEST, os.urandom(3000)).encode(1, p.TYPE_REPLY),
], ids=["zeros", "reply", "error", "command", "random"])
def test_nonsense_on_the_twin_socket_harms_nobody(connect, garbage):
    client = connect(Tagged).begin(twin=True)
    client.ok(x.attach(1))
    client.answer(garbage)
    client.alive()
    assert client.error(x.attach(9)) == "OK"


def test_descriptors_beside_answers_are_closed(client, eventfd):
    request = client.request(1, 0)
    (client.twin or client).send_bytes(request.respond(), [eventfd] * 20)
    assert client.wait(client.asked) == "OK"


def test_the_status_is_read_by_the_bytes(client):
    client.answer(client.request(1, 0).error(errno.EIO))
    assert client.wait(client.asked) == "EIO"
    assert client.get(p.CONFIG, x.PRI_STATUS, 1) == x.STATUS_FAILURE
    assert client.get(p.CONFIG, x.PRI_STATUS + 1, 1) == x.STATUS_PASID >> 8
