#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A stock Linux driver moves bytes through the serial port that umdev serves.

usage: serial_test.py [--size=BYTES] [--device=umdev|qemu]

--device=qemu is a control: the same test with QEMU's own emulation of the same device.
"""
import argparse
import pathlib
import tempfile

import serial_echo
from runner import run
from server import Server
from vm import VM, vfio_user


def check(vm, path, size):
    with serial_echo.connect(path) as end:
        echo = serial_echo.echo(vm, end, size)
    print(f'       {size} bytes each way in {echo.seconds:.1f} s; {echo.guest["counters"]}')
    assert not echo.problems(), '\n'.join(echo.problems())


def umdev_echoes(directory, size):
    path = pathlib.Path(directory, 'port')
    with Server('serial', '-o', f'backend=unix:{path}') as server, \
            VM(devices=[vfio_user(server.path)]) as vm:
        check(vm, path, size)


def qemu_echoes(directory, size):
    path = pathlib.Path(directory, 'port')
    with VM(devices=['pci-serial,chardev=port'],
            qemu_arguments=['-chardev', f'socket,id=port,path={path},server=on,wait=off']) as vm:
        check(vm, path, size)


def main():
    parser = argparse.ArgumentParser(description='serial port test in a VM')
    parser.add_argument('--size', type=int, default=256 * 1024)
    parser.add_argument('--device', choices=('umdev', 'qemu'), default='umdev')
    options = parser.parse_args()
    echoes = {'umdev': umdev_echoes, 'qemu': qemu_echoes}[options.device]

    def serial_port_echoes():
        with tempfile.TemporaryDirectory(prefix='umdev-serial-') as directory:
            echoes(directory, options.size)

    run(serial_port_echoes)


if __name__ == '__main__':
    main()
