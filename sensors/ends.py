"""Looks at the drift of an integrated angle, on the assumption that the joint comes back to the same positions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from analysis.model import FloatArray

__all__ = ["EndLooks", "EndParams", "look_by_ends", "look_by_rests", "rest_runs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndParams:
    """When the assumption is made; all values chosen by us.

    Attributes
    ----------
    min_turns
        So many turns at each end, at least: fewer cannot contradict the assumption.
    min_range_share
        A turn counts if the movement around it spans this share of the range.
    max_scatter
        Largest standard deviation of the ends from one movement to the next, as a share of the range.
    max_scatter_deg
        The same, in degrees. What the joint turns in one sampling interval just before its ends is allowed on top.
    approach_samples
        Samples before an end over which that is read.
    max_parting_deg_s
        Both ends must drift alike to within this rate (deg/s).
    max_drift_deg_s
        Faster drifts are no gyroscope's.
    range_window_s
        The range is the median over windows of this length (s), so that drift does not count.
    pause_deg_s, pause_step_s, min_pause_s
        The joint rests while its angle, read at the second's steps (s), changes more slowly than the first (deg/s), for
        the third (s) at least.
    min_rests, min_rests_share, min_rests_span
        So many rests, such a share of all rests, and over such a share of their time, at one position at least.
    rest_level_sd_deg
        Standard deviation (deg) of the position of such rests: those that were chosen for lying on a line scatter less.
    rest_slope_sd_deg_s, rest_slope_sds
        The drift from rest to rest must agree with the rates in the rests, and with gravity's, to within so many
        standard deviations; the rests' mean rate is known no better than the first (deg/s): a held joint gives.
    others_slope_sds
        Rests at a second position must drift as those at the first to within so many standard deviations.
    """

    min_turns: int = 5
    min_range_share: float = 0.5
    max_scatter: float = 0.02
    max_scatter_deg: float = 2.0
    approach_samples: int = 4
    max_parting_deg_s: float = 0.05
    max_drift_deg_s: float = 2.0
    range_window_s: float = 20.0
    pause_deg_s: float = 5.0
    pause_step_s: float = 0.1
    min_pause_s: float = 0.4
    min_rests: int = 3
    min_rests_share: float = 0.35
    min_rests_span: float = 0.5
    rest_level_sd_deg: float = 1.0
    rest_slope_sd_deg_s: float = 0.2
    rest_slope_sds: float = 3.0
    others_slope_sds: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EndLooks:
    """Turning points or rests as looks at the drift.

    Attributes
    ----------
    index, drift_deg
        Samples and the drift there (deg), shape (m,).
    sd_deg
        Scatter of the looks (deg).
    least_sd_deg
        One look is known no better than this (deg), however little those that were chosen scatter.
    on_a_line
        Whether the looks were chosen for lying on one line over time.
    """

    index: NDArray[np.intp]
    drift_deg: FloatArray
    sd_deg: float
    least_sd_deg: float = 0.0
    on_a_line: bool = False


def look_by_ends(joint_deg: FloatArray, rate_hz: float, params: EndParams = EndParams()) -> EndLooks | str:
    """Take turning points of an integrated angle as looks at its drift, unless they contradict that.

    Parameters
    ----------
    joint_deg
        Integrated angle, drifting, shape (n,).
    rate_hz
        Its rate.
    params
        When the assumption is made.

    Returns
    -------
    EndLooks or str
        The looks, or the reason why the data do not support the assumption.
    """
    window = max(2, round(params.range_window_s * rate_hz))
    spans = [np.ptp(joint_deg[i : i + window]) for i in range(0, max(1, joint_deg.size - window // 2), window)]
    span = float(np.median(spans))
    highs = signal.find_peaks(joint_deg, prominence=params.min_range_share * span)[0]
    lows = signal.find_peaks(-joint_deg, prominence=params.min_range_share * span)[0]
    if min(highs.size, lows.size) < params.min_turns:
        return f"only {min(highs.size, lows.size)} turns at one of its ends"
    scatters: list[float] = []
    slopes: list[float] = []
    for ends in (highs, lows):
        steps = np.diff(joint_deg[ends])
        slopes.append(float(np.polyfit(ends / rate_hz, joint_deg[ends], 1)[0]))
        scatters.append(_scatter(steps))
    scatter = max(scatters)
    turns = np.r_[highs, lows]
    before = np.maximum(turns - params.approach_samples, 0)
    unresolved = float(np.median(np.abs(joint_deg[turns] - joint_deg[before]))) / params.approach_samples
    if scatter > np.hypot(min(params.max_scatter * span, params.max_scatter_deg), unresolved):
        return f"its end positions scatter by {scatter:.1f} deg"
    if abs(slopes[0] - slopes[1]) > params.max_parting_deg_s or max(map(abs, slopes)) > params.max_drift_deg_s:
        return f"its ends wander by {slopes[0]:.2f} and {slopes[1]:.2f} deg/s"
    between = np.interp(highs, lows, joint_deg[lows], left=np.nan, right=np.nan)
    apart = float(np.nanmedian(joint_deg[highs] - between))
    drift = np.r_[joint_deg[highs] - apart, joint_deg[lows]]
    order = np.argsort(turns)
    typical = float(np.sqrt(np.mean(np.square(scatters))))
    return EndLooks(index=turns[order], drift_deg=drift[order], sd_deg=typical)


def rest_runs(resting: NDArray[np.bool_]) -> NDArray[np.intp]:
    """First sample and the one after the last of each rest, shape (m, 2)."""
    edges = np.flatnonzero(np.diff(np.r_[False, resting, False]))
    return edges.reshape(-1, 2).astype(np.intp)


def look_by_rests(
    joint_deg: FloatArray,
    rate_hz: float,
    params: EndParams = EndParams(),
    *,
    known: tuple[float, float] = (0.0, np.inf),
) -> EndLooks | str:
    """Take rests at one position as looks at the drift: most exams start each stretch where they started the last.

    The position is that of the first rest, where the limb lay before anything was done to it, or else the one at which
    most rests lie on one line over time: where a stretch ends depends on its speed. The line's slope is the drift, and
    must agree with how fast the integrated angle changes within the rests.

    Parameters
    ----------
    joint_deg
        Integrated angle, drifting, shape (n,).
    rate_hz
        Its rate.
    params
        When the assumption is made.
    known
        Steady rate of the drift and its standard deviation (deg/s) from elsewhere.
    """
    runs = _pauses(joint_deg, rate_hz, params)
    if runs.shape[0] < params.min_rests:
        return f"only {runs.shape[0]} rests"
    middle = runs.mean(axis=1)
    level = np.array([joint_deg[first:last].mean() for first, last in runs])
    rates = np.array([joint_deg[last - 1] - joint_deg[first] for first, last in runs]) * rate_hz / np.diff(runs)[:, 0]
    known_sd = max(float(np.std(rates)) / np.sqrt(rates.size), params.rest_slope_sd_deg_s)
    share = known[1] ** -2 / (known[1] ** -2 + known_sd**-2)
    slope = (
        share * known[0] + (1.0 - share) * float(np.mean(rates)),
        params.rest_slope_sds * known_sd * float(np.sqrt(1.0 - share)),
    )
    needed = max(params.min_rests, params.min_rests_share * runs.shape[0])
    same = _largest_line(middle / rate_hz, level, slope, params.max_scatter_deg, through_first=True)
    if same.size < needed:
        same = _largest_line(middle / rate_hz, level, slope, params.max_scatter_deg, through_first=False)
    at_s = middle[same] / rate_hz
    if same.size < needed or np.ptp(at_s) < params.min_rests_span * np.ptp(middle) / rate_hz:
        return f"only {same.size} of {runs.shape[0]} rests at one position"
    positions = [same, *_others(middle / rate_hz, level, same, params)]
    drift, sd = _shared_drift(middle / rate_hz, level, positions)
    used = np.sort(np.concatenate(positions))
    return EndLooks(
        index=middle[used].astype(np.intp),
        drift_deg=drift[used],
        sd_deg=sd,
        least_sd_deg=params.rest_level_sd_deg,
        on_a_line=True,
    )


def _others(
    at_s: FloatArray, level_deg: FloatArray, same: NDArray[np.intp], params: EndParams
) -> list[NDArray[np.intp]]:
    """Find the rests at one other position, as where the stretches end, if so many come back to it as are needed.

    They must drift as the first ones do: the slow stretches come first and end elsewhere than the fast ones, which
    would look like drift.
    """
    around_s = at_s[same] - at_s[same].mean()
    slope = float(around_s @ level_deg[same] / (around_s @ around_s))
    within = params.others_slope_sds * params.rest_level_sd_deg / float(np.sqrt(around_s @ around_s))
    left = np.setdiff1d(np.arange(level_deg.size), same)
    found = _largest_line(at_s[left], level_deg[left], (slope, within), params.rest_level_sd_deg, through_first=False)
    if found.size < params.min_rests or np.ptp(at_s[left][found]) < params.min_rests_span * np.ptp(at_s):
        return []
    return [left[found].astype(np.intp)]


def _shared_drift(
    at_s: FloatArray, level_deg: FloatArray, positions: list[NDArray[np.intp]]
) -> tuple[FloatArray, float]:
    """Drift at each rest, positions taken off so that all follow one line over time, and the scatter about it (deg)."""
    used = np.concatenate(positions)
    place = np.repeat(np.arange(len(positions)), [rests.size for rests in positions])
    design = np.c_[at_s[used], place[:, None] == np.arange(len(positions))]
    found = np.linalg.lstsq(design, level_deg[used], rcond=None)[0]
    left = level_deg[used] - design @ found
    drift = np.full(level_deg.size, np.nan)
    drift[used] = level_deg[used] - found[1:][place] + found[1]
    return drift, float(np.sqrt(np.sum(left**2) / max(used.size - len(found), 1)))


def _pauses(joint_deg: FloatArray, rate_hz: float, params: EndParams) -> NDArray[np.intp]:
    """Find where the joint hardly moves for a while: an examiner's hands are never as still as a sensor on a table."""
    size = max(1, round(params.pause_step_s * rate_hz))
    edges = joint_deg[::size]
    still = np.abs(np.diff(edges)) * rate_hz / size < params.pause_deg_s
    runs = rest_runs(still)
    long = np.diff(runs, axis=1)[:, 0] * size >= params.min_pause_s * rate_hz
    return runs[long] * size


