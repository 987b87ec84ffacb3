#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A kernel with IOMMUFD: a device that QEMU emulates is opened by a node of its own.

usage: iommufd_test.py GUEST_OPEN
"""
import contextlib
import os
import sys

from runner import run
from vm import VM, intel_iommu, iommufd_kernel

EDU = '0000:00:05.0'
NODE = '/dev/vfio/devices/vfio0'
PASSWD = b'root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n'


@contextlib.contextmanager
def scene():
    with VM(kernel=iommufd_kernel(), kernel_arguments=['intel_iommu=on'],
            devices=[intel_iommu(intremap=True), {'driver': 'edu', 'addr': '5'}],
            programs=[sys.argv[1], os.environ['UMDEV']], files={'/etc/passwd': PASSWD}) as vm:
        yield vm


def succeeds(vm, script):
    result = vm.run(script)
    assert result.status == 0, result
    return result.output


def it_has_what_the_programs_need(vm):
    succeeds(vm, 'test -c /dev/iommu && test -c /dev/vfio/vfio && test -d /proc/self/fd')
    assert 'Linux' in succeeds(vm, 'cat /proc/version')
    names = succeeds(vm, 'ls /sys/kernel/iommu_groups').split()
    assert len(names) > 1, names


def bind_finds_the_node_of_the_device(vm):
    lines = succeeds(vm, f'umdev bind {EDU} --user alice').splitlines()
    assert f'  cdev   {NODE}, of alice' in lines, lines
    assert f'to use {NODE}, its user must also be let into /dev/iommu' in lines[-1], lines
    assert succeeds(vm, f'stat -c "%F %a %U" {NODE}') == 'character special file 600 alice\n'


def the_user_opens_it_by_its_node(vm):
    result = vm.run(f'su alice -c "guest-open cdev {NODE}" </dev/null')
    assert result.status == 1 and '/dev/iommu: Permission denied' in result.output, result
    succeeds(vm, 'chmod 0666 /dev/iommu')
    assert succeeds(vm, f'su alice -c "guest-open cdev {NODE}" </dev/null') == '1234:11e8\n'


def the_user_opens_it_by_its_group(vm):
    assert succeeds(vm, f'su alice -c "guest-open group {EDU}" </dev/null') == '1234:11e8\n'


def nobody_takes_it_from_a_program(vm):
    result = vm.run(f'''
        mkfifo /tmp/input
        su alice -c 'guest-open cdev {NODE}' </tmp/input >/tmp/output &
        exec 4>/tmp/input
        until [ -s /tmp/output ]; do usleep 10000; done
        umdev unbind {EDU}; echo status $?
        exec 4>&-
        wait
        umdev unbind {EDU}''')
    lines = result.output.splitlines()
    assert 'is in use: process ' in lines[0] and '(guest-open) has it open' in lines[0], lines
    assert lines[2] == 'status 1', lines
    assert lines[3] == f"{EDU} has no driver of the host's (before: vfio-pci)", lines
    assert vm.run(f'test -e {NODE}').status == 1


def without_an_iommu_it_is_roots(vm):
    with VM(kernel=iommufd_kernel(), devices=[{'driver': 'edu', 'addr': '5'}],
            kernel_arguments=['vfio.enable_unsafe_noiommu_mode=1'],
            programs=[os.environ['UMDEV']], files={'/etc/passwd': PASSWD}) as other:
        lines = succeeds(other, f'umdev bind {EDU} --user alice').splitlines()
        succeeds(other, 'test -c /dev/vfio/noiommu-0')
        succeeds(other, f'umdev unbind {EDU}')
    assert '  group  /dev/vfio/noiommu-0, of alice' in lines, lines
    assert f'umdev: {EDU}: no IOMMU confines it; it takes root' in lines[-1], lines


if __name__ == '__main__':
    run(it_has_what_the_programs_need, bind_finds_the_node_of_the_device,
        the_user_opens_it_by_its_node, the_user_opens_it_by_its_group,
        nobody_takes_it_from_a_program, without_an_iommu_it_is_roots, scene=scene, kernel=iommufd_kernel)
