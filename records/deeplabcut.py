"""Tables that DeepLabCut exports: x, y and likelihood of each body part, frame by frame."""

import csv
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capture.markers import Markers
from records.errors import RecordError
from records.marker_rows import in_picture, number

__all__ = ["is_deeplabcut", "read_deeplabcut"]

Points = NDArray[np.float64]

_CORNER = "scorer"
_ANIMALS = "individuals"
_BYTE_ORDER_MARK = 3


def is_deeplabcut(path: Path) -> bool:
    """Tell whether a file is a table of DeepLabCut's, by its first cell."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_CORNER) + _BYTE_ORDER_MARK).decode("utf-8-sig", errors="replace").startswith(_CORNER)


def read_deeplabcut(path: Path, rate_hz: float) -> Markers:
    """Read a table of DeepLabCut's: a header of scorer, body parts and coordinates, then a row for each frame.

    Raises
    ------
    RecordError
        If it is damaged, lacks columns, or shows several animals.
    OSError, UnicodeDecodeError, DataError
        If it cannot be read, or its frames are out of order; the caller knows what to say.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    heads = {row[0]: row[1:] for row in rows[:4] if row[0] in {_CORNER, _ANIMALS, "bodyparts", "coords"}}
    if not {"bodyparts", "coords"} <= set(heads):
        raise RecordError(path, "has no rows 'bodyparts' and 'coords'; export it from DeepLabCut as CSV")
    animals = sorted(set(heads.get(_ANIMALS, [])))
    if len(animals) > 1:
        raise RecordError(path, f"shows several individuals ({', '.join(animals)}); export the patient's alone")
    parts, coordinates = heads["bodyparts"], heads["coords"]
    body = rows[len(heads) :]
    if len(body) < 2:
        raise RecordError(path, f"expected at least 2 frames; got {len(body)}")
    names = list(dict.fromkeys(parts))
    columns = {(part, what): place for place, (part, what) in enumerate(zip(parts, coordinates, strict=True))}
    missing = [f"{name} {what}" for name in names for what in ("x", "y", "likelihood") if (name, what) not in columns]
    if missing:
        raise RecordError(path, f"column {missing[0]} is missing; export x, y and likelihood of every body part")
    values = np.array([_row(path, len(heads) + k, row, len(parts)) for k, row in enumerate(body, start=1)])
    order = [columns[name, what] for name in names for what in ("x", "y", "likelihood")]
    points = values[:, 1:][:, order].reshape(len(body), len(names), 3)
    return in_picture(values[:, 0] / rate_hz, names, points[..., :2], points[..., 2])


def _row(path: Path, row: int, cells: list[str], n_columns: int) -> list[float]:
    if len(cells) != n_columns + 1:
        raise RecordError(path, f"row {row}: expected {n_columns + 1} cells; got {len(cells)}; is the file cut off?")
    frame = re.search(r"(\d+)(?:\.\w+)?$", cells[0])  # a number, or the name of a picture
    if frame is None:
        raise RecordError(path, f"row {row}: '{cells[0][:40]}' is no frame number")
    return [float(frame.group(1)), *(number(path, row, cell) for cell in cells[1:])]
