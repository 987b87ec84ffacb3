#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Debian's idxd, unmodified, drives a whole DSA and slices of one; dmatest copies and verifies. Two
VMs and a program on the host share one engine.

usage: dsa_test.py DSA_COPY
"""
import contextlib
import re
import sys
import time

import dsa
from runner import run
from vm import built_modules

COPIES = 10000
TROUBLE = re.compile(r'idxd.*(?i:error|fail|timed? ?out|halt|active wq|claim)|Call Trace|'
                     r'BUG:|WARNING:')
NO_TROUBLE = 'Failed to initialize perfmon'  # there are no such counters


def no_trouble(vm):
    lines = [line for line in vm.log('kernel.log')
             if TROUBLE.search(line) and NO_TROUBLE not in line]
    assert not lines, lines


def all_copied(result, count):
    assert (result.tests, result.failures) == (count, 0), result.said
    assert result.interrupts == count, (result.interrupts, count)
    assert result.emulated == count, (result.emulated, count)


def counted(before, after, count):
    """The engine has counted the same as the guest."""
    grown = {name: after[name] - before[name] for name in after}
    assert (grown['descriptors'], grown['interrupts']) == (count, count), (before, after)
    assert count <= grown['bytes'] <= count * dsa.BUFFER_SIZE, (before, after)
    assert (after['faults'], after['refused']) == (0, 0), after


def drives(served, vm, count):
    before = served.counters()
    result = dsa.copy(vm, count)
    all_copied(result, count)
    counted(before, served.counters(), count)
    print(f'       {count} copies, {result.rate:.0f} a second while none is prepared or verified')


def idxd_drives_the_whole_device():
    with dsa.device(dsa.FULL) as served, dsa.guest(served.path) as vm:
        assert dsa.run(vm, 'cat dsa0/configurable dsa0/max_work_queues dsa0/max_groups '
                           'dsa0/max_engines').split() == ['1', '8', '4', '4']
        dsa.configure(vm)
        dsa.enable(vm)
        drives(served, vm, COPIES)
        assert dsa.run(vm, 'cat dsa0/state wq0.0/state').split() == ['enabled', 'enabled']

        dsa.disable(vm)
        assert dsa.run(vm, 'cat dsa0/state wq0.0/state').split() == ['disabled', 'disabled']
        dsa.configure(vm, size=64)
        dsa.enable(vm)
        drives(served, vm, 100)
        no_trouble(vm)


def idxd_drives_the_whole_device_by_its_other_id():
    with dsa.device(dsa.FULL, 'device-id=11fb') as served, dsa.guest(served.path) as vm:
        dsa.configure(vm)
        dsa.enable(vm)
        drives(served, vm, 100)
        no_trouble(vm)


def idxd_drives_a_slice():
    with dsa.device(dsa.SLICE) as served, dsa.guest(served.path) as vm:
        assert dsa.run(vm, 'cat dsa0/configurable dsa0/max_work_queues wq0.0/mode '
                           'wq0.0/group_id').split() == ['0', '1', 'dedicated', '0']
        dsa.enable(vm)
        drives(served, vm, COPIES)

        dsa.disable(vm)
        dsa.probe_again(vm)
        dsa.enable(vm)
        drives(served, vm, 100)
        no_trouble(vm)


def watch(parent, scripts, host):
    """Keep the host's program running until the scripts end; what the parent counted meanwhile."""
    samples = []
    while not all(script.poll() for script in scripts):
        host.go_on()
        samples.append(parent.counters())
        time.sleep(0.2)
    host.finish()
    return samples


def at_the_same_time(samples, owners):
    """Was there a moment at which everybody's counters grew?"""
    def descriptors(sample, owner):  # nothing is told of an owner that has not come yet
        return sample.get(owner, {}).get('descriptors', 0)

    return any(all(descriptors(later, owner) > descriptors(sample, owner) for owner in owners)
               for sample, later in zip(samples, samples[1:]))


def two_vms_and_a_program_share_an_engine():
    guests, host = (7, 8), 9
    with contextlib.ExitStack() as stack:
        parent = stack.enter_context(dsa.parent_for(*guests, host))
        vms = []
        for owner in guests:
            server = stack.enter_context(dsa.slice_of(parent, owner))
            vms.append(stack.enter_context(dsa.guest(server.path)))
            dsa.enable(vms[-1])
        program = dsa.HostProgram(sys.argv[1], parent, host, COPIES)

        scripts = [vm.start(dsa.copy_script(COPIES), timeout=300) for vm in vms]
        samples = watch(parent, scripts, program)

        for owner, vm, script in zip(guests, vms, scripts):
            result = dsa.copies_from(script.wait().output)
            all_copied(result, COPIES)
            had = parent.counted(owner, COPIES)
            counted(dict.fromkeys(had, 0), had, COPIES)
            no_trouble(vm)
        counters = parent.counted(host, program.copies)
        assert counters['descriptors'] == counters['interrupts'] == program.copies, counters
        assert (counters['faults'], counters['refused']) == (0, 0), counters
        assert at_the_same_time(samples, (*guests, host)), samples


if __name__ == '__main__':
    run(idxd_drives_the_whole_device, idxd_drives_the_whole_device_by_its_other_id,
        idxd_drives_a_slice, two_vms_and_a_program_share_an_engine, kernel=built_modules)
