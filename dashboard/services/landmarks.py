"""The patient's landmarks in a video, in a file for other programs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.model import JointAngle, Side
from analysis.muscles import MUSCLES, Joint, MuscleGroup
from capture.doubts import doubts_about_time
from capture.errors import NoPatientError
from capture.follow import follow
from capture.landmarks import LandmarkTracks
from capture.lens import Lens
from capture.look_again import look_again
from capture.patient import Person, choose_patient, group_people, patient_score
from capture.pose_model import ModelSize, PoseModel
from capture.survey import Survey, look_for_people, survey
from capture.tracks import tracks_of
from capture.video import VideoReader
from capture.video_angle import measure_video
from dashboard.errors import UsageError
from dashboard.services.pipeline import OnProgress, PatientBox, silent
from records import landmark_files
from records.landmark_files import LANDMARK_ENDINGS

__all__ = ["PatientLandmarks", "check_ending", "landmarks_of", "write_landmarks"]

SURVEY_SHARE = 0.25
PEOPLE = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatientLandmarks:
    """The patient's landmarks, the tested joint's angle at the same times where a joint was named, and the doubts."""

    tracks: LandmarkTracks
    angle: JointAngle | None
    warnings: tuple[str, ...]


def landmarks_of(
    path: Path,
    muscle_group: MuscleGroup | None = None,
    side: Side | None = None,
    *,
    patient_box: PatientBox | None = None,
    lens: Lens | None = None,
    on_progress: OnProgress = silent,
) -> PatientLandmarks:
    """Find the patient's landmarks in every frame; with muscle group and side, the joint's angle beside them.

    Without them the patient is whoever has a limb that swings about a held joint, whichever joint that is.

    Raises
    ------
    CaptureError
        If the file is no video, or shows no patient.
    """
    if muscle_group is None or side is None:
        return _follow_anybody(path, patient_box, lens, on_progress)
    muscle = MUSCLES[muscle_group]
    measured = measure_video(
        path,
        joint=muscle.joint,
        side=side,
        stretch_sign=muscle.stretch_sign,
        patient_box=patient_box,
        lens=lens,
        on_progress=on_progress,
    )
    return PatientLandmarks(tracks=measured.tracks, angle=measured.angle, warnings=measured.warnings)


def _follow_anybody(
    path: Path, patient_box: PatientBox | None, lens: Lens | None, on_progress: OnProgress
) -> PatientLandmarks:
    with VideoReader(path, lens=lens) as reader:
        seen = survey(reader, on_progress=lambda share: on_progress(SURVEY_SHARE * share))
        straightener = reader.straightener
        if patient_box is not None and straightener is not None:
            patient_box = straightener.straight_box(patient_box)
        with PoseModel(ModelSize.FULL, max_people=PEOPLE) as model:
            people = look_again(seen, group_people(look_for_people(seen, model)), model)
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
    tracks = tracks_of(seen, followed, hinge=None, angle_deg=nothing, joint=Joint.ELBOW, side=Side.LEFT)
    if straightener is not None:
        tracks = straightener.filmed_tracks(tracks)
    return PatientLandmarks(tracks=tracks, angle=None, warnings=doubts_about_time(seen))


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
    n_times = len({sighting.time_s for person in people for sighting in person.sightings})
    return max(
        people,
        key=lambda person: max(patient_score(person, joint=j, side=s, n_times=n_times) for j in Joint for s in Side),
    )


def write_landmarks(found: PatientLandmarks, out: Path) -> None:
    """Write landmarks and angle in the format that the name's ending tells, whole or not at all.

    Raises
    ------
    UsageError
        If the ending tells no format.
    StoreError
        If the disk refuses.
    """
    check_ending(out)
    landmark_files.write_landmarks(out, found.tracks, found.angle)


def check_ending(out: Path) -> None:
    """Refuse a file whose ending tells no format; no ending at all is a folder of OpenPose files.

    Raises
    ------
    UsageError
        If the ending is another one.
    """
    if out.suffix and out.suffix.lower() not in LANDMARK_ENDINGS:
        endings = ", ".join(LANDMARK_ENDINGS)
        raise UsageError(f"--out {out}: expected a name that ends in {endings}, or in none for an OpenPose folder")
