"""What of the examiner's push carries the limb: the weight's moment, fitted where the limb moves slowly or rests."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from analysis.limb import Limb
from analysis.model import FloatArray

__all__ = ["GravityFit", "GravityParams", "fit_gravity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GravityParams:
    """Priors of the fit; all chosen by us.

    Attributes
    ----------
    amplitude_sd_share
        Standard deviation of the weight's moment about de Leva's value where the segment's tilt is known.
    untilted_share, untilted_sd_share
        Mean and standard deviation of that moment, as a share of de Leva's, where only the joint angle is known: how the
        limb lies against gravity is then unknown.
    offset_sd_share
        Standard deviation of the force sensor's offset, as a share of the noticeable torque.
    slope_sd_share
        Standard deviation of each step in the slow stretch's excess stiffness, as noticeable torques per healthy range.
    misfit_sd_share
        Standard deviation of what the model leaves, as a share of the noticeable torque.
    bins
        Number of bins of the range in which slow samples are averaged.
    knots
        Number of knots at which excess stiffness may grow.
    phase_step_deg
        Grid of the phase of gravity.
    """

    amplitude_sd_share: float = 0.1
    untilted_share: float = 0.5
    untilted_sd_share: float = 0.5
    offset_sd_share: float = 0.1
    slope_sd_share: float = 10.0
    misfit_sd_share: float = 0.1
    bins: int = 40
    knots: int = 10
    phase_step_deg: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GravityFit:
    """Moments of weight that explain the slow data, with their probability.

    Attributes
    ----------
    cosine_Nm, sine_Nm, offset_Nm
        Coefficients of the moment in the tilt angle and offset of the sensor, one for each phase, shape (phases,).
    weight
        Probability of each phase, summing to 1.
    misfit_Nm
        Root mean square of what the best fit leaves.
    """

    cosine_Nm: FloatArray
    sine_Nm: FloatArray
    offset_Nm: FloatArray
    weight: FloatArray
    misfit_Nm: float

    def moment_Nm(self, tilt_rad: FloatArray) -> FloatArray:  # noqa: N802 - the unit keeps its capital
        """Mean moment against the stretch, sensor offset included, at tilt angles of shape (n,)."""
        moments: FloatArray = self.weight @ self.moments_Nm(tilt_rad)
        return moments

    def moments_Nm(self, tilt_rad: FloatArray) -> FloatArray:  # noqa: N802 - the unit keeps its capital
        """Moment of each phase's fit at tilt angles of shape (n,), shape (phases, n)."""
        moments: FloatArray = (
            self.cosine_Nm[:, None] * np.cos(tilt_rad)
            + self.sine_Nm[:, None] * np.sin(tilt_rad)
            + self.offset_Nm[:, None]
        )
        return moments


