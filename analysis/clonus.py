"""Clonus: rhythmic beats of the joint after a stretch, and how long they last."""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from analysis.filters import band_pass
from analysis.model import FloatArray
from analysis.motion import Motion
from analysis.stretch import Leg

__all__ = ["ClonusParams", "clonus_duration_s"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClonusParams:
    """What counts as clonus.

    Attributes
    ----------
    band_hz
        Band of the beats (dossier 1.7: 4 to 9 Hz; ankle clonus beats at 5 to 8 Hz, from memory of the literature).
    min_cycles
        Fewest beats in a row (same source).
    baseline_ratio
        Beats exceed the baseline's deviation by this factor (same source).
    baseline_s
        The baseline is the calm before the stretch, at most this long. Chosen by us.
    min_velocity_deg_s
        Smaller beats are tremor or noise whatever the baseline. Chosen by us.
    max_jitter
        Largest spread (standard deviation over mean) of the beats' intervals. Chosen by us.
    """

    band_hz: tuple[float, float] = (4.0, 9.0)
    min_cycles: int = 3
    baseline_ratio: float = 3.0
    baseline_s: float = 1.0
    min_velocity_deg_s: float = 10.0
    max_jitter: float = 0.35


def clonus_duration_s(motion: Motion, leg: Leg, *, until: int, params: ClonusParams = ClonusParams()) -> float:
    """Measure how long the joint beats after a stretch; 0 where there is no clonus.

    Velocity from the first stop on is band-passed; clonus is a row of beats that exceed the baseline, evenly spaced.

    Parameters
    ----------
    motion, leg
        The movement and the stretch.
    until
        Sample up to which beats are sought (the limb is held until it is returned).
    params
        What counts as clonus.
    """
    high_hz = min(params.band_hz[1], 0.9 * motion.rate_hz / 2.0)
    if motion.cutoff_hz < params.band_hz[1] or high_hz <= params.band_hz[0]:
        return 0.0
    rest_from = max(0, leg.start - int(params.baseline_s * motion.rate_hz))
    held = motion.velocity_deg_s[leg.end : until + 1]
    if held.size < 2 * motion.rate_hz / params.band_hz[0]:
        return 0.0
    pad = min(held.size - 1, int(motion.rate_hz / params.band_hz[0]))
    beats = band_pass(held, rate_hz=motion.rate_hz, band_hz=(params.band_hz[0], high_hz), pad=pad)
    baseline = float(np.std(motion.velocity_deg_s[rest_from : leg.start])) if leg.start - rest_from > 1 else 0.0
    least = max(params.baseline_ratio * baseline, params.min_velocity_deg_s)
    tops, _ = signal.find_peaks(beats, height=least, distance=max(1, int(0.5 * motion.rate_hz / high_hz)))
    return _longest_row(tops / motion.rate_hz, params)


def _longest_row(times_s: FloatArray, params: ClonusParams) -> float:
    """Measure the longest row of beats without a missing one."""
    if times_s.size <= params.min_cycles:
        return 0.0
    longest = 0.0
    for row in np.split(times_s, np.flatnonzero(np.diff(times_s) > 1.5 / params.band_hz[0]) + 1):
        intervals = np.diff(row)
        if intervals.size >= params.min_cycles and intervals.std() <= params.max_jitter * intervals.mean():
            longest = max(longest, float(row[-1] - row[0]))
    return longest
