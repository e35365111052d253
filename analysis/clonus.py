"""Clonus: rhythmic beats of the joint after a stretch, and how long they last."""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from analysis.filters import band_pass
from analysis.model import FloatArray
from analysis.motion import Motion
from analysis.stretch import Leg

__all__ = ["ClonusParams", "clonus_doubts", "clonus_duration_s", "held_until"]


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
    return_share
        The limb is no longer held once it has gone back by this share of the stretch. Chosen by us: beats are smaller.
    """

    band_hz: tuple[float, float] = (4.0, 9.0)
    min_cycles: int = 3
    baseline_ratio: float = 3.0
    baseline_s: float = 1.0
    min_velocity_deg_s: float = 10.0
    max_jitter: float = 0.35
    return_share: float = 0.6


def clonus_duration_s(motion: Motion, leg: Leg, *, until: int, params: ClonusParams = ClonusParams()) -> float:
    """Measure how long the joint beats after a stretch; 0 where there is no clonus.

    Velocity from the first stop on is band-passed; clonus is a row of beats that exceed the baseline, evenly spaced.

    Parameters
    ----------
    motion, leg
        The movement and the stretch.
    until
        Sample up to which beats are sought (see `held_until`).
    params
        What counts as clonus.
    """
    if not _resolved(motion, params):
        return 0.0
    high_hz = params.band_hz[1]
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


def held_until(motion: Motion, leg: Leg, *, stop: int, params: ClonusParams = ClonusParams()) -> int:
    """Find the last sample at which a limb is held after a stretch: the hand has not returned it yet.

    Parameters
    ----------
    motion, leg
        The movement and the stretch.
    stop
        Last sample before the next stretch.
    params
        What counts as a return.
    """
    x = motion.stretch_deg
    level = x[leg.end] - params.return_share * (x[leg.end] - x[leg.start])
    back = np.flatnonzero(x[leg.end : stop + 1] < level)
    return leg.end + int(back[0]) if back.size else stop


def clonus_doubts(motion: Motion, params: ClonusParams = ClonusParams()) -> tuple[str, ...]:
    """Say that clonus cannot be seen in a movement, where it is too coarse for its beats."""
    if _resolved(motion, params):
        return ()
    said = (
        f"clonus cannot be seen: it beats at up to {params.band_hz[1]:g} Hz, and this angle's frame rate or noise lets"
    )
    return (f"{said} no more than {motion.cutoff_hz:.1f} Hz through; Tardieu's X leaves 3 and 4 out",)


def _resolved(motion: Motion, params: ClonusParams) -> bool:
    """Tell whether the angle is quick enough to show beats of the whole band."""
    return params.band_hz[1] <= motion.cutoff_hz and params.band_hz[1] < 0.5 * motion.rate_hz


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
