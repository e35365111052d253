"""Regressions on evidence: additive, bounded, with a measure of how unlike its training an exam is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from analysis.model import FloatArray

__all__ = ["Basis", "Matrix", "cumulative_probabilities", "design", "grown_sets", "linear", "logistic"]

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """How named numbers become the columns of a regression: each number and its excess over three knots.

    A number is standardised and held within `bound` deviations, so that a regression never extrapolates; a missing one
    counts as the average.

    Attributes
    ----------
    names
        The numbers, in order.
    mean, sd
        By which they are standardised, shape (names,).
    knots
        Standardised, shape (names, knots).
    centre
        Mean of each column in training, shape (names, 1 + knots).
    spread
        Inverse covariance of the standardised numbers, shape (names, names); (names, 0) where none is kept.
    limit
        Distance from the training's centre beyond which an exam is unlike it.
    bound
        In deviations.
    """

    names: tuple[str, ...]
    mean: FloatArray
    sd: FloatArray
    knots: Matrix
    centre: Matrix
    spread: Matrix
    limit: float
    bound: float = 3.0

    def __post_init__(self) -> None:
        n = len(self.names)
        for name, rows in (("mean", n), ("sd", n), ("knots", n), ("centre", n), ("spread", n)):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape[0] != rows or not np.isfinite(value).all():
                raise DataError(f"expected {rows} finite rows in Basis.{name}; got an array of shape {value.shape}")
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    def standardised(self, rows: Sequence[Mapping[str, float]]) -> Matrix:
        """Standardise numbers, NaN where missing, shape (rows, names)."""
        raw = np.array([[row.get(name, np.nan) for name in self.names] for row in rows], dtype=np.float64)
        values: Matrix = (raw.reshape(len(rows), len(self.names)) - self.mean) / self.sd
        return values

    def distances(self, rows: Sequence[Mapping[str, float]]) -> FloatArray:
        """Work out how far each row is from the training's centre (Mahalanobis, over root of the numbers seen)."""
        z = self.standardised(rows)
        seen = np.isfinite(z)
        filled = np.where(seen, np.clip(z, -_FARTHEST, _FARTHEST), 0.0)
        squared = np.einsum("ni,ij,nj->n", filled, self.spread, filled)
        return np.asarray(np.sqrt(np.maximum(squared, 0.0) / np.maximum(seen.sum(axis=1), 1)), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """Put the basis into words that JSON knows."""
        arrays = {name: _rounded(getattr(self, name)) for name in ("mean", "sd", "knots", "centre", "spread")}
        return {"names": list(self.names), **arrays, "limit": self.limit, "bound": self.bound}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Basis":
        """Read what `to_json` wrote."""
        arrays = {name: np.array(told[name], dtype=np.float64) for name in ("mean", "sd", "knots", "centre", "spread")}
        return cls(names=tuple(told["names"]), **arrays, limit=float(told["limit"]), bound=float(told["bound"]))


_FARTHEST = 12.0
"""Deviations beyond which a number is no farther from the training."""

_DIGITS = 5


def _rounded(values: Matrix) -> list[Any]:
    """Keep five significant digits: what a file holds is what is used."""
    told: list[Any] = np.vectorize(lambda x: float(f"{x:.{_DIGITS}g}"), otypes=[float])(values).tolist()
    return told


def design(basis: Basis, rows: Sequence[Mapping[str, float]]) -> Matrix:
    """Lay out the columns of a regression, shape (rows, names x (1 + knots))."""
    z = np.clip(basis.standardised(rows), -basis.bound, basis.bound)
    columns = np.concatenate([z[:, :, None], np.maximum(z[:, :, None] - basis.knots[None], 0.0)], axis=2)
    centred = columns - basis.centre
    return np.where(np.isfinite(centred), centred, 0.0).reshape(len(rows), -1)


def linear(columns: Matrix, weights: FloatArray) -> FloatArray:
    """Apply weights whose first is the intercept."""
    value: FloatArray = columns @ weights[1:] + weights[0]
    return value


def logistic(log_odds: FloatArray) -> FloatArray:
    """Turn log-odds into probabilities."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -_STEEPEST, _STEEPEST))), dtype=np.float64)


_STEEPEST = 40.0
"""Log-odds beyond which a probability is 0 or 1 to double precision."""


def cumulative_probabilities(log_odds: Matrix) -> Matrix:
    """Turn the log-odds of "at least this grade" into probabilities of the grades, shape (rows, grades).

    Each cut has weights of its own; where two would cross, the higher cut yields.
    """
    at_least = np.minimum.accumulate(logistic(log_odds), axis=1)
    edges = np.column_stack([np.ones(len(at_least)), at_least, np.zeros(len(at_least))])
    probabilities: Matrix = -np.diff(edges, axis=1)
    return probabilities


def grown_sets(probabilities: Matrix, mass: float, *, least: int = 1) -> NDArray[np.int64]:
    """Grow runs of at least so many neighbouring grades from the most probable until they hold a mass.

    Returns
    -------
    numpy.ndarray
        First and last grade of each run, shape (rows, 2).
    """
    runs = np.empty((len(probabilities), 2), dtype=np.int64)
    for i, row in enumerate(probabilities):
        low = high = int(row.argmax())
        held = row[low]
        while (held < mass or high - low + 1 < least) and high - low + 1 < row.size:
            below = row[low - 1] if low > 0 else -1.0
            above = row[high + 1] if high + 1 < row.size else -1.0
            if below >= above:
                low -= 1
            else:
                high += 1
            held += max(below, above)
        runs[i] = low, high
    return runs