def _largest_line(
    at_s: FloatArray, level_deg: FloatArray, slope: tuple[float, float], tolerance_deg: float, *, through_first: bool
) -> NDArray[np.intp]:
    """Find the most levels that lie on one line whose slope is near a given one."""
    rise, run = np.subtract.outer(level_deg, level_deg), np.subtract.outer(at_s, at_s)
    slopes = rise / np.where(run > 0, run, np.nan)
    best = np.zeros(0, dtype=np.intp)
    least = np.inf
    for i, j in np.argwhere(np.abs(slopes - slope[0]) <= slope[1]):
        left = np.abs(level_deg - level_deg[i] - slopes[i, j] * (at_s - at_s[i]))
        on = np.flatnonzero(left <= tolerance_deg).astype(np.intp)
        if through_first and 0 not in on:
            continue
        if (on.size, -left[on].sum()) > (best.size, -least):
            best, least = on, float(left[on].sum())
    return best


def _scatter(steps_deg: FloatArray) -> float:
    """Read the SD of one end off its steps: blind to a few jumps, and not fooled where it jumps to and fro."""
    blind = 1.4826 * float(np.median(np.abs(steps_deg - np.median(steps_deg))))
    return min(blind, float(np.std(steps_deg))) / float(np.sqrt(2))
