"""Where the limb is along the healthy range, as far as a drifting angle and the protocol tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.limb import Limb, stretch_fraction
from analysis.model import FloatArray, Recording, Zero
from analysis.motion import Motion
from analysis.stretch import Leg

__all__ = ["Place", "PlaceParams", "place_stretches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceParams:
    """How far angle and protocol are trusted; all chosen by us.

    Attributes
    ----------
    unstated_sd_deg
        Standard deviation of an angle's zero that no source undercuts.
    worst_share
        An angle that drifts somewhere is trusted nowhere more than to this share of its largest stated deviation.
    start_share, start_sd
        Where a stretch starts by protocol, as a share of the healthy range, and the deviation of that.
    max_apart
        An angle that puts a start further from there than this many deviations of both contradicts the protocol: the
        limb was stretched from elsewhere, and the angle alone counts.
    start_own_sd
        What of that deviation each stretch has to itself: no examiner brings a limb back to quite the same place.
    skin_sd_deg
        Deviation of the angle between one stretch and the next that no source undercuts: skin and clothes move.
    drift_share
        Share of the angle's stated deviation that may come about within one stretch.
    """

    unstated_sd_deg: float = 1.0
    worst_share: float = 0.5
    start_share: float = 0.015
    start_sd: float = 0.04
    max_apart: float = 4.0
    start_own_sd: float = 0.03
    skin_sd_deg: float = 0.7
    drift_share: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """Where the limb is along the healthy range.

    Attributes
    ----------
    fraction
        Fraction of the healthy range at each sample, shape (n,).
    common_sd
        Deviation that all stretches share: of the angle's zero.
    own_sd
        Deviation of each stretch's own: of its start and of the drift within it, shape (n,).
    """

    fraction: FloatArray
    common_sd: float
    own_sd: FloatArray


def place_stretches(
    recording: Recording, motion: Motion, limb: Limb, legs: Sequence[Leg], params: PlaceParams = PlaceParams()
) -> Place:
    """Place each stretch along the healthy range.

    The angle says where a stretch starts, as well as its drift lets it; the protocol says that it starts at the
    shortened end, so that starts which move tell the angle's drift. Both are weighed by their deviations, unless they
    contradict each other. A relative angle says nothing.
    """
    fraction = stretch_fraction(limb.muscle_group, motion.sign * motion.stretch_deg)
    starts = np.array([leg.start for leg in legs], dtype=int)
    sd = _stated_sd(recording, motion.time_s[starts], params) / recording.muscle.healthy_range_deg
    trust = 1.0 / (1.0 + (sd / params.start_sd) ** 2)
    start_sd = params.start_sd * np.sqrt(1.0 - trust)
    apart = np.abs(fraction[starts] - params.start_share) > params.max_apart * np.hypot(sd, params.start_sd)
    trust, start_sd = np.where(apart, 1.0, trust), np.where(apart, sd, start_sd)
    if recording.angle.zero is Zero.RELATIVE:
        trust, start_sd = np.zeros_like(trust), np.full_like(trust, params.start_sd)
    common_sd = float(start_sd.min(initial=params.start_sd))
    drift_per_s = _median_slope(motion.time_s[starts], fraction[starts])
    own_sd = np.zeros(fraction.size)
    skin_sd = params.skin_sd_deg / recording.muscle.healthy_range_deg
    scatter_sd = params.start_own_sd * (1.0 - trust)
    for i, leg in enumerate(legs):
        span = slice(leg.first, leg.last + 1)
        drifted = drift_per_s * (motion.time_s[span] - motion.time_s[leg.start])
        fraction[span] += (1.0 - trust[i]) * (params.start_share - float(fraction[leg.start]) - drifted)
        own = (np.sqrt(start_sd[i] ** 2 - common_sd**2), params.drift_share * sd[i], skin_sd, scatter_sd[i])
        own_sd[span] = np.linalg.norm(own)
    return Place(fraction=fraction, common_sd=common_sd, own_sd=own_sd)


def _stated_sd(recording: Recording, at_s: FloatArray, params: PlaceParams) -> FloatArray:
    """Deviation of the angle at some times, in degrees: as stated by its source, but no less than any source's."""
    stated = recording.angle.sd_deg
    known = np.isfinite(stated)
    if not known.any():
        return np.full(at_s.shape, params.unstated_sd_deg)
    least_deg = max(params.unstated_sd_deg, params.worst_share * float(stated[known].max()))
    return np.maximum(np.interp(at_s, recording.angle.time_s[known], stated[known]), least_deg)


def _median_slope(time_s: FloatArray, values: FloatArray) -> float:
    """Slope through points by Theil and Sen, 0 for fewer than three."""
    if time_s.size < _FEWEST_FOR_SLOPE:
        return 0.0
    first, second = np.triu_indices(time_s.size, 1)
    return float(np.median((values[second] - values[first]) / (time_s[second] - time_s[first])))


_FEWEST_FOR_SLOPE = 3
"""Two stretches may start apart for any reason."""
