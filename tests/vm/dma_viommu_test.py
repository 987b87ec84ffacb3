#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The example device copies a guest's memory behind a vIOMMU, in which a program on the guest
kernel's vfio-pci makes and ends maps of 4 KiB all the while (guest_dma.c). The guest's IOMMU is
strict and QEMU's in caching mode, so that each of these is a message, answered before the guest
goes on.

usage: dma_viommu_test.py COPIER GUEST_DMA
"""
import collections
import pathlib
import re
import sys
import tempfile

from copier_test import serve
from runner import run
from vm import VM, intel_iommu, vfio_user

CYCLES = 100000
MOST_AT_ONCE = 300  # so many maps stand at some time, at least
REFUSED = 4000  # so many copies are refused, at least
TIMEOUT = 300

DMA_MAP, DMA_UNMAP, DMA_READ, DMA_WRITE = 2, 3, 11, 12  # vfio-user's commands
COMMAND, REPLY, ERROR_REPLY = 0x00, 0x01, 0x21  # flags of its header

ADDRESS = '0000:00:10.0'

SCRIPT = f'''
set -e
echo vfio-pci >/sys/bus/pci/devices/{ADDRESS}/driver_override
echo {ADDRESS} >/sys/bus/pci/drivers_probe
'''

SUMMARY = re.compile(r'(\d+) maps, (\d+) at most, ended by (\d+) calls; '
                     r'(\d+) copies, (\d+) refused; .*')


def received(trace):
    """What QEMU received of the device's process: {(command, flags of the header): how often}."""
    pattern = re.compile(r'vfio_user_recv_hdr .* cmd 0x([0-9a-f]+) size \S+ flags 0x([0-9a-f]+)$')
    with open(trace, errors='replace') as lines:
        matches = filter(None, map(pattern.match, lines))
        return collections.Counter((int(match[1], 16), int(match[2], 16)) for match in matches)


def drive(directory, copies, seed, **memory):
    """Let guest-dma run to its end. The last line it says, and what QEMU received meanwhile."""
    socket, trace = directory / 'socket', directory / 'trace'
    copier = serve(socket)
    try:
        with VM(devices=[intel_iommu(intremap=True), vfio_user(socket, addr='0x10')],
                modules=['vfio-pci', 'vfio_iommu_type1'], programs=[sys.argv[2]],
                kernel_arguments=['intel_iommu=on', 'iommu.strict=1'],
                qemu_arguments=['-trace', f'enable=vfio_user_recv_hdr,file={trace}'],
                **memory) as vm:
            result = vm.run(SCRIPT + f'guest-dma {ADDRESS} {CYCLES} {copies} {seed}', TIMEOUT)
            assert result.status == 0, result.output
    finally:
        copier.end()
    return result.output.splitlines()[-1], received(trace)


def check_summary(line, copies):
    match = SUMMARY.fullmatch(line)
    assert match, line
    print(f'       {line}')
    maps, at_once, calls, copied, refused = map(int, match.groups())
    assert maps == CYCLES and copied == copies, line
    assert at_once >= MOST_AT_ONCE and refused >= REFUSED, line
    assert calls < maps, f'no call ended several maps: {line}'


def check_every_map_was_a_message(counts):
    for command in (DMA_MAP, DMA_UNMAP):
        assert counts[command, REPLY] >= CYCLES and not counts[command, ERROR_REPLY], counts


def dma_messages(counts):
    return counts[DMA_READ, COMMAND], counts[DMA_WRITE, COMMAND]


def pages_mapped_and_unmapped_through_a_viommu():
    with tempfile.TemporaryDirectory(prefix='umdev-dma-') as directory:
        line, counts = drive(pathlib.Path(directory), copies=10000, seed=1)
    check_summary(line, 10000)
    check_every_map_was_a_message(counts)
    assert dma_messages(counts) == (0, 0), counts


def the_same_with_memory_that_is_not_shared():
    with tempfile.TemporaryDirectory(prefix='umdev-dma-') as directory:
        line, counts = drive(pathlib.Path(directory), copies=5000, seed=2, shared_memory=False)
    check_summary(line, 5000)
    check_every_map_was_a_message(counts)
    assert min(dma_messages(counts)) >= 5000, counts


if __name__ == '__main__':
    run(pages_mapped_and_unmapped_through_a_viommu, the_same_with_memory_that_is_not_shared)
