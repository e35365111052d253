"""The series behind an assessment, kept as Parquet beside the database so that pages need not measure again."""

from pathlib import Path

import numpy as np

from analysis.errors import AnalysisError
from analysis.filters import resample
from analysis.finding import Assessment, ResistanceCurve
from analysis.model import FloatArray, JointAngle
from analysis.motion import track_motion
from capture.landmarks import LandmarkTracks
from records.columns import (
    ANGLE,
    CONFIDENCE,
    CURVE_COLUMNS,
    HEALTHY,
    RESISTANCE,
    SD,
    SERIES_COLUMNS,
    STRETCH,
    STRETCH_INDEX,
    TIME,
    VELOCITY,
    X_PX,
    Y_PX,
)
from records.rows import AssessedSeries
from records.tables import column_names, read_columns, read_metadata, write_parquet

__all__ = ["read_series", "read_tracks", "write_series", "write_tracks"]

SERIES_FILE = "series.parquet"
CURVES_FILE = "curves.parquet"
TRACKS_FILE = "landmarks.parquet"
STRETCH_COUNT = "stretches"
WIDTH = "width_px"
HEIGHT = "height_px"


def write_series(assessment: Assessment, folder: Path) -> None:
    """Write the leading angle with its velocity, and the resistance along each stretch.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    angle = assessment.recording.angle
    write_parquet(
        folder / SERIES_FILE,
        {
            TIME: angle.time_s,
            ANGLE: angle.angle_deg,
            SD: angle.sd_deg,
            VELOCITY: _velocity(angle, assessment.recording.muscle.stretch_sign),
        },
    )
    places = [place for place, curve in enumerate(assessment.curves) if curve is not None]
    curves = [curve for curve in assessment.curves if curve is not None]
    lengths = [curve.stretch_deg.size for curve in curves]
    write_parquet(
        folder / CURVES_FILE,
        {
            STRETCH_INDEX: np.repeat(np.array(places, dtype=np.float64), lengths),
            STRETCH: _joined([curve.stretch_deg for curve in curves]),
            RESISTANCE: _joined([curve.resistance_Nm for curve in curves]),
            HEALTHY: _joined([curve.healthy_Nm for curve in curves]),
        },
        {STRETCH_COUNT: str(len(assessment.curves))},
    )


def _joined(parts: list[FloatArray]) -> FloatArray:
    return np.concatenate(parts) if parts else np.empty(0)


def _velocity(angle: JointAngle, stretch_sign: int) -> FloatArray:
    """Return the velocity that the analysis worked with, read at the angle's own times."""
    try:
        motion = track_motion(angle, stretch_sign=stretch_sign)
    except AnalysisError:  # too few samples for a derivative: there is no velocity to show
        return np.full(angle.time_s.shape, np.nan)
    velocity = np.where(motion.seen, stretch_sign * motion.velocity_deg_s, np.nan)
    at_samples = resample(motion.time_s, velocity, angle.time_s, max_gap_s=2.0 / motion.rate_hz)
    return np.where(np.isfinite(angle.angle_deg), at_samples, np.nan)


def read_series(folder: Path) -> AssessedSeries:
    """Read what `write_series` wrote.

    Raises
    ------
    RecordError
        If a file is missing or damaged.
    """
    series = read_columns(folder / SERIES_FILE, SERIES_COLUMNS)
    curves = read_columns(folder / CURVES_FILE, CURVE_COLUMNS)
    count = int(read_metadata(folder / CURVES_FILE).get(STRETCH_COUNT, "0"))
    return AssessedSeries(
        time_s=series[TIME],
        angle_deg=series[ANGLE],
        sd_deg=series[SD],
        velocity_deg_s=series[VELOCITY],
        curves=tuple(_curve(curves, place) for place in range(count)),
    )


def _curve(columns: dict[str, FloatArray], place: int) -> ResistanceCurve | None:
    mine = columns[STRETCH_INDEX] == place
    if not mine.any():
        return None
    return ResistanceCurve(
        stretch_deg=columns[STRETCH][mine],
        resistance_Nm=columns[RESISTANCE][mine],
        healthy_Nm=columns[HEALTHY][mine],
    )


def write_tracks(tracks: LandmarkTracks, folder: Path) -> None:
    """Write the patient's landmarks.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    columns = {TIME: tracks.time_s}
    for place, name in enumerate(tracks.names):
        columns[name + X_PX] = tracks.xy_px[:, place, 0]
        columns[name + Y_PX] = tracks.xy_px[:, place, 1]
        columns[name + CONFIDENCE] = tracks.confidence[:, place]
    write_parquet(folder / TRACKS_FILE, columns, {WIDTH: str(tracks.width_px), HEIGHT: str(tracks.height_px)})


def read_tracks(folder: Path) -> LandmarkTracks | None:
    """Read what `write_tracks` wrote, ``None`` where it wrote nothing.

    Raises
    ------
    RecordError
        If the file is damaged.
    """
    path = folder / TRACKS_FILE
    if not path.exists():
        return None
    columns = read_columns(path, column_names(path))
    size = read_metadata(path)
    names = tuple(name.removesuffix(CONFIDENCE) for name in columns if name.endswith(CONFIDENCE))
    positions = [np.stack([columns[name + X_PX], columns[name + Y_PX]], axis=1) for name in names]
    return LandmarkTracks(
        time_s=columns[TIME],
        names=names,
        xy_px=np.stack(positions, axis=1),
        confidence=np.stack([columns[name + CONFIDENCE] for name in names], axis=1),
        width_px=int(size[WIDTH]),
        height_px=int(size[HEIGHT]),
    )
