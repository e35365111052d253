"""The joint angle from landmarks, or angles, that another tool made of a video."""

from pathlib import Path

import numpy as np

from analysis.errors import AnalysisError
from analysis.model import JointAngle, Side
from analysis.muscles import MUSCLES, MuscleGroup
from capture.landmarks import LandmarkTracks
from capture.markers import angle_of_markers, picture_of_markers
from capture.video_angle import VideoMeasurement
from records.errors import RecordError
from records.landmark_files import is_landmark_file, read_markers
from records.mot import read_mot
from records.openpose import Box

__all__ = ["is_foreign_measurement", "measure_landmarks"]

_MOT = ".mot"


def is_foreign_measurement(path: Path) -> bool:
    """Tell whether a file or folder holds what another tool measured in a video."""
    return path.suffix.lower() == _MOT or is_landmark_file(path)


def measure_landmarks(
    path: Path,
    muscle_group: MuscleGroup,
    side: Side,
    *,
    rate_hz: float | None = None,
    patient_box: Box | None = None,
) -> VideoMeasurement:
    """Measure the joint angle from another tool's output instead of a video.

    Parameters
    ----------
    path
        As for `records.landmark_files.read_markers`, or a MOT file of Sports2D's.
    muscle_group, side
        What is tested.
    rate_hz, patient_box
        As for `records.landmark_files.read_markers`.

    Raises
    ------
    RecordError
        If the file is damaged, or does not show the joint.
    """
    if path.suffix.lower() == _MOT:
        angle = read_mot(path, MUSCLES[muscle_group].joint, side)
        return VideoMeasurement(
            angle=angle, tracks=_no_tracks(angle), patient_box=(0.0, 0.0, 1.0, 1.0), gradable=True, warnings=(_OTHERS,)
        )
    markers = read_markers(path, rate_hz=rate_hz, patient_box=patient_box)
    try:
        measured = angle_of_markers(markers, muscle_group=muscle_group, side=side)
    except AnalysisError as error:
        raise RecordError(path, str(error)) from error
    tracks = picture_of_markers(markers)
    return VideoMeasurement(
        angle=measured.angle,
        tracks=tracks,
        patient_box=_box(tracks),
        gradable=measured.gradable,
        warnings=(*measured.warnings, _OTHERS),
    )


_OTHERS = "the landmarks are another program's: their error, and whose they are, was not checked"


def _no_tracks(angle: JointAngle) -> LandmarkTracks:
    n = angle.time_s.size
    return LandmarkTracks(
        time_s=angle.time_s, names=(), xy_px=np.empty((n, 0, 2)), confidence=np.empty((n, 0)), width_px=1, height_px=1
    )


def _box(tracks: LandmarkTracks) -> Box:
    points = tracks.xy_px[np.isfinite(tracks.xy_px).all(axis=2)]
    low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])
