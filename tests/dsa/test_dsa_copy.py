# SPDX-License-Identifier: BSD-2-Clause
"""The example program: verified copies, on a parent that is there, is not, or goes away."""

import subprocess
import time

from conftest import INTRUDER, VICTIM


def run(program, *arguments):
    return subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)


def test_copies(parent, dsa_copy):
    result = run(dsa_copy, parent.victim, "-n", "500", "-s", "70001")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("500 verified copies of 70001 bytes by interrupt: ")
    counted = f"counted by the parent: 500 descriptors, {500 * 70001} bytes, 500 interrupts\n"
    assert result.stdout.endswith(counted)
    counters = parent.counted(VICTIM, 500)
    assert counters["descriptors"] == counters["interrupts"] == 500
    assert counters["bytes"] == 500 * 70001
    assert parent.stop() == 0


def test_two_at_a_time(parent, dsa_copy):
    programs = [subprocess.Popen([dsa_copy, path, "-n", "2000"], stdout=subprocess.PIPE)
                for path in (parent.victim, parent.intruder)]
    for program in programs:
        program.communicate(timeout=60)
        assert program.returncode == 0
    assert [parent.counted(owner, 2000)["interrupts"] for owner in (VICTIM, INTRUDER)] == [2000] * 2


def test_one_program_for_an_owner(parent, dsa_copy):
    with subprocess.Popen([dsa_copy, parent.victim, "-n", "1000000000"],
                          stdout=subprocess.DEVNULL) as program:
        time.sleep(0.3)
        result = run(dsa_copy, parent.victim)
        assert result.returncode == 1
        assert "busy" in result.stderr
        program.kill()


def test_a_parent_that_goes_away(parent, dsa_copy):
    with subprocess.Popen([dsa_copy, parent.victim, "-n", "1000000000"], stderr=subprocess.PIPE,
                          text=True) as program:
        time.sleep(0.3)
        assert parent.stop() == 0
        _, text = program.communicate(timeout=60)
        assert program.returncode == 1
        assert text.startswith("dsa_copy: copy ")


def test_no_parent(dsa_copy, tmp_path):
    result = run(dsa_copy, str(tmp_path / "none"))
    assert result.returncode == 1
    assert "No such file or directory" in result.stderr


def test_mistakes(dsa_copy):
    for arguments in ([], ["a", "b"], ["a", "-n", "0"], ["a", "-s", "x"], ["a", "-q"]):
        result = run(dsa_copy, *arguments)
        assert result.returncode == 2
        assert "usage: dsa_copy PATH" in result.stderr
