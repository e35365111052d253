"""Capture2Go's packages: every one has a check sum, so nothing damaged may ever become a sample."""

import itertools
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.devices.capture2go import TX, Capture2GoDecoder, encode_mode
from sensors.devices.capture2go_packages import (
    HEADER,
    PackageStream,
    SixAxisPackage,
    decode_six_axis,
    encode_notification,
    encode_package,
    encode_six_axis,
)
from sensors.packets import Arrival, BatteryLevel, Packet, Pong, Rejected, Reply, SampleBlock

RNG = np.random.default_rng(4)
PACKAGES = [
    SixAxisPackage(
        stamp_ns=10_000_000_000 + 40_000_000 * number,
        rate_hz=200.0,
        acc_m_s2=RNG.uniform(-100, 100, (8, 3)),
        gyr_rad_s=RNG.uniform(-30, 30, (8, 3)),
        flags=frozenset({"gyro_clip"} if number == 2 else ()),
    )
    for number in range(6)
]
STREAM = b"".join(encode_six_axis(package) for package in PACKAGES)


def feed(pieces: list[bytes]) -> list[Packet]:
    """Feed pieces of the stream, each in a notification of its own."""
    decoder = Capture2GoDecoder()
    arrivals = [
        Arrival(unit_id="c", segment=0, characteristic=TX, arrival_ns=0, data=encode_notification(piece))
        for piece in pieces
    ]
    return [packet for arrival in arrivals for packet in decoder.feed(arrival)]


def blocks(packets: list[Packet]) -> list[SampleBlock]:
    return [packet for packet in packets if isinstance(packet, SampleBlock)]


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    bounds = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(bounds)]


def as_sent(block: SampleBlock) -> tuple[int | None, bytes]:
    return block.stamp, block.values.tobytes()


SENT = {as_sent(block) for block in blocks(feed([STREAM]))}


def test_planted_samples_come_back_within_a_count() -> None:
    for package, block in zip(PACKAGES, blocks(feed([STREAM])), strict=True):
        assert block.stamp == package.stamp_ns
        assert block.interval_s == pytest.approx(0.005)
        np.testing.assert_allclose(block.values[:, :3], package.acc_m_s2, atol=16 * 9.81 / 32768)
        np.testing.assert_allclose(block.values[:, 3:], package.gyr_rad_s, atol=np.deg2rad(2000) / 32768)
        assert block.flags == package.flags


def test_a_package_has_the_vendors_layout() -> None:
    """Start byte 02, CRC-32 of header and payload, length, header 0x0231, 115 bytes (reference/ble.md, section 3)."""
    data = encode_six_axis(PACKAGES[0])
    start, crc, length, header = struct.unpack_from("<BIBH", data)
    assert (start, length, header, len(data)) == (2, 115, 0x0231, 8 + 115)
    assert crc == zlib.crc32(data[6:])
    assert len(encode_mode(1)) == 30


def test_samples_with_a_magnetometer_lose_only_the_magnetometer() -> None:
    six = struct.unpack("<q24h24hQhB", encode_six_axis(PACKAGES[0])[8:])
    nine = struct.pack("<q24h24h24hQhB", *six[:49], *range(24), *six[49:])
    assert len(nine) == 163
    found = decode_six_axis(0x0221, nine)
    assert found is not None
    np.testing.assert_allclose(found.acc_m_s2, PACKAGES[0].acc_m_s2, atol=16 * 9.81 / 32768)


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_how_the_stream_is_split_makes_no_difference(cuts: list[int]) -> None:
    packets = feed(split(STREAM, cuts))
    assert [as_sent(block) for block in blocks(packets)] == [as_sent(block) for block in blocks(feed([STREAM]))]
    assert not [packet for packet in packets if isinstance(packet, Rejected)]


@given(
    edits=st.lists(st.tuples(st.integers(0, len(STREAM) - 1), st.integers(1, 255)), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, len(STREAM)), max_size=6),
)
def test_corruption_never_becomes_a_sample(edits: list[tuple[int, int]], cuts: list[int]) -> None:
    damaged = bytearray(STREAM)
    for at, flip in edits:
        damaged[at] ^= flip
    found = [as_sent(block) for block in blocks(feed(split(bytes(damaged), cuts)))]
    assert set(found) <= SENT
    touched = {at // 123 for at, _ in edits}
    # What follows a damaged package is read again, unless its own end is still awaited.
    assert len(found) >= len(PACKAGES) - len(touched) - 2


@given(start=st.integers(0, len(STREAM)), length=st.integers(1, 200))
def test_a_hole_in_the_stream_costs_only_what_it_touches(start: int, length: int) -> None:
    kept = STREAM[:start] + STREAM[start + length :]
    found = {as_sent(block) for block in blocks(feed([kept, STREAM]))}
    assert found == SENT


@given(garbage=st.binary(max_size=300), first=st.integers(0, 255))
def test_no_notification_raises(garbage: bytes, first: int) -> None:
    decoder = Capture2GoDecoder()
    for data in (garbage, bytes([first]) + garbage):
        for packet in decoder.feed(Arrival(unit_id="c", segment=0, characteristic=TX, arrival_ns=0, data=data)):
            assert isinstance(packet, Rejected | Reply)


def test_a_real_time_package_comes_before_the_stream() -> None:
    clock = encode_package(HEADER["clock"], struct.pack("<4q", 5, 6, 7, 0))
    arrival = Arrival(
        unit_id="c", segment=0, characteristic=TX, arrival_ns=0, data=encode_notification(STREAM[:123], (clock,))
    )
    assert arrival.data[0] == 0xFE
    pong, block = Capture2GoDecoder().feed(arrival)
    assert pong == Pong(sent_ns=5, received_stamp=6, answered_stamp=7, tick_s=1e-9)
    assert isinstance(block, SampleBlock)


def test_a_damaged_real_time_package_condemns_its_notification_alone() -> None:
    clock = bytearray(encode_package(HEADER["clock"], struct.pack("<4q", 5, 6, 7, 0)))
    clock[20] ^= 1
    damaged = encode_notification(STREAM[:123], (bytes(clock),))
    decoder = Capture2GoDecoder()
    packets = [
        packet
        for data in (damaged, encode_notification(STREAM[123:246]))
        for packet in decoder.feed(Arrival(unit_id="c", segment=0, characteristic=TX, arrival_ns=0, data=data))
    ]
    assert [type(packet) for packet in packets] == [Rejected, SampleBlock]


def test_the_status_tells_the_battery_even_while_charging() -> None:
    status = encode_package(HEADER["status"], struct.pack("<qBB3hBBB", 0, 1, 2, 0, 0, 0, 1, 0x80 | 57, 90))
    assert feed([status]) == [BatteryLevel(percent=57.0)]


def test_what_is_thrown_out_is_told() -> None:
    found, thrown = PackageStream().feed(b"\x00\x01" + STREAM[:123])
    assert len(found) == 1
    assert thrown == b"\x00\x01"
