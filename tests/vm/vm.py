# SPDX-License-Identifier: BSD-2-Clause
"""A Linux VM for a test: boots in a few seconds, runs scripts, is gone afterwards.

    with Server('serial', '-o', 'backend=null') as server, \\
         VM(devices=[vfio_user(server.path)]) as vm:
        result = vm.run('cat /proc/tty/driver/serial*')
        assert result.status == 0, result.output

The guest is a Debian kernel with busybox in RAM, under TCG, so that neither root nor KVM is
needed. Scripts and their output go through a virtio port of their own (see guest-init); the
console and the kernel's log are kept in files and their ends are shown when something fails.
"""
import functools
import itertools
import json
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import initramfs
from child import Child
from devices import intel_iommu, root_port, vfio_user  # noqa: F401 (tests take them from here)
from qmp import QMP
from script import Script

HERE = pathlib.Path(__file__).resolve().parent
BOOT_TIMEOUT = 120  # seconds; a boot takes 4 on an idle machine
RUN_TIMEOUT = 60

# Four serial ports are the machine's own (ttyS0 is the console), so ttyS4 is the first on PCI.
# no_timer_check: a busy host can fail the kernel's check that its timer works.
KERNEL_ARGUMENTS = ('console=ttyS0', 'quiet', 'panic=-1', 'no_timer_check', '8250.nr_uarts=16')

numbers = itertools.count(1)


class VMError(Exception):
    """The VM could not be prepared or started, or it went away."""


class VMTimeout(VMError):
    """The VM took longer than the test allows; it has been ended."""


class CannotPrepare(VMError):
    """There is no VM to be had here: a reason to skip."""


@functools.lru_cache(None)
def prepared(program='prepare'):
    """The root of the prepared QEMU and kernel; prepares them if they are not there yet."""
    result = subprocess.run([HERE / program], text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE)
    if result.returncode == 77:
        raise CannotPrepare('the test VM cannot be prepared here')
    if result.returncode:
        raise VMError('the test VM could not be prepared')
    return pathlib.Path(result.stdout.strip()) / 'root'


def debian_kernel():
    """The directory of Debian's kernel and its modules."""
    return next(prepared().glob('usr/lib/modules/*'))


def iommufd_kernel():
    """The directory of a small kernel that has VFIO's cdevs: see prepare-iommufd, iommufd.config.

    It has no modules: what VM() is asked to load is built in, or missing.
    """
    prepared()
    return next(prepared('prepare-iommufd').glob('usr/lib/modules/*'))


def built_modules():
    """The paths of modules of ours, and of those that Debian leaves out: see prepare-modules."""
    return sorted(prepared('prepare-modules').glob('*.ko'))


def qemu_command(root):
    """How to run QEMU with the loader, libraries and firmware that came with it."""
    libraries = root / 'usr/lib/x86_64-linux-gnu'
    return [libraries / 'ld-linux-x86-64.so.2', '--library-path', libraries,
            root / 'usr/bin/qemu-system-x86_64',
            '-L', root / 'usr/share/qemu', '-L', root / 'usr/share/seabios']


