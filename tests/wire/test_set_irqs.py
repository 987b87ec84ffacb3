# SPDX-License-Identifier: BSD-2-Clause
"""GET_IRQ_INFO, and what SET_IRQS refuses. The kernel's VFIO is the reference for the errors."""

import os
import socket
import struct

import pytest

import protocol as p
from registers import TRIGGER, VECTORS, signals, wait_signal

COUNTS = {p.INTX: 1, p.MSI: 0, p.MSIX: VECTORS, p.ERR: 1, p.REQ: 1}
ENABLE = p.DATA_EVENTFD | p.ACTION_TRIGGER


def irq_info(client, index):
    """Returns (argsz, flags, index, count)."""
    return struct.unpack("=IIII", client.ok(p.get_irq_info(index)))


@pytest.mark.parametrize("index", COUNTS)
def test_every_index_has_its_count(client, index):
    argsz, flags, echoed, count = irq_info(client, index)
    assert (argsz, echoed, count) == (16, index, COUNTS[index])
    if count:
        assert flags & p.IRQ_EVENTFD


def test_intx_is_maskable_and_masks_itself(client):
    flags = irq_info(client, p.INTX)[1]
    assert flags & p.IRQ_MASKABLE and flags & p.IRQ_AUTOMASKED


def test_vectors_can_be_added_to_msix_while_it_is_enabled(client):
    assert not irq_info(client, p.MSIX)[1] & (p.IRQ_NORESIZE | p.IRQ_AUTOMASKED)


@pytest.mark.parametrize("index", [p.IRQS, 100, 0x80000000, 0xffffffff])
def test_no_other_index_exists(client, index):
    assert client.error(p.get_irq_info(index)) == "EINVAL"
    assert client.error(p.disable_irq(index)) == "EINVAL"
    assert client.error(p.clear_trigger(index)) == "EINVAL"


@pytest.mark.parametrize("bit", range(6, 32))
def test_unknown_flags_are_refused(client, eventfd, bit):
    command = p.set_irqs(ENABLE | 1 << bit, p.MSIX, 0, 1, fds=[eventfd])
    assert client.error(command) == "EINVAL"


@pytest.mark.parametrize("data", [0, 3, 5, 6, 7])
def test_there_is_one_kind_of_data(client, eventfd, data):
    command = p.set_irqs(data | p.ACTION_TRIGGER, p.MSIX, 0, 1, b"\1", fds=[eventfd])
    assert client.error(command) == "EINVAL"


@pytest.mark.parametrize("action", [0, 0x18, 0x28, 0x30, 0x38])
def test_there_is_one_action(client, action):
    assert client.error(p.set_irqs(p.DATA_NONE | action, p.INTX, 0, 1)) == "ENOTTY"


@pytest.mark.parametrize("index, start, count", [
    (p.MSIX, VECTORS, 1), (p.MSIX, VECTORS, 0), (p.MSIX, VECTORS - 1, 2), (p.MSIX, 0, VECTORS + 1),
    (p.MSIX, 0xffffffff, 1), (p.MSIX, 0xffffffff, 2), (p.MSIX, 1, 0xffffffff),
    (p.MSIX, 2, 0xffffffff), (p.MSIX, 0x80000000, 0x80000000), (p.INTX, 1, 1), (p.INTX, 0, 2),
    (p.INTX, 1, 0), (p.MSI, 0, 1), (p.ERR, 1, 1), (p.ERR, 0, 2), (p.REQ, 1, 1),
])
@pytest.mark.parametrize("data", [p.DATA_NONE, p.DATA_BOOL, p.DATA_EVENTFD])
def test_a_range_beyond_the_index_is_refused(client, index, start, count, data):
    payload = bytes(min(count, 100)) if data == p.DATA_BOOL else b""
    command = p.set_irqs(data | p.ACTION_TRIGGER, index, start, count, payload)
    assert client.error(command) == "EINVAL"


@pytest.mark.parametrize("index", [p.MSIX])
@pytest.mark.parametrize("action", [p.ACTION_MASK, p.ACTION_UNMASK])
@pytest.mark.parametrize("data", [p.DATA_NONE, p.DATA_BOOL])
def test_message_interrupts_are_not_masked_by_command(client, eventfd, index, action, data):
    client.ok(p.set_trigger(index, [eventfd]))
    payload = b"\1" if data == p.DATA_BOOL else b""
    assert client.error(p.set_irqs(data | action, index, 0, 1, payload)) == "ENOTTY"


@pytest.mark.parametrize("action", [p.ACTION_MASK, p.ACTION_UNMASK])
@pytest.mark.parametrize("index", [p.MSIX, p.ERR, p.REQ])
def test_message_interrupts_are_not_masked_by_eventfd(client, eventfds, index, action):
    fds = eventfds(2)
    client.ok(p.set_trigger(index, fds[:1]))
    command = p.set_irqs(p.DATA_EVENTFD | action, index, 0, 1, fds=fds[1:])
    assert client.error(command) == "ENOTTY"


def test_intx_is_not_masked_by_eventfd(client, eventfds):
    fds = eventfds(2)
    client.ok(p.set_trigger(p.INTX, fds[:1]))
    command = p.set_irqs(p.DATA_EVENTFD | p.ACTION_MASK, p.INTX, 0, 1, fds=fds[1:])
    assert client.error(command) == "ENOTTY"


