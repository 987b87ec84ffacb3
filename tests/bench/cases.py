# SPDX-License-Identifier: BSD-2-Clause
"""What is measured: each case of the client, its floor, and the target for their ratio."""

from dataclasses import dataclass


DEVICE = ("bench_device",)


@dataclass(frozen=True)
class Served:
    """A case of the client in a floor's place: ours beside ours."""
    case: str
    server: tuple  # as Case.server


@dataclass(frozen=True)
class Alone:
    """A program that measures itself: nobody is served. Its arguments come behind MILLISECONDS."""
    argv: tuple


@dataclass(frozen=True)
class Case:
    name: str  # of the client's case, up to a colon
    title: str
    unit: str  # what one operation is
    floor: tuple | Served | Alone  # program and arguments after MILLISECONDS; {...} is filled in
    target: float | None = None  # ours at most so many times the floor
    most: float | None = None  # ns, at most
    batch: bool = False  # under SCHED_BATCH, where a process that wakes up preempts no other
    server: tuple | Alone = DEVICE  # program and arguments after SOCKET_PATH
    client: str = "bench_client"
    across: bool = False  # the server on another CPU; the floor puts its own second process there
    isal: bool = False  # the floor is ISA-L's


# Posted writes are measured twice. By default a draining peer that wakes up preempts the sender
# every few messages, so that a slower peer costs less than its work; under SCHED_BATCH it shows.
#
# A read is shown beside a second floor too: recvmsg() with room for fds costs about 4% more than
# the plain recv() that a server of this protocol cannot use, since it would lose what a client
# attaches.
#
# Config space is also read beside our own read of a device without capabilities: the ratio shows
# whether a read depends on how many there are and where.
#
# An interrupt alone is measured as a round trip: the client writes to an eventfd that the device
# waits for in read(), and the device's interrupt wakes the client up. The floor is the same with
# two writes, so that one of two signals differs. Across CPUs a wake-up also costs an interrupt of
# the other CPU, or finds it awake: those rows have no target.
#
# A pair of a map and its unmap among 65,000 maps is shown beside our own with no other map.
#
# A DMA read by message moves 64 KiB in two messages, since one moves at most 32 KiB of them; its
# floor moves the same messages between two processes, one of which asks for both at once.
#
# Sizes are vfio-user's, in bytes, with the header of 16: a region access is 16 more, then its data.
#
# A register that is mapped costs a load or a store and finding where: a few nanoseconds. The floor
# is a load from the first-level cache, of 0.5 ns, so that the ratio says little: a load from a real
# BAR takes about a microsecond.
#
# What an engine's thread pays for the memory behind an address is shown beside the least that any
# table could cost, and beside a binary search. Its targets are times, of a machine of 2.6 GHz; the
# ratios say more of another one.
#
# A device whose link leads to a parent in another process passes each map and unmap on. Client,
# device and parent share one CPU; the floor is a device whose engine works in its own space.
#
# The DSA engine works on another CPU than its user, since it looks at its queues and the user at a
# record, as with the hardware: on one CPU the two would measure the scheduler. Its floor is
# memcpy() on the user's CPU. Either goes through 2 MiB and writes 2 MiB: less would lie in the
# caches of one core, where what an accelerator is given mostly does not. Singly, a move is
# submitted when the record of the one before it has been seen; in batches, 256 have one record, or
# 16 of 1 MiB. The remote engine is one of another process, beside ours in this one, in moves of 64
# bytes, which cost little else.
#
# Operations of it are measured without queues, on one CPU. Beyond the cache, inserting fields takes
# as long as memcpy() does: memory is what both wait for, and so does the floor, mostly.


# The driver library is shown beside the raw client, with the same server.


def find(maps, kind, most, title, floor="array", suffix=""):
    name = f"find-{kind}:{maps}{suffix}"
    return Case(name, title, "call", ("floor_find", str(maps), floor),
                most=most, server=Alone(("bench_find", str(maps), kind)))


def moves(size, how, where="local"):
    return Alone(("dsa_engine", how, str(size), where, "ours", "{other}"))


def engine(name, title, how, size, target=None, most=None):
    copy = Alone(("dsa_engine", how, str(size), "local", "floor"))
    return Case(f"dsa:{name}", title, "move", copy, target, most, server=moves(size, how),
                across=True)


def remote(name, title, how):
    return Case(f"dsa:{name}", title, "move", moves(64, how), 1 / 0.8,
                server=moves(64, how, "remote"), across=True)


def operation(name, title, kind, size, kib, target=None):
    """A bare job that takes its ranges of `size` bytes out of as many KiB as are given."""
    argv = ("dsa_ops", kind, str(size), str(kib))
    return Case(f"dsa:{name}", title, "job", Alone((*argv, "floor")), target,
                server=Alone((*argv, "ours")), isal=True)


KIB, MIB = 1024, 1024 * 1024

