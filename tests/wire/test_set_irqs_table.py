# SPDX-License-Identifier: BSD-2-Clause
"""SET_IRQS of every index: what each wrong request ends with, whatever is enabled meanwhile.

The reference is vfio-pci (vfio_set_irqs_validate_and_prepare(), vfio_pci_set_irqs_ioctl()).
"""

import itertools
import os
import struct

import pytest

import protocol as p
from registers import INTX_LEVEL, SIGNAL, TRIGGER, TRIGGER_MSI, signals

COUNTS = {p.INTX: 1, p.MSI: 8, p.MSIX: 64, p.ERR: 1, p.REQ: 1}
NAMES = {p.INTX: "INTx", p.MSI: "MSI", p.MSIX: "MSI-X", p.ERR: "ERR", p.REQ: "REQ"}
EXCLUSIVE = (p.INTX, p.MSI, p.MSIX)
NONE, BOOL, EVENTFD = p.DATA_NONE, p.DATA_BOOL, p.DATA_EVENTFD
MASK, UNMASK, TRIGGERED = p.ACTION_MASK, p.ACTION_UNMASK, p.ACTION_TRIGGER

each_index = pytest.mark.parametrize("index", COUNTS, ids=NAMES.get)
each_data = pytest.mark.parametrize("data", [NONE, BOOL, EVENTFD], ids=["none", "bool", "eventfd"])
each_action = pytest.mark.parametrize("action", [MASK, UNMASK, TRIGGERED],
                                      ids=["mask", "unmask", "trigger"])


@pytest.fixture
def shape():
    return "express"


@pytest.fixture(params=["off", "on", "another on"])
def state(request):
    """What is enabled when the request comes."""
    return request.param


class Index:
    """An interrupt index in that state, and what shows that a request did nothing."""

    def __init__(self, driver, index, state, eventfds):
        self.driver = driver
        self.index = index
        other = {p.INTX: p.MSIX, p.MSI: p.MSIX, p.MSIX: p.MSI, p.ERR: p.REQ, p.REQ: p.ERR}[index]
        self.enabled = {"off": None, "on": index, "another on": other}[state]
        self.fd, self.spare = eventfds(2)
        if self.enabled is not None:
            driver.ok(p.set_trigger(self.enabled, [self.fd]))

    def refuses(self, command, error):
        """The request ends so, and what was enabled still is."""
        assert self.driver.error(command) == error
        assert signals(self.spare) == 0
        self.fire(self.index)
        expected = int(self.enabled == self.index)
        assert signals(self.fd) == expected
        if self.enabled is not None and not expected:
            self.fire(self.enabled)
            assert signals(self.fd) == 1

    def fire(self, index):
        if index == p.INTX:
            self.driver.set_reg(INTX_LEVEL, 1)
            self.driver.set_reg(INTX_LEVEL, 0)
            self.driver.call(p.set_irqs(NONE | UNMASK, p.INTX, 0, 1))  # refused while it is off
        else:
            register = {p.MSI: TRIGGER_MSI, p.MSIX: TRIGGER}.get(index, SIGNAL)
            self.driver.set_reg(register, 0 if register != SIGNAL else index)


@pytest.fixture
def irq(driver, index, state, eventfds):
    return Index(driver, index, state, eventfds)


def request_of(irq, data, action, start=0, count=1):
    """A well-formed request."""
    payload = b"\1" * min(count, 256) if data == BOOL else b""
    fds = [irq.spare] * min(count, 16) if data == EVENTFD else []
    return p.set_irqs(data | action, irq.index, start, count, payload, fds)


# ---- Flags


@each_index
@each_data
@pytest.mark.parametrize("bit", [6, 7, 8, 16, 31])
def test_an_unknown_flag(irq, data, bit):
    irq.refuses(request_of(irq, data | 1 << bit, TRIGGERED), "EINVAL")


@each_index
@each_action
@pytest.mark.parametrize("data", [0, NONE | BOOL, NONE | EVENTFD, BOOL | EVENTFD, 7])
def test_no_kind_of_data_or_several(irq, data, action):
    command = p.set_irqs(data | action, irq.index, 0, 1, b"\1", [irq.spare] * bool(data & EVENTFD))
    irq.refuses(command, "EINVAL")


@each_index
@each_data
@pytest.mark.parametrize("action", [0, MASK | UNMASK, MASK | TRIGGERED, UNMASK | TRIGGERED, 0x38])
def test_no_action_or_several(irq, data, action):
    irq.refuses(request_of(irq, data, action), "ENOTTY")


@each_data
@each_action
@pytest.mark.parametrize("index", [5, 6, 0x100, 0x80000000, 0xffffffff])
def test_no_such_index(driver, eventfd, index, data, action):
    command = p.set_irqs(data | action, index, 0, 1, b"\1" * (data == BOOL),
                         [eventfd] * (data == EVENTFD))
    assert driver.error(command) == "EINVAL"
    assert driver.error(p.disable_irq(index)) == "EINVAL"


# ---- Ranges


