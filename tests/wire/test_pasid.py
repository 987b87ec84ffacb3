# SPDX-License-Identifier: BSD-2-Clause
"""PASIDs: the extension in VERSION, spaces that come and go, and whose memory a request reaches."""

import json
import struct
import time

import pytest

import pasid as x
import protocol as p
from client import Client
from memory import pattern
from pasid import Tagged
from registers import Driver

PAGE = p.PAGE
SIZE = 16 * PAGE

@pytest.fixture
def shape():
    return "tagged"


@pytest.fixture(params=["main", "twin"])
def client(request, connect, shape):
    return connect(Tagged).begin(request.param == "twin")


@pytest.fixture
def ram(memory):
    """A client's memory, with bytes in it."""
    made = memory(SIZE)
    made[:] = pattern(SIZE, 3)
    return made


def negotiate(client, offer, **capabilities):
    command = p.version({**p.QEMU_CAPABILITIES, **capabilities, "umdev_pasid": offer})
    reply = client.call(command)
    assert reply.error == "OK"
    return json.loads(reply.payload[4:-1])["capabilities"].get("umdev_pasid")


# ---- VERSION


@pytest.mark.parametrize("offer, answer", [
    (x.OFFER, x.OFFER),
    ({"max_spaces": 1, "max_page_requests": 1}, {"max_spaces": 1, "max_page_requests": 1}),
    ({"max_spaces": 1 << 40, "max_page_requests": 1 << 60}, x.OFFER),
    ({"max_spaces": 2}, {"max_spaces": 2, "max_page_requests": 0}),
    ({"max_spaces": 3, "more": [{}], "max_page_requests": 4},
     {"max_spaces": 3, "max_page_requests": 4}),
])
def test_the_lesser_of_both_limits_holds(raw, offer, answer):
    assert negotiate(raw, offer) == answer


@pytest.mark.parametrize("text", [
    b'{"capabilities":{"umdev_pasid":{"max_spaces":9}}}\0',
    b'{"capabilities":{"twin_socket":{"supported":true},"umdev_pasid":{"max_spaces":9}}}\0',
    b'{"capabilities":{"umdev_pasid":{"max_spaces":9},"umdev_pasid":{"max_page_requests":2}}}\0',
])
def test_what_is_offered_is_answered(raw, text):
    reply = raw.call(p.version_text(text))
    assert json.loads(reply.payload[4:-1])["capabilities"]["umdev_pasid"]["max_spaces"] == 9


@pytest.mark.parametrize("offer", [
    None, True, 1, "x", [], {}, {"max_spaces": 0}, {"max_spaces": 0, "max_page_requests": 0},
    {"max_spaces": -1}, {"max_spaces": 1.5}, {"max_spaces": "1"}, {"max_spaces": 1 << 64},
    {"max_spaces": 1, "max_page_requests": None},
])
def test_an_offer_that_makes_no_sense_is_refused(raw, offer):
    assert raw.error(p.version({**p.QEMU_CAPABILITIES, "umdev_pasid": offer})) == "EINVAL"
    raw.expect_end()


@pytest.mark.parametrize("capabilities", [
    None, {}, p.QEMU_CAPABILITIES, {"umdev_pasid": {"max_page_requests": 5}},
])
def test_a_device_that_needs_pasids_refuses_clients_without(raw, capabilities):
    assert raw.error(p.version(capabilities)) == "EPROTONOSUPPORT"
    raw.expect_end()


def test_the_next_client_may_have_what_the_refused_one_had_not(connect):
    for _ in range(3):
        refused = connect(Client)
        assert refused.error(p.version(p.QEMU_CAPABILITIES)) == "EPROTONOSUPPORT"
        refused.expect_end()
        refused.close()
        client = connect(Tagged).begin()
        client.ok(x.attach(1))
        client.close()


