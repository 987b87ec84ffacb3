#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Interrupts of the test device, taken by a program on the guest kernel's VFIO.

usage: caps_irq_test.py CAPS_DEVICE GUEST_VFIO
"""
import sys

from caps_scene import scene
from runner import run

LEVELS = 100000


def the_kernel_counts_the_vectors(scene):
    scene.express.run('bind')
    counts = scene.express.vfio('irqs')
    assert counts == ['intx 1', 'msi 8 noresize', 'msix 32', 'err 1 noresize', 'req 1 noresize'], \
        counts


def eight_msi_messages_arrive(scene):
    lines = scene.express.vfio('msi', 8)
    assert lines == ['vectors 0 to 7 arrived', 'silent when off'], lines


def thirty_two_msix_vectors_arrive(scene):
    lines = scene.express.vfio('msix', 32)
    assert lines == ['vectors 0 to 15 arrived', 'vectors 16 to 31 added',
                     'vectors 0 to 31 arrived', 'silent when off'], lines


def messages_arrive_after_a_reset(scene):
    scene.express.vfio('reset')
    assert scene.express.vfio('msi', 8) and scene.express.vfio('msix', 32)


def levels_are_neither_lost_nor_stuck(scene):
    [line] = scene.express.vfio('intx', LEVELS, timeout=200)
    print(f'       {line}')
    assert line.startswith(f'{LEVELS} interrupts served'), line


def a_conventional_device_interrupts_too(scene):
    device = scene.conventional
    device.run('bind')
    assert device.vfio('msi', 8)[0] == 'vectors 0 to 7 arrived'
    assert device.vfio('intx', 1000)[0].startswith('1000 interrupts served')


def the_kernel_asks_for_the_device_back(scene):
    output = scene.express.run('''
        guest-vfio $1 err 0
        guest-vfio $1 req 20 &
        until [ -e /proc/$!/fd/5 ]; do usleep 1000; done
        usleep 200000
        unbind
        wait $!''')
    assert output.split() == ['assigned', 'assigned', 'noticed'], output


if __name__ == '__main__':
    run(the_kernel_counts_the_vectors, eight_msi_messages_arrive, thirty_two_msix_vectors_arrive,
        messages_arrive_after_a_reset, levels_are_neither_lost_nor_stuck,
        a_conventional_device_interrupts_too, the_kernel_asks_for_the_device_back,
        scene=scene('express', 'conventional'))
