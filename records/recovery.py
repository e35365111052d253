"""Recordings that were not finished: found, and made into what they can be."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.model import Source
from capture.errors import CaptureError
from capture.video import VideoReader
from records.durable import PARTIAL, place_folder
from records.errors import RecordError
from records.journal import JOURNAL_FILE
from records.journal_folder import convert_journal
from records.live_folder import UNFINISHED, VIDEO_FILE
from records.manifest import MANIFEST

__all__ = ["Recovered", "RecoveryParams", "find_unfinished", "recover_folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryParams:
    """When a recording is over; chosen by us.

    Attributes
    ----------
    quiet_s
        A journal or video that was written to within so long (s) belongs to a recording that goes on.
    """

    quiet_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A recording that was saved.

    Attributes
    ----------
    folder
        Where it is now.
    streams
        Its files.
    seconds
        Length of what the sensors measured, 0 without sensors.
    received, lost
        Samples that are there, and samples known to be missing.
    quality
        What was lost or is doubtful, one sentence each.
    """

    folder: Path
    streams: tuple[str, ...]
    seconds: float
    received: int
    lost: int
    quality: tuple[str, ...]


def find_unfinished(place: Path) -> tuple[Path, ...]:
    """Return the unfinished recordings at a place: the folder itself, or those in it and in its folders.

    Raises
    ------
    RecordError
        If there is no such folder.
    """
    if not place.is_dir():
        raise RecordError(place, "there is no such folder; check the path")
    if _is_unfinished(place):
        return (place,)
    inside = sorted(path for path in (*place.iterdir(), *place.glob("*/*")) if path.is_dir())
    return tuple(path for path in inside if _is_unfinished(path))


def _is_unfinished(folder: Path) -> bool:
    """Tell a folder whose recording was cut short: by its name, or by a journal of which nothing was made."""
    if folder.name.endswith(UNFINISHED):
        return (folder / JOURNAL_FILE).exists() or (folder / VIDEO_FILE).exists()
    return (folder / JOURNAL_FILE).exists() and "journal" not in _said(folder)


def _said(folder: Path) -> dict[str, Any]:
    """Return what a folder says of itself, nothing where that cannot be read."""
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def recover_folder(folder: Path, params: RecoveryParams = RecoveryParams()) -> Recovered:
    """Make a recording of an unfinished one, and give it its name; the journal stays in it.

    Parameters
    ----------
    folder
        One of `find_unfinished`.
    params
        When a recording is over.

    Raises
    ------
    RecordError
        If it is still being recorded, or nothing can be made of it; it is then left as it was.
    """
    journal, video = folder / JOURNAL_FILE, folder / VIDEO_FILE
    written_s = [path.stat().st_mtime for path in (journal, video) if path.exists()]
    # A clock that was set back since, at a power failure say, must not hold a recording up.
    if written_s and abs(time.time() - max(written_s)) < params.quiet_s:
        raise RecordError(folder, "is still being recorded; stop that first")
    note = _video_note(folder)
    if not journal.exists() and note is None:
        raise RecordError(folder, "holds neither a journal of sensors nor a video that can be read; remove it")
    for left in (*folder.glob(f"{PARTIAL}*"), *folder.glob(f"settled-{VIDEO_FILE}")):
        left.unlink(missing_ok=True)
    converted = convert_journal(folder, video=note) if journal.exists() else None
    if converted is not None and not converted.streams:
        raise RecordError(folder, f"its journal holds no samples ({'; '.join(converted.quality)}); remove it")
    target = _free_name(folder)
    if target != folder:
        place_folder(folder, target)
    cut = ("the film ended without being stopped: up to its last second may be missing",)
    return Recovered(
        folder=target,
        streams=(VIDEO_FILE,) if converted is None else converted.streams,
        seconds=0.0 if converted is None else converted.seconds,
        received=0 if converted is None else converted.received,
        lost=0 if converted is None else converted.lost,
        quality=cut if converted is None else converted.quality,
    )


def _video_note(folder: Path) -> dict[str, Any] | None:
    """Return what the folder says of its video, ``None`` where there is none that can be read."""
    video = folder / VIDEO_FILE
    if not video.exists():
        return None
    try:
        with VideoReader(video) as reader:
            readable = next(iter(reader.frames()), None) is not None
    except CaptureError:
        readable = False
    if not readable:
        return None
    streams = _said(folder).get("streams", [])
    notes = [one for one in streams if isinstance(one, dict) and one.get("file") == VIDEO_FILE]
    return dict(notes[0]) if notes else {"kind": Source.VIDEO.value, "file": VIDEO_FILE}


def _free_name(folder: Path) -> Path:
    """Return the name that the recording was to have, or the next that is free."""
    if not folder.name.endswith(UNFINISHED):
        return folder
    wanted = folder.with_name(folder.name.removesuffix(UNFINISHED))
    names = [wanted, *(wanted.with_name(f"{wanted.name}-recovered{number}") for number in range(1, 1000))]
    return next(name for name in names if not name.exists())
