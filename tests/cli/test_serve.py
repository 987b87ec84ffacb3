# SPDX-License-Identifier: BSD-2-Clause
"""`umdev serve` as a process: sockets, signals, exit statuses, what it costs."""

import errno
import json
import os
import signal
import socket
import struct
import time

import pytest

from conftest import TIMEOUT, stop

NULL = ["-o", "backend=null"]


def connect(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(TIMEOUT)
    sock.connect(path)
    return sock


def test_it_says_when_it_is_ready(umdev, path):
    with umdev.serving("serial", "--socket-path", path, *NULL) as server:
        assert server.ready == f"serial: listening on {path}\n"
        assert umdev.run("probe", path).returncode == 0
        stop(server)
        assert server.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_status_0(umdev, path, number):
    with umdev.serving("serial", "--socket-path", path, *NULL) as server:
        assert os.path.exists(path)
        assert stop(server, number) == 0
        assert not os.path.exists(path)


def test_a_signal_ends_it_with_a_client(umdev, path):
    with umdev.serving("serial", "--socket-path", path, *NULL) as server:
        with connect(path) as client:
            client.sendall(b"\1\0")  # half a header
            assert stop(server) == 0
            assert client.recv(1) == b""


def serving_with_grace(umdev, path, seconds):
    return umdev.serving("serial", "--socket-path", path, "--grace", str(seconds), *NULL)


def runs_on(server):
    """It does not end within a moment."""
    time.sleep(0.3)
    return server.poll() is None


def test_grace_is_not_needed_without_a_client(umdev, path):
    with serving_with_grace(umdev, path, 600) as server:
        assert stop(server) == 0


def test_grace_ends_when_the_client_has_left(umdev, path):
    with serving_with_grace(umdev, path, 600) as server:
        with connect(path):
            time.sleep(0.1)
            server.send_signal(signal.SIGTERM)
            assert runs_on(server)
        assert server.wait(TIMEOUT) == 0
        assert not os.path.exists(path)


def test_grace_ends_when_it_is_over(umdev, path):
    with serving_with_grace(umdev, path, 1) as server:
        with connect(path) as client:
            time.sleep(0.1)
            server.send_signal(signal.SIGTERM)
            assert runs_on(server)
            assert server.wait(TIMEOUT) == 0
            assert client.recv(1) == b""


def test_a_second_signal_ends_at_once(umdev, path):
    with serving_with_grace(umdev, path, 600) as server:
        with connect(path):
            time.sleep(0.1)
            server.send_signal(signal.SIGTERM)
            assert runs_on(server)
            assert stop(server) == 0


@pytest.mark.parametrize("seconds", ["", "x", "-1", "86401", "1.5"])
def test_grace_is_a_number_of_seconds(umdev, path, seconds):
    text = umdev.refuses(2, "serve", "serial", "--socket-path", path, "--grace", seconds)
    assert f"--grace wants seconds, 0 to 86400, not '{seconds}'" in text


def message(number, command, payload):
    """A vfio-user command."""
    return struct.pack("<HHIII", number, command, 16 + len(payload), 0, 0) + payload


def map_memory(sock, number, address, size):
    """DMA_MAP of memory without a file. Returns the reply's error."""
    sock.sendall(message(number, 2, struct.pack("<IIQQQ", 32, 1, 0, address, size)))
    return struct.unpack("<HHIII", sock.recv(16))[4]


@pytest.mark.parametrize("limit, size", [("8192", 8192), ("9K", 8192), ("1m", 1 << 20),
                                         ("2G", 2 << 30), ("1T", 1 << 40)])
def test_a_driver_maps_no_more_than_allowed(umdev, path, limit, size):
    with umdev.serving("serial", "--socket-path", path, "--max-mapped", limit, *NULL) as server:
        with connect(path) as client:
            client.sendall(message(1, 1, struct.pack("<HH", 0, 1)))
            assert client.recv(4096)
            assert map_memory(client, 2, 0, size) == 0
            assert map_memory(client, 3, size, 4096) == errno.ENOMEM
        assert stop(server) == 0


@pytest.mark.parametrize("size", ["", "x", "-1", "4095", "1.5G", "G", "2GB", "16777216T",
                                  "18446744073709551616", " 4096"])
def test_what_may_be_mapped_is_a_size(umdev, path, size):
    text = umdev.refuses(2, "serve", "serial", "--socket-path", path, "--max-mapped", size)
    assert f"--max-mapped wants a size, such as 2G, not '{size}'" in text


def test_a_path_in_use(umdev, path):
    with umdev.serving("serial", "--socket-path", path, *NULL) as server:
        text = umdev.refuses(1, "serve", "serial", "--socket-path", path, *NULL)
        assert f"{path} is in use: another process listens there" in text
        assert umdev.run("probe", path).returncode == 0
        assert stop(server) == 0


def test_a_socket_left_over(umdev, path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as old:
        old.bind(path)
    with umdev.serving("serial", "--socket-path", path, *NULL) as server:
        assert stop(server) == 0


def test_a_path_that_is_no_socket(umdev, tmp_path):
    file = tmp_path / "file"
    file.write_text("precious")
    text = umdev.refuses(1, "serve", "serial", "--socket-path", str(file), *NULL)
    assert "is no socket" in text
    assert file.read_text() == "precious"


def test_paths_that_cannot_be(umdev, tmp_path):
    path = str(tmp_path / ("x" * 200))
    assert "at most 107 bytes" in umdev.refuses(1, "serve", "serial", "--socket-path", path, *NULL)
    path = "/nonexistent/s"
    text = umdev.refuses(1, "serve", "serial", "--socket-path", path, *NULL)
    assert "/nonexistent/s: No such file or directory" in text


def test_a_listening_fd(umdev, path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        fd = listener.fileno()
        with umdev.serving("serial", "--fd", str(fd), *NULL, pass_fds=[fd]) as server:
            assert server.ready == f"serial: serving on file descriptor {fd}\n"
            for _ in range(2):
                assert umdev.run("probe", path).returncode == 0
            assert stop(server) == 0
        assert os.path.exists(path)  # it is not the server's


def test_a_connected_fd_ends_it(umdev):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    fd = theirs.fileno()
    with ours, umdev.serving("serial", "--fd", str(fd), *NULL, pass_fds=[fd]) as server:
        theirs.close()
        ours.close()
        assert server.wait(TIMEOUT) == 0


def test_fds_that_cannot_be(umdev):
    assert "not an open file descriptor" in umdev.refuses(1, "serve", "serial", "--fd", "77", *NULL)
    with open("/dev/null", "rb") as file:
        fd = file.fileno()
        text = umdev.refuses(1, "serve", "serial", "--fd", str(fd), *NULL, pass_fds=[fd])
        assert f"--fd {fd} cannot be served" in text


def test_capabilities(umdev):
    for arguments in (["serial", "--print-capabilities"], ["--print-capabilities"]):
        capabilities = json.loads(umdev.ok("serve", *arguments))
        assert capabilities["type"] == "vfio-user"
        assert isinstance(capabilities["features"], list)
    assert "backend" in json.loads(umdev.ok("serve", "--print-capabilities", "serial"))["features"]


def test_the_fd_limit_is_raised(umdev, path):
    with umdev.serving("serial", "--socket-path", path, *NULL) as server:
        with open(f"/proc/{server.pid}/limits", encoding="ascii") as limits:
            line = next(line for line in limits if line.startswith("Max open files"))
        assert line.split()[3] == line.split()[4]


def test_it_idles(umdev, path):
    with umdev.serving("serial", "--socket-path", path, *NULL) as server:
        def switches():
            with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
                return [line for line in status if "ctxt_switches" in line]

        time.sleep(0.1)
        before = switches()
        time.sleep(0.5)
        assert switches() == before
