#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The test device is unplugged from a running guest and plugged in again.

usage: caps_plug_test.py CAPS_DEVICE GUEST_VFIO

It has no MSI-X here: QEMU 11.1.3 ends with a failed assertion when a vfio-user device with MSI-X
is unplugged.
"""
from caps_scene import qemu_device, scene
from runner import run

TIMES = 20

WAIT_FOR_DRIVER = '''
    end=$(($(date +%s) + 20))
    until [ -e /sys/bus/pci/drivers/vfio-pci/{address} ]; do
        [ $(date +%s) -lt $end ] || exit 1
        usleep 10000
    done'''


def claim_for_vfio(scene):
    """From now on a device of this kind is vfio-pci's as soon as it is there."""
    assert scene.vm.run('echo 1b36 ffe1 >/sys/bus/pci/drivers/vfio-pci/new_id').status == 0


def plug(scene):
    scene.vm.qmp.command('device_add', **qemu_device('plug', scene.sockets['plug']))
    result = scene.vm.run(WAIT_FOR_DRIVER.format(address=scene.plug.address))
    assert result.status == 0, 'the guest has not found the device'


def check_device_works(scene):
    assert scene.plug.vfio('msi', 8)[0] == 'vectors 0 to 7 arrived'


def unplugged_by_the_host(scene):
    claim_for_vfio(scene)
    check_device_works(scene)
    for _ in range(TIMES):
        scene.vm.qmp.command('device_del', id='plug')
        scene.vm.qmp.wait_event('DEVICE_DELETED')
        plug(scene)
        check_device_works(scene)
    [disconnects] = scene.plug.vfio('read', 0x30)
    assert int(disconnects, 16) == TIMES, disconnects


def slot_switched_off_by_the_guest(scene):
    assert scene.vm.run('echo 0 >/sys/bus/pci/slots/0/power').status == 0
    scene.vm.qmp.wait_event('DEVICE_DELETED')
    plug(scene)
    check_device_works(scene)


def unplugged_while_in_use(scene):
    """The kernel takes the device away only after the program has let go of it."""
    device = scene.plug
    user = device.start('guest-vfio $1 req 20')
    assert next(user.lines()) == 'assigned'
    scene.vm.qmp.command('device_del', id='plug')
    result = user.wait()
    assert (result.status, result.output) == (0, 'assigned\nnoticed\n'), result
    scene.vm.qmp.wait_event('DEVICE_DELETED')
    plug(scene)
    check_device_works(scene)


if __name__ == '__main__':
    run(unplugged_by_the_host, slot_switched_off_by_the_guest, unplugged_while_in_use,
        scene=scene('plug'))
