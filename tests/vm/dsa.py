# SPDX-License-Identifier: BSD-2-Clause
"""Intel DSAs that umdev serves, and guests whose idxd, as Debian ships it, drives them.

    with device(FULL) as dsa, guest(dsa.path) as vm:
        configure(vm)
        enable(vm)
        result = copy(vm, 1000)

The command lines of umdev's are here and nowhere else. What a guest needs beside idxd is
guest/movdir64b, since TCG has no MOVDIR64B, and dmatest.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import socket
import tempfile
import time

from child import Child
from server import Program, Server, listening
from vm import VM, built_modules, vfio_user

FULL, SLICE = 'dsa-full-v1', 'dsa-1dwq-v1'

MODULES = ('umdev_movdir64b', 'idxd', 'dmatest')
BUFFER_SIZE = 16384  # dmatest copies so many bytes at most


class DSAError(Exception):
    """The guest's driver did not do as it was told."""


# ---- Serving ------------------------------------------------------------------------------------


@dataclasses.dataclass
class Device:
    """A served device: its socket, and how to ask what it has done."""
    path: pathlib.Path
    status: pathlib.Path

    def counters(self):
        """Those of the only owner there is."""
        (owner,) = read_status(self.status).values()
        return owner


@contextlib.contextmanager
def device(kind, *options, umdev=None):
    """A device with an engine of its own; options as for -o."""
    with tempfile.TemporaryDirectory(prefix='umdev-dsa-') as directory:
        status = pathlib.Path(directory, 'status')
        words = [word for option in (f'status={status}', *options) for word in ('-o', option)]
        with Server(kind, *words, umdev=umdev) as server:
            yield Device(server.path, status)


def slice_of(parent, owner, umdev=None):
    """A server of a slice of a parent's."""
    return Server(SLICE, '-o', f'parent={parent.doors[owner]}', umdev=umdev)


@dataclasses.dataclass
class Parent:
    """A process with an engine that others share, each at a socket of its own."""
    doors: dict  # the sockets by owner
    status: pathlib.Path
    command: list

    def counters(self):
        return read_status(self.status)

    def counted(self, owner, descriptors, seconds=10):
        """An owner's counters, once they have so many descriptors: they follow the completions."""
        deadline = time.monotonic() + seconds
        while True:
            counters = self.counters()
            if owner in counters and counters[owner]['descriptors'] >= descriptors:
                return counters[owner]
            if time.monotonic() > deadline:
                raise DSAError(f'owner {owner} has not had {descriptors} descriptors: {counters}')
            time.sleep(0.01)


@contextlib.contextmanager
def parent_for(*owners, umdev=None):
    with tempfile.TemporaryDirectory(prefix='umdev-parent-') as directory:
        doors = {owner: pathlib.Path(directory, f'owner-{owner}') for owner in owners}
        words = [word for owner, path in doors.items() for word in ('--listen', f'{owner}:{path}')]
        command = (umdev or os.environ['UMDEV'], 'parent', 'dsa', *words, '--status')
        with Program(*command) as program:
            wait_listening(doors.values())
            yield Parent(doors, program.path, program.command)


def wait_listening(paths, seconds=10):
    deadline = time.monotonic() + seconds
    while not all(listening(path) for path in paths):
        if time.monotonic() > deadline:
            raise DSAError('the parent does not listen for all its owners')
        time.sleep(0.01)


