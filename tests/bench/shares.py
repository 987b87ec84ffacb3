# SPDX-License-Identifier: BSD-2-Clause
"""What busy queues of an engine get of its bytes, beside what their weights promise."""

from cases import Alone
from footprint import Figure
from programs import Failure

EQUALS = ("moves of 64 bytes", "moves of 4 KiB", "moves of 1 MiB", "batches")
WEIGHTS = (1, 2, 4)


def percent(programs, milliseconds, kind, count):
    said = programs.ours("", milliseconds, Alone(("dsa_shares", kind, "{other}")))
    if not said["bytes"] and milliseconds > 100:
        raise Failure("the queues of the engine could not be kept busy")
    return [100 * said[f"share{i}"] for i in range(count)]


def equals(programs, milliseconds):
    """Four of equal weight: each has a quarter, to two percent of the whole."""
    shares = percent(programs, milliseconds, "equal", len(EQUALS))
    off = max(abs(share - 25) for share in shares)
    return [
        Figure("four queues share an engine: off by", off, "%", 2, 2),
        *(Figure(f"  {title}", share, "%", None, 2)
          for title, share in zip(EQUALS, shares, strict=True)),
    ]


def weighted(programs, milliseconds):
    """Each has its part of the whole, to five percent of that."""
    shares = percent(programs, milliseconds, "weights", len(WEIGHTS))
    due = [100 * weight / sum(WEIGHTS) for weight in WEIGHTS]
    off = max(100 * abs(share / part - 1) for share, part in zip(shares, due, strict=True))
    return [
        Figure("three of weights 1, 2, 4: off by", off, "%", 5, 2),
        *(Figure(f"  weight {weight}, due {part:.2f}", share, "%", None, 2)
          for weight, part, share in zip(WEIGHTS, due, shares, strict=True)),
    ]


def shares(programs, milliseconds):
    return equals(programs, milliseconds) + weighted(programs, milliseconds)
