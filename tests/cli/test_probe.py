# SPDX-License-Identifier: BSD-2-Clause
"""`umdev probe`: serial cards, a device with many capabilities, and devices that lie."""

import json
import random
import socket
import struct
import time

import pytest

import fake


def run(umdev, path, device, *arguments, status=0):
    """Probes a device of fake.py. Returns what is printed, and the diagnostic."""
    with fake.serving(device, path):
        result = umdev.run("probe", path, *arguments)
    assert result.returncode == status, result.stderr
    for line in (result.stdout + result.stderr).split("\n"):
        assert all(c == "\t" or c.isprintable() for c in line)
    assert device.writes == 0
    return result.stdout, result.stderr


# ---- Serial cards


@pytest.mark.parametrize("ports, device_id", [(1, "0002"), (2, "0003"), (4, "0004")])
def test_serial(umdev, path, ports, device_id):
    with umdev.serving("serial", "--socket-path", path, "-o", f"ports={ports}", "-o",
                       "backend=null"):
        text = umdev.ok("probe", f"vfio-user:{path}")
        data = json.loads(umdev.ok("probe", f"vfio-user:{path}", "--json"))
        assert umdev.ok("probe", path) == text  # it is left as it was found

    assert f"[1b36:{device_id}]" in text
    assert f"\tRegion 0: I/O ports at <unassigned> [disabled] [size={8 * ports}]\n" in text
    assert "\tInterrupt: pin A\n" in text
    assert "BusMaster-" in text
    assert "\t\t 0 INTx   count=1 eventfd+ maskable+ automasked+" in text
    assert "\tDMA: maps 65535, pages 4K, IOVA 0-ffffffffffffffff, dirty+ pasid-\n" in text
    assert "\tProtocol: version 0.1, reset+, transfers [size=1M], fds 16," in text

    assert data["device"]["vendor_id"] == "0x1b36"
    assert data["device"]["device_id"] == f"0x{device_id}"
    assert data["device"]["class"] == "0x0700"
    assert data["device"]["interrupt_pin"] == "A"
    assert data["bars"] == [{"index": 0, "kind": "io", "address": 0, "enabled": False,
                             "size": 8 * ports}]
    assert [region["name"] for region in data["regions"]][7] == "Config"
    assert data["regions"][7]["size"] == 256
    assert data["interrupts"][0]["count"] == 1
    assert data["name"] == path
    assert data["dma"] == {"max_maps": 65535, "page_sizes": [4096], "dirty": True, "pasid": False,
                           "ranges": [{"first": "0x" + 16 * "0", "last": "0x" + 16 * "f"}]}
    assert data["protocol"]["max_data_xfer_size"] == 1 << 20


