"""Landmarks in files: those that other tools made, read strictly, and ours, written for other tools."""

import math
from pathlib import Path

import numpy as np

from analysis.errors import DataError
from analysis.model import FloatArray, JointAngle
from capture.landmarks import LandmarkTracks
from capture.markers import Markers
from records.columns import ANGLE, CONFIDENCE, SD, TIME, X_PX, Y_PX
from records.deeplabcut import is_deeplabcut, read_deeplabcut
from records.durable import write_file
from records.errors import RecordError
from records.marker_rows import in_picture
from records.openpose import Box, is_openpose, read_openpose, write_openpose
from records.tables import column_names, is_table, read_columns, write_parquet
from records.trc import read_trc, write_trc

__all__ = ["LANDMARK_ENDINGS", "is_landmark_file", "needs_rate", "read_markers", "write_landmarks"]

LANDMARK_ENDINGS = (".csv", ".parquet", ".trc")
"""Endings of the files that `write_landmarks` makes; a name without an ending is a folder of OpenPose files."""

_DECIMALS = 4
_ROWS_AT_ONCE = 1000


def is_landmark_file(path: Path) -> bool:
    """Tell whether a file or folder holds landmarks rather than a video or a table of the joint's angle."""
    if path.suffix.lower() == ".trc" or is_openpose(path) or is_deeplabcut(path):
        return True
    return path.is_file() and is_table(path) and any(name.endswith(X_PX) for name in column_names(path))


def needs_rate(path: Path) -> bool:
    """Tell whether landmarks come without times, so that the frame rate must be given."""
    return is_openpose(path) or is_deeplabcut(path)


def read_markers(path: Path, *, rate_hz: float | None = None, patient_box: Box | None = None) -> Markers:
    """Read the landmarks of one person.

    Parameters
    ----------
    path
        A TRC file (OpenSim, Sports2D, Pose2Sim), a folder of OpenPose's ``*_keypoints.json``, a DeepLabCut CSV, or a
        table that ``catchangle pose`` wrote.
    rate_hz
        Frame rate of formats that do not say it (OpenPose, DeepLabCut); refused where the file has times.
    patient_box
        x, y, width, height in pixels of the patient in the first frame; needed where files show several people.

    Raises
    ------
    RecordError
        If the file is missing, damaged or of another kind, needs a frame rate, or shows several people and nobody says
        which is the patient.
    """
    if not path.exists():
        raise RecordError(path, "there is no such file or folder; check the path")
    if not is_landmark_file(path):
        raise RecordError(
            path, "holds no landmarks; give a TRC file, OpenPose JSON, or a DeepLabCut or catchangle table"
        )
    if needs_rate(path) and (rate_hz is None or not rate_hz > 0):
        raise RecordError(
            path,
            "does not say its frame rate; convert it first: catchangle landmarks FILE --rate-hz HZ --out TABLE.csv",
        )
    if not needs_rate(path) and rate_hz is not None:
        raise RecordError(path, "has times of its own; leave the frame rate out")
    try:
        return _read(path, rate_hz or np.nan, patient_box)
    except DataError as error:
        raise RecordError(path, str(error)) from error
    except UnicodeDecodeError as error:
        raise RecordError(path, "is not UTF-8 text; export it again") from error
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror})") from error


def _read(path: Path, rate_hz: float, patient_box: Box | None) -> Markers:
    if is_openpose(path):
        return read_openpose(path, rate_hz, patient_box)
    if is_deeplabcut(path):
        return read_deeplabcut(path, rate_hz)
    return read_trc(path) if path.suffix.lower() == ".trc" else _read_own(path)


def _read_own(path: Path) -> Markers:
    """Read a table of ``catchangle pose``."""
    names = [name.removesuffix(X_PX) for name in column_names(path) if name.endswith(X_PX)]
    wanted = [name + ending for name in names for ending in (X_PX, Y_PX, CONFIDENCE)]
    columns = read_columns(path, [TIME, *wanted])
    points = np.stack([columns[name] for name in wanted], axis=1).reshape(-1, len(names), 3)
    if len(points) < 2:
        raise RecordError(path, f"expected at least 2 frames; got {len(points)}")
    return in_picture(columns[TIME], names, points[..., :2], points[..., 2])


def write_landmarks(path: Path, tracks: LandmarkTracks, angle: JointAngle | None = None) -> None:
    """Write landmarks for other tools, in the format that the name's ending tells, whole or not at all.

    Parameters
    ----------
    path
        ``.csv`` or ``.parquet``: positions and confidence of each landmark, and the angle where it is given;
        ``.trc``: positions, as Sports2D writes them in pixels; without an ending: a folder of OpenPose's JSON files.
    tracks
        The landmarks.
    angle
        The joint's angle at the same times; TRC and OpenPose have no place for it.

    Raises
    ------
    RecordError
        If the ending is another one.
    StoreError
        If the disk refuses.
    """
    ending = path.suffix.lower()
    if not ending:
        write_openpose(path, tracks)
    elif ending == ".trc":
        write_trc(path, tracks)
    elif ending == ".parquet":
        write_file(path, lambda partial: write_parquet(partial, _columns(tracks, angle)))
    elif ending == ".csv":
        _write_csv(path, _columns(tracks, angle))
    else:
        raise RecordError(path, f"expected a name that ends in {', '.join(LANDMARK_ENDINGS)}, or in none for OpenPose")


def _columns(tracks: LandmarkTracks, angle: JointAngle | None) -> dict[str, FloatArray]:
    columns = {TIME: tracks.time_s}
    if angle is not None:
        columns |= {ANGLE: angle.angle_deg, SD: angle.sd_deg}
    for place, name in enumerate(tracks.names):
        columns[name + X_PX] = tracks.xy_px[:, place, 0]
        columns[name + Y_PX] = tracks.xy_px[:, place, 1]
        columns[name + CONFIDENCE] = tracks.confidence[:, place]
    return columns


def _write_csv(path: Path, columns: dict[str, FloatArray]) -> None:
    write_file(path, lambda partial: _write_rows(partial, columns))


def _write_rows(path: Path, columns: dict[str, FloatArray]) -> None:
    """Write some rows at a time: an hour's table as text would fill the memory."""
    n_rows = len(next(iter(columns.values())))
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(columns) + "\n")
        for first in range(0, n_rows, _ROWS_AT_ONCE):
            part = [column[first : first + _ROWS_AT_ONCE].tolist() for column in columns.values()]
            file.writelines(",".join(map(_cell, row)) + "\n" for row in zip(*part, strict=True))


def _cell(value: float) -> str:
    return f"{value:.{_DECIMALS}f}" if math.isfinite(value) else ""
