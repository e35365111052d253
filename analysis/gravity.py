"""What of the examiner's push carries the limb: the weight's moment, fitted where the limb moves slowly or rests."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from analysis.limb import Limb
from analysis.model import FloatArray

__all__ = ["GravityFit", "GravityParams", "SlowTorque", "amplitude_prior", "fit_gravity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GravityParams:
    """Priors of the fit; all chosen by us.

    Attributes
    ----------
    amplitude_sd_share
        Standard deviation of the weight's moment about de Leva's value where the segment's tilt is known.
    in_plane_sd
        Standard deviation of the share of gravity that lies in the plane of movement: some 2 degrees of its normal.
    untilted_share, untilted_sd_share
        Mean and standard deviation of that moment, as a share of de Leva's, where only the joint angle is known: how
        the limb lies against gravity is then unknown.
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
    coarse_steps, hopeless_cost
        Every so many phases are solved first; between two whose cost is this much above the least, none is. A cost of
        2 is one deviation less probable by e; between two coarse phases it hardly falls by more than half of this.
    least_sd_share
        Least deviation of any prior, as a share of its unit, so that nothing is divided by 0.
    """

    amplitude_sd_share: float = 0.1
    in_plane_sd: float = 0.03
    untilted_share: float = 0.5
    untilted_sd_share: float = 0.5
    offset_sd_share: float = 0.1
    slope_sd_share: float = 30.0
    misfit_sd_share: float = 0.1
    bins: int = 40
    knots: int = 10
    phase_step_deg: float = 3.0
    coarse_steps: int = 4
    hopeless_cost: float = 60.0
    least_sd_share: float = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlowTorque:
    """What the examiner's torque holds in slow stretches or rests beyond inertia and a healthy limb's resistance.

    Attributes
    ----------
    torque_Nm
        Torque, shape (n,).
    fraction
        Fraction of the healthy range, shape (n,).
    healthy_sd_Nm
        What one deviation of the limb's place along the range changes in a healthy limb's resistance, shape (n,).
    tilt_rad
        Tilt of the moved segment up to a constant, or the joint angle, shape (n,).
    """

    torque_Nm: FloatArray
    fraction: FloatArray
    healthy_sd_Nm: FloatArray
    tilt_rad: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Binned:
    """Slow torque averaged over bins of the range."""

    torque_Nm: FloatArray
    fraction: FloatArray
    healthy_sd_Nm: FloatArray
    cosine: FloatArray
    sine: FloatArray


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
    slow: SlowTorque,
    *,
    limb: Limb,
    in_plane: float | None,
    params: GravityParams = GravityParams(),
) -> GravityFit:
    """Explain slow torque beyond a healthy limb's by the limb's weight and by stiffness that only grows.

    A limb that is stiffer than a healthy one (contracture, tonic reflex) resists more the further it is stretched; the
    moment of the limb's weight goes with the cosine of its tilt, with an amplitude known within bounds and an unknown
    phase. Where the angle is doubtful, a bin says the less, the more steeply a healthy limb's resistance rises: at the
    end of range. For each phase on a grid the rest is a non-negative least-squares problem; the misfits weigh the
    phases.

    Where the limb is along the range is not fitted: a contracture resists as a limb that is further along would, and
    healthy limbs differ by more than an angle errs. A shift fitted to slow stretches of virtual patients did not
    correlate with the error of their angles.

    Parameters
    ----------
    slow
        Torque in slow stretches or rests.
    limb
        Sizes the priors.
    in_plane
        Share of gravity in the plane of movement; ``None`` where the tilt is unknown and the joint angle stands for it.
    params
        Priors.
    """
    mean_Nm, sd_Nm = amplitude_prior(limb, in_plane, params)
    binned = _binned(slow, params)
    reduced = _reduced(binned, misfit_Nm=params.misfit_sd_share * limb.noticeable_Nm, params=params)
    spread = np.full(3 + params.knots, params.slope_sd_share * limb.noticeable_Nm)
    spread[0] = max(sd_Nm, params.least_sd_share * limb.noticeable_Nm)
    spread[1:3] = params.offset_sd_share * limb.noticeable_Nm
    phases, solved = _solve_phases(_Problem(reduced, mean_Nm, spread), params)
    cost, amplitude, offset = solved.T
    weight = np.exp(-0.5 * (cost - cost.min()))
    weight /= weight.sum()
    return GravityFit(
        cosine_Nm=amplitude * np.cos(phases),
        sine_Nm=amplitude * np.sin(phases),
        offset_Nm=offset,
        weight=weight,
        misfit_Nm=float(
            params.misfit_sd_share * limb.noticeable_Nm * np.sqrt(cost.min() / max(1, binned.torque_Nm.size))
        ),
    )


def amplitude_prior(limb: Limb, in_plane: float | None, params: GravityParams = GravityParams()) -> tuple[float, float]:
    """Tell mean and standard deviation (N·m) of the weight's moment before any force was seen.

    Parameters
    ----------
    limb
        The limb, sized by its subject.
    in_plane
        Share of gravity in the plane of movement; ``None`` where the tilt is unknown.
    params
        Priors.
    """
    if in_plane is None:
        return params.untilted_share * limb.gravity_moment_Nm, params.untilted_sd_share * limb.gravity_moment_Nm
    sd_share = float(np.hypot(params.amplitude_sd_share * in_plane, params.in_plane_sd))
    return in_plane * limb.gravity_moment_Nm, sd_share * limb.gravity_moment_Nm


def _binned(slow: SlowTorque, params: GravityParams) -> _Binned:
    """Average slow samples over bins of the range."""
    low, high = float(slow.fraction.min()), float(slow.fraction.max())
    index = ((slow.fraction - low) / max(high - low, 1e-9) * params.bins).astype(int)
    index = np.minimum(index, params.bins - 1)
    count = np.bincount(index, minlength=params.bins)
    kept = count > 0
    columns = (
        slow.torque_Nm,
        slow.fraction,
        slow.healthy_sd_Nm,
        np.cos(slow.tilt_rad),
        np.sin(slow.tilt_rad),
    )
    means = [np.bincount(index, c, minlength=params.bins)[kept] / count[kept] for c in columns]
    names = ("torque_Nm", "fraction", "healthy_sd_Nm", "cosine", "sine")
    return _Binned(**dict(zip(names, means, strict=True)))


def _reduced(binned: _Binned, *, misfit_Nm: float, params: GravityParams) -> FloatArray:
    """Reduce the weighted equations to their triangle: columns cosine, sine, one, hinges, torque."""
    first = min(0.0, float(binned.fraction.min()))  # a stretch may start before the healthy range, and resist there
    knots = first + np.arange(params.knots) / params.knots * (1.0 - first)
    hinges = np.maximum(binned.fraction[:, None] - knots[None, :], 0.0)
    one = np.ones_like(binned.fraction)
    columns = [binned.cosine, binned.sine, one, hinges, binned.torque_Nm]
    equations = np.column_stack(columns) / np.hypot(misfit_Nm, binned.healthy_sd_Nm)[:, None]
    padded = np.vstack([equations, np.zeros((max(0, equations.shape[1] - equations.shape[0]), equations.shape[1]))])
    return np.asarray(np.linalg.qr(padded, mode="r"), dtype=np.float64)


def _columns(triangle: FloatArray, phase: float) -> FloatArray:
    """Lay out the non-negative unknowns of one phase: amplitude, offset up and down, hinges."""
    weight = np.cos(phase) * triangle[:, 0] + np.sin(phase) * triangle[:, 1]
    offset = triangle[:, 2]
    return np.column_stack([weight, offset, -offset, triangle[:, 3:-1]])


class _Problem:
    """The non-negative least-squares problem of one phase; all but one column is the same for all phases."""

    def __init__(self, triangle: FloatArray, mean_Nm: float, spread: FloatArray) -> None:
        wanted = np.zeros(spread.size)
        wanted[0] = mean_Nm / spread[0]
        self._triangle = triangle
        self._equations = np.vstack([_columns(triangle, 0.0), np.diag(1.0 / spread)])
        self._right = np.concatenate([triangle[:, -1], wanted])

    def solve(self, phase: float) -> tuple[float, float, float]:
        """Solve for one phase: cost, amplitude and offset."""
        triangle, equations = self._triangle, self._equations
        equations[: triangle.shape[0], 0] = np.cos(phase) * triangle[:, 0] + np.sin(phase) * triangle[:, 1]
        solution, rest = nnls(equations, self._right)
        return float(rest**2), float(solution[0]), float(solution[1] - solution[2])


def _solve_phases(problem: _Problem, params: GravityParams) -> tuple[FloatArray, FloatArray]:
    """Solve for the phases on a grid that may matter: every few, then all beside those that are not out of question."""
    count = round(360.0 / params.phase_step_deg)
    phases = np.radians(np.arange(count) * params.phase_step_deg)
    coarse = range(0, count, params.coarse_steps)
    solved = {i: problem.solve(phases[i]) for i in coarse}
    bound = min(found[0] for found in solved.values()) + params.hopeless_cost
    for i in coarse:
        if solved[i][0] <= bound:
            for near in range(i - params.coarse_steps + 1, i + params.coarse_steps):
                if near % count not in solved:
                    solved[near % count] = problem.solve(phases[near % count])
    kept = sorted(solved)
    return phases[kept], np.array([solved[i] for i in kept])
