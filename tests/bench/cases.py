# SPDX-License-Identifier: BSD-2-Clause
"""What is measured: each case of the client, its floor, and the target for their ratio."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str  # of bench_client's case, up to a colon
    title: str
    unit: str  # what one operation is
    floor: tuple  # program and arguments after MILLISECONDS; {...} is filled in from the run
    target: float | None = None  # ours at most so many times the floor
    batch: bool = False  # under SCHED_BATCH, where a process that wakes up preempts no other


# Posted writes are measured twice. By default a draining peer that wakes up preempts the sender
# every few messages, so that a slower peer costs less than its work; under SCHED_BATCH it shows.
#
# A read is shown beside a second floor too: recvmsg() with room for fds costs about 4% more than the
# plain recv() that a server of this protocol cannot use, since it would lose what a client attaches.
#
# Sizes are vfio-user's, in bytes, with the header of 16: a region access is 16 more, then its data.
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
    Case("dma", "DMA map+unmap, 4 KiB", "pair", ("floor_dma",), 1.10),
    Case("dma-held", "  the same, file in use", "pair", ("floor_dma",), 1.10),
    Case("connect", "connect cycle", "cycle",
         ("floor_connect", "{request}", "{reply}", "{path}"), 1.12),
    Case("doorbell", "posted doorbell to interrupt", "wake-up", ("floor_doorbell", "36")),
    Case("event", "ioeventfd to interrupt", "round trip", ("floor_event",)),
)
