"""Resistance of the limb to a stretch: the examiner's push with inertia and weight removed, against a healthy limb's."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.filters import bridge_gaps, low_pass, resample
from analysis.finding import Catch, Resistance, ResistanceCurve
from analysis.gravity import GravityFit, GravityParams, fit_gravity
from analysis.limb import Limb, healthy_torque_Nm, stretch_fraction
from analysis.model import FloatArray, ForceSignal, SegmentTilt, Zero
from analysis.motion import Motion
from analysis.stretch import Leg

__all__ = ["LimbLoad", "ResistanceParams", "excess_modes_Nm", "force_catch", "measure_load", "resistance_curve", "resistance_of", "reach"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResistanceParams:
    """How resistance is read off the examiner's push; all chosen by us.

    Attributes
    ----------
    max_lag_s, lag_step_s, lag_sd_s
        Largest offset between the clocks of force and angle that is corrected, its grid, and its prior deviation.
    lag_share
        Clocks are aligned on the rise of the fast stretches, up to this share of the peak velocity: no reflex yet.
    rest_velocity_deg_s
        Below this velocity the limb rests; with the slow stretches these samples show the weight.
    slow_velocity_deg_s
        Samples of slow stretches that are faster than this are left out of the weight's fit.
    follow_s
        A stretch is read this long after its first stop: what is carried on at once belongs to its resistance.
    hold_s
        A catch is reported where the excess stays noticeable this long.
    max_gap_s
        Force samples further apart than this are not joined.
    max_correlation
        Stiffness and viscosity are separated where angle and velocity correlate less than this.
    inertia_sd_share, healthy_sd_share
        Standard deviations of the limb's inertia and of the healthy limb's resistance about their models.
    least_weight
        Phases of the weight that are less probable are left out of the error.
    gravity
        Fit of the weight.
    """

    max_lag_s: float = 0.03
    lag_step_s: float = 0.0025
    lag_sd_s: float = 0.01
    lag_share: float = 0.8
    rest_velocity_deg_s: float = 3.0
    slow_velocity_deg_s: float = 70.0
    follow_s: float = 0.5
    hold_s: float = 0.02
    max_gap_s: float = 0.1
    max_correlation: float = 0.95
    inertia_sd_share: float = 0.05
    healthy_sd_share: float = 0.1
    least_weight: float = 1e-3
    gravity: GravityParams = field(default_factory=GravityParams)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimbLoad:
    """Torques over a whole movement, on the grid of its `Motion`.

    Attributes
    ----------
    push_Nm
        The examiner's torque along the stretch, NaN where not observed.
    inertial_Nm, weight_Nm, healthy_Nm
        What of it accelerates the limb, carries it, and would move a healthy limb.
    tilt_rad
        Angle that the weight was fitted in.
    gravity
        The fit of the weight.
    lag_s
        Offset of the force's clock that was corrected.
    """

    push_Nm: FloatArray
    inertial_Nm: FloatArray
    weight_Nm: FloatArray
    healthy_Nm: FloatArray
    tilt_rad: FloatArray
    gravity: GravityFit
    lag_s: float

    @property
    def resistance_Nm(self) -> FloatArray:  # noqa: N802 - the unit keeps its capital
        """Resistance of the limb, passive and reflex."""
        return self.push_Nm - self.inertial_Nm - self.weight_Nm

    @property
    def excess_Nm(self) -> FloatArray:  # noqa: N802 - the unit keeps its capital
        """Resistance beyond a healthy limb's, negative where it resists less."""
        return self.resistance_Nm - self.healthy_Nm


