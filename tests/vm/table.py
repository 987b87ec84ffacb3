# SPDX-License-Identifier: BSD-2-Clause
"""What the owners of an engine have had, as a table that a terminal sees grow."""
import sys
import time

EVERY = 2  # seconds between two lines where there is no terminal

TITLES = ('descriptors', 'MiB', 'share', 'interrupts', 'faults', 'refused')


def rows(names, counters):
    """Lines of text: the titles, then one for each name whose owner the engine knows of."""
    yield f'{"":12}' + ''.join(f'{title:>12}' for title in TITLES)
    total = sum(one['bytes'] for one in counters.values()) or 1
    for owner, name in names.items():
        if owner in counters:
            one = counters[owner]
            cells = (one['descriptors'], f"{one['bytes'] / 2**20:.1f}",
                     f"{100 * one['bytes'] / total:.0f} %", one['interrupts'], one['faults'],
                     one['refused'])
            yield f'{name:12}' + ''.join(f'{cell:>12}' for cell in cells)


class Table:
    """On a terminal it is drawn over itself; elsewhere a line now and then says how far it is."""

    def __init__(self, names, show):
        self.names = names
        self.show = show
        self.lines = 0  # on the terminal
        self.told = time.monotonic()

    def draw(self, counters):
        if sys.stdout.isatty():
            self.finish(counters)
        elif time.monotonic() - self.told >= EVERY:
            self.told = time.monotonic()
            self.show(', '.join(f"{name}: {counters.get(owner, {}).get('descriptors', 0)}"
                                for owner, name in self.names.items()))

    def finish(self, counters):
        """Draw it for good."""
        if self.lines:
            print(f'\033[{self.lines}F\033[J', end='')
        lines = list(rows(self.names, counters))
        for line in lines:
            self.show(line)
        self.lines = len(lines)
