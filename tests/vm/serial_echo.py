# SPDX-License-Identifier: BSD-2-Clause
"""Random bytes from the host through a serial port to the guest, and back again.

The guest finds the PCI serial port, sets it up, echoes so many bytes and says what it saw; the
host sends and receives at its end, a Unix socket.
"""
import dataclasses
import hashlib
import os
import re
import select
import socket
import time

TIME_LIMIT = 240  # seconds for the bytes to go and come; umdev takes some 60 on a busy machine

# Prints "key value" lines; "ready" is the sign that bytes may be sent. The port stays open on
# descriptor 4, since its settings are lost with the last close. The counters come at the end, also
# when bytes are missing; stty sets the port up and, the second time, waits for the transmitter
# to finish (TCSADRAIN), without which the counters would lag behind.
GUEST_SCRIPT = '''
set -e
for device in /sys/bus/pci/devices/*; do
    [ "$(cat $device/vendor) $(cat $device/device)" = '0x1b36 0x0002' ] && break
done
tty=$(basename "$(find $device/ -name 'ttyS*')")
echo "device $(basename $device)"
echo "driver $(basename "$(readlink $device/driver)")"
echo "dmesg $(dmesg | grep "$tty at")"
exec 4<>/dev/$tty
set_up="stty -F /dev/$tty raw -echo 115200 crtscts"
$set_up
echo "ready $tty"
echo "sha256 $(timeout LIMIT head -c SIZE <&4 | tee /dev/$tty | sha256sum | cut -d' ' -f1)"
timeout 20 $set_up || echo "transmitter is stuck"
echo "counters $(grep "^${tty#ttyS}:" /proc/tty/driver/serial*)"
'''


@dataclasses.dataclass
class Echo:
    """What went out, what came back, and what the guest said: its "key value" lines."""
    sent: bytes
    received: bytes
    seconds: float
    guest: dict

    def sha256(self):
        """Of what the host sent, of what the guest received, of what came back."""
        return (hashlib.sha256(self.sent).hexdigest(), self.guest.get('sha256'),
                hashlib.sha256(self.received).hexdigest())

    def counters(self):
        """The guest's counters of its port, as numbers: tx, rx and those of errors."""
        return {name: int(value)
                for name, value in re.findall(r'\b([a-z]+):(\d+)', self.guest['counters'])}

    def problems(self):
        """What is wrong with it, in sentences; an empty list if all is well."""
        if 'counters' not in self.guest:
            return [f'the guest stopped early: {self.guest}']
        found = []
        if self.guest['driver'] != 'serial':
            found.append(f"the driver is {self.guest['driver']}")
        if 'transmitter' in self.guest:
            found.append("the guest's transmitter does not finish")
        if len(self.received) != len(self.sent):
            found.append(f'{len(self.received)} of {len(self.sent)} bytes came back')
        if len(set(self.sha256())) != 1:
            found.append('the SHA-256 differ: {}, {}, {}'.format(*self.sha256()))
        counters = self.counters()
        for name in ('tx', 'rx'):
            if counters.get(name, 0) < len(self.sent):
                found.append(f'{name} is {counters.get(name)}, not {len(self.sent)}')
        for name in ('fe', 'pe', 'brk', 'oe', 'bo'):
            if name in counters:
                found.append(f'{name} (errors) is {counters[name]}')
        return found


def connect(path, timeout=10):
    """Connect to the host end of the port."""
    end = socket.socket(socket.AF_UNIX)
    deadline = time.monotonic() + timeout
    while True:
        try:
            end.connect(str(path))
            return end
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def exchange(end, data, progress):
    """Send data and return what comes back: as much, unless time is up or the port is closed."""
    end.setblocking(False)
    sent, received = 0, bytearray()
    deadline = time.monotonic() + TIME_LIMIT
    while len(received) < len(data):
        readable, writable, _ = select.select([end], [end] if sent < len(data) else [], [],
                                              max(0, deadline - time.monotonic()))
        if not readable and not writable:
            break
        if writable:
            sent += end.send(data[sent:sent + 4096])
        if readable:
            piece = end.recv(65536)
            if not piece:
                break
            received += piece
            progress(len(received))
    return bytes(received)


def echo(vm, end, size, started=lambda guest: None, progress=lambda count: None):
    """Do it all in a running VM; `started` is called with the guest's first lines."""
    script = vm.start(GUEST_SCRIPT.replace('SIZE', str(size)).replace('LIMIT', str(TIME_LIMIT)),
                      timeout=TIME_LIMIT + 60)
    lines = script.lines()
    guest = take(lines, until='ready')
    if 'ready' not in guest:
        raise RuntimeError(f'the guest has no serial port: {script.wait()}')
    started(guest)
    data = os.urandom(size)
    start = time.monotonic()
    received = exchange(end, data, progress)
    seconds = time.monotonic() - start
    guest.update(take(lines))
    return Echo(data, received, seconds, guest)


def take(lines, until=None):
    """Collect "key value" lines, up to the key `until` or to the end."""
    found = {}
    for line in lines:
        key, _, value = line.partition(' ')
        found[key] = value
        if key == until:
            break
    return found
