# SPDX-License-Identifier: BSD-2-Clause
"""The dirty log: which pages the device has written, as a client that migrates it asks."""

import random
import struct

import pytest

import protocol as p
from memory import pattern
from registers import RESET_NOW, copy_commands, command_write

PAGE = p.PAGE
BASE = 0x100000
PAGES = 64
SOURCE = BASE - PAGE
TOP = 1 << 64
MOST = 1 << 41  # bytes that are logged at most


@pytest.fixture
def ram(driver, memory):
    """PAGES pages at BASE, and one in front that the device copies from."""
    ram = memory((PAGES + 1) * PAGE)
    driver.ok(p.dma_map(SOURCE, (PAGES + 1) * PAGE, fd=ram.fd))
    return ram


def report(client, iova, length, page_size=PAGE):
    """The numbers of the pages that a report has."""
    payload = client.ok(p.log_report(iova, length, page_size))
    argsz, flags, *echo = struct.unpack_from("=IIQQQ", payload)
    assert argsz == len(payload) == 32 + p.bitmap_size(length, page_size)
    assert flags == p.FEATURE_GET | p.LOG_REPORT
    assert echo == [iova, length, page_size]
    words = struct.unpack_from(f"={len(payload) // 8 - 4}Q", payload, 32)
    return {64 * i + bit for i, word in enumerate(words) if word
            for bit in range(64) if word >> bit & 1}


def dirty(driver, page, offset=0, size=1):
    """Has the device write into a page, or beyond it."""
    assert driver.copy(SOURCE, BASE + page * PAGE + offset, size) == "OK"


# ---- Starting and stopping


@pytest.mark.parametrize("page_size", [1, 512, PAGE, 1 << 16, 1 << 20])
def test_the_reply_is_the_request_with_the_page_size_that_was_chosen(client, page_size):
    ranges = [(i << 20, 1 << 20) for i in (7, 2, 4)]
    payload = client.ok(p.log_start(*ranges, page_size=page_size))
    expected = p.log_start(*ranges).payload
    assert payload == expected
    client.ok(p.log_stop())


@pytest.mark.parametrize("ranges, page_size, expected", [
    ([(0, PAGE)], 0, "EINVAL"),
    ([(0, PAGE)], 4097, "EINVAL"),
    ([(0, PAGE)], (1 << 64) - 1, "EINVAL"),
    ([], 0, "EINVAL"),
    ([], 3, "EINVAL"),
    ([(0, 0)], PAGE, "EINVAL"),
    ([(1, PAGE)], 1, "EINVAL"),
    ([(0, PAGE + 1)], 1, "EINVAL"),
    ([(0, PAGE)], 2 * PAGE, "EINVAL"),
    ([(PAGE, 2 * PAGE)], 2 * PAGE, "EINVAL"),
    ([(0, PAGE), (0, PAGE)], PAGE, "EINVAL"),
    ([(0, 4 * PAGE), (8 * PAGE, PAGE), (3 * PAGE, PAGE)], PAGE, "EINVAL"),
    ([(8 * PAGE, PAGE), (0, 9 * PAGE)], PAGE, "EINVAL"),
    ([(TOP - PAGE, 2 * PAGE)], PAGE, "EOVERFLOW"),
    ([(PAGE, TOP - PAGE), (0, PAGE)], PAGE, "ENOSPC"),
    ([(2 * PAGE, TOP - PAGE)], PAGE, "EOVERFLOW"),
    ([(0, MOST + PAGE)], PAGE, "ENOSPC"),
    ([(0, MOST), (MOST, PAGE)], PAGE, "ENOSPC"),
    ([(i * PAGE, PAGE) for i in range(257)], PAGE, "E2BIG"),
])
def test_ranges_that_make_no_sense_are_refused(client, ranges, page_size, expected):
    assert client.error(p.log_start(*ranges, page_size=page_size)) == expected
    assert client.error(p.log_report(0, PAGE)) == "EINVAL", "no log runs"
    client.ok(p.log_start((0, PAGE)))


