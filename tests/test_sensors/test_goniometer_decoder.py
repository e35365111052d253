"""The goniometer's frames, pongs, replies and calibration, both ways."""

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from sensors.devices import gatt
from sensors.devices.goniometer import GoniometerDecoder
from sensors.devices.goniometer_frames import (
    Calibration,
    Frame,
    Info,
    decode_calibration,
    decode_frame,
    decode_info,
    encode_calibration,
    encode_frame,
    encode_info,
    encode_pong,
    encode_reply,
)
from sensors.packets import (
    Arrival,
    BatteryLevel,
    Channel,
    ClockQuality,
    Packet,
    Pong,
    Rejected,
    Reply,
    SampleBlock,
    UnitInfo,
)

INFO = UnitInfo(
    kind="goniometer",
    unit_id="a1",
    name="GONIO-1",
    channels=(Channel.IMU_A, Channel.IMU_B, Channel.FORCE, Channel.EMG),
    rate_hz=200.0,
    clock=ClockQuality.TWO_WAY,
    details={"gyro_range_dps": 2000.0, "acc_range_g": 16.0, "calibration": ""},
)
COUNTS = np.arange(-48, 48).reshape(8, 12) * 300


def feed(data: bytes, characteristic: str = gatt.CHARACTERISTIC_DATA, info: UnitInfo = INFO) -> list[Packet]:
    arrival = Arrival(unit_id="a1", segment=0, characteristic=characteristic, arrival_ns=0, data=data)
    return GoniometerDecoder(info).feed(arrival)


def block_of(packets: list[Packet], channel: Channel) -> SampleBlock:
    (block,) = [packet for packet in packets if isinstance(packet, SampleBlock) and packet.channel is channel]
    return block


def calibrated(calibration: Calibration) -> UnitInfo:
    return replace(INFO, details={**INFO.details, "calibration": encode_calibration(calibration).hex()})


def test_a_frame_has_the_profiles_bytes() -> None:
    frame = Frame(kind=gatt.FRAME_IMU, flags=5, seq=0x1234, t_us=0xA0B0C0D0, dt_us=5000, lost=2, counts=COUNTS[:1])
    data = encode_frame(frame)
    assert data[:12].hex() == "11" + "05" + "3412" + "d0c0b0a0" + "8813" + "01" + "02"
    assert data[12:] == struct.pack("<12h", *COUNTS[0])


def test_gyro_comes_before_acc_in_the_frame_and_after_it_in_a_block() -> None:
    packets = feed(encode_frame(Frame(kind=gatt.FRAME_IMU, seq=7, t_us=9, dt_us=5000, counts=COUNTS)))
    for channel, first in ((Channel.IMU_A, 0), (Channel.IMU_B, 6)):
        block = block_of(packets, channel)
        np.testing.assert_allclose(block.values[:, 3:], np.deg2rad(COUNTS[:, first : first + 3] * 2000 / 32768))
        np.testing.assert_allclose(block.values[:, :3], COUNTS[:, first + 3 : first + 6] * 16 * 9.80665 / 32768)
        assert (block.sequence, block.sequence_modulo, block.stamp, block.stamp_modulo) == (7, 2**16, 9, 2**32)
        assert block.interval_s == pytest.approx(0.005)


def test_flags_and_losses_are_told() -> None:
    frame = Frame(kind=gatt.FRAME_IMU, flags=1 | 4 | 8, seq=0, t_us=0, dt_us=5000, lost=255, counts=COUNTS)
    block = block_of(feed(encode_frame(frame)), Channel.IMU_A)
    assert block.flags == {"gyro_clip", "sync", "usb", "lost_at_least"}
    assert block.lost == 255


def test_a_missing_imu_gives_no_samples_instead_of_zeros() -> None:
    frame = Frame(kind=gatt.FRAME_IMU, flags=gatt.FLAG_IMU_B_MISSING, seq=0, t_us=0, dt_us=5000, counts=COUNTS)
    assert [packet.channel for packet in feed(encode_frame(frame)) if isinstance(packet, SampleBlock)] == [
        Channel.IMU_A
    ]


def test_force_without_calibration_stays_in_counts_and_says_so() -> None:
    frame = Frame(kind=gatt.FRAME_FORCE, seq=0, t_us=0, dt_us=12500, counts=np.array([[100_000], [-7]]))
    block = block_of(feed(encode_frame(frame), gatt.CHARACTERISTIC_ANALOG), Channel.FORCE)
    np.testing.assert_array_equal(block.values, [[100_000], [-7]])
    assert block.flags == {"uncalibrated"}


