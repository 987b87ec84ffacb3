# SPDX-License-Identifier: BSD-2-Clause
"""VERSION: what is negotiated, what is refused, and that nothing comes before it."""

import json
import os
import struct

import pytest

import protocol as p
from registers import Driver


def negotiate(client, command):
    """Sends VERSION. Returns the (major, minor) and the parsed JSON, None without, of the reply."""
    reply = client.call(command)
    assert reply.error == "OK"
    assert len(reply.payload) <= len(command.payload), "a reply longer than its request"
    numbers, text = struct.unpack_from("=HH", reply.payload), reply.payload[4:]
    if not text:
        return numbers, None
    assert text[-1:] == b"\0" and b"\0" not in text[:-1]
    return numbers, json.loads(text[:-1])


def refused(client, command):
    """Sends a VERSION that is refused and ends the connection."""
    assert client.error(command) == "EINVAL"
    client.expect_end()


@pytest.mark.parametrize("minor", [0, 1])
def test_the_clients_version_is_agreed_to(raw, minor):
    assert negotiate(raw, p.version(p.QEMU_CAPABILITIES, minor=minor))[0] == (0, minor)


@pytest.mark.parametrize("minor", [2, 0xffff])
def test_a_later_minor_version_is_lowered_to_one_we_have(raw, minor):
    major, answered = negotiate(raw, p.version({}, minor=minor))[0]
    assert major == 0 and answered < minor


@pytest.mark.parametrize("minor", [0, 1])
def test_no_json_is_answered_without_json(raw, minor):
    assert negotiate(raw, p.version(None, minor=minor)) == ((0, minor), None)
    raw.alive()


def test_the_limits_are_those_of_the_server(raw):
    _, answer = negotiate(raw, p.version(p.QEMU_CAPABILITIES))
    capabilities = answer["capabilities"]
    assert capabilities["max_msg_fds"] == p.MAX_MSG_FDS
    assert capabilities["max_data_xfer_size"] == p.MAX_DATA_XFER_SIZE
    assert capabilities["max_dma_maps"] == p.MAX_DMA_MAPS
    assert capabilities["pgsizes"] == p.PAGE
    assert capabilities["write_multiple"] is True


@pytest.mark.parametrize("key", list(p.QEMU_CAPABILITIES))
def test_only_what_was_offered_is_answered(raw, key):
    _, answer = negotiate(raw, p.version({key: p.QEMU_CAPABILITIES[key]}, padding=100))
    assert set((answer or {}).get("capabilities", {})) <= {key}


@pytest.mark.parametrize("text", [b"{}\0", b'{"capabilities":{}}\0', b' \t\n{ } \0'])
def test_no_capability_offered_gets_none(raw, text):
    _, answer = negotiate(raw, p.version_text(text))
    assert not (answer or {}).get("capabilities")


@pytest.mark.parametrize("capabilities", [
    {"max_msg_fds": 1}, {"max_data_xfer_size": 1}, {"max_dma_maps": 1}, {"pgsizes": 4096},
    {"write_multiple": True}, {"twin_socket": {"supported": False}},
    {"max_data_xfer_size": 4096, "max_msg_fds": 1, "max_dma_maps": 1},
])
def test_a_reply_is_never_longer_than_its_request(raw, capabilities):
    text = json.dumps({"capabilities": capabilities}, separators=(",", ":")).encode() + b"\0"
    negotiate(raw, p.version_text(text))
    raw.alive()


def test_unknown_keys_are_ignored(raw):
    strange = {"x": None, "y": [1, {"z": "\u00e9\n\"\\"}], "max": -1.5e3, "": {"": []}}
    _, answer = negotiate(raw, p.version({**strange, "max_msg_fds": 8}))
    assert set(answer["capabilities"]) == {"max_msg_fds"}


def test_a_smaller_number_of_descriptors_is_kept_to(raw):
    _, answer = negotiate(raw, p.version({"max_msg_fds": 1}, padding=20))
    assert answer["capabilities"]["max_msg_fds"] in (1, p.MAX_MSG_FDS)
    assert len(raw.call(p.get_region_io_fds(p.BAR0)).fds) <= 1


def test_escapes_and_white_space_in_names_and_values_are_read(raw):
    text = b'{ "capabilities"\n:\t{ "max\\u005fmsg_fds" : 4 , "a" : "\\ud83d\\ude00" } }\0'
    negotiate(raw, p.version_text(text))
    raw.alive()


def test_a_twin_socket_is_given_when_it_was_offered(raw):
    reply = raw.call(p.version({"twin_socket": {"supported": True}}))
    assert reply.error == "OK"
    twin = json.loads(reply.payload[4:-1])["capabilities"]["twin_socket"]
    assert twin == {"supported": True, "fd_index": 0}
    assert len(reply.fds) == 1
    assert os.readlink(f"/proc/self/fd/{reply.fds[0]}").startswith("socket:")
    raw.alive()


def test_a_twin_socket_is_given_beside_other_capabilities(raw):
    reply = raw.call(p.version({**p.QEMU_CAPABILITIES, "twin_socket": {"supported": True}}))
    capabilities = json.loads(reply.payload[4:-1])["capabilities"]
    assert capabilities["max_msg_fds"] == p.MAX_MSG_FDS
    assert capabilities["twin_socket"]["fd_index"] == 0 and len(reply.fds) == 1


@pytest.mark.parametrize("offer", [{"supported": False}, {}])
def test_no_twin_socket_is_given_to_one_who_cannot_use_it(raw, offer):
    reply = raw.call(p.version({"twin_socket": offer}, padding=64))
    assert reply.error == "OK" and not reply.fds


