"""WitMotion's byte stream: captured bytes decode exactly, what is cut off is never joined to what follows.

The captured frames are facts of shared/data/ble_vectors (and of reference/ble.md, section 3), repeated here.
"""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensors.devices.units import RAD_PER_DEG, STANDARD_GRAVITY_M_S2
from sensors.devices.witmotion import (
    NOTIFY,
    WitMotionDecoder,
    battery_percent,
    decode_motion,
    decode_register,
    encode_motion,
    encode_register,
)
from sensors.packets import (
    Arrival,
    BatteryLevel,
    Channel,
    ClockQuality,
    Packet,
    Rejected,
    Reply,
    SampleBlock,
    UnitInfo,
)

INFO = UnitInfo(
    kind="witmotion",
    unit_id="wt-1",
    name="WT901BLE68",
    channels=(Channel.IMU_A,),
    rate_hz=200.0,
    clock=ClockQuality.NOMINAL,
)
MOVING = bytes.fromhex("55617702a8fe92fe060230fecdfff8f053fcabc4")
FRAMES = st.lists(
    st.one_of(
        st.binary(min_size=18, max_size=18).map(lambda body: b"\x55\x61" + body),
        st.tuples(st.integers(0, 255), st.lists(st.integers(-32768, 32767), min_size=8, max_size=8)).map(
            lambda drawn: encode_register(drawn[0], tuple(drawn[1]))
        ),
    ),
    min_size=1,
    max_size=8,
)


def feed(*pieces: bytes) -> list[Packet]:
    decoder = WitMotionDecoder(INFO)
    arrivals = [Arrival(unit_id="wt-1", segment=0, characteristic=NOTIFY, arrival_ns=0, data=piece) for piece in pieces]
    return [packet for arrival in arrivals for packet in decoder.feed(arrival)]


def samples(packets: list[Packet]) -> NDArray[np.float64]:
    blocks = [packet.values for packet in packets if isinstance(packet, SampleBlock)]
    return np.concatenate(blocks) if blocks else np.empty((0, 6))


def si(acc_g: list[float], gyr_dps: list[float]) -> NDArray[np.float64]:
    return np.concatenate([np.array(acc_g) * STANDARD_GRAVITY_M_S2, np.array(gyr_dps) * RAD_PER_DEG])


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    bounds = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(bounds)]


def test_a_published_frame_decodes_to_its_published_values() -> None:
    acc, gyr, angle = decode_motion(MOVING)
    np.testing.assert_allclose(acc / STANDARD_GRAVITY_M_S2, [0.3081, -0.1680, -0.1787], atol=5e-5)
    np.testing.assert_allclose(gyr / RAD_PER_DEG, [31.616, -28.320, -3.113], atol=5e-4)
    np.testing.assert_allclose(angle, [-21.138, -5.169, -83.436], atol=5e-4)


@pytest.mark.parametrize(
    ("hexed", "acc_g", "gyr_dps"),
    [
        ("556135ff59ff0a08000000000000b9fc", [-0.099, -0.082, 1.005], [0.0, 0.0, 0.0]),
        ("5561e403ebf43f007c0202ff330052fe", [0.486, -1.385, 0.031], [38.8, -15.5, 3.1]),
    ],
)
def test_a_frame_of_which_16_bytes_were_kept_is_held_back_and_read_once_whole(
    hexed: str, acc_g: list[float], gyr_dps: list[float]
) -> None:
    cut = bytes.fromhex(hexed)
    assert feed(cut) == []
    whole = samples(feed(cut, bytes(4)))
    np.testing.assert_allclose(whole, [si(acc_g, gyr_dps)], atol=0.01)


def test_the_register_of_the_manual_decodes_to_the_magnetic_field() -> None:
    assert decode_register(bytes.fromhex("55713a00680169007a00") + bytes(10)) == (0x3A, (360, 105, 122, 0, 0, 0, 0, 0))


