# SPDX-License-Identifier: BSD-2-Clause
"""A vfio-user server in a thread, for devices that no server of ours would make."""

import contextlib
import socket
import struct
import threading

HEADER = struct.Struct("=HHIII")
REPLY, ERROR = 1, 1 << 5
VERSION, GET_INFO, REGION_INFO, IRQ_INFO, REGION_READ, REGION_WRITE = 1, 4, 5, 7, 9, 10
DEVICE_FEATURE, FEATURE_PROBE = 16, 1 << 18
CONFIG = 7
EINVAL, ENOTTY = 22, 25


class Device:
    """A PCI device with a config space of these bytes and no registers. Tests override answers."""

    def __init__(self, config, version=b"\0\0\1\0"):
        self.config = config
        self.version_reply = version
        self.writes = 0

    def answer(self, command, payload):
        """The payload of the reply, or an errno."""
        if command == VERSION:
            return self.version_reply
        if command == GET_INFO:
            return struct.pack("=IIII", 16, 2, 9, 5)
        if command == REGION_INFO:
            return self.region_info(struct.unpack_from("=I", payload, 8)[0])
        if command == IRQ_INFO:
            return struct.pack("=IIII", 16, 1, struct.unpack_from("=I", payload, 8)[0], 0)
        if command == REGION_READ:
            return self.read(*struct.unpack_from("=QII", payload))
        if command == DEVICE_FEATURE and struct.unpack_from("=I", payload, 4)[0] & FEATURE_PROBE:
            return ENOTTY
        self.writes += 1
        return EINVAL

    def region_info(self, index):
        size = len(self.config) if index == CONFIG else 0
        return struct.pack("=IIIIQQ", 32, 3, index, 0, size, 0)

    def read(self, offset, region, count):
        if region != CONFIG or offset + count > len(self.config):
            return EINVAL
        return struct.pack("=QII", offset, region, count) + self.config[offset:offset + count]


def receive(connection, size):
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def serve_one(listener, device):
    """Serves one client until it leaves."""
    connection, _ = listener.accept()
    with connection, contextlib.suppress(EOFError, OSError):
        while True:
            msg_id, command, size, _, _ = HEADER.unpack(receive(connection, HEADER.size))
            answer = device.answer(command, receive(connection, size - HEADER.size))
            if answer is None:
                continue  # silence
            if isinstance(answer, int):
                connection.sendall(HEADER.pack(msg_id, command, HEADER.size, REPLY | ERROR, answer))
            else:
                size = HEADER.size + len(answer)
                connection.sendall(HEADER.pack(msg_id, command, size, REPLY, 0) + answer)


@contextlib.contextmanager
def serving(device, path):
    """Serves a device to one client."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(20)
        thread = threading.Thread(target=serve_one, args=(listener, device), daemon=True)
        thread.start()
        yield
        thread.join(20)
        assert not thread.is_alive()


class Config(bytearray):
    """Config space under construction."""

    def __init__(self, size=256):
        super().__init__(size)
        self[0:4] = struct.pack("<HH", 0x1234, 0x5678)
        self[8:12] = struct.pack("<BBH", 7, 0, 0xff00)

    def put(self, offset, data):
        self[offset:offset + len(data)] = data

    def cap(self, offset, cap_id, body, following=0):
        """A capability; the first one is pointed at by the header."""
        if not self[0x34]:
            self[0x34] = offset
            self[6] |= 0x10
        self.put(offset, bytes([cap_id, following]) + body)

    def ext_cap(self, offset, cap_id, body, version=1, following=0):
        self.put(offset, struct.pack("<I", cap_id | version << 16 | following << 20) + body)
