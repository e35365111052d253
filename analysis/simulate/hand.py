"""What the examiner's hand intends to do in each trial of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from analysis.model import FloatArray
from analysis.simulate.trial import DynamicsParams, Trial

__all__ = ["Intended", "intend", "minimum_jerk"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Intended:
    """Intended movement of all trials, shape (steps, trials), and the proximal segment's rotation along the stretch."""

    position_rad: FloatArray
    velocity_rad_s: FloatArray
    acceleration_rad_s2: FloatArray
    proximal_rad: FloatArray


def intend(trials: Sequence[Trial], steps: int, params: DynamicsParams) -> Intended:
    """Lay out what the examiners' hands intend, from `DynamicsParams.settle_s` before each trial's start."""
    shape = (steps, len(trials))
    intended = Intended(
        position_rad=np.empty(shape),
        velocity_rad_s=np.empty(shape),
        acceleration_rad_s2=np.empty(shape),
        proximal_rad=np.empty(shape),
    )
    time_s: FloatArray = np.arange(steps, dtype=np.float64) * params.step_s - params.settle_s
    for i, trial in enumerate(trials):
        position, velocity, acceleration = _hand(trial, time_s, params)
        intended.position_rad[:, i] = position
        intended.velocity_rad_s[:, i] = velocity
        intended.acceleration_rad_s2[:, i] = acceleration
        exam_s = np.clip(trial.first_s + time_s, trial.sway.x[0], trial.sway.x[-1])
        intended.proximal_rad[:, i] = trial.sway(exam_s)[:, 0]
    return intended


def minimum_jerk(fraction: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute position, velocity and acceleration of a unit minimum-jerk movement at fractions of its duration.

    Before 0 and after 1, it stands still.

    References
    ----------
    .. [1] Flash T, Hogan N. The coordination of arm movements. J Neurosci 1985;5:1688-1703.
       doi:10.1523/JNEUROSCI.05-07-01688.1985
    """
    s = np.minimum(np.maximum(fraction, 0.0), 1.0)
    rest = 1.0 - s
    position = s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)
    velocity = 30.0 * (s * rest) ** 2
    acceleration = 60.0 * s * rest * (1.0 - 2.0 * s)
    return position, velocity, acceleration


def _hand(trial: Trial, time_s: FloatArray, params: DynamicsParams) -> FloatArray:
    """Lay out position, velocity and acceleration (rad, shape (3, n)) that the hand intends in one trial."""
    move = trial.movement
    stretched_s = move.lead_s + move.duration_s
    parts = [(move.lead_s, move.duration_s, move.target_deg - move.start_deg)]
    if move.push_deg > 0:
        parts.append((stretched_s + move.push_pause_s, params.push_s, move.push_deg))
    parts.append((stretched_s + move.hold_s, move.return_s, move.back_deg - move.target_deg - move.push_deg))
    total = np.zeros((3, time_s.size))
    total[0] = move.start_deg
    for start_s, duration_s, span_deg in parts:
        first, last = np.searchsorted(time_s, [start_s, start_s + duration_s])
        shape = minimum_jerk((time_s[first:last] - start_s) / duration_s)
        for order in range(3):
            total[order, first:last] += span_deg / duration_s**order * shape[order]
        total[0, last:] += span_deg
    within = slice(*np.searchsorted(time_s, [0.0, move.total_s]))
    unsteady = _unsteadiness(trial)
    for order in range(2):  # the hand does not anticipate its own unsteadiness, hence no acceleration
        total[order, within] += unsteady(time_s[within], order)
    hand: FloatArray = np.radians(total)
    return hand


def _unsteadiness(trial: Trial) -> CubicSpline:
    """Draw the hand's wobble (deg): a spline through random knots, at rest at both ends so that trials join."""
    rng = np.random.default_rng([*trial.seed, 7])
    knots_s = np.linspace(
        0.0, trial.movement.total_s, max(4, round(trial.movement.total_s / trial.examiner.wobble_knot_s))
    )
    values_deg = rng.normal(0.0, 1.0, knots_s.size) * trial.examiner.wobble_deg
    values_deg[[0, -1]] = 0.0
    return CubicSpline(knots_s, values_deg, bc_type="clamped")
