#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The driver library on the guest kernel's vfio-pci, group and type1 container, behind a vIOMMU:
umdev's example device, which QEMU attached over vfio-user, and a device that QEMU emulates itself.
What the library says where a device cannot be had.

usage: driver_kernel_test.py COPIER GUEST_DRIVER
"""
import contextlib
import pathlib
import sys
import tempfile

from copier_test import serve
from runner import run
from vm import VM, intel_iommu, root_port, vfio_user

COPIER, REMOVABLE, PORT = '0000:01:00.0', '0000:02:00.0', '0000:00:06.0'
EDU, SHARED, NEIGHBOUR = '0000:00:11.0', '0000:00:12.0', '0000:00:12.1'
DEVICES = [
    root_port('rp1', addr='0x5'), root_port('rp2', chassis=2, addr='0x6'),
    {'driver': 'edu', 'bus': 'rp2'},
    {'driver': 'edu', 'addr': '0x11'},
    # Two functions of a device are one group.
    {'driver': 'edu', 'addr': '0x12.0', 'multifunction': True},
    {'driver': 'virtio-rng-pci', 'addr': '0x12.1'},
]

FUNCTIONS = '''
set -e
group() { basename "$(readlink /sys/bus/pci/devices/$1/iommu_group)"; }
bind() {
    echo vfio-pci >/sys/bus/pci/devices/$1/driver_override
    echo $1 >/sys/bus/pci/drivers_probe
}
'''


@contextlib.contextmanager
def guest(devices=DEVICES, modules=('vfio-pci', 'vfio_iommu_type1', 'virtio_pci'), **kernel):
    with tempfile.TemporaryDirectory(prefix='umdev-driver-') as directory:
        socket = pathlib.Path(directory, 'socket')
        copier = serve(socket)
        try:
            with VM(devices=[intel_iommu(intremap=True), *devices, vfio_user(socket, bus='rp1')],
                    modules=modules, programs=[sys.argv[2]], kernel_arguments=['intel_iommu=on'],
                    **kernel) as vm:
                yield vm
        finally:
            copier.end()


def output(vm, script, status=0):
    result = vm.run(FUNCTIONS + script, timeout=120)
    assert result.status == status, (result.status, result.output)
    return result.output.strip()


def refused(vm, uri, *expected, user=0, prefix=''):
    said = output(vm, prefix + f'guest-driver --user {user} open {uri}', status=1)
    for part in expected:
        assert part in said, said


def without_a_driver_there_is_nothing_to_open(vm):
    refused(vm, f'pci:{EDU}', 'ENXIO', f'{EDU} is bound to no driver', f'umdev bind {EDU}')
    refused(vm, f'group:999/{EDU}', 'ENXIO', f'{EDU} is bound to no driver')
    refused(vm, 'pci:0000:00:1e.0', 'ENOENT', 'no PCI device')
    refused(vm, 'cdev:/dev/vfio/devices/vfio0', 'ENOENT')
    refused(vm, f'pci:{NEIGHBOUR}', 'EBUSY', f'{NEIGHBOUR} is bound to virtio-pci')


def a_group_names_the_devices_that_the_host_uses(vm):
    output(vm, f'bind {SHARED}')
    refused(vm, f'pci:{SHARED}', 'EBUSY', f'the host uses {NEIGHBOUR} (virtio-pci)')
    output(vm, f'echo {NEIGHBOUR} >/sys/bus/pci/drivers/virtio-pci/unbind')
    said = output(vm, f'guest-driver open pci:{SHARED}')
    assert said.startswith(f'{SHARED} 1234:11e8 intx 1 msi 1 msix 0 err 0 req 1'), said


def the_example_device_over_vfio_user(vm):
    output(vm, f'bind {COPIER}')
    said = output(vm, f'guest-driver copier pci:{COPIER}')
    assert said.startswith(f'{COPIER} 1b36:ffe0 '), said
    output(vm, f'guest-driver copier group:$(group {COPIER})/{COPIER}')


def the_edu_device_of_qemu(vm):
    output(vm, f'bind {EDU}')
    output(vm, f'guest-driver edu pci:{EDU}')
    output(vm, f'guest-driver edu group:$(group {EDU})/{EDU}')


def a_group_belongs_to_one_program(vm):
    refused(vm, f'group:$(group {COPIER})/{EDU}', 'ENODEV')
    said = output(vm, f'''
        exec 9<>/dev/vfio/$(group {EDU})
        guest-driver open pci:{EDU}''', status=1)
    assert 'EBUSY' in said and 'in use by another program' in said, said


def a_user_needs_the_groups_node(vm):
    refused(vm, f'pci:{EDU}', 'EACCES', 'no permission for /dev/vfio/',
            'of user 0 (root), mode 0600', f'umdev bind {EDU} --user', user=1000)
    output(vm, f'''
        chown 1000 /dev/vfio/$(group {EDU})
        guest-driver --user 1000 edu pci:{EDU}''')
    refused(vm, f'pci:{EDU}', 'EACCES', 'of user 1000, mode 0600', user=1001)


def a_device_that_is_taken_away(vm):
    """Its port is told that another bus is behind it: config space reads as ones."""
    output(vm, f'bind {REMOVABLE}')
    for what in ('gone', 'signal'):
        output(vm, f"""
cat >/tmp/bus <<'END'
printf $1 | dd of=/sys/bus/pci/devices/{PORT}/config bs=1 seek=25 conv=notrunc 2>/dev/null
END
guest-driver {what} pci:{REMOVABLE} "sh /tmp/bus '\\\\120\\\\120'"
sh /tmp/bus '\\002\\002'""")


if __name__ == '__main__':
    run(without_a_driver_there_is_nothing_to_open, a_group_names_the_devices_that_the_host_uses,
        the_example_device_over_vfio_user, the_edu_device_of_qemu, a_group_belongs_to_one_program,
        a_user_needs_the_groups_node,
        a_device_that_is_taken_away, scene=guest)
