#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The shared library offers what the public headers declare, by its symbol map, and nothing else.

usage: test_symbols.py MAP LIBRARY HEADER..."""

import re
import subprocess
import sys


def declared(header):
    """The functions that a header declares."""
    with open(header, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.M)
    assert "inline" not in text, f"{header}: what is inline cannot be called from other languages"
    text = text.replace('extern "C" {', "")
    while re.search(r"\{[^{}]*\}", text):
        text = re.sub(r"\{[^{}]*\}", "", text)
    names = set()
    for declaration in text.split(";"):
        found = re.match(r"[^(]*?\b(umd_\w+)\s*\(", declaration.strip(), flags=re.S)
        if found and not declaration.strip().startswith("typedef"):
            names.add(found.group(1))
    return names


def mapped(path):
    """The names of a linker's version script."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    names = re.findall(r"\b(umd_\w+);", text)
    assert len(names) == len(set(names)), "a name stands there twice"
    return set(names)


def exported(library):
    """What a shared library defines for others."""
    listing = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    symbols = [line.split() for line in listing.splitlines()]
    names = {name.split("@")[0] for *_, kind, name in symbols if kind != "A"}
    # What sanitisers and coverage put into each library is theirs.
    return {name for name in names if not name.startswith("__")}


def compare(left, left_name, right, right_name):
    """Says what is in one and not in the other."""
    for name in sorted(left - right):
        print(f"{name}: in {left_name}, not in {right_name}")
    for name in sorted(right - left):
        print(f"{name}: in {right_name}, not in {left_name}")
    return left == right


def main():
    names = set().union(*(declared(header) for header in sys.argv[3:]))
    symbols = mapped(sys.argv[1])
    assert len(names) > 100, "hardly anything was found in the headers"
    good = compare(names, "the headers", symbols, "the map")
    good &= compare(symbols, "the map", exported(sys.argv[2]), "the library")
    return 0 if good else 1


sys.exit(main())
