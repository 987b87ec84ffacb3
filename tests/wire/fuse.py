# SPDX-License-Identifier: BSD-2-Clause
"""A file system that answers nobody but its friends.

It is spoken over a bare /dev/fuse, by a process of its own in a mount namespace of its own (with a
user namespace where it is not root), and has one file. Whoever is no friend and asks anything of
it, the flush of a close() included, waits until the process ends.
"""

import contextlib
import ctypes
import os
import select
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading

from process import wait_until

TIMEOUT = 10.0  # seconds, for the file system's process

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 1 << 18

# linux/fuse.h
IN = struct.Struct("=IIQQIIIHH")  # length, opcode, unique, node, uid, gid, pid, extensions, padding
OUT = struct.Struct("=IiQ")  # length, error, unique
LOOKUP, FORGET, GETATTR, OPEN, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 18, 25, 26
INTERRUPT, POLL, BATCH_FORGET = 36, 40, 42
SILENT = (FORGET, INTERRUPT, BATCH_FORGET)  # these have no reply
ROOT, FILE = 1, 2
FILE_SIZE = 1 << 20
ENOSYS = 38


# ---- The file system's process


libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def write_map(name, text):
    with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
        file.write(text)


def enter_namespaces():
    """Where mounting is nobody else's business; and allowed, to a user who is not root."""
    uid, gid = os.getuid(), os.getgid()
    check(libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if uid else 0)), "unshare")
    if uid:
        write_map("setgroups", "deny")
        write_map("uid_map", f"0 {uid} 1")
        write_map("gid_map", f"0 {gid} 1")
    check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")


def attributes(node):
    mode, size = (stat.S_IFDIR | 0o755, 0) if node == ROOT else (stat.S_IFREG | 0o666, FILE_SIZE)
    return struct.pack("=6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


class FileSystem:
    """Answers what the kernel asks, in a thread of its own."""

    def __init__(self, folder, friends):
        self.friends = {0, os.getpid(), *friends}
        self.waiting = []  # opcodes of what is not answered
        self.path = os.path.join(folder, "file")
        self.fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.fuse},rootmode=40000,user_id=0,group_id=0"
        check(libc.mount(b"hostile", folder.encode(), b"fuse", MS_NOSUID | MS_NODEV,
                         options.encode()), "mount")
        threading.Thread(target=self._serve, daemon=True).start()

    def open(self):
        return os.open(self.path, os.O_RDWR | os.O_CLOEXEC)

    def held_eventfd(self):
        """An eventfd in an epoll set that is locked for good: another process is at it, waiting
        for the file's poll(). Whoever closes the eventfd as the last one waits for that lock."""
        eventfd, file = os.eventfd(0, os.EFD_CLOEXEC), self.open()
        before = len(self.waiting)
        if os.fork() == 0:
            with contextlib.suppress(OSError):
                os.close(self.fuse)
                epoll = select.epoll()
                epoll.register(eventfd, select.EPOLLIN)
                os.close(eventfd)
                epoll.register(file, select.EPOLLIN)
            os._exit(0)
        wait_until(lambda: POLL in self.waiting[before:], "the epoll set to be locked")
        os.close(file)
        return eventfd

    def _serve(self):
        while True:
            request = os.read(self.fuse, 1 << 18)
            _, opcode, unique, node, _, _, pid, _, _ = IN.unpack_from(request)
            if opcode in SILENT:
                continue
            if pid in self.friends or opcode in (INIT, RELEASE):
                self._answer(unique, *self._reply(opcode, node))
            else:
                self.waiting.append(opcode)

    def _answer(self, unique, error, payload):
        os.write(self.fuse, OUT.pack(OUT.size + len(payload), -error, unique) + payload)

    @staticmethod
    def _reply(opcode, node):
        """The error and the payload of a reply. Nothing may be cached, so all is asked again."""
        if opcode == INIT:
            return 0, struct.pack("=IIIIHHII", 7, 31, 1 << 16, 0, 16, 16, 1 << 16, 1) + bytes(36)
        if opcode == LOOKUP:
            return 0, struct.pack("=QQQQII", FILE, 0, 0, 0, 0, 0) + attributes(FILE)
        if opcode == GETATTR:
            return 0, struct.pack("=QII", 0, 0, 0) + attributes(node)
        if opcode == OPEN:
            return 0, struct.pack("=QII", 0, 0, 0)
        return (0, b"") if opcode in (FLUSH, RELEASE) else (ENOSYS, b"")


def serve(control, system):
    """Hands out files and eventfds, and tells what is waiting, until nobody asks any more."""
    make = {b"f": system.open, b"e": system.held_eventfd}
    while question := control.recv(1):
        if question in make:
            fd = make[question]()
            socket.send_fds(control, [b"!"], [fd])
            os.close(fd)
            control.sendall(b".")  # nobody's last close() is ours
        else:
            control.sendall(bytes(system.waiting) + b"\0")


def main(control, folder, *friends):
    control = socket.socket(fileno=int(control))
    try:
        enter_namespaces()
        system = FileSystem(folder, [int(pid) for pid in friends])
    except OSError as error:
        control.sendall(str(error).encode())
        return
    control.sendall(b"ready")
    serve(control, system)


# ---- The test's side


class Unavailable(Exception):
    """Why this machine has no such file system."""


class Fuse:
    """The file system, seen from a test, whose own process is a friend."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fuse-")  # the mount is in another namespace
        self.ended = False
        self.control, theirs = socket.socketpair()
        self.control.settimeout(TIMEOUT)
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno()), self.folder, str(os.getpid())],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        said = self.control.recv(4096).decode()
        if said != "ready":
            self.end()
            raise Unavailable(said or "the file system did not start")

    def _take(self, question):
        self.control.sendall(question)
        _, fds, _, _ = socket.recv_fds(self.control, 1, 1)
        self.control.recv(1)
        return fds[0]

    def file(self):
        """An fd whose close() waits: that of the file, as another description."""
        return self._take(b"f")

    def eventfd(self):
        """An eventfd for whose last close() is waited."""
        return self._take(b"e")

    def waiting(self):
        """The opcodes of the requests that are not answered."""
        self.control.sendall(b"w")
        data = self.control.recv(4096)
        while not data.endswith(b"\0"):
            data += self.control.recv(4096)
        return list(data[:-1])

    def end(self):
        """Ends the file system: whoever waits for it gets an error now."""
        if self.ended:
            return
        self.ended = True
        self.process.kill()
        self.process.wait()
        self.control.close()
        os.rmdir(self.folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
