# SPDX-License-Identifier: BSD-2-Clause
"""Help, version, and what happens to a mistaken command line."""

import pytest


def test_help_shows_verbs_and_an_example(umdev):
    text = umdev.ok("--help")
    for word in ("serve", "probe", "vfio-user-pci", "memory-backend-memfd", "share=on"):
        assert word in text
    assert umdev.ok("-h") == umdev.ok("help") == text


@pytest.mark.parametrize("verb", ["serve", "parent", "probe", "bind", "unbind"])
def test_help_of_verbs(umdev, verb):
    text = umdev.ok(verb, "--help")
    assert text.startswith(f"Usage: umdev {verb} ")
    assert "Examples:" in text
    assert umdev.ok("help", verb) == text
    assert max(map(len, text.splitlines())) <= 100


def test_version(umdev):
    name, version = umdev.ok("--version").split()
    assert name == "umdev"
    assert version[0].isdigit()


def test_nothing_asked(umdev):
    assert umdev.refuses(2).startswith("Usage: umdev")


@pytest.mark.parametrize("name, guess", [("serv", "serve"), ("porbe", "probe"), ("hlep", "help")])
def test_unknown_verb(umdev, name, guess):
    assert f"no verb '{name}'; did you mean '{guess}'?" in umdev.refuses(2, name)
    assert f"'{guess}'" in umdev.refuses(2, "help", name)


def test_unknown_verb_without_a_guess(umdev):
    assert "did you mean" not in umdev.refuses(2, "xyzzy")
    assert "no option '--frobnicate'" in umdev.refuses(2, "--frobnicate")


def test_a_mistake_does_not_reach_the_terminal_raw(umdev):
    assert "\x1b" not in umdev.refuses(2, "\x1b[2J")


def test_output_that_cannot_be_written(umdev):
    with open("/dev/full", "w", encoding="ascii") as full:
        assert umdev.run("--help", stdout=full).returncode == 1


def test_serve_lists_kinds(umdev):
    assert "serial" in umdev.ok("serve")


def test_help_of_a_kind(umdev):
    text = umdev.ok("serve", "serial", "--help")
    assert text.startswith("serial: ")
    assert "-o ports=1|2|4" in text
    assert "-o backend=" in text


def test_unknown_kind(umdev):
    text = umdev.refuses(2, "serve", "seriel", "--socket-path", "/nonexistent/s")
    assert "no kind of device 'seriel'; did you mean 'serial'?" in text


@pytest.mark.parametrize("arguments, words", [
    (["serial"], "one of --socket-path and --fd is needed"),
    (["--socket-path", "/nonexistent/s"], "which kind of device?"),
    (["serial", "--socket-path", "/nonexistent/s", "--fd", "0"], "exclude each other"),
    (["serial", "serial"], "one kind of device"),
    (["serial", "--fd", "x"], "--fd wants a number"),
    (["serial", "--fd", "-1"], "--fd wants a number"),
    (["serial", "--sockt-path", "x"], "unrecognized option"),
    (["serial", "--socket-path"], "requires an argument"),
    (["serial", "--fd", "0", "-o", "port=2"], "no option -o 'port'; did you mean 'ports'?"),
    (["serial", "--fd", "0", "-o", "ports=3"], "ports"),
])
def test_mistakes_of_serve(umdev, arguments, words):
    assert words in umdev.refuses(2, "serve", *arguments)


@pytest.mark.parametrize("arguments, words", [
    ([], "one URI is needed"),
    (["vfio-user:a", "vfio-user:b"], "one URI is needed"),
    (["vfio-user:a", "--timeout", "soon"], "--timeout wants milliseconds"),
    (["vfio-user:a", "--timeout", "0"], "--timeout wants milliseconds"),
    (["--jsno", "vfio-user:a"], "unrecognized option"),
])
def test_mistakes_of_probe(umdev, arguments, words):
    assert words in umdev.refuses(2, "probe", *arguments)
