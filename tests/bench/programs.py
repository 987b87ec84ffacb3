# SPDX-License-Identifier: BSD-2-Clause
"""Runs the programs that a measurement consists of, and reads what they print."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

from cases import DEVICE, Alone, Served

TIMEOUT = 60  # seconds: nothing here takes a tenth of it


class Failure(Exception):
    """A program that did not do what it is there for."""


def parse(text):
    """The name=value pairs that a program printed, values as numbers."""
    return {name: float(value) for name, value in (word.split("=") for word in text.split())}


def run(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(argv)}: not done after {TIMEOUT} s") from None
    if done.returncode:
        raise Failure(f"{Path(argv[0]).name} {' '.join(argv[1:])}: status {done.returncode}\n"
                      f"{done.stderr.strip()}")
    return parse(done.stdout)


def end(process):
    """Ends a server the polite way; returns its status."""
    process.terminate()
    try:
        return process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Failure("the server did not end on SIGTERM") from None


@contextlib.contextmanager
def on_cpu(cpu):
    """Programs started meanwhile run on a CPU, or with None where this one may."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if cpu is None else {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Programs:
    """The executables of one build directory, a scratch directory for sockets, and the CPU of those
    servers that do not share their client's, or None."""

    def __init__(self, build, scratch, other):
        self.build, self.scratch, self.other = Path(build), Path(scratch), other
        self.sizes = {}  # of the connect cycle's exchange, in bytes
        self.served = 0  # servers so far

    def bench(self, name):
        return str(self.build / "tests" / "bench" / name)

    def has_isal(self):
        """Whether ISA-L was there when the programs were built."""
        return run([self.bench("dsa_ops"), "isal"])["isal"] == 1

    def device(self, server):
        """The command line of one of the devices that are measured."""
        return (self.bench(server[0]), "{path}", *server[1:])

    @contextlib.contextmanager
    def serving(self, argv=None, across=False):
        """A server in a process of its own: yields it and its socket path."""
        self.served += 1
        path = str(self.scratch / f"s{self.served}")
        argv = [word.format(path=path) for word in argv or self.device(DEVICE)]
        with tempfile.TemporaryFile("w+") as log:
            with on_cpu(self.other if across else None):
                process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                yield process, path
            finally:
                status = end(process)
                if status:  # this also explains what the client ran into
                    log.seek(0)
                    raise Failure(f"{Path(argv[0]).name}: status {status}\n{log.read().strip()}")

    def ours(self, case, milliseconds, server=DEVICE, across=False, client="bench_client"):
        """One repetition against our server, in processes of its own as the floor is."""
        if isinstance(server, Alone):
            program, *arguments = (word.format(other=self.other) for word in server.argv)
            return run([self.bench(program), str(milliseconds), *arguments])
        with self.serving(self.device(server), across) as (_, path):
            return run([self.bench(client), case, path, str(milliseconds)])

    def floor(self, floor, milliseconds):
        """One repetition of a floor. The connect cycle's needs the sizes that ours exchanges."""
        if isinstance(floor, Alone):
            return self.ours("", milliseconds, floor)
        if isinstance(floor, Served):
            return self.ours(floor.case, milliseconds, floor.server)
        if "{reply}" in floor and not self.sizes:
            self.sizes = {k: int(v) for k, v in self.ours("version", 0).items()}
        path = self.scratch / "floor"
        program, *arguments = (word.format(path=path, other=self.other, **self.sizes)
                               for word in floor)
        return run([self.bench(program), str(milliseconds), *arguments])

    @contextlib.contextmanager
    def holding(self, case, path):
        """A client that has done its case and stays connected: yields what it printed."""
        argv = [self.bench("bench_client"), case, path, "0"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as client:
            said = client.stdout.readline()
            if not said:
                raise Failure(f"bench_client {case} failed")
            yield parse(said)
            client.stdin.close()