def ranges(count):
    """start and count of ranges that an index with that many vectors does not have."""
    return [(count, 0), (count, 1), (0, count + 1), (count - 1, 2), (0xffffffff, 1),
            (0xffffffff, 2), (1, 0xffffffff), (0x80000000, 0x80000000), (count, 0xffffffff),
            (0, 0x80000000)]


@each_index
@each_data
@each_action
def test_a_range_that_the_index_has_not(irq, data, action):
    for start, count in ranges(COUNTS[irq.index]):
        if data == BOOL and count > 256:
            continue
        irq.refuses(request_of(irq, data, action, start, count), "EINVAL")


@each_index
def test_bools_of_a_range_that_overflows(irq):
    """Their number is in the message as it can be, and the count is what it is."""
    for count in (0x7fffffff, 0x80000000, 0xffffffec, 0xffffffff):
        command = p.set_irqs(BOOL | TRIGGERED, irq.index, 1, count, b"\1" * 64)
        irq.refuses(command, "EINVAL")
        irq.refuses(command.patched(0, "I", 0xffffffff), "EINVAL")
        irq.refuses(command.patched(0, "I", (20 + count) & 0xffffffff), "EINVAL")


# ---- Masks


@pytest.mark.parametrize("index", [p.MSI, p.MSIX, p.ERR, p.REQ], ids=NAMES.get)
@each_data
@pytest.mark.parametrize("action", [MASK, UNMASK])
def test_only_the_line_is_masked_by_command(irq, data, action):
    irq.refuses(request_of(irq, data, action), "ENOTTY")


@pytest.mark.parametrize("index", [p.INTX], ids=["INTx"])
def test_the_line_is_not_masked_by_eventfd(irq):
    irq.refuses(request_of(irq, EVENTFD, MASK), "ENOTTY" if irq.enabled == p.INTX else "EINVAL")


@pytest.mark.parametrize("index", [p.INTX], ids=["INTx"])
@pytest.mark.parametrize("data", [NONE, BOOL])
@pytest.mark.parametrize("action", [MASK, UNMASK])
@pytest.mark.parametrize("state", ["off", "another on"], indirect=True)
def test_a_line_that_is_off_is_not_masked(irq, data, action):
    irq.refuses(request_of(irq, data, action), "EINVAL")


@pytest.mark.parametrize("index", [p.INTX], ids=["INTx"])
@pytest.mark.parametrize("state", ["off", "another on"], indirect=True)
def test_a_line_that_is_off_is_not_unmasked_by_eventfd(irq):
    irq.refuses(request_of(irq, EVENTFD, UNMASK), "EINVAL")


@pytest.mark.parametrize("index", [p.INTX], ids=["INTx"])
@each_data
@pytest.mark.parametrize("action", [MASK, UNMASK])
def test_no_line_is_masked_by_a_range_of_none(irq, data, action):
    irq.refuses(request_of(irq, data, action, 0, 0), "EINVAL")


# ---- What another index, or this one, forbids


@pytest.mark.parametrize("index, other", itertools.permutations(EXCLUSIVE, 2), ids=NAMES.get)
def test_of_the_line_and_messages_one_is_enabled_at_a_time(driver, eventfds, index, other):
    fds = eventfds(2)
    driver.ok(p.set_trigger(other, fds[:1]))
    assert driver.error(p.set_trigger(index, fds[1:])) == "EINVAL"
    assert driver.error(p.clear_trigger(index)) == "EINVAL"
    for data in (NONE, BOOL):
        payload = b"\1" * (data == BOOL)
        assert driver.error(p.set_irqs(data | TRIGGERED, index, 0, 1, payload)) == "EINVAL"
    driver.ok(p.disable_irq(other))
    driver.ok(p.set_trigger(index, fds[1:]))


@pytest.mark.parametrize("index", EXCLUSIVE, ids=NAMES.get)
def test_an_index_that_lost_its_eventfds_is_still_enabled(driver, eventfds, index):
    """Until it is disabled: QEMU enables MSI-X with a vector that has none."""
    other = p.MSI if index == p.INTX else p.INTX
    fds = eventfds(2)
    driver.ok(p.set_trigger(index, fds[:1]))
    driver.ok(p.clear_trigger(index))
    assert driver.error(p.set_trigger(other, fds[1:])) == "EINVAL"
    driver.ok(p.disable_irq(index))
    driver.ok(p.set_trigger(other, fds[1:]))


@pytest.mark.parametrize("index", EXCLUSIVE, ids=NAMES.get)
def test_a_range_of_none_enables_nothing(driver, eventfds, index):
    other = p.MSI if index == p.INTX else p.INTX
    assert driver.error(p.set_irqs(EVENTFD | TRIGGERED, index, 0, 0)) in ("OK", "EINVAL")
    driver.ok(p.set_trigger(other, eventfds()))


