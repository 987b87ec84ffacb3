# SPDX-License-Identifier: BSD-2-Clause
"""Runs the tests of one file: functions, one after the other, a line for each.

Exits 0 when all passed, 1 when one failed, 77 when the VM cannot be prepared here.
"""
import signal
import sys
import time
import traceback

from vm import CannotPrepare, VMError, debian_kernel


def end_on_signals():
    """Let SIGTERM and SIGHUP unwind like Ctrl-C does, so that VMs and directories go away."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))


def passes(test, *arguments):
    start = time.monotonic()
    title = test.__name__.replace('_', ' ')
    try:
        test(*arguments)
    except Exception:
        traceback.print_exc()
        verdict = 'FAILED'
    else:
        verdict = 'ok'
    print(f'{verdict:6} {title} ({time.monotonic() - start:.1f} s)', flush=True)
    return verdict == 'ok'


def run_all(tests, *arguments):
    failed = sum(not passes(test, *arguments) for test in tests)
    print(f'{len(tests) - failed} passed, {failed} failed')
    if failed:
        sys.exit(1)


def run(*tests, scene=None, kernel=debian_kernel):
    """Run the tests. A `scene` is what they share: a context manager, whose value each is given.

    `kernel` prepares what they boot.
    """
    end_on_signals()
    try:
        kernel()
    except CannotPrepare as reason:
        print(f'skipped: {reason}')
        sys.exit(77)
    except VMError as error:
        sys.exit(f'failed: {error}')
    if not scene:
        run_all(tests)
    else:
        with scene() as shared:
            run_all(tests, shared)
