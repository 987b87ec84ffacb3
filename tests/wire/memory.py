# SPDX-License-Identifier: BSD-2-Clause
"""Memory and eventfds that a client hands to the device."""

import mmap
import os


class Memory:
    """A memfd, mapped here."""

    def __init__(self, size, flags=os.MFD_CLOEXEC):
        self.fd = os.memfd_create("wire-client", flags)
        os.ftruncate(self.fd, size)
        self.map = mmap.mmap(self.fd, size)

    def __getitem__(self, where):
        return self.map[where]

    def __setitem__(self, where, value):
        self.map[where] = value

    def close(self):
        self.map.close()
        os.close(self.fd)


def pattern(size, seed=0):
    """Bytes in which a shift of a few, or of a page, shows."""
    block = bytes((i * 7 + (i >> 8) * 13 + seed) & 0xff for i in range(min(size, 1 << 16)))
    return (block * (size // len(block) + 1))[:size] if size else b""
