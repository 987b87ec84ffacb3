#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Probe a parent's isolation: ask as one owner for what is another's, past our library.

usage: probe.py PATH --owner N --status PATH --victim N [--handles FIRST-LAST] [--address IOVA]

Connects to PATH, whose owner is N, and writes to its socket and its ring what no honest user would:
the interrupt handles of others, an address that only others have mapped, the PASID of the victim, a
tail that cannot be. Each has to be refused and counted, for that owner and for nobody else.
"""

import argparse
import collections
import mmap
import os
import sys
import time

import raw

BASE = 0x5_0000_0000  # where the intruder's own memory is, in its space
PAGE = 4096
SIZE = 4 * PAGE
RECORD = BASE
BUFFER = BASE + PAGE

OK, FAULT, WRITE_FAULT, BAD_PASID, BAD_HANDLE = 0x01, 0x03, 0x83, 0x12, 0x19

Result = collections.namedtuple("Result", "name passed detail")


class Intruder:
    """An owner with memory, an interrupt and a queue, all honest so far."""

    def __init__(self, path, owner, status_path):
        self.owner, self.status_path = owner, status_path
        self.link = raw.Link(path)
        fd = os.memfd_create("probe", os.MFD_CLOEXEC)
        os.ftruncate(fd, SIZE)
        self.memory = mmap.mmap(fd, SIZE)
        self.link.map(BASE, SIZE, fd)
        os.close(fd)
        self.eventfd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.vector = self.link.vector(self.eventfd)
        self.queue = self.link.queue()

    def counters(self):
        """What the parent has counted for this owner: zeroes before its first descriptor."""
        return raw.read_status(self.status_path).get(
            self.owner, {"faults": 0, "refused": 0, "descriptors": 0})

    def wait_for(self, condition):
        """Whether it comes true in time."""
        end = time.monotonic() + raw.TIMEOUT
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.001)
        return True

    def run(self, opcode, **fields):
        """Submits a descriptor. Returns its completion record's status; 0: none came."""
        self.memory[0] = 0
        self.queue.submit(raw.descriptor(opcode, RECORD, **fields))
        self.wait_for(lambda: self.memory[0])
        return self.memory[0]

    def grows(self, name, before, least=1):
        """Whether a counter has grown by so much at least."""
        return self.wait_for(lambda: self.counters()[name] >= before[name] + least)


def judge(intruder, name, before, counter, status, expected):
    """A probe that has ended with a completion record."""
    counted = intruder.grows(counter, before)
    after = intruder.counters()[counter]
    return Result(name, counted and status in expected,
                  f"status {status:02x}, {counter} {before[counter]} -> {after}")


def probe_handles(intruder, handles):
    """Asks for interrupts by numbers that are somebody else's, or nobody's."""
    before, statuses = intruder.counters(), set()
    handles = [handle for handle in handles if handle != intruder.vector]
    for handle in handles:
        statuses.add(intruder.run(raw.NOP, flags=raw.CRAV | raw.RCR | raw.RCI, handle=handle))
    counted = intruder.grows("refused", before, len(handles))
    after = intruder.counters()["refused"]
    return Result("interrupt handles of others", counted and statuses == {BAD_HANDLE},
                  f"{len(handles)} handles, status "
                  f"{'/'.join(f'{status:02x}' for status in sorted(statuses))}, "
                  f"refused {before['refused']} -> {after}")


def probe_read(intruder, address):
    """Copies from an address that is not its own."""
    before = intruder.counters()
    status = intruder.run(raw.MOVE, source=address, destination=BUFFER, size=PAGE)
    return judge(intruder, "reading another's address", before, "faults", status, {FAULT})


def probe_write(intruder, address):
    """Copies to one."""
    before = intruder.counters()
    status = intruder.run(raw.MOVE, source=BUFFER, destination=address, size=PAGE)
    return judge(intruder, "writing another's address", before, "faults", status,
                 {FAULT, WRITE_FAULT})


def probe_record(intruder, address):
    """Has a completion record written to one: nobody is told but by a note."""
    before = intruder.counters()
    intruder.queue.submit(raw.descriptor(raw.NOP, address))
    counted = intruder.grows("faults", before)
    told = intruder.wait_for(lambda: intruder.link.poll() and raw.NOTED in intruder.link.events)
    return Result("a record at another's address", counted and told,
                  f"a note, faults {before['faults']} -> {intruder.counters()['faults']}")


def probe_pasid(intruder, victim):
    """Works in another's name."""
    before = intruder.counters()
    status = intruder.run(raw.NOP, pasid=victim)
    return judge(intruder, "another's PASID", before, "refused", status,
                 set(range(0x10, 0x20)))


def probe_messages(intruder, vector):
    """Asks the socket for what is not its own."""
    pair = raw.struct.pack("=II", vector, 0)
    answers = [intruder.link.ask(kind, pair).result
               for kind in (raw.FREE_VECTOR, raw.SET_MASK, raw.IS_PENDING, raw.SET_EVENTFD)]
    answers.append(intruder.link.ask(raw.CLOSE_QUEUE,
                                     raw.struct.pack("=II", intruder.queue.number + 1, 0)).result)
    return Result("messages that name what is another's", set(answers) == {-2},  # ENOENT
                  f"{len(answers)} answers, all '{os.strerror(2)}'"
                  if set(answers) == {-2} else str(answers))


def probe_honest(intruder):
    """After all that, what is its own still works."""
    status = intruder.run(raw.MOVE, source=BUFFER, destination=BUFFER + PAGE, size=PAGE)
    return Result("its own copy, still", status == OK, f"status {status:02x}")


def probe_tail(intruder):
    """A tail that is further from the head than the ring is long: ends the queue, and only that."""
    before = intruder.counters()
    intruder.queue.set_tail(intruder.queue.get(raw.HEAD_AT) + intruder.queue.depth + 12345)
    halted = intruder.wait_for(
        lambda: intruder.link.poll() and raw.HALTED in intruder.link.events)
    counted = intruder.grows("refused", before)
    return Result("a tail that cannot be", halted and counted,
                  f"the queue has halted, refused {before['refused']} -> "
                  f"{intruder.counters()['refused']}")


def run(path, owner, status_path, victim, handles=range(16), address=0x100000):
    """All probes. Returns their results; others' counters must not have moved for it."""
    intruder = Intruder(path, owner, status_path)
    other = next(handle for handle in handles if handle != intruder.vector)
    results = [
        probe_handles(intruder, handles),
        probe_read(intruder, address),
        probe_write(intruder, address),
        probe_record(intruder, address),
        probe_pasid(intruder, victim),
        probe_messages(intruder, other),
        probe_honest(intruder),
        probe_tail(intruder),
    ]
    intruder.link.close()
    return results


def parse_range(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--owner", type=int, required=True)
    parser.add_argument("--status", required=True)
    parser.add_argument("--victim", type=int, required=True)
    parser.add_argument("--handles", type=parse_range, default=range(16))
    parser.add_argument("--address", type=lambda text: int(text, 0), default=0x100000)
    given = parser.parse_args()

    results = run(given.path, given.owner, given.status, given.victim, given.handles,
                  given.address)
    for result in results:
        print(f"{'ok' if result.passed else 'NOT REFUSED':11}  {result.name:36}  {result.detail}")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