@pytest.mark.parametrize("shape", ["plain", "conventional"])
@pytest.mark.parametrize("command", [x.attach(1), x.detach(1), x.dma_unmap(1, 0, PAGE),
                                     p.Command(x.PAGE_REQUEST, bytes(24)),
                                     p.Command(0xf000, bytes(16)), p.Command(0xffff)])
def test_a_device_without_pasids_does_not_have_the_extension(connect, command):
    client = connect(Driver)
    assert negotiate(client, x.OFFER) is None
    assert client.error(command) == "ENOSYS"
    client.alive()


@pytest.mark.parametrize("shape", ["express"])
def test_a_device_that_does_not_need_them_takes_any_client(connect, ram):
    client = connect(Driver)
    client.ok(p.version(p.QEMU_CAPABILITIES))
    for command in (x.attach(1), x.detach(1), x.dma_map(1, 0, PAGE, ram.fd), x.dma_unmap_all(1)):
        assert client.error(command) == "ENOSYS"
    client.close()
    client = connect(Driver)
    assert negotiate(client, {"max_spaces": 1}) == {"max_spaces": 1, "max_page_requests": 0}
    client.ok(x.attach(1))


def test_the_last_clients_extension_is_not_the_next_ones(connect, raw):
    """Nothing of it is understood before VERSION, nor is an answer to a page request."""
    raw.close()
    client = connect(Tagged).begin()
    client.ok(x.attach(1))
    client.request(1, 0)
    client.close()
    client = connect(Tagged)
    client.send_bytes(x.PageRequest(1, 0, 1, 0, 1, 1).respond())
    client.begin()
    assert client.status() == 0
    assert client.get(p.BAR5, x.TAG_ATTACHED) == client.get(p.BAR5, x.TAG_DETACHED)


# ---- Payloads


