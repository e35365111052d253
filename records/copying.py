"""A recording copied into a folder of generated names, and what identifies its content."""

import hashlib
import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis.model import Subject
from records.errors import RecordError
from records.folder import RecordingFolder, StreamEntry
from records.manifest import FORMAT, MANIFEST, VERSION

__all__ = ["content_sha256", "copy_recording"]

PLAIN_ENDING = re.compile(r"\.[a-z0-9]{1,7}")
BLOCK_BYTES = 1 << 20


def content_sha256(source: RecordingFolder) -> str:
    """Identify a recording by its streams and what is said of them; names and the subject's code do not count.

    Raises
    ------
    RecordError
        If a file cannot be read.
    """
    names = [_file_sha256(entry.file) for entry in source.streams]
    said = _manifest(source, names, source.subject)
    said["subject"].pop("code")
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror})") from error


def copy_recording(source: RecordingFolder, folder: Path, subject: Subject) -> None:
    """Copy the streams under generated names, and write the ``recording.json`` that describes them.

    Parameters
    ----------
    source
        The recording.
    folder
        Where to; it exists and is empty.
    subject
        Written in place of the source's subject, so that no copy carries another code.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    names = [_name(place, entry) for place, entry in enumerate(source.streams)]
    for name, entry in zip(names, source.streams, strict=True):
        shutil.copyfile(entry.file, folder / name)
    text = json.dumps(_manifest(source, names, subject), indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _name(place: int, entry: StreamEntry) -> str:
    """Name a copy by what it holds; of the original name only a plain ending is kept."""
    ending = entry.file.suffix.lower()
    return f"{place:02d}_{entry.kind.value}{ending if PLAIN_ENDING.fullmatch(ending) else ''}"


def _manifest(source: RecordingFolder, names: list[str], subject: Subject) -> dict[str, Any]:
    pose = source.reference_pose
    said = {
        "format": FORMAT,
        "version": VERSION,
        "muscle_group": source.muscle_group,
        "side": source.side,
        "test": source.test,
        "started_at": source.started_at.isoformat() if source.started_at else None,
        "subject": _without_none(asdict(subject)),
        "reference_pose": asdict(pose) if pose else None,
        "simulated": source.simulated,
        "quality": source.quality,
        "streams": [_stream(entry, name) for entry, name in zip(source.streams, names, strict=True)],
    }
    return _without_none(said)


def _stream(entry: StreamEntry, name: str) -> dict[str, Any]:
    return _without_none({**asdict(entry), "file": name})


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
