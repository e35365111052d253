"""Looks at the drift of an integrated angle, on the assumption that the joint comes back to the same end positions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from analysis.model import FloatArray

__all__ = ["EndLooks", "EndParams", "look_by_ends"]


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
    """

    min_turns: int = 5
    min_range_share: float = 0.5
    max_scatter: float = 0.02
    max_scatter_deg: float = 2.0
    approach_samples: int = 4
    max_parting_deg_s: float = 0.05
    max_drift_deg_s: float = 2.0
    range_window_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EndLooks:
    """Turning points as looks at the drift: sample index and drift (deg), shape (m,), and one look's SD (deg)."""

    index: NDArray[np.intp]
    drift_deg: FloatArray
    sd_deg: float


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


def _scatter(steps_deg: FloatArray) -> float:
    """Standard deviation of one end from its steps: blind to a few jumps, and not fooled where it jumps to and fro."""
    blind = 1.4826 * float(np.median(np.abs(steps_deg - np.median(steps_deg))))
    return min(blind, float(np.std(steps_deg))) / float(np.sqrt(2))