CASES = (
    Case("read", "region read, 4 bytes", "read", ("floor_echo", "32", "36"), 1.05),
    Case("read:fds", "  beside an echo that takes fds", "read",
         ("floor_echo", "32", "36", "fds")),
    Case("flight", "64 reads in flight", "read", ("floor_batch", "32", "36"), 4.0),
    Case("post", "posted write, 8 bytes", "write", ("floor_post", "40", "32", "36"), 1.15),
    Case("post:batch", "  the same, SCHED_BATCH", "write", ("floor_post", "40", "32", "36"), 1.15,
         batch=True),
    Case("multi", "WRITE_MULTI, 200 writes", "message", ("floor_echo", "4824", "24"), 3.0),
    Case("config", "config read, 256 bytes", "read", ("floor_echo", "32", "288"), 1.05),
    Case("config:fds", "  beside an echo that takes fds", "read",
         ("floor_echo", "32", "288", "fds")),
    Case("config-last", "config read behind 21 caps", "read",
         Served("config-first", ("bench_caps", "none")), 1.02, server=("bench_caps", "all")),
    Case("dma", "DMA map+unmap, 4 KiB", "pair", ("floor_dma",), 1.10),
    Case("dma-held", "  the same, file in use", "pair", ("floor_dma",), 1.10),
    Case("dma-deep", "  65,000 maps deep", "pair", Served("dma", DEVICE), 1.10),
    Case("pull", "DMA read by message, 64 KiB", "read", ("floor_pull", "2", "32768"), 1.30,
         server=("bench_dma",)),
    Case("pull-twin", "  the same, on a twin socket", "read", ("floor_pull", "2", "32768"), 1.30,
         server=("bench_dma",)),
    Case("read:driver", "driver library: region read", "read", Served("read", DEVICE), 1.03,
         client="bench_driver"),
    Case("dma:driver", "  DMA map+unmap", "pair", Served("dma", DEVICE), client="bench_driver"),
    Case("dma-deep:driver", "  65,000 maps deep", "pair", Served("dma-deep", DEVICE),
         client="bench_driver"),
    Case("connect", "connect cycle", "cycle",
         ("floor_connect", "{request}", "{reply}", "{path}"), 1.12),
    Case("doorbell", "posted doorbell to interrupt", "wake-up", ("floor_doorbell", "36")),
    Case("event", "ioeventfd to interrupt", "round trip", ("floor_event",)),
    Case("ping:trigger", "round trip, back by MSI-X", "round trip", ("floor_event",), 1.05,
         server=("bench_ping", "trigger")),
    Case("ping:store", "round trip, back by a store", "round trip", ("floor_event",), 1.20,
         server=("bench_ping", "store")),
    Case("ping:trigger-across", "  by MSI-X, across CPUs", "round trip", ("floor_event", "{other}"),
         server=("bench_ping", "trigger"), across=True),
    Case("ping:store-across", "  by a store, across CPUs", "round trip",
         ("floor_event", "{other}"), server=("bench_ping", "store"), across=True),
    Case("mapped:read", "mapped register read", "read", ("floor_load",), most=5,
         server=Alone(("bench_mapped", "read"))),
    Case("mapped:write", "mapped register write", "write", ("floor_load",), most=5,
         server=Alone(("bench_mapped", "write"))),
    Case("mapped:both", "  write, then a read behind it", "pair", ("floor_load",), most=25,
         server=Alone(("bench_mapped", "both"))),
    find(1, "short", 8, "find, the same map again"),
    find(16, "short", 10, "find among 16 maps"),
    find(1000, "short", 14, "find among 1,000 maps"),
    find(1000, "short", None, "  beside a binary search", "search", ":search"),
    find(65000, "short", 25, "find among 65,000 maps"),
    find(65000, "short", None, "  beside a binary search", "search", ":search"),
    find(1000, "counted", 24, "pin and unpin, 1,000 maps"),
    find(65000, "counted", 35, "pin and unpin, 65,000 maps"),
    find(1000, "span", 60, "find a span of 16 maps"),
    Case("dma:mirror", "DMA map+unmap, mirrored", "pair", Served("dma", ("bench_mirror", "own")),
         2.2, server=("bench_mirror", "remote")),
    Case("dma-used:mirror", "  with a doorbell between them", "pair",
         Served("dma-used", ("bench_mirror", "own")), 2.2, server=("bench_mirror", "remote")),
    engine("single", "DSA: move 64 KiB, singly", "single", 64 * KIB, 1 / 0.80),
    engine("batch", "  in batches", "batch", 64 * KIB, 1 / 0.90),
    engine("single-large", "  1 MiB, singly", "single", MIB, 1 / 0.98),
    engine("batch-large", "  1 MiB, in batches", "batch", MIB, 1 / 0.98),
    engine("batch-small", "  64 bytes, in batches", "batch", 64, most=200),
    remote("remote-batch", "  remote engine, in batches", "batch"),
    remote("remote", "  remote engine, one by one", "stream"),
    remote("remote-single", "  remote engine, singly", "single"),
    operation("crc", "  CRC of 1 MiB", "crc", MIB, 1024, 1 / 0.98),
    operation("copy-crc", "  copy with CRC, two passes", "copy-crc", MIB, 64 * KIB, 1 / 1.3),
    operation("dif", "  DIF insert, 64 KiB", "dif-insert", 64 * KIB, 64, 1 / 1.5),
    operation("dif-large", "  1 MiB, beyond the cache", "dif-insert", MIB, 64 * KIB),
)
