# SPDX-License-Identifier: BSD-2-Clause
"""A device that a server offers, for as long as a `with` block lasts.

Server is `umdev serve`, Program another program. Leaving the block ends it with SIGTERM; it must
then exit with status 0 and have removed its socket.
"""
import os
import pathlib
import shutil
import sys
import tempfile
import time

from child import Child

START_TIMEOUT = 10  # seconds
SO_ACCEPTCON = 0x10000  # /proc/net/unix: the socket listens


class ServerError(Exception):
    pass


def listening(path):
    """Is there a listening Unix socket of this name? (Connecting would make us its client.)"""
    for line in pathlib.Path('/proc/net/unix').read_text().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if fields[7:] == [str(path)] and int(fields[3], 16) & SO_ACCEPTCON:
            return True
    return False


class Program:
    """A program that takes the path of its socket as the last argument."""

    def __init__(self, *command):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='umdev-server-'))
        self.path = self.dir / 'device.sock'
        self.command = [*map(str, command), str(self.path)]
        self.child = None

    def __enter__(self):
        with open(self.dir / 'log', 'wb') as log:
            self.child = Child(self.command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT
        while not listening(self.path):
            if self.child.ended() or time.monotonic() > deadline:
                status = self.child.end()
                error = ServerError(f'no server at its socket; it ended with status {status}')
                self._finish(error)
                raise error
            time.sleep(0.01)
        return self

    def __exit__(self, kind, error, traceback):
        status = self.child.end()
        left = self.path.exists()
        if not error and (status or left):
            ours = ServerError(f'the server ended with status {status}'
                               + (' and left its socket' if left else ''))
            self._finish(ours)
            raise ours
        self._finish(error)

    def log(self):
        """What the server has said so far on stdout and stderr, in lines."""
        return (self.dir / 'log').read_text(errors='replace').splitlines()

    def _finish(self, error):
        if error:
            print(f"{' '.join(self.command)}: {error}", file=sys.stderr)
            for line in self.log()[-30:]:
                print(f'  server: {line}', file=sys.stderr)
        shutil.rmtree(self.dir, ignore_errors=True)


class Server(Program):
    """`umdev serve KIND ARGUMENTS`. The umdev to run is $UMDEV, or `umdev=`."""

    def __init__(self, kind, *arguments, umdev=None):
        umdev = umdev or os.environ.get('UMDEV')
        if not umdev:
            raise ServerError('which umdev? Set UMDEV to the path of the executable')
        if not os.access(umdev, os.X_OK):
            raise ServerError(f'there is no executable {umdev}')
        super().__init__(umdev, 'serve', kind, *arguments, '--socket-path')
