"""Raters' grades of recordings, one row each: the table that `catchangle validate` reads."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from analysis.errors import DataError
from analysis.finding import GRADES
from analysis.model import Side
from analysis.muscles import MuscleGroup, muscle_group
from records.errors import RecordError

__all__ = ["Rating", "read_ratings"]

_REQUIRED = ("recording", "rater")
_GRADE = ("mas", "grade")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What one rater found in one recording.

    Attributes
    ----------
    recording
        The recording's path as written, and made absolute against the table's folder.
    path
        Where the recording is.
    rater
        Who graded; a code, not a name.
    grade
        Modified Ashworth grade, ``None`` where this rater gave none.
    objective
        The program's own grade where the table brings it; the recording need not be there then.
    r1_deg, r2_deg
        Joint angles of the catch and of the end of the slow stretch by this rater, ``None`` where not measured.
    muscle_group, side
        For a bare video or CSV.
    """

    recording: str
    path: Path
    rater: str
    grade: str | None
    objective: str | None
    r1_deg: float | None
    r2_deg: float | None
    muscle_group: MuscleGroup | None
    side: Side | None


def read_ratings(path: Path) -> tuple[Rating, ...]:
    """Read a table of ratings (CSV with commas, UTF-8, a header row).

    Raises
    ------
    RecordError
        If it is missing, damaged or ambiguous; the message names column, row and remedy.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file, strict=True), start=1) if any(row)]
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordError(path, "is not CSV in UTF-8; save it as that") from error
    if not rows:
        raise RecordError(path, "the file is empty; give a header row and one row per rating")
    header = [name.strip().casefold() for name in rows[0][1]]
    _check_header(path, header)
    ratings = [
        _rating(path, number, dict(zip(header, _cells(path, number, row, len(header)), strict=True)))
        for number, row in rows[1:]
    ]
    if not ratings:
        raise RecordError(path, "there are no ratings below the header; give one row per rating")
    seen: set[tuple[Path, str]] = set()
    for (number, _), rating in zip(rows[1:], ratings, strict=True):
        if (rating.path, rating.rater) in seen:
            raise RecordError(
                path,
                f"row {number}: {rating.rater} rates {rating.recording} twice; keep one, or name the second round as "
                "a rater of its own",
            )
        seen.add((rating.path, rating.rater))
    return tuple(ratings)


def _check_header(path: Path, header: list[str]) -> None:
    missing = [name for name in _REQUIRED if name not in header]
    if not any(name in header for name in _GRADE):
        missing.append("mas")
    if missing:
        raise RecordError(path, f"has no column {missing[0]}; the header needs recording, rater and mas")
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None or all(name in header for name in _GRADE):
        raise RecordError(path, f"column {twice or 'mas'} occurs twice; keep one")


def _cells(path: Path, number: int, row: list[str], wanted: int) -> list[str]:
    if len(row) > wanted:
        raise RecordError(
            path, f"row {number} has {len(row)} cells, the header has {wanted}; is there a comma too many?"
        )
    return [cell.strip() for cell in row] + [""] * (wanted - len(row))


def _rating(path: Path, number: int, cells: Mapping[str, str]) -> Rating:
    for name in _REQUIRED:
        if not cells[name]:
            raise RecordError(path, f"column {name}, row {number}: empty; every rating needs it")
    return Rating(
        recording=cells["recording"],
        path=(path.parent / cells["recording"]).absolute(),
        rater=cells["rater"],
        grade=_grade(path, number, "mas", cells.get("mas", cells.get("grade", ""))),
        objective=_grade(path, number, "objective", cells.get("objective", "")),
        r1_deg=_angle(path, number, "r1_deg", cells.get("r1_deg", "")),
        r2_deg=_angle(path, number, "r2_deg", cells.get("r2_deg", "")),
        muscle_group=_group(path, number, cells.get("muscle_group", "")),
        side=_side(path, number, cells.get("side", "")),
    )


def _grade(path: Path, number: int, column: str, text: str) -> str | None:
    if not text:
        return None
    if text not in GRADES:
        raise RecordError(
            path,
            f"column {column}, row {number}: '{text}' is no modified Ashworth grade; write one of {', '.join(GRADES)} "
            "(1+ as 1+, not 1.5)",
        )
    return text


def _angle(path: Path, number: int, column: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise RecordError(path, f"column {column}, row {number}: '{text}' is no angle in degrees; correct or empty it")
    return value


def _group(path: Path, number: int, text: str) -> MuscleGroup | None:
    try:
        return muscle_group(text) if text else None
    except DataError as error:
        raise RecordError(path, f"column muscle_group, row {number}: {error}") from error


def _side(path: Path, number: int, text: str) -> Side | None:
    try:
        return Side(text) if text else None
    except ValueError:
        raise RecordError(path, f"column side, row {number}: '{text}' is neither left nor right; correct it") from None
