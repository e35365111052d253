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
from records.journal import JOURNAL_FILE
from records.journal_folder import Converted, convert_journal
from records.manifest import FORMAT, MANIFEST, VERSION

__all__ = ["UNFINISHED", "VIDEO_FILE", "LiveFolder", "LiveHeader", "refuse_taken"]

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
    patient_box: tuple[float, float, float, float] | None = None
    simulated: bool = False


class LiveFolder:
    """The folder of an exam that is being recorded.

    Parameters
    ----------
    path
        Name that the folder gets in the end; there must be nothing yet.
    header
        What is known at the start; it is on the disk before the first frame.
    with_video
        Whether there is a camera.

    Raises
    ------
    StoreError
        If the name is taken, also by what an earlier recording left unfinished, or the disk refuses.
    """

    def __init__(self, path: Path, header: LiveHeader, *, with_video: bool = True) -> None:
        self._path = path
        self._with_video = with_video
        self._header = header
        self.converted: Converted | None = None
        self._partial = _unfinished(path)
        refuse_taken(path)
        try:
            self._partial.mkdir(parents=True)
        except OSError as error:
            raise StoreError(path, refusal(error)) from error
        self._write_manifest({})

    @property
    def video(self) -> Path:
        """The file that the video is to be written to."""
        return self._partial / VIDEO_FILE

    @property
    def journal(self) -> Path:
        """The file that the sensors' journal is to be written to."""
        return self._partial / JOURNAL_FILE

    def exam(self) -> dict[str, Any]:
        """Return what ``recording.json`` says of the exam."""
        header = self._header
        return {
            "muscle_group": header.muscle_group.value,
            "side": header.side.value,
            "test": header.test.value,
            "started_at": header.started_at.isoformat(),
            "subject": {key: value for key, value in asdict(header.subject).items() if value is not None},
            **({"simulated": True} if header.simulated else {}),
        }

    def finish(self, *, dropped_frames: int = 0) -> Path:
        """Note how many frames could not be saved, make streams of the sensors' journal, and give the folder its name.

        Raises
        ------
        StoreError
            If the disk refuses; what was recorded stays under the unfinished name.
        """
        notes = {"dropped_frames": dropped_frames}
        self._write_manifest(notes)
        if self.journal.exists():
            self.converted = convert_journal(self._partial, video=self._video(notes))
        place_folder(self._partial, self._path)
        return self._path

    def without_video(self) -> None:
        """Leave out a video of which nothing was recorded."""
        self._with_video = False
        self.video.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove the folder of an exam of which nothing was recorded."""
        discard(self._partial)

    def _write_manifest(self, video_notes: dict[str, Any]) -> None:
        video = self._video(video_notes)
        said = {"format": FORMAT, "version": VERSION, **self.exam(), "streams": [] if video is None else [video]}
        text = json.dumps(said, indent=1) + "\n"
        write_file(self._partial / MANIFEST, lambda partial: partial.write_text(text, encoding="utf-8"))

    def _video(self, notes: dict[str, Any]) -> dict[str, Any] | None:
        if not self._with_video:
            return None
        return {"kind": Source.VIDEO, "file": VIDEO_FILE, **_box(self._header), **notes}


def refuse_taken(path: Path) -> None:
    """Refuse a name that a recording has, finished or not.

    Raises
    ------
    StoreError
        If it is taken.
    """
    if path.exists():
        raise StoreError(path, "is there already; name another folder")
    if _unfinished(path).exists():
        raise StoreError(
            _unfinished(path),
            "was left by a recording that was not finished; finish it with `catchangle recover`, or remove it",
        )


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + UNFINISHED)


def _box(header: LiveHeader) -> dict[str, Any]:
    return {} if header.patient_box is None else {"patient_box": list(header.patient_box)}
