"""Elastic and viscous torque of a limb that was moved at several velocities, told apart by a fit over all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.filters import low_pass, time_derivative
from analysis.model import FloatArray

__all__ = ["TorqueTrial", "Viscoelastic", "ViscoelasticParams", "fit_viscoelastic"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TorqueTrial:
    """One movement with the torque that imposed it, evenly sampled, no missing values.

    Attributes
    ----------
    rate_hz
        Sampling rate.
    angle_deg, torque_Nm
        Stretch coordinate and torque along it, shape (n,); the limb's weight taken off, or the movement horizontal.
    """

    rate_hz: float
    angle_deg: FloatArray
    torque_Nm: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ViscoelasticParams:
    """How the torques are told apart.

    Attributes
    ----------
    elastic_order
        Order of the elastic torque's polynomial in the angle: passive torque bends upwards at both ends of the range.
        Chosen by us.
    cutoff_hz
        Cut-off at which angle and torque are smoothed alike; the drive's own vibration lies above it. Chosen by us.
    min_velocity_ratio
        The fastest trial moves at least this many times as fast as the slowest. Chosen by us.
    with_inertia
        Whether the torque holds the limb's inertia; where it was taken off already, it does not.
    """

    elastic_order: int = 3
    cutoff_hz: float = 3.0
    min_velocity_ratio: float = 2.0
    with_inertia: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Viscoelastic:
    """Torque of a limb as offset + elastic(angle) + viscosity x velocity + inertia x acceleration.

    Attributes
    ----------
    elastic_Nm_per_rad
        Coefficients of the elastic torque's polynomial in the angle (rad, from `reference_deg`), lowest order first,
        without a constant: the first is the stiffness at the reference.
    reference_deg
        Middle of the range, where the elastic torque is zero by convention.
    viscosity_Nms_per_rad, inertia_kg_m2
        Torque per velocity and per acceleration; inertia is 0 where it was not fitted.
    offsets_Nm
        Constant torque of each trial (resting tone, the sensor's zero).
    r_squared
        Share of the torque's variance over all trials, each counted alike, that the fit explains.
    elastic_sd_Nm, viscous_sd_Nm, inertial_sd_Nm
        Standard deviation of each part over all samples: how much of the torque it is.
    """

    elastic_Nm_per_rad: tuple[float, ...]
    reference_deg: float
    viscosity_Nms_per_rad: float
    inertia_kg_m2: float
    offsets_Nm: tuple[float, ...]
    r_squared: float
    elastic_sd_Nm: float
    viscous_sd_Nm: float
    inertial_sd_Nm: float

    def elastic_at(self, angle_deg: FloatArray) -> FloatArray:
        """Compute the elastic torque at some angles (deg)."""
        away = np.radians(angle_deg - self.reference_deg)
        return np.asarray(sum(k * away ** (i + 1) for i, k in enumerate(self.elastic_Nm_per_rad)), dtype=np.float64)


def fit_viscoelastic(trials: Sequence[TorqueTrial], params: ViscoelasticParams = ViscoelasticParams()) -> Viscoelastic:
    """Fit one elastic curve, one viscosity and one inertia to movements of several velocities.

    A single movement cannot tell viscosity from an offset, nor, at constant velocity, from the elastic torque; several
    velocities over the same range can [1]_. Each trial counts alike, however long it took.

    Parameters
    ----------
    trials
        Movements of one limb over the same range, at different velocities.
    params
        How the torques are told apart.

    Raises
    ------
    AnalysisError
        If there are fewer than two trials, values are missing, or the velocities are too much alike.

    References
    ----------
    .. [1] McCrea PH, Eng JJ, Hodgson AJ. Linear spring-damper model of the hypertonic elbow: reliability and validity.
       J Neurosci Methods 2003;128:121-128. doi:10.1016/S0165-0270(03)00169-9 (doi from memory of the literature)
    """
    if len(trials) < _FEWEST_TRIALS:
        raise AnalysisError(f"expected at least {_FEWEST_TRIALS} trials of different velocity; got {len(trials)}")
    motions = [_smooth(trial, params) for trial in trials]
    quickest = [float(np.abs(motion.velocity).max()) for motion in motions]
    if max(quickest) < params.min_velocity_ratio * min(quickest):
        raise AnalysisError(
            f"the trials move at {np.degrees(min(quickest)):.0f} to {np.degrees(max(quickest)):.0f} deg/s: elastic and "
            f"viscous torque are told apart from a range of {params.min_velocity_ratio:g} to 1 on"
        )
    every = np.concatenate([motion.angle for motion in motions])
    middle = 0.5 * (float(every.min()) + float(every.max()))
    away = every - middle
    trial_of = np.concatenate([np.full(motion.angle.size, i) for i, motion in enumerate(motions)])
    elastic = [away**power for power in range(1, params.elastic_order + 1)]
    moved = [np.concatenate([motion.velocity for motion in motions])]
    if params.with_inertia:
        moved.append(np.concatenate([motion.acceleration for motion in motions]))
    design = np.column_stack([np.eye(len(trials))[trial_of], *elastic, *moved])
    torque = np.concatenate([motion.torque for motion in motions])
    share = 1.0 / np.bincount(trial_of)[trial_of]  # each velocity counts alike: a slow trial has more samples
    root = np.sqrt(share)
    coefficients = np.linalg.lstsq(design * root[:, None], torque * root, rcond=None)[0]
    rest = torque - design @ coefficients
    offsets, curve, dynamic = np.split(coefficients, [len(trials), len(trials) + params.elastic_order])
    return Viscoelastic(
        elastic_Nm_per_rad=tuple(curve.tolist()),
        reference_deg=float(np.degrees(middle)),
        viscosity_Nms_per_rad=float(dynamic[0]),
        inertia_kg_m2=float(dynamic[1]) if params.with_inertia else 0.0,
        offsets_Nm=tuple(offsets.tolist()),
        r_squared=1.0 - _variance(rest, share) / _variance(torque, share),
        elastic_sd_Nm=float((np.column_stack(elastic) @ curve).std()),
        viscous_sd_Nm=float((moved[0] * dynamic[0]).std()),
        inertial_sd_Nm=float((moved[1] * dynamic[1]).std()) if params.with_inertia else 0.0,
    )


def _variance(values: FloatArray, share: FloatArray) -> float:
    """Variance about the mean, every sample weighed."""
    away = values - np.average(values, weights=share)
    return float(np.average(away**2, weights=share))


_FEWEST_TRIALS = 2
"""One velocity cannot tell viscosity."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Smooth:
    """A trial in radians, smoothed, with its derivatives."""

    angle: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    torque: FloatArray


def _smooth(trial: TorqueTrial, params: ViscoelasticParams) -> _Smooth:
    """Smooth angle and torque alike."""
    for name, values in (("angle_deg", trial.angle_deg), ("torque_Nm", trial.torque_Nm)):
        if not np.isfinite(values).all():
            raise AnalysisError(f"TorqueTrial.{name} has missing values (NaN): cut the trial to what was observed")
    angle = low_pass(np.radians(trial.angle_deg), rate_hz=trial.rate_hz, cutoff_hz=params.cutoff_hz)
    velocity = time_derivative(angle, rate_hz=trial.rate_hz)
    return _Smooth(
        angle=angle,
        velocity=velocity,
        acceleration=time_derivative(velocity, rate_hz=trial.rate_hz),
        torque=low_pass(trial.torque_Nm, rate_hz=trial.rate_hz, cutoff_hz=params.cutoff_hz),
    )
