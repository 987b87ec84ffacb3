# SPDX-License-Identifier: BSD-2-Clause
"""The example driver drives the example device. usage: test_drive.py COPIER DRIVE"""

import os
import signal
import subprocess
import sys
import tempfile
import time


def drive(path):
    return subprocess.run([sys.argv[2], "vfio-user:" + path], stdout=subprocess.PIPE, text=True,
                          timeout=30, check=False)


def main():
    with tempfile.TemporaryDirectory(prefix="drive-") as folder:
        path = os.path.join(folder, "socket")
        with subprocess.Popen([sys.argv[1], path]) as copier:
            try:
                deadline = time.monotonic() + 10
                while (result := drive(path)).returncode and time.monotonic() < deadline:
                    time.sleep(0.01)  # until it listens
            finally:
                copier.send_signal(signal.SIGTERM)
    assert result.returncode == 0, result
    assert result.stdout == (f"{path}: 0 INTx, 0 MSI, 4 MSI-X\n"
                             "event 3, vector 0, status 0: copied by DMA\n"), result.stdout
    assert drive(path).returncode == 1  # nobody is there


main()
print("ok")
