"""A recording folder while it is being recorded: readable at any moment, under its own name only when complete."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from analysis.model import Side, Source, Subject, TestKind
from analysis.muscles import MuscleGroup
from records.durable import discard, place_folder, refusal, write_file
from records.errors import StoreError
from records.manifest import FORMAT, MANIFEST, VERSION

__all__ = ["LiveFolder", "LiveHeader"]

UNFINISHED = ".unfinished"
"""Ending of the folder's name until it is complete; what a killed process leaves can be analysed under it."""

VIDEO_FILE = "video.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveHeader:
    """What is known of an exam when its recording starts."""

    muscle_group: MuscleGroup
    side: Side
    test: TestKind
    started_at: datetime
    subject: Subject


class LiveFolder:
    """The folder of an exam that is being filmed.

    Parameters
    ----------
    path
        Name that the folder gets in the end; there must be nothing yet.
    header
        What is known at the start; it is on the disk before the first frame.

    Raises
    ------
    StoreError
        If the name is taken, also by what an earlier recording left unfinished, or the disk refuses.
    """

    def __init__(self, path: Path, header: LiveHeader) -> None:
        self._path = path
        self._header = header
        self._partial = path.with_name(path.name + UNFINISHED)
        if path.exists():
            raise StoreError(path, "is there already; name another folder")
        if self._partial.exists():
            raise StoreError(
                self._partial,
                "was left by a recording that was not finished; it can be analysed as it is; rename or remove it first",
            )
        try:
            self._partial.mkdir(parents=True)
        except OSError as error:
            raise StoreError(path, refusal(error)) from error
        self._write_manifest({})

    @property
    def video(self) -> Path:
        """The file that the video is to be written to."""
        return self._partial / VIDEO_FILE

    def finish(self, *, dropped_frames: int) -> Path:
        """Note how many frames could not be saved, and give the folder its name.

        Raises
        ------
        StoreError
            If the disk refuses; what was recorded stays under the unfinished name.
        """
        self._write_manifest({"dropped_frames": dropped_frames})
        place_folder(self._partial, self._path)
        return self._path

    def abandon(self) -> None:
        """Remove the folder of an exam of which nothing was recorded."""
        discard(self._partial)

    def _write_manifest(self, video_notes: dict[str, Any]) -> None:
        header = self._header
        said = {
            "format": FORMAT,
            "version": VERSION,
            "muscle_group": header.muscle_group,
            "side": header.side,
            "test": header.test,
            "started_at": header.started_at.isoformat(),
            "subject": {key: value for key, value in asdict(header.subject).items() if value is not None},
            "streams": [{"kind": Source.VIDEO, "file": VIDEO_FILE, **video_notes}],
        }
        text = json.dumps(said, indent=1) + "\n"
        write_file(self._partial / MANIFEST, lambda partial: partial.write_text(text, encoding="utf-8"))