def read_status(path):
    """The counters by owner: descriptors, bytes, interrupts, faults, refused..."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(os.fspath(path))
        data = b''.join(iter(lambda: connection.recv(65536), b''))
    return {owner.pop('owner'): owner for owner in json.loads(data)['owners']}


class HostProgram:
    """The program that copies on the host; started again when it has ended, while there is work."""

    def __init__(self, program, parent, owner, copies):
        self.command = [program, parent.doors[owner], '-n', str(copies)]
        self.each = copies
        self.copies = 0
        self.child = None
        self.output = tempfile.TemporaryFile('w+')

    def go_on(self):
        if self.child and self.child.ended():
            self.finish()
        if not self.child:
            self.child = Child(self.command, stdout=self.output, stderr=self.output)

    def finish(self):
        """Wait for its end, if it runs; it has to have copied all."""
        if not self.child:
            return
        status = self.child.process.wait(60)
        self.child.end()
        self.child = None
        if status:
            self.output.seek(0)
            raise DSAError(f'{self.command[0]} ended with status {status}: {self.output.read()}')
        self.copies += self.each


# ---- Driving ------------------------------------------------------------------------------------


def guest(*paths, **keywords):
    """A guest with DSAs; keywords as for VM."""
    arguments = ('setcpuid=movdir64b', *keywords.pop('kernel_arguments', ()))
    return VM(devices=[vfio_user(path) for path in paths], modules=MODULES,
              more_modules=built_modules(), kernel_arguments=arguments, **keywords)


def run(vm, script, timeout=60):
    """What a script says; it has to succeed."""
    result = vm.run(f'set -e\ncd /sys/bus/dsa/devices\n{script}', timeout=timeout)
    if result.status:
        command = vm.run('cat /sys/bus/dsa/devices/dsa*/cmd_status').output.strip()
        raise DSAError(f'{script}\nended with status {result.status} (of the last command: '
                       f'{command}): {result.output}')
    return result.output


def configure(vm, size=16):
    """Give the first engine and a work queue of the full device to the first group."""
    run(vm, f'''
        echo 0 >engine0.0/group_id
        echo 0 >wq0.0/group_id
        echo dedicated >wq0.0/mode
        echo {size} >wq0.0/size
        echo 10 >wq0.0/priority''')


def enable(vm):
    """Have the kernel use the work queue for its DMA engine API.

    Where the configuration is read-only, the driver has enabled the device by itself.
    """
    run(vm, '''
        echo kernel >wq0.0/type
        echo umdev >wq0.0/name
        echo dmaengine >wq0.0/driver_name
        [ $(cat dsa0/state) = enabled ] || echo dsa0 >/sys/bus/dsa/drivers/idxd/bind
        echo wq0.0 >/sys/bus/dsa/drivers/dmaengine/bind''')


def disable(vm):
    run(vm, '''
        echo wq0.0 >/sys/bus/dsa/drivers/dmaengine/unbind
        echo dsa0 >/sys/bus/dsa/drivers/idxd/unbind''')


def probe_again(vm):
    """Take the PCI device from the driver and give it back."""
    run(vm, '''
        device=$(basename $(readlink -f dsa0/..))
        echo $device >/sys/bus/pci/drivers/idxd/unbind
        ! [ -e dsa0 ]
        echo $device >/sys/bus/pci/drivers/idxd/bind
        [ -e dsa0 ]''')


@dataclasses.dataclass
class Copies:
    """What dmatest has to say of a run, and what the guest has counted meanwhile."""
    tests: int
    failures: int
    interrupts: int  # by work queues
    emulated: int    # MOVDIR64B
    rate: float      # copies a second
    said: str


COUNTS = '''
count() {
    echo $1 $(awk '/idxd-portal/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) sum += $i }
                   END { print sum + 0 }' /proc/interrupts) \\
         $(cat /sys/module/umdev_movdir64b/parameters/emulated)
}'''


def interrupts(vm):
    """So many a guest has had from work queues."""
    return int(run(vm, f'{COUNTS}\ncount now').split()[1])


def copy_script(count):
    """dmatest on the work queue: copies at random offsets, verified, completed by interrupt."""
    return f'''{COUNTS}
        cd /sys/module/dmatest/parameters
        dmesg -c >/dev/null
        echo {count} >iterations
        echo 1 >threads_per_chan
        echo {BUFFER_SIZE} >test_buf_size
        echo 20000 >timeout
        echo 0 >polled
        echo 0 >noverify
        basename /sys/class/dma/dma*chan* >channel
        count before
        echo 1 >run
        cat wait >/dev/null
        count after
        cat run >/dev/null  # lets go of the queue
        dmesg'''


def copies_from(said):
    """The Copies from what copy_script() says."""
    summary = re.search(r'summary (\d+) tests, (\d+) failures ([\d.]+) iops', said)
    counts = [[int(word) for word in line.split()[1:]] for line in said.splitlines()
              if line.startswith(('before ', 'after '))]
    if not summary or len(counts) != 2:
        raise DSAError(f'dmatest did not come to an end:\n{said}')
    (interrupts, emulated), (interrupts_then, emulated_then) = counts
    return Copies(int(summary.group(1)), int(summary.group(2)), interrupts_then - interrupts,
                  emulated_then - emulated, float(summary.group(3)), said)


def copy(vm, count, timeout=120):
    return copies_from(run(vm, copy_script(count), timeout))