def test_a_calibration_turns_counts_into_newtons_volts_and_true_axes() -> None:
    turned = (0.1, 0.2, 0.3, 0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 2.0)
    info = calibrated(Calibration(parts=15, acc_b=turned, force_offset=1000, force_scale=0.01, emg_scale=1e-6))
    force = encode_frame(Frame(kind=gatt.FRAME_FORCE, seq=0, t_us=0, dt_us=12500, counts=np.array([[1500]])))
    emg = encode_frame(Frame(kind=gatt.FRAME_EMG, seq=0, t_us=0, dt_us=1000, counts=np.array([[250]])))
    imu = encode_frame(Frame(kind=gatt.FRAME_IMU, seq=0, t_us=0, dt_us=5000, counts=COUNTS))
    np.testing.assert_allclose(block_of(feed(force, info=info), Channel.FORCE).values, [[5.0]], rtol=1e-6)
    np.testing.assert_allclose(block_of(feed(emg, info=info), Channel.EMG).values, [[250e-6]], rtol=1e-6)
    raw, true = (block_of(feed(imu, info=each), Channel.IMU_B).values[:, :3] for each in (INFO, info))
    x, y, z = (raw - np.array([0.1, 0.2, 0.3])).T
    np.testing.assert_allclose(true, np.stack([y, -x, 2 * z], axis=1), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(
        block_of(feed(imu, info=info), Channel.IMU_A).values, block_of(feed(imu), Channel.IMU_A).values
    )


@given(
    kind=st.sampled_from([gatt.FRAME_IMU, gatt.FRAME_FORCE, gatt.FRAME_EMG]),
    n=st.integers(1, 8),
    length=st.integers(0, 220),
)
def test_a_frame_of_another_length_than_it_says_is_rejected(kind: int, n: int, length: int) -> None:
    width = {gatt.FRAME_IMU: 12}.get(kind, 1)
    data = encode_frame(Frame(kind=kind, seq=0, t_us=0, dt_us=5000, counts=np.ones((n, width), dtype=np.int32)))
    cut = (data + bytes(220))[:length]
    packets = feed(cut)
    if length == len(data):
        assert all(isinstance(packet, SampleBlock) for packet in packets)
    else:
        assert [type(packet) for packet in packets] == [Rejected]


@given(
    data=st.binary(max_size=250),
    characteristic=st.sampled_from(
        [
            gatt.CHARACTERISTIC_DATA,
            gatt.CHARACTERISTIC_ANALOG,
            gatt.CHARACTERISTIC_CONTROL,
            gatt.CHARACTERISTIC_SYNC,
            gatt.BATTERY_LEVEL,
            "ffff",
        ]
    ),
)
def test_no_bytes_raise(data: bytes, characteristic: str) -> None:
    feed(data, characteristic)
    decode_frame(data)


@pytest.mark.parametrize(
    ("change", "why"), [((0x21, 0), "protocol 2"), ((0x1F, 0), "unknown type 15"), ((0x14, 0), "frame of")]
)
def test_frames_of_other_protocols_and_types_are_rejected(change: tuple[int, int], why: str) -> None:
    data = bytearray(encode_frame(Frame(kind=gatt.FRAME_IMU, seq=0, t_us=0, dt_us=5000, counts=COUNTS)))
    data[change[1]] = change[0]
    (packet,) = feed(bytes(data))
    assert isinstance(packet, Rejected)
    assert why in packet.reason


def test_pongs_replies_notices_and_battery_levels_are_told() -> None:
    assert feed(encode_pong(123, 2**32 + 5, 6), gatt.CHARACTERISTIC_SYNC) == [
        Pong(sent_ns=123, received_stamp=5, answered_stamp=6, stamp_modulo=2**32)
    ]
    reply = encode_reply(gatt.COMMAND_START, gatt.STATUS_CHARGING)
    assert feed(reply, gatt.CHARACTERISTIC_CONTROL) == [Reply(command="start", status="charging")]
    notice = bytes([gatt.NOTICE_OP, gatt.STATUS_BATTERY_LOW])
    assert feed(notice, gatt.CHARACTERISTIC_CONTROL) == [Reply(command="notice", status="battery_low")]
    assert feed(bytes([80]), gatt.BATTERY_LEVEL) == [BatteryLevel(percent=80.0)]
    assert isinstance(feed(bytes([180]), gatt.BATTERY_LEVEL)[0], Rejected)


def test_info_comes_back_and_may_grow() -> None:
    info = Info(caps=7, rate=200, frame_max=204, gyro_range=2000, acc_range=16, unit_id=bytes(range(6)), cal_crc=9)
    assert decode_info(encode_info(info)) == info
    assert decode_info(encode_info(info) + b"later") == info
    with pytest.raises(DataError, match="18 bytes"):
        decode_info(encode_info(info)[:-1])


@given(at=st.integers(0, gatt.CAL_BYTES + 3), flip=st.integers(1, 255))
def test_a_damaged_calibration_is_never_used(at: int, flip: int) -> None:
    data = bytearray(encode_calibration(Calibration(parts=4, force_scale=0.01)))
    assert decode_calibration(bytes(data)) is not None
    data[at] ^= flip
    with pytest.raises(DataError, match="calibration"):
        decode_calibration(bytes(data))


def test_no_calibration_is_none() -> None:
    assert decode_calibration(b"") is None
