"""What the person who reads a finding should know of the sensors' recording, one sentence per fault."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sensors.packets import LinkEvent, LinkEventKind
from sensors.timeline import Track, UnitTimeline

__all__ = ["QualityParams", "journal_sentences", "track_sentences", "unit_sentences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityParams:
    """From when on something is worth a sentence; chosen by us.

    Attributes
    ----------
    clock_error_s
        A clock that is known no better than this (s): at 300 deg/s 10 ms are 3 deg, the error of a goniometer.
    low_battery_percent
        A unit at or below this level may stop at any moment.
    """

    clock_error_s: float = 0.01
    low_battery_percent: float = 10.0


def track_sentences(name: str, track: Track, params: QualityParams = QualityParams()) -> list[str]:
    """Say what one channel lost on the way; `name` as in "the distal sensor"."""
    said = []
    sent = track.time_s.size + track.lost
    if track.lost:
        said.append(f"{name} lost {track.lost} of {sent} samples ({_share(track.lost, sent)})")
    if track.repeated:
        said.append(f"{name} sent {_times(track.repeated, 'packet')} twice; each counts once")
    if track.late:
        said.append(f"{name}: {_times(track.late, 'packet')} came late, after the next; put in their places")
    if track.doubtful:
        said.append(f"{name}: {_times(track.doubtful, 'sample')} came in packets whose counters were damaged; left out")
    if track.overlapping:
        said.append(
            f"{name}: {_times(track.overlapping, 'sample')} overlapped those before after a change of clock; left out"
        )
    if track.clock_jumps:
        said.append(
            f"{name}: its clock jumped {_times(track.clock_jumps, 'time')}; what follows is placed by its own clock"
        )
    if track.error_s > params.clock_error_s:
        said.append(
            f"{name}: its times are known to {1e3 * track.error_s:.0f} ms only (clock: {track.quality.value}); "
            "instants read off it are no better"
        )
    said += [f"{name}: {_times(count, 'packet')} said '{flag}'" for flag, count in _faulty(track.flags)]
    return said


_HARMLESS_FLAGS = {"sync"}


def _faulty(flags: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted((flag, count) for flag, count in flags.items() if flag not in _HARMLESS_FLAGS)


def unit_sentences(
    name: str, timeline: UnitTimeline, events: Sequence[LinkEvent], params: QualityParams = QualityParams()
) -> list[str]:
    """Say what happened to one unit and its link; `name` as in "Goniometer 7"."""
    kinds = Counter(event.kind for event in events)
    said = []
    if len(timeline.segments) > 1:
        said.append(f"{name} was connected anew {_times(len(timeline.segments) - 1, 'time')}: each time is a gap")
    lost = [event for event in events if event.kind is LinkEventKind.LOST]
    if lost:
        said.append(f"{name} was lost {_times(len(lost), 'time')}, last because {lost[-1].detail or 'the link broke'}")
    if kinds[LinkEventKind.STALLED]:
        said.append(f"{name} fell silent {_times(kinds[LinkEventKind.STALLED], 'time')}")
    said += [f"{name}: overflow: {event.detail}" for event in events if event.kind is LinkEventKind.OVERFLOW]
    said += [f"{name} was refused: {event.detail}" for event in events if event.kind is LinkEventKind.REFUSED]
    if timeline.rejected:
        said.append(
            f"{name} sent {_times(timeline.rejected, 'message')} that cannot be read ({timeline.rejected_bytes} "
            "bytes); they are kept in the journal; if this goes on, update its firmware"
        )
    said += [f"{name} says: {notice.replace('_', ' ')}" for notice in sorted(set(timeline.notices))]
    if limit := str(timeline.info.details.get("limit", "")):
        said.append(limit)  # the same for all units of a kind, and so said once
    level = timeline.batteries[-1][1] if timeline.batteries else timeline.info.battery_percent
    if level is not None and level <= params.low_battery_percent:
        said.append(f"{name}: its battery was at {level:.0f} % in the end; charge it")
    return said


def journal_sentences(*, damaged: int, damaged_bytes: int, cut_bytes: int, stopped: bool) -> list[str]:
    """Say what the journal itself lacks."""
    said = []
    if damaged:
        said.append(
            f"the sensors' journal is damaged in {_times(damaged, 'place')} ({damaged_bytes} bytes); the rest was read"
        )
    if cut_bytes:
        said.append(f"the sensors' journal ends within a packet ({cut_bytes} bytes); all before it was read")
    if not stopped:
        said.append("the recording ended without being stopped: up to its last second may be missing")
    return said


def _times(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.2g} %"


def unique(sentences: Iterable[str]) -> tuple[str, ...]:
    """Return sentences once each, in order."""
    return tuple(dict.fromkeys(sentences))