@pytest.mark.shared_data
def test_every_captured_notification_decodes_exactly(shared_data: Path) -> None:
    captured = json.loads((shared_data / "ble_vectors" / "witmotion.json").read_text(encoding="utf-8"))
    for vector in captured["witmotion_0x61"]:
        stream = bytes.fromhex(vector["hex"])
        found = samples(feed(stream))
        expected = [si(packet["acc_g"], packet["gyr_dps"]) for packet in vector.get("packets", [])]
        assert len(found) == len(expected) == len(stream) // 20
        if expected:
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@given(frames=FRAMES, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_how_a_stream_is_split_makes_no_difference(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frames)
    # A last frame that holds what may be a head waits for what follows: let something follow.
    whole, pieces = feed(stream + MOVING * 2), feed(*split(stream + MOVING * 2, cuts))
    np.testing.assert_array_equal(samples(whole), samples(pieces))
    others = [packet for packet in pieces if not isinstance(packet, SampleBlock | Rejected)]
    assert others == [packet for packet in whole if not isinstance(packet, SampleBlock | Rejected)]


@given(frames=FRAMES, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_every_whole_frame_is_read(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join([*frames, MOVING, MOVING])
    packets = feed(*split(stream, cuts))
    motions = [frame for frame in [*frames, MOVING, MOVING] if frame[1] == 0x61]
    np.testing.assert_array_equal(samples(packets), [np.concatenate(decode_motion(frame)[:2]) for frame in motions])
    assert not [packet for packet in packets if isinstance(packet, Rejected)]


@given(kept=st.integers(1, 19), before=st.integers(0, 3), after=st.integers(2, 4), cuts=st.lists(st.integers(0, 200)))
def test_a_cut_frame_is_thrown_out_and_takes_no_other_with_it(
    kept: int, before: int, after: int, cuts: list[int]
) -> None:
    resting = encode_motion(np.array([0.0, 0.0, STANDARD_GRAVITY_M_S2]), np.zeros(3), np.zeros(3))
    stream = resting * before + MOVING[:kept] + resting * after
    found = samples(feed(*split(stream, cuts)))
    np.testing.assert_array_equal(found, np.tile(samples(feed(resting)), (before + after, 1)))


@given(garbage=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_no_bytes_raise(garbage: bytes, cuts: list[int]) -> None:
    for packet in feed(*split(garbage, cuts)):
        assert isinstance(packet, SampleBlock | Rejected | Reply | BatteryLevel)


def test_bytes_before_the_first_head_are_told_and_thrown_out() -> None:
    packets = feed(b"\x00\x01\x02" + MOVING)
    assert len(samples(packets)) == 1
    assert [packet.data for packet in packets if isinstance(packet, Rejected)] == [b"\x00\x01\x02"]


def test_planted_values_come_back_within_a_count() -> None:
    acc, gyr, angle = np.array([1.0, -20.0, 9.81]), np.array([0.1, -30.0, 3.0]), np.array([10.0, -80.0, 179.0])
    back = decode_motion(encode_motion(acc, gyr, angle))
    np.testing.assert_allclose(back[0], acc, atol=16 * STANDARD_GRAVITY_M_S2 / 32768)
    np.testing.assert_allclose(back[1], gyr, atol=2000 * RAD_PER_DEG / 32768)
    np.testing.assert_allclose(back[2], angle, atol=180 / 32768)


def test_beyond_the_range_a_value_is_clipped_not_wrapped() -> None:
    acc, _, _ = decode_motion(encode_motion(np.array([1e4, -1e4, 0.0]), np.zeros(3), np.zeros(3)))
    np.testing.assert_allclose(acc / STANDARD_GRAVITY_M_S2, [16.0, -16.0, 0.0], atol=0.001)


@pytest.mark.parametrize(("centivolts", "percent"), [(400, 100.0), (396, 90.0), (380, 50.0), (345, 5.0), (300, 0.0)])
def test_the_battery_follows_the_vendors_table(centivolts: int, percent: float) -> None:
    assert battery_percent(centivolts) == percent
    assert feed(encode_register(0x64, (centivolts, 0, 0, 0, 0, 0, 0, 0)) + MOVING)[1:] == [
        BatteryLevel(percent=percent)
    ]
