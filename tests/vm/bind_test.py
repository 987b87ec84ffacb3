#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""umdev bind and unbind in a guest: a disk controller goes from nvme to an ordinary user and back.

usage: bind_test.py GUEST_OPEN
"""
import contextlib
import os
import sys
import tempfile

from runner import run
from vm import VM, intel_iommu

EDU, NVME, TWIN, OTHER_TWIN = '0000:00:05.0', '0000:00:06.0', '0000:00:07.0', '0000:00:07.1'
NVME_IDS, EDU_IDS = '1b36:0010', '1234:11e8'
PASSWD = (b'root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n'
          b'bob:x:1001:1001::/:/bin/sh\n')
DISK_BYTES = 32 << 20


@contextlib.contextmanager
def disk_file():
    with tempfile.NamedTemporaryFile(prefix='umdev-disk-') as file:
        file.truncate(DISK_BYTES)
        yield file.name


@contextlib.contextmanager
def scene():
    """edu has no driver in the guest. The twins are functions of one slot, in one group."""
    disk = {'driver': 'nvme', 'serial': 'one', 'drive': 'disk', 'addr': '6'}
    with disk_file() as path, \
         VM(kernel_arguments=['intel_iommu=on'], programs=[sys.argv[1], os.environ['UMDEV']],
            modules=['vfio-pci', 'vfio_iommu_type1', 'nvme'], files={'/etc/passwd': PASSWD},
            qemu_arguments=['-drive', f'if=none,id=disk,format=raw,file={path}'],
            devices=[intel_iommu(intremap=True), {'driver': 'edu', 'addr': '5'}, disk,
                     {'driver': 'edu', 'addr': '7.0', 'multifunction': True},
                     {'driver': 'pci-serial', 'addr': '7.1'}]) as vm:
        yield vm


def succeeds(vm, script):
    result = vm.run(script)
    assert result.status == 0, result
    return result.output


def fails(vm, script):
    result = vm.run(script)
    assert result.status == 1, result
    return result.output


def as_user(user, command):
    return f'su {user} -c "{command}" </dev/null'


def group_of(vm, address):
    link = succeeds(vm, f'readlink /sys/bus/pci/devices/{address}/iommu_group').strip()
    return int(link.rsplit('/', 1)[1])


def driver_of(vm, address):
    return vm.run(f'basename $(readlink /sys/bus/pci/devices/{address}/driver)').output.strip()


def a_disk_in_use_is_refused(vm):
    succeeds(vm, 'until [ -b /dev/nvme0n1 ]; do usleep 10000; done; mkswap /dev/nvme0n1')
    output = fails(vm, f'swapon /dev/nvme0n1 || exit 3; umdev bind {NVME}')
    assert output.endswith(
        f'umdev: {NVME} is in use: its disk nvme0n1 is swapped to\n'
        'umdev: --force takes it all the same\n'), output
    assert driver_of(vm, NVME) == 'nvme'
    output = fails(vm, f'swapoff /dev/nvme0n1; umdev bind {EDU} --user carol')
    assert output == "umdev: there is no user 'carol'\n", output


def bind_gives_it_to_a_user(vm):
    group = group_of(vm, NVME)
    assert succeeds(vm, f'umdev bind {NVME[5:]} --user alice').splitlines() == [
        f'{NVME} is bound to vfio-pci (before: nvme)',
        f'  group  /dev/vfio/{group}, of alice',
        '  reset  done',
        f'  open   pci:{NVME}']
    again = succeeds(vm, f'umdev bind {NVME} --user alice')
    assert again.startswith(f'{NVME} is bound to vfio-pci, as before\n'), again
    assert 'reset' not in again, again


def the_user_opens_it_and_nobody_else(vm):
    assert succeeds(vm, as_user('alice', f'guest-open group {NVME}')) == f'{NVME_IDS}\n'
    denied = fails(vm, as_user('bob', f'guest-open group {NVME}'))
    assert denied.endswith('Permission denied\n'), denied


def memory_for_dma_is_what_the_user_may_lock(vm):
    little = fails(vm, as_user('alice', f'ulimit -l 512; guest-open group {NVME}'))
    assert little.endswith('map: Cannot allocate memory\n'), little
    enough = as_user('alice', f'ulimit -l 1024; guest-open group {NVME}')
    assert succeeds(vm, enough) == f'{NVME_IDS}\n'


def it_changes_hands_only_while_closed(vm):
    output = succeeds(vm, f'''
        mkfifo /tmp/input
        su alice -c 'guest-open group {NVME}' </tmp/input >/tmp/output &
        exec 4>/tmp/input
        until [ -s /tmp/output ]; do usleep 10000; done
        umdev bind {NVME} --user bob && exit 3
        umdev unbind {NVME} && exit 4
        exec 4>&-
        wait
        umdev bind {NVME} --user bob >/dev/null''')
    assert output.count('(guest-open) has it open') == 2, output
    assert succeeds(vm, as_user('bob', f'guest-open group {NVME}')) == f'{NVME_IDS}\n'
    assert 'Permission denied' in fails(vm, as_user('alice', f'guest-open group {NVME}'))


def unbind_gives_it_back_to_its_driver(vm):
    assert succeeds(vm, f'umdev unbind {NVME}').splitlines() == [
        f'{NVME} is bound to nvme (before: vfio-pci)', '  reset  done']
    size = succeeds(vm, 'until [ -b /dev/nvme0n1 ]; do usleep 10000; done; '
                        'dd if=/dev/nvme0n1 bs=1M 2>/dev/null | wc -c')
    assert int(size) == DISK_BYTES, size
    assert succeeds(vm, f'cat /sys/bus/pci/devices/{NVME}/driver_override') == '(null)\n'
    again = succeeds(vm, f'umdev unbind {NVME}')
    assert again == f'{NVME} is bound to nvme, as before\n', again


def neighbours_that_the_host_uses_are_named(vm):
    group = group_of(vm, TWIN)
    lines = succeeds(vm, f'umdev bind {TWIN} --user alice').splitlines()
    assert f'  with   {OTHER_TWIN}, serial: in the way' in lines, lines
    assert lines[-2:] == [
        f'umdev: {TWIN} cannot be opened yet: IOMMU group {group} has other devices, '
        'which the host uses',
        f'umdev: {OTHER_TWIN} is bound to serial: `umdev bind {OTHER_TWIN}`, or have serial let '
        f'go of it: echo {OTHER_TWIN} >/sys/bus/pci/devices/{OTHER_TWIN}/driver/unbind'], lines
    opening = as_user('alice', f'guest-open group {TWIN}')
    assert 'not viable' in fails(vm, opening)

    succeeds(vm, f'umdev bind {OTHER_TWIN} --user alice')
    assert succeeds(vm, opening) == f'{EDU_IDS}\n'
    succeeds(vm, f'umdev unbind {TWIN}')
    assert succeeds(vm, f'stat -c %U /dev/vfio/{group}') == 'alice\n', 'the other needs it'
    succeeds(vm, f'umdev unbind {OTHER_TWIN}')
    assert driver_of(vm, OTHER_TWIN) == 'serial'
    assert vm.run(f'test -e /dev/vfio/{group}').status == 1


def without_an_iommu_it_is_refused(vm):
    with VM(modules=['vfio-pci'], devices=[{'driver': 'edu', 'addr': '5'}],
            programs=[os.environ['UMDEV']]) as other:
        output = fails(other, f'umdev bind {EDU}')
    assert 'it is in no IOMMU group' in output and 'intel_iommu=on' in output, output


if __name__ == '__main__':
    run(a_disk_in_use_is_refused, bind_gives_it_to_a_user, the_user_opens_it_and_nobody_else,
        memory_for_dma_is_what_the_user_may_lock, it_changes_hands_only_while_closed,
        unbind_gives_it_back_to_its_driver, neighbours_that_the_host_uses_are_named,
        without_an_iommu_it_is_refused, scene=scene)
