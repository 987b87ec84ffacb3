# SPDX-License-Identifier: BSD-2-Clause
"""`umdev bind` and `unbind`, on a machine made of files."""

import json
import os
import stat
import subprocess

import pytest

from host import Host

A, B, C = "0000:01:00.0", "0000:01:00.1", "0000:02:00.0"
ME = "root"

# Who is not root is it in a namespace of its own, where that is allowed.
AS_ROOT = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
pytestmark = pytest.mark.skipif(
    subprocess.run([*AS_ROOT, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0,
    reason="neither root nor allowed to be it in a namespace")


@pytest.fixture
def host(tmp_path):
    with Host(tmp_path) as made:
        yield made


def environment(**more):
    names = ("SUDO_USER",)
    return {**{name: os.environ[name] for name in os.environ if name not in names}, **more}


class Command:
    """umdev on that machine."""

    def __init__(self, umdev, host):
        self.umdev, self.host = umdev, host

    def run(self, *arguments, prefix=AS_ROOT, **more):
        result = subprocess.run([*prefix, self.umdev.executable, *arguments, *self.host.options],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                env=environment(**more), timeout=20, check=False)
        self.host.settle()
        return result

    def ok(self, *arguments, **more):
        result = self.run(*arguments, **more)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    def warns(self, *arguments):
        result = self.run(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout, result.stderr

    def fails(self, *arguments):
        result = self.run(*arguments)
        assert (result.returncode, result.stdout) == (1, ""), result.stderr
        return result.stderr


@pytest.fixture
def command(umdev, host):
    return Command(umdev, host)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# ---- Bind


def test_bind_takes_it_and_tells(host, command):
    device = host.add(A)
    assert command.ok("bind", A, "--user", ME) == (
        f"{A} is bound to vfio-pci (before: ath)\n"
        f"  group  {host.node('7')}, of {ME}\n"
        f"  cdev   {host.node('devices/vfio1')}, of {ME}\n"
        "  reset  done\n"
        f"  open   pci:{A}\n")
    assert (device.driver, device.override) == ("vfio-pci", "vfio-pci")
    assert host.resets == [(A, "vfio-pci")]
    assert mode(host.node("7")) == mode(host.node("devices/vfio1")) == 0o600


def test_bind_as_json(host, command):
    host.add(A)
    host.add(B, driver=None)
    node = host.node("7")
    host.cdevs = False
    assert json.loads(command.ok("bind", "01:00.0", "--json", "-u", ME)) == {
        "device": A, "driver": "vfio-pci", "before": "ath", "group": 7,
        "nodes": [{"kind": "group", "path": str(node), "owner": ME}], "viable": True,
        "neighbours": [{"device": B, "driver": "", "in_the_way": False}],
        "reset": True, "uri": f"pci:{A}"}


def test_bind_again_changes_nothing(host, command):
    device = host.add(A)
    command.ok("bind", A, "--user", ME)
    probes = list(host.probes)
    text = command.ok("bind", A, "--user", ME)
    assert text.startswith(f"{A} is bound to vfio-pci, as before\n")
    assert "reset" not in text
    assert host.resets == [(A, "vfio-pci")]
    assert host.probes == probes and device.driver == "vfio-pci"


def test_a_device_without_a_driver(host, command):
    host.add(A, driver=None)
    assert command.ok("bind", A).startswith(f"{A} is bound to vfio-pci (before: none)\n")


def test_the_user_who_ran_sudo(host, command):
    host.add(A)
    host.node("7").touch(mode=0o644)
    assert f", of {ME}\n" in command.ok("bind", A, SUDO_USER=ME)
    assert mode(host.node("7")) == 0o600


def test_without_a_user_nodes_are_left_alone(host, command):
    host.add(A)
    host.node("7").touch()
    host.node("7").chmod(0o640)
    command.ok("bind", A)
    assert mode(host.node("7")) == 0o640


def test_a_device_that_has_no_reset(host, command):
    device = host.add(A)
    (device.path / "reset").unlink()
    assert "  reset  not possible: it has none\n" in command.ok("bind", A)


def test_a_driver_made_of_vfio_is_left(host, command):
    device = host.add(A, driver="mlx5_vfio_pci")
    host.add_nodes(device)
    assert command.ok("bind", A).startswith(f"{A} is bound to mlx5_vfio_pci, as before\n")


def test_vfio_pci_is_loaded(host, command, tmp_path):
    device = host.add(A)
    driver = host.sysfs / "bus/pci/drivers/vfio-pci"
    (driver / "unbind").unlink()
    driver.rmdir()
    assert command.fails("bind", A) == (
        f"umdev: {A}: the kernel lacks vfio-pci, and `/bin/false vfio-pci` did not load it "
        "(status 1): it needs CONFIG_VFIO_PCI\n")
    host.modprobe = "/nonexistent/modprobe"
    assert command.fails("bind", A) == (
        f"umdev: {A}: the kernel lacks vfio-pci, and /nonexistent/modprobe cannot be run: "
        "No such file or directory\n")
    assert (device.driver, device.override) == ("ath", "")

    script = tmp_path / "modprobe"
    script.write_text(f'#!/bin/sh\n[ "$*" = vfio-pci ] && mkdir "{driver}" && : >"{driver}/unbind"\n')
    script.chmod(0o755)
    host.modprobe = str(script)
    command.ok("bind", A)
    assert device.driver == "vfio-pci"


# ---- What it refuses


def refused(command, device, *uses):
    """With those uses and without a trace; --force takes it."""
    assert command.fails("bind", A) == "".join(
        f"umdev: {A} is in use: {use}\n" for use in uses) + (
        "umdev: --force takes it all the same\n")
    assert (device.driver, device.override) == ("ath", "")
    assert command.ok("bind", A, "--force").startswith(f"{A} is bound to vfio-pci")


def test_an_interface_that_is_up(host, command):
    device = host.add(A)
    device.add_child("virtio0/net/eth0", "net", flags="0x1003")
    device.add_child("net/eth1", "net", flags="0x1002")
    refused(command, device, "its network interface eth0 is up")


@pytest.mark.parametrize("mount", [
    "36 35 259:1 / /home rw,noatime - ext4 /dev/root rw",
    "36 35 0:42 / /home rw shared:1 - btrfs /dev/disk0p1 rw",
])
def test_a_mounted_disk(host, command, mount):
    device = host.add(A)
    device.add_child("ata1/block/disk0", "block", dev="259:0")
    device.add_child("ata1/block/disk0/disk0p1", "block", dev="259:1")
    (host.proc / "self/mountinfo").write_text(
        f"22 27 0:20 / /sys rw - sysfs sysfs rw\nnonsense\n{mount}\n")
    refused(command, device, "its disk disk0p1 is mounted on /home")


def test_a_disk_that_is_swapped_to(host, command):
    device = host.add(A)
    device.add_child("block/disk0", "block", dev="259:0")
    (host.proc / "swaps").write_text("Filename\tType\n/dev/disk0  partition 1024 0 -2\n")
    refused(command, device, "its disk disk0 is swapped to")


def test_a_disk_that_is_part_of_another(host, command):
    device = host.add(A)
    disk = device.add_child("block/disk0", "block", dev="259:0")
    (disk / "holders/dm-3").mkdir(parents=True)
    refused(command, device, "its disk disk0 is part of dm-3")


def test_a_disk_of_an_nvme_subsystem(host, command):
    device = host.add(A)
    device.add_child("nvme/nvme0", "nvme")
    subsystem = host.sysfs / "devices/virtual/nvme-subsystem/nvme-subsys0"
    (subsystem / "nvme0n1").mkdir(parents=True)
    (subsystem / "nvme0n1/subsystem").symlink_to(host.sysfs / "class/block")
    (subsystem / "nvme0n1/dev").write_text("259:5\n")
    (subsystem / "nvme0").symlink_to(device.path / "nvme/nvme0")
    (host.sysfs / "class/nvme-subsystem").mkdir()
    (host.sysfs / "class/nvme-subsystem/nvme-subsys0").symlink_to(subsystem)
    (host.proc / "self/mountinfo").write_text("36 35 259:5 / / rw - ext4 /dev/nvme0n1 rw\n")
    refused(command, device, "its disk nvme0n1 is mounted on /")


def test_display_bridge_and_virtual_functions(host, command):
    device = host.add(A, **{"class": "0x060400", "boot_vga": "1", "sriov_numvfs": "4"})
    refused(command, device, "it is a bridge: the host reaches other devices through it",
            "it is the display that the machine booted with",
            "it has 4 virtual functions, which would go with it")


def test_what_is_idle_is_no_obstacle(host, command):
    device = host.add(A, **{"class": "0x030000", "boot_vga": "0", "sriov_numvfs": "0"})
    device.add_child("net/eth0", "net", flags="0x1002")
    device.add_child("block/disk0", "block", dev="259:0")
    (host.dev / "disk0").touch()
    command.ok("bind", A)


def test_no_iommu(host, command):
    device = host.add(A, group=None)
    text = command.fails("bind", A)
    assert text.startswith(f"umdev: {A}: it is in no IOMMU group, so nothing would confine its DMA\n")
    for word in ("intel_iommu=on", "VT-d", "enable_unsafe_noiommu_mode=1"):
        assert word in text
    assert device.driver == "ath"


def test_no_iommu_but_allowed(host, command):
    host.add(A, group=None)
    host.cdevs = False
    parameters = host.sysfs / "module/vfio/parameters"
    parameters.mkdir(parents=True)
    (parameters / "enable_unsafe_noiommu_mode").write_text("Y\n")
    text, warning = command.warns("bind", A)
    assert f"  group  {host.node('noiommu-0')}, of " in text
    assert warning == (f"umdev: {A}: no IOMMU confines it; it takes root (CAP_SYS_RAWIO) to open "
                       f"{host.node('noiommu-0')}\n")


def test_no_such_device_or_user(host, command):
    host.add(A)
    assert command.fails("bind", C) == f"umdev: there is no device {C} (`lspci -D` lists them)\n"
    assert command.fails("unbind", C) == f"umdev: there is no device {C} (`lspci -D` lists them)\n"
    assert command.fails("bind", A, "--user", "no.such.user") == (
        "umdev: there is no user 'no.such.user'\n")
    assert host.devices[A].driver == "ath"


# ---- What fails on the way is undone


def test_vfio_pci_does_not_take_it(host, command):
    device = host.add(A)
    host.refusing.add("vfio-pci")
    assert command.fails("bind", A) == (
        f"umdev: {A}: vfio-pci does not take it (dmesg may say why); it is as it was\n")
    assert (device.driver, device.override) == ("ath", "")


def test_its_driver_does_not_come_back_either(host, command):
    device = host.add(A)
    host.refusing.update(("vfio-pci", "ath"))
    assert command.fails("bind", A).endswith(
        f"; it has no driver now; `umdev unbind {A}` tries again\n")
    host.refusing.clear()
    assert command.ok("unbind", A) == f"{A} is bound to ath (before: none)\n"
    assert device.driver == "ath"


def test_another_override_is_put_back(host, command):
    device = host.add(A)
    (device.path / "driver_override").write_text("ath\n")
    host.refusing.add("vfio-pci")
    command.fails("bind", A)
    assert (device.driver, device.override) == ("ath", "ath")


def test_a_driver_that_does_not_let_go(host, command):
    device = host.add(A)
    (host.sysfs / "bus/pci/drivers/ath/unbind").unlink()
    assert command.fails("bind", A) == (
        f"umdev: {A}: the driver ath cannot be told to let it go: No such file or directory; "
        "it is as it was\n")
    assert (device.driver, device.override) == ("ath", "")


def test_nodes_that_do_not_appear(host, command):
    device = host.add(A)
    host.nodes = False
    assert command.fails("bind", A) == (
        f"umdev: {A}: {host.node('7')} did not appear; it is as it was\n")
    assert (device.driver, device.override) == ("ath", "")


def test_a_node_that_cannot_be_given(host, command):
    device = host.add(A)
    # A link is not followed: whoever can put one there would be given what it leads to.
    victim = host.root / "victim"
    victim.touch(mode=0o644)
    host.node("7").symlink_to(victim)
    assert "did not appear; it is as it was" in command.fails("bind", A)
    assert mode(victim) == 0o644 and device.driver == "ath"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do all of it")
def test_it_takes_root(host, command):
    device = host.add(A)
    (device.path / "driver_override").chmod(0o444)
    result = command.run("bind", A, prefix=[])
    assert result.returncode == 1
    assert result.stderr.endswith("cannot be written: Permission denied (it takes root)\n")
    assert device.driver == "ath"


@pytest.mark.skipif(os.geteuid() != 0, reason="there is but one user")
def test_it_changes_hands(host, command):
    device = host.add(A)
    assert f"{host.node('7')}, of 12345\n" in command.ok("bind", A, "--user", "12345")
    assert host.node("7").stat().st_uid == host.node("devices/vfio1").stat().st_uid == 12345
    assert ", of root\n" in command.ok("bind", A, "--user", "root")
    assert host.resets == [(A, "vfio-pci"), (A, "vfio-pci")]
    assert host.node("7").stat().st_uid == 0 and device.driver == "vfio-pci"


# ---- The group


def test_neighbours_in_the_way_are_named(host, command):
    host.add(A)
    host.add(B, driver="snd")
    host.add("0000:00:01.0", driver="pcieport")
    text, warning = command.warns("bind", A)
    assert f"  with   {B}, snd: in the way\n" in text
    assert "  with   0000:00:01.0, pcieport\n" in text
    assert warning == (
        f"umdev: {A} cannot be opened yet: IOMMU group 7 has other devices, which the host uses\n"
        f"umdev: {B} is bound to snd: `umdev bind {B}`, or have snd let go of it: "
        f"echo {B} >{host.sysfs}/bus/pci/devices/{B}/driver/unbind\n")
    command.ok("bind", B)
    assert command.ok("bind", A).startswith(f"{A} is bound to vfio-pci, as before\n")


# ---- Unbind


def test_unbind_gives_it_back(host, command):
    device = host.add(A)
    command.ok("bind", A, "--user", ME)
    assert command.ok("unbind", A) == f"{A} is bound to ath (before: vfio-pci)\n  reset  done\n"
    assert (device.driver, device.override) == ("ath", "")
    assert host.resets == [(A, "vfio-pci"), (A, None)]
    assert command.ok("unbind", A) == f"{A} is bound to ath, as before\n"


def test_unbind_as_json(host, command):
    host.add(A)
    command.ok("bind", A)
    assert json.loads(command.ok("unbind", A, "--json")) == {
        "device": A, "driver": "ath", "before": "vfio-pci", "reset": True}


def test_unbind_where_no_driver_knows_it(host, command):
    device = host.add(A, driver=None)
    command.ok("bind", A)
    assert command.ok("unbind", A).startswith(
        f"{A} has no driver of the host's (before: vfio-pci)\n")
    assert (device.driver, device.override) == (None, "")


def test_unbind_forgets_an_override_that_was_left(host, command):
    device = host.add(A)
    (device.path / "driver_override").write_text("vfio-pci\n")
    assert command.ok("unbind", A) == f"{A} is bound to ath, as before\n"
    assert device.override == ""


def test_unbind_leaves_what_another_device_needs(host, command):
    host.add(A)
    host.add(B, driver=None)
    command.ok("bind", A, "--user", ME)
    command.ok("bind", B, "--user", ME)
    command.ok("unbind", A)
    assert host.node("7").stat().st_uid == os.geteuid()
    command.ok("unbind", B)
    assert not host.node("7").exists()


@pytest.mark.parametrize("node", ["7", "devices/vfio1"])
def test_a_device_that_is_open(host, command, node):
    device = host.add(A)
    command.ok("bind", A, "--user", ME)
    (host.proc / "4242/fd").mkdir(parents=True)
    (host.proc / "4242/comm").write_text("qemu\n")
    (host.proc / "4242/fd/3").symlink_to(host.node(node))

    in_use = f"umdev: {A} is in use: process 4242 (qemu) has it open\n"
    assert command.fails("unbind", A) == (
        in_use + "umdev: --force asks for it, and waits until it is closed\n")
    command.ok("bind", A, "--user", ME)
    host.node(node).chmod(0o644)
    assert command.fails("bind", A, "--user", ME) == (
        in_use + "umdev: --force takes it all the same\n")
    assert device.driver == "vfio-pci" and len(host.resets) == 1
    command.ok("unbind", A, "--force")
    assert device.driver == "ath"


def test_vfio_pci_takes_it_again(host, command):
    host.add(A)
    command.ok("bind", A)
    host.known_to_vfio = True
    assert command.fails("unbind", A) == (
        f"umdev: {A}: vfio-pci took it again: it has been told of this kind of device "
        "(new_id, or its parameter ids)\n")


# ---- Mistakes


@pytest.mark.parametrize("verb", ["bind", "unbind"])
@pytest.mark.parametrize("arguments, words", [
    ([], "one device is needed"),
    ([A, B], "one device is needed"),
    ([""], "is no address of a PCI device"),
    (["01:00"], "is no address"),
    (["01:20.0"], "is no address"),
    (["01:00.8"], "is no address"),
    (["01:00.0x"], "is no address"),
    (["0000:01:00.0/../x"], "is no address"),
    (["123456789:01:00.0"], "is no address"),
    (["../../01:00.0"], "is no address"),
    ([A, "--usr", "x"], "not understood"),
])
def test_mistakes(umdev, verb, arguments, words):
    text = umdev.refuses(2, verb, *arguments)
    assert words in text and f"see 'umdev {verb} --help'" in text


def test_unbind_has_no_user(umdev):
    assert "not understood" in umdev.refuses(2, "unbind", A, "--user", "x")


@pytest.mark.parametrize("address", ["1:0.0", "01:00.0", "0:1:0.0", "0000:01:00.0"])
def test_addresses(host, command, address):
    host.add(A)
    assert command.ok("bind", address).startswith(A)


def test_a_long_domain(host, command):
    host.add("10000:01:00.0")
    assert command.ok("bind", "10000:01:00.0").startswith("10000:01:00.0 is bound")
