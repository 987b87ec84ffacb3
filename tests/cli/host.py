# SPDX-License-Identifier: BSD-2-Clause
"""A machine made of files, as `umdev bind` sees one: sysfs, /dev and /proc in a directory.

A thread stands for the kernel: it does what is written to attributes, as the kernel does while
they are written, and empties them.
"""

import os
import pathlib
import threading
import time

LOOK = 0.002  # seconds between two looks


class Device:
    """A PCI device of the machine."""

    def __init__(self, host, address, group, driver, attributes):
        self.host, self.address, self.group = host, address, group
        self.native = driver  # which the host has for it; None: it has none
        self.path = host.sysfs / "devices/pci0000:00" / address
        self.path.mkdir(parents=True)
        for name, value in {"class": "0x028000", "driver_override": "(null)", "reset": "",
                            **attributes}.items():
            (self.path / name).write_text(value + "\n" if value else "")
        (host.sysfs / "bus/pci/devices" / address).symlink_to(self.path)
        if group is not None:
            devices = host.sysfs / f"kernel/iommu_groups/{group}/devices"
            devices.mkdir(parents=True, exist_ok=True)
            (devices / address).symlink_to(self.path)
            (self.path / "iommu_group").symlink_to(devices.parent)
        if driver:
            self.bind(driver)

    @property
    def driver(self):
        link = self.path / "driver"
        return os.path.basename(os.readlink(link)) if link.is_symlink() else None

    def attribute(self, name):
        return (self.path / name).read_text()

    @property
    def override(self):
        """"" where it has none."""
        return self.attribute("driver_override").strip().replace("(null)", "")

    def bind(self, driver):
        """The kernel binds it, with the nodes that VFIO makes."""
        self.host.add_driver(driver)
        (self.path / "driver").symlink_to(self.host.sysfs / "bus/pci/drivers" / driver)
        if driver == "vfio-pci":
            self.host.add_nodes(self)

    def unbind(self):
        driver = self.driver
        (self.path / "driver").unlink()
        if driver == "vfio-pci":
            self.host.remove_nodes(self)

    def add_child(self, path, subsystem, **attributes):
        """Something of the device's, such as a disk, which is a member of a class."""
        child = self.path / path
        child.mkdir(parents=True)
        (child / "subsystem").symlink_to(self.host.sysfs / "class" / subsystem)
        for name, value in attributes.items():
            (child / name).write_text(value + "\n")
        return child


class Host:
    """A machine. `with` runs its kernel."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.sysfs, self.dev, self.proc = (self.root / name for name in ("sys", "dev", "proc"))
        for directory in (self.sysfs / "bus/pci/devices", self.sysfs / "bus/pci/drivers",
                          self.sysfs / "class/vfio", self.dev / "vfio/devices",
                          self.proc / "self"):
            directory.mkdir(parents=True)
        (self.sysfs / "bus/pci/drivers_probe").touch()
        self.add_driver("vfio-pci")
        self.modprobe = "/bin/false"
        self.devices = {}
        self.cdevs = True  # the kernel makes them
        self.nodes = True  # /dev gets nodes at all
        self.refusing = set()  # drivers that take no device
        self.known_to_vfio = False  # vfio-pci takes devices without an override
        self.resets, self.probes = [], []
        self.ending = False
        self.looking = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.ending = True
        self.thread.join()

    @property
    def options(self):
        return ("--sysfs", str(self.sysfs), "--dev", str(self.dev), "--proc", str(self.proc),
                "--modprobe", self.modprobe)

    def add(self, address, group=7, driver="ath", **attributes):
        device = Device(self, address, group, driver, attributes)
        self.devices[address] = device
        return device

    def add_driver(self, name):
        directory = self.sysfs / "bus/pci/drivers" / name
        if not directory.exists():
            directory.mkdir()
            (directory / "unbind").touch()

    def node(self, name):
        return self.dev / "vfio" / name

    def add_nodes(self, device):
        own = device.path / "vfio-dev" / f"vfio{len(self.devices)}"
        own.mkdir(parents=True)
        names = [str(device.group) if device.group is not None else "noiommu-0"]
        if device.group is None:
            made_up = self.sysfs / "kernel/iommu_groups/0"
            made_up.mkdir(parents=True)
            (device.path / "iommu_group").symlink_to(made_up)
        (self.sysfs / "class/vfio" / names[0]).touch()
        if self.cdevs:
            (own / "dev").write_text("511:0\n")
            names.append(f"devices/{own.name}")
        for name in names:
            if self.nodes and not self.node(name).exists():
                self.node(name).touch(mode=0o600)

    def remove_nodes(self, device):
        own = next((device.path / "vfio-dev").iterdir())
        self.node(f"devices/{own.name}").unlink(missing_ok=True)
        (own / "dev").unlink(missing_ok=True)
        own.rmdir()
        (device.path / "vfio-dev").rmdir()
        if not any(other.driver == "vfio-pci" and other.group == device.group
                   for other in self.devices.values()):
            name = str(device.group) if device.group is not None else "noiommu-0"
            self.node(name).unlink(missing_ok=True)
            (self.sysfs / "class/vfio" / name).unlink()

    def settle(self):
        """Waits until all has been done that was written."""
        attributes = [self.sysfs / "bus/pci/drivers_probe",
                      *(device.path / "reset" for device in self.devices.values())]
        deadline = time.monotonic() + 10
        while any(path.exists() and path.stat().st_size for path in attributes):
            assert time.monotonic() < deadline and self.thread.is_alive()
            time.sleep(LOOK)
        with self.looking:
            pass

    # ---- The kernel --------------------------------------------------------------------------

    def _run(self):
        while not self.ending:
            with self.looking:
                self._look()
            time.sleep(LOOK)

    @staticmethod
    def _take(path):
        """What was written to an attribute."""
        text = path.read_text() if path.exists() else ""
        if text:
            os.truncate(path, 0)
        return text

    def _look(self):
        for directory in list((self.sysfs / "bus/pci/drivers").iterdir()):
            address = self._take(directory / "unbind")
            if address and self.devices[address].driver == directory.name:
                self.devices[address].unbind()
        # Taken before the resets, which are written before it, and done after them.
        address = self._take(self.sysfs / "bus/pci/drivers_probe")
        for device in list(self.devices.values()):
            if self._take(device.path / "reset"):
                self.resets.append((device.address, device.driver))
        if address:
            self._probe(self.devices[address])

    def _probe(self, device):
        self.probes.append(device.address)
        driver = device.override or ("vfio-pci" if self.known_to_vfio else device.native)
        if driver and driver not in self.refusing and not device.driver:
            device.bind(driver)
