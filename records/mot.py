"""MOT files of Sports2D and Pose2Sim: joint angles that were computed already."""

from pathlib import Path

import numpy as np

from analysis.model import JointAngle, Side, Source, Zero
from analysis.muscles import Joint
from records.errors import RecordError
from records.marker_rows import number

__all__ = ["read_mot"]

_JOINTS = (Joint.ELBOW, Joint.KNEE, Joint.ANKLE)
_END = "endheader"
_LONGEST_HEADER = 50


def read_mot(path: Path, joint: Joint, side: Side) -> JointAngle:
    """Read the angle of one joint from a MOT file of Sports2D's, whose flexion and dorsiflexion are positive as ours.

    Sports2D's hip is flexion, not abduction, and its wrist has no sign that can be relied on: both are refused.

    Raises
    ------
    RecordError
        If the file is damaged, or has no such joint.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise RecordError(path, "is not UTF-8 text; export it again") from error
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror})") from error
    end = next((row for row, line in enumerate(lines[:_LONGEST_HEADER]) if line.strip().lower() == _END), None)
    if end is None or end + 1 >= len(lines):
        raise RecordError(path, f"is no MOT file: its header does not end with {_END}")
    names = [name.strip() for name in lines[end + 1].split("\t")]
    column = _column(path, names, joint, side)
    rows = [
        _row(path, row, line.split("\t"), len(names), column)
        for row, line in enumerate(lines[end + 2 :], start=end + 3)
        if line.strip()
    ]
    values = np.array(rows).reshape(-1, 2)
    if len(values) < 2:
        raise RecordError(path, f"expected at least 2 frames; got {len(values)}")
    if not any(line.replace(" ", "").lower() == "indegrees=yes" for line in lines[:end]):
        values[:, 1] = np.degrees(values[:, 1])
    return JointAngle(
        time_s=values[:, 0],
        angle_deg=values[:, 1],
        sd_deg=np.full(len(values), np.nan),
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=0.5 / float(np.median(np.diff(values[:, 0]))),
    )


def _column(path: Path, names: list[str], joint: Joint, side: Side) -> int:
    wanted = f"{side} {joint}"
    if joint not in _JOINTS:
        raise RecordError(path, f"the {joint} cannot be taken from a MOT file; give the landmarks (TRC) instead")
    if names[0] != "time" or wanted not in names:
        raise RecordError(path, f"expected columns time and '{wanted}'; got {', '.join(names)}")
    return names.index(wanted)


def _row(path: Path, row: int, cells: list[str], n_columns: int, column: int) -> tuple[float, float]:
    if len(cells) != n_columns:
        raise RecordError(path, f"row {row}: expected {n_columns} cells; got {len(cells)}; is the file cut off?")
    return number(path, row, cells[0]), number(path, row, cells[column])
