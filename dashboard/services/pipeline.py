"""From a path to a finding: the one way that the command line, the pages and the demo take."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from analysis.assess import AssessParams, assess
from analysis.errors import DataError
from analysis.exam_grade import ExamGradeParams
from analysis.finding import Assessment
from analysis.grade_model import GradeModel
from analysis.model import Side, Source
from analysis.muscles import MuscleGroup
from capture.landmarks import LandmarkTracks
from capture.lens import Lens
from dashboard.errors import UsageError
from records.assemble import Assembled, assemble
from records.findings import finding_of, write_angles
from records.folder import RecordingFolder, StreamEntry, open_recording

__all__ = ["Analysed", "analyse", "analyse_path"]

OnProgress = Callable[[float], None]
PatientBox = tuple[float, float, float, float]


def silent(_share: float) -> None:
    """Take a share of progress and say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysed:
    """A recording, what its streams were assembled to, and what was found in it."""

    folder: RecordingFolder
    assembled: Assembled
    assessment: Assessment

    @property
    def tracks(self) -> LandmarkTracks | None:
        """The patient's landmarks, ``None`` without a video."""
        return None if self.assembled.video is None else self.assembled.video.tracks

    def finding(self, path: Path, angles_folder: Path | None = None) -> Mapping[str, Any]:
        """Return the finding as the contract prints it, its angle written to `angles_folder` where one is given."""
        angle_file = None
        if angles_folder is not None:
            angle_file = write_angles(self.assessment, angles_folder, self.folder.name)
        return finding_of(self.assessment, path=str(path), angle_file=angle_file)


def analyse(folder: RecordingFolder, on_progress: OnProgress = silent) -> Analysed:
    """Assemble the streams of a recording and assess them.

    Raises
    ------
    CatchangleError
        If a stream is unusable or shows no joint angle; the message says where and what to do.
    """
    assembled = assemble(folder, on_progress=on_progress)
    return Analysed(folder=folder, assembled=assembled, assessment=assess(assembled.recording, _params()))


def _params() -> AssessParams:
    """Use a site's own weights of the grade where the environment names them.

    Raises
    ------
    UsageError
        If the file cannot be read.
    """
    named = os.environ.get(MODEL_VARIABLE)
    return AssessParams() if not named else AssessParams(grade=ExamGradeParams(model=_site_model(Path(named))))


@cache
def _site_model(path: Path) -> GradeModel:
    try:
        return GradeModel.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{MODEL_VARIABLE} names {path}, which cannot be read: {error}") from error
    except DataError as error:
        raise UsageError(f"{MODEL_VARIABLE} names {path}: {error}") from error


MODEL_VARIABLE = "CATCHANGLE_GRADE_MODEL"
"""Environment variable that names the weights of a site (`catchangle train --ratings`)."""


def analyse_path(
    path: Path,
    muscle_group: MuscleGroup | None = None,
    side: Side | None = None,
    *,
    patient_box: PatientBox | None = None,
    lens: Lens | None = None,
    on_progress: OnProgress = silent,
) -> Analysed:
    """Open a recording folder, or a bare video or CSV of that muscle group and side, and analyse it.

    Parameters
    ----------
    path, muscle_group, side
        As `records.folder.open_recording` takes them.
    patient_box
        x, y, width, height in pixels of the patient in the first frame of the video, instead of the recording's own.
    lens
        Calibration of the camera that filmed, likewise.
    on_progress
        Takes the share done, 0 to 1.

    Raises
    ------
    CatchangleError
        As `analyse`, and if the path is no recording, or a box or a lens is given where there is no video.
    """
    folder = open_recording(path, muscle_group, side)
    return analyse(_filmed_so(folder, patient_box, lens), on_progress)


def _filmed_so(folder: RecordingFolder, patient_box: PatientBox | None, lens: Lens | None) -> RecordingFolder:
    """Return the recording with that box and that lens in its video streams."""
    if patient_box is None and lens is None:
        return folder
    if not any(stream.kind is Source.VIDEO for stream in folder.streams):
        option = "--lens" if patient_box is None else "--patient-box"
        raise UsageError(f"{folder.path}: {option} says something of a video, and there is none here")
    return replace(folder, streams=tuple(_stream_filmed_so(stream, patient_box, lens) for stream in folder.streams))


def _stream_filmed_so(stream: StreamEntry, patient_box: PatientBox | None, lens: Lens | None) -> StreamEntry:
    if stream.kind is not Source.VIDEO:
        return stream
    return replace(stream, patient_box=patient_box or stream.patient_box, lens=lens or stream.lens)
