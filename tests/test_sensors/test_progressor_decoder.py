"""Progressor: kilograms become newtons with the standard gravity; whatever is not whole is rejected."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensors.devices.progressor import DATA, ProgressorDecoder, encode_reply, encode_weights
from sensors.packets import Arrival, Packet, Rejected, Reply, SampleBlock


def feed(data: bytes) -> list[Packet]:
    return ProgressorDecoder().feed(Arrival(unit_id="p", segment=0, characteristic=DATA, arrival_ns=0, data=data))


def test_ten_kilograms_are_98_newtons() -> None:
    (block,) = feed(bytes([1, 8]) + struct.pack("<fI", 10.0, 123_456))
    assert isinstance(block, SampleBlock)
    np.testing.assert_allclose(block.values, [[98.0665]])
    assert block.stamp == 123_456


def test_each_sample_keeps_its_own_stamp() -> None:
    packets = feed(encode_weights([(1.0, 2**32 - 5), (-2.0, 2**32 + 12_000)]))
    assert [packet.stamp for packet in packets if isinstance(packet, SampleBlock)] == [2**32 - 5, 12_000]
    forces = [packet.values[0, 0] for packet in packets if isinstance(packet, SampleBlock)]
    np.testing.assert_allclose(forces, [1.0, -2.0], rtol=1e-6)


@given(
    samples=st.lists(st.tuples(st.floats(-1500, 1500), st.integers(0, 2**32 - 1)), min_size=1, max_size=15),
    kept=st.integers(0, 121),
)
def test_a_cut_notification_is_rejected(samples: list[tuple[float, int]], kept: int) -> None:
    data = encode_weights(samples)
    assert len(feed(data)) == len(samples)
    if kept < len(data):
        (packet,) = feed(data[:kept])
        assert isinstance(packet, Rejected)


@given(data=st.binary(max_size=130))
def test_no_bytes_raise(data: bytes) -> None:
    assert feed(data)


def test_a_weight_that_is_no_number_is_rejected() -> None:
    (packet,) = feed(bytes([1, 8]) + struct.pack("<fI", float("nan"), 1))
    assert isinstance(packet, Rejected)


def test_answers_and_the_low_battery_are_told() -> None:
    assert feed(encode_reply(b"1.2.3")) == [Reply(command="command", status=b"1.2.3".hex())]
    assert feed(bytes([4, 0])) == [Reply(command="battery", status="low")]
