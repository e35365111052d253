"""Notifications of planted units to samples: every one accounted for, each connection and clock by itself."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.driver import Decoder
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
from sensors.timeline import Track, UnitTimeline, build_timeline

ORIGIN_NS = 10**15
PER_BLOCK = 8
INTERVAL_S = 0.005
INFO = UnitInfo(
    kind="planted", unit_id="u", name="U", channels=(Channel.FORCE,), rate_hz=200.0, clock=ClockQuality.TWO_WAY
)


class PlantedDecoder:
    """Looks packets up: a notification's bytes are a place in a list."""

    def __init__(self, packets: list[Packet]) -> None:
        self._packets = packets

    def feed(self, arrival: Arrival) -> list[Packet]:
        place = int(arrival.data)
        return [self._packets[place]] if place >= 0 else [Rejected(reason="?", data=arrival.data)]


class Unit:
    """A unit whose k-th sample measures the true time at which it was taken."""

    def __init__(self, quality: ClockQuality = ClockQuality.TWO_WAY, *, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.info = replace(INFO, clock=quality)
        self.packets: list[Packet] = []
        self.records: list[UnitInfo | Arrival] = [self.info]

    def connect(
        self,
        segment: int,
        start_s: float,
        blocks: int,
        *,
        missing: set[int] = frozenset(),
        jump: tuple[int, float] = (10**9, 0.0),
    ) -> None:
        """Stream blocks from `start_s` on with a clock of its own; a jump is (block, seconds)."""
        offset_s, drift = self.rng.uniform(0, 4000), self.rng.uniform(-40e-6, 40e-6)
        phase_s, arrived_s = self.rng.uniform(0, 0.03), 0.0
        arrivals: list[tuple[float, Packet]] = []
        for i in range(blocks):
            true_s = start_s + (i * PER_BLOCK + np.arange(PER_BLOCK)) * INTERVAL_S
            waits = np.ceil((true_s[-1] - phase_s) / 0.03) + self.rng.geometric(0.95) - 1
            arrived_s = max(arrived_s, waits * 0.03 + phase_s + self.rng.exponential(0.001)) + 1e-6
            if i in missing:
                continue
            device_s = offset_s + true_s[0] * (1 + drift) + (jump[1] if i >= jump[0] else 0.0)
            stamped = self.info.clock is not ClockQuality.NOMINAL
            block = SampleBlock(
                channel=Channel.FORCE,
                values=true_s[:, None],
                stamp=round(device_s * 1e6) % 2**32 if stamped else None,
                stamp_modulo=2**32 if stamped else 0,
                interval_s=INTERVAL_S,
                sequence=i % 65_536 if self.info.clock is ClockQuality.TWO_WAY else None,
                sequence_modulo=65_536,
            )
            arrivals.append((arrived_s, block))
        for sent_s in np.arange(start_s + 0.2, start_s + blocks * 0.04, 0.5):
            received_s = np.ceil((sent_s - phase_s) / 0.03) * 0.03 + phase_s
            jumped_s = jump[1] if received_s >= start_s + jump[0] * 0.04 else 0.0
            stamp = round((offset_s + received_s * (1 + drift) + jumped_s) * 1e6) % 2**32
            pong = Pong(
                sent_ns=ORIGIN_NS + round(sent_s * 1e9), received_stamp=stamp, answered_stamp=stamp, stamp_modulo=2**32
            )
            arrivals.append((received_s + 0.03, pong))
        for arrived_at_s, packet in sorted(arrivals, key=lambda one: one[0]):
            self.hear(segment, arrived_at_s, packet)

    def hear(self, segment: int, at_s: float, packet: Packet | None) -> None:
        place = -1 if packet is None else len(self.packets)
        if packet is not None:
            self.packets.append(packet)
        self.records.append(
            Arrival(
                unit_id="u",
                segment=segment,
                characteristic="c",
                arrival_ns=ORIGIN_NS + round(at_s * 1e9),
                data=str(place).encode(),
            )
        )

    def decoder_of(self) -> Callable[[UnitInfo], Decoder]:
        return lambda _info: PlantedDecoder(self.packets)

    def timeline(self) -> UnitTimeline:
        built = build_timeline("u", self.records, decoder_of=self.decoder_of(), origin_ns=ORIGIN_NS)
        assert built is not None
        return built

    def track(self) -> Track:
        return self.timeline().tracks[Channel.FORCE]


def worst_s(track: Track) -> float:
    return float(np.abs(track.time_s - track.values[:, 0]).max())


@pytest.mark.parametrize("seed", range(6))
def test_every_sample_is_placed_within_five_milliseconds_and_counted(seed: int) -> None:
    unit = Unit(seed=seed)
    missing = set(np.random.default_rng(seed).choice(np.arange(1, 740), 37, replace=False).tolist())
    unit.connect(0, 3.0, 750, missing=missing)
    track = unit.track()
    assert worst_s(track) < 0.005
    assert track.time_s.size + track.lost == 750 * PER_BLOCK
    assert track.lost == 37 * PER_BLOCK
    assert track.quality is ClockQuality.TWO_WAY
    assert worst_s(track) <= track.error_s


def test_a_reconnect_opens_a_piece_with_its_own_clock() -> None:
    unit = Unit()
    unit.connect(0, 1.0, 300)
    unit.connect(1, 20.0, 300)
    timeline = unit.timeline()
    track = timeline.tracks[Channel.FORCE]
    assert timeline.segments == (0, 1)
    assert [piece.segment for piece in track.pieces] == [0, 1]
    assert worst_s(track) < 0.006
    assert track.pieces[1].start_s - track.pieces[0].end_s == pytest.approx(7.0, abs=0.02)
    assert track.clock_jumps == 0


@pytest.mark.parametrize("by_s", [-30.0, 0.3, 12.0])
def test_a_jump_of_the_clock_is_told_and_moves_nothing(by_s: float) -> None:
    unit = Unit()
    unit.connect(0, 0.5, 1000, jump=(500, by_s))
    track = unit.track()
    assert track.clock_jumps == 1
    assert worst_s(track) < 0.006
    assert track.time_s.size + track.overlapping == 8000
    assert track.overlapping < 4


def test_stamps_without_pings_are_one_way() -> None:
    unit = Unit(ClockQuality.ONE_WAY)
    unit.connect(0, 0.0, 750, missing={100, 101})
    track = unit.track()
    assert track.quality is ClockQuality.ONE_WAY
    assert worst_s(track) < 0.03
    assert track.lost == 16


@pytest.mark.parametrize("missing", [set(), {300, 301, 302, 303}])
def test_without_stamps_samples_are_counted_from_arrivals(missing: set[int]) -> None:
    unit = Unit(ClockQuality.NOMINAL)
    unit.connect(0, 2.0, 750, missing=missing)
    track = unit.track()
    assert track.quality is ClockQuality.NOMINAL
    assert worst_s(track) < 0.05
    assert abs(track.lost - PER_BLOCK * len(missing)) <= 4


def test_what_is_no_message_and_what_the_unit_says_is_kept() -> None:
    unit = Unit()
    unit.connect(0, 0.0, 50)
    unit.hear(0, 2.0, None)
    unit.hear(0, 2.1, BatteryLevel(percent=12.0))
    unit.hear(0, 2.2, Reply(command="notice", status="battery_low"))
    timeline = unit.timeline()
    assert (timeline.rejected, timeline.rejected_bytes) == (1, 2)
    assert timeline.batteries == ((pytest.approx(2.1), 12.0),)
    assert timeline.notices == ("battery_low",)


def test_a_unit_that_was_never_described_cannot_be_read() -> None:
    unit = Unit()
    unit.connect(0, 0.0, 5)
    assert build_timeline("u", unit.records[1:], decoder_of=unit.decoder_of(), origin_ns=0) is None


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1000),
    repeats=st.lists(st.integers(2, 200), max_size=5),
    swaps=st.lists(st.integers(2, 200), max_size=5),
)
def test_times_grow_whatever_the_order(seed: int, repeats: list[int], swaps: list[int]) -> None:
    unit = Unit(seed=seed)
    unit.connect(0, 0.0, 250)
    for at in swaps:
        unit.records[at], unit.records[at + 1] = unit.records[at + 1], unit.records[at]
    for at in repeats:
        unit.records.insert(at, unit.records[at])
    track = unit.track()
    assert (np.diff(track.time_s) > 0).all()
    assert track.time_s.size + track.lost + track.overlapping == 2000
    assert worst_s(track) < 0.01