def measure_load(
    motion: Motion,
    force: ForceSignal,
    tilt: SegmentTilt | None,
    *,
    limb: Limb,
    zero: Zero,
    slow: tuple[Leg, ...],
    fast: tuple[Leg, ...],
    params: ResistanceParams = ResistanceParams(),
) -> LimbLoad:
    """Separate the examiner's torque into inertia, weight and resistance.

    Torque is force times lever plus free moment, smoothed like the angle. Inertia is de Leva's, the weight's moment is
    fitted to slow stretches and rests, the clocks are aligned on the rise of the fast stretches.

    Parameters
    ----------
    motion, force, tilt
        What was recorded.
    limb
        Sizes of the limb.
    zero
        What the angle's zero refers to: a relative one starts the healthy range at the first stretch's start.
    slow, fast
        The stretches that the weight and the clocks are fitted to.
    params
        How resistance is read.

    Raises
    ------
    AnalysisError
        If force and angle do not overlap.
    """
    push = _push(motion, force, 0.0, params)
    if not np.isfinite(push).any():
        raise AnalysisError("force and angle were not recorded at the same time: check the clocks of the streams")
    alpha = np.radians(motion.acceleration_deg_s2)
    fraction = healthy_fraction(motion, limb, zero=zero, start_deg=_first_start(motion, slow, fast))
    healthy = healthy_torque_Nm(limb, fraction, np.radians(motion.velocity_deg_s))
    inertial = limb.inertia_kg_m2 * alpha
    tilt_rad = _tilt(motion, tilt, params)
    lag_s = 0.0
    for _ in range(2 if fast else 1):
        push = _push(motion, force, lag_s, params)
        use = _slow_samples(motion, slow, params) & np.isfinite(push) & np.isfinite(tilt_rad)
        gravity = fit_gravity(
            (push - inertial - healthy)[use],
            fraction[use],
            tilt_rad[use],
            limb=limb,
            in_plane=None if tilt is None else tilt.in_plane,
            params=params.gravity,
        )
        weight = gravity.moment_Nm(tilt_rad)
        lag_s = _lag(motion, force, inertial + weight + healthy, fast, limb, params)
    return LimbLoad(
        push_Nm=_push(motion, force, lag_s, params),
        inertial_Nm=inertial,
        weight_Nm=weight,
        healthy_Nm=healthy,
        tilt_rad=tilt_rad,
        gravity=gravity,
        lag_s=lag_s,
    )


def healthy_fraction(motion: Motion, limb: Limb, *, zero: Zero, start_deg: float) -> FloatArray:
    """Fraction of the healthy range at each sample; a relative angle starts it where the first stretch starts."""
    angle = motion.sign * motion.stretch_deg
    if zero is not Zero.RELATIVE:
        return stretch_fraction(limb.muscle_group, angle)
    shifted = stretch_fraction(limb.muscle_group, angle) - stretch_fraction(
        limb.muscle_group, np.full(1, motion.sign * start_deg)
    )
    relative: FloatArray = shifted
    return relative


def reach(motion: Motion, leg: Leg, params: ResistanceParams = ResistanceParams()) -> slice:
    """Samples over which a stretch is read: from its start to its farthest point soon after the first stop."""
    until = min(leg.last, leg.end + int(params.follow_s * motion.rate_hz))
    farthest = leg.end + int(motion.stretch_deg[leg.end : until + 1].argmax())
    return slice(leg.start, farthest + 1)


def resistance_curve(motion: Motion, leg: Leg, load: LimbLoad, params: ResistanceParams = ResistanceParams()) -> ResistanceCurve | None:
    """Cut the resistance of one stretch, ``None`` where the force was not observed in it."""
    span = reach(motion, leg, params)
    if not np.isfinite(load.push_Nm[span]).all():
        return None
    return ResistanceCurve(
        stretch_deg=motion.stretch_deg[span] - motion.stretch_deg[leg.start],
        resistance_Nm=load.resistance_Nm[span],
        healthy_Nm=load.healthy_Nm[span],
    )


def resistance_of(motion: Motion, leg: Leg, load: LimbLoad, params: ResistanceParams = ResistanceParams()) -> Resistance | None:
    """Summarise the resistance of one stretch, ``None`` where the force was not observed in it."""
    curve = resistance_curve(motion, leg, load, params)
    if curve is None:
        return None
    span = reach(motion, leg, params)
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
    motion: Motion, leg: Leg, load: LimbLoad, *, limb: Limb, params: ResistanceParams = ResistanceParams()
) -> Catch | None:
    """Read the catch off the resistance: where the excess first reaches the noticeable torque (and stays a moment).

    Parameters
    ----------
    motion, leg, load
        The movement, the stretch and its torques.
    limb
        Gives the noticeable torque of this limb.
    params
        How resistance is read.
    """
    span = reach(motion, leg, params)
    excess = load.excess_Nm[span]
    if not np.isfinite(excess).all():
        return None
    at = _first_reach(excess, limb.noticeable_Nm, max(1, round(params.hold_s * motion.rate_hz)))
    if at is None:
        return None
    stretch = motion.stretch_deg[span]
    excess_sd_Nm = _excess_sd(load, span, at, limb, params)
    sure = 1.96 * excess_sd_Nm
    early = _first_reach(excess, limb.noticeable_Nm - sure, 1)
    late = _first_reach(excess, limb.noticeable_Nm + sure, 1)
    angle_sd = np.hypot(motion.systematic_deg, motion.noise_deg)
    low = float(_at(stretch, early if early is not None else at)) - 1.96 * angle_sd
    high = float(_at(stretch, late) if late is not None else stretch.max()) + 1.96 * angle_sd
    margin = (float(excess.max()) - limb.noticeable_Nm) / max(excess_sd_Nm, 1e-9)
    bounds = sorted((motion.sign * low, motion.sign * high))
    value = float(_at(stretch, at))
    return Catch(
        time_s=float(_at(motion.time_s[span], at)),
        angle_deg=motion.sign * value,
        stretch_deg=value - float(motion.stretch_deg[leg.start]),
        angle_interval95_deg=(bounds[0], bounds[1]),
        probability=float(np.clip(1.0 / (1.0 + np.exp(-1.7 * margin)), 0.005, 0.995)),  # normal distribution, logistic
        method="excess resistance over a healthy limb reaches the noticeable torque",
    )