@pytest.mark.parametrize("ranges", [
    [(0, MOST)], [(TOP - PAGE, PAGE), (0, PAGE)], [(i * PAGE, PAGE) for i in range(256)]],
    ids=["much", "the last page", "many"])
def test_limits_can_be_reached(client, ranges):
    client.ok(p.log_start(*ranges))
    for iova, length in ranges[:3]:
        assert report(client, iova, min(length, 1 << 30)) == set()


@pytest.mark.parametrize("count", [2, 3, 256, 257, 0x10000000, 0xffffffff])
def test_a_start_has_all_of_its_ranges(client, count):
    expected = "E2BIG" if count > 256 else "EINVAL"
    assert client.error(p.log_start((0, PAGE), count=count)) == expected
    client.ok(p.log_start((0, PAGE)))


@pytest.mark.parametrize("ranges", [0, 1, 3])
def test_a_start_has_its_data_and_room_for_the_reply(client, ranges):
    command = p.log_start(*[(i * PAGE, PAGE) for i in range(ranges)])
    needed = len(command.payload)
    for size in range(needed):
        assert client.error(command.cut(size)) == "EINVAL"
        assert client.error(command.patched(0, "I", size)) == "EINVAL"
    client.ok(command)


def test_a_second_start_is_refused(client):
    client.ok(p.log_start((0, PAGE)))
    for second in (p.log_start((0, PAGE)), p.log_start((PAGE, PAGE)), p.log_start()):
        assert client.error(second) == "EINVAL"
    assert report(client, 0, PAGE) == set()


def test_a_stop_ends_the_log_and_may_come_without_one(driver, ram):
    for _ in range(3):
        driver.ok(p.log_stop())
        assert driver.error(p.log_report(BASE, PAGE)) == "EINVAL"
        driver.ok(p.log_start((BASE, PAGE)))
        assert report(driver, BASE, PAGE) == set()
        dirty(driver, 0)


# ---- What is logged


def test_pages_that_the_device_wrote_are_reported_once(driver, ram):
    dirty(driver, 1)
    driver.ok(p.log_start((BASE, PAGES * PAGE)))
    assert report(driver, BASE, PAGES * PAGE) == set()
    dirty(driver, 5)
    dirty(driver, 63, offset=4095)
    dirty(driver, 10, offset=100, size=PAGE)
    assert report(driver, BASE, PAGES * PAGE) == {5, 10, 11, 63}
    assert report(driver, BASE, PAGES * PAGE) == set()
    dirty(driver, 5)
    assert report(driver, BASE, PAGES * PAGE) == {5}


def test_a_report_clears_what_it_reports_alone(driver, ram):
    driver.ok(p.log_start((BASE, PAGES * PAGE)))
    for page in (0, 1, 2, 40):
        dirty(driver, page)
    assert report(driver, BASE + PAGE, PAGE) == {0}
    assert report(driver, BASE, 3 * PAGE) == {0, 2}
    assert report(driver, BASE, PAGES * PAGE) == {40}


def test_what_the_device_reads_or_fails_to_write_is_clean(driver, ram, memory):
    hidden = memory(PAGE)
    driver.ok(p.dma_map(0, PAGE, p.READ, fd=hidden.fd))
    driver.ok(p.log_start((0, PAGE), (SOURCE, (PAGES + 1) * PAGE)))
    assert driver.copy(0, BASE + 3 * PAGE, 8) == "OK"
    assert driver.copy(BASE, 0, 8) == "EFAULT"
    assert report(driver, 0, PAGE) == set()
    assert report(driver, SOURCE, (PAGES + 1) * PAGE) == {4}


