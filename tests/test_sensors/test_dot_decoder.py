"""Movella DOT: the published captures and every printed message of XD0506P rev C, whose one erratum is known."""

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from sensors.devices.dot import LIVE_LIMIT, MODES, DotDecoder, DotDriver, decode_payload, encode_payload, uuid
from sensors.devices.dot_messages import DotMessage, decode_message, encode_message, start_recording, stop_recording
from sensors.errors import LinkError
from sensors.packets import Arrival, BatteryLevel, Channel, ClockQuality, Packet, Rejected, SampleBlock, UnitInfo

PRINTED = (
    "010102FC",
    "0103010602F3",
    "010141BD",
    "010260019C",
    "010974000105060708090A54",
    "0102700786",
    "020108F5",
    "02025104A7",
    "02025109A2",
    "020701CCBBAACD22D402",
    "02020300F9",
    "020102FB",
    "030104F8",
)


def feed(mode: int, data: bytes, code: int = 0x2002) -> list[Packet]:
    info = UnitInfo(
        kind="dot",
        unit_id="dot-1",
        name="Movella DOT",
        channels=(Channel.IMU_A,),
        rate_hz=60.0,
        clock=ClockQuality.ONE_WAY,
        details={"payload_mode": float(mode)},
    )
    arrival = Arrival(unit_id="dot-1", segment=0, characteristic=uuid(code), arrival_ns=0, data=data)
    return DotDecoder(info).feed(arrival)


CAPTURED = (
    ("d8052244af9640406b2aa7405add14c000000000", 1143080408, (3.009197, 5.223928, -2.3260102)),
    ("f34622440da53c409c13a640f01009c000000000", 1143097075, (2.947574, 5.189894, -2.141659)),
)


@pytest.mark.parametrize(("hexed", "stamp", "free_acc"), CAPTURED)
def test_captured_payloads_decode_to_their_published_values(
    hexed: str, stamp: int, free_acc: tuple[float, ...]
) -> None:
    found, fields = decode_payload(6, bytes.fromhex(hexed))
    assert found == stamp
    np.testing.assert_allclose(fields["free_acc_m_s2"], free_acc, rtol=2e-7)


def test_a_payload_without_angular_rate_is_no_sample() -> None:
    (packet,) = feed(6, bytes.fromhex(CAPTURED[0][0]), code=0x2004)
    assert isinstance(packet, Rejected)


@pytest.mark.parametrize("mode", sorted(MODES))
def test_the_lengths_are_the_specifications(mode: int) -> None:
    lengths = {2: 36, 3: 32, 4: 16, 5: 20, 6: 16, 21: 28, 22: 40, 24: 32, 26: 44}
    assert MODES[mode].length == lengths[mode]


