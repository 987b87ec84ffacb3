#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Does the harness keep its promises? Small VMs, and no device of ours."""
import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from runner import run
from server import Server, ServerError
from vm import VM, VMTimeout, intel_iommu, root_port

HERE = pathlib.Path(__file__).resolve().parent


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition, what, timeout=10):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f'{what}: not within {timeout} s'
        time.sleep(0.05)


def script_returns_output_and_status():
    with VM(memory=192, smp=2) as vm:
        result = vm.run('echo out; echo err >&2; nproc; exit 3')
        assert (result.status, result.output) == (3, 'out\nerr\n2\n'), result
        every_byte = vm.run("i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %o $i)\"; "
                            'i=$((i+1)); done')
        assert every_byte.raw == bytes(range(256)), every_byte
        assert len(vm.run('head -c 1000000 /dev/zero').raw) == 1000000
        assert any('Linux version' in line for line in vm.log('kernel.log'))


def output_comes_line_by_line():
    with VM() as vm:
        arrivals = []
        for line in vm.start('echo one; sleep 1; echo; printf two').lines():
            arrivals.append((line, time.monotonic()))
        assert [line for line, when in arrivals] == ['one', '', 'two'], arrivals
        assert arrivals[1][1] - arrivals[0][1] > 0.5, arrivals


def our_files_and_programs_run():
    with tempfile.TemporaryDirectory() as directory:
        ours = pathlib.Path(directory, 'ours')
        ours.write_text('#!/bin/sh\necho "ours $1"\n')
        ours.chmod(0o755)
        # bash stands for a program that needs shared libraries: busybox has none of that name.
        with VM(files={'/opt/ours': ours, '/etc/data': b'data'}, programs=['/bin/bash'],
                pciutils=True) as vm:
            result = vm.run('/opt/ours $(cat /etc/data) && bash -c \'echo "${BASH_VERSINFO[0]}"\'')
            names = vm.run('lspci -s 0:0.0')
            ids = vm.run('setpci -s 0:0.0 VENDOR_ID DEVICE_ID')
    assert result.status == 0 and result.output.startswith('ours data\n'), result
    assert names.output.startswith('00:00.0 Host bridge: Intel Corporation 82G33'), names
    assert ids.output == '8086\n29c0\n', ids


def modules_bring_their_dependencies():
    with VM(modules=['vfio-pci', 'vfio_iommu_type1', 'nvme']) as vm:
        loaded = vm.run('cut -d" " -f1 /proc/modules').output.split()
    assert {'vfio_pci', 'vfio_pci_core', 'vfio', 'vfio_iommu_type1', 'nvme_core'} <= set(loaded)


def timeout_ends_the_vm():
    with VM() as vm:
        started = time.monotonic()
        try:
            vm.run('sleep 1000', timeout=1)
            raise AssertionError('the script did not time out')
        except VMTimeout:
            assert time.monotonic() - started < 10
        assert not alive(vm.child.pid)
    assert not vm.dir.exists()


KILLED_TEST = """
import time, runner, vm
runner.end_on_signals()
with vm.VM() as guest:
    print(guest.child.pid, flush=True)
    time.sleep(1000)
"""


def killed_test_leaves_no_vm():
    for how in (signal.SIGKILL, signal.SIGTERM):
        with tempfile.TemporaryDirectory() as directory:
            with subprocess.Popen([sys.executable, '-c', KILLED_TEST], cwd=HERE, text=True,
                                  env={**os.environ, 'TMPDIR': directory},
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as test:
                pid = int(test.stdout.readline())
                assert alive(pid)
                test.send_signal(how)
            wait_until(lambda: not alive(pid), f'end of the VM after {how.name}')
            assert how == signal.SIGKILL or not os.listdir(directory)


# Stands for umdev: listens on its socket (argument 5), and ends with the status of argument 3.
FAKE_UMDEV = f"""#!{sys.executable}
import os, signal, socket, sys
path, status = sys.argv[5], int(sys.argv[3])
def end(number, frame):
    os.unlink(path)
    sys.exit(status)
signal.signal(signal.SIGTERM, end)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
while True:
    signal.pause()
"""


def server_must_end_well():
    with tempfile.TemporaryDirectory() as directory:
        fake = pathlib.Path(directory, 'umdev')
        fake.write_text(FAKE_UMDEV)
        fake.chmod(0o755)
        with Server('kind', '0', umdev=fake) as server:
            assert server.path.is_socket()
        assert not alive(server.child.pid) and not server.dir.exists()
        for arguments in (['1'], ['not a number']):
            try:
                with contextlib.redirect_stderr(io.StringIO()), \
                        Server('kind', *arguments, umdev=fake):
                    pass
                raise AssertionError('the failure was not noticed')
            except ServerError:
                pass


def viommu_makes_groups():
    with VM(devices=[intel_iommu(intremap=True)], kernel_arguments=['intel_iommu=on']) as vm:
        groups = vm.run('ls /sys/kernel/iommu_groups; dmesg | grep "IRQ remapping"')
    assert groups.status == 0 and groups.output.startswith('0\n'), groups


def hot_plug_while_another_vm_runs():
    find_port = 'ls -d /sys/bus/pci/drivers/serial/*:*'
    with VM() as other, VM(devices=[root_port('rp1')]) as vm:
        assert vm.run(find_port).status != 0
        vm.qmp.command('device_add', driver='pci-serial', bus='rp1', id='plugged')
        appeared = vm.run(f'until {find_port}; do usleep 50000; done 2>/dev/null', timeout=30)
        assert appeared.output.count('\n') == 1, appeared
        vm.qmp.command('device_del', id='plugged')
        vm.qmp.wait_event('DEVICE_DELETED')
        assert vm.run(find_port).status != 0
        assert other.run('true').status == 0


if __name__ == '__main__':
    run(script_returns_output_and_status, output_comes_line_by_line, our_files_and_programs_run,
        modules_bring_their_dependencies, timeout_ends_the_vm, killed_test_leaves_no_vm,
        server_must_end_well, viommu_makes_groups, hot_plug_while_another_vm_runs)
