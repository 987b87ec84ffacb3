#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Resets and power states of the test device, as the guest's kernel asks for them.

usage: caps_reset_test.py CAPS_DEVICE GUEST_VFIO

The device counts each kind of reset and each power state; its scratch register tells whether its
own registers were reset too.
"""
from caps_scene import IDENT, IDENT_VALUE, RESET, SCRATCH, counting, scene
from runner import run

MARK = 0x600dcafe


def reset_by(device, method):
    device.run(f'echo {method} >reset_method; echo 1 >reset')


def assert_kept(device):
    assert device.read(SCRATCH) == MARK


def assert_cleared(device):
    assert device.read(SCRATCH) == 0


def the_kernel_finds_ways_to_reset(scene):
    for device, methods in ((scene.express, 'flr pm bus'), (scene.conventional, 'af_flr bus')):
        device.run('echo 1 >enable')
        assert device.run('cat reset_method') == methods, device.run('cat reset_method')


def each_way_resets_once(scene):
    for device, method, expected in (
            (scene.express, 'flr', {'flr': 1}),
            (scene.express, 'pm', {'power': 1, 'D3hot': 1, 'D0': 1}),
            (scene.express, 'bus', {'device': 1}),
            (scene.conventional, 'af_flr', {'flr': 1}),
            (scene.conventional, 'bus', {'device': 1})):
        device.write(SCRATCH, MARK)
        assert_kept(device)
        with counting(device) as happened:
            reset_by(device, method)
        assert happened == expected, (method, happened)
        assert_cleared(device)


def a_device_resets_itself(scene):
    device = scene.express
    device.write(SCRATCH, MARK)
    [command] = device.setpci('COMMAND')
    with counting(device) as happened:
        device.write(RESET, 1)
        assert device.setpci('COMMAND') == [0]
        device.setpci(f'COMMAND={command:x}')
    assert happened == {'self': 1}, happened
    assert_cleared(device)


def sleeping_without_no_soft_reset_resets(scene):
    """Of the header, only COMMAND is the device's own here: QEMU keeps the BARs."""
    device = scene.express
    device.write(SCRATCH, MARK)
    [command] = device.setpci('COMMAND')
    with counting(device) as happened:
        device.setpci('CAP_PM+4.b=3')
        assert device.setpci('CAP_PM+4.b') == [3]
        assert device.read(IDENT) != IDENT_VALUE
        device.setpci('CAP_PM+4.b=0')
        assert device.setpci('COMMAND') == [0]
        device.setpci(f'COMMAND={command:x}')
    assert happened == {'D3hot': 1, 'power': 1, 'D0': 1}, happened
    assert_cleared(device)


def sleeping_with_no_soft_reset_keeps_all(scene):
    device = scene.conventional
    device.write(SCRATCH, MARK)
    with counting(device) as happened:
        device.setpci('CAP_PM+4.b=3')
        device.setpci('CAP_PM+4.b=0')
    assert happened == {'D3hot': 1, 'D0': 1}, happened
    assert_kept(device)


def a_driver_lets_its_device_sleep(scene):
    """vfio-pci puts a device that nobody has open into D3hot (runtime power management)."""
    device = scene.express
    with counting(device) as happened:
        device.run('bind; until [ "$(cat power_state)" = D3hot ]; do usleep 10000; done')
        device.run('unbind; until [ "$(cat power_state)" = D0 ]; do usleep 10000; done')
        device.run('echo 1 >enable')
    times = happened.get('D3hot')
    assert times and happened == {'D3hot': times, 'power': times, 'D0': times}, happened


if __name__ == '__main__':
    run(the_kernel_finds_ways_to_reset, each_way_resets_once,
        a_device_resets_itself, sleeping_without_no_soft_reset_resets,
        sleeping_with_no_soft_reset_keeps_all, a_driver_lets_its_device_sleep,
        scene=scene('express', 'conventional'))
