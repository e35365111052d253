"""The journal of a recording from sensors: every notification as it came, in frames that survive a sudden end."""

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from records.errors import RecordError
from sensors.packets import Arrival, Channel, ClockQuality, LinkEvent, LinkEventKind, UnitInfo

__all__ = [
    "JOURNAL_FILE",
    "MAGIC",
    "Journal",
    "JournalHeader",
    "JournalNote",
    "JournalRecord",
    "encode_record",
    "read_journal",
    "scan_frames",
]

JOURNAL_FILE = "sensors.journal"
MAGIC = b"catchangle-journal-1\n"
MARK = b"\xc5\xa7"
"""Begins every frame, so that reading can go on after a damaged one."""
LARGEST_PAYLOAD = 1 << 16
_FRAME = struct.Struct("<2sII")
_HEAD = struct.Struct("<BqHHH")
_HEADER, _UNIT, _ARRIVAL, _EVENT, _NOTE = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHeader:
    """What holds for the whole recording.

    Attributes
    ----------
    started_ns
        The recording's t = 0, `time.perf_counter_ns`.
    exam
        What ``recording.json`` says of the exam (muscle group, side, test, started_at, subject).
    roles
        For each role its unit and channel, ``{"proximal": ["unit", "imu_a"], …}``.
    settings
        What else the streams' keys need: the force sensor's lever, the muscle of the EMG.
    """

    started_ns: int
    exam: Mapping[str, Any]
    roles: Mapping[str, tuple[str, str]]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalNote:
    """Something that the recording program noted, by name, at a moment of the host's clock."""

    at_ns: int
    name: str
    value: float | str


JournalRecord = JournalHeader | UnitInfo | Arrival | LinkEvent | JournalNote


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A journal as far as it can be read.

    Attributes
    ----------
    header
        ``None`` if no header survived.
    records
        All other records in the order in which they were written.
    frames
        Frames that were read.
    damaged
        Stretches of bytes in the middle that are no frame.
    damaged_bytes
        Their length.
    cut_bytes
        Bytes of an unfinished frame at the end.
    """

    header: JournalHeader | None
    records: tuple[UnitInfo | Arrival | LinkEvent | JournalNote, ...]
    frames: int
    damaged: int
    damaged_bytes: int
    cut_bytes: int


def encode_record(record: JournalRecord) -> bytes:
    """Return the frame of one record: mark, length, CRC-32 of length and payload, payload.

    Raises
    ------
    ValueError
        If it is longer than any frame may be.
    """
    payload = _payload(record)
    if len(payload) > LARGEST_PAYLOAD:
        raise ValueError(f"expected a record of up to {LARGEST_PAYLOAD} bytes; got {len(payload)}")
    length = len(payload)
    return _FRAME.pack(MARK, length, zlib.crc32(payload, length)) + payload


def _payload(record: JournalRecord) -> bytes:
    match record:
        case JournalHeader():
            return _packed(_HEADER, record.started_ns, 0, "", "", _json(asdict(record)))
        case UnitInfo():
            said = {**asdict(record), "details": dict(record.details)}
            return _packed(_UNIT, 0, 0, record.unit_id, "", _json(said))
        case Arrival():
            return _packed(
                _ARRIVAL, record.arrival_ns, record.segment, record.unit_id, record.characteristic, record.data
            )
        case LinkEvent():
            return _packed(_EVENT, record.at_ns, record.segment, record.unit_id, record.kind, record.detail.encode())
        case JournalNote():
            return _packed(_NOTE, record.at_ns, 0, "", record.name, _json(record.value))


def _packed(kind: int, at_ns: int, segment: int, unit: str, name: str, data: bytes) -> bytes:
    unit_bytes, name_bytes = unit.encode(), name.encode()
    head = _HEAD.pack(kind, at_ns, segment & 0xFFFF, len(unit_bytes), len(name_bytes))
    return head + unit_bytes + name_bytes + data


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def read_journal(path: Path) -> Journal:
    """Read a journal as far as it goes; damaged frames are passed over and counted.

    Raises
    ------
    RecordError
        If the file cannot be read, or is no journal.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror})") from error
    if not data.startswith(MAGIC) and not MAGIC.startswith(data) and MARK not in data[:LARGEST_PAYLOAD]:
        raise RecordError(path, "is no journal of a recording; give the folder that `catchangle record` left")
    header: JournalHeader | None = None
    records: list[UnitInfo | Arrival | LinkEvent | JournalNote] = []
    frames = damaged = damaged_bytes = 0
    end = min(len(MAGIC), len(data))
    for start, payload in scan_frames(data):
        record = _decode(payload)
        if record is None:
            continue
        if start > end:
            damaged, damaged_bytes = damaged + 1, damaged_bytes + start - end
        end = start + _FRAME.size + len(payload)
        frames += 1
        if isinstance(record, JournalHeader):
            header = header or record
        else:
            records.append(record)
    return Journal(
        header=header,
        records=tuple(records),
        frames=frames,
        damaged=damaged,
        damaged_bytes=damaged_bytes,
        cut_bytes=len(data) - end,
    )


def scan_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield start and payload of every whole frame; after a damaged one, reading goes on at the next mark that fits."""
    at = len(MAGIC) if data.startswith(MAGIC) else 0
    while (at := data.find(MARK, at)) >= 0 and at + _FRAME.size <= len(data):
        _, length, crc = _FRAME.unpack_from(data, at)
        payload = data[at + _FRAME.size : at + _FRAME.size + length] if length <= LARGEST_PAYLOAD else b""
        if len(payload) == length and zlib.crc32(payload, length) == crc and length:
            yield at, payload
            at += _FRAME.size + length
        else:
            at += 1


def _decode(payload: bytes) -> JournalRecord | None:
    """Return the record of a payload whose CRC is right; ``None`` for what no version of ours wrote."""
    if len(payload) < _HEAD.size:
        return None
    kind, at_ns, segment, unit_length, name_length = _HEAD.unpack_from(payload)
    middle = _HEAD.size + unit_length
    end = middle + name_length
    if end > len(payload):
        return None
    try:
        unit, name = payload[_HEAD.size : middle].decode(), payload[middle:end].decode()
        return _record(kind, (at_ns, segment), (unit, name), payload[end:])
    except (ValueError, KeyError, TypeError, AttributeError):  # JSON and enums say so in these ways
        return None


def _record(kind: int, when: tuple[int, int], names: tuple[str, str], data: bytes) -> JournalRecord | None:
    (at_ns, segment), (unit, name) = when, names
    match kind:
        case 0:
            said = json.loads(data)
            roles = {role: (str(one[0]), str(one[1])) for role, one in said["roles"].items()}
            return replace(JournalHeader(**said), roles=roles)
        case 1:
            said = json.loads(data)
            channels = tuple(Channel(one) for one in said["channels"])
            return replace(UnitInfo(**said), channels=channels, clock=ClockQuality(said["clock"]))
        case 2:
            return Arrival(unit_id=unit, segment=segment, characteristic=name, arrival_ns=at_ns, data=data)
        case 3:
            return LinkEvent(unit_id=unit, segment=segment, at_ns=at_ns, kind=LinkEventKind(name), detail=data.decode())
        case 4:
            return JournalNote(at_ns=at_ns, name=name, value=json.loads(data))
    return None
