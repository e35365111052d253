"""Random curves of the simulation against the splines of SciPy."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from analysis.errors import DataError
from analysis.simulate.curves import Curve, CurveRows


@pytest.mark.parametrize(("held", "ends"), [(True, "clamped"), (False, "natural")])
def test_curve_and_its_derivatives_are_those_of_scipys_spline(held: bool, ends: str) -> None:
    values = np.random.default_rng(1).normal(size=(9, 3))
    known = CubicSpline(np.linspace(0.0, 5.0, 9), values, bc_type=ends)
    at_s = np.linspace(0.0, 5.0, 333)
    for order, found in enumerate(Curve.through(values, 5.0, held=held).derivatives(at_s, 2)):
        assert pytest.approx(known(at_s, order), abs=1e-10) == found.T


def test_rows_of_curves_read_each_curve_at_its_own_time() -> None:
    rng = np.random.default_rng(2)
    curves = [Curve.through(rng.normal(size=(knots, 1)), end_s, held=False) for knots, end_s in ((4, 2.0), (12, 3.0))]
    time_s = np.linspace(-0.3, 0.6, 40)  # from before the first curve's start, across knots
    values, rates = CurveRows(curves, np.array([0.0, 1.5])).values_and_rates(time_s, 2)
    for row, first_s in enumerate((0.0, 1.5)):
        inside = time_s + first_s >= 0
        value, rate = curves[row].derivatives(time_s + first_s, 1)
        assert values[:, row] == pytest.approx(value[0], abs=1e-12)
        assert rates[inside, row] == pytest.approx(rate[0][inside], abs=1e-12)


def test_curve_through_too_few_knots_is_refused() -> None:
    with pytest.raises(DataError, match="at least 3 knots"):
        Curve.through(np.zeros((2, 1)), 1.0, held=True)
