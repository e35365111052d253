"""From notifications as they came to samples on the host's clock, with the account of what is missing."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from sensors.driver import Decoder
from sensors.host_clock import ClockFitParams, HostClock, fit_host_clock
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
from sensors.ticks import BlockStamp, Counted, TickParams, count_blocks, unwrap_near
from sensors.uncounted import UncountedParams, count_uncounted

__all__ = ["Piece", "TimelineParams", "Track", "UnitTimeline", "build_timeline"]

_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineParams:
    """Parameters of the steps."""

    ticks: TickParams = field(default_factory=TickParams)
    uncounted: UncountedParams = field(default_factory=UncountedParams)
    clock: ClockFitParams = field(default_factory=ClockFitParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Samples of one channel under one clock: from one connection, between two jumps of the device's clock.

    Attributes
    ----------
    segment
        The connection, counted from 0.
    start_s, end_s
        First and last sample on the recording's clock.
    clock
        The fit that they were placed with; its device times are the device's own, its host times count from the
        recording's start.
    received, lost
        Samples that are there, and samples known to be missing before or among them.
    """

    segment: int
    start_s: float
    end_s: float
    clock: HostClock
    received: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """All samples of one channel.

    Attributes
    ----------
    channel
        What was measured.
    time_s
        Strictly increasing, from the recording's start, shape (n,); what was lost are missing times.
    values
        As in `SampleBlock`, shape (n, 6) or (n, 1).
    pieces
        Where clocks begin and end, in order.
    repeated
        Blocks that came twice.
    late
        Blocks that came after a later one, and were put in their places.
    doubtful
        Samples that were left out because the counters of their block were damaged.
    overlapping
        Samples that were left out because a fresh clock put them before the last of the clock before.
    flags
        How many blocks the device marked with what.
    """

    channel: Channel
    time_s: FloatArray
    values: NDArray[np.float64]
    pieces: tuple[Piece, ...]
    repeated: int
    late: int
    doubtful: int
    overlapping: int
    flags: Mapping[str, int]

    @property
    def lost(self) -> int:
        """Samples known to be missing."""
        return sum(piece.lost for piece in self.pieces)

    @property
    def quality(self) -> ClockQuality:
        """The worst class of any piece."""
        order = list(ClockQuality)
        return max((piece.clock.quality for piece in self.pieces), key=order.index)

    @property
    def error_s(self) -> float:
        """The largest error bound of any piece."""
        return max(piece.clock.error_s for piece in self.pieces)

    @property
    def clock_jumps(self) -> int:
        """How often the clock began anew within a connection."""
        return len(self.pieces) - len({piece.segment for piece in self.pieces})


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTimeline:
    """One unit's recording.

    Attributes
    ----------
    info
        The unit as last described.
    tracks
        Its channels that sent anything.
    segments
        Connections that sent samples.
    rejected, rejected_bytes
        Pieces of bytes that were no message, and their length.
    batteries
        Time (s) and level (percent) of each report.
    notices
        What the unit said by itself, by name.
    """

    info: UnitInfo
    tracks: Mapping[Channel, Track]
    segments: tuple[int, ...]
    rejected: int
    rejected_bytes: int
    batteries: tuple[tuple[float, float], ...]
    notices: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Heard:
    """What one connection's bytes were decoded to."""

    quality: ClockQuality
    blocks: dict[Channel, list[tuple[int, SampleBlock]]] = field(default_factory=dict)
    pongs: list[tuple[int, Pong]] = field(default_factory=list)


def build_timeline(
    unit: str,
    records: Iterable[UnitInfo | Arrival],
    *,
    decoder_of: Callable[[UnitInfo], Decoder],
    origin_ns: int,
    joined: Collection[int] = (),
    params: TimelineParams = TimelineParams(),
) -> UnitTimeline | None:
    """Decode one unit's notifications and place its samples on the recording's clock.

    Each connection has its own decoder and its own clock; a jump of the device's clock starts another. Clocks are never
    glued: what lies between them is a gap.

    Parameters
    ----------
    unit
        Which unit's records to take.
    records
        Descriptions and notifications in the order in which they were recorded.
    decoder_of
        Gives a fresh decoder for a unit.
    origin_ns
        The recording's start on the host's clock.
    joined
        Connections that the recording joined when they had streamed for a while: what came before is not lost.
    params
        Parameters of the steps.

    Returns
    -------
    UnitTimeline or None
        ``None`` if the unit was never described: its bytes cannot be read.
    """
    listener = _Listener(unit, decoder_of, origin_ns)
    for record in records:
        if record.unit_id == unit:
            listener.take(record)
    if listener.info is None:
        return None
    channels = sorted({channel for heard in listener.heard.values() for channel in heard.blocks})
    placed = {
        segment: _place(segment, heard, origin_ns, params, joined=segment in joined)
        for segment, heard in sorted(listener.heard.items())
    }
    return UnitTimeline(
        info=listener.info,
        tracks={
            channel: _joined(channel, [one[channel] for one in placed.values() if channel in one])
            for channel in channels
        },
        segments=tuple(segment for segment, one in placed.items() if one),
        rejected=listener.rejected,
        rejected_bytes=listener.rejected_bytes,
        batteries=tuple(listener.batteries),
        notices=tuple(listener.notices),
    )


