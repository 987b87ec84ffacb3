# SPDX-License-Identifier: BSD-2-Clause
"""How messages are found in the stream: split anywhere, run together, of impossible sizes."""

import random
import struct
import threading

import pytest

import protocol as p
from client import Closed
from memory import pattern
from registers import command_write

REFUSALS = ("EINVAL", "EMSGSIZE")  # of a write beyond its region, of a message beyond the largest
HUGE = 2 << 20  # beyond the server's largest message: 1 MiB of data with its headers


def commands_to_split(memory, eventfd):
    """A command of each shape: no payload, fixed, variable, with a descriptor, with JSON."""
    return {
        "reset": p.device_reset(),
        "info": p.get_info(),
        "read": p.region_read(p.BAR0, 0, 8),
        "write": p.region_write(p.BAR0, 0x10, b"\1\2\3\4\5"),
        "multi": p.region_write_multi([(p.BAR0, 0, b"ab"), (p.BAR0, 8, b"cdef")]),
        "map": p.dma_map(0, p.PAGE, fd=memory(p.PAGE).fd),
        "irqs": p.set_trigger(p.MSIX, [eventfd]),
    }


def send_chunks(client, stream, rng):
    """Sends a stream of messages in chunks of any size."""
    at = 0
    while at < len(stream):
        size = int(2 ** rng.uniform(0, 17))
        client.send_bytes(stream[at:at + size])
        at += size


@pytest.mark.parametrize("name", ["reset", "info", "read", "write", "multi", "map", "irqs"])
def test_a_message_may_be_split_at_every_byte(driver, memory, eventfd, name):
    command = commands_to_split(memory, eventfd)[name]
    for split in range(1, p.HEADER_SIZE + len(command.payload)):
        msg_id = driver.take_id()
        data = command.encode(msg_id)
        driver.send_bytes(data[:split], command.fds)
        driver.wait_taken()
        driver.send_bytes(data[split:])
        assert driver.expect(msg_id, command).error == "OK", f"split at {split}"
        driver.ok(p.dma_unmap_all())
        driver.enable()


@pytest.mark.parametrize("name", ["read", "map", "irqs"])
def test_a_message_may_come_byte_by_byte(driver, memory, eventfd, name):
    command = commands_to_split(memory, eventfd)[name]
    msg_id = driver.take_id()
    data = command.encode(msg_id)
    driver.send_bytes(data[:1], command.fds)
    for i in range(1, len(data)):
        driver.wait_taken()
        driver.send_bytes(data[i:i + 1])
    assert driver.expect(msg_id, command).error == "OK"


def test_version_may_be_split_at_every_byte(connect):
    command = p.version({"max_msg_fds": 8})
    for split in range(1, p.HEADER_SIZE + len(command.payload)):
        client = connect()
        msg_id = client.take_id()
        data = command.encode(msg_id)
        client.send_bytes(data[:split])
        client.wait_taken()
        client.send_bytes(data[split:])
        assert client.expect(msg_id, command).error == "OK", f"split at {split}"
        client.close()


def test_messages_that_arrive_together_are_all_served(driver, device):
    commands = [p.region_write(p.BAR0, 4 * i, struct.pack("<I", i)) for i in range(100)]
    commands += [p.region_read(p.BAR0, 4 * i, 4) for i in range(100)]
    ids = [driver.take_id() for _ in commands]
    with device.frozen():
        driver.send_bytes(b"".join(c.encode(i) for c, i in zip(commands, ids)))
    replies = [driver.expect(i, c) for c, i in zip(commands, ids)]
    assert [struct.unpack("<I", r.payload[16:])[0] for r in replies[100:]] == list(range(100))


def test_a_whole_message_is_served_while_the_next_is_incomplete(driver):
    info = p.get_info()
    first, second = driver.take_id(), driver.take_id()
    following = info.encode(second)
    driver.send_bytes(info.encode(first) + following[:20])
    driver.expect(first, info)
    driver.send_bytes(following[20:])
    driver.expect(second, info)


def test_version_and_what_follows_may_arrive_together(connect, device):
    commands = [p.version(p.QEMU_CAPABILITIES), p.get_info(), p.region_read(p.CONFIG, 0, 4)]
    with device.frozen():
        client = connect()
        ids = [client.send(command) for command in commands]
    for msg_id, command in zip(ids, commands):
        assert client.expect(msg_id, command).error == "OK"


def test_a_message_of_the_largest_transfer_is_no_framing_matter(driver):
    data = pattern(p.MAX_DATA_XFER_SIZE)
    assert driver.error(p.region_write(p.BAR2, 0, data)) == "EINVAL"  # the BAR ends before
    driver.alive()


@pytest.mark.parametrize("seed", range(4))
def test_messages_of_all_sizes_in_chunks_of_all_sizes(driver, seed):
    """Chunks end anywhere, messages may be large, small, refused or too large."""
    rng = random.Random(seed)
    commands, stream = [], bytearray()
    for i in range(150):
        size = rng.randrange(HUGE) if rng.random() < 0.1 else int(2 ** rng.uniform(0, 12))
        commands.append(rng.choice([
            (p.region_write(p.BAR2, 0, bytes(size)), ("OK",) if size <= 0x10000 else REFUSALS),
            (p.region_read(p.BAR2, 1, min(size, 0xffff)), ("OK",)),
            (p.get_info(), ("OK",)),
        ]))
        stream += commands[-1][0].encode(i)

    sender = threading.Thread(target=send_chunks, args=(driver, stream, rng))
    sender.start()
    try:
        for i, (command, errors) in enumerate(commands):
            assert driver.expect(i, command).error in errors
    finally:
        sender.join()


