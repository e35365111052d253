"""What a fast stretch resists more than a slow one, and what that resistance is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.finding import ResistanceParts
from analysis.load import LimbLoad
from analysis.model import FloatArray
from analysis.motion import Motion, smooth_motion
from analysis.slow_curve import Passage, SlowCurve, cut_passage, slow_curve
from analysis.stretch import Leg

__all__ = ["VelocityDependenceParams", "separate_resistance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VelocityDependenceParams:
    """How the resistance of fast stretches is compared with that of slow ones.

    Attributes
    ----------
    grid
        Bins of the healthy range in which the slow stretches are averaged. Chosen by us.
    rise_share
        Viscosity is read off the rise of the fast stretches up to this share of their peak velocity, as the clocks are
        (`LoadParams.lag_share`): no reflex yet. Chosen by us.
    inertia_sd_share
        Standard deviation of the limb's inertia about its model, as in `ResistanceParams`. Chosen by us.
    offset_sd_share
        Standard deviation of an offset between fast and slow torque, as a share of the largest slow resistance: it is
        no viscosity. Chosen by us.
    huber
        Residuals beyond this many of their robust deviations count less and less in the fit. The usual constant of
        Huber 1964 (doi:10.1214/aoms/1177703732), 95 % efficient for normal errors.
    min_samples
        Fewest samples of a fit. Chosen by us.
    torque_share, work_share
        Shares of the slow range at which the torque is compared, and at which the work ends (Bar-On 2013,
        doi:10.1016/j.gaitpost.2012.11.003, from memory of the literature).
    end_share
        Last share of the range in which the end's stiffness is read. Chosen by us.
    end_miss_share
        A fast stretch gets to the end of the slow range where it misses no more than this share of it. Chosen by us.
    return_share
        The return is complete within this share of the stretch's range from its start. Chosen by us.
    """

    grid: int = 100
    rise_share: float = 0.6
    inertia_sd_share: float = 0.05
    offset_sd_share: float = 0.1
    huber: float = 1.345
    min_samples: int = 5
    torque_share: float = 0.7
    work_share: float = 0.9
    end_share: float = 0.1
    end_miss_share: float = 0.03
    return_share: float = 0.1


def separate_resistance(  # noqa: PLR0913 (three say what was moved, the others which stretches are compared)
    motion: Motion,
    legs: Sequence[Leg],
    load: LimbLoad,
    *,
    slow: Sequence[int],
    fast: Sequence[int],
    healthy_range_deg: float,
    params: VelocityDependenceParams = VelocityDependenceParams(),
) -> tuple[ResistanceParts | None, ...]:
    """Take the resistance of each stretch apart into elastic, viscous and reflex torque.

    1. The median resistance of the slow stretches, place by place, is the elastic reference, once its own viscous part
       is taken off.
    2. Viscosity is what the rise of the fast stretches resists more than the slow ones, per velocity that it is faster
       (a robust fit, in which an offset and an error of the inertia may explain some of it).
    3. What is left of a stretch depends on velocity otherwise: the reflex.

    Parameters
    ----------
    motion, legs, load
        The movement, its stretches in order of time, and their torques.
    slow, fast
        Indices of the slow and of the faster stretches.
    healthy_range_deg
        Available range of the healthy joint.
    params
        Places, and bounds of the fits.

    Returns
    -------
    tuple of ResistanceParts or None
        One for each leg; ``None`` where it is neither slow nor fast, where its force was not observed, and everywhere
        without an observed slow stretch.
    """
    quick = smooth_motion(motion, cutoff_hz=load.cutoff_hz)  # angle and torque smoothed alike
    passages = [cut_passage(quick, leg, load) for leg in legs]
    curve = slow_curve([passages[i] for i in slow], healthy_range_deg / params.grid)
    if curve is None:
        return (None,) * len(legs)
    viscosity = _viscosity([passages[i] for i in fast], curve, params)
    turns = [*(leg.first for leg in legs[1:]), motion.time_s.size - 1]
    return tuple(
        replace(
            _parts(passage, curve, viscosity, is_slow=i in slow, params=params),
            hysteresis_J=_hysteresis_J(quick, leg, load, until=turns[i], params=params),
        )
        if passage.observed and (i in slow or i in fast)
        else None
        for i, (leg, passage) in enumerate(zip(legs, passages, strict=True))
    )


def _viscosity(fast: Sequence[Passage], curve: SlowCurve, params: VelocityDependenceParams) -> float | None:
    """Fit torque per velocity (N.m.s/rad, not negative) to what the rises of fast stretches resist beyond slow ones."""
    rises = [passage.rise(params.rise_share) for passage in fast if passage.observed]
    columns = [
        np.column_stack(
            [
                rise.torque_Nm - curve.torque_at(rise.place_deg),
                rise.velocity - curve.velocity_at(rise.place_deg),
                rise.inertial_Nm,
            ]
        )
        for rise in rises
    ]
    rows = np.concatenate(columns) if columns else np.zeros((0, 3))
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) < params.min_samples or not (rows[:, 1] > 0).any():
        return None
    offset_sd = params.offset_sd_share * float(np.abs(curve.torque_Nm).max())
    design = np.column_stack([rows[:, 1], params.inertia_sd_share * rows[:, 2], np.full(len(rows), offset_sd)])
    return max(0.0, float(_robust_fit(design, rows[:, 0], params.huber)[0]))


def _robust_fit(design: FloatArray, torque: FloatArray, huber: float) -> FloatArray:
    """Fit by iteratively weighted least squares; all but the first coefficient have deviation 1 about 0."""
    prior = np.diag(np.r_[0.0, np.ones(design.shape[1] - 1)])
    weight = np.ones(torque.size)
    coefficients: FloatArray = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        rest = torque - design @ coefficients
        spread = max(1.4826 * float(np.median(np.abs(rest))), _LEAST_SPREAD_NM)
        weight = np.minimum(1.0, huber * spread / np.maximum(np.abs(rest), 1e-12))
        weighed = design * weight[:, None]
        normal = weighed.T @ design + spread**2 * prior
        coefficients = np.asarray(np.linalg.solve(normal, weighed.T @ torque), dtype=np.float64)
    return coefficients


_ROUNDS = 12
"""Rounds of the weighted fit; it settles in half of them."""

_LEAST_SPREAD_NM = 1e-3
"""Residuals are never taken to be smaller than this."""


def _parts(
    passage: Passage,
    curve: SlowCurve,
    viscosity: float | None,
    *,
    is_slow: bool,
    params: VelocityDependenceParams,
) -> ResistanceParts:
    """Take one stretch apart; its hysteresis is left open."""
    at_s, elastic, viscous, reflex = _at_largest_reflex(passage, curve, viscosity)
    return ResistanceParts(
        at_s=at_s,
        elastic_Nm=elastic,
        viscous_Nm=viscous,
        reflex_Nm=reflex,
        delta_torque_Nm=None if is_slow else _delta_torque(passage, curve, params.torque_share),
        delta_work_J=None if is_slow else _delta_work(passage, curve, params.work_share),
        end_stiffness_Nm_per_rad=_end_stiffness(passage, None if is_slow else curve, params),
        hysteresis_J=None,
    )


def _at_largest_reflex(
    passage: Passage, curve: SlowCurve, viscosity: float | None
) -> tuple[float, float, float, float] | tuple[None, None, None, None]:
    """Read time, elastic, viscous and reflex torque where the last of them is largest."""
    if viscosity is None:
        return None, None, None, None
    elastic = curve.torque_at(passage.place_deg) - viscosity * curve.velocity_at(passage.place_deg)
    viscous = viscosity * passage.velocity
    reflex = passage.torque_Nm - elastic - viscous
    if not np.isfinite(reflex).any():
        return None, None, None, None
    at = int(np.nanargmax(reflex))
    return float(passage.time_s[at]), float(elastic[at]), float(viscous[at]), float(reflex[at])


def _delta_torque(passage: Passage, curve: SlowCurve, share: float) -> float | None:
    """Read fast minus slow resistance where the stretch first reaches a share of the slow range."""
    place = curve.start_deg + share * curve.range_deg
    at = passage.first_at(place)
    if at is None:
        return None
    slow_Nm = float(curve.torque_at(np.array([place]))[0])
    delta = float(np.interp(at, np.arange(passage.torque_Nm.size), passage.torque_Nm)) - slow_Nm
    return delta if np.isfinite(delta) else None


def _delta_work(passage: Passage, curve: SlowCurve, share: float) -> float | None:
    """Integrate fast minus slow resistance from the angle of peak velocity to a share of the slow range."""
    place = curve.start_deg + share * curve.range_deg
    at = passage.first_at(place)
    if at is None or at <= passage.peak:
        return None
    samples: FloatArray = np.append(np.arange(passage.peak, int(np.ceil(at)), dtype=np.float64), at)
    every = np.arange(passage.place_deg.size)
    place_deg = np.interp(samples, every, passage.place_deg)
    torque_Nm = np.interp(samples, every, passage.torque_Nm)
    more = torque_Nm - curve.torque_at(place_deg)
    work = float(np.trapezoid(more, np.radians(place_deg)))
    return work if np.isfinite(work) else None


def _end_stiffness(passage: Passage, slow: SlowCurve | None, params: VelocityDependenceParams) -> float | None:
    """Fit a line to resistance over angle in the last share of the stretch's own range, or of the slow range.

    Where resistance falls there (a fast stretch slows down, its reflex fades), the slope is no stiffness.
    """
    start, end = (passage.place_deg[0], passage.place_deg[-1]) if slow is None else (slow.start_deg, slow.end_deg)
    if passage.place_deg.max() < end - params.end_miss_share * (end - start):
        return None
    first, last = passage.first_at(end - params.end_share * (end - start)), passage.first_at(end)
    if first is None:
        return None
    kept = slice(int(np.ceil(first)), passage.place_deg.size if last is None else int(last) + 1)
    angle, torque = np.radians(passage.place_deg[kept]), passage.torque_Nm[kept]
    if angle.size < params.min_samples or angle.std() == 0:
        return None
    slope = float(np.cov(angle, torque)[0, 1] / angle.var(ddof=1))
    return slope if slope > 0 else None


def _hysteresis_J(  # noqa: N802 - the unit keeps its capital
    motion: Motion, leg: Leg, load: LimbLoad, *, until: int, params: VelocityDependenceParams
) -> float | None:
    """Integrate resistance over the angle up and back, between the same angles; ``None`` without a return."""
    x = motion.stretch_deg
    back = x[leg.last : until + 1]
    start = float(x[leg.start])
    low = max(start, float(back.min()))
    if low > start + params.return_share * float(x[leg.last] - start):
        return None
    first = leg.start + int(np.argmax(x[leg.start : leg.last + 1] >= low))
    last = leg.last + int(np.argmax(back <= low))
    loop = slice(first, last + 1)
    torque = load.resistance_Nm[loop]
    if not np.isfinite(torque).all() or not motion.seen[loop].all():
        return None
    return float(np.trapezoid(torque, np.radians(x[loop])))