class VM:
    """A running guest, as a context manager; several can run at a time.

    devices           QEMU devices: dicts (see vfio_user) or strings as for -device
    modules, files, programs, pciutils, more_modules
                      what the guest has besides busybox: see initramfs.build
    kernel_arguments  more words for the kernel's command line
    kernel            where the kernel is: the directory that debian_kernel() gives, or another
    memory, smp       MiB, number of CPUs
    shared_memory     False: the guest's memory is QEMU's own, and devices reach it by messages
    qemu_arguments    anything else for QEMU's command line
    log_dir           where to leave the logs (default: $UMDEV_VM_LOGS, or nowhere)
    """

    def __init__(self, devices=(), modules=(), files=None, programs=(), pciutils=False,
                 kernel_arguments=(), memory=256, smp=1, shared_memory=True, qemu_arguments=(),
                 log_dir=None, boot_timeout=BOOT_TIMEOUT, kernel=None, more_modules=()):
        self.root = prepared()
        self.kernel = kernel or debian_kernel()
        self.name = f'{pathlib.Path(sys.argv[0]).stem}-{os.getpid()}-{next(numbers)}'
        self.log_dir = log_dir or os.environ.get('UMDEV_VM_LOGS')
        self.boot_timeout = boot_timeout
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='umdev-vm-'))
        self.child = None
        self.sockets = []
        try:
            (self.dir / 'initramfs').write_bytes(
                initramfs.build(self.root, self.kernel, modules, files, programs, pciutils,
                                more_modules))
            self._start(devices, kernel_arguments, memory, smp, shared_memory, qemu_arguments)
        except BaseException:
            self.end()
            raise

    def _start(self, devices, kernel_arguments, memory, smp, shared_memory, qemu_arguments):
        backend = 'memory-backend-memfd,share=on' if shared_memory else 'memory-backend-ram'
        self.agent, agent = self._socket_pair()
        control, qmp = self._socket_pair()
        self.qmp = QMP(control)
        self.command = [
            *qemu_command(self.root), '-name', self.name,
            '-M', 'q35,accel=tcg,memory-backend=ram', '-cpu', 'max', '-smp', smp, '-m', memory,
            '-object', f'{backend},id=ram,size={memory}M',
            '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none',
            '-kernel', self.kernel / 'vmlinuz',
            '-initrd', self.dir / 'initramfs',
            '-append', ' '.join((*KERNEL_ARGUMENTS, *kernel_arguments)),
            '-serial', f'file:{self.dir}/console.log',
            '-chardev', f'socket,id=qmp,fd={qmp.fileno()}', '-qmp', 'chardev:qmp',
            *self._device_arguments(devices),
            '-device', 'virtio-serial-pci',
            '-chardev', f'socket,id=agent,fd={agent.fileno()}',
            '-device', 'virtserialport,chardev=agent,name=umdev.agent',
            '-chardev', f'file,id=log,path={self.dir}/kernel.log',
            '-device', 'virtserialport,chardev=log,name=umdev.log',
            *qemu_arguments]
        self.command = [os.fspath(word) if isinstance(word, os.PathLike) else str(word)
                        for word in self.command]
        with open(self.dir / 'qemu.log', 'wb') as log:
            self.child = Child(self.command, stdout=log, stderr=log,
                               pass_fds=(agent.fileno(), qmp.fileno()))
        agent.close()
        qmp.close()

    def _socket_pair(self):
        pair = socket.socketpair()
        self.sockets.extend(pair)
        return pair

    @staticmethod
    def _device_arguments(devices):
        for device in devices:
            yield '-device'
            yield device if isinstance(device, str) else json.dumps(device)

    def __enter__(self):
        try:
            self._wait_ready()
        except BaseException as error:
            self._fail(error)
            raise
        return self

    def __exit__(self, kind, error, traceback):
        if error is None:
            self.end()
        else:
            self._fail(error)

    def _wait_ready(self):
        deadline = time.monotonic() + self.boot_timeout
        greeting = b''
        while not greeting.endswith(b'ready\n'):
            greeting += self.receive(deadline, f'the guest did not boot in {self.boot_timeout} s')

    def send(self, data, deadline):
        self.agent.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            self.agent.sendall(data)
        except OSError as error:
            self.child.end()
            raise VMError(f'cannot send to the guest: {error}') from error

    def receive(self, deadline, complaint):
        """What the guest has to say; past the deadline the VM is ended."""
        remaining = max(0, deadline - time.monotonic())
        if not select.select([self.agent], [], [], remaining)[0]:
            self.child.end()
            raise VMTimeout(complaint)
        data = self.agent.recv(65536)
        if not data:
            raise VMError(f'QEMU ended with status {self.child.end()}')
        return data

    def start(self, script, timeout=RUN_TIMEOUT):
        """Start a shell script in the guest; one at a time."""
        return Script(self, script, timeout)

    def run(self, script, timeout=RUN_TIMEOUT):
        """Run a shell script in the guest and return its Result."""
        return self.start(script, timeout).wait()

    def _fail(self, error):
        """Show what the VM said last, then end it."""
        if self.child:
            self.child.end()
            print(f'VM {self.name}: {type(error).__name__}: {error}', file=sys.stderr)
            for log in ('qemu.log', 'console.log', 'kernel.log'):
                for line in self.log(log)[-20:]:
                    print(f'  {log}: {line}', file=sys.stderr)
        self.end()

    def log(self, name):
        """The lines of a log so far: qemu.log, console.log (panics) or kernel.log."""
        try:
            text = (self.dir / name).read_text(errors='replace')
        except FileNotFoundError:
            return []
        # /dev/kmsg writes "priority,number,microseconds,flags;message".
        return re.sub(r'(?m)^\d+,\d+,(\d+)\d{3},[^;]*;', r'[\1 ms] ', text).splitlines()

    def end(self):
        if self.child:
            self.child.end()
        for end in self.sockets:
            end.close()
        if self.log_dir and self.dir.exists():
            os.makedirs(self.log_dir, exist_ok=True)
            for log in self.dir.glob('*.log'):
                shutil.copy(log, pathlib.Path(self.log_dir, f'{self.name}-{log.name}'))
        shutil.rmtree(self.dir, ignore_errors=True)