@pytest.mark.parametrize("size", [0, 1, 8, 15])
@pytest.mark.parametrize("following", [0, 100_000], ids=["alone", "with more behind"])
def test_a_size_below_the_header_is_answered_and_ends_the_connection(driver, size, following):
    info = p.get_info()
    msg_id = driver.take_id()
    try:
        driver.send_bytes(info.encode(msg_id, size=size) + b"\xa5" * following)
    except BrokenPipeError:
        pass  # the server need not wait for the rest
    assert driver.expect(msg_id, info).error == "EINVAL"
    driver.expect_end()


@pytest.mark.parametrize("flags", [0, p.NO_REPLY], ids=["reply", "no reply"])
def test_a_message_beyond_the_largest_is_refused_and_drained(driver, flags):
    command = p.Command(p.REGION_WRITE, bytes(HUGE))
    driver.sock.settimeout(10)
    msg_id = driver.send(command, flags)
    if not flags:
        assert driver.expect(msg_id, command).error == "EMSGSIZE"
    driver.alive()


def test_what_is_drained_is_not_taken_for_messages(driver):
    inner = p.region_write(p.BAR0, 0, b"\xff\xff\xff\xff").encode(7)
    command = p.Command(p.REGION_WRITE, inner * (HUGE // len(inner)))
    assert driver.error(command) == "EMSGSIZE"
    assert driver.read(p.BAR0, 0, 4) == bytes(4)


def test_descriptors_of_a_refused_message_are_closed(driver, eventfds):
    command = p.Command(p.SET_IRQS, bytes(HUGE), tuple(eventfds(3)))
    assert driver.error(command) == "EMSGSIZE"
    driver.alive()


def test_a_size_of_4_gib_is_refused_before_the_body_came(driver):
    info = p.get_info()
    msg_id = driver.send(info, size=0xffffffff)
    assert driver.expect(msg_id, info).error == "EMSGSIZE"
    for _ in range(16):
        driver.send_bytes(bytes(1 << 16))
    driver.expect_silence()


@pytest.mark.parametrize("kind", range(2, 16))
def test_a_type_that_is_neither_command_nor_reply_is_refused(driver, kind):
    command = p.get_info()
    assert driver.expect(driver.send(command, flags=kind), command).error == "EINVAL"
    driver.alive()


@pytest.mark.parametrize("number", [p.GET_INFO, p.REGION_READ, p.DMA_READ, p.DMA_WRITE, 0xffff])
@pytest.mark.parametrize("error", [0, p.ERROR], ids=["good", "error"])
@pytest.mark.parametrize("size", [0, 16, 5000])
def test_a_reply_nobody_waits_for_is_dropped(driver, number, error, size):
    header = p.HEADER.pack(3, number, p.HEADER_SIZE + size, p.TYPE_REPLY | error, 5 if error else 0)
    driver.send_bytes(header + bytes(size))
    driver.alive()


def test_a_reply_is_dropped_with_its_descriptors(driver, eventfds):
    driver.send(p.Command(p.DMA_READ, bytes(32), tuple(eventfds(3))), flags=p.TYPE_REPLY)
    driver.alive()


@pytest.mark.parametrize("number", [0, 14, 19, 20, 255, 0x8000, 0xffff])
@pytest.mark.parametrize("size", [0, 100])
def test_an_unknown_command_is_refused(driver, number, size):
    assert driver.error(p.Command(number, bytes(size))) == "ENOSYS"
    driver.alive()


@pytest.mark.parametrize("number", [p.DMA_READ, p.DMA_WRITE])
def test_a_command_of_the_other_direction_is_unknown(driver, number):
    assert driver.error(p.Command(number, struct.pack("=QQ", 0, 8))) == "ENOSYS"
    driver.alive()


@pytest.mark.parametrize("number", [p.MIG_DATA_READ, p.MIG_DATA_WRITE])
def test_migration_data_is_unknown_to_a_device_that_cannot_migrate(driver, number):
    command = p.Command(number, struct.pack("=II", 8, 0))
    assert driver.error(command) == "ENOSYS"
    driver.alive()


def test_ids_need_not_be_unique(driver):
    info = p.get_info()
    for _ in range(3):
        driver.send_bytes(info.encode(0))
    for _ in range(3):
        driver.expect(0, info)


def test_an_errno_in_a_command_means_nothing(driver):
    payload = p.get_info().payload
    driver.send_bytes(p.HEADER.pack(9, p.GET_INFO, 32, p.TYPE_COMMAND, 22) + payload)
    assert driver.expect(9, p.get_info()).error == "OK"


@pytest.mark.parametrize("bit", range(5, 32))
def test_flags_without_meaning_do_no_harm(driver, bit):
    info = p.get_info()
    assert driver.expect(driver.send(info, flags=1 << bit), info).error == "OK"


def test_half_a_header_and_the_end_of_the_stream(driver, connect):
    driver.send_bytes(p.get_info().encode(1)[:9])
    driver.close()
    connect().ok(p.version())


def test_the_client_may_stop_sending_and_still_read(driver, device):
    commands = [p.region_read(p.CONFIG, 0, 4), command_write(0, 5), p.get_info()]
    with device.frozen():
        ids = [driver.send(command) for command in commands]
        driver.sock.shutdown(1)  # SHUT_WR
    try:
        for msg_id, command in zip(ids, commands):
            driver.expect(msg_id, command)
        driver.expect_end()
    except Closed:
        pass  # a client that has ended its stream may be taken for gone
