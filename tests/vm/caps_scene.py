# SPDX-License-Identifier: BSD-2-Clause
"""The test device of caps_device.c in a VM, and how the tests reach it there.

Each kind of it has a root port of its own, so that it is reset and unplugged alone; the guest's
IOMMU remaps interrupts, without which Linux gives a device one message of MSI.
"""
import contextlib
import sys

from server import Program
from vm import VM, intel_iommu, root_port, vfio_user

# The numbers of caps_registers.h.
IDENT, SCRATCH, TRIGGER, RESET, ERROR = 0x00, 0x04, 0x08, 0x14, 0x18
RESETS, POWERS = 0x20, 0x40
IDENT_VALUE = 0x73706163

# The order of the enumerations in umdev/device.h.
RESET_KINDS = ('device', 'flr', 'power', 'self', 'disconnect')
POWER_STATES = ('D0', 'D1', 'D2', 'D3hot', 'low')

FUNCTIONS = '''
cd /sys/bus/pci/devices/$1 || exit
bar() { echo $(($(head -n 1 resource | cut -d ' ' -f 1))); }
register() { devmem $(($(bar) + $1)) 32 $2; }
bind() { echo vfio-pci >driver_override && echo ${PWD##*/} >/sys/bus/pci/drivers_probe; }
unbind() { echo ${PWD##*/} >driver/unbind; }
'''


class Device:
    """The test device at an address of the guest."""

    def __init__(self, vm, address):
        self.vm = vm
        self.address = address

    def start(self, script, timeout=60):
        """Start a script in the device's directory of sysfs."""
        return self.vm.start(f'set -e -- {self.address}\n{FUNCTIONS}\n{script}', timeout)

    def run(self, script, timeout=60):
        """Run a script in the device's directory of sysfs; its output. It has to succeed."""
        result = self.start(script, timeout).wait()
        assert result.status == 0, f'status {result.status} of:\n{script}\n{result.output}'
        return result.output.strip('\n')

    def vfio(self, *arguments, timeout=60):
        """Run guest-vfio on the device, which is bound to vfio-pci."""
        words = ' '.join(map(str, arguments))
        return self.run(f'guest-vfio {self.address} {words}', timeout).splitlines()

    def setpci(self, *registers):
        """Read or write registers; a list of the numbers read."""
        output = self.run(f"setpci -s {self.address} {' '.join(registers)}")
        return [int(line, 16) for line in output.splitlines()]

    def read(self, offset):
        return int(self.run(f'register {offset}'), 16)

    def write(self, offset, value):
        self.run(f'register {offset} {value}')

    def counts(self):
        """How often each kind of reset and each power state has befallen the device."""
        names = RESET_KINDS + POWER_STATES
        offsets = ([RESETS + 4 * i for i in range(len(RESET_KINDS))]
                   + [POWERS + 4 * i for i in range(len(POWER_STATES))])
        values = self.run('\n'.join(f'register {offset}' for offset in offsets)).split()
        return dict(zip(names, (int(value, 16) for value in values)))


@contextlib.contextmanager
def counting(device):
    """What befalls the device in the block: {kind of reset or power state: how often}."""
    happened = {}
    before = device.counts()
    yield happened
    after = device.counts()
    happened.update({name: after[name] - before[name] for name in after
                     if after[name] != before[name]})


class Scene:
    """What the tests of one file share: a VM with devices of some kinds."""

    def __init__(self, vm, kinds, sockets):
        self.vm = vm
        self.sockets = dict(zip(kinds, sockets))
        for number, kind in enumerate(kinds, 1):
            setattr(self, kind, Device(vm, f'0000:{number:02x}:00.0'))


def qemu_device(kind, socket):
    return vfio_user(socket, id=kind, bus=f'port-{kind}')


def scene(*kinds):
    """For runner.run(): starts servers and a VM with the programs named on the command line."""
    program, guest_program = sys.argv[1:3]

    @contextlib.contextmanager
    def start():
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(Program(program, kind)).path for kind in kinds]
            ports = [root_port(f'port-{kind}', chassis=number)
                     for number, kind in enumerate(kinds, 1)]
            vm = stack.enter_context(VM(
                devices=[intel_iommu(intremap=True), *ports, *map(qemu_device, kinds, sockets)],
                modules=['vfio-pci', 'vfio_iommu_type1'], pciutils=True,
                programs=[guest_program],
                kernel_arguments=['intel_iommu=on']))
            yield Scene(vm, kinds, sockets)

    return start
