"""The patient's landmarks in a video, as a table for other programs."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray, JointAngle, Side
from analysis.muscles import MUSCLES, Joint, MuscleGroup
from capture.errors import NoPatientError
from capture.follow import follow
from capture.landmarks import LandmarkTracks
from capture.patient import Person, choose_patient, group_people, patient_score
from capture.pose_model import ModelSize, PoseModel
from capture.survey import Survey, look_for_people, survey
from capture.tracks import tracks_of
from capture.video import VideoReader
from capture.video_angle import measure_video
from dashboard.errors import UsageError
from dashboard.services.pipeline import OnProgress, PatientBox, silent
from records.columns import ANGLE, CONFIDENCE, SD, TIME, X_PX, Y_PX
from records.durable import write_file
from records.tables import write_parquet

__all__ = ["TABLES", "LandmarkTable", "check_ending", "landmarks_of", "write_landmarks"]

TABLES = (".csv", ".parquet")
LandmarkTable = Mapping[str, FloatArray]
SURVEY_SHARE = 0.25
PEOPLE = 2
DECIMALS = 4


def landmarks_of(
    path: Path,
    muscle_group: MuscleGroup | None = None,
    side: Side | None = None,
    *,
    patient_box: PatientBox | None = None,
    on_progress: OnProgress = silent,
) -> LandmarkTable:
    """Find the patient's landmarks in every frame; with muscle group and side, the joint's angle beside them.

    Without them the patient is whoever has a limb that swings about a held joint, whichever joint that is.

    Returns
    -------
    Mapping
        Columns of equal length by name; NaN where the patient was not seen.

    Raises
    ------
    CaptureError
        If the file is no video, or shows no patient.
    """
    if muscle_group is None or side is None:
        return _columns(_follow_anybody(path, patient_box, on_progress), None)
    muscle = MUSCLES[muscle_group]
    measured = measure_video(
        path,
        joint=muscle.joint,
        side=side,
        stretch_sign=muscle.stretch_sign,
        patient_box=patient_box,
        on_progress=on_progress,
    )
    return _columns(measured.tracks, measured.angle)


def _follow_anybody(path: Path, patient_box: PatientBox | None, on_progress: OnProgress) -> LandmarkTracks:
    with VideoReader(path) as reader:
        seen = survey(reader, on_progress=lambda share: on_progress(SURVEY_SHARE * share))
        with PoseModel(ModelSize.FULL, max_people=PEOPLE) as model:
            people = group_people(look_for_people(seen, model))
        patient = _patient_among(path, people, seen, patient_box)
        others = [person for person in people if person is not patient]
        with PoseModel(ModelSize.HEAVY, max_people=1 + bool(others)) as model:
            followed = follow(
                reader,
                seen,
                patient=patient,
                others=others,
                model=model,
                on_progress=lambda share: on_progress(SURVEY_SHARE + (1 - SURVEY_SHARE) * share),
            )
    if not followed.found.any():
        raise NoPatientError(path, "the patient was lost at once; name where the patient is with --patient-box")
    nothing = np.full(len(seen.time_s), np.nan)
    # Joint and side only name the limb that a hinge would place, and there is no hinge.
    return tracks_of(seen, followed, hinge=None, angle_deg=nothing, joint=Joint.ELBOW, side=Side.LEFT)


def _patient_among(path: Path, people: list[Person], seen: Survey, patient_box: PatientBox | None) -> Person:
    """Choose the person in the box, or the one whose limb swings most about any held joint."""
    if not people:
        raise NoPatientError(path, "no person was found; film the patient from the side, whole and in good light")
    if patient_box is not None:
        x, y, width, height = (seen.scale * one for one in patient_box)
        chosen = choose_patient(people, joint=Joint.ELBOW, side=Side.LEFT, box_px=(x, y, width, height))
        if chosen is None:
            raise NoPatientError(path, f"nobody was found in the patient box; {len(people)} people are elsewhere")
        return chosen
    return max(people, key=lambda person: max(patient_score(person, joint=j, side=s) for j in Joint for s in Side))


def _columns(tracks: LandmarkTracks, angle: JointAngle | None) -> LandmarkTable:
    columns: dict[str, NDArray[np.float64]] = {TIME: tracks.time_s}
    if angle is not None:
        columns |= {ANGLE: angle.angle_deg, SD: angle.sd_deg}
    for place, name in enumerate(tracks.names):
        columns[name + X_PX] = tracks.xy_px[:, place, 0]
        columns[name + Y_PX] = tracks.xy_px[:, place, 1]
        columns[name + CONFIDENCE] = tracks.confidence[:, place]
    return columns


def write_landmarks(table: LandmarkTable, out: Path) -> None:
    """Write the table as CSV or Parquet, told by the file's ending, whole or not at all.

    Raises
    ------
    UsageError
        If the ending is neither.
    StoreError
        If the disk refuses.
    """
    check_ending(out)
    if out.suffix.lower() == TABLES[1]:
        write_file(out, lambda partial: write_parquet(partial, table))
        return
    text = "\n".join([",".join(table), *(",".join(map(_cell, row)) for row in zip(*table.values(), strict=True)), ""])
    write_file(out, lambda partial: partial.write_text(text, encoding="utf-8"))


def check_ending(out: Path) -> None:
    """Refuse a file whose ending names no table.

    Raises
    ------
    UsageError
        If the ending is none of `TABLES`.
    """
    if out.suffix.lower() not in TABLES:
        raise UsageError(f"--out {out}: expected a file that ends in {' or '.join(TABLES)}")


def _cell(value: float) -> str:
    """Write a number; what was not seen is empty."""
    return f"{value:.{DECIMALS}f}" if np.isfinite(value) else ""
