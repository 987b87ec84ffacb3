# SPDX-License-Identifier: BSD-2-Clause
"""Paired repetitions: floor and ours next to each other in time, so that what disturbs the machine
disturbs both; the floor a second time, so that what the pairs still differ by is known."""

import contextlib
import os
import statistics
from dataclasses import dataclass, field

AGREE = (0.98, 1.02)  # where the floor's ratio to itself must lie
CALM = 0.15  # how far apart the quartiles of that ratio may be before the series is called noisy
REPEATS = 3  # of a series that the floor did not agree on, or that was noisy


@dataclass
class Row:
    case: object
    ours: float  # ns
    floor: float  # ns
    ratio: float
    quartiles: tuple  # of the ratio
    aa: float  # the floor against itself
    aa_quartiles: tuple
    attempts: int = 1
    notes: dict = field(default_factory=dict)

    @property
    def void(self):
        return not AGREE[0] <= self.aa <= AGREE[1]

    @property
    def noisy(self):
        return self.aa_quartiles[1] - self.aa_quartiles[0] > CALM

    @property
    def over(self):
        return (self.case.target is not None and self.ratio > self.case.target
                or self.case.most is not None and self.ours > self.case.most)


@contextlib.contextmanager
def scheduling(policy):
    """Programs started meanwhile run under a scheduling policy: they inherit it from here."""
    before = os.sched_getscheduler(0)
    os.sched_setscheduler(0, policy, os.sched_param(0))
    try:
        yield
    finally:
        os.sched_setscheduler(0, before, os.sched_param(0))


def triple(programs, case, milliseconds, reverse):
    """A floor, ours and the floor again; every other time the floors change places."""
    first = programs.floor(case.floor, milliseconds)["ns"]
    ours = programs.ours(case.name.partition(":")[0], milliseconds, case.server, case.across,
                         case.client)
    last = programs.floor(case.floor, milliseconds)["ns"]
    return (last, ours, first) if reverse else (first, ours, last)


def quartiles(values):
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return low, high


def summarise(case, triples):
    ratios = [ours["ns"] / floor for floor, ours, _ in triples]
    agreement = [again / floor for floor, _, again in triples]
    return Row(case,
               ours=statistics.median(ours["ns"] for _, ours, _ in triples),
               floor=statistics.median(floor for floor, _, _ in triples),
               ratio=statistics.median(ratios),
               quartiles=quartiles(ratios),
               aa=statistics.median(agreement),
               aa_quartiles=quartiles(agreement),
               notes={"refused": sum(ours.get("refused", 0) for _, ours, _ in triples)})


def measure(programs, case, milliseconds, pairs):
    """One row of the table. Where there is a target to judge, a series that cannot be trusted is
    thrown away and done again."""
    for attempt in range(1, 2 if case.target is None else REPEATS + 2):
        with scheduling(os.SCHED_BATCH if case.batch else os.SCHED_OTHER):
            triples = [triple(programs, case, milliseconds, i % 2) for i in range(pairs)]
        row = summarise(case, triples)
        row.attempts = attempt
        if not row.void and not row.noisy:
            break
    return row
