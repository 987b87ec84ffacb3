# SPDX-License-Identifier: BSD-2-Clause
"""`umdev parent` as a process: sockets, signals, exit statuses, its status; and slices of it."""

import json
import os
import signal
import socket

import pytest

from conftest import TIMEOUT, stop


@pytest.fixture
def other(tmp_path):
    """Where a second owner's socket is."""
    return str(tmp_path / "t")


@pytest.fixture
def status(tmp_path):
    """Where the status is told."""
    return str(tmp_path / "status")


def parent(umdev, *arguments):
    return umdev.serving("dsa", *arguments, verb="parent")


def read_status(path):
    """One object, and the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect(path)
        with sock.makefile() as file:
            return json.load(file)


def test_it_says_when_it_is_ready(umdev, path, other):
    with parent(umdev, "--listen", f"7:{path}", "--listen", f"8:{other}") as server:
        assert server.ready == f"dsa: listening on {path} for owner 7, {other} for owner 8\n"
        assert os.path.exists(path) and os.path.exists(other)
        assert stop(server) == 0
        assert server.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_status_0(umdev, path, status, number):
    with parent(umdev, "--listen", f"7:{path}", "--status", status) as server:
        assert stop(server, number) == 0
        assert not os.path.exists(path)
        assert not os.path.exists(status)


def test_a_signal_ends_it_with_links(umdev, path):
    with parent(umdev, "--listen", f"7:{path}") as server:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.connect(path)
            link.send(b"\1\0")  # half a header
            assert stop(server) == 0


def test_its_status(umdev, path, status):
    with parent(umdev, "--listen", f"7:{path}", "--status", status) as server:
        assert read_status(status) == {"owners": []}
        assert stop(server) == 0


def test_nobody_who_does_not_read_holds_it_up(umdev, path, status):
    with parent(umdev, "--listen", f"7:{path}", "--status", status) as server:
        idle = []
        for _ in range(100):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(TIMEOUT)
            sock.connect(status)
            idle.append(sock)
        assert read_status(status) == {"owners": []}
        for sock in idle:
            sock.close()
        assert stop(server) == 0


def test_a_slice_is_an_owner(umdev, path, other, status):
    with parent(umdev, "--listen", f"7:{path}", "--status", status) as server:
        with umdev.serving("dsa-1dwq-v1", "--socket-path", other, "-o",
                           f"parent={path}") as device:
            text = umdev.run("probe", other).stdout
            assert "0b25" in text
            assert stop(device) == 0
        assert stop(server) == 0


def test_a_slice_lives_on_without_its_parent(umdev, path, other):
    with parent(umdev, "--listen", f"7:{path}") as server:
        with umdev.serving("dsa-1dwq-v1", "--socket-path", other, "-o",
                           f"parent={path}") as device:
            assert stop(server) == 0
            assert umdev.run("probe", other).returncode == 0
            assert stop(device) == 0


def test_a_slice_with_an_engine_of_its_own(umdev, path, status):
    with umdev.serving("dsa-1dwq-v1", "--socket-path", path, "-o", f"status={status}", "-o",
                       "workers=1", "-o", "device-id=11fb") as device:
        assert "11fb" in umdev.run("probe", path).stdout
        assert read_status(status)["owners"] in ([], [{
            "owner": 1, "queues": 0, "descriptors": 0, "bytes": 0, "interrupts": 0, "faults": 0,
            "refused": 0}])
        assert stop(device) == 0
        assert not os.path.exists(status)


def test_a_whole_device_tells_its_status(umdev, path, status):
    with umdev.serving("dsa-full-v1", "--socket-path", path, "-o", f"status={status}") as device:
        assert umdev.run("probe", path).returncode == 0
        assert "owners" in read_status(status)
        assert stop(device) == 0
        assert not os.path.exists(status)


def test_a_shared_slice(umdev, path, other):
    with parent(umdev, "--listen", f"7:{path}", "--shared-queues", "1") as server:
        with umdev.serving("dsa-1swq-v1", "--socket-path", other, "-o",
                           f"parent={path}") as device:
            assert umdev.run("probe", other).returncode == 0
            assert stop(device) == 0
        assert stop(server) == 0


def test_a_shared_slice_wants_a_shared_queue(umdev, path, other):
    with parent(umdev, "--listen", f"7:{path}") as server:
        text = umdev.refuses(1, "serve", "dsa-1swq-v1", "--socket-path", other, "-o",
                             f"parent={path}")
        assert "no shared queue" in text
        assert stop(server) == 0


def test_one_link_at_a_time(umdev, path, other):
    with parent(umdev, "--listen", f"7:{path}") as server:
        with umdev.serving("dsa-1dwq-v1", "--socket-path", other, "-o",
                           f"parent={path}") as device:
            assert umdev.run("serve", "dsa-1dwq-v1", "--socket-path", other + "2", "-o",
                             f"parent={path}").returncode == 1
            assert stop(device) == 0
        assert stop(server) == 0


def test_a_parent_that_is_not_there(umdev, path, other):
    text = umdev.refuses(1, "serve", "dsa-1dwq-v1", "--socket-path", other, "-o", f"parent={path}")
    assert "dsa-1dwq-v1: " in text


def test_a_path_in_use(umdev, path, other, status):
    with parent(umdev, "--listen", f"7:{path}", "--status", status) as server:
        text = umdev.refuses(1, "parent", "dsa", "--listen", f"7:{path}")
        assert f"{path} is in use: another process listens there" in text
        text = umdev.refuses(1, "parent", "dsa", "--listen", f"7:{other}", "--status", status)
        assert "Address already in use" in text
        assert read_status(status) == {"owners": []}
        assert stop(server) == 0


def test_sockets_left_over(umdev, path, status):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as old:
        old.bind(status)
    with parent(umdev, "--listen", f"7:{path}", "--status", status) as server:
        assert read_status(status) == {"owners": []}
        assert stop(server) == 0


def test_a_path_that_is_no_socket(umdev, path, tmp_path):
    file = tmp_path / "file"
    file.write_text("precious")
    assert "is no socket" in umdev.refuses(1, "parent", "dsa", "--listen", f"7:{file}")
    text = umdev.refuses(1, "parent", "dsa", "--listen", f"7:{path}", "--status", str(file))
    assert "File exists" in text
    assert file.read_text() == "precious"


@pytest.mark.parametrize("arguments, words", [
    ([], "which kind of parent?"),
    (["das"], "no kind of parent 'das'; did you mean 'dsa'?"),
    (["dsa", "dsa"], "one kind of parent at a time"),
    (["dsa"], "at least one --listen OWNER:PATH is needed"),
    (["dsa", "--listen", "/tmp/s"], "--listen wants OWNER:PATH"),
    (["dsa", "--listen", "7:"], "--listen wants OWNER:PATH"),
    (["dsa", "--listen", ":s"], "--listen wants OWNER:PATH"),
    (["dsa", "--listen", "-1:s"], "--listen wants OWNER:PATH"),
    (["dsa", "--listen", "4294967295:s"], "--listen wants OWNER:PATH"),
    (["dsa", "--listen", "7:s", "--listen", "7:t"], "owner 7 is given twice"),
    (["dsa", "--listen", "7:s", "--weight", "8=2"], "nothing listens for owner 8"),
    (["dsa", "--listen", "7:s", "--weight", "7"], "--weight wants OWNER=N"),
    (["dsa", "--listen", "7:s", "--weight", "7=0"], "--weight wants a number, 1 to 1000"),
    (["dsa", "--listen", "7:s", "--workers", "0"], "--workers wants a number, 1 to 64"),
    (["dsa", "--listen", "7:s", "--max-mapped", "1"], "--max-mapped wants a size"),
    (["dsa", "--lisen", "7:s"], "unrecognized option"),
])
def test_mistakes(umdev, arguments, words):
    assert words in umdev.refuses(2, "parent", *arguments)


@pytest.mark.parametrize("option, words", [
    ("workers=0", "workers is 1 to 64"),
    ("workers=x", "workers is 1 to 64"),
    ("device-id=1234", "device-id is 0b25 or 11fb"),
    ("parent", "parent needs a value"),
])
def test_mistakes_of_a_slice(umdev, path, option, words):
    assert words in umdev.refuses(2, "serve", "dsa-1dwq-v1", "--socket-path", path, "-o", option)


def test_an_engine_is_one_or_the_parents(umdev, path):
    text = umdev.refuses(2, "serve", "dsa-1dwq-v1", "--socket-path", path, "-o", "parent=/x", "-o",
                         "workers=1")
    assert "workers is for a slice without parent=" in text


def test_help(umdev):
    text = umdev.ok("parent", "--help")
    assert text.startswith("Usage: umdev parent ")
    assert umdev.ok("help", "parent") == text
    for word in ("--listen", "--weight", "--status", "Examples:"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 100
