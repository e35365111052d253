"""Two streams on different clocks: by how much one is late, told by the movement that both saw."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from analysis.filters import bridge_gaps, low_pass, resample
from analysis.model import FloatArray
from sensors.errors import SensorError
from sensors.samples import ImuSamples

__all__ = ["Alignment", "AlignmentParams", "align_rates", "align_turned_together"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentParams:
    """How a lag is found; all chosen by us.

    Attributes
    ----------
    rate_hz
        Even grid that both are read on.
    cutoff_hz
        Both are smoothed to what passive movement holds, without delay.
    max_lag_s
        Largest lag that is searched (s).
    max_gap_s
        Samples further apart leave a gap, which counts for nothing (s).
    least_s
        Shortest time in common (s).
    least_rate
        Both must scatter by at least this, in their own unit: 10 deg/s, a slow passive movement.
    least_correlation
        Below this the two did not see the same movement.
    together_s, together_correlation, together_gain
        Two sensors were turned together, held in one hand, where over windows so long (s) their angular speeds
        correlate by this and agree to this share.
    """

    rate_hz: float = 200.0
    cutoff_hz: float = 8.0
    max_lag_s: float = 0.5
    max_gap_s: float = 0.1
    least_s: float = 2.0
    least_rate: float = float(np.deg2rad(10.0))
    least_correlation: float = 0.7
    together_s: float = 4.0
    together_correlation: float = 0.97
    together_gain: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How two streams lie to each other.

    Attributes
    ----------
    lag_s
        By how much the second is late.
    sd_s
        Standard deviation of the lag, from what is left when it is taken out.
    correlation
        Of the two, the lag taken out.
    gain
        The second's amplitude over the first's.
    """

    lag_s: float
    sd_s: float
    correlation: float
    gain: float


def align_rates(
    first_s: FloatArray,
    first: FloatArray,
    second_s: FloatArray,
    second: FloatArray,
    params: AlignmentParams = AlignmentParams(),
) -> Alignment:
    """Find by how much the second angular velocity is late, to a fraction of a sample.

    The lag with the largest correlation is the beginning; least squares on the shifted curve refine it.

    Parameters
    ----------
    first_s, first
        Times (s) and angular velocity (rad/s, or one unit for both), shape (n,).
    second_s, second
        The same of the other stream, shape (m,).
    params
        What is searched, and what is too little.

    Raises
    ------
    SensorError
        If the two have too little in common, do not move, or do not move alike.
    """
    start_s, end_s = max(first_s[0], second_s[0]), min(first_s[-1], second_s[-1])
    if end_s - start_s < params.least_s:
        raise SensorError(f"the two streams have {max(0.0, end_s - start_s):.1f} s in common; record them together")
    grid_s = np.arange(start_s, end_s, 1.0 / params.rate_hz)
    one = _on_grid(first_s, first, grid_s, params)
    two = _on_grid(second_s, second, grid_s, params)
    seen = np.isfinite(one) & np.isfinite(two)
    if seen.sum() < params.least_s * params.rate_hz:
        raise SensorError("the two streams were hardly seen at the same time; record them together")
    if min(float(np.std(one[seen])), float(np.std(two[seen]))) < params.least_rate:
        raise SensorError("there is no movement that could tell a lag; turn the joint, or both sensors in one hand")
    coarse = _coarse(one, two, params)
    return _refined(grid_s, one, two, coarse, params)


def _on_grid(time_s: FloatArray, values: FloatArray, grid_s: FloatArray, params: AlignmentParams) -> FloatArray:
    """Read a stream on the grid, smoothed; gaps stay gaps."""
    read = resample(time_s, values, grid_s, max_gap_s=params.max_gap_s)
    if np.isfinite(read).sum() < 2:
        return read
    smooth = low_pass(bridge_gaps(read), rate_hz=params.rate_hz, cutoff_hz=params.cutoff_hz)
    return np.where(np.isfinite(read), smooth, np.nan)


