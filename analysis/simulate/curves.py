"""Smooth random curves: cubic splines through evenly spaced knots, many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from analysis.model import FloatArray

__all__ = ["Curve", "CurveRows", "slow_curve"]

Axes = NDArray[np.float64]
"""Values over time, one row for each axis, shape (axes, n)."""

Columns = NDArray[np.float64]
"""Values over time, one column for each curve, shape (n, curves)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """A cubic spline over [0, end_s] of one or several axes; before and after, it stays at its ends.

    Attributes
    ----------
    end_s
        Time of the last knot; the first is at 0.
    coefficients
        Of each piece by ascending power of its fraction travelled (0 to 1), shape (4, axes, pieces).
    """

    end_s: float
    coefficients: NDArray[np.float64]

    @classmethod
    def through(cls, values: Columns, end_s: float, *, held: bool) -> "Curve":
        """Lay the spline through values of shape (knots, axes); at rest at both ends if `held`, else natural there."""
        if values.ndim != 2 or values.shape[0] < 3:
            raise DataError(f"expected a Curve through at least 3 knots with their axes; got shape {values.shape}")
        slopes = (_slopes_from_values(values.shape[0], held=held) @ values).T
        before, first, last, rise = values.T[:, :-1], slopes[:, :-1], slopes[:, 1:], np.diff(values.T)
        pieces = [before, first, 3.0 * rise - 2.0 * first - last, first + last - 2.0 * rise]
        return cls(end_s=end_s, coefficients=np.stack(pieces))

    @property
    def per_s(self) -> float:
        """Pieces per second."""
        return float(self.coefficients.shape[2] / self.end_s)

    def __call__(self, at_s: FloatArray) -> Axes:
        """Compute values at times, shape (axes, n)."""
        return self.derivatives(at_s, 0)[0]

    def derivatives(self, at_s: FloatArray, order: int) -> tuple[Axes, ...]:
        """Compute values and derivatives up to an order of 2 at times, each of shape (axes, n)."""
        u = at_s * self.per_s
        np.maximum(u, 0.0, out=u)
        np.minimum(u, self.coefficients.shape[2], out=u)
        piece = np.minimum(u.astype(np.intp), self.coefficients.shape[2] - 1)
        u -= piece
        a, b, c, d = self.coefficients.take(piece, axis=2)
        d *= u
        found = [_horner(u, (c + d, b, a))]
        if order > 0:
            d *= 3.0
            c *= 2.0
            found.append(_horner(u, (c + d, b)))
            found[1] *= self.per_s
        if order > 1:
            d *= 2.0
            d += c
            d *= self.per_s**2
            found.append(d)
        return tuple(found)


def _horner(u: FloatArray, descending: tuple[Axes, ...]) -> Axes:
    """Compute a polynomial by Horner's scheme; its first coefficient is overwritten."""
    found = descending[0]
    for coefficient in descending[1:]:
        found *= u
        found += coefficient
    return found


class CurveRows:
    """The first axes of many curves, each read with a shift of its own at the same times.

    Parameters
    ----------
    curves
        The curves, one a row.
    first_s
        Time on each curve at time 0.
    """

    def __init__(self, curves: Sequence[Curve], first_s: FloatArray) -> None:
        pieces = np.array([curve.coefficients.shape[2] for curve in curves])
        self._per_s = np.array([curve.per_s for curve in curves])
        self._first = first_s * self._per_s
        self._pieces = pieces.astype(np.float64)
        self._base = (np.cumsum(pieces) - pieces).astype(np.float64)
        self._last = self._pieces - 1.0
        self._coefficients = np.concatenate([curve.coefficients[:, 0] for curve in curves], axis=1)

    def values(self, time_s: FloatArray, rows: int) -> Columns:
        """Compute the values of the first rows at ascending times, shape (times, rows)."""
        return self._compute(time_s, rows, with_rates=False)[0]

    def values_and_rates(self, time_s: FloatArray, rows: int) -> tuple[Columns, Columns]:
        """Compute values and first derivatives of the first rows at ascending times, each of shape (times, rows)."""
        values, rates = self._compute(time_s, rows, with_rates=True)
        rates *= self._per_s[:rows]
        return values, rates

    def _compute(self, time_s: FloatArray, rows: int, *, with_rates: bool) -> tuple[Columns, ...]:
        """Compute the values and, per piece, the rates: most rows stay within one piece, whose numbers serve all times.

        The others are done again, time by time.
        """
        place = np.multiply.outer(time_s, self._per_s[:rows])
        place += self._first[:rows]
        np.maximum(place, 0.0, out=place)
        np.minimum(place, self._pieces[:rows], out=place)
        piece = np.minimum(np.floor(place[[0, -1]]), self._last[:rows])
        crossing = np.flatnonzero(piece[0] != piece[1])
        across = place[:, crossing]
        found = self._polynomials(place, piece[0], slice(rows), with_rates=with_rates)
        if crossing.size:
            pieces = np.minimum(np.floor(across), self._last[crossing])
            again = self._polynomials(across, pieces, crossing, with_rates=with_rates)
            for values, corrected in zip(found, again, strict=True):
                values[:, crossing] = corrected
        return found

    def _polynomials(
        self, place: Columns, piece: FloatArray, rows: slice | NDArray[np.intp], *, with_rates: bool
    ) -> tuple[Columns, ...]:
        """Compute the polynomials of pieces; `place` is overwritten."""
        a, b, c, d = self._coefficients.take((self._base[rows] + piece).astype(np.intp), axis=1)
        place -= piece
        values = place * d
        rates = [(3.0 * values + 2.0 * c) * place + b] if with_rates else []
        for coefficient in (c, b, a):
            values += coefficient
            if coefficient is not a:
                values *= place
        return values, *rates


def slow_curve(end_s: float, sd: float, rng: np.random.Generator, *, knot_s: float, axes: int) -> Curve:
    """Draw a smooth random curve over [0, end_s] with knots about `knot_s` apart and standard deviation sd."""
    knots = max(4, round(end_s / knot_s) + 1)
    return Curve.through(rng.normal(0.0, 1.0, (knots, axes)) * sd, end_s, held=False)


@lru_cache(maxsize=512)
def _slopes_from_values(knots: int, *, held: bool) -> NDArray[np.float64]:
    """Matrix from a spline's values to its slopes per piece: the slopes for which it bends without a break."""
    system = np.diag(np.full(knots, 4.0)) + np.eye(knots, k=1) + np.eye(knots, k=-1)
    rises = 3.0 * (np.eye(knots, k=1) - np.eye(knots, k=-1))
    system[0], system[-1] = np.eye(knots)[0], np.eye(knots)[-1]
    rises[0] = rises[-1] = 0.0
    if not held:
        system[0, :2], rises[0, :2] = (2.0, 1.0), (-3.0, 3.0)
        system[-1, -2:], rises[-1, -2:] = (1.0, 2.0), (-3.0, 3.0)
    slopes: NDArray[np.float64] = np.linalg.solve(system, rises).astype(np.float64)
    return slopes
