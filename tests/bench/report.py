# SPDX-License-Identifier: BSD-2-Clause
"""The figures as a table for people and as JSON for programs."""

import json
import os
import platform
import re
import subprocess
from pathlib import Path

from cases import Alone, Served

COLUMNS = "{:<29} {:>12} {:>12} {:>7}  {:<13} {:>8} {:<4} {:>6}"


def cpu_model():
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.machine()


def compiler(build):
    """What the first compiler of the build directory says it is."""
    try:
        commands = json.loads((Path(build) / "compile_commands.json").read_text())
        argv = [word for word in commands[0]["command"].split() if Path(word).name != "ccache"]
        said = subprocess.run([argv[0], "--version"], capture_output=True, text=True, check=True)
    except (OSError, LookupError, subprocess.SubprocessError):
        return "unknown compiler"
    return said.stdout.splitlines()[0]


def build_options(build):
    """What the build directory was configured with, as far as it changes figures."""
    options = json.loads((Path(build) / "meson-info/intro-buildoptions.json").read_text())
    value = {option["name"]: option["value"] for option in options}
    return {"buildtype": value["buildtype"], "sanitize": value.get("b_sanitize", "none"),
            "compiler": compiler(build)}


def conditions(build, pairs, milliseconds, cpu, other, nice):
    return {
        "machine": {"cpu": cpu_model(), "cpus": os.cpu_count(), "kernel": platform.release(),
                    "load": round(os.getloadavg()[0], 2)},
        "build": build_options(build),
        "placement": {"client_cpu": cpu, "server_cpu": cpu, "server_cpu_across": other,
                      "nice": nice},
        "repetitions": {"pairs": pairs, "milliseconds": milliseconds},
    }


def print_header(c):
    machine, build = c["machine"], c["build"]
    print(f"machine      {machine['cpu']}, {machine['cpus']} CPUs, Linux {machine['kernel']}, "
          f"load {machine['load']}")
    print(f"build        {build['buildtype']}, {build['compiler']}"
          + (f", sanitizers: {build['sanitize']}" if build["sanitize"] != "none" else ""))
    place = c["placement"]
    print(f"placement    client and server on CPU {place['client_cpu']} (sched_setaffinity), "
          f"nice {place['nice']}; across CPUs, the server on {place['server_cpu_across']}")
    print(f"repetitions  {c['repetitions']['pairs']} pairs of {c['repetitions']['milliseconds']} "
          "ms, order alternating; ratio and A/A are medians over pairs")
    if build["buildtype"] != "release" or build["sanitize"] != "none":
        print("NOTE: targets are for a release build without sanitizers")
    print("\n" + COLUMNS.format("per operation", "ours", "floor", "ratio", "quartiles", "target",
                                "", "A/A"), flush=True)


def mark(target, over):
    return "" if target is None else "OVER" if over else "ok"


def nanoseconds(value):
    return f"{value:,.0f} ns" if value >= 100 else f"{value:.1f} ns"


def aim(case):
    """A target as people read it, and how to tell whether there is one."""
    if case.most is not None:
        return f"<={case.most:.0f} ns"
    return "" if case.target is None else f"<= {case.target:.2f}"


def print_row(row):
    target = aim(row.case)
    print(COLUMNS.format(
        row.case.title, nanoseconds(row.ours), nanoseconds(row.floor), f"{row.ratio:.3f}",
        f"{row.quartiles[0]:.3f}-{row.quartiles[1]:.3f}",
        target, mark(target or None, row.over),
        f"{row.aa:.3f}")
        + ("  VOID" if row.void else "  noisy" if row.noisy else "")
        + (f"  attempt {row.attempts}" if row.attempts > 1 else "")
        + (f"  {row.notes['refused']:.0f} refused" if row.notes["refused"] else ""), flush=True)


def print_figure(figure):
    target = "" if figure.target is None else f"<= {figure.target:,.0f}"
    print(f"{figure.title:<42} {figure.value:>12,.{figure.digits}f} {figure.unit:<4} {target:>9} "
          f"{mark(figure.target, figure.over)}", flush=True)


def floor_name(floor):
    if isinstance(floor, Served):
        return f"{floor.case}, {' '.join(floor.server)}"
    return " ".join(floor.argv) if isinstance(floor, Alone) else floor[0]


def as_json(c, rows, figures, void):
    return {
        **c,
        "void": void,
        "rows": [{
            "name": row.case.name, "title": row.case.title.strip(), "operation": row.case.unit,
            "ours_ns": row.ours, "floor_ns": row.floor, "floor": floor_name(row.case.floor),
            "scheduling": "batch" if row.case.batch else "other", "across_cpus": row.case.across,
            "ratio": row.ratio, "quartiles": row.quartiles, "target": row.case.target,
            "target_ns": row.case.most,
            "over": row.over, "aa": row.aa, "aa_quartiles": row.aa_quartiles, "void": row.void,
            "noisy": row.noisy, "attempts": row.attempts, "refused": row.notes["refused"],
        } for row in rows],
        "figures": [{
            "title": figure.title.strip(), "value": figure.value, "unit": figure.unit,
            "target": figure.target, "over": figure.over,
        } for figure in figures],
    }


def write_json(path, document):
    Path(path).write_text(json.dumps(document, indent=2) + "\n")
