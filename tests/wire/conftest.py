# SPDX-License-Identifier: BSD-2-Clause
"""What every test of the wire suite stands on: a served device, connections to it, their ends.

One process of each shape of the device serves all tests of a run, since a client that comes finds a
fresh device. After each test it must still run and hold no descriptor more than when it started, so
every test is a test for leaks and crashes, too. A test gets the plain shape, unless it is
parametrised with another: `pytest.mark.parametrize("shape", ["express"])`. By hand:

    pytest-3 tests/wire --device=build/tests/wire/wire-device [--device-args=--defer]
"""

import os
import shlex
import signal
import tempfile

import pytest

import protocol as p
from client import Client
from memory import Memory
from process import DeviceProcess, wait_until
from registers import Driver

TEST_TIMEOUT = 60  # seconds for one test; the waits inside are bounded far below


def pytest_addoption(parser):
    group = parser.getgroup("wire")
    group.addoption("--device", default=os.environ.get("WIRE_DEVICE"), metavar="PATH",
                    help="the wire-device executable (default: $WIRE_DEVICE)")
    group.addoption("--device-args", default="", metavar="ARGS",
                    help="arguments for it, such as --defer")
    group.addoption("--sanitised", action="store_true",
                    help="it is built with sanitisers: memory is not measured")


class Served:
    """The process that serves the tests, started anew where a test has left it in ruins."""

    def __init__(self, executable, arguments, path):
        self.executable = executable
        self.arguments = arguments
        self.path = path
        self.process = None
        self.idle_fds = None

    def start(self):
        if self.process is None:
            self.process = DeviceProcess(self.executable,
                                         ["--socket-path", self.path, *self.arguments])
            self.idle_fds = self.process.fds()
        return self.process

    def discard(self):
        self.process.kill()
        self.process = None
        if os.path.exists(self.path):
            os.unlink(self.path)

    def check(self):
        """It runs and holds what it held when it was idle."""
        try:
            assert self.process.running(), f"the device ended: {self.process.popen.returncode}"
            wait_until(lambda: len(self.process.fds()) == len(self.idle_fds),
                       "the client's descriptors to be closed")
        except AssertionError:
            if self.process.running():
                left = self.process.fds().items() - self.idle_fds.items()
                print(f"{len(left)} descriptors left:", sorted(left)[:20])
            self.discard()
            raise


@pytest.fixture(scope="session")
def arguments(request):
    return shlex.split(request.config.getoption("--device-args"))


@pytest.fixture(scope="session")
def deferring(arguments):
    """True where the device defers its accesses."""
    return "--defer" in arguments


@pytest.fixture(scope="session")
def sanitised(request):
    return request.config.getoption("--sanitised")


@pytest.fixture(scope="session")
def executable(request):
    path = request.config.getoption("--device")
    if not path:
        pytest.exit("say where wire-device is: --device PATH or WIRE_DEVICE", returncode=2)
    return path


@pytest.fixture(scope="session")
def fleet(executable, arguments):
    """A function that returns the process of a shape."""
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        shapes = {}

        def get(shape):
            if shape not in shapes:
                shapes[shape] = Served(executable, [*arguments, "--shape", shape],
                                       os.path.join(folder, shape))
            return shapes[shape]

        yield get
        for served in shapes.values():
            if served.process:
                status = served.process.stop()
                assert status == 0
                assert not os.path.exists(served.path)


@pytest.fixture
def shape():
    """What the device is besides its BARs: device.h."""
    return "plain"


@pytest.fixture
def served(fleet, shape):
    return fleet(shape)


@pytest.fixture(autouse=True)
def time_limit():
    """Ends a test that hangs in spite of all."""
    def expired(signum, frame):
        raise TimeoutError(f"the test took more than {TEST_TIMEOUT} s")

    previous = signal.signal(signal.SIGALRM, expired)
    signal.alarm(TEST_TIMEOUT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture
def device(served):
    """The served process. Checked when the test's clients are gone."""
    yield served.start()
    served.check()


@pytest.fixture
def connect(served, device):
    """A function that connects and has not said anything yet."""
    clients = []

    def make(kind=Driver):
        clients.append(kind.to(served.path))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def raw(connect):
    """A connection that has not said anything yet."""
    return connect(Client)


@pytest.fixture
def client(connect):
    """A connection that has done its VERSION as QEMU does."""
    client = connect()
    client.ok(p.version(p.QEMU_CAPABILITIES))
    return client


@pytest.fixture
def driver(client, shape):
    """A client that has switched the device on: I/O, memory, bus master."""
    client.enable()
    if shape != "plain":
        client.told()  # before this test
    return client


@pytest.fixture
def spawn(executable, arguments, shape, tmp_path):
    """A function that starts a device of the test's own. Returns the process and its socket."""
    processes = []

    def make(path=None):
        path = path or str(tmp_path / f"{len(processes)}.sock")
        processes.append(DeviceProcess(executable, ["--socket-path", path, *arguments,
                                                    "--shape", shape]))
        return processes[-1], path

    yield make
    for process in processes:
        process.kill()


@pytest.fixture
def memory():
    """A function that makes memory to be mapped for DMA."""
    made = []

    def make(size, **flags):
        made.append(Memory(size, **flags))
        return made[-1]

    yield make
    for item in made:
        item.close()


@pytest.fixture
def eventfds():
    """A function that makes eventfds."""
    made = []

    def make(count=1):
        fds = [os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK) for _ in range(count)]
        made.extend(fds)
        return fds

    yield make
    for fd in made:
        os.close(fd)


@pytest.fixture
def eventfd(eventfds):
    return eventfds()[0]
