# SPDX-License-Identifier: BSD-2-Clause
"""The server as a process: sockets it is given, how it ends, and what it leaves."""

import contextlib
import os
import socket
import subprocess

import pytest

import protocol as p
from client import Client, Closed
from process import DeviceProcess
from registers import Driver


@pytest.fixture
def spawn_on(executable, arguments):
    """A function that starts a device on a socket of ours."""
    processes = []

    def make(sock):
        fd = sock.fileno()
        processes.append(DeviceProcess(executable, ["--fd", str(fd), *arguments], (fd,)))
        return processes[-1]

    yield make
    for process in processes:
        process.kill()


def test_sigterm_ends_it_with_status_0_and_its_socket_is_gone(spawn):
    process, path = spawn()
    assert os.path.exists(path)
    assert process.stop() == 0
    assert not os.path.exists(path)


def test_sigterm_is_a_clear_end_for_the_client(spawn):
    process, path = spawn()
    client = Client.to(path)
    client.ok(p.version())
    assert process.stop() == 0
    client.expect_end()
    client.close()


def test_sigterm_with_unread_commands_is_no_connection_reset(spawn):
    process, path = spawn()
    client = Client.to(path)
    client.ok(p.version())
    with process.frozen():
        ids = [client.send(p.get_info()) for _ in range(40)]
        process.popen.terminate()
    assert process.wait() == 0
    with contextlib.suppress(Closed):
        for msg_id in ids:
            client.expect(msg_id, p.get_info())
    client.close()


def test_a_connected_socket_is_served_until_its_client_leaves(spawn_on):
    ours, theirs = socket.socketpair()
    process = spawn_on(theirs)
    theirs.close()
    client = Driver(ours)
    client.ok(p.version(p.QEMU_CAPABILITIES))
    client.enable()
    client.write(p.BAR0, 0, b"pair")
    assert client.read(p.BAR0, 0, 4) == b"pair"
    client.close()
    assert process.wait() == 0


def test_a_connected_socket_whose_client_breaks_the_rules_ends_too(spawn_on):
    ours, theirs = socket.socketpair()
    process = spawn_on(theirs)
    theirs.close()
    client = Client(ours)
    assert client.error(p.get_info()) == "EINVAL"
    client.expect_end()
    assert process.wait() == 0
    client.close()


def test_a_listening_socket_serves_one_client_after_another(spawn_on, tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        process = spawn_on(listener)
    for _ in range(3):
        client = Client.to(path)
        client.ok(p.version())
        client.close()
    assert process.stop() == 0


def test_a_path_in_use_is_refused(spawn, executable):
    _, path = spawn()
    second = subprocess.run([executable, "--socket-path", path], capture_output=True, timeout=10,
                            check=False)
    assert second.returncode == 1
    client = Client.to(path)
    client.ok(p.version())
    client.close()


def test_a_path_left_behind_is_taken_over(spawn, tmp_path):
    path = str(tmp_path / "stale")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(path)
    process, _ = spawn(path)
    client = Client.to(path)
    client.ok(p.version())
    client.close()
    assert process.stop() == 0


def test_a_file_at_the_path_is_left_alone(executable, tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    result = subprocess.run([executable, "--socket-path", str(path)], capture_output=True,
                            timeout=10, check=False)
    assert result.returncode == 1
    assert path.read_text() == "mine"


def test_an_idle_server_uses_no_cpu(client, device):
    client.alive()
    before = device.cpu()
    client.expect_silence(0.3)
    assert device.cpu() - before < 0.001
