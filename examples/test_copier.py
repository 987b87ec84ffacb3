# SPDX-License-Identifier: BSD-2-Clause
"""The example device copies memory and says so by its interrupt. usage: test_copier.py COPIER

Speaks vfio-user with the wire suite's client."""

import contextlib
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/wire"))

import protocol as p  # noqa: E402
from memory import Memory, pattern  # noqa: E402
from process import wait_until  # noqa: E402
from registers import Driver, wait_signal  # noqa: E402

SOURCE, DESTINATION, LENGTH, START, STATUS = 0x00, 0x08, 0x10, 0x14, 0x18
BASE = 0x40000000


def copy(driver, eventfd, source, destination, length):
    """Has the device copy. Returns its status once the interrupt has come."""
    driver.write(p.BAR0, SOURCE, struct.pack("<QQI", source, destination, length))
    driver.put(p.BAR0, START, 1)
    assert wait_signal(eventfd) == 1
    return driver.get(p.BAR0, STATUS)


def connect(path):
    """The driver's end, once the device listens."""
    drivers = []

    def try_it():
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            drivers.append(Driver.to(path))
        return drivers

    wait_until(try_it, "the socket")
    return drivers[0]


def check(driver):
    ram = Memory(16 * p.PAGE)
    eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    driver.ok(p.version())
    driver.enable()
    driver.ok(p.dma_map(BASE, 16 * p.PAGE, fd=ram.fd))
    driver.ok(p.set_trigger(p.MSIX, [eventfd]))

    data = pattern(30000)
    ram[3:3 + len(data)] = data
    assert copy(driver, eventfd, BASE + 3, BASE + 32768, len(data)) == 0
    assert ram[32768:32768 + len(data)] == data
    assert copy(driver, eventfd, BASE, BASE + 16 * p.PAGE, 1) == 14  # EFAULT
    assert copy(driver, eventfd, BASE, BASE, 65537) == 7  # E2BIG
    driver.ok(p.device_reset())
    driver.enable()
    assert driver.read(p.BAR0, 0, 32) == bytes(32)


def main():
    with tempfile.TemporaryDirectory(prefix="copier-") as folder:
        path = os.path.join(folder, "socket")
        with subprocess.Popen([sys.argv[1], path]) as copier:
            try:
                driver = connect(path)
                check(driver)
                driver.close()
                assert copier.poll() is None
            finally:
                copier.send_signal(signal.SIGTERM)


main()
print("ok")
