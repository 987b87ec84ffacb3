#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The example device copies a guest's memory: BAR, bus mastering and DMA through QEMU, which shares
the memory, or has it read and written by messages.

usage: copier_test.py COPIER

The guest needs no driver: it writes to the BAR itself, and uses memory that its kernel leaves
alone.
"""
import pathlib
import sys
import tempfile
import time

from child import Child
from runner import run
from server import listening
from vm import VM, vfio_user

MEMORY = 0x8000000  # of the guest, kept from its kernel

SCRIPT = f'''
for device in /sys/bus/pci/devices/*; do
    [ "$(cat $device/vendor):$(cat $device/device)" = 0x1b36:0xffe0 ] && break
done
bar=$(($(head -n 1 $device/resource | cut -d ' ' -f 1)))
register() {{ devmem $((bar + $1)) 32 $2; }}
copy() {{ # from, to, bytes: prints the status register
    register 0x00 $(($1 & 0xffffffff)); register 0x04 $(($1 >> 32))
    register 0x08 $(($2 & 0xffffffff)); register 0x0c $(($2 >> 32))
    register 0x10 $3
    register 0x14 1
    while [ $(register 0x18) = 0x00000073 ]; do :; done # EINPROGRESS
    echo status $(register 0x18)
}}
echo 1 > $device/enable
devmem {MEMORY:#x} 32 0x600dcafe
devmem {MEMORY + 0x8ffc:#x} 32 0x0badf00d
copy {MEMORY:#x} {MEMORY + 0x8000:#x} 4096              # not a bus master yet
printf '\\006' | dd of=$device/config bs=1 seek=4 conv=notrunc 2>/dev/null
copy {MEMORY:#x} {MEMORY + 0x8000:#x} 4096
echo data $(devmem {MEMORY + 0x8000:#x} 32) $(devmem {MEMORY + 0x8ffc:#x} 32)
copy {MEMORY:#x} $((1 << 40)) 4                         # no memory there
'''

EXPECTED = ['status 0x00000013',  # ENODEV
            'status 0x00000000',
            'data 0x600DCAFE 0x00000000',
            'status 0x0000000E']  # EFAULT


def serve(path):
    """The example, once it listens."""
    child = Child([sys.argv[1], str(path)])
    deadline = time.monotonic() + 10
    while not listening(path):
        assert not child.ended() and time.monotonic() < deadline, 'the copier does not listen'
        time.sleep(0.01)
    return child


def copies(**memory):
    with tempfile.TemporaryDirectory(prefix='umdev-copier-') as directory:
        path = pathlib.Path(directory, 'socket')
        copier = serve(path)
        try:
            with VM(devices=[vfio_user(path)], **memory,
                    kernel_arguments=[f'memmap=64K${MEMORY:#x}']) as vm:
                result = vm.run(SCRIPT)
        finally:
            copier.end()
    lines = [line for line in result.output.splitlines() if line]
    assert (result.status, lines) == (0, EXPECTED), (result.status, lines)


def the_copier_copies_guest_memory():
    copies()


def the_copier_copies_memory_that_is_not_shared():
    copies(shared_memory=False)


if __name__ == '__main__':
    run(the_copier_copies_guest_memory, the_copier_copies_memory_that_is_not_shared)
