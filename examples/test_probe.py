# SPDX-License-Identifier: BSD-2-Clause
"""The library is used from Python. usage: test_probe.py COPIER LIBRARY"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

PROBE = pathlib.Path(__file__).resolve().parent / "probe.py"


def probe(uri):
    return subprocess.run([sys.executable, str(PROBE), uri, sys.argv[2]], text=True, check=False,
                          timeout=60, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def main():
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        path = os.path.join(folder, "socket")
        missing = probe("vfio-user:" + path)
        assert missing.returncode == 1 and path in missing.stderr, missing
        with subprocess.Popen([sys.argv[1], path]) as copier:
            try:
                for _ in range(1000):
                    if os.path.exists(path):
                        break
                    time.sleep(0.01)
                found = probe("vfio-user:" + path)
            finally:
                copier.send_signal(signal.SIGTERM)
    assert found.returncode == 0, found
    assert found.stdout.splitlines() == [f"{path}: 1b36:ffe0", "  INTx: 0", "  MSI: 0",
                                         "  MSI-X: 1", "  ERR: 1", "  REQ: 1"], found.stdout


main()
print("ok")
