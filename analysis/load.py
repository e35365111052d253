"""What the examiner's torque does: it accelerates the limb, carries its weight, and overcomes its resistance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.filters import bridge_gaps, low_pass, resample
from analysis.finding import VelocityClass
from analysis.gravity import GravityFit, GravityParams, SlowTorque, fit_gravity
from analysis.limb import Limb, healthy_torque_Nm
from analysis.model import FloatArray, ForceSignal, Recording, SegmentTilt
from analysis.motion import Motion, smooth_motion
from analysis.place import PlaceParams, place_stretches
from analysis.stretch import Leg

__all__ = ["PLACES", "LimbLoad", "LoadParams", "measure_load"]

PLACES = np.linspace(-3.0, 3.0, 13)
"""Deviations of the limb's place along the range at which a healthy limb's resistance is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadParams:
    """How the examiner's torque is taken apart; all chosen by us.

    Attributes
    ----------
    max_lag_s, lag_step_s, lag_sd_s
        Largest offset between the clocks of force and angle that is corrected, its grid, and its prior deviation.
    lag_rest_s
        Deviation of the offset that the correction leaves.
    lag_share
        Clocks are aligned on the rise of the fast stretches, up to this share of the peak velocity: no reflex yet.
    lag_band_hz
        Bandwidth of what the model leaves there: samples closer than half its period say nothing new.
    rest_velocity_deg_s
        Below this velocity the limb rests; without slow stretches these samples show the weight.
    slow_velocity_deg_s
        Samples of slow stretches that are faster than this are left out of the weight's fit.
    inertial_noise_share, min_cutoff_hz, max_cutoff_hz, bandwidth_share
        Torques are smoothed until the noise of the acceleration leaves no more than this share of the noticeable
        torque, but no further than the lower cut-off; at most they hold the upper one and this share of the angle's
        bandwidth (resistance at the end of range lasts some 10 ms in a fast stretch).
    max_gap_s
        Force samples further apart than this are not joined.
    place, gravity
        Place along the healthy range, and fit of the weight.
    """

    max_lag_s: float = 0.03
    lag_step_s: float = 0.0025
    lag_sd_s: float = 0.005
    lag_rest_s: float = 0.002
    lag_share: float = 0.6
    lag_band_hz: float = 5.0
    rest_velocity_deg_s: float = 3.0
    slow_velocity_deg_s: float = 70.0
    inertial_noise_share: float = 0.05
    min_cutoff_hz: float = 4.0
    max_cutoff_hz: float = 30.0
    bandwidth_share: float = 0.6
    max_gap_s: float = 0.1
    place: PlaceParams = field(default_factory=PlaceParams)
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
    viscous_Nm
        What of a healthy limb's resistance goes with velocity.
    displaced_Nm
        What each of `PLACES` changes in it, shape (places, n): it grows exponentially at the end of range.
    healthy_sd_Nm
        What one deviation of the limb's place changes in it: half of what two do.
    lag_sd_Nm
        What one deviation of the offset between the clocks changes in the push.
    tilt_rad
        Angle that the weight was fitted in.
    gravity
        The fit of the weight.
    lag_s
        Offset of the force's clock that was corrected.
    cutoff_hz
        Cut-off of the low-pass that all torques share.
    noise_Nm
        Standard deviation that the angle's white noise leaves in the inertial torque.
    """

    push_Nm: FloatArray
    inertial_Nm: FloatArray
    weight_Nm: FloatArray
    healthy_Nm: FloatArray
    viscous_Nm: FloatArray
    displaced_Nm: FloatArray
    healthy_sd_Nm: FloatArray
    lag_sd_Nm: FloatArray
    tilt_rad: FloatArray
    gravity: GravityFit
    lag_s: float
    cutoff_hz: float
    noise_Nm: float

    @property
    def resistance_Nm(self) -> FloatArray:  # noqa: N802 - the unit keeps its capital
        """Resistance of the limb, passive and reflex."""
        return self.push_Nm - self.inertial_Nm - self.weight_Nm

    @property
    def excess_Nm(self) -> FloatArray:  # noqa: N802 - the unit keeps its capital
        """Resistance beyond a healthy limb's, negative where it resists less."""
        return self.resistance_Nm - self.healthy_Nm


