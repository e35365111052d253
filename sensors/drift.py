"""Drift of an integrated angular rate, smoothed from noisy looks at it and at the bias behind it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.model import FloatArray

__all__ = ["DriftNoise", "DriftPath", "estimate_noise", "find_steps", "shared_memory", "smooth_drift"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftNoise:
    """Noise of the drift model; degrees and seconds.

    Attributes
    ----------
    walk_deg2_s
        Growth of the drift's variance per second.
    look_deg2
        Variance of one look at the drift.
    """

    walk_deg2_s: float
    look_deg2: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DriftPath:
    """Smoothed drift: value (deg), variance (deg2) and rate (deg/s) at each block, shape (k,)."""

    drift_deg: FloatArray
    variance_deg2: FloatArray
    bias_deg_s: FloatArray


def estimate_noise(looks_deg: FloatArray, step_s: float, *, lags: tuple[int, ...], least: DriftNoise) -> DriftNoise:
    """Read walk and look noise off the looks' own scatter over growing lags.

    The mean square difference of looks `m` steps apart is ``2 look + walk m step``, once the mean slope is gone.

    Parameters
    ----------
    looks_deg
        Looks at the drift, NaN where there is none, shape (k,).
    step_s
        Time between looks.
    lags
        Lags to compare over, in steps.
    least
        Smallest noise to answer.
    """
    seen = np.flatnonzero(np.isfinite(looks_deg))
    usable = [m for m in lags if 4 * m <= seen.size]
    if len(usable) < 2:
        return least
    slope = np.polyfit(seen, looks_deg[seen], 1)[0]
    level = looks_deg - slope * np.arange(looks_deg.size)
    squares = np.array([np.nanmean((level[m:] - level[:-m]) ** 2) if seen.size else np.nan for m in usable])
    known = np.isfinite(squares) & (squares > 0)
    if known.sum() < 2:
        return least
    lag_s = step_s * np.array(usable)[known]
    design = np.c_[np.full(lag_s.size, 2.0), lag_s] / squares[known, None]  # relative residuals: lags span decades
    look, walk = np.linalg.lstsq(design, np.ones(lag_s.size), rcond=None)[0]
    return DriftNoise(walk_deg2_s=max(float(walk), least.walk_deg2_s), look_deg2=max(float(look), least.look_deg2))


def shared_memory(left: FloatArray | NDArray[np.complex128]) -> float:
    """Count the neighbours that share their error: the sum of the autocorrelation up to its first zero.

    Skin moves for seconds, so that neighbouring looks say nearly the same.
    """
    power = float(np.vdot(left, left).real)
    total = 1.0
    for lag in range(1, left.size // 4):
        shared = float(np.vdot(left[lag:], left[:-lag]).real) / max(power, 1e-30)
        if shared <= 0.0:
            break
        total += 2.0 * shared
    return total


def find_steps(looks_deg: FloatArray, look_sd_deg: float, *, window: int, least_sd: float) -> FloatArray:
    """Find where the drift jumps for good, as a sample that was lost without a trace makes it.

    Parameters
    ----------
    looks_deg
        Looks at the drift in order of time, shape (m,).
    look_sd_deg
        Standard deviation of one look.
    window
        The means of so many looks on either side are compared; near the ends, of at least half as many.
    least_sd
        Their difference counts as a step from so many of its standard deviations on.

    Returns
    -------
    numpy.ndarray
        Size of the step between each look and the one before it, zero where there is none, shape (m,).
    """
    total = np.r_[0.0, np.cumsum(looks_deg)]
    at = np.arange(looks_deg.size)
    before, after = np.minimum(at, window), np.minimum(looks_deg.size - at, window)
    size = (total[at + after] - total[at]) / np.maximum(after, 1) - (total[at] - total[at - before]) / np.maximum(
        before, 1
    )
    enough = np.minimum(before, after) >= max(1, window // 2)
    sd = look_sd_deg * np.sqrt(1.0 / np.maximum(before, 1) + 1.0 / np.maximum(after, 1))
    ratio = np.where(enough, np.abs(size) / sd, 0.0)
    peak = ratio >= ndimage.maximum_filter1d(ratio, 2 * window + 1)
    return np.where(peak & (ratio > least_sd), size, 0.0)


def smooth_drift(  # noqa: PLR0913 (one series and its variance each for drift, bias and walk)
    looks_deg: FloatArray,
    look_var: FloatArray,
    bias_looks_deg_s: FloatArray,
    bias_var: FloatArray,
    walk_var: FloatArray,
    *,
    step_s: float,
    bias_prior_deg_s: float,
    bias_walk_deg2_s3: float,
    start_var_deg2: float,
) -> DriftPath:
    """Smooth drift and bias forward and backward over all blocks.

    Parameters
    ----------
    looks_deg, look_var
        Looks at the drift and their variance, NaN where there is none, shape (k,).
    bias_looks_deg_s, bias_var
        Looks at the bias (rests) and their variance, NaN where there is none, shape (k,).
    walk_var
        Variance that the drift gains from each block to the next, shape (k,).
    step_s
        Length of a block.
    bias_prior_deg_s, start_var_deg2
        Standard deviation of the bias and variance of the drift before any look.
    bias_walk_deg2_s3
        Growth of the bias' variance per second.

    Notes
    -----
    Plain floats: two states over a few thousand blocks run faster so than in small arrays.

    References
    ----------
    .. [1] Rauch HE, Tung F, Striebel CT. AIAA Journal 1965;3(8):1445-50. doi:10.2514/3.3166
    """
    predicted, filtered = _forward(
        (looks_deg, look_var, bias_looks_deg_s, bias_var, walk_var),
        step_s,
        (start_var_deg2, bias_prior_deg_s**2, bias_walk_deg2_s3 * step_s),
    )
    return _backward(predicted, filtered, step_s)


_Moments = tuple[float, float, float, float, float]  # drift, bias, their variances: drift, both, bias


def _forward(
    series: tuple[FloatArray, ...], step_s: float, start: tuple[float, float, float]
) -> tuple[list[_Moments], list[_Moments]]:
    drift = bias = cross = 0.0
    var, bias_prior, bias_step = start
    bvar = bias_prior
    predicted: list[_Moments] = []
    filtered: list[_Moments] = []
    for look, look_v, bias_look, bias_v, walk in zip(*(values.tolist() for values in series), strict=True):
        predicted.append((drift, bias, var, cross, bvar))
        if look == look:  # noqa: PLR0124 (not NaN, in a tight loop)
            gain, bgain, error = var / (var + look_v), cross / (var + look_v), look - drift
            drift, bias = drift + gain * error, bias + bgain * error
            var, cross, bvar = var * (1 - gain), cross * (1 - gain), bvar - bgain * cross
        if bias_look == bias_look:  # noqa: PLR0124
            gain, bgain, error = cross / (bvar + bias_v), bvar / (bvar + bias_v), bias_look - bias
            drift, bias = drift + gain * error, bias + bgain * error
            var, cross, bvar = var - gain * cross, cross * (1 - bgain), bvar * (1 - bgain)
        filtered.append((drift, bias, var, cross, bvar))
        drift += step_s * bias
        var += step_s * (2 * cross + step_s * bvar) + walk
        cross += step_s * bvar
        bvar += bias_step
    return predicted, filtered


def _backward(predicted: list[_Moments], filtered: list[_Moments], step_s: float) -> DriftPath:
    """Rauch-Tung-Striebel pass [1]."""
    drift, bias, var, cross, bvar = filtered[-1]
    smooth = [(drift, var, bias)]
    for i in range(len(filtered) - 2, -1, -1):
        m1, m2, f11, f12, f22 = filtered[i]
        n1, n2, p11, p12, p22 = predicted[i + 1]
        det = p11 * p22 - p12 * p12
        a11, a21 = f11 + step_s * f12, f12 + step_s * f22
        c11, c12 = (a11 * p22 - f12 * p12) / det, (f12 * p11 - a11 * p12) / det
        c21, c22 = (a21 * p22 - f22 * p12) / det, (f22 * p11 - a21 * p12) / det
        e1, e2 = drift - n1, bias - n2
        s11, s12, s22 = var - p11, cross - p12, bvar - p22
        drift, bias = m1 + c11 * e1 + c12 * e2, m2 + c21 * e1 + c22 * e2
        var = f11 + c11 * c11 * s11 + 2 * c11 * c12 * s12 + c12 * c12 * s22
        cross = f12 + c11 * (c21 * s11 + c22 * s12) + c12 * (c21 * s12 + c22 * s22)
        bvar = f22 + c21 * c21 * s11 + 2 * c21 * c22 * s12 + c22 * c22 * s22
        smooth.append((drift, var, bias))
    path = np.array(smooth[::-1])
    return DriftPath(drift_deg=path[:, 0], variance_deg2=np.maximum(path[:, 1], 0.0), bias_deg_s=path[:, 2])