@pytest.mark.parametrize("index", EXCLUSIVE, ids=NAMES.get)
def test_a_refused_request_enables_nothing(driver, eventfds, index):
    other = p.MSI if index == p.INTX else p.INTX
    reader, writer = os.pipe()
    for command in (p.set_trigger(index, [reader]), p.set_irqs(EVENTFD | TRIGGERED, index, 0, 1,
                                                               fds=eventfds(2)),
                    p.set_irqs(EVENTFD | TRIGGERED, index, 0, 1000, fds=eventfds(3))):
        assert driver.error(command) == "EINVAL"
    driver.ok(p.set_trigger(other, eventfds()))
    os.close(reader)
    os.close(writer)


@each_index
@pytest.mark.parametrize("data", [NONE, BOOL])
@pytest.mark.parametrize("state", ["off", "another on"], indirect=True)
def test_what_is_off_is_not_tried_out(irq, data):
    irq.refuses(request_of(irq, data, TRIGGERED), "EINVAL")


@each_index
def test_disabling_leaves_others_alone(irq):
    irq.driver.ok(p.disable_irq(irq.index))
    irq.enabled = None if irq.enabled == irq.index else irq.enabled
    irq.refuses(p.set_irqs(NONE | TRIGGERED, irq.index, 0, 1), "EINVAL")


# ---- Descriptors


@each_index
@pytest.mark.parametrize("given", [1, 2, 5, 16])
def test_another_number_of_descriptors_than_vectors(irq, given):
    for count in {0, 1, 2, 4, 8} - {given}:
        if count <= COUNTS[irq.index]:
            command = p.set_irqs(EVENTFD | TRIGGERED, irq.index, 0, count,
                                 fds=[irq.spare] * given)
            irq.refuses(command, "EINVAL")


@pytest.fixture
def no_eventfd(request, tmp_path):
    """A descriptor of a kind."""
    makers = {
        "pipe": os.pipe,
        "memfd": lambda: [os.memfd_create("x")],
        "null": lambda: [os.open("/dev/null", os.O_RDWR)],
        "path": lambda: [os.open(tmp_path, os.O_PATH)],
    }
    fds = makers[request.param]()
    yield fds[0]
    for fd in fds:
        os.close(fd)


@each_index
@pytest.mark.parametrize("no_eventfd", ["pipe", "memfd", "null", "path"], indirect=True)
def test_what_is_no_eventfd(irq, no_eventfd):
    irq.refuses(p.set_trigger(irq.index, [no_eventfd]), "EINVAL")


@pytest.mark.parametrize("index", [p.MSI, p.MSIX], ids=NAMES.get)
@pytest.mark.parametrize("no_eventfd", ["pipe", "memfd", "null", "path"], indirect=True)
@pytest.mark.parametrize("place", [0, 3, 7])
def test_one_that_is_no_eventfd_among_others(irq, no_eventfd, place):
    fds = [irq.spare] * 8
    fds[place] = no_eventfd
    irq.refuses(p.set_trigger(irq.index, fds), "EINVAL")


# ---- Lengths


@each_index
@each_data
def test_half_a_request(irq, data):
    command = request_of(irq, data, TRIGGERED)
    for size in (0, 1, 4, 8, 12, 16, 19):
        irq.refuses(command.cut(size), "EINVAL")


@each_index
@each_data
def test_an_argsz_that_is_less_than_the_request(irq, data):
    command = request_of(irq, data, TRIGGERED)
    for argsz in (0, 1, 16, 19):
        irq.refuses(command.patched(0, "I", argsz), "EINVAL")


@each_index
@each_action
def test_fewer_bools_than_vectors(irq, action):
    count = COUNTS[irq.index]
    command = p.set_irqs(BOOL | action, irq.index, 0, count, bytes(count))
    irq.refuses(command.cut(19 + count), "EINVAL")
    irq.refuses(command.patched(0, "I", 19 + count), "EINVAL")
    irq.refuses(command.cut(20), "EINVAL")


@each_index
@pytest.mark.parametrize("state", ["on"], indirect=True)
def test_more_than_the_request_needs_is_not_looked_at(irq):
    """argsz says how much the client has room for; some clients count descriptors in."""
    for command in (p.disable_irq(irq.index),
                    p.set_irqs(EVENTFD | TRIGGERED, irq.index, 0, 1, bytes(64), [irq.fd])):
        for argsz in (24, 84, 4096, 0xffffffff):
            irq.driver.ok(command.patched(0, "I", argsz))
    irq.fire(irq.index)
    assert signals(irq.fd) == 1


@each_index
def test_the_answer_is_the_header_alone(irq):
    reply = irq.driver.call(p.disable_irq(irq.index))
    assert (reply.error, reply.payload) == ("OK", b"")


@each_index
def test_the_index_tells_its_shape(driver, index):
    argsz, flags, echoed, count = struct.unpack("=IIII", driver.ok(p.get_irq_info(index)))
    assert (argsz, echoed, count) == (16, index, COUNTS[index])
    assert flags == {p.INTX: p.IRQ_EVENTFD | p.IRQ_MASKABLE | p.IRQ_AUTOMASKED,
                     p.MSIX: p.IRQ_EVENTFD}.get(index, p.IRQ_EVENTFD | p.IRQ_NORESIZE)
