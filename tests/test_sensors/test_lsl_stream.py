"""Streams of other programs: their units become SI or are refused, their gaps stay gaps."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pylsl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sensors.lsl
from sensors.devices.lsl import (
    CLOCK,
    SAMPLES,
    LslDecoder,
    LslDescription,
    LslDriver,
    encode_clock,
    encode_description,
    encode_samples,
)
from sensors.engine import Engine
from sensors.errors import NoRadioError, RefusedError
from sensors.lsl import LslAir
from sensors.packets import Arrival, Channel, ClockQuality, Packet, Pong, Rejected, SampleBlock, UnitInfo
from sensors.streaming import Stamped

SAID = LslDescription(
    name="Myo", source_id="m1", content="emg", column=0, label="biceps", units=("microvolts",), rate_hz=1000.0
)
IMU = replace(SAID, content="imu", column=-1, units=("g",) * 3 + ("deg/s",) * 3, rate_hz=100.0)


class Described:
    """A link that has only a description."""

    def __init__(self, said: LslDescription) -> None:
        self.said = said

    async def read(self, _characteristic: str) -> bytes:
        return encode_description(self.said)


def introduced(said: LslDescription) -> UnitInfo:
    link: Any = Described(said)
    return asyncio.run(LslDriver().identify(link, said.name, "m1#0"))


def feed(info: UnitInfo, characteristic: str, data: bytes) -> list[Packet]:
    return LslDecoder(info).feed(
        Arrival(unit_id=info.unit_id, segment=0, characteristic=characteristic, arrival_ns=0, data=data)
    )


def test_microvolts_become_volts_and_the_stamp_is_the_streams() -> None:
    info = introduced(SAID)
    assert (info.unit_id, info.channels, info.clock) == ("lsl-m1-0", (Channel.EMG,), ClockQuality.TWO_WAY)
    stamps = 1000.0 + np.arange(4) / 1000
    (block,) = feed(info, SAMPLES, encode_samples(stamps, np.array([[1.0], [2.0], [-3.0], [4.0]])))
    assert isinstance(block, SampleBlock)
    np.testing.assert_allclose(block.values[:, 0], [1e-6, 2e-6, -3e-6, 4e-6])
    assert (block.stamp, block.tick_s, block.interval_s) == (1_000_000_000, 1e-6, pytest.approx(0.001))


def test_an_inertial_stream_in_g_and_degrees_becomes_si() -> None:
    (block,) = feed(introduced(IMU), SAMPLES, encode_samples(np.array([5.0]), np.array([[0, 0, 1.0, 180.0, 0, -90.0]])))
    assert isinstance(block, SampleBlock)
    np.testing.assert_allclose(block.values, [[0, 0, 9.80665, np.pi, 0, -np.pi / 2]])


def test_a_gap_begins_a_new_block() -> None:
    stamps = np.array([0.0, 0.001, 0.002, 0.010, 0.011])
    blocks = feed(introduced(SAID), SAMPLES, encode_samples(stamps, np.ones((5, 1))))
    assert [len(block.values) for block in blocks if isinstance(block, SampleBlock)] == [3, 2]


def test_emg_without_a_unit_stays_as_it_is_and_says_so() -> None:
    info = introduced(replace(SAID, units=("",)))
    (block,) = feed(info, SAMPLES, encode_samples(np.array([1.0]), np.array([[42.0]])))
    assert isinstance(block, SampleBlock)
    assert block.flags == {"uncalibrated"}
    assert block.values[0, 0] == 42.0


def test_an_inertial_stream_without_units_is_refused() -> None:
    with pytest.raises(RefusedError, match="deg/s"):
        introduced(replace(IMU, units=("",) * 6))


def test_an_irregular_stream_is_refused() -> None:
    with pytest.raises(RefusedError, match="regular rate"):
        introduced(replace(SAID, rate_hz=0.0))


def test_the_networks_clock_is_a_ping() -> None:
    assert feed(introduced(SAID), CLOCK, encode_clock(77, 1000.5)) == [
        Pong(sent_ns=77, received_stamp=1_000_500_000, answered_stamp=1_000_500_000, tick_s=1e-6)
    ]


@given(data=st.binary(max_size=120), characteristic=st.sampled_from([SAMPLES, CLOCK, "else"]))
def test_no_bytes_raise(data: bytes, characteristic: str) -> None:
    info = introduced_once()
    if not (characteristic == CLOCK and len(data) == 16):
        for packet in feed(info, characteristic, data):
            assert isinstance(packet, Rejected | SampleBlock)


def introduced_once() -> UnitInfo:
    return UnitInfo(
        kind="lsl",
        unit_id="lsl-m1-0",
        name="Myo",
        channels=(Channel.EMG,),
        rate_hz=1000.0,
        clock=ClockQuality.TWO_WAY,
        details={"factors": "1e-06", "uncalibrated": 0.0},
    )


def test_values_that_are_no_numbers_are_rejected() -> None:
    (packet,) = feed(introduced(SAID), SAMPLES, encode_samples(np.array([1.0]), np.array([[np.nan]])))
    assert isinstance(packet, Rejected)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors.lsl, "pylsl", None)
    with pytest.raises(NoRadioError, match=r"catchangle\[lsl\]"):
        LslAir()


def test_the_description_survives_its_json() -> None:
    read = json.loads(encode_description(IMU))
    assert LslDescription(**{**read, "units": tuple(read["units"])}) == IMU


@pytest.fixture
def outlet() -> Iterator[Any]:
    """Open a stream of two EMG channels on this machine."""
    info = pylsl.StreamInfo("catchangle test", "EMG", 2, 500, "float32", f"catchangle-{time.time_ns()}")
    channels = info.desc().append_child("channels")
    for label in ("biceps", "triceps"):
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", "millivolts")
    opened = pylsl.StreamOutlet(info)
    assert pylsl.resolve_byprop("source_id", info.source_id(), timeout=10.0)
    yield opened, info.source_id()
    del opened


def test_every_sample_of_a_live_stream_arrives(outlet: Any) -> None:  # noqa: ANN401 - pylsl is untyped
    stream, source = outlet
    taken: list[Stamped] = []

    async def main() -> None:
        engine = Engine([LslAir()], taken.append)
        found = [unit for unit in await engine.scan(1.0) if unit.address.startswith(source)]
        assert [unit.name for unit in found] == ["catchangle test channel 1", "catchangle test channel 2"]
        engine.add(found[1])
        running = asyncio.ensure_future(engine.run())
        while not any(isinstance(record, UnitInfo) for record in taken):
            await asyncio.sleep(0.02)
        for number in range(100):
            stamp = pylsl.local_clock()
            stream.push_chunk([[0.0, 5.0 * number + step] for step in range(5)], stamp)
            await asyncio.sleep(0.01)
        for _ in range(100):
            await asyncio.sleep(0.05)
            if sum(engine.status()[0].received.values()) >= 500:
                break
        engine.stop()
        await running

    asyncio.run(main())
    info = next(record for record in taken if isinstance(record, UnitInfo))
    decoder = LslDecoder(info)
    packets = [packet for record in taken if isinstance(record, Arrival) for packet in decoder.feed(record)]
    values = np.concatenate([packet.values[:, 0] for packet in packets if isinstance(packet, SampleBlock)])
    np.testing.assert_allclose(values, np.arange(500.0) * 1e-3)
    pongs = [packet for packet in packets if isinstance(packet, Pong)]
    assert pongs
