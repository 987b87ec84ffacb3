# SPDX-License-Identifier: BSD-2-Clause
"""A parent process for the tests that share one."""

import contextlib
import os
import select
import signal
import subprocess
import time

import pytest

import raw

VICTIM, INTRUDER = 7, 8


def pytest_addoption(parser):
    parser.addoption("--umdev", required=True, help="the command")
    parser.addoption("--dsa-copy", required=True, help="the example program")


class Parent:
    """`umdev parent dsa` with two owners and its status."""

    def __init__(self, umdev, folder):
        self.victim, self.intruder = str(folder / "v"), str(folder / "i")
        self.status_path = str(folder / "s")
        self.popen = subprocess.Popen(
            [umdev, "parent", "dsa", "--listen", f"{VICTIM}:{self.victim}", "--listen",
             f"{INTRUDER}:{self.intruder}", "--status", self.status_path],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.popen.stderr], [], [], 20)
        assert ready and self.popen.stderr.readline().startswith("dsa: listening")

    def counted(self, owner, descriptors):
        """An owner's counters, once so many descriptors are counted: behind their completion."""
        end = time.monotonic() + raw.TIMEOUT
        while True:
            counters = raw.read_status(self.status_path)[owner]
            if counters["descriptors"] >= descriptors or time.monotonic() > end:
                return counters
            time.sleep(0.001)

    def stop(self):
        """Ends it by SIGTERM. Returns its exit status."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(20)


@pytest.fixture
def parent(request, tmp_path):
    umdev = os.path.abspath(request.config.getoption("--umdev"))
    with contextlib.closing(contextlib.ExitStack()) as stack:
        it = Parent(umdev, tmp_path)
        stack.callback(it.popen.communicate)
        stack.callback(lambda: it.popen.poll() is None and it.popen.kill())
        yield it


@pytest.fixture
def dsa_copy(request):
    return os.path.abspath(request.config.getoption("--dsa-copy"))
