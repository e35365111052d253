"""Resistance of the limb to one stretch, the catch in it, and how far both may err."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.finding import Catch, Resistance, ResistanceCurve
from analysis.grading import FastEvidence
from analysis.limb import Limb
from analysis.load import LimbLoad
from analysis.model import FloatArray
from analysis.motion import Motion
from analysis.stretch import Leg

__all__ = [
    "ResistanceParams",
    "excess_modes",
    "fast_evidence",
    "force_catch",
    "peak_excess_sd",
    "resistance_curve",
    "resistance_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResistanceParams:
    """How the resistance of a stretch is read; all chosen by us.

    Attributes
    ----------
    hold_s
        A catch is reported where the excess stays noticeable this long.
    min_probability
        A less probable catch is not reported: in healthy limbs of virtual patients, drifting angles included, a lower
        bound reports catches that are not there.
    max_correlation
        Stiffness and viscosity are separated where angle and velocity correlate less than this.
    inertia_sd_share, healthy_sd_share
        Standard deviations of the limb's inertia and of the healthy limb's resistance about their models.
    viscous_sd_share
        How far healthy limbs differ in viscous resistance: 0.3 N with a deviation of 0.3 N in 107 healthy wrists
        (Pennati 2016, from the project's clinical dossier). The scale's healthy limb is one; where along the range a
        limb's damping alone makes it noticed is known no better.
    least_weight
        Phases of the weight that are less probable are left out of the error.
    floor_share
        Standard deviation of the excess that no recording is better than, as a share of the noticeable torque.
    grid
        Points of the available range at which the excess is compared with the thresholds.
    """

    hold_s: float = 0.02
    min_probability: float = 0.85
    max_correlation: float = 0.95
    inertia_sd_share: float = 0.05
    healthy_sd_share: float = 0.1
    viscous_sd_share: float = 1.0
    least_weight: float = 1e-3
    floor_share: float = 0.1
    grid: int = 100


def resistance_curve(motion: Motion, leg: Leg, load: LimbLoad) -> ResistanceCurve | None:
    """Cut the resistance of one stretch, ``None`` where the force was not observed in it."""
    span = slice(leg.start, leg.end + 1)
    if not np.isfinite(load.push_Nm[span]).all():
        return None
    return ResistanceCurve(
        stretch_deg=motion.stretch_deg[span] - motion.stretch_deg[leg.start],
        resistance_Nm=load.resistance_Nm[span],
        healthy_Nm=load.healthy_Nm[span],
    )


def resistance_of(
    motion: Motion, leg: Leg, load: LimbLoad, params: ResistanceParams = ResistanceParams()
) -> Resistance | None:
    """Summarise the resistance of one stretch, ``None`` where the force was not observed in it."""
    curve = resistance_curve(motion, leg, load)
    if curve is None:
        return None
    span = slice(leg.start, leg.end + 1)
    angle_rad, velocity = np.radians(curve.stretch_deg), np.radians(motion.velocity_deg_s[span])
    stiffness, viscosity = _line(angle_rad, velocity, curve.resistance_Nm, params)
    return Resistance(
        peak_Nm=float(curve.resistance_Nm.max()),
        peak_excess_Nm=max(0.0, float((curve.resistance_Nm - curve.healthy_Nm).max())),
        work_J=float(np.trapezoid(curve.resistance_Nm, angle_rad)),
        stiffness_Nm_per_rad=stiffness,
        viscosity_Nms_per_rad=viscosity,
        kind="force",
    )


def force_catch(
    motion: Motion,
    leg: Leg,
    load: LimbLoad,
    *,
    limb: Limb,
    exam_probability: float = 1.0,
    params: ResistanceParams = ResistanceParams(),
) -> Catch | None:
    """Read the catch off the resistance: where the excess first reaches the noticeable torque, and stays a moment.

    Parameters
    ----------
    motion, leg, load
        The movement, the stretch and its torques.
    limb
        Gives the noticeable torque of this limb.
    exam_probability
        Probability that the exam as a whole shows more than grade 0: no repetition is surer than all together.
    params
        How resistance is read.

    Returns
    -------
    Catch or None
        ``None`` where the excess stays below, or a catch is less probable than `ResistanceParams.min_probability`.
    """
    span = slice(leg.start, leg.end + 1)
    excess, stretch = load.excess_Nm[span], motion.stretch_deg[span]
    if not np.isfinite(excess).all():
        return None
    at = _first_reach(excess, limb.noticeable_Nm, max(1, round(params.hold_s * motion.rate_hz)))
    if at is None:
        return None
    margin = (float(excess.max()) - limb.noticeable_Nm) / peak_excess_sd(leg, load, limb=limb, params=params)
    probability = min(float(1.0 / (1.0 + np.exp(-_NORMAL_AS_LOGISTIC * margin))), exam_probability, _NEVER_SURER)
    if probability < params.min_probability:
        return None
    value = float(_at(stretch, at))
    return Catch(
        time_s=float(_at(motion.time_s[span], at)),
        angle_deg=motion.sign * value,
        stretch_deg=value - float(motion.stretch_deg[leg.start]),
        angle_interval95_deg=_catch_interval(motion, span, load, at, limb, params),
        probability=probability,
        method="excess resistance over a healthy limb reaches the noticeable torque",
    )


def peak_excess_sd(leg: Leg, load: LimbLoad, *, limb: Limb, params: ResistanceParams = ResistanceParams()) -> float:
    """Work out the standard deviation (N·m) of the largest excess of a stretch."""
    span = slice(leg.start, leg.end + 1)
    modes = excess_modes(load, span, params)[:, int(load.excess_Nm[span].argmax())]
    return float(np.hypot(np.linalg.norm(modes), _level_sd(load, limb, params)))


_NORMAL_AS_LOGISTIC = 1.702
"""Factor at which the logistic function is the normal distribution's within 0.01."""

_NEVER_SURER = 0.995
"""No evidence is certain."""


def _catch_interval(
    motion: Motion, span: slice, load: LimbLoad, at: float, limb: Limb, params: ResistanceParams
) -> tuple[float, float]:
    """Bound the angle of catch by where the excess reaches the threshold if it errs in one direction, and the angle's.

    Each direction is followed along the whole stretch: a damping that is off shifts the catch of a limb that is damped
    alone, not that of one in which a reflex sets in.
    """
    stretch, excess = motion.stretch_deg[span], load.excess_Nm[span]
    level = np.full(excess.size, _level_sd(load, limb, params))
    viscous = params.viscous_sd_share * load.viscous_Nm[span]
    modes = 1.96 * np.vstack([excess_modes(load, span, params), level, viscous])
    reached = np.vstack([excess + modes, excess - modes]) >= limb.noticeable_Nm
    first = np.where(reached.any(axis=1), stretch[reached.argmax(axis=1)], stretch.max())
    moved = (first - float(_at(stretch, at))).reshape(2, -1)
    angle_sd = float(np.hypot(motion.systematic_deg, motion.angle_noise_deg))
    early = np.append(np.minimum(moved.min(axis=0), 0.0), 1.96 * angle_sd)
    late = np.append(np.maximum(moved.max(axis=0), 0.0), 1.96 * angle_sd)
    value = float(_at(stretch, at))
    ends = (value - float(np.linalg.norm(early)), value + float(np.linalg.norm(late)))
    low, high = sorted(motion.sign * end for end in ends)
    return low, high


def excess_modes(load: LimbLoad, span: slice, params: ResistanceParams = ResistanceParams()) -> NDArray[np.float64]:
    """List the directions in which the excess over a span may err together, one standard deviation (N·m) each.

    They are the weight's phases about their mean, the limb's inertia, the healthy limb's resistance, the clocks,
    and its place along the range; shape (modes, samples).
    """
    return np.vstack([_modes_in_place(load, span, params), load.healthy_sd_Nm[None, span]])


def _modes_in_place(load: LimbLoad, span: slice, params: ResistanceParams) -> NDArray[np.float64]:
    """List the directions in which the excess may err where the limb is just where it seems to be."""
    kept = load.gravity.weight > params.least_weight
    moments = load.gravity.moments_Nm(load.tilt_rad[span])[kept]
    weight = load.gravity.weight[kept, None]
    return np.vstack(
        [
            np.sqrt(weight) * (moments - load.weight_Nm[span]),
            params.inertia_sd_share * load.inertial_Nm[None, span],
            params.healthy_sd_share * load.healthy_Nm[None, span],
            load.lag_sd_Nm[None, span],
        ]
    )


def fast_evidence(
    motion: Motion, leg: Leg, load: LimbLoad, *, healthy_range_deg: float, params: ResistanceParams = ResistanceParams()
) -> FastEvidence:
    """Read the excess of one fast stretch on a grid of the available range.

    Parameters
    ----------
    motion, leg, load
        The movement, the stretch and its torques, observed throughout.
    healthy_range_deg
        The available range, from the start of the stretch.
    params
        How resistance is read.
    """
    span = slice(leg.start, leg.end + 1)
    share = (motion.stretch_deg[span] - motion.stretch_deg[leg.start]) / healthy_range_deg
    grid = (np.arange(params.grid) + 0.5) / params.grid
    farthest = np.maximum.accumulate(share)
    first = np.searchsorted(farthest, grid, side="left")
    passed = first < share.size
    at = np.minimum(first, share.size - 1)
    excess = load.excess_Nm[span]
    largest = np.maximum(excess[at], _largest_in_bins(share, excess, params.grid))
    return FastEvidence(
        excess_Nm=np.where(passed, largest, np.nan),
        modes_Nm=_modes_in_place(load, span, params)[:, at],
        displaced_Nm=-load.displaced_Nm[:, span][:, at],
        reached_share=float(farthest[-1]),
    )


def _largest_in_bins(share: FloatArray, excess: FloatArray, bins: int) -> FloatArray:
    """Find the largest excess among the samples in each bin of the range, -inf where there are none."""
    largest = np.full(bins, -np.inf)
    inside = (share >= 0) & (share < 1)
    np.maximum.at(largest, (share[inside] * bins).astype(int), excess[inside])
    return largest


def _level_sd(load: LimbLoad, limb: Limb, params: ResistanceParams) -> float:
    """Work out the standard deviation of the excess that no direction holds: its noise, and what is never known."""
    return float(np.hypot(params.floor_share * limb.noticeable_Nm, load.noise_Nm))


def _line(
    angle_rad: FloatArray, velocity: FloatArray, torque: FloatArray, params: ResistanceParams
) -> tuple[float | None, float | None]:
    """Fit torque = offset + stiffness x angle + viscosity x velocity where the movement separates them."""
    if angle_rad.size < 4 or angle_rad.std() == 0 or velocity.std() == 0:
        return None, None
    if abs(np.corrcoef(angle_rad, velocity)[0, 1]) > params.max_correlation:
        return None, None
    design = np.column_stack([np.ones_like(angle_rad), angle_rad, velocity])
    _, stiffness, viscosity = np.linalg.lstsq(design, torque, rcond=None)[0]
    return float(stiffness), float(viscosity)


def _first_reach(values: FloatArray, level: float, hold: int) -> float | None:
    """Find where values first reach a level and hold it, as a fractional sample."""
    above = values >= level
    run = np.convolve(above.astype(int), np.ones(hold, dtype=int), mode="valid") == hold
    if not run.any():
        return None
    i = int(run.argmax())
    if i == 0:
        return 0.0
    return i - 1 + float((level - values[i - 1]) / (values[i] - values[i - 1]))


def _at(values: FloatArray, index: float) -> float:
    """Read a series at a fractional sample."""
    return float(np.interp(index, np.arange(values.size), values))
