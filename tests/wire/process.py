# SPDX-License-Identifier: BSD-2-Clause
"""The served device as a process: started, ended by its pid, and looked at through /proc."""

import contextlib
import os
import select
import signal
import subprocess
import time

TIMEOUT = 10.0  # seconds; a sanitised process is slow to start and to end


def wait_until(condition, what, timeout=5.0):
    """Polls until condition() is true."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.0005)


class DeviceProcess:
    """A wire-device."""

    def __init__(self, executable, arguments, pass_fds=()):
        self.popen = subprocess.Popen([executable, *arguments], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, pass_fds=pass_fds)
        self.pid = self.popen.pid
        ready, _, _ = select.select([self.popen.stdout], [], [], TIMEOUT)
        line = self.popen.stdout.readline() if ready else b"(nothing)"
        if line != b"ready\n":
            self.kill()
            raise AssertionError(f"{executable} said {line!r} instead of being ready")

    def running(self):
        return self.popen.poll() is None

    def wait(self, timeout=TIMEOUT):
        """The exit status, once it ends by itself."""
        return self.popen.wait(timeout)

    def said(self):
        """What it said before it ended."""
        self.wait()
        return self.popen.stdout.read().decode().splitlines()

    def stop(self, timeout=TIMEOUT):
        """Asks it to end. Returns its exit status."""
        self.popen.send_signal(signal.SIGTERM)
        try:
            status = self.wait(timeout)
        finally:
            self.kill()
        return status

    def kill(self):
        """Ends it whatever it does, if it still runs."""
        if self.running():
            self.popen.kill()
            self.popen.wait()
        self.popen.stdout.close()

    # ---- What it holds

    def _proc(self, name):
        with open(f"/proc/{self.pid}/{name}", encoding="ascii", errors="replace") as file:
            return file.read()

    def fds(self):
        """What its descriptors are, by number."""
        folder = f"/proc/{self.pid}/fd"
        links = {}
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                links[int(name)] = os.readlink(f"{folder}/{name}")
        return links

    def threads(self):
        return os.listdir(f"/proc/{self.pid}/task")

    def waits_in(self, thread):
        """The kernel's function in which a thread waits; "" for a thread that is gone."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return self._proc(f"task/{thread}/wchan")
        return ""

    def vmas(self):
        return len(self._proc("maps").splitlines())

    def _statm(self, field):
        return int(self._proc("statm").split()[field]) * os.sysconf("SC_PAGE_SIZE")

    def rss(self):
        """Resident bytes that are not file or shared memory."""
        return self._statm(1) - self._statm(2)

    def data(self):
        """Bytes of heap, stack and other private writable memory, resident or not."""
        return self._statm(5)

    def cpu(self):
        """Seconds of CPU it has used."""
        return int(self._proc("schedstat").split()[0]) / 1e9

    # ---- When it runs

    @contextlib.contextmanager
    def frozen(self):
        """Stops it for a while, so that all that is sent meanwhile arrives together."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: self._proc("stat").rpartition(") ")[2][0] == "T", "a stop")
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)
