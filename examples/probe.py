#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Opens a device by its URI and prints what it is: the driver library from another language.

usage: probe.py URI [LIBRARY]     (LIBRARY: libumdev.so.0 where it is not installed)"""

import ctypes
import os
import sys

CONFIG = 7  # the region index of config space
INDEXES = ["INTx", "MSI", "MSI-X", "ERR", "REQ"]


class Error(ctypes.Structure):
    """struct umd_error"""

    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 232)]


class Info(ctypes.Structure):
    """struct umd_driver_info"""

    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint), ("regions", ctypes.c_uint),
                ("irqs", ctypes.c_uint)]


def declare(library):
    """What the calls take and return where that is not int."""
    handle, handle_at = ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
    library.umd_driver_open.argtypes = [ctypes.c_char_p, ctypes.c_void_p, handle_at,
                                        ctypes.POINTER(Error)]
    library.umd_driver_close.argtypes = [handle]
    library.umd_driver_close.restype = None
    library.umd_driver_name.argtypes = [handle]
    library.umd_driver_name.restype = ctypes.c_char_p
    library.umd_driver_get_info.argtypes = [handle, ctypes.POINTER(Info)]
    library.umd_driver_irq_count.argtypes = [handle, ctypes.c_uint]
    library.umd_driver_read16.argtypes = [handle, ctypes.c_uint, ctypes.c_uint64,
                                          ctypes.POINTER(ctypes.c_uint16)]


def check(result):
    """What a call returned, which is no error."""
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def describe(library, driver):
    """Prints the device's name, its ids, and how many vectors it has of each kind."""
    info = Info(size=ctypes.sizeof(Info))
    vendor, device = ctypes.c_uint16(), ctypes.c_uint16()
    check(library.umd_driver_get_info(driver, info))
    check(library.umd_driver_read16(driver, CONFIG, 0, vendor))
    check(library.umd_driver_read16(driver, CONFIG, 2, device))
    print(f"{library.umd_driver_name(driver).decode()}: {vendor.value:04x}:{device.value:04x}")
    for index, name in enumerate(INDEXES[:info.irqs]):
        print(f"  {name}: {check(library.umd_driver_irq_count(driver, index))}")


def main():
    library = ctypes.CDLL(sys.argv[2] if len(sys.argv) > 2 else "libumdev.so.0")
    driver, error = ctypes.c_void_p(), Error()
    declare(library)
    if library.umd_driver_open(sys.argv[1].encode(), None, driver, error) < 0:
        sys.exit(error.text.decode())
    try:
        describe(library, driver)
    finally:
        library.umd_driver_close(driver)


main()