def planted(mode: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    widths = {"quat": 4}
    return {name: rng.normal(size=widths.get(name, 3)).astype("<f4") for name in MODES[mode].fields}


@pytest.mark.parametrize("mode", sorted(MODES))
def test_planted_payloads_come_back_exactly(mode: int) -> None:
    values = planted(mode, seed=mode)
    stamp, fields = decode_payload(mode, encode_payload(mode, 2**32 + 7, values))
    assert stamp == 7
    assert fields.keys() == values.keys()
    for name in values:
        np.testing.assert_array_equal(fields[name], values[name])


@given(mode=st.sampled_from(sorted(MODES)), length=st.integers(0, 80))
def test_any_other_length_is_refused(mode: int, length: int) -> None:
    data = (encode_payload(mode, 1, planted(mode, seed=0)) + b"\x01" * 80)[:length]
    if length == MODES[mode].length:
        decode_payload(mode, data)
    else:
        with pytest.raises(DataError, match="bytes of a DOT payload"):
            decode_payload(mode, data)


def test_a_sample_is_in_si_units_with_the_units_own_stamp() -> None:
    values = planted(26, seed=1)
    (block,) = feed(26, encode_payload(26, 123_456, values))
    assert isinstance(block, SampleBlock)
    assert (block.stamp, block.stamp_modulo, block.interval_s) == (123_456, 2**32, pytest.approx(1 / 60))
    np.testing.assert_allclose(block.values[0, :3], values["acc_m_s2"], rtol=1e-6)
    np.testing.assert_allclose(block.values[0, 3:], np.deg2rad(values["gyr_deg_s"].astype(float)), rtol=1e-6)


def test_the_same_bytes_on_another_characteristic_are_no_sample() -> None:
    (packet,) = feed(26, encode_payload(26, 1, planted(26, seed=1)), code=0x2003)
    assert isinstance(packet, Rejected)


@given(data=st.binary(max_size=70), code=st.sampled_from([0x2002, 0x2003, 0x3001, 0x7003]))
def test_no_bytes_raise(data: bytes, code: int) -> None:
    assert feed(26, data, code)


def test_numbers_that_are_none_are_rejected() -> None:
    values = planted(26, seed=1) | {"acc_m_s2": np.array([np.nan, 0, 0], dtype="<f4")}
    (packet,) = feed(26, encode_payload(26, 1, values))
    assert isinstance(packet, Rejected)


def test_the_battery_is_told() -> None:
    assert feed(26, bytes([81, 0]), 0x3001) == [BatteryLevel(percent=81.0)]


@pytest.mark.parametrize("hexed", PRINTED)
def test_every_printed_message_decodes_and_encodes_to_itself(hexed: str) -> None:
    message = decode_message(bytes.fromhex(hexed))
    assert message is not None
    assert encode_message(message) == bytes.fromhex(hexed)


def test_the_specifications_start_recording_is_an_erratum() -> None:
    assert decode_message(bytes.fromhex("010740DF503B5B0807E0")) is None
    assert start_recording(0x5B3B50DF, 1800) == bytes.fromhex("010740DF503B5B0807E4")


def test_commands_are_those_printed() -> None:
    assert stop_recording() == bytes.fromhex("010141BD")
    assert encode_message(DotMessage(part=1, data=b"\x02")) == bytes.fromhex("010102FC")


@given(
    data=st.binary(max_size=40),
    at=st.integers(0, 1000),
    flip=st.integers(1, 255),
    part=st.integers(0, 255),
)
def test_one_damaged_byte_is_always_noticed(data: bytes, at: int, flip: int, part: int) -> None:
    message = bytearray(encode_message(DotMessage(part=part, data=data)))
    message[at % len(message)] ^= flip
    assert decode_message(bytes(message)) is None


class Memory:
    """A link that notes what is written and answers as the unit would."""

    def __init__(self, acknowledgement: str) -> None:
        self.written: list[tuple[str, bytes]] = []
        self.acknowledgement = acknowledgement

    async def read(self, characteristic: str) -> bytes:
        assert characteristic == uuid(0x7002)
        return bytes.fromhex(self.acknowledgement)

    async def write(self, characteristic: str, data: bytes, *, response: bool) -> None:
        assert response
        self.written.append((characteristic, data))


def record(acknowledgement: str) -> Memory:
    link: Any = Memory(acknowledgement)
    asyncio.run(DotDriver().record_on_board(link, 0x5B3B50DF, 1800))
    return link


def test_it_records_on_board_at_120_hz() -> None:
    setting, command = record(encode_message(DotMessage(part=1, data=b"\x01\x00\x40")).hex()).written
    assert setting[0] == uuid(0x1002)
    assert len(setting[1]) == 32
    assert setting[1][0] == 0x10
    assert int.from_bytes(setting[1][24:26], "little") == 120
    assert command == (uuid(0x7001), bytes.fromhex("010740DF503B5B0807E4"))


@pytest.mark.parametrize("acknowledgement", ["", "0103010602F3", "00"])
def test_a_unit_that_does_not_take_the_command_is_told(acknowledgement: str) -> None:
    with pytest.raises(LinkError, match="free its memory"):
        record(acknowledgement)


def test_the_limit_says_what_it_means_and_what_to_do_instead() -> None:
    assert "60 Hz" in LIVE_LIMIT
    assert "120 Hz" in LIVE_LIMIT
    assert "catch" in LIVE_LIMIT
