#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""guest/movdir64b gives a guest the instruction that idxd wants: it tests itself, idxd loads, and
what is not the kernel's is left alone. Where the CPU has the instruction, it is not needed.
"""
import contextlib
import struct

from runner import run
from vm import VM, built_modules

OURS = 'umdev_movdir64b'
BASE = 0x400000

# RAM as the kernel sees it, without a random offset and with page tables of five levels.
KERNEL_MEMORY = 0xff11000000000000 + 0x8000000


def program(code):
    """The bytes of an executable: one segment, which begins with the file's headers."""
    size = 64 + 56 + len(code)
    header = struct.pack('<16sHHIQQQIHHHHHH', b'\x7fELF\2\1\1', 2, 62, 1, BASE + 64 + 56, 64, 0, 0,
                         64, 56, 1, 0, 0, 0)
    return header + struct.pack('<IIQQQQQQ', 1, 5, 0, BASE, BASE, size, size, 4096) + code


def in_user_mode(address):
    """Moves 64 bytes to where they are, then exits with status 0."""
    # mov $address, %rdx; mov %rdx, %rax; movdir64b (%rdx), %rax
    return program(b'\x48\xba' + struct.pack('<Q', address) + b'\x48\x89\xd0\x66\x0f\x38\xf8\x02'
                   # mov $60, %eax; xor %edi, %edi; syscall
                   b'\xb8\x3c\0\0\0\x31\xff\x0f\x05')


@contextlib.contextmanager
def scene():
    with VM(modules=[f'{OURS} selftest=1', 'idxd', 'dmatest'], more_modules=built_modules(),
            kernel_arguments=['setcpuid=movdir64b', 'nokaslr'],
            files={'/user': in_user_mode(BASE), '/kernel': in_user_mode(KERNEL_MEMORY)}) as vm:
        yield vm


def succeeds(vm, script):
    result = vm.run(script)
    assert result.status == 0, result
    return result.output


def it_passes_its_selftest(vm):
    assert f'{OURS}: selftest: passed: ' in succeeds(vm, 'dmesg')
    assert int(succeeds(vm, f'cat /sys/module/{OURS}/parameters/emulated')) > 10


def idxd_and_dmatest_load(vm):
    loaded = {line.split()[0] for line in succeeds(vm, 'cat /proc/modules').splitlines()}
    assert {OURS, 'idxd', 'idxd_bus', 'dmatest'} <= loaded, loaded
    drivers = succeeds(vm, 'ls /sys/bus/dsa/drivers /sys/bus/pci/drivers').split()
    assert {'idxd', 'dmaengine', 'user'} <= set(drivers), drivers


def a_programs_instruction_is_left_alone(vm):
    succeeds(vm, 'grep -q la57 /proc/cpuinfo')
    for name in ('/user', '/kernel'):
        result = vm.run(f'chmod +x {name}; {name}')
        assert result.status == 128 + 4, result  # SIGILL


def it_can_be_removed(vm):
    succeeds(vm, f'rmmod idxd && rmmod {OURS} && insmod /modules/{OURS}.ko selftest=1')


def a_cpu_that_has_the_instruction_needs_no_help(_):
    """TCG can be made to say that it has it."""
    with VM(modules=['idxd'], more_modules=built_modules(),
            files={f'/{OURS}.ko': next(path for path in built_modules() if OURS in path.name)},
            qemu_arguments=['-cpu', 'max,x-force-features=on,+movdir64b']) as vm:
        result = vm.run(f'insmod /{OURS}.ko')
        assert result.status != 0 and 'No such device' in result.output, result
        assert f'{OURS}: not needed: the CPU has MOVDIR64B' in succeeds(vm, 'dmesg')
        succeeds(vm, 'grep idxd /proc/modules')


if __name__ == '__main__':
    run(it_passes_its_selftest, idxd_and_dmatest_load, a_programs_instruction_is_left_alone,
        it_can_be_removed, a_cpu_that_has_the_instruction_needs_no_help,
        scene=scene, kernel=built_modules)