def test_a_device_in_use(umdev, path):
    with umdev.serving("serial", "--socket-path", path, "-o", "backend=null"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
            first.connect(path)
            time.sleep(0.1)
            assert "another driver" in umdev.refuses(1, "probe", path)
        deadline = time.monotonic() + 5
        while umdev.run("probe", path).returncode and time.monotonic() < deadline:
            time.sleep(0.05)
        umdev.ok("probe", path)


# ---- URIs


def test_uris_that_cannot_be_opened(umdev, path):
    assert "No such file or directory" in umdev.refuses(1, "probe", path)
    assert "scheme 'usb' is not known: known are vfio-user:PATH" in \
        umdev.refuses(1, "probe", "usb:1-2")
    assert "'x.sock' is no URI" in umdev.refuses(1, "probe", "x.sock")
    assert "Connection refused" in umdev.refuses(1, "probe", "vfio-user:" + refused(path))


def refused(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(path)
    return path


# ---- A PCI Express device


def express():
    config = fake.Config(4096)
    config.put(0x10, struct.pack("<III", 0xfe00000c, 1, 0xfd000000))
    config.cap(0x40, 0x01, b"\x03\x00\x08\x00\x00\x00", 0x50)
    config.cap(0x50, 0x05, struct.pack("<HIIH", 0x0080, 0, 0, 0), 0x70)
    config.cap(0x70, 0x11, struct.pack("<HII", 0x803f, 4, 0x1004), 0x80)
    config.cap(0x80, 0x10, struct.pack("<HIHH", 0x0002, 0x10008001, 0x2810, 0), 0xc0)
    config.cap(0xc0, 0x09, b"\x05ABC")
    config.ext_cap(0x100, 0x0001, bytes(40), 2, 0x150)
    config.ext_cap(0x150, 0x0003, bytes(range(1, 9)), 1, 0x160)
    config.ext_cap(0x160, 0x001b, struct.pack("<HH", 0x1406, 1), 1, 0x170)
    config.ext_cap(0x170, 0x000f, struct.pack("<HH", 0x20, 0x8000), 1, 0x180)
    config.ext_cap(0x180, 0x0013, struct.pack("<HHII", 1, 0x100, 512, 32), 1, 0x1a0)
    config.ext_cap(0x1a0, 0x000d, struct.pack("<HH", 1, 1), 1, 0x1b0)
    config.ext_cap(0x1b0, 0x002e, bytes(16))
    return config


def test_capabilities(umdev, path):
    text, _ = run(umdev, path, fake.Device(express()))
    assert "\tCapabilities: [40] Power Management version 3\n" in text
    assert "\tCapabilities: [50] MSI: Enable- Count=1/1 Maskable- 64bit+\n" in text
    assert "\tCapabilities: [70] MSI-X: Enable+ Count=64 Masked-\n" in text
    assert "\t\tPBA: BAR=4 offset=00001000\n" in text
    assert "\tCapabilities: [80] Express (v2) Endpoint, MSI 00\n" in text
    assert "\tCapabilities: [c0] Vendor Specific Information: Len=05\n" in text
    assert "\t\tc0: 09 00 05 41 42\n" in text
    assert "\tCapabilities: [100 v2] Advanced Error Reporting\n" in text
    assert "Device Serial Number 08-07-06-05-04-03-02-01\n" in text
    assert "\t\tPASIDCap: Exec+ Priv+, Max PASID Width: 20\n" in text
    assert "[170 v1] Address Translation Service (ATS)\n" in text
    assert "Page Request Capacity: 00000200, Page Request Allocation: 00000020\n" in text
    assert "\t\tACSCap: SrcValid+ TransBlk-" in text
    assert "[1b0 v1] Data Object Exchange\n" in text


def test_capabilities_as_json(umdev, path):
    text, _ = run(umdev, path, fake.Device(express()), "--json")
    data = json.loads(text)
    assert [cap["name"] for cap in data["capabilities"]] == [
        "Power Management", "MSI", "MSI-X", "Express", "Vendor Specific Information"]
    assert data["capabilities"][2]["PBA"] == {"BAR": 4, "offset": 0x1000}
    assert data["capabilities"][4]["raw"] == "0900054142"
    assert [cap["offset"] for cap in data["extended_capabilities"]] == [
        0x100, 0x150, 0x160, 0x170, 0x180, 0x1a0, 0x1b0]
    assert data["extended_capabilities"][2]["PASIDCap"]["Max PASID Width"] == 20
    assert data["bars"][0]["address"] == 0x1fe000000


# ---- Vital Product Data


VPD_AT = 0x40


def field(keyword, data):
    return keyword + bytes([len(data)]) + data


def large(tag, data):
    return bytes([tag]) + struct.pack("<H", len(data)) + data


class Vpd(fake.Device):
    """Has Vital Product Data, and takes no write but of the address to read from."""

    def __init__(self, data, polls=1):
        config = fake.Config()
        config.cap(VPD_AT, 0x03, bytes(6))
        super().__init__(config)
        self.data = data
        self.polls = self.left = polls  # of the flag, until it turns over
        self.addresses = []

    def answer(self, command, payload):
        if command == fake.REGION_WRITE:
            return self.write(*struct.unpack_from("=QII", payload), payload[16:])
        if command == fake.REGION_READ and payload[:16] == struct.pack(
                "=QII", VPD_AT + 2, fake.CONFIG, 2):
            self.poll()
        return super().answer(command, payload)

    def write(self, offset, region, count, data):
        assert (offset, region, count) == (VPD_AT + 2, fake.CONFIG, 2)
        address = struct.unpack("<H", data)[0]
        assert address < 0x8000
        self.addresses.append(address)
        self.left = self.polls
        self.config.put(VPD_AT + 2, data + bytes(4))
        return struct.pack("=QII", offset, region, count)

    def poll(self):
        self.left -= 1
        if self.left == 0:
            address = self.addresses[-1]
            four = (self.data[address:address + 4] + b"\xee" * 4)[:4]
            self.config.put(VPD_AT + 2, struct.pack("<H", address | 0x8000) + four)


PRODUCT = large(0x82, b"Fake card") + large(0x90, field(b"PN", b"F-1") + field(b"SN", b"0001"))


@pytest.mark.parametrize("polls", [1, 4])
def test_vital_product_data(umdev, path, polls):
    device = Vpd(PRODUCT + b"\x78", polls)
    text, _ = run(umdev, path, device)
    assert ("\tCapabilities: [40] Vital Product Data\n"
            "\t\tProduct Name: Fake card\n"
            "\t\tRead-only fields:\n"
            "\t\t\t[PN] Part number: F-1\n"
            "\t\t\t[SN] Serial number: 0001\n"
            "\t\tEnd\n") in text
    assert device.addresses == list(range(0, len(PRODUCT) + 1, 4))


def test_vital_product_data_as_json(umdev, path):
    text, _ = run(umdev, path, Vpd(PRODUCT + b"\x78"), "--json")
    vpd = json.loads(text)["capabilities"][0]
    assert vpd["resources"][0] == {"Product Name": "Fake card"}
    assert vpd["resources"][1]["fields"][1] == {
        "keyword": "SN", "name": "Serial number", "text": "0001"}
    assert vpd["complete"] is True


def test_vital_product_data_without_end(umdev, path):
    device = Vpd(large(0x90, bytes(61)) * 512)
    text, _ = run(umdev, path, device)
    assert device.addresses == list(range(0, 0x8000, 4))
    assert text.count("Read-only fields") == 512
    assert "\t\tNo end tag found\n" in text


@pytest.mark.parametrize("data", [b"", b"\xff" * 16, b"\x00" * 16, b"\x83\xff\x7f"])
def test_vital_product_data_of_nonsense(umdev, path, data):
    device = Vpd(data)
    text, _ = run(umdev, path, device)
    assert "resource type" in text and "will not decode more" in text
    assert device.addresses == [0]


def test_vital_product_data_that_never_comes(umdev, path):
    device = Vpd(PRODUCT, polls=10000)
    start = time.monotonic()
    text, _ = run(umdev, path, device)
    assert time.monotonic() - start < 10
    assert "Vital Product Data\n\t\tNot readable: Input/output error\n" in text
    assert device.addresses == [0]


def test_vital_product_data_that_is_refused(umdev, path):
    device = Vpd(PRODUCT)
    device.write = lambda *_: fake.EINVAL
    text, _ = run(umdev, path, device)
    assert "Vital Product Data\n\t\tNot readable: Invalid argument\n" in text


def test_vital_product_data_that_breaks_off(umdev, path):
    device = Vpd(PRODUCT)
    whole = device.write
    device.write = lambda *write: whole(*write) if len(device.addresses) < 5 else None
    text, complaint = run(umdev, path, device, "--timeout", "300", status=1)
    assert "\t\tProduct Name: Fake card\n" in text
    assert "\t\tNo end tag found: Connection timed out\n" in text
    assert "not all was answered" in complaint


def test_two_of_them(umdev, path):
    device = Vpd(PRODUCT + b"\x78")
    device.config.cap(VPD_AT, 0x03, bytes(6), 0x60)
    device.config.cap(0x60, 0x03, bytes(6))
    text, _ = run(umdev, path, device)
    assert text.count("Product Name") == 1
    assert "\tCapabilities: [60] Vital Product Data\n\t\tNot readable\n" in text


# ---- An expansion ROM


class Rom(fake.Device):
    def region_info(self, index):
        return struct.pack("=IIIIQQ", 32, 1, 6, 0, 65536, 0) if index == 6 \
            else super().region_info(index)


@pytest.mark.parametrize("address, place", [(0, "<unassigned> [disabled]"),
                                            (0xfe000001, "fe000000")])
def test_an_expansion_rom(umdev, path, address, place):
    config = fake.Config()
    config.put(0x30, struct.pack("<I", address))
    text, _ = run(umdev, path, Rom(config))
    assert f"\tExpansion ROM at {place} [size=64K]\n" in text
    assert "\t\t 6 ROM    size=64K read+ write- mmap-\n" in text


# ---- Devices that lie


def test_loops(umdev, path):
    config = fake.Config(4096)
    config.cap(0x40, 0x09, b"\x03", 0x50)
    config.cap(0x50, 0x09, b"\x03", 0x40)
    config.ext_cap(0x100, 0x000b, bytes(8), 1, 0x100)
    text, _ = run(umdev, path, fake.Device(config))
    assert text.count("Vendor Specific Information") == 3
    assert text.count("<chain looped>") == 2


def test_all_ones(umdev, path):
    text, _ = run(umdev, path, fake.Device(b"\xff" * 4096))
    assert "<chain broken>" in text
    text, _ = run(umdev, path + "2", fake.Device(b"\xff" * 4096), "--json")
    assert json.loads(text)["capabilities_error"] == "chain broken"


@pytest.mark.parametrize("seed", range(8))
def test_noise(umdev, path, seed):
    config = bytearray(random.Random(seed).randbytes(4096))
    config[6] |= 0x10
    text, _ = run(umdev, path, fake.Device(bytes(config)), *["--json"] * (seed % 2))
    if seed % 2:
        json.loads(text)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 255, 257])
