"""A journal to the streams of a recording folder: what each sensor measured, and what is known of its quality."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.model import FloatArray, Source
from records.columns import ACC, EMG, FORCE, GYR, TIME
from records.durable import refusal, write_file
from records.errors import RecordError, StoreError
from records.gaps import GapParams, step_gaps
from records.journal import JOURNAL_FILE, Journal, JournalNote, read_journal
from records.manifest import FORMAT, MANIFEST, VERSION
from records.sensor_quality import journal_sentences, track_sentences, unique, unit_sentences
from records.tables import write_parquet
from sensors.devices import DRIVERS
from sensors.driver import Decoder
from sensors.errors import SensorError
from sensors.packets import Arrival, LinkEvent, Role, UnitInfo
from sensors.timeline import Track, UnitTimeline, build_timeline

__all__ = ["JOINED_NOTE", "STOPPED_NOTE", "VIDEO_NOTE", "Converted", "convert_journal", "decoder_of"]

JOINED_NOTE = "joined"
"""Name of a note: a connection (its number, a space, the unit's identity) had streamed before the recording."""
VIDEO_NOTE = "video_first_ns"
"""Name of the journal's note of when the first frame was taken, ns of the host's clock."""
STOPPED_NOTE = "stopped"
"""Name of the journal's note that the recording was ended as it should be."""

_COLUMNS = {
    Source.IMU: (*ACC, *GYR),
    Source.FORCE: (FORCE,),
    Source.EMG: (EMG,),
}
_KINDS = {
    Role.PROXIMAL: Source.IMU,
    Role.DISTAL: Source.IMU,
    Role.FORCE: Source.FORCE,
    Role.EMG: Source.EMG,
}
_FILES = {
    Role.PROXIMAL: "imu_proximal.parquet",
    Role.DISTAL: "imu_distal.parquet",
    Role.FORCE: "force.parquet",
    Role.EMG: "emg.parquet",
}
_NAMES = {
    Role.PROXIMAL: "the proximal sensor",
    Role.DISTAL: "the distal sensor",
    Role.FORCE: "the force sensor",
    Role.EMG: "the EMG",
}
_UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What became of a journal.

    Attributes
    ----------
    streams
        Names of the files that were written.
    seconds
        From the first to the last sample.
    received, lost
        Samples that are there, and samples known to be missing.
    quality
        What was wrong, one sentence each.
    """

    streams: tuple[str, ...]
    seconds: float
    received: int
    lost: int
    quality: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Written:
    """One role's stream."""

    role: Role
    track: Track
    note: dict[str, Any]


def decoder_of(info: UnitInfo) -> Decoder:
    """Return a fresh decoder for a unit.

    Raises
    ------
    KeyError
        If this version knows no such kind.
    """
    return DRIVERS[info.kind].decoder(info)


def convert_journal(
    folder: Path,
    *,
    video: Mapping[str, Any] | None = None,
    decoders: Callable[[UnitInfo], Decoder] = decoder_of,
) -> Converted:
    """Write the streams of a folder's journal beside it, and the ``recording.json`` that describes them all.

    The journal stays where it is, so that what decoders or clocks get wrong today can be mended later.

    Parameters
    ----------
    folder
        A folder with a journal.
    video
        What ``recording.json`` says of the folder's video, ``None`` without one; the offset of its clock is added.
    decoders
        Gives a fresh decoder for a unit.

    Raises
    ------
    RecordError
        If the journal cannot be read, or says nothing of the exam.
    StoreError
        If the disk refuses.
    """
    path = folder / JOURNAL_FILE
    journal = read_journal(path)
    if journal.header is None:
        raise RecordError(path, "its beginning is lost: what was examined is not known; nothing can be made of it")
    header = journal.header
    units, sentences = _timelines(journal, decoders)
    written: list[_Written] = []
    for role_name, (unit, channel) in header.roles.items():
        role = Role(role_name)
        timeline = units.get(unit)
        track = None if timeline is None else next((t for c, t in timeline.tracks.items() if c == channel), None)
        if timeline is None or track is None or track.time_s.size < 2:
            sentences.append(f"{_NAMES[role]} measured nothing")
            continue
        written += _write(folder, role, (timeline, track), dict(header.settings), sentences)
    streams = _streams(written, dict(video) if video else None, journal, sentences)
    said = {
        "format": FORMAT,
        "version": VERSION,
        **header.exam,
        "streams": streams,
        "quality": list(unique(sentences)),
        "journal": {"file": JOURNAL_FILE, "sha256": _sha256(path), "frames": journal.frames},
    }
    text = json.dumps(said, indent=1) + "\n"
    write_file(folder / MANIFEST, lambda partial: partial.write_text(text, encoding="utf-8"))
    ends = [(one.track.time_s[0], one.track.time_s[-1]) for one in written]
    return Converted(
        streams=tuple(stream["file"] for stream in streams),
        seconds=float(max(end for _, end in ends) - min(start for start, _ in ends)) if ends else 0.0,
        received=sum(one.track.time_s.size for one in written),
        lost=sum(one.track.lost for one in written),
        quality=unique(sentences),
    )


def _timelines(journal: Journal, decoders: Callable[[UnitInfo], Decoder]) -> tuple[dict[str, UnitTimeline], list[str]]:
    """Decode every unit; what cannot be decoded is said and stays in the journal."""
    stopped = any(isinstance(record, JournalNote) and record.name == STOPPED_NOTE for record in journal.records)
    sentences = journal_sentences(
        damaged=journal.damaged, damaged_bytes=journal.damaged_bytes, cut_bytes=journal.cut_bytes, stopped=stopped
    )
    records = [record for record in journal.records if isinstance(record, UnitInfo | Arrival)]
    events = [record for record in journal.records if isinstance(record, LinkEvent)]
    origin_ns = 0 if journal.header is None else journal.header.started_ns
    found: dict[str, UnitTimeline] = {}
    for unit in dict.fromkeys(record.unit_id for record in records):
        try:
            timeline = build_timeline(
                unit, records, decoder_of=decoders, origin_ns=origin_ns, joined=_joined(unit, journal)
            )
        except KeyError as error:
            sentences.append(f"unit {unit}: no decoder for {error} here; its bytes are kept in the journal")
            continue
        except SensorError as error:
            sentences.append(f"unit {unit}: {error}; its bytes are kept in the journal")
            continue
        if timeline is None:
            sentences.append(f"unit {unit}: its description is lost; its bytes are kept in the journal")
            continue
        found[unit] = timeline
    names = [timeline.info.name for timeline in found.values()]
    for unit, timeline in found.items():
        name = timeline.info.name if names.count(timeline.info.name) == 1 else f"{timeline.info.name} ({unit})"
        sentences += unit_sentences(name, timeline, [event for event in events if event.unit_id == unit])
    return found, sentences


def _joined(unit: str, journal: Journal) -> tuple[int, ...]:
    """Return the connections of a unit that had streamed before the recording."""
    notes = [record for record in journal.records if isinstance(record, JournalNote) and record.name == JOINED_NOTE]
    told = [str(note.value).partition(" ") for note in notes]
    return tuple(int(segment) for segment, _, whose in told if whose == unit and segment.isdecimal())


def _write(
    folder: Path,
    role: Role,
    measured: tuple[UnitTimeline, Track],
    settings: Mapping[str, Any],
    sentences: list[str],
) -> list[_Written]:
    """Write one role's table, or say why it is no stream."""
    timeline, track = measured
    kind = _KINDS[role]
    sentences += track_sentences(_NAMES[role], track)
    if _UNCALIBRATED in track.flags:
        sentences.append(
            f"{_NAMES[role]} has no calibration: its counts are no newtons or volts, and stay in the journal"
        )
        return []
    if kind is Source.FORCE and "lever_m" not in settings:
        sentences.append("the force sensor's lever is not known: its force stays in the journal")
        return []
    columns: dict[str, FloatArray] = {TIME: track.time_s}
    columns |= dict(zip(_COLUMNS[kind], track.values.T, strict=True))
    _write_table(folder / _FILES[role], columns)
    return [_Written(role=role, track=track, note=_note(role, timeline, track, settings))]


def _write_table(path: Path, columns: Mapping[str, FloatArray]) -> None:
    try:
        write_file(path, lambda partial: write_parquet(partial, columns))
    except OSError as error:
        raise StoreError(path, refusal(error)) from error


def _note(role: Role, timeline: UnitTimeline, track: Track, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Describe one stream as ``recording.json`` does."""
    keys: dict[Role, dict[str, Any]] = {
        Role.PROXIMAL: {"segment": "proximal"},
        Role.DISTAL: {"segment": "distal"},
        Role.FORCE: {"lever_m": settings.get("lever_m")},
        Role.EMG: {"muscle": settings.get("muscle", "unknown")},
    }
    info = timeline.info
    gaps = step_gaps(track.time_s, tuple((one.start_s, one.end_s) for one in track.pieces), GapParams())
    return {
        "kind": _KINDS[role],
        "file": _FILES[role],
        **keys[role],
        "unit": {"kind": info.kind, "unit_id": info.unit_id, "name": info.name, "firmware": info.firmware},
        "rate_hz": info.rate_hz,
        "clock": track.quality,
        "clock_error_s": round(track.error_s, 6),
        "samples": {
            "received": int(track.time_s.size),
            "lost": track.lost,
            "repeated_packets": track.repeated,
            "late_packets": track.late,
            "damaged": track.doubtful,
            "overlapping": track.overlapping,
        },
        "rejected": timeline.rejected,
        "rejected_bytes": timeline.rejected_bytes,
        "segments": [[round(one.start_s, 6), round(one.end_s, 6)] for one in track.pieces],
        "clocks": [
            {
                "connection": one.segment,
                "quality": one.clock.quality,
                "error_s": round(one.clock.error_s, 6),
                "drift_ppm": round(one.clock.drift_ppm, 3),
                "received": one.received,
                "lost": one.lost,
            }
            for one in track.pieces
        ],
        "gaps": [[round(start, 6), round(end, 6)] for start, end in gaps],
    }


def _streams(
    written: list[_Written], video: dict[str, Any] | None, journal: Journal, sentences: list[str]
) -> list[dict[str, Any]]:
    """List what is a stream of the recording: one IMU alone gives no angle, and is none beside a video."""
    streams = []
    if video is not None:
        streams.append({**video, "clock_offset_s": _video_offset_s(journal, sentences)})
    imus = [one for one in written if _KINDS[one.role] is Source.IMU]
    if len(imus) == 1 and video is not None:
        sentences.append(f"{_NAMES[imus[0].role]} is alone: two are needed for an angle, so the video leads")
        written = [one for one in written if one is not imus[0]]
    streams += [one.note for one in written]
    return streams


def _video_offset_s(journal: Journal, sentences: list[str]) -> float:
    """Return when the video's first frame was taken."""
    started_ns = 0 if journal.header is None else journal.header.started_ns
    for record in journal.records:
        if isinstance(record, JournalNote) and record.name == VIDEO_NOTE:
            return round((float(record.value) - started_ns) * 1e-9, 6)
    sentences.append("when the video began is not known: it is not on the sensors' clock")
    return 0.0


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror})") from error
