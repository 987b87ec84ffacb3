#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Config space of the test device, as lspci and setpci see it in a guest.

usage: caps_config_test.py CAPS_DEVICE GUEST_VFIO

What QEMU keeps from its guests is looked at from the host. QEMU emulates the header's BARs, MSI and
MSI-X itself, so their masks are not checked here.
"""
import os
import re
import subprocess
import sys

import caps_expected
from caps_scene import ERROR, scene
from runner import run
from server import Program

# What lspci says of registers that it cannot make sense of.
COMPLAINTS = re.compile(r'<\?>|[Uu]nknown|\[broken|!!!|<chain|checksum bad')
NO_KMOD = 'lspci: Unable to load libkmod resources: error -2'  # it wants to name modules

UNSUPPORTED_REQUEST = 0x100000  # PCI_ERR_UNC_UNSUP


def lspci(device):
    """What lspci says about a device, in lines without the indentation; no complaint besides."""
    text = device.run(f'lspci -vvv -s {device.address} 2>/tmp/complaints')
    assert device.run('cat /tmp/complaints') == NO_KMOD
    return [line.strip() for line in text.splitlines()]


def check_listing(lines, expected):
    """All that is expected is there, in that order, and nobody complains about the rest."""
    rest = iter(lines)
    for line in expected:
        assert line in rest, f'lspci does not say, or not here: {line}\n' + '\n'.join(lines)
    wrong = [line for line in lines if COMPLAINTS.search(line) and line not in expected]
    assert not wrong, wrong


def lspci_decodes_every_capability(scene):
    check_listing(lspci(scene.express), caps_expected.EXPRESS)


def lspci_decodes_a_conventional_device(scene):
    check_listing(lspci(scene.conventional), caps_expected.CONVENTIONAL)


def the_host_sees_what_qemu_hides(scene):
    with Program(sys.argv[1], 'express') as server:
        probe = subprocess.run([os.environ['UMDEV'], 'probe', f'vfio-user:{server.path}'],
                               text=True, check=True, stdout=subprocess.PIPE, timeout=30)
    lines = [line.strip() for line in probe.stdout.splitlines()]
    check_listing(lines, caps_expected.HIDDEN)


def written(device, registers):
    """[(initial, after ones, after zeroes)] of registers, which get their initial values back."""
    script = '''
        try() {
            old=$(setpci -s $1 $2)
            echo $old $(setpci -s $1 $2=$3 $2 $2=0 $2 $2=$old)
        }
        while read -r name ones; do try $1 $name $ones; done <<END
        ''' + '\n'.join(f'{name} {ones:x}' for name, ones in registers) + '\nEND\n'
    lines = device.run(script).splitlines()
    return [tuple(int(word, 16) for word in line.split()) for line in lines]


def shown(values):
    return ' '.join('any' if value is None else f'{value:#x}' for value in values)


def setpci_shows_the_masks(scene):
    for device, masks in ((scene.express, caps_expected.EXPRESS_MASKS),
                          (scene.conventional, caps_expected.CONVENTIONAL_MASKS)):
        found = written(device, [(name, ones) for name, ones, *_ in masks])
        wrong = [f'{name}: {shown(values)} instead of {shown(expected)}'
                 for (name, _, *expected), values in zip(masks, found)
                 if any(wanted not in (None, value) for wanted, value in zip(expected, values))]
        assert not wrong, '\n' + '\n'.join(wrong)


def a_reported_error_is_cleared_by_writing_ones(scene):
    device = scene.express
    device.run('echo 1 >enable')
    device.setpci('CAP_EXP+8.w=0', 'COMMAND=0:100')  # or QEMU hears of it, and stops the VM
    device.write(ERROR, UNSUPPORTED_REQUEST)
    assert device.setpci('ECAP_AER+4.l') == [UNSUPPORTED_REQUEST]
    device.setpci('ECAP_AER+4.l=0')
    assert device.setpci('ECAP_AER+4.l') == [UNSUPPORTED_REQUEST]
    device.setpci('ECAP_AER+4.l=ffffffff')
    assert device.setpci('ECAP_AER+4.l') == [0]


def the_asset_tag_is_written(scene):
    device = scene.express
    script = 'printf UM-00042 | dd of=vpd bs=4 seek=8 conv=notrunc 2>/dev/null; cat vpd'
    vpd = device.run(script)
    assert 'UM-00042' in vpd and 'CAPS' in vpd, vpd
    assert '[YA] Asset tag: UM-00042' in lspci(device)


def the_rom_is_read(scene):
    for device in (scene.express, scene.conventional):
        rom = device.run('echo 1 >rom; od -An -c -N 5 -j 256 rom; wc -c <rom')
        assert rom.split() == [*'umdev', '512'], rom


def ports_and_memory_are_the_same_registers(scene):
    device = scene.conventional
    device.write(4, 0x600dcafe)
    port = device.run('dd if=resource2 bs=4 skip=1 count=1 2>/dev/null | od -An -t x4')
    assert port.strip() == '600dcafe', port


def an_error_that_is_wanted_reaches_the_vmm(scene):
    """The ERR interrupt. QEMU stops the VM then: there is no test after this one."""
    device = scene.express
    device.setpci('CAP_EXP+8.w=a')  # Non-Fatal Error and Unsupported Request Reporting Enable
    device.start(f'register {ERROR} {UNSUPPORTED_REQUEST}')
    scene.vm.qmp.wait_event('STOP')
    assert scene.vm.qmp.command('query-status')['status'] == 'internal-error'


if __name__ == '__main__':
    run(the_host_sees_what_qemu_hides, lspci_decodes_every_capability,
        lspci_decodes_a_conventional_device, setpci_shows_the_masks,
        a_reported_error_is_cleared_by_writing_ones, the_asset_tag_is_written, the_rom_is_read,
        ports_and_memory_are_the_same_registers, an_error_that_is_wanted_reaches_the_vmm,
        scene=scene('express', 'conventional'))