class _Listener:
    """Decodes records one after the other."""

    def __init__(self, unit: str, decoder_of: Callable[[UnitInfo], Decoder], origin_ns: int) -> None:
        self.info: UnitInfo | None = None
        self.heard: dict[int, _Heard] = {}
        self.rejected = self.rejected_bytes = 0
        self.batteries: list[tuple[float, float]] = []
        self.notices: list[str] = []
        self._unit, self._decoder_of, self._origin_ns = unit, decoder_of, origin_ns
        self._decoders: dict[int, Decoder] = {}

    def take(self, record: UnitInfo | Arrival) -> None:
        if isinstance(record, UnitInfo):
            self.info = record
            return
        if self.info is None:
            return
        if record.segment not in self._decoders:
            self._decoders[record.segment] = self._decoder_of(self.info)
            self.heard[record.segment] = _Heard(quality=self.info.clock)
        heard = self.heard[record.segment]
        for packet in self._decoders[record.segment].feed(record):
            self._sort(packet, record.arrival_ns, heard)

    def _sort(self, packet: Packet, arrival_ns: int, heard: _Heard) -> None:
        match packet:
            case SampleBlock():
                if packet.values.shape[0]:
                    heard.blocks.setdefault(packet.channel, []).append((arrival_ns - self._origin_ns, packet))
            case Pong():
                heard.pongs.append((arrival_ns - self._origin_ns, packet))
            case Rejected():
                self.rejected += 1
                self.rejected_bytes += len(packet.data)
            case BatteryLevel():
                self.batteries.append(((arrival_ns - self._origin_ns) * _NS, packet.percent))
            case Reply(command="notice" | "battery"):
                self.notices.append(packet.status)
            case _:
                pass


@dataclass(slots=True, kw_only=True)
class _Placed:
    """Samples of one channel and connection."""

    time_s: list[FloatArray]
    values: list[NDArray[np.float64]]
    pieces: list[Piece]
    repeated: int
    late: int
    doubtful: int
    flags: Counter[str]


@dataclass(slots=True, kw_only=True)
class _Epoch:
    """Blocks of one channel under one clock of the device."""

    blocks: list[SampleBlock]
    device_s: FloatArray
    lost: int
    clock: HostClock
    wrap_s: float


def _place(
    segment: int, heard: _Heard, origin_ns: int, params: TimelineParams, *, joined: bool
) -> dict[Channel, _Placed]:
    """Place the samples of one connection; the channels of a unit share its clock."""
    counts = {channel: _counted(blocks, params) for channel, blocks in heard.blocks.items()}
    if joined:
        counts = {channel: _from_first(counted) for channel, counted in counts.items()}
    epochs = {channel: _epochs(heard, channel, counts[channel], origin_ns, params) for channel in heard.blocks}
    _share_clocks(list(epochs.values()))
    return {
        channel: _placed(segment, heard.blocks[channel], counts[channel], epochs[channel]) for channel in heard.blocks
    }


def _share_clocks(channels: Sequence[list[_Epoch]]) -> None:
    """Give channels that count the same jumps of a clock the best of their fits: they are stamped by one clock.

    Each channel's stamps were unwrapped by themselves, so that they may be some wraps apart.
    """
    stamped = [epochs for epochs in channels if all(one.clock.quality is not ClockQuality.NOMINAL for one in epochs)]
    if len({len(epochs) for epochs in stamped}) != 1:
        return
    for together in zip(*stamped, strict=True):
        best = min(together, key=lambda one: one.clock.error_s).clock
        for one in together:
            ahead_s = one.clock.device_s + (best.host_s - one.clock.host_s) / one.clock.rate - best.device_s
            wraps = round(ahead_s / one.wrap_s) if one.wrap_s > 0 else 0
            if abs(ahead_s - wraps * one.wrap_s) <= best.error_s + one.clock.error_s:
                one.clock = replace(best, device_s=best.device_s + wraps * one.wrap_s)


def _counted(blocks: Sequence[tuple[int, SampleBlock]], params: TimelineParams) -> Counted:
    stamps = [
        BlockStamp(
            arrival_ns=arrival_ns,
            stamp=block.stamp,
            sequence=block.sequence,
            samples=block.values.shape[0],
            interval_s=block.interval_s,
            lost=block.lost,
        )
        for arrival_ns, block in blocks
    ]
    first = blocks[0][1]
    if first.stamp is None:
        return count_uncounted(stamps, params.uncounted)
    return count_blocks(
        stamps,
        modulo=first.stamp_modulo,
        sequence_modulo=first.sequence_modulo,
        tick_s=first.tick_s,
        params=params.ticks,
    )


def _from_first(counted: Counted) -> Counted:
    """Count nothing as lost before the first block."""
    return replace(counted, lost_before=np.r_[np.zeros(1, dtype=np.int64), counted.lost_before[1:]])