@pytest.mark.parametrize("count, given", [(2, 1), (1, 2), (4, 3), (3, 4), (16, 15), (1, 16)])
def test_the_number_of_descriptors_is_the_count(client, eventfds, count, given):
    command = p.set_irqs(ENABLE, p.MSIX, 0, count, fds=eventfds(given))
    assert client.error(command) == "EINVAL"
    client.alive()


def test_descriptors_for_no_vector_are_refused(client, eventfd):
    assert client.error(p.set_irqs(ENABLE, p.MSIX, 0, 0, fds=[eventfd])) == "EINVAL"


@pytest.mark.parametrize("count", [5, 64])
def test_as_many_bools_as_the_count_are_required(client, eventfd, count):
    client.ok(p.set_trigger(p.MSIX, [eventfd]))
    command = p.set_irqs(p.DATA_BOOL | p.ACTION_TRIGGER, p.MSIX, 0, count, bytes(count - 1))
    assert client.error(command) == "EINVAL"


@pytest.fixture
def no_eventfd(request, tmp_path):
    """A descriptor of a kind."""
    makers = {
        "pipe": os.pipe,
        "socket": lambda: [s.detach() for s in socket.socketpair()],
        "memfd": lambda: [os.memfd_create("x")],
        "file": lambda: [os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)],
        "directory": lambda: [os.open(tmp_path, os.O_RDONLY)],
        "path": lambda: [os.open(tmp_path, os.O_PATH)],
        "null": lambda: [os.open("/dev/null", os.O_RDWR)],
    }
    fds = makers[request.param]()
    yield fds[-1]
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize("no_eventfd", ["pipe", "socket", "memfd", "file", "directory", "path",
                                        "null"], indirect=True)
@pytest.mark.parametrize("index", [p.INTX, p.MSIX, p.ERR, p.REQ])
def test_what_is_no_eventfd_is_refused(client, no_eventfd, index):
    assert client.error(p.set_trigger(index, [no_eventfd])) == "EINVAL"
    client.alive()


@pytest.mark.parametrize("no_eventfd", ["pipe", "socket", "memfd", "null"], indirect=True)
def test_what_is_no_eventfd_does_not_unmask(client, eventfd, no_eventfd):
    client.ok(p.set_trigger(p.INTX, [eventfd]))
    command = p.set_irqs(p.DATA_EVENTFD | p.ACTION_UNMASK, p.INTX, 0, 1, fds=[no_eventfd])
    assert client.error(command) == "EINVAL"


@pytest.mark.parametrize("no_eventfd", ["pipe"], indirect=True)
def test_one_bad_descriptor_among_good_ones_is_refused(client, eventfds, no_eventfd):
    fds = eventfds(3)
    assert client.error(p.set_trigger(p.MSIX, [*fds, no_eventfd])) == "EINVAL"
    client.alive()


def test_descriptors_beside_other_data_are_closed(driver, eventfds):
    fds = eventfds(2)
    driver.ok(p.set_trigger(p.MSIX, fds[:1]))
    loopback = p.set_irqs(p.DATA_NONE | p.ACTION_TRIGGER, p.MSIX, 0, 1, fds=fds[1:])
    assert driver.error(loopback) in ("OK", "EINVAL")
    driver.set_reg(TRIGGER, 0)
    assert wait_signal(fds[0]) and not signals(fds[1])


@pytest.mark.parametrize("first, second", [(p.INTX, p.MSIX), (p.MSIX, p.INTX)])
def test_one_kind_of_interrupt_is_enabled_at_a_time(client, eventfds, first, second):
    fds = eventfds(2)
    client.ok(p.set_trigger(first, fds[:1]))
    assert client.error(p.set_trigger(second, fds[1:])) == "EINVAL"
    client.ok(p.disable_irq(first))
    client.ok(p.set_trigger(second, fds[1:]))


@pytest.mark.parametrize("index", [p.ERR, p.REQ])
def test_err_and_req_go_beside_other_interrupts(client, eventfds, index):
    fds = eventfds(2)
    client.ok(p.set_trigger(p.INTX, fds[:1]))
    client.ok(p.set_trigger(index, fds[1:]))


@pytest.mark.parametrize("index", [p.INTX, p.MSIX, p.ERR, p.REQ])
def test_disabling_what_is_not_enabled_succeeds(client, index):
    client.ok(p.disable_irq(index))


@pytest.mark.parametrize("index", [p.INTX, p.MSIX, p.ERR, p.REQ])
@pytest.mark.parametrize("data", [p.DATA_NONE, p.DATA_BOOL])
def test_what_is_not_enabled_cannot_be_tried_out(client, index, data):
    payload = b"\1" if data == p.DATA_BOOL else b""
    assert client.error(p.set_irqs(data | p.ACTION_TRIGGER, index, 0, 1, payload)) == "EINVAL"


@pytest.mark.parametrize("action", [p.ACTION_MASK, p.ACTION_UNMASK])
def test_intx_that_is_not_enabled_cannot_be_masked(client, action):
    assert client.error(p.set_irqs(p.DATA_NONE | action, p.INTX, 0, 1)) == "EINVAL"
