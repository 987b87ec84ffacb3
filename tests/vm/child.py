# SPDX-License-Identifier: BSD-2-Clause
"""A child process that never outlives us: it is ended by its pid, whatever happens.

An orderly end comes from `end()` (which users call from a context manager) or at exit; if we are
killed outright, the kernel kills the child (PR_SET_PDEATHSIG). Start children from the main
thread: for the kernel, the thread that started a child is its parent.
"""
import atexit
import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


class Child:
    def __init__(self, command, **popen_arguments):
        parent = os.getpid()

        def die_with_parent():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

        self.process = subprocess.Popen([os.fspath(word) for word in command],
                                        stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
                                        **popen_arguments)
        atexit.register(self.end)

    @property
    def pid(self):
        return self.process.pid

    def ended(self):
        return self.process.poll() is not None

    def end(self, grace=5):
        """Ask it to end, insist after `grace` seconds; its exit status (negative: a signal's)."""
        atexit.unregister(self.end)
        if not self.ended():
            self.process.terminate()
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()