def test_config_of_an_odd_size(umdev, path, size):
    run(umdev, path, fake.Device(bytes(express()[:size])))


class Refusing(fake.Device):
    """Refuses to describe some of what it has."""

    def answer(self, command, payload):
        if command in (fake.REGION_INFO, fake.IRQ_INFO) and payload[8] in (3, 8):
            return fake.EINVAL
        return super().answer(command, payload)


def test_refusals_are_shown(umdev, path):
    text, _ = run(umdev, path, Refusing(fake.Config()))
    assert "\t\t 3 BAR3   Invalid argument\n" in text
    assert "\t\t 8 VGA    Invalid argument\n" in text
    assert "\t\t 3 ERR    Invalid argument\n" in text


class Garbled(fake.Device):
    """Its answers about regions make no sense."""

    def region_info(self, index):
        return b"\x1b[2J" if index == 1 else super().region_info(index)


def test_nonsense_is_an_error_but_not_the_end(umdev, path):
    text, complaint = run(umdev, path, Garbled(fake.Config()), status=1)
    assert "\t\t 1 BAR1   Protocol error\n" in text
    assert "[1234:5678]" in text
    assert "not all was answered: Protocol error" in complaint


class Silent(fake.Device):
    """Says nothing when asked about an interrupt."""

    def answer(self, command, payload):
        return None if command == fake.IRQ_INFO else super().answer(command, payload)


def test_silence_ends_in_time(umdev, path):
    start = time.monotonic()
    text, complaint = run(umdev, path, Silent(fake.Config()), "--timeout", "300", status=1)
    assert time.monotonic() - start < 5
    assert "\t\t 0 INTx   Connection timed out\n" in text
    assert "not all was answered: Connection timed out" in complaint


def test_another_protocol(umdev, path):
    device = fake.Device(fake.Config(), version=b"\x07\0\0\0")
    _, complaint = run(umdev, path, device, status=1)
    assert "negotiating the version: Protocol error" in complaint
