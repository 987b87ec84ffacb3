#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The driver library on cdevs and iommufd, with a kernel that has them: see driver_kernel_test.

usage: driver_cdev_test.py COPIER GUEST_DRIVER CAPS_DEVICE
"""
import sys

from driver_kernel_test import COPIER, EDU, NEIGHBOUR, SHARED, guest, output, refused
from runner import run
from server import Program
from vm import VM, intel_iommu, iommufd_kernel, root_port, vfio_user

VFIO = '/dev/vfio/devices'
CDEV = "cdev() { basename /sys/bus/pci/devices/$1/vfio-dev/vfio*; }\n"


def scene():
    return guest(modules=(), kernel=iommufd_kernel())


def the_example_device_over_vfio_user(vm):
    output(vm, f'bind {COPIER}')
    said = output(vm, f'guest-driver copier pci:{COPIER}')
    assert said.startswith(f'{COPIER} 1b36:ffe0 '), said


def the_edu_device_of_qemu(vm):
    output(vm, f'bind {EDU}')
    output(vm, f'guest-driver edu pci:{EDU}')


def a_cdev_by_its_path_and_by_a_descriptor(vm):
    for uri in (f'cdev:{VFIO}/$(cdev {EDU})', f'fd:5 5<>{VFIO}/$(cdev {EDU})'):
        said = output(vm, f'{CDEV} guest-driver edu {uri}')
        assert said.startswith(f'{EDU} 1234:11e8 '), said


def a_group_goes_on_to_work(vm):
    output(vm, f'guest-driver edu group:$(group {EDU})/{EDU}')


def a_cdev_belongs_to_one_program(vm):
    said = output(vm, f'{CDEV} exec 9<>/dev/vfio/$(group {EDU}); '
                      f'guest-driver open cdev:{VFIO}/$(cdev {EDU})', status=1)
    assert 'EBUSY' in said and f'{EDU} is in use' in said, said
    refused(vm, 'cdev:/dev/null', 'EINVAL', 'no character device of VFIO')


def a_group_names_the_devices_that_the_host_uses(vm):
    output(vm, f'bind {SHARED}')
    refused(vm, f'pci:{SHARED}', 'EBUSY', f'the host uses {NEIGHBOUR} (virtio-pci)')
    refused(vm, f'group:$(group {SHARED})/{SHARED}', 'EBUSY', f'the host uses {NEIGHBOUR}')


def a_user_needs_the_cdev_and_iommufd(vm):
    refused(vm, f'cdev:{VFIO}/$(cdev {EDU})', 'EACCES', 'no permission for', prefix=CDEV, user=1000)
    output(vm, f'{CDEV} chown 1000 {VFIO}/$(cdev {EDU}); chmod 600 /dev/iommu')
    refused(vm, f'cdev:{VFIO}/$(cdev {EDU})', 'EACCES', '/dev/iommu', prefix=CDEV, user=1000)
    refused(vm, f'pci:{EDU}', 'EACCES', 'no permission for /dev/vfio/', user=1000)
    output(vm, f'chmod 666 /dev/iommu; guest-driver --user 1000 edu pci:{EDU}')


def memory_is_mapped_for_pasids(_):
    """Of a device that shows PASID, behind an IOMMU that has them."""
    iommu = {**intel_iommu(intremap=True), 'scalable-mode': True, 'pasid-bits': 20}
    with Program(sys.argv[3], 'express') as server, \
         VM(devices=[iommu, root_port('rp1'), vfio_user(server.path, bus='rp1')],
            programs=[sys.argv[2]], kernel_arguments=['intel_iommu=on,sm_on'],
            kernel=iommufd_kernel()) as vm:
        output(vm, f'bind {COPIER}; guest-driver pasids pci:{COPIER}')


if __name__ == '__main__':
    run(the_example_device_over_vfio_user, the_edu_device_of_qemu,
        a_cdev_by_its_path_and_by_a_descriptor, a_group_goes_on_to_work,
        a_cdev_belongs_to_one_program, a_group_names_the_devices_that_the_host_uses,
        a_user_needs_the_cdev_and_iommufd, memory_is_mapped_for_pasids,
        scene=scene, kernel=iommufd_kernel)
