# SPDX-License-Identifier: BSD-2-Clause
"""How the tests of the command run it: to its end, or as a server for as long as a test lasts."""

import contextlib
import os
import select
import signal
import subprocess

import pytest

TIMEOUT = 20.0  # seconds; a sanitised process is slow


def pytest_addoption(parser):
    parser.addoption("--umdev", required=True, help="the command under test")


class Umdev:
    """The command."""

    def __init__(self, executable):
        self.executable = os.path.abspath(executable)

    def run(self, *arguments, **options):
        """Runs it to its end. Returns what subprocess.run() does, with text."""
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run([self.executable, *arguments], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False,
                              **options)

    def ok(self, *arguments, **options):
        """Runs it, is to succeed without a diagnostic, and returns what it prints."""
        result = self.run(*arguments, **options)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    def refuses(self, status, *arguments, **options):
        """Runs it, is to end with that status and no data, and returns the diagnostic."""
        result = self.run(*arguments, **options)
        assert (result.returncode, result.stdout) == (status, "")
        return result.stderr

    @contextlib.contextmanager
    def serving(self, *arguments, verb="serve", **options):
        """Runs `umdev serve`, or another verb that serves, and waits until it says it is ready."""
        popen = subprocess.Popen([self.executable, verb, *arguments],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, **options)
        try:
            popen.ready = read_until(popen, arguments[0] + ": ", ("listening", "serving"))
            yield popen
        finally:
            if popen.poll() is None:
                popen.kill()
            popen.communicate()


def read_until(popen, prefix, words):
    """Reads stderr up to the line that says it is ready."""
    seen = ""
    while True:
        ready, _, _ = select.select([popen.stderr], [], [], TIMEOUT)
        line = popen.stderr.readline() if ready else ""
        seen += line
        if line.startswith(prefix) and line[len(prefix):].startswith(words):
            return line
        assert line, f"it is not ready: {seen}"


def stop(popen, number=signal.SIGTERM):
    """Ends a server. Returns its exit status."""
    popen.send_signal(number)
    return popen.wait(TIMEOUT)


@pytest.fixture(scope="session")
def umdev(request):
    return Umdev(request.config.getoption("--umdev"))


@pytest.fixture
def path(tmp_path):
    """Where to listen; short enough for a socket's path."""
    return str(tmp_path / "s")