def test_a_report_spans_ranges_and_what_is_between_them(driver, ram):
    driver.ok(p.log_start((BASE + 40 * PAGE, 10 * PAGE), (BASE + 4 * PAGE, 4 * PAGE),
                          (BASE + 8 * PAGE, PAGE)))
    for page in (3, 4, 7, 8, 9, 39, 40, 49, 50):
        dirty(driver, page)
    assert report(driver, BASE + PAGE, 63 * PAGE) == {3, 6, 7, 39, 48}
    dirty(driver, 8)
    dirty(driver, 41)
    assert report(driver, BASE, PAGES * PAGE, 16 * PAGE) == {0, 2}
    assert report(driver, BASE, PAGES * PAGE) == set()


@pytest.mark.parametrize("page_size", [PAGE << i for i in range(8)] + [1 << 40, 1 << 63])
@pytest.mark.parametrize("first", [0, 1, 17])
def test_any_page_size_can_be_asked_for(driver, ram, page_size, first):
    driver.ok(p.log_start((BASE, PAGES * PAGE), page_size=PAGE))
    pages = random.Random(page_size + first).sample(range(PAGES), 12)
    for page in pages:
        dirty(driver, page)
    expected = {(page - first) * PAGE // page_size for page in pages if page >= first}
    assert report(driver, BASE + first * PAGE, (PAGES - first) * PAGE, page_size) == expected
    assert report(driver, BASE, first * PAGE or PAGE) == {n for n in pages if n < first}


def test_what_has_been_unmapped_is_still_reported(driver, ram):
    driver.ok(p.log_start((BASE, PAGES * PAGE)))
    dirty(driver, 2)
    driver.ok(p.dma_unmap(SOURCE, (PAGES + 1) * PAGE))
    assert report(driver, BASE, PAGES * PAGE) == {2}


def test_a_log_of_all_knows_pages_where_there_were_maps(driver, ram, memory):
    driver.ok(p.log_start())
    dirty(driver, 6)
    assert report(driver, 0, BASE + PAGES * PAGE) == {BASE // PAGE + 6}
    later = memory(PAGE)
    driver.ok(p.dma_map(0, PAGE, fd=later.fd))
    dirty(driver, 9)
    assert driver.copy(SOURCE, 0, 8) == "OK"
    before = set(range(SOURCE // PAGE))
    for also in ({BASE // PAGE + 9}, set()):
        assert report(driver, 0, BASE + PAGES * PAGE) == before | also


def test_reports_and_writes_take_effect_in_order(driver, device, ram):
    commands = [p.log_start((BASE, PAGE)), *copy_commands(SOURCE, BASE, 8),
                p.log_report(BASE, PAGE), p.log_report(BASE, PAGE),
                *copy_commands(SOURCE, BASE, 8), p.log_stop(), p.log_report(BASE, PAGE)]
    with device.frozen():
        ids = [driver.send(command) for command in commands]
    replies = [driver.expect(i, command) for i, command in zip(ids, commands)]
    first, second, last = [r for r, c in zip(replies, commands)
                           if c.payload == p.log_report(BASE, PAGE).payload]
    assert (first.payload[32:], second.payload[32:]) == (b"\x01" + bytes(7), bytes(8))
    assert last.error == "EINVAL"


# ---- What a report needs


@pytest.mark.parametrize("iova, length, page_size, expected", [
    (0, PAGE, 0, "EINVAL"),
    (0, PAGE, 2048, "EINVAL"),
    (0, PAGE, 3 * PAGE, "EINVAL"),
    (0, PAGE, (1 << 64) - 1, "EINVAL"),
    (0, 0, PAGE, "EINVAL"),
    (1, PAGE, PAGE, "EINVAL"),
    (0, PAGE + 1, PAGE, "EINVAL"),
    (TOP - PAGE, 2 * PAGE, PAGE, "EOVERFLOW"),
    (TOP - PAGE, TOP - PAGE, 1 << 63, "EOVERFLOW"),
])
def test_reports_that_make_no_sense_are_refused(client, iova, length, page_size, expected):
    client.ok(p.log_start((0, PAGE)))
    assert client.error(p.log_report(iova, length, page_size, room=4096)) == expected
    assert report(client, 0, PAGE) == set()


@pytest.mark.parametrize("pages, needed", [(1, 8), (64, 8), (65, 16), (1024, 128)])
def test_a_report_needs_room_for_its_bitmap(driver, ram, pages, needed):
    driver.ok(p.log_start((BASE, PAGES * PAGE)))
    dirty(driver, 0)
    for room in (0, 1, needed - 1):
        assert driver.error(p.log_report(BASE, pages * PAGE, room=room)) == "EINVAL"
    for size in range(32):
        command = p.log_report(BASE, pages * PAGE)
        assert driver.error(command.cut(size)) == "EINVAL"
        assert driver.error(command.patched(0, "I", size)) == "EINVAL"
    assert report(driver, BASE, pages * PAGE) == {0}, "what was refused has cleared nothing"


def test_argsz_may_be_more_than_a_report_needs(client):
    client.ok(p.log_start((0, PAGE)))
    for room in (9, 1 << 20, 0xffffffff - 32):
        payload = client.ok(p.log_report(0, PAGE, room=room))
        assert struct.unpack_from("=I", payload)[0] == len(payload) == 40


def test_a_bitmap_is_no_larger_than_a_transfer(client):
    most = 8 * p.MAX_DATA_XFER_SIZE * PAGE
    client.ok(p.log_start((0, most)))
    assert report(client, 0, most) == set()
    for length in (most + PAGE, 1 << 50, TOP - PAGE):
        assert client.error(p.log_report(0, length, room=0xffffff00)) == "E2BIG"
    assert report(client, 0, TOP - PAGE, 1 << 52) == set()


def test_a_bitmap_is_no_larger_than_the_client_takes(raw):
    raw.ok(p.version({"max_data_xfer_size": 16}))
    raw.ok(p.log_start((0, 1 << 30)))
    assert report(raw, 0, 128 * PAGE) == set()
    assert raw.error(p.log_report(0, 129 * PAGE)) == "E2BIG"


# ---- Its end


def test_a_reset_by_the_client_ends_the_log(driver, ram):
    driver.ok(p.log_start((BASE, PAGE)))
    driver.ok(p.device_reset())
    assert driver.error(p.log_report(BASE, PAGE)) == "EINVAL"
    driver.ok(p.log_start((BASE, PAGE)))


def test_a_reset_behind_the_clients_back_does_not(driver, ram):
    driver.ok(p.log_start((BASE, PAGE)))
    dirty(driver, 0)
    driver.call(command_write(RESET_NOW, 1))  # cancelled where it is deferred
    assert report(driver, BASE, PAGE) == {0}


def test_the_next_client_has_no_log(connect, driver, ram):
    driver.ok(p.log_start((BASE, PAGE)))
    driver.close()
    client = connect()
    client.ok(p.version(p.QEMU_CAPABILITIES))
    assert client.error(p.log_report(BASE, PAGE)) == "EINVAL"


# ---- Against a plain map of pages


@pytest.mark.parametrize("seed", range(4))
def test_reports_say_what_a_set_of_pages_says(driver, ram, seed):
    rng = random.Random(seed)
    cuts = sorted(rng.sample(range(PAGES + 1), 8))
    ranges = list(zip(cuts[::2], cuts[1::2]))
    driver.ok(p.log_start(*[(BASE + a * PAGE, (b - a) * PAGE) for a, b in ranges]))
    ram[:PAGE] = pattern(PAGE)
    written = set()
    for _ in range(150):
        first = rng.randrange(PAGES - 1)
        if rng.random() < 0.7:
            offset, size = rng.randrange(PAGE), rng.randrange(1, PAGE + 1)
            dirty(driver, first, offset, size)
            written |= {n for n in range(first, first + 1 + (offset + size > PAGE))
                        if any(a <= n < b for a, b in ranges)}
        else:
            length, factor = rng.randrange(1, PAGES + 1 - first), 1 << rng.randrange(7)
            asked = {n for n in written if first <= n < first + length}
            got = report(driver, BASE + first * PAGE, length * PAGE, factor * PAGE)
            assert got == {(n - first) // factor for n in asked}
            written -= asked
