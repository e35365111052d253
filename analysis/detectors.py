"""Other detectors of the catch with force, and which repetition disagrees with the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.filters import time_derivative
from analysis.finding import Detection
from analysis.limb import Limb
from analysis.load import LimbLoad
from analysis.model import FloatArray
from analysis.motion import Motion
from analysis.resistance import ResistanceParams, excess_modes
from analysis.stretch import Leg

__all__ = [
    "DetectorParams",
    "DisagreementParams",
    "disagreeing",
    "minimum_power_catch",
    "torque_rate_catch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorParams:
    """How torque rate and power are read; all chosen by us.

    Attributes
    ----------
    plateau_share
        Velocity has reached its plateau at this share of its peak.
    around_s
        The excess must rise by what is noticeable within this time on each side of the largest rate: a reflex takes
        some 0.1 s to rise.
    min_probability
        A less probable catch is no detection, as in `ResistanceParams`.
    timing_share
        Standard deviation of the instant that smoothing leaves, as a share of the period at the torque's cut-off.
    flat_share
        The instant is as uncertain as the mark is flat: within this share of its height.
    resistance
        Errors of the excess.
    """

    plateau_share: float = 0.9
    around_s: float = 0.1
    min_probability: float = 0.8
    timing_share: float = 0.1
    flat_share: float = 0.9
    resistance: ResistanceParams = field(default_factory=ResistanceParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisagreementParams:
    """When the catch of one repetition disagrees with the others'; all chosen by us.

    Attributes
    ----------
    min_catches
        Fewer catches cannot disagree.
    spreads
        Robust standard deviations of the others' catches that are allowed.
    least_spread_share
        The others' spread is never taken to be smaller than this share of the healthy range: two or three catches may
        lie close together by chance.
    """

    min_catches: int = 3
    spreads: float = 3.0
    least_spread_share: float = 0.04


def torque_rate_catch(
    motion: Motion, leg: Leg, load: LimbLoad, *, limb: Limb, params: DetectorParams = DetectorParams()
) -> Detection | None:
    """Read the catch off the largest rate of resistance once velocity has reached its plateau.

    Parameters
    ----------
    motion, leg, load
        The movement, the stretch and its torques.
    limb
        Gives the torque that is noticed.
    params
        Where the plateau begins, and what counts as a detection.

    Returns
    -------
    Detection or None
        ``None`` where force was not observed, or no noticeable rise of the excess over a healthy limb goes with it.

    References
    ----------
    .. [1] Wu YN, Ren Y, Goldsmith A, et al. Characterization of spasticity in cerebral palsy: dependence of catch angle
       on velocity. Dev Med Child Neurol 2010;52:563-569 (abstract; that the plateau comes first is from memory)
    """
    span = slice(leg.start, leg.end + 1)
    excess = load.excess_Nm[span]
    if not np.isfinite(excess).all():
        return None
    velocity = motion.velocity_deg_s[span]
    plateau = int(np.argmax(velocity >= params.plateau_share * velocity.max()))
    rate = time_derivative(load.resistance_Nm[span], rate_hz=motion.rate_hz)
    at = plateau + int(rate[plateau:].argmax())
    around = max(1, round(params.around_s * motion.rate_hz))
    before = max(0, at - around) + int(excess[max(0, at - around) : at + 1].argmin())
    after = at + int(excess[at : at + around + 1].argmax())
    modes = excess_modes(load, span, params.resistance)
    probability = _noticeable(excess[after] - excess[before], modes[:, after] - modes[:, before], load, limb, params)
    return _detect("largest torque rate", motion, leg, load, (rate, at, probability), params)


def minimum_power_catch(
    motion: Motion, leg: Leg, load: LimbLoad, *, limb: Limb, params: DetectorParams = DetectorParams()
) -> Detection | None:
    """Read the catch off the smallest power of the limb on the hand: resistance takes most from the movement there.

    Parameters
    ----------
    motion, leg, load
        The movement, the stretch and its torques.
    limb
        Gives the torque that is noticed.
    params
        What counts as a detection.

    Returns
    -------
    Detection or None
        ``None`` where force was not observed, or the excess over a healthy limb is not noticeable there.

    Notes
    -----
    Power is minus resistance times velocity. It is the third definition (AOC3) of those that Bar-On's group compared in
    46 children, the only one that told their severities apart (abstract; authors and journal from memory of the
    literature).
    """
    span = slice(leg.start, leg.end + 1)
    excess = load.excess_Nm[span]
    if not np.isfinite(excess).all():
        return None
    absorbed = load.resistance_Nm[span] * np.radians(motion.velocity_deg_s[span])
    at = int(absorbed.argmax())
    smear = max(1, round(motion.rate_hz / load.cutoff_hz / 2.0))
    low = max(0, at - smear)
    most = low + int(excess[low : at + smear + 1].argmax())
    modes = excess_modes(load, span, params.resistance)[:, most]
    probability = _noticeable(excess[most], modes, load, limb, params)
    return _detect("minimum power", motion, leg, load, (absorbed, at, probability), params)


def disagreeing(
    catches_deg: Sequence[float | None],
    *,
    intervals: Sequence[tuple[float, float] | None],
    healthy_range_deg: float,
    params: DisagreementParams = DisagreementParams(),
) -> tuple[int, ...]:
    """List the repetitions of one velocity whose catch lies apart from the others'.

    A catch is apart from the median of the others by more than their intervals of 95 % and their robust spread allow.
    Where half of the repetitions or more would be apart, there is no majority, and none is named.

    Parameters
    ----------
    catches_deg
        Angle of catch of each repetition, ``None`` without one.
    intervals
        Their intervals of 95 %, lower bound first.
    healthy_range_deg
        Range of the healthy joint.
    params
        What is allowed.

    Returns
    -------
    tuple of int
        Indices of the repetitions that disagree, in order.
    """
    caught = [
        (i, angle, bounds)
        for i, (angle, bounds) in enumerate(zip(catches_deg, intervals, strict=True))
        if angle is not None and bounds is not None
    ]
    if len(caught) < params.min_catches:
        return ()
    least = params.least_spread_share * healthy_range_deg
    apart = []
    for i, angle, bounds in caught:
        others = [(other, between) for j, other, between in caught if j != i]
        angles = np.array([other for other, _ in others])
        median = float(np.median(angles))
        spread = max(1.4826 * float(np.median(np.abs(angles - median))), least)
        theirs = float(np.median([_towards(other, between, angle - median) for other, between in others]))
        allowed = np.hypot(np.hypot(_towards(angle, bounds, median - angle), theirs), params.spreads * spread)
        if abs(angle - median) > allowed:
            apart.append(i)
    return tuple(apart) if 2 * len(apart) < len(caught) else ()


def _towards(angle_deg: float, bounds: tuple[float, float], direction: float) -> float:
    """Half of an interval on the side of a direction."""
    return max(0.0, bounds[1] - angle_deg if direction > 0 else angle_deg - bounds[0])


def _noticeable(torque_Nm: float, modes: FloatArray, load: LimbLoad, limb: Limb, params: DetectorParams) -> float:
    """Judge how probable it is that a torque with these errors is noticeable."""
    floor = params.resistance.floor_share * limb.noticeable_Nm
    sd = float(np.sqrt((modes**2).sum() + floor**2 + load.noise_Nm**2))
    margin = (torque_Nm - limb.noticeable_Nm) / sd
    return min(float(1.0 / (1.0 + np.exp(-_NORMAL_AS_LOGISTIC * margin))), _NEVER_SURER)


_NORMAL_AS_LOGISTIC = 1.702
"""Factor at which the logistic function is the normal distribution's within 0.01."""

_NEVER_SURER = 0.995
"""No evidence is certain."""


def _detect(
    method: str,
    motion: Motion,
    leg: Leg,
    load: LimbLoad,
    mark: tuple[FloatArray, int, float],
    params: DetectorParams,
) -> Detection | None:
    """Report the largest value of a mark, where it is probable enough; it is as uncertain as the mark is flat."""
    values, at, probability = mark
    if probability < params.min_probability or values[at] <= 0:
        return None
    below = np.flatnonzero(values < params.flat_share * values[at])
    left, right = below[below < at], below[below > at]
    width = (int(right[0]) if right.size else values.size) - (int(left[-1]) if left.size else -1)
    flat_s = width / motion.rate_hz / np.sqrt(12.0)  # of an even distribution
    timing_s = float(np.hypot(flat_s, params.timing_share / load.cutoff_hz))
    i = leg.start + at
    return Detection(
        method=method,
        time_s=float(motion.time_s[i]),
        angle_deg=float(motion.sign * motion.stretch_deg[i]),
        sd_deg=float(
            np.sqrt((motion.velocity_deg_s[i] * timing_s) ** 2 + motion.angle_noise_deg**2 + motion.systematic_deg**2)
        ),
        probability=probability,
    )
