# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's control protocol on a connected socket: commands, their results, and events."""
import json
import select
import time


class QMPError(Exception):
    pass


class QMP:
    def __init__(self, socket):
        self.socket = socket
        self.buffer = b''
        self.events = []  # those not yet taken by wait_event()
        self.greeted = False

    def _message(self, deadline):
        """The next message from QEMU."""
        while b'\n' not in self.buffer:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not select.select([self.socket], [], [], remaining)[0]:
                raise TimeoutError('QEMU did not answer on QMP')
            data = self.socket.recv(65536)
            if not data:
                raise QMPError('QEMU closed its QMP socket')
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return json.loads(line)

    def _greet(self, deadline):
        self.greeted = True
        self._message(deadline)
        self.command('qmp_capabilities')

    def command(self, name, timeout=30, **arguments):
        """Execute a command; an underscore in an argument's name stands for its dash."""
        deadline = time.monotonic() + timeout
        if not self.greeted:
            self._greet(deadline)
        request = {'execute': name,
                   'arguments': {key.replace('_', '-'): arguments[key] for key in arguments}}
        self.socket.sendall(json.dumps(request).encode() + b'\n')
        while True:
            message = self._message(deadline)
            if 'return' in message:
                return message['return']
            if 'error' in message:
                raise QMPError(f"{name}: {message['error']['desc']}")
            if 'event' in message:
                self.events.append(message)

    def wait_event(self, name, timeout=30):
        """The next event of that name, also one that came during an earlier command."""
        deadline = time.monotonic() + timeout
        if not self.greeted:
            self._greet(deadline)
        while True:
            for event in self.events:
                if event['event'] == name:
                    self.events.remove(event)
                    return event
            message = self._message(deadline)
            if 'event' in message:
                self.events.append(message)
