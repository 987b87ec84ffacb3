#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the driver library pays to map and unmap a page for DMA, side by side in one guest: kernel
VFIO (type1) in front of a strict vIOMMU, and vfio-user to a process next door. It judges no time:
the guest is emulated, and what counts is that both are measured by the same program.

usage: map_cost_test.py COPIER GUEST_MAPS
"""
import re
import sys

from runner import run
from vm import VM, intel_iommu

EDU = '0000:00:11.0'
COUNT = 2000
SOCKET = '/tmp/copier'

SCRIPT = f'''
set -e
echo vfio-pci >/sys/bus/pci/devices/{EDU}/driver_override
echo {EDU} >/sys/bus/pci/drivers_probe
copier {SOCKET} &
while [ ! -S {SOCKET} ]; do sleep 0.1; done
guest-maps {COUNT} pci:{EDU} vfio-user:{SOCKET}
kill $!
'''


def scene():
    return VM(devices=[intel_iommu(intremap=True), {'driver': 'edu', 'addr': '0x11'}],
              modules=['vfio-pci', 'vfio_iommu_type1'], programs=sys.argv[1:],
              kernel_arguments=['intel_iommu=on', 'iommu.strict=1'])


def map_and_unmap_cost_by_kernel_vfio_and_vfio_user(vm):
    result = vm.run(SCRIPT, timeout=120)
    assert result.status == 0, result.output
    costs = dict(re.findall(r'^(pci|vfio-user):\S+: ([0-9.]+) us$', result.output, re.M))
    assert costs.keys() == {'pci', 'vfio-user'}, result.output
    for scheme, cost in costs.items():
        assert float(cost) > 0
        print(f'       map and unmap of 4 KiB, {scheme}: {cost} us')


run(map_and_unmap_cost_by_kernel_vfio_and_vfio_user, scene=scene)
