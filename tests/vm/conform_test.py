#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The conformance suite, the example driver and `umdev probe` on the guest kernel's VFIO, behind an
IOMMU: with the example device, the suite's own and a data streaming accelerator, which QEMU attached
over vfio-user, and with one that QEMU emulates itself.

usage: conform_test.py [--iommufd] COPIER EDU CONFORM DRIVE

--iommufd boots the kernel that has VFIO's cdevs, and goes by these.
"""
import contextlib
import functools
import json
import os
import re
import sys

from runner import run
from server import Program, Server
from vm import VM, intel_iommu, root_port, vfio_user

IOMMUFD = '--iommufd' in sys.argv
COPIER, EDU, CONFORM, DRIVE = (word for word in sys.argv[1:] if word != '--iommufd')

# Behind a port of its own the copier can be reset, too. QEMU's edu would keep its registers.
ADDRESSES = {'copier': '0000:01:00.0', 'edu': '0000:00:11.0', 'qemu_edu': '0000:00:12.0',
             'dsa': '0000:00:13.0'}
TIMEOUT = 540
DSA_ID = '11fb'  # vfio-pci refuses 0b25
SUMMARY = re.compile(r'# (\d+) ran, (\d+) skipped, 0 failed')

# So many tests run at least: what there is on the device is not to be skipped.
AT_LEAST = {'copier': 58, 'edu': 66, 'qemu_edu': 61, 'dsa': 59}
if IOMMUFD:  # there is no limit of maps to exceed
    AT_LEAST = {device: count - 1 for device, count in AT_LEAST.items()}


class Served(Program):
    """A server that goes on until it is ended, by the signal itself."""

    def __exit__(self, kind, error, traceback):
        self.child.end()
        self._finish(error)


def bind(vm):
    for address in ADDRESSES.values():
        vm.run(f'''
            echo vfio-pci >/sys/bus/pci/devices/{address}/driver_override
            echo {address} >/sys/bus/pci/drivers_probe''')
    vm.run('echo 4 >/proc/sys/vm/nr_hugepages')


@contextlib.contextmanager
def scene():
    kernel = {}
    if IOMMUFD:
        from vm import iommufd_kernel
        kernel = {'kernel': iommufd_kernel()}
    with Served(COPIER) as copier, Served(EDU) as edu, \
            Server('dsa-full-v1', '-o', f'device-id={DSA_ID}') as dsa, \
            VM(devices=[intel_iommu(intremap=True), root_port('rp1', addr='0x10'),
                        vfio_user(copier.path, bus='rp1'), vfio_user(edu.path, addr='0x11'),
                        {'driver': 'edu', 'addr': '0x12'}, vfio_user(dsa.path, addr='0x13')],
               modules=['vfio-pci', 'vfio_iommu_type1'], memory=512,
               programs=[CONFORM, DRIVE, os.environ['UMDEV']],
               kernel_arguments=['intel_iommu=on'], **kernel) as vm:
        bind(vm)
        yield vm


def uri(vm, device):
    """By the address alone; with cdevs, by the cdev."""
    address = ADDRESSES[device]
    if not IOMMUFD:
        return f'pci:{address}'
    return 'cdev:/dev/vfio/devices/' + vm.run(
        f'ls /sys/bus/pci/devices/{address}/vfio-dev').output.strip()


def conforms(device, vm):
    result = vm.run(f'conform {uri(vm, device)}', TIMEOUT)
    summary = result.output.splitlines()[-1]
    match = SUMMARY.fullmatch(summary)
    assert result.status == 0 and match and int(match[1]) >= AT_LEAST[device], result.output
    print(f'       {summary[2:]}')


def named(device):
    test = functools.partial(conforms, device)
    test.__name__ = f'the_suite_passes_on_{device}'
    return test


def the_example_drives_the_example(vm):
    result = vm.run(f'drive {uri(vm, "copier")}')
    assert result.status == 0, result
    assert result.output == (f'{ADDRESSES["copier"]}: 0 INTx, 0 MSI, 4 MSI-X\n'
                             'event 3, vector 0, status 0: copied by DMA\n'), result


def probe_shows_a_device_of_the_kernel(vm):
    result = vm.run(f'umdev probe {uri(vm, "qemu_edu")}')
    assert result.status == 0 and '[1234:11e8]' in result.output, result
    assert '\tDMA: maps ' in result.output and '\tProtocol:' not in result.output, result
    data = json.loads(vm.run(f'umdev probe {uri(vm, "qemu_edu")} --json').output)
    assert data['dma']['max_maps'] > 0 and len(data['dma']['ranges']) >= 2, data
    assert [irq['count'] for irq in data['interrupts']][:3] == [1, 1, 0], data


if __name__ == '__main__':
    keywords = {}
    if IOMMUFD:
        from vm import iommufd_kernel
        keywords = {'kernel': iommufd_kernel}
    run(*map(named, ADDRESSES), the_example_drives_the_example, probe_shows_a_device_of_the_kernel,
        scene=scene, **keywords)