def measure_load(
    recording: Recording,
    motion: Motion,
    limb: Limb,
    *,
    legs: Mapping[VelocityClass, Sequence[Leg]],
    params: LoadParams = LoadParams(),
) -> LimbLoad:
    """Separate the examiner's torque into inertia, weight and resistance.

    Torque is force times lever plus free moment, smoothed like the angle. Inertia is de Leva's, the weight's moment is
    fitted to slow stretches and rests, the clocks are aligned on the rise of the fast stretches.

    Parameters
    ----------
    recording
        An exam with a force sensor.
    motion, limb
        Its movement, and the limb that moved.
    legs
        The stretches of each velocity; the weight is fitted to the slow ones, the clocks to the fast ones.
    params
        How the torque is taken apart.

    Raises
    ------
    AnalysisError
        If there is no force, or none while the joint was observed.
    """
    cutoff_hz, noise_Nm = _torque_cutoff(motion, recording.angle.bandwidth_hz, limb, params)
    quick = smooth_motion(motion, cutoff_hz=cutoff_hz)
    force = recording.force
    push = np.full(motion.time_s.size, np.nan) if force is None else _push(quick, force, params)
    if not np.isfinite(push).any():
        raise AnalysisError("force and angle were not recorded at the same time: check the streams' clocks")
    every = [leg for some in legs.values() for leg in some]
    place = place_stretches(recording, quick, limb, every, params.place)
    velocity = np.radians(quick.velocity_deg_s)
    inertial = limb.inertia_kg_m2 * np.radians(quick.acceleration_deg_s2)
    tilt_rad = _tilt(quick, recording.tilt, params)
    slow_samples = _slow_samples(quick, legs.get(VelocityClass.V1, ()), params) & np.isfinite(tilt_rad)
    healthy = healthy_torque_Nm(limb, place.fraction, velocity)
    place_sd = np.hypot(place.common_sd, place.own_sd)
    displaced = healthy_torque_Nm(limb, place.fraction + PLACES[:, None] * place_sd, velocity) - healthy
    healthy_sd = 0.5 * displaced[np.searchsorted(PLACES, 2.0)]
    lag_s = 0.0
    for _ in range(_ALIGNMENTS):
        aligned = np.interp(motion.time_s + lag_s, motion.time_s, push)
        use = slow_samples & np.isfinite(aligned)
        if not use.any():
            raise AnalysisError("neither a slow stretch nor a rest was observed together with the force")
        gravity = fit_gravity(
            SlowTorque(
                torque_Nm=(aligned - inertial - healthy)[use],
                fraction=place.fraction[use],
                healthy_sd_Nm=healthy_sd[use],
                tilt_rad=tilt_rad[use],
            ),
            limb=limb,
            in_plane=None if recording.tilt is None else recording.tilt.in_plane,
            params=params.gravity,
        )
        weight = gravity.moment_Nm(tilt_rad)
        lag_s = _lag(
            quick,
            (push, inertial + weight + healthy),
            legs.get(VelocityClass.V3, ()),
            spread_Nm=params.gravity.misfit_sd_share * limb.noticeable_Nm,
            params=params,
        )
    push = np.interp(motion.time_s + lag_s, motion.time_s, push)
    return LimbLoad(
        push_Nm=push,
        inertial_Nm=inertial,
        weight_Nm=weight,
        healthy_Nm=healthy,
        viscous_Nm=healthy - healthy_torque_Nm(limb, place.fraction, np.zeros_like(velocity)),
        displaced_Nm=displaced,
        healthy_sd_Nm=healthy_sd,
        lag_sd_Nm=params.lag_rest_s * np.gradient(push, motion.time_s),
        tilt_rad=tilt_rad,
        gravity=gravity,
        lag_s=lag_s,
        cutoff_hz=cutoff_hz,
        noise_Nm=noise_Nm,
    )


_ALIGNMENTS = 3
"""The weight is fitted, the clocks are aligned, and both again from there."""


