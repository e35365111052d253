"""Time stamps of a table: strictly increasing, or written with so few digits that neighbours look the same."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.model import FloatArray
from records.columns import TIME
from records.errors import RecordError
from records.tables import first_row

__all__ = ["StampParams", "Stamps", "read_stamps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StampParams:
    """When equal neighbouring stamps are the work of rounding; chosen by us.

    Attributes
    ----------
    fewest_digits, most_digits
        Significant digits with which programs write times by default: 6 (C's ``%g``) to 7 (single precision).
    coarse_interval
        Rounding can make neighbours equal only where its step is at least this fraction of the usual interval.
    """

    fewest_digits: int = 6
    most_digits: int = 7
    coarse_interval: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stamps:
    """Strictly increasing times, and how many of them were equal to the one before in the file."""

    time_s: FloatArray
    repeated: int


def read_stamps(path: Path, time_s: FloatArray, params: StampParams = StampParams()) -> Stamps:
    """Check a time column; stamps that rounding made equal are spread evenly up to the next one, and counted.

    Raises
    ------
    RecordError
        If a time is missing, or does not grow for another reason than rounding.
    """
    _complete(path, time_s)
    step = np.diff(time_s)
    repeated = np.flatnonzero(step == 0) + 1
    wrong = np.flatnonzero(step < 0) + 1
    if repeated.size and not wrong.size and not _rounded(time_s, repeated, params):
        wrong = repeated
    if wrong.size:
        at = int(wrong[0])
        raise RecordError(
            path,
            f"column {TIME}, row {first_row(path) + at}: {time_s[at]:.10g} s comes after {time_s[at - 1]:.10g} s; "
            "times must grow from row to row",
        )
    return Stamps(time_s=_spread(time_s) if repeated.size else time_s, repeated=int(repeated.size))


def _complete(path: Path, time_s: FloatArray) -> None:
    if time_s.size < 2:
        raise RecordError(path, f"has {time_s.size} row(s) of values, at least 2 are needed; record or export it again")
    empty = np.isnan(time_s)
    if empty.all():
        raise RecordError(path, f"column {TIME} is empty; give every row its time in seconds")
    if empty.any():
        row = first_row(path) + int(np.argmax(empty))
        raise RecordError(path, f"column {TIME}, row {row}: the time is missing; add it")


def _rounded(time_s: FloatArray, repeated: np.ndarray, params: StampParams) -> bool:
    """Tell whether rounding to few significant digits explains every repeated stamp."""
    growing_s = np.diff(time_s)[np.diff(time_s) > 0]
    if not growing_s.size:
        return False
    usual_s = float(np.median(growing_s))
    for digits in range(params.fewest_digits, params.most_digits + 1):
        resolution_s = _resolution_s(time_s, digits)
        exact = np.abs(time_s / resolution_s - np.round(time_s / resolution_s)) < 1e-3
        if exact.all():
            return bool((resolution_s[repeated] >= params.coarse_interval * usual_s).all())
    return False


def _resolution_s(time_s: FloatArray, digits: int) -> FloatArray:
    """Step between neighbouring numbers of so many significant digits, at each time."""
    magnitude = np.floor(np.log10(np.maximum(np.abs(time_s), 1e-6)))
    resolution_s: FloatArray = 10.0 ** (magnitude - (digits - 1))
    return resolution_s


def _spread(time_s: FloatArray) -> FloatArray:
    """Place rows of equal stamps evenly between their stamp and the next one."""
    starts = np.flatnonzero(np.r_[True, np.diff(time_s) > 0])
    lengths = np.diff(np.r_[starts, time_s.size])
    after_s = np.r_[time_s[starts[1:]], 2 * time_s[starts[-1]] - time_s[starts[-2]]]
    run = np.repeat(np.arange(starts.size), lengths)
    share = (np.arange(time_s.size) - starts[run]) / lengths[run]
    spread_s: FloatArray = time_s + share * (after_s - time_s[starts])[run]
    return spread_s