BAD_TEXTS = {
    "nul missing": b'{"capabilities":{}}',
    "cut": b'{"capabilities":{\0',
    "cut in a string": b'{"capab\0',
    "cut in an escape": b'{"a\\\0',
    "bad escape": b'{"a\\x41":1}\0',
    "bad unicode escape": b'{"a\\u00g0":1}\0',
    "two values": b'{}{}\0',
    "text behind": b'{} x\0',
    "no value": b' \0',
    "empty": b'\0',
    "comma first": b'{,"a":1}\0',
    "comma last": b'{"a":1,}\0',
    "no colon": b'{"a" 1}\0',
    "no quotes": b'{a:1}\0',
    "single quotes": b"{'a':1}\0",
    "bad word": b'{"a":nul}\0',
    "control character in a string": b'{"a\n":1}\0',
    "leading zero": b'{"a":012}\0',
    "plus": b'{"a":+1}\0',
    "lone minus": b'{"a":-}\0',
    "an array": b'[]\0',
    "a number": b'1\0',
    "a string": b'"capabilities"\0',
    "null": b'null\0',
    "capabilities an array": b'{"capabilities":[]}\0',
    "capabilities a number": b'{"capabilities":1}\0',
    "deep arrays": b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}\0",
    "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"\0",
    "deep and cut": b"[" * 60_000 + b"\0",
    "bytes": bytes(range(255, 0, -1)) + b"\0",
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_bad_json_is_refused(raw, text):
    refused(raw, p.version_text(text))


NUMBERS = ["max_msg_fds", "max_data_xfer_size", "max_dma_maps", "pgsizes"]


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize("value", ["-1", '"1"', "null", "true", "{}", "[1]", "1.5"])
def test_a_limit_that_is_no_natural_number_is_refused(raw, key, value):
    refused(raw, p.version_text(f'{{"capabilities":{{"{key}":{value}}}}}\0'.encode()))


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize("value", [str(1 << 32), str(1 << 63), str(1 << 64), "9" * 400, "1e400",
                                   "-1e400", "-" + "9" * 40, "1e-400", "0." + "1" * 400])
def test_an_absurd_limit_is_refused_or_of_no_effect(raw, key, value):
    text = f'{{"capabilities":{{"{key}":{value}}}}}\0'.encode()
    reply = raw.call(p.version_text(text))
    assert reply.error in ("OK", "EINVAL")
    if reply.error == "OK":
        raw.alive()
    else:
        raw.expect_end()


def test_a_transfer_size_of_zero_is_refused(raw):
    refused(raw, p.version({"max_data_xfer_size": 0}))


@pytest.mark.parametrize("major", [1, 2, 0xffff])
def test_another_major_version_is_refused(raw, major):
    refused(raw, p.version(p.QEMU_CAPABILITIES, major=major))


@pytest.mark.parametrize("size", range(4))
def test_a_short_payload_is_refused(raw, size):
    refused(raw, p.version(None).cut(size))


def test_a_second_version_is_refused_and_the_connection_goes_on(driver):
    driver.set_reg(0, 0x1234)
    assert driver.error(p.version({"max_msg_fds": 1})) == "EINVAL"
    assert driver.reg(0) == 0x1234
    assert len(driver.call(p.get_region_io_fds(p.BAR0)).fds) == 2


FIRST_COMMANDS = [
    p.dma_map(0, p.PAGE), p.dma_unmap_all(), p.get_info(), p.get_region_info(0),
    p.get_region_io_fds(0), p.get_irq_info(0), p.disable_irq(p.MSIX), p.region_read(p.CONFIG, 0, 4),
    p.region_write(p.CONFIG, 4, b"\2\0"), p.device_reset(),
    p.region_write_multi([(p.CONFIG, 4, b"\2\0")]), p.device_feature(p.FEATURE_PROBE | 1),
    p.Command(0), p.Command(0xffff),
]


@pytest.mark.parametrize("command", FIRST_COMMANDS, ids=lambda c: str(c.number))
def test_no_command_comes_before_version(raw, command):
    assert raw.error(command) == "EINVAL"
    raw.expect_end()


def test_a_command_before_version_has_no_effect(raw, connect):
    raw.error(p.region_write(p.CONFIG, 4, b"\7\0"))
    raw.expect_end()
    raw.close()
    other = connect()
    other.ok(p.version())
    assert other.get(p.CONFIG, 4, 2) == 0


def test_descriptors_that_come_with_version_are_closed(raw, eventfds):
    command = p.version(p.QEMU_CAPABILITIES)._replace(fds=tuple(eventfds(5)))
    raw.ok(command)
    raw.alive()


def test_version_may_ask_for_no_reply(connect):
    client = connect(Driver)
    client.send(p.version(p.QEMU_CAPABILITIES), flags=p.NO_REPLY)
    client.alive()


def test_a_refused_version_may_ask_for_no_reply(raw):
    raw.send(p.version(None, major=7), flags=p.NO_REPLY)
    raw.expect_end()


def test_a_failed_client_does_not_stay_in_the_way(connect):
    for _ in range(5):
        client = connect()
        client.error(p.version_text(b"{\0"))
        client.close()
    connect().ok(p.version())


@pytest.mark.parametrize("size", [100_000, 1_000_000, 2_000_000])
def test_a_very_long_offer_is_taken_or_refused(raw, size):
    raw.sock.settimeout(10)
    reply = raw.call(p.version({"max_msg_fds": 8}, padding=size))
    assert reply.error in ("OK", "EINVAL", "EMSGSIZE")


def test_offers_of_a_size_that_only_a_fuzzer_makes(raw):
    text = b'{"capabilities":{' + b",".join(b'"k%d":%d' % (i, i) for i in range(2000)) + b"}}\0"
    reply = raw.call(p.version_text(text))
    assert reply.error in ("OK", "EINVAL", "EMSGSIZE")
