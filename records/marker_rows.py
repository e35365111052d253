"""Rows of other tools' landmark files: numbers read strictly, points named as we do."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from analysis.model import FloatArray
from capture.markers import Markers
from records.errors import RecordError
from records.landmark_names import our_name

__all__ = ["in_picture", "named", "number"]

Points = NDArray[np.float64]


def named(names: Sequence[str]) -> tuple[str, ...]:
    """Return our names; of two that would bear the same, the second keeps the tool's.

    Raises
    ------
    DataError
        If the tool names two points alike.
    """
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"expected every marker once; got '{twice}' twice")
    taken: list[str] = []
    for name in names:
        ours = our_name(name)
        taken.append(name if ours in taken else ours)
    return tuple(taken)


def number(path: Path, row: int, cell: str) -> float:
    """Read a cell; an empty one is NaN.

    Raises
    ------
    RecordError
        If it holds text or an infinite value.
    """
    text = cell.strip()
    if text.lower() in {"", "nan"}:
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        raise RecordError(path, f"row {row}: '{text[:40]}' is not a number; export it again") from None
    if not np.isfinite(value):
        raise RecordError(path, f"row {row}: the value is infinite; export it again")
    return value


def in_picture(time_s: FloatArray, names: Sequence[str], xy: Points, confidence: Points) -> Markers:
    """Put points of a picture into space at depth 0; times start at the first frame."""
    seen = np.isfinite(xy).all(axis=2) & (confidence > 0)
    xyz = np.concatenate([np.where(seen[..., None], xy, np.nan), np.where(seen, 0.0, np.nan)[..., None]], axis=2)
    return Markers(
        time_s=time_s - time_s[0],
        names=named(names),
        xyz=xyz,
        confidence=np.where(seen, np.clip(np.nan_to_num(confidence), 0.0, 1.0), 0.0),
    )