def _epochs(heard: _Heard, channel: Channel, counted: Counted, origin_ns: int, params: TimelineParams) -> list[_Epoch]:
    """Split a channel where the device's clock jumped, and fit each part by itself."""
    blocks = heard.blocks[channel]
    pings = _pings(heard.pongs, blocks, counted, origin_ns)
    found = []
    for epoch in np.unique(counted.epoch):
        mine = np.flatnonzero(counted.epoch == epoch)
        chosen = [blocks[counted.order[i]] for i in mine]
        sizes = np.array([block.values.shape[0] for _, block in chosen])
        steps_s = np.array([block.interval_s for _, block in chosen])
        starts_s = counted.stamp_s[mine]
        first = chosen[0][1]
        arrivals_s = np.array([arrival_ns for arrival_ns, _ in chosen]) * _NS
        newest = np.r_[np.diff(arrivals_s) != 0, True]  # of blocks that came together only the last did not wait
        clock = fit_host_clock(
            (starts_s + (sizes - 1) * steps_s)[newest],
            arrivals_s[newest],
            quality=ClockQuality.NOMINAL if first.stamp is None else heard.quality,
            pings=pings.get(int(epoch)),
            params=params.clock,
        )
        times = [start + step * np.arange(size) for start, step, size in zip(starts_s, steps_s, sizes, strict=True)]
        found.append(
            _Epoch(
                blocks=[block for _, block in chosen],
                device_s=np.concatenate(times),
                lost=int(counted.lost_before[mine].sum()),
                clock=clock,
                wrap_s=first.stamp_modulo * first.tick_s,
            )
        )
    return found


def _placed(
    segment: int, blocks: Sequence[tuple[int, SampleBlock]], counted: Counted, epochs: Sequence[_Epoch]
) -> _Placed:
    times = [one.clock.at(one.device_s) for one in epochs]
    return _Placed(
        time_s=times,
        values=[np.concatenate([block.values for block in one.blocks]) for one in epochs],
        pieces=[
            Piece(
                segment=segment,
                start_s=float(time_s[0]),
                end_s=float(time_s[-1]),
                clock=one.clock,
                received=int(time_s.size),
                lost=one.lost,
            )
            for one, time_s in zip(epochs, times, strict=True)
        ],
        repeated=counted.repeated,
        late=int((np.maximum.accumulate(counted.order) > counted.order).sum()),
        doubtful=sum(blocks[i][1].values.shape[0] for i in counted.doubtful),
        flags=Counter(flag for _, block in blocks for flag in block.flags),
    )


def _pings(
    pongs: Sequence[tuple[int, Pong]], blocks: Sequence[tuple[int, SampleBlock]], counted: Counted, origin_ns: int
) -> dict[int, tuple[FloatArray, FloatArray]]:
    """Give each ping to the epoch whose blocks surround it, its stamp unwrapped beside theirs."""
    if not pongs or not counted.order.size or blocks[0][1].stamp is None:
        return {}
    arrivals = np.array([blocks[i][0] for i in counted.order])
    by_arrival = np.argsort(arrivals, kind="stable")
    found: dict[int, list[tuple[float, float]]] = {}
    for arrival_ns, pong in pongs:
        at = min(int(np.searchsorted(arrivals[by_arrival], arrival_ns)), by_arrival.size - 1)
        near = int(by_arrival[at])
        expected_s = counted.stamp_s[near] + (arrival_ns - arrivals[near]) * _NS
        received_s = unwrap_near(pong.received_stamp, expected_s / pong.tick_s, pong.stamp_modulo) * pong.tick_s
        sent_s = (pong.sent_ns - origin_ns) * _NS
        if abs(received_s - expected_s) < _NEAR_S:
            found.setdefault(int(counted.epoch[near]), []).append((sent_s, received_s))
    return {epoch: (np.array([p[0] for p in some]), np.array([p[1] for p in some])) for epoch, some in found.items()}


_NEAR_S = 5.0
"""A ping whose stamp is further from its neighbours' belongs to a clock before or after a jump."""


def _joined(channel: Channel, parts: Sequence[_Placed]) -> Track:
    """Put the connections of one channel one after the other; time never goes back."""
    times: list[FloatArray] = []
    values: list[NDArray[np.float64]] = []
    last_s, overlapping = -np.inf, 0
    for part in parts:
        for time_s, rows in zip(part.time_s, part.values, strict=True):
            ahead = (np.maximum.accumulate(np.r_[last_s, time_s])[:-1] < time_s) & np.isfinite(time_s)
            overlapping += int((~ahead).sum())
            times.append(time_s[ahead])
            values.append(rows[ahead])
            last_s = float(time_s[ahead][-1]) if ahead.any() else last_s
    return Track(
        channel=channel,
        time_s=np.concatenate(times),
        values=np.concatenate(values),
        pieces=tuple(piece for part in parts for piece in part.pieces),
        repeated=sum(part.repeated for part in parts),
        late=sum(part.late for part in parts),
        doubtful=sum(part.doubtful for part in parts),
        overlapping=overlapping,
        flags=sum((part.flags for part in parts), Counter[str]()),
    )