def fit_gravity(
    torque_Nm: FloatArray,
    fraction: FloatArray,
    tilt_rad: FloatArray,
    *,
    limb: Limb,
    in_plane: float | None,
    params: GravityParams = GravityParams(),
) -> GravityFit:
    """Explain slow torque beyond a healthy limb's by the limb's weight and by stiffness that only grows.

    A limb that is stiffer than a healthy one (contracture, tonic reflex) resists more the further it is stretched; the
    moment of the limb's weight goes with the cosine of its tilt, with an amplitude known within bounds and an unknown
    phase. For each phase on a grid the rest is a non-negative least-squares problem; the misfits weigh the phases.

    Parameters
    ----------
    torque_Nm
        Examiner's torque less inertia and less a healthy limb's resistance, in slow stretches and rests, shape (n,).
    fraction
        Fraction of the healthy range, shape (n,).
    tilt_rad
        Tilt of the moved segment up to a constant, or the joint angle, shape (n,).
    limb
        Sizes the priors.
    in_plane
        Share of gravity in the plane of movement; ``None`` where the tilt is unknown and the joint angle stands for it.
    params
        Priors.
    """
    if in_plane is None:
        mean_Nm = params.untilted_share * limb.gravity_moment_Nm
        sd_Nm = params.untilted_sd_share * limb.gravity_moment_Nm
    else:
        mean_Nm = in_plane * limb.gravity_moment_Nm
        sd_Nm = params.amplitude_sd_share * limb.gravity_moment_Nm
    binned = _binned(torque_Nm, fraction, tilt_rad, params)
    reduced = _reduced(*binned, misfit_Nm=params.misfit_sd_share * limb.noticeable_Nm, params=params)
    phases = np.radians(np.arange(0.0, 360.0, params.phase_step_deg))
    solved = [
        _solve(reduced, phase, (mean_Nm, sd_Nm), noticeable_Nm=limb.noticeable_Nm, params=params) for phase in phases
    ]
    cost, amplitude, offset = (np.array(column) for column in zip(*solved, strict=True))
    weight = np.exp(-0.5 * (cost - cost.min()))
    best = int(cost.argmin())
    count = max(1, binned[0].size)
    return GravityFit(
        cosine_Nm=amplitude * np.cos(phases),
        sine_Nm=amplitude * np.sin(phases),
        offset_Nm=offset,
        weight=weight / weight.sum(),
        misfit_Nm=float(params.misfit_sd_share * limb.noticeable_Nm * np.sqrt(cost[best] / count)),
    )


def _binned(
    torque_Nm: FloatArray, fraction: FloatArray, tilt_rad: FloatArray, params: GravityParams
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Average slow samples over bins of the range: torque, fraction, cosine and sine of the tilt."""
    low, high = float(fraction.min()), float(fraction.max())
    index = np.minimum(((fraction - low) / max(high - low, 1e-9) * params.bins).astype(int), params.bins - 1)
    count = np.bincount(index, minlength=params.bins)
    kept = count > 0
    columns = (torque_Nm, fraction, np.cos(tilt_rad), np.sin(tilt_rad))
    torque, at, cosine, sine = (np.bincount(index, c, minlength=params.bins)[kept] / count[kept] for c in columns)
    return torque, at, cosine, sine


def _reduced(
    torque: FloatArray, at: FloatArray, cosine: FloatArray, sine: FloatArray, *, misfit_Nm: float, params: GravityParams
) -> FloatArray:
    """Reduce the weighted equations to their triangle: columns cosine, sine, one, hinges, torque."""
    knots = np.arange(params.knots) / params.knots
    hinges = np.maximum(at[:, None] - knots[None, :], 0.0)
    equations = np.column_stack([cosine, sine, np.ones_like(at), hinges, torque]) / misfit_Nm
    padded = np.vstack([equations, np.zeros((max(0, equations.shape[1] - equations.shape[0]), equations.shape[1]))])
    triangle: FloatArray = np.linalg.qr(padded, mode="r")
    return triangle


def _solve(
    triangle: FloatArray,
    phase: float,
    amplitude: tuple[float, float],
    *,
    noticeable_Nm: float,
    params: GravityParams,
) -> tuple[float, float, float]:
    """Solve for one phase: cost, amplitude and offset."""
    mean_Nm, sd_Nm = amplitude
    weight = np.cos(phase) * triangle[:, 0] + np.sin(phase) * triangle[:, 1]
    columns = np.column_stack([weight, triangle[:, 2], -triangle[:, 2], triangle[:, 3:-1]])
    spread = np.full(columns.shape[1], params.slope_sd_share * noticeable_Nm)
    spread[0], spread[1:3] = max(sd_Nm, 1e-3 * noticeable_Nm), params.offset_sd_share * noticeable_Nm
    prior = np.diag(1.0 / spread)
    wanted = np.zeros(columns.shape[1])
    wanted[0] = mean_Nm / spread[0]
    solution, rest = nnls(np.vstack([columns, prior]), np.concatenate([triangle[:, -1], wanted]))
    return float(rest**2), float(solution[0]), float(solution[1] - solution[2])
