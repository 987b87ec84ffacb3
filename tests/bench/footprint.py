# SPDX-License-Identifier: BSD-2-Clause
"""What a server occupies and does: mappings, memory, wake-ups and CPU time, from /proc."""

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from programs import Failure

MAPS = 65535


@dataclass
class Figure:
    title: str
    value: float
    unit: str
    target: float | None = None  # at most
    digits: int = 0  # behind the point

    @property
    def over(self):
        return self.target is not None and self.value > self.target


def vmas(pid):
    return len(Path(f"/proc/{pid}/maps").read_text().splitlines())


def pss(pid):
    """KiB: memory of its own, and its share of what it has in common with other processes."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1])


def wakeups(pid):
    status = [p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", s, re.M)[1]) for s in status)


def cpu(pid):
    """Nanoseconds of CPU time."""
    return sum(int(p.read_text().split()[0]) for p in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def many_maps(programs):
    """65,535 maps of one file at once."""
    with programs.serving() as (server, path):
        with programs.holding("hold", path):
            before = vmas(server.pid), pss(server.pid)
        with programs.holding("maps", path) as client:
            after = vmas(server.pid), pss(server.pid)
    return [
        Figure(f"maps accepted, of {MAPS}", client["maps"], ""),
        Figure("  VMAs", after[0], "", 100),
        Figure("  VMAs before", before[0], ""),
        Figure("  PSS", after[1], "KiB", 8 * 1024),
        Figure("  PSS before", before[1], "KiB"),
        Figure("  time of one map", client["ns"], "ns"),
    ]


def check_maps(figures):
    """Fails unless many_maps() found all maps accepted without a mapping of memory for each."""
    accepted, after, before = (figure.value for figure in figures[:3])
    if accepted != MAPS or after - before > 100:
        raise Failure(f"{accepted:.0f} maps accepted, VMAs from {before} to {after}")


def resting(pid, title, seconds):
    time.sleep(0.2)  # what follows from starting or from the client's last message
    switches, nanoseconds = wakeups(pid), cpu(pid)
    time.sleep(seconds)
    return [
        Figure(f"{title}: PSS", pss(pid), "KiB", 500),
        Figure(f"  wake-ups in {seconds:g} s", wakeups(pid) - switches, "", 0),
        Figure(f"  CPU time in {seconds:g} s", (cpu(pid) - nanoseconds) / 1000, "us", 0),
    ]


def waiting(programs):
    """What any process occupies that only waits: mostly its share of libc, so it depends on how
    many processes there are."""
    with subprocess.Popen([programs.bench("floor_idle")]) as process:
        try:
            time.sleep(0.2)
            return Figure("a process that only waits: PSS", pss(process.pid), "KiB")
        finally:
            process.kill()


def idle(programs, seconds):
    """A server with nothing to do, before its first client and with one: the serial port's, or
    where that is not built, the device measured here."""
    umdev = programs.build / "cli" / "umdev"
    argv, name = None, "bench_device"
    if os.access(umdev, os.X_OK):
        argv, name = [str(umdev), "serve", "serial", "--socket-path", "{path}",
                      "-o", "backend=null"], "serve serial"
    with programs.serving(argv) as (server, path):
        while not os.path.exists(path) and server.poll() is None:
            time.sleep(0.01)
        figures = resting(server.pid, f"idle {name}, no client", seconds)
        with programs.holding("hold", path):
            figures += resting(server.pid, f"idle {name}, a client", seconds)
        figures.append(waiting(programs))
    return figures