def _torque_cutoff(motion: Motion, bandwidth_hz: float, limb: Limb, params: LoadParams) -> tuple[float, float]:
    """Choose the cut-off of the torques and tell the noise that it leaves in the inertial torque.

    White noise of deviation s, low-passed at f and differentiated twice, deviates by
    ``(2 pi f)^2 s sqrt(2 f / (5 rate))``.
    """
    per_hz = limb.inertia_kg_m2 * np.radians(motion.noise_deg) * (2.0 * np.pi) ** 2 * np.sqrt(0.4 / motion.rate_hz)
    wanted = params.inertial_noise_share * limb.noticeable_Nm
    bound = (wanted / per_hz) ** 0.4 if per_hz > 0 else np.inf
    highest = min(params.max_cutoff_hz, params.bandwidth_share * bandwidth_hz)
    cutoff_hz = float(max(params.min_cutoff_hz, min(highest, bound)))
    return cutoff_hz, float(per_hz * cutoff_hz**2.5)


def _push(motion: Motion, force: ForceSignal, params: LoadParams) -> FloatArray:
    """Torque of the examiner on the grid of the movement, smoothed alike; NaN where not observed."""
    torque = force.lever_m * force.force_N + force.moment_Nm
    raw = resample(force.time_s, torque, motion.time_s, max_gap_s=params.max_gap_s)
    missing = ~np.isfinite(raw)
    if missing.all():
        return raw
    smooth = low_pass(bridge_gaps(raw), rate_hz=motion.rate_hz, cutoff_hz=motion.cutoff_hz)
    smooth[missing] = np.nan
    return smooth


def _tilt(motion: Motion, tilt: SegmentTilt | None, params: LoadParams) -> FloatArray:
    """Angle against gravity on the grid: the segment's tilt, or for want of it the joint angle."""
    if tilt is None:
        return np.radians(motion.sign * motion.stretch_deg)
    return np.asarray(
        np.radians(resample(tilt.time_s, tilt.tilt_deg, motion.time_s, max_gap_s=params.max_gap_s)), dtype=np.float64
    )


def _slow_samples(motion: Motion, slow: Sequence[Leg], params: LoadParams) -> NDArray[np.bool_]:
    """Mark the samples that show the weight: the slow stretches, for want of them rests."""
    use = np.zeros(motion.time_s.size, dtype=bool)
    for leg in slow:
        use[leg.first : leg.last + 1] = True
    use &= np.abs(motion.velocity_deg_s) <= params.slow_velocity_deg_s
    if not use.any():
        use = np.abs(motion.velocity_deg_s) <= params.rest_velocity_deg_s
    return use & motion.seen


def _lag(
    motion: Motion,
    torques: tuple[FloatArray, FloatArray],
    fast: Sequence[Leg],
    *,
    spread_Nm: float,
    params: LoadParams,
) -> float:
    """Find the offset of the force's clock at which the push of the fast rises is as expected."""
    push, expected = torques
    spans = []
    for leg in fast:
        rise = motion.velocity_deg_s[leg.start : leg.peak + 1]
        spans.append(np.arange(leg.start, leg.start + int(np.argmax(rise >= params.lag_share * rise[-1])) + 1))
    samples = np.concatenate(spans) if spans else np.zeros(0, dtype=int)
    steps = round(params.max_lag_s / params.lag_step_s)
    lags = np.arange(-steps, steps + 1) * params.lag_step_s
    grid = motion.time_s[samples]
    rests = np.array([np.interp(grid + lag, motion.time_s, push) - expected[samples] for lag in lags])
    if samples.size <= _NUISANCES or not np.isfinite(rests).all():
        return 0.0
    nuisance = np.column_stack([np.ones(samples.size), motion.stretch_deg[samples], motion.velocity_deg_s[samples]])
    basis = np.linalg.qr(nuisance)[0]
    rests -= rests @ basis @ basis.T
    independent = samples.size * min(1.0, 2.0 * params.lag_band_hz / motion.rate_hz)
    costs = (rests**2).mean(axis=1) / spread_Nm**2 * independent + (lags / params.lag_sd_s) ** 2
    return float(lags[int(costs.argmin())])


_NUISANCES = 3
"""Offset, angle and velocity: what weight and viscosity leave is no matter of clocks."""
