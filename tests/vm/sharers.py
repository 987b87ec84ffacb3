# SPDX-License-Identifier: BSD-2-Clause
"""Who shares an engine: VMs with a slice of it, and programs of the host. All copy and verify.

    while any([sharer.go_on() for sharer in sharers]):
        time.sleep(0.2)
    for sharer in sharers:
        print(sharer.finish())
"""
import time

import dsa


class Guest:
    """A VM: its idxd's dmatest copies."""

    def __init__(self, name, vm, copies):
        self.name = name
        self.vm = vm
        self.copies = copies
        self.script = None

    def go_on(self):
        """Has it more to do?"""
        if not self.script:
            self.script = self.vm.start(dsa.copy_script(self.copies), timeout=300)
        return not self.script.poll()

    def finish(self):
        """What has come of it, in a sentence."""
        result = dsa.copies_from(self.script.wait().output)
        if (result.tests, result.failures, result.interrupts) != (self.copies, 0, self.copies):
            raise dsa.DSAError(f'{self.name}: {result.said}')
        return (f'{result.tests} copies of up to {dsa.BUFFER_SIZE // 1024} KiB verified, '
                f'{result.failures} failures; /proc/interrupts: {result.interrupts} more')

    def interrupts(self):
        return dsa.interrupts(self.vm)


class Program:
    """dsa_copy on the host, again and again: for as long as others do, or for some seconds."""

    def __init__(self, name, host, seconds=0):
        self.name = name
        self.host = host
        self.seconds = seconds
        self.start = time.monotonic()

    @property
    def copies(self):
        return self.host.copies

    def go_on(self):
        self.host.go_on()
        return time.monotonic() - self.start < self.seconds

    def finish(self):
        self.host.finish()
        return f'{self.copies} copies of 4 KiB verified, each when its interrupt had come'

    def interrupts(self):
        return None  # its eventfd is gone
