"""The tonic stretch-reflex threshold: at which angle a stretch sets off the reflex, and how velocity lowers it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.finding import Threshold
from analysis.model import FloatArray

__all__ = ["ReflexPoint", "ThresholdParams", "fit_threshold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflexPoint:
    """Where one stretch crossed the reflex threshold, the reflex's latency taken off.

    Attributes
    ----------
    velocity_deg_s, stretch_deg
        Velocity and stretch coordinate (joint angle times the sign of the stretch) at that instant.
    velocity_sd_deg_s, stretch_sd_deg
        Standard deviations of their errors.
    covariance_deg2_s
        Covariance of the two errors: a wrong instant errs in both.
    """

    velocity_deg_s: float
    stretch_deg: float
    velocity_sd_deg_s: float
    stretch_sd_deg: float
    covariance_deg2_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdParams:
    """What a threshold needs, and how it is fitted.

    Attributes
    ----------
    min_points
        Fewest stretches; issue and clinical dossier 1.6 ask for 6, the Montreal protocol uses 20 (Calota 2008,
        doi:10.1016/j.clinph.2008.07.215).
    min_velocity_ratio, min_velocity_span_deg_s
        The fastest crossing is at least so many times as fast as the slowest, and by so much faster: a narrow range is
        extrapolated to standstill by its scatter (dossier 1.6: 3 to 1; the span chosen by us).
    outlier_ratio, usual_scatter_deg
        A stretch that misses the robust line by more than so many of the deviations that its errors and the threshold's
        usual scatter let expect (or of those that the stretches show, where they are larger) is left out. Chosen by us.
    max_half_width_deg
        A threshold with a wider interval to either side is no finding: TSRT's smallest detectable change between
        sessions is 32 deg at the elbow (Frenkel-Toledo 2021, Clin Neurophysiol 132:1226). The bound is chosen by us.
    resamples, seed
        Bootstrap of the errors; the seed makes the interval repeatable. Chosen by us.
    """

    min_points: int = 6
    min_velocity_ratio: float = 3.0
    min_velocity_span_deg_s: float = 60.0
    outlier_ratio: float = 4.0
    usual_scatter_deg: float = 2.5
    max_half_width_deg: float = 20.0
    resamples: int = 400
    seed: int = 1


def fit_threshold(
    points: Sequence[ReflexPoint],
    *,
    stretch_sign: int,
    method: str = "",
    params: ThresholdParams = ThresholdParams(),
) -> Threshold:
    """Fit ``stretch = TSRT - mu * velocity`` to the threshold crossings of several stretches.

    Both axes err, and an error of the instant errs in both together, so that the line is York's [2]_; the scatter of
    the threshold itself is estimated from the residuals and added to the errors of the angle. Intervals come from a
    parametric bootstrap of both errors, widened by Student's t for the few stretches that there are.

    Parameters
    ----------
    points
        One crossing per stretch.
    stretch_sign
        +1 where a growing joint angle lengthens the muscle: the threshold is told as a joint angle.
    method
        What showed the onset of the reflex.
    params
        What is asked of the stretches.

    Raises
    ------
    AnalysisError
        If the stretches cannot support a threshold; the message says what is missing.

    References
    ----------
    .. [1] Calota A, Feldman AG, Levin MF. Spasticity measurement based on tonic stretch reflex threshold in stroke
       using a portable device. Clin Neurophysiol 2008;119:2329-2337. doi:10.1016/j.clinph.2008.07.215
    .. [2] York D, Evensen NM, Martinez ML, De Basabe Delgado J. Unified equations for the slope, intercept, and
       standard errors of the best straight line. Am J Phys 2004;72:367-375. doi:10.1119/1.1632486
    """
    _require_range(np.array([point.velocity_deg_s for point in points]), params)
    kept = _without_outliers(points, params)
    x = np.array([point.velocity_deg_s for point in kept])
    _require_range(x, params)
    y = np.array([point.stretch_deg for point in kept])
    errors = _with_scatter(x, y, _errors_of(kept))
    intercept, slope = (float(value[0]) for value in _york(x[None], y[None], errors))
    sd = _bootstrap_sd(x, errors, (intercept, slope), params)
    width = stats.t.ppf(0.975, x.size - 2) * sd
    if not width[0] <= params.max_half_width_deg:
        raise AnalysisError(
            f"no reflex threshold: its interval of 95 % is +-{width[0]:.0f} deg, wider than "
            f"{params.max_half_width_deg:g} deg; the {x.size} stretches do not lie on one line"
        )
    ends = sorted(stretch_sign * (intercept + side * float(width[0])) for side in (-1.0, 1.0))
    return Threshold(
        tsrt_deg=stretch_sign * intercept,
        mu_s=-slope,
        tsrt_ci95_deg=(ends[0], ends[1]),
        n=x.size,
        mu_ci95_s=(-slope - float(width[1]), -slope + float(width[1])),
        method=method,
        points=tuple((float(a), stretch_sign * float(b)) for a, b in zip(x, y, strict=True)),
    )


def _require_range(velocity: FloatArray, params: ThresholdParams) -> None:
    """Refuse velocities that cannot tell a slope."""
    if velocity.size < params.min_points:
        raise AnalysisError(
            f"no reflex threshold: the reflex began in {velocity.size} usable stretches, {params.min_points} of "
            "different velocity are needed"
        )
    slow, fast = float(velocity.min()), float(velocity.max())
    if slow <= 0 or fast < params.min_velocity_ratio * slow or fast - slow < params.min_velocity_span_deg_s:
        raise AnalysisError(
            f"no reflex threshold: the stretches crossed it at {slow:.0f} to {fast:.0f} deg/s; a range of at least "
            f"{params.min_velocity_ratio:g} to 1 and {params.min_velocity_span_deg_s:g} deg/s is needed"
        )


def _without_outliers(points: Sequence[ReflexPoint], params: ThresholdParams) -> list[ReflexPoint]:
    """Leave out crossings that miss the line of Theil and Sen by far."""
    x = np.array([point.velocity_deg_s for point in points])
    y = np.array([point.stretch_deg for point in points])
    first, second = np.triu_indices(x.size, 1)
    apart = x[second] != x[first]
    slope = np.median((y[second] - y[first])[apart] / (x[second] - x[first])[apart])
    miss = y - slope * x
    expected = np.sqrt(_errors_of(points).across(np.array([slope]))[0] + params.usual_scatter_deg**2)
    miss = np.abs(miss - np.median(miss)) / expected
    limit = params.outlier_ratio * max(1.0, 1.4826 * float(np.median(miss)))
    return [point for point, is_near in zip(points, miss <= limit, strict=True) if is_near]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Errors:
    """Variances of both axes and their covariance, shape (n,)."""

    x: FloatArray
    y: FloatArray
    xy: FloatArray

    def across(self, slope: FloatArray) -> FloatArray:
        """Variance of the residual about lines of these slopes, shape (lines, n)."""
        b = slope[:, None]
        return np.maximum(self.y + b**2 * self.x - 2.0 * b * self.xy, _LEAST_VARIANCE)


def _errors_of(points: Sequence[ReflexPoint]) -> _Errors:
    """Collect the errors of crossings."""
    return _Errors(
        x=np.array([point.velocity_sd_deg_s for point in points]) ** 2,
        y=np.array([point.stretch_sd_deg for point in points]) ** 2,
        xy=np.array([point.covariance_deg2_s for point in points]),
    )


_LEAST_VARIANCE = 1e-6
"""Keeps weights finite where no error is stated (deg squared)."""


def _york(x: FloatArray, y: FloatArray, errors: _Errors) -> tuple[FloatArray, FloatArray]:
    """Fit lines to rows of points, shape (lines, n); intercepts and slopes (York 2004, eq. 13)."""
    away = x - x.mean(axis=1, keepdims=True)
    slope = (away * y).sum(axis=1) / (away**2).sum(axis=1)
    mean_x = mean_y = np.zeros(slope.size)
    for _ in range(_YORK_ROUNDS):
        weight = 1.0 / errors.across(slope)
        total = weight.sum(axis=1)
        mean_x, mean_y = (weight * x).sum(axis=1) / total, (weight * y).sum(axis=1) / total
        u, v = x - mean_x[:, None], y - mean_y[:, None]
        b = slope[:, None]
        beta = weight * (u * errors.y + b * v * errors.x - (b * u + v) * errors.xy)
        slope = (weight * beta * v).sum(axis=1) / (weight * beta * u).sum(axis=1)
    return mean_y - slope * mean_x, slope


_YORK_ROUNDS = 20
"""The iteration gains about a digit each round."""


def _with_scatter(x: FloatArray, y: FloatArray, errors: _Errors) -> _Errors:
    """Add to the angle's variance what the threshold itself scatters, until the residuals are as large as expected."""
    wanted = x.size - 2

    def with_variance(variance: float) -> tuple[_Errors, float]:
        widened = _Errors(x=errors.x, y=errors.y + variance, xy=errors.xy)
        intercept, slope = _york(x[None], y[None], widened)
        misfit = float(((y - intercept - slope * x) ** 2 / widened.across(slope)[0]).sum())
        return widened, misfit

    low, high = 0.0, float(np.var(y)) + 1.0
    if with_variance(low)[1] <= wanted:
        return with_variance(low)[0]
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if with_variance(middle)[1] > wanted:
            low = middle
        else:
            high = middle
    return with_variance(high)[0]


_HALVINGS = 20
"""Finds the scatter to a millionth of the spread of the angles."""


def _bootstrap_sd(x: FloatArray, errors: _Errors, line: tuple[float, float], params: ThresholdParams) -> FloatArray:
    """Compute deviations of intercept and slope when both errors of every crossing are drawn anew."""
    intercept, slope = line
    rng = np.random.default_rng(params.seed)
    first, second = rng.normal(size=(2, params.resamples, x.size))
    wrong_x = np.sqrt(errors.x) * first
    per_x = errors.xy / np.sqrt(np.maximum(errors.x, _LEAST_VARIANCE))
    wrong_y = per_x * first + np.sqrt(np.maximum(errors.y - per_x**2, 0.0)) * second
    again = _york(x + wrong_x, intercept + slope * x + wrong_y, errors)
    return np.array([float(value.std()) for value in again])
