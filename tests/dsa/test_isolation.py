# SPDX-License-Identifier: BSD-2-Clause
"""What one owner does past the library changes nothing for another one."""

import mmap
import os

import probe
import raw
from conftest import INTRUDER, VICTIM

IOVA = 0x100000
PAGE = 4096
RECORD, SOURCE, DESTINATION = IOVA, IOVA + PAGE, IOVA + 2 * PAGE


class Victim:
    """An honest owner, whose memory and interrupts are its own."""

    def __init__(self, path):
        self.link = raw.Link(path)
        fd = os.memfd_create("victim", os.MFD_CLOEXEC)
        os.ftruncate(fd, 3 * PAGE)
        self.memory = mmap.mmap(fd, 3 * PAGE)
        self.link.map(IOVA, 3 * PAGE, fd)
        os.close(fd)
        self.eventfd = os.eventfd(0, os.EFD_CLOEXEC)
        self.vector = self.link.vector(self.eventfd)
        self.queue = self.link.queue()

    def copy(self, byte):
        """A copy that is waited for by its interrupt: one, and no other."""
        self.memory[PAGE:2 * PAGE] = bytes([byte]) * PAGE
        self.queue.submit(raw.descriptor(
            raw.MOVE, RECORD, flags=raw.CRAV | raw.RCR | raw.RCI, source=SOURCE,
            destination=DESTINATION, size=PAGE, handle=self.vector))
        assert os.eventfd_read(self.eventfd) == 1
        assert self.memory[0] == 1
        assert self.memory[2 * PAGE:] == bytes([byte]) * PAGE


def check(parent, victim, copies):
    """Nothing has come to the victim but what it asked for."""
    os.set_blocking(victim.eventfd, False)
    try:
        assert not os.eventfd_read(victim.eventfd)
    except BlockingIOError:
        pass
    os.set_blocking(victim.eventfd, True)
    counters = parent.counted(VICTIM, copies)
    assert (counters["faults"], counters["refused"]) == (0, 0)
    assert counters["descriptors"] == counters["interrupts"] == copies


def test_probes_are_refused_counted_and_nobody_elses_business(parent):
    victim = Victim(parent.victim)
    victim.copy(1)
    before = bytes(victim.memory)
    results = probe.run(parent.intruder, INTRUDER, parent.status_path, VICTIM,
                        handles=range(victim.vector + 8), address=IOVA)
    assert [result for result in results if not result.passed] == []
    assert bytes(victim.memory) == before
    check(parent, victim, 1)
    for i in range(100):
        victim.copy(i)
    check(parent, victim, 101)
    assert parent.stop() == 0


def test_probes_while_the_victim_works(parent):
    victim = Victim(parent.victim)
    for i in range(5):
        results = probe.run(parent.intruder, INTRUDER, parent.status_path, VICTIM,
                            handles=range(victim.vector + 8), address=IOVA)
        assert [result for result in results if not result.passed] == []
        victim.copy(i)
    check(parent, victim, 5)
    assert parent.stop() == 0


def test_an_owner_that_vanishes_leaves_no_trace(parent):
    victim = Victim(parent.victim)
    for i in range(10):
        intruder = probe.Intruder(parent.intruder, INTRUDER, parent.status_path)
        for _ in range(8):
            intruder.queue.submit(raw.descriptor(raw.MOVE, probe.RECORD, source=probe.BUFFER,
                                                 destination=probe.BUFFER, size=PAGE))
        intruder.link.close()
        victim.copy(i)
    check(parent, victim, 10)
    assert parent.stop() == 0