def _coarse(one: FloatArray, two: FloatArray, params: AlignmentParams) -> int:
    """Return the lag in samples at which the correlation is largest; gaps count as the mean."""
    a = np.where(np.isfinite(one), one - np.nanmean(one), 0.0)
    b = np.where(np.isfinite(two), two - np.nanmean(two), 0.0)
    longest = min(round(params.max_lag_s * params.rate_hz), a.size // 2)
    size = 1 << int(np.ceil(np.log2(a.size + longest + 1)))
    product = np.fft.irfft(np.conj(np.fft.rfft(a, size)) * np.fft.rfft(b, size), size)
    lags = np.arange(-longest, longest + 1)
    return int(lags[np.argmax(product[lags])])


def _refined(grid_s: FloatArray, one: FloatArray, two: FloatArray, coarse: int, params: AlignmentParams) -> Alignment:
    known = np.isfinite(one)
    curve = CubicSpline(grid_s[known], one[known])
    slope = curve.derivative()
    lag_s = coarse / params.rate_hz
    gain, rest, steep, correlation = 1.0, two, one, 0.0
    for _ in range(_STEPS):
        at_s = grid_s - lag_s
        near = np.interp(at_s, grid_s, np.where(known, 1.0, 0.0), left=0.0, right=0.0) == 1.0
        use = near & np.isfinite(two)
        shifted, seen = curve(at_s[use]), two[use]
        steep = slope(at_s[use])
        design = np.stack([shifted, np.ones_like(shifted), -steep], axis=1)
        solution, *_ = np.linalg.lstsq(design, seen, rcond=None)
        gain = float(solution[0])
        rest = seen - design @ solution
        correlation = float(np.corrcoef(shifted, seen)[0, 1])
        step_s = float(np.clip(solution[2] / gain if gain else 0.0, -1.0 / params.rate_hz, 1.0 / params.rate_hz))
        lag_s += step_s
    if not correlation >= params.least_correlation:
        raise SensorError(f"the two streams did not see the same movement (correlation {correlation:.2f})")
    spread = float(np.var(rest)) * _redundancy(rest)
    sd_s = float(np.sqrt(spread / max(float(np.sum((gain * steep) ** 2)), 1e-300)))
    return Alignment(lag_s=lag_s, sd_s=sd_s, correlation=correlation, gain=gain)


_STEPS = 6
"""Least squares on a smooth curve settle within a few steps."""


def _redundancy(rest: FloatArray) -> float:
    """Return by how much fewer independent values there are than samples: the sum of the autocorrelation."""
    centred = rest - rest.mean()
    power = float(centred @ centred)
    total = 1.0
    for lag in range(1, min(_LONGEST_MEMORY, centred.size // 4)):
        shared = float(centred[lag:] @ centred[:-lag]) / power if power > 0 else 0.0
        if shared <= 0.0:
            break
        total += 2.0 * shared
    return total


_LONGEST_MEMORY = 400
"""Samples over which residuals may hang together."""


def align_turned_together(
    first: ImuSamples, second: ImuSamples, params: AlignmentParams = AlignmentParams()
) -> Alignment:
    """Find the lag of two sensors that were held in one hand and twisted, whatever else they did before and after.

    Their angular speeds are equal then, however the sensors are held. Windows in which they are not tell nothing.

    Parameters
    ----------
    first, second
        The two streams.
    params
        When two sensors count as held together.

    Raises
    ------
    SensorError
        If they never turned together.

    References
    ----------
    .. [1] Faizullin M, Kornilova A, Akhmetyanov A, Ferrer G. Twist-n-Sync: software clock synchronization with
       microseconds accuracy using MEMS-gyroscopes. Sensors 2021;21(1):68. doi:10.3390/s21010068
    """
    speeds = [np.linalg.norm(stream.gyr_rad_s, axis=1) for stream in (first, second)]
    start_s, end_s = max(first.time_s[0], second.time_s[0]), min(first.time_s[-1], second.time_s[-1])
    found = []
    for from_s in np.arange(start_s, end_s - params.together_s, 0.5 * params.together_s):
        parts = []
        for stream, speed in zip((first, second), speeds, strict=True):
            inside = slice(*np.searchsorted(stream.time_s, [from_s, from_s + params.together_s]))
            parts += [stream.time_s[inside], speed[inside]]
        if not _as_vigorous(parts[1], parts[3], params):
            continue
        try:
            one = align_rates(parts[0], parts[1], parts[2], parts[3], params)
        except (SensorError, IndexError):  # too little in this window
            continue
        if one.correlation >= params.together_correlation and abs(one.gain - 1.0) <= params.together_gain:
            found.append(one)
    if not found:
        raise SensorError("the two sensors never turned together; hold both in one hand and twist them for 10 s")
    weights = np.array([1.0 / max(one.sd_s, 1e-6) ** 2 for one in found])
    lags = np.array([one.lag_s for one in found])
    lag_s = float(weights @ lags / weights.sum())
    # Windows overlap by half: two tell hardly more than one.
    spread_s = float(np.std(lags)) / np.sqrt(max(1.0, 0.5 * len(found)))
    return Alignment(
        lag_s=lag_s,
        sd_s=max(float(np.sqrt(2.0 / weights.sum())), spread_s),
        correlation=float(np.median([one.correlation for one in found])),
        gain=float(np.median([one.gain for one in found])),
    )


def _as_vigorous(one: FloatArray, two: FloatArray, params: AlignmentParams) -> bool:
    """Tell at little cost whether two windows may hold the same movement."""
    if min(one.size, two.size) < 2:
        return False
    spread = float(np.std(one)), float(np.std(two))
    return min(spread) > params.least_rate and max(spread) < (1.0 + 2.0 * params.together_gain) * min(spread)
