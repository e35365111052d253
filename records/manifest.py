"""``recording.json``: what a recording folder says of itself, checked key by key."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from analysis.errors import DataError
from analysis.model import ReferencePose, Sex, Side, Source, Subject, TestKind
from analysis.muscles import MuscleGroup
from capture.lens import Lens
from records.errors import NewerVersionError, RecordError
from records.journal import JOURNAL_FILE
from records.lens_file import lens_of

__all__ = ["FORMAT", "MANIFEST", "VERSION", "Manifest", "Segment", "StreamNote", "read_manifest"]

MANIFEST = "recording.json"
FORMAT = "catchangle-recording"
VERSION = 1
LARGEST_BYTES = 1 << 20
LONGEST_LEVER_M = 1.5
"""No limb has its joint further from the examiner's hand; a longer lever is one in other units."""
QUARTER_TURN_DEG = 90
LARGEST_REFERENCE_DEG = 270.0

Choice = TypeVar("Choice", bound=StrEnum)


class Segment(StrEnum):
    """The limb's segment that an inertial sensor is strapped to."""

    PROXIMAL = "proximal"
    DISTAL = "distal"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamNote:
    """What ``recording.json`` says of one stream; fields of `records.folder.StreamEntry`, `file` as written there."""

    kind: Source
    file: str
    segment: Segment | None
    lever_m: float | None
    muscle: str | None
    rotation_deg: int | None
    patient_box: tuple[float, float, float, float] | None
    lens: Lens | str | None
    clock_offset_s: float
    segments: tuple[tuple[float, float], ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of ``recording.json``."""

    muscle_group: MuscleGroup
    side: Side
    test: TestKind
    subject: Subject
    started_at: datetime | None
    reference_pose: ReferencePose | None
    simulated: bool
    quality: tuple[str, ...] | None
    streams: tuple[StreamNote, ...]


def read_manifest(path: Path) -> Manifest:
    """Read and check a ``recording.json``; keys that are not known are passed over.

    Raises
    ------
    NewerVersionError
        If a newer version of the program wrote it.
    RecordError
        If it is missing, no JSON, or says something that the format does not know.
    """
    top = _Keys(path, _parse(path))
    _check_version(path, top)
    streams = top.read("streams")
    if streams == [] and (path.parent / JOURNAL_FILE).exists():
        raise RecordError(path.parent, "was left by a recording that was not finished; run `catchangle recover` on it")
    if not isinstance(streams, list) or not streams:
        raise RecordError(path, '"streams" lists nothing; name the files of the recording there')
    return Manifest(
        muscle_group=top.choice("muscle_group", MuscleGroup),
        side=top.choice("side", Side),
        test=top.choice("test", TestKind),
        subject=_subject(top.keys("subject")),
        started_at=_moment(path, top.read("started_at", None)),
        reference_pose=_reference(top),
        simulated=_flag(path, top.read("simulated", default=False)),
        quality=_quality(top),
        streams=tuple(_stream(_Keys(path, one, f"streams[{place}]: ")) for place, one in enumerate(streams)),
    )


_REQUIRED = object()


class _Keys:
    """One JSON object, read key by key with messages that say where."""

    def __init__(self, path: Path, value: object, where: str = "") -> None:
        if not isinstance(value, dict):
            raise RecordError(path, f"{where}expected an object {{…}}; got {_shown(value)}")
        self.path = path
        self.where = where
        self.value: dict[str, Any] = value

    def read(self, key: str, default: object = _REQUIRED) -> Any:  # noqa: ANN401 (whatever JSON holds)
        if key not in self.value and default is _REQUIRED:
            raise RecordError(self.path, f'{self.where}"{key}" is missing; add it as docs/formats.md shows')
        return self.value.get(key, default)

    def refuse(self, key: str, expected: str, value: object) -> RecordError:
        return RecordError(self.path, f'{self.where}"{key}": expected {expected}; got {_shown(value)}')

    def keys(self, key: str) -> "_Keys":
        return _Keys(self.path, self.read(key), f'{self.where}"{key}": ')

    def choice(self, key: str, kinds: type[Choice], default: object = _REQUIRED) -> Choice:
        value = self.read(key, default)
        try:
            return kinds(value)
        except ValueError:
            raise self.refuse(key, f"one of {', '.join(kinds)}", value) from None

    def text(self, key: str, default: object = _REQUIRED) -> str | None:
        value = self.read(key, default)
        if value is None and default is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(key, "a text", value)
        return value

    def number(self, key: str, default: object = _REQUIRED) -> float | None:
        value = self.read(key, default)
        if value is None and default is None:
            return None
        number = _finite(value)
        if number is None:
            raise self.refuse(key, "a number", value)
        return number


def _finite(value: object) -> float | None:
    """Return a JSON number as float, ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


def _parse(path: Path) -> object:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise RecordError(path, f"is larger than {LARGEST_BYTES} bytes; this is not a {MANIFEST} of ours")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise RecordError(
            path.parent, f"has no {MANIFEST}; a recording folder needs one (docs/formats.md shows it)"
        ) from error
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise RecordError(path, "is not UTF-8 text; save it as JSON in UTF-8") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordError(path, f"is not JSON ({error.msg}, line {error.lineno}); correct it") from error
    except (RecursionError, ValueError) as error:
        raise RecordError(path, "is not JSON that can be read; write it as docs/formats.md shows") from error


def _check_version(path: Path, top: _Keys) -> None:
    if top.read("format", None) != FORMAT:
        raise top.refuse("format", f'"{FORMAT}"', top.read("format", None))
    version = top.read("version", None)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise top.refuse("version", f"{VERSION}", version)
    if version > VERSION:
        raise NewerVersionError(
            path, f"is of version {version}, this program reads up to {VERSION}; update catchangle", str(version)
        )


def _subject(keys: _Keys) -> Subject:
    sex = None if keys.read("sex", None) is None else keys.choice("sex", Sex)
    try:
        return Subject(
            code=keys.text("code") or "",
            sex=sex,
            body_mass_kg=keys.number("body_mass_kg", None),
            height_m=keys.number("height_m", None),
        )
    except DataError as error:
        raise RecordError(keys.path, f"{keys.where}{error}") from error


def _moment(path: Path, value: object) -> datetime | None:
    if value is None:
        return None
    expected = '"started_at": expected a time with its zone such as "2026-01-31T10:00:00+01:00"'
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise RecordError(path, f"{expected}; got {_shown(value)}")
    return moment


def _reference(top: _Keys) -> ReferencePose | None:
    if top.read("reference_pose", None) is None:
        return None
    keys = top.keys("reference_pose")
    time_s, angle_deg = keys.number("time_s"), keys.number("angle_deg")
    if time_s is None or angle_deg is None or abs(angle_deg) > LARGEST_REFERENCE_DEG:
        raise keys.refuse("angle_deg", "an angle in degrees", angle_deg)
    return ReferencePose(time_s=time_s, angle_deg=angle_deg)


def _flag(path: Path, value: object) -> bool:
    if not isinstance(value, bool):
        raise RecordError(path, f'"simulated": expected true or false; got {_shown(value)}')
    return value


def _stream(keys: _Keys) -> StreamNote:
    kind = keys.choice("kind", Source)
    return StreamNote(
        kind=kind,
        file=keys.text("file") or "",
        segment=keys.choice("segment", Segment) if kind is Source.IMU else None,
        lever_m=_lever(keys) if kind is Source.FORCE else None,
        muscle=keys.text("muscle") if kind is Source.EMG else None,
        rotation_deg=_rotation(keys) if kind is Source.VIDEO else None,
        patient_box=_box(keys) if kind is Source.VIDEO else None,
        lens=_lens(keys) if kind is Source.VIDEO else None,
        clock_offset_s=keys.number("clock_offset_s", 0.0) or 0.0,
        segments=_segments(keys),
    )


def _quality(top: _Keys) -> tuple[str, ...] | None:
    value = top.read("quality", None)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise top.refuse("quality", "a list of sentences", value)
    return tuple(" ".join(one.split()) for one in value)


def _segments(keys: _Keys) -> tuple[tuple[float, float], ...] | None:
    value = keys.read("segments", None)
    if value is None:
        return None
    expected = "a list of [start, end] in seconds, one after the other"
    pairs = value if isinstance(value, list) else [None]
    found: list[tuple[float, float]] = []
    for pair in pairs:
        match [_finite(one) for one in pair] if isinstance(pair, list) else []:
            case [float(start), float(end)] if start <= end and (not found or start >= found[-1][0]):
                found.append((start, end))
            case _:
                raise keys.refuse("segments", expected, value)
    return tuple(found)


def _lever(keys: _Keys) -> float:
    if "lever_m" not in keys.value:
        raise RecordError(
            keys.path,
            f'{keys.where}"lever_m" is missing; add the distance from the joint to the force sensor in metres',
        )
    lever_m = keys.number("lever_m")
    if lever_m is None or not 0 < lever_m <= LONGEST_LEVER_M:
        raise keys.refuse("lever_m", f"metres, above 0 and up to {LONGEST_LEVER_M:g}", keys.read("lever_m"))
    return lever_m


def _rotation(keys: _Keys) -> int | None:
    turn_deg = keys.number("rotation_deg", None)
    if turn_deg is not None and turn_deg % QUARTER_TURN_DEG:
        raise keys.refuse("rotation_deg", "a multiple of 90", keys.read("rotation_deg"))
    return None if turn_deg is None else int(turn_deg)


def _lens(keys: _Keys) -> Lens | str | None:
    """Return the calibration that stands there, or the name of the file that holds it."""
    value = keys.read("lens", None)
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    if isinstance(value, dict):
        return lens_of(keys.path, value, f'{keys.where}"lens": ')
    raise keys.refuse("lens", "a file's name, or a calibration {…}", value)


def _box(keys: _Keys) -> tuple[float, float, float, float] | None:
    value = keys.read("patient_box", None)
    if value is None:
        return None
    numbers: Sequence[float | None] = [_finite(one) for one in value] if isinstance(value, list) else []
    match numbers:
        case [float(x), float(y), float(width), float(height)] if width > 0 and height > 0:
            return x, y, width, height
        case _:
            raise keys.refuse("patient_box", "[x, y, width, height] in pixels", value)
