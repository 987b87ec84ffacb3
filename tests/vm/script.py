# SPDX-License-Identifier: BSD-2-Clause
"""A shell script that runs in a guest: its output as it comes, then its result.

The guest marks the end of the output with a random token and the exit status (see guest-init).
"""
import dataclasses
import re
import secrets
import select
import time


@dataclasses.dataclass
class Result:
    """What a script in the guest left: its exit status, and stdout and stderr in one."""
    status: int
    raw: bytes

    @property
    def output(self):
        return self.raw.decode(errors='replace')


class Script:
    """A script that is running in the guest. Take its output as it comes, then its result."""

    def __init__(self, vm, script, timeout):
        self.vm = vm
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout
        self.token = secrets.token_hex(16).encode()
        self.raw = b''
        self.result = None
        script = script.encode()
        vm.send(b'run %s %d\n%s' % (self.token, len(script), script), self.deadline)

    def _receive(self):
        """Take one more piece of output, or the end of it."""
        complaint = f'the script ran for {self.timeout} s; its output ends: {self.raw[-200:]}'
        self.raw += self.vm.receive(self.deadline, complaint)
        mark = re.search(rb'\n%s (\d+)\n' % self.token, self.raw)
        if mark:
            self.raw = self.raw[:mark.start()]
            self.result = Result(int(mark.group(1)), self.raw)

    def lines(self):
        """The output's lines, each as soon as it is complete."""
        start = 0
        while True:
            end = self.raw.find(b'\n', start)
            # An empty line may turn out to be the beginning of the end mark.
            doubtful = end == start and self.token.startswith(self.raw[end + 1:][:len(self.token)])
            if end >= 0 and (self.result or not doubtful):
                yield self.raw[start:end].decode(errors='replace')
                start = end + 1
            elif not self.result:
                self._receive()
            else:
                break
        if start < len(self.raw):
            yield self.raw[start:].decode(errors='replace')

    def poll(self):
        """Has it ended? Takes what output there is, and does not wait for more."""
        while not self.result and (select.select([self.vm.agent], [], [], 0)[0]
                                   or time.monotonic() > self.deadline):
            self._receive()
        return self.result is not None

    def wait(self):
        while not self.result:
            self._receive()
        return self.result
