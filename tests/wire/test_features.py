# SPDX-License-Identifier: BSD-2-Clause
"""DEVICE_FEATURE of a device that has no feature."""

import pytest

import protocol as p

FEATURES = [*range(13), 100, 0xffff]
PROBE, GET, SET = p.FEATURE_PROBE, p.FEATURE_GET, p.FEATURE_SET


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("flags", [PROBE, PROBE | GET, PROBE | SET, PROBE | GET | SET])
def test_no_feature_is_found(client, feature, flags):
    assert client.error(p.device_feature(flags | feature)) == "ENOTTY"


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("flags", [GET, SET])
def test_no_feature_can_be_used(client, feature, flags):
    assert client.error(p.device_feature(flags | feature, bytes(64))) == "ENOTTY"


@pytest.mark.parametrize("flags", [0, GET | SET] + [PROBE | 1 << bit for bit in range(19, 32)])
def test_flags_that_make_no_sense_are_refused(client, flags):
    for feature in (0, 1, 0xffff):
        assert client.error(p.device_feature(flags | feature, bytes(16))) == "EINVAL"


@pytest.mark.parametrize("argsz", [8, 24, 4096, 0xffffffff])
def test_argsz_may_be_anything_that_holds_the_header(client, argsz):
    assert client.error(p.device_feature(PROBE | 1).patched(0, "I", argsz)) in ("ENOTTY", "EINVAL")
    client.alive()