def excess_modes_Nm(load: LimbLoad, span: slice, params: ResistanceParams = ResistanceParams()) -> NDArray[np.float64]:  # noqa: N802
    """List the directions in which the excess over a span may err together, one standard deviation each.

    They are the weight's phases about their mean, the limb's inertia and the healthy limb's resistance; shape
    (modes, samples).
    """
    kept = load.gravity.weight > params.least_weight
    moments = load.gravity.moments_Nm(load.tilt_rad[span])[kept]
    weight = load.gravity.weight[kept, None]
    return np.vstack(
        [
            np.sqrt(weight) * (moments - load.weight_Nm[span]),
            params.inertia_sd_share * load.inertial_Nm[None, span],
            params.healthy_sd_share * load.healthy_Nm[None, span],
        ]
    )


def _excess_sd(load: LimbLoad, span: slice, at: float, limb: Limb, params: ResistanceParams) -> float:
    """Standard deviation of the excess at one sample of a span."""
    modes = excess_modes_Nm(load, span, params)[:, round(at)]
    floor = params.gravity.misfit_sd_share * limb.noticeable_Nm
    return float(np.sqrt((modes**2).sum() + floor**2))


def _push(motion: Motion, force: ForceSignal, lag_s: float, params: ResistanceParams) -> FloatArray:
    """Torque of the examiner on the grid of the movement, smoothed alike; NaN where not observed."""
    torque = force.lever_m * force.force_N + force.moment_Nm
    at_s = motion.time_s + lag_s
    raw = resample(force.time_s, torque, at_s, max_gap_s=params.max_gap_s)
    missing = ~np.isfinite(raw)
    if missing.all():
        return raw
    smooth = low_pass(bridge_gaps(raw), rate_hz=motion.rate_hz, cutoff_hz=motion.cutoff_hz)
    smooth[missing] = np.nan
    return smooth


def _tilt(motion: Motion, tilt: SegmentTilt | None, params: ResistanceParams) -> FloatArray:
    """Angle against gravity on the grid: the segment's tilt, or for want of it the joint angle."""
    if tilt is None:
        return np.radians(motion.sign * motion.stretch_deg)
    return np.radians(resample(tilt.time_s, tilt.tilt_deg, motion.time_s, max_gap_s=params.max_gap_s))


def _slow_samples(motion: Motion, slow: tuple[Leg, ...], params: ResistanceParams) -> NDArray[np.bool_]:
    """Samples that show the weight: slow stretches, and rests before any stretch is far."""
    use = np.zeros(motion.time_s.size, dtype=bool)
    for leg in slow:
        use[leg.first : leg.last + 1] = True
    use &= np.abs(motion.velocity_deg_s) <= params.slow_velocity_deg_s
    if not use.any():
        use = np.abs(motion.velocity_deg_s) <= params.rest_velocity_deg_s
    return use & motion.seen


def _first_start(motion: Motion, slow: tuple[Leg, ...], fast: tuple[Leg, ...]) -> float:
    """Stretch coordinate at which the first stretch starts."""
    first = min((*slow, *fast), key=lambda leg: leg.start, default=None)
    return float(motion.stretch_deg[first.start] if first is not None else motion.stretch_deg.min())


def _lag(
    motion: Motion, force: ForceSignal, expected: FloatArray, fast: tuple[Leg, ...], limb: Limb, params: ResistanceParams
) -> float:
    """Find the offset of the force's clock at which the rises of the fast stretches are explained best."""
    spans = []
    for leg in fast:
        rise = motion.velocity_deg_s[leg.start : leg.peak + 1]
        spans.append(np.arange(leg.start, leg.start + int(np.argmax(rise >= params.lag_share * rise[-1])) + 1))
    if not spans:
        return 0.0
    samples = np.concatenate(spans)
    steps = round(params.max_lag_s / params.lag_step_s)
    lags = np.arange(-steps, steps + 1) * params.lag_step_s
    costs = []
    for lag_s in lags:
        rest = (_push(motion, force, float(lag_s), params) - expected)[samples]
        spread = params.gravity.misfit_sd_share * limb.noticeable_Nm
        costs.append(np.nanmean(rest**2) / spread**2 + (lag_s / params.lag_sd_s) ** 2 if np.isfinite(rest).any() else np.inf)
    return float(lags[int(np.argmin(costs))])


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