COMMANDS = {
    "attach": (x.attach(7), 16, [4, 12]),
    "detach": (x.detach(1), 16, [4, 12]),
    "unmap": (x.dma_unmap(1, 0, PAGE), 32, [28]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_payload_of_the_wrong_shape_is_refused(client, name):
    command, size, zeros = COMMANDS[name]
    client.ok(x.attach(1))
    for short in range(size):
        assert client.error(command.cut(short)) == "EINVAL"
    for argsz in (0, 4, size - 1):
        assert client.error(command.patched(0, "I", argsz)) == "EINVAL"
    for offset in zeros:
        for bit in range(32):
            assert client.error(command.patched(offset, "I", 1 << bit)) == "EINVAL"
    client.ok(command._replace(payload=command.payload + b"\xff" * 9))
    client.alive()


def test_a_map_of_the_wrong_shape_is_refused(client, ram):
    client.ok(x.attach(1))
    good = x.dma_map(1, PAGE, PAGE, ram.fd)
    for short in range(40):
        assert client.error(good.cut(short)) == "EINVAL"
    for argsz in (0, 32, 39):
        assert client.error(good.patched(0, "I", argsz)) == "EINVAL"
    for bit in range(32):
        assert client.error(good.patched(36, "I", 1 << bit)) == "EINVAL"
        if bit >= 4:
            assert client.error(good.patched(4, "I", x.READ | 1 << bit)) == "EINVAL"
    for flags in (0, x.EXECUTE, x.PRIVILEGED, x.WRITE | x.EXECUTE):
        assert client.error(good.patched(4, "I", flags)) == "EINVAL"
    assert client.error(good._replace(fds=())) == "EINVAL"
    assert client.error(good._replace(fds=(ram.fd, ram.fd))) == "EINVAL"
    assert client.fetch(1, PAGE, 1) == "EFAULT"
    client.ok(good)


@pytest.mark.parametrize("address, size, offset, error", [
    (PAGE, 0, 0, "EINVAL"), (1, PAGE, 0, "EINVAL"), (PAGE, 1, 0, "EINVAL"), (0, PAGE, 1, "EINVAL"),
    ((1 << 64) - PAGE, 2 * PAGE, 0, "EOVERFLOW"), (0, PAGE, (1 << 63) - PAGE, "EOVERFLOW"),
])
def test_a_map_that_cannot_be_is_refused(client, ram, address, size, offset, error):
    client.ok(x.attach(1))
    assert client.error(x.dma_map(1, address, size, ram.fd, offset=offset)) == error


def test_only_shared_memory_is_mapped(client, eventfd):
    client.ok(x.attach(1))
    assert client.error(x.dma_map(1, 0, PAGE, eventfd)) == "EMEDIUMTYPE"
    with open("/dev/null", "rb") as null:
        assert client.error(x.dma_map(1, 0, PAGE, null.fileno())) == "EMEDIUMTYPE"
    client.alive()


@pytest.mark.parametrize("pasid", [0, 5, (1 << x.WIDTH) - 1, 1 << x.WIDTH, 0xffffffff])
def test_what_is_not_attached_is_not_there(client, ram, pasid):
    assert client.error(x.detach(pasid)) == "ENOENT"
    assert client.error(x.dma_map(pasid, 0, PAGE, ram.fd)) == "ENOENT"
    assert client.error(x.dma_unmap(pasid, 0, PAGE)) == "ENOENT"
    assert client.error(x.dma_unmap_all(pasid)) == "ENOENT"


def test_descriptors_beside_other_commands_are_closed(client, eventfd):
    for command in (x.attach(1), x.dma_unmap_all(1), x.detach(1)):
        client.call(command._replace(fds=(eventfd,) * 3))
    client.call(x.dma_map(1, 0, PAGE, None)._replace(fds=(eventfd,) * 16))
    client.alive()


# ---- Attaching and detaching


@pytest.mark.parametrize("pasid", [1 << x.WIDTH, 1 << 20, 1 << 31, 0xffffffff])
def test_a_pasid_wider_than_the_capability_is_refused(client, pasid):
    assert client.error(x.attach(pasid)) == "ERANGE"


def test_a_pasid_is_attached_once(client):
    client.ok(x.attach(0))
    assert client.error(x.attach(0)) == "EEXIST"
    client.ok(x.detach(0))
    assert client.error(x.detach(0)) == "ENOENT"


def test_no_more_are_attached_than_was_agreed_on(connect):
    client = connect(Tagged).begin(offer={"max_spaces": 3})
    for pasid in range(3):
        client.ok(x.attach(pasid))
    assert client.error(x.attach(3)) == "ENOSPC"
    client.ok(x.detach(1))
    client.ok(x.attach(3))
    assert client.error(x.attach(1)) == "ENOSPC"


def test_as_many_as_the_server_has(client, ram):
    pasids = [pasid * 251 % (1 << x.WIDTH) for pasid in range(x.MAX_SPACES)]
    for number, pasid in enumerate(pasids):
        client.ok(x.attach(pasid))
        client.ok(x.dma_map(pasid, PAGE, PAGE, ram.fd, offset=number % 16 * PAGE))
    assert client.error(x.attach(1)) == "ENOSPC"
    for number, pasid in enumerate(pasids):
        at = number % 16 * PAGE
        assert client.fetch(pasid, PAGE + 8, 8) == ram[at + 8:at + 16]


def test_coming_and_going_leaves_nothing(client, ram, device, sanitised):
    def turn():
        for pasid in range(64):
            client.ok(x.attach(pasid))
            client.ok(x.dma_map(pasid, 0, SIZE, ram.fd))
        for pasid in range(64):
            client.ok(x.detach(pasid))
            assert client.ask() == x.Marker(pasid)

    turn()
    before = device.data()
    for _ in range(10):
        turn()
    assert sanitised or device.data() - before < 256 << 10


def test_the_device_is_told(client):
    attached, detached = client.get(p.BAR5, x.TAG_ATTACHED), client.get(p.BAR5, x.TAG_DETACHED)
    client.ok(x.attach(1))
    client.ok(x.attach(2))
    client.ok(x.detach(1))
    assert client.get(p.BAR5, x.TAG_ATTACHED) - attached == 2
    assert client.get(p.BAR5, x.TAG_DETACHED) - detached == 1


def test_a_detached_space_is_forgotten(client, ram):
    client.ok(x.attach(1))
    client.ok(x.dma_map(1, 0, PAGE, ram.fd))
    assert client.fetch(1, 0, 4) == ram[:4]
    client.ok(x.detach(1))
    assert client.fetch(1, 0, 4) == "ENXIO"
    assert client.ask() == x.Marker(1)
    client.ok(x.attach(1))
    assert client.fetch(1, 0, 4) == "EFAULT"


def test_the_stop_marker_comes_before_the_reply(connect):
    client = connect(Tagged).begin()
    client.ok(x.attach(1))
    msg_id = client.send(x.detach(1))
    assert client.ask() == x.Marker(1)
    assert client.expect(msg_id, x.detach(1)).error == "OK"


def test_a_detach_without_reply_has_its_marker(client):
    client.ok(x.attach(1))
    client.send(x.detach(1), p.NO_REPLY)
    assert client.ask() == x.Marker(1)
    client.alive()


def test_a_pasid_is_detached_and_attached_in_one_breath(client):
    client.ok(x.attach(1))
    commands = [x.detach(1), x.attach(1)] * 20
    ids = [client.send(command) for command in commands]
    for msg_id, command in zip(ids, commands):
        assert client.expect(msg_id, command).error == "OK"
    assert [client.ask() for _ in range(20)] == [x.Marker(1)] * 20


def test_no_marker_comes_to_a_client_that_takes_no_page_requests(connect):
    client = connect(Tagged).begin(offer={"max_spaces": 3})
    client.ok(x.attach(1))
    client.ok(x.detach(1))
    assert client.asks_now() == []


def test_a_client_that_does_not_read_its_markers_cannot_make_more(connect):
    """Each PASID waits for its own; and no more is kept than there are spaces."""
    client = connect(Tagged).begin(twin=True, offer={**x.OFFER, "max_spaces": 4})
    errors = set()
    for turn in range(20000):
        pasid = turn % 8
        errors.add(client.error(x.attach(pasid)))
        if errors >= {"OK", "EBUSY"}:
            break
        errors.add(client.error(x.detach(pasid)))
    assert errors >= {"OK", "EBUSY"}
    markers = client.asks_now()
    assert len(markers) > 100
    client.ok(x.attach(77))


def test_no_dirty_log_beside_spaces(client):
    client.ok(x.attach(1))
    assert client.error(p.log_start((0, PAGE))) == "EBUSY"
    client.ok(x.detach(1))
    client.ok(p.log_start((0, PAGE)))
    assert client.error(x.attach(2)) == "EBUSY"
    client.ok(p.log_stop())
    client.ok(x.attach(2))


# ---- Whose memory


def test_the_same_address_is_another_place_in_each_space(client, ram):
    client.ok(p.dma_map(0, PAGE, fd=ram.fd))
    for pasid in (1, 2, 65535):
        client.ok(x.attach(pasid))
        client.ok(x.dma_map(pasid, 0, PAGE, ram.fd, offset=(pasid % 7) * PAGE))
    assert client.fetch(x.NO_PASID, 0, 64) == ram[:64]
    for pasid in (1, 2, 65535):
        at = pasid % 7 * PAGE
        assert client.fetch(pasid, 0, 64) == ram[at:at + 64]
        before = ram[:]
        assert client.store(pasid, 16, b"mine") == "OK"
        assert ram[:] == before[:at + 16] + b"mine" + before[at + 20:]
    client.ok(x.dma_unmap_all(2))
    assert client.fetch(2, 0, 1) == "EFAULT"
    assert client.fetch(1, 0, 1) == ram[PAGE:PAGE + 1]
    assert client.fetch(x.NO_PASID, 0, 1) == ram[:1]


def test_a_copy_spans_maps(client, ram):
    client.ok(x.attach(1))
    for page in range(16):
        client.ok(x.dma_map(1, page * PAGE, PAGE, ram.fd, offset=(15 - page) * PAGE))
    expected = b"".join(ram[(15 - page) * PAGE:(16 - page) * PAGE] for page in range(16))
    assert client.fetch(1, 100, SIZE - 200) == expected[100:-100]
    assert client.store(1, PAGE - 2, b"abcd") == "OK"
    assert ram[16 * PAGE - 2:] == b"ab" and ram[14 * PAGE:14 * PAGE + 2] == b"cd"


def test_unmaps_follow_the_rules_of_the_default_space(client, ram):
    client.ok(x.attach(1))
    client.ok(x.dma_map(1, 0, 2 * PAGE, ram.fd))
    assert client.error(x.dma_map(1, PAGE, PAGE, ram.fd)) == "EEXIST"
    assert client.error(x.dma_unmap(1, 0, PAGE)) == "EINVAL"
    assert client.error(x.dma_unmap(1, 0, PAGE, flags=1)) == "EINVAL"
    assert client.error(x.dma_unmap(1, 0, PAGE, flags=p.UNMAP_ALL)) == "EINVAL"
    assert client.error(x.dma_unmap(1, 1, PAGE)) == "EINVAL"
    assert client.error(x.dma_unmap(1, 0, 0)) == "EINVAL"
    command = x.dma_unmap(1, 0, 1 << 40)
    assert client.ok(command) == command.payload
    assert client.fetch(1, 0, 1) == "EFAULT"
    client.ok(x.dma_unmap(1, 0, 1 << 40))


def test_maps_of_all_spaces_share_a_limit(connect, ram):
    client = connect(Tagged).begin(max_dma_maps=5)
    client.ok(x.attach(1))
    client.ok(x.attach(2))
    for page in range(5):
        client.ok(x.dma_map(1 + page % 2, page * PAGE, PAGE, ram.fd))
    assert client.error(x.dma_map(1, 9 * PAGE, PAGE, ram.fd)) == "ENOSPC"
    assert client.error(x.dma_map(2, 9 * PAGE, PAGE, ram.fd)) == "ENOSPC"
    client.ok(p.dma_map(0, PAGE, fd=ram.fd))
    client.ok(x.dma_unmap(2, PAGE, PAGE))
    client.ok(x.dma_map(1, 9 * PAGE, PAGE, ram.fd))


@pytest.mark.parametrize("granted", range(1, 16))
def test_a_map_grants_what_it_says(client, ram, granted):
    if not granted & (x.READ | x.WRITE) or granted & 5 == 4:
        granted |= x.READ
    client.ok(x.attach(1))
    client.ok(x.dma_map(1, 0, PAGE, ram.fd, flags=granted))
    for asked in range(4):
        wanted = asked & 1 and x.EXECUTE
        reached = asked & 2 or not granted & x.PRIVILEGED
        readable = reached and granted & (wanted | x.READ) == wanted | x.READ
        assert client.fetch(1, 0, 4, asked) == (ram[:4] if readable else "EFAULT")
        if not asked & 1:
            writable = reached and granted & x.WRITE
            assert client.store(1, 0, b"wxyz", asked) == ("OK" if writable else "EFAULT")


# ---- What the driver enables


def test_each_refusal_has_its_errno(client, ram):
    client.ok(x.attach(1))
    client.ok(x.dma_map(1, 0, PAGE, ram.fd, x.READ | x.WRITE | x.EXECUTE))
    client.put(p.CONFIG, x.PASID_CONTROL, x.PASID_EXECUTE | x.PASID_PRIVILEGED, 2)
    assert client.fetch(1, 0, 4) == "EACCES"
    client.put(p.CONFIG, x.PASID_CONTROL, x.PASID_ENABLE, 2)
    assert client.fetch(1, 0, 4) == ram[:4]
    assert client.fetch(1, 0, 4, x.DO_EXECUTE) == "ENOEXEC"
    assert client.fetch(1, 0, 4, x.DO_PRIVILEGED) == "EPERM"
    assert client.store(1, 0, b"abcd", x.DO_PRIVILEGED) == "EPERM"
    client.put(p.CONFIG, x.PASID_CONTROL, x.PASID_ENABLE | x.PASID_EXECUTE, 2)
    assert client.fetch(1, 0, 4, x.DO_EXECUTE) == ram[:4]
    assert client.store(1, 0, b"abcd", x.DO_EXECUTE) == "EINVAL"
    client.put(p.CONFIG, x.PASID_CONTROL, x.PASID_ENABLE | x.PASID_PRIVILEGED, 2)
    assert client.fetch(1, 0, 4, x.DO_PRIVILEGED) == ram[:4]
    assert client.fetch(1 << x.WIDTH, 0, 4) == "ERANGE"
    assert client.fetch(2, 0, 4) == "ENXIO"
    assert client.fetch(x.NO_PASID, 0, 4, x.DO_PRIVILEGED) == "EINVAL"
    client.bus_master_off()
    assert client.fetch(1, 0, 4) == "ENODEV"


@pytest.mark.parametrize("reset", ["client", "flr"])
def test_a_reset_disables_and_keeps_the_maps(client, ram, reset):
    client.ok(x.attach(1))
    client.ok(x.dma_map(1, 0, PAGE, ram.fd))
    if reset == "client":
        client.ok(p.device_reset())
    else:
        express = client.capability(0x10)
        client.put(p.CONFIG, express + 8, 0x8000, 2)
    client.enable()
    assert client.fetch(1, 0, 4) == "EACCES"
    client.enable_all()
    assert client.fetch(1, 0, 4) == ram[:4]


def test_a_disconnect_detaches_all(connect, ram):
    client = connect(Tagged).begin()
    attached, detached = client.get(p.BAR5, x.TAG_ATTACHED), client.get(p.BAR5, x.TAG_DETACHED)
    for pasid in range(100):
        client.ok(x.attach(pasid))
        client.ok(x.dma_map(pasid, 0, PAGE, ram.fd))
    client.close()
    client = connect(Tagged).begin()
    assert client.get(p.BAR5, x.TAG_ATTACHED) - attached == 100
    assert client.get(p.BAR5, x.TAG_DETACHED) - detached == 100
    assert client.fetch(1, 0, 4) == "ENXIO"
    for pasid in range(x.MAX_SPACES):
        client.ok(x.attach(pasid))


def test_a_storm_of_commands_is_answered_in_order(client, ram):
    client.ok(x.attach(1))
    commands = []
    for turn in range(200):
        commands += [x.dma_map(1, turn * PAGE, PAGE, ram.fd, offset=turn % 16 * PAGE),
                     x.dma_unmap(1, turn * PAGE, PAGE) if turn % 2 else x.attach(1)]
    start = time.monotonic()
    ids = [client.send(command) for command in commands]
    for msg_id, command in zip(ids, commands):
        expected = "EEXIST" if command.number == x.ATTACH else "OK"
        assert client.expect(msg_id, command).error == expected
    assert time.monotonic() - start < 5
    assert client.fetch(1, 198 * PAGE, 8) == ram[198 % 16 * PAGE:][:8]
    assert client.fetch(1, 199 * PAGE, 8) == "EFAULT"


def test_random_payloads_do_no_harm(client, eventfd):
    state = 1
    client.ok(x.attach(1))
    for number in range(x.ATTACH, x.STOP_MARKER + 2):
        for size in (0, 8, 16, 24, 32, 40, 100):
            payload = b""
            while len(payload) < size:
                state = state * 6364136223846793005 + 1442695040888963407 & p.U64_MAX
                payload += struct.pack("=Q", state >> 3)
            client.call(p.Command(number, payload[:size], (eventfd,) * (size % 3)))
    client.alive()
