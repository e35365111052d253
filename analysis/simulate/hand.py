"""What the examiner's hand intends to do in each trial of a batch, some steps at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from analysis.simulate.curves import Curve, CurveRows
from analysis.simulate.trial import DynamicsParams, Trial

__all__ = ["Hands", "Intended"]

_PARTS = ("stretch", "push", "back")

Steps = NDArray[np.float64]
"""Values of all trials over some steps, shape (steps, trials)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Intended:
    """Intended movement of trials over some steps, and the proximal segment's rotation along the stretch."""

    position_rad: Steps
    velocity_rad_s: Steps
    acceleration_rad_s2: Steps
    proximal_rad: Steps


class Hands:
    """The examiners' hands: stretch, pushing on and return, each a minimum-jerk movement, and their unsteadiness.

    Each trial starts `DynamicsParams.settle_s` before time 0 at rest.

    References
    ----------
    .. [1] Flash T, Hogan N. The coordination of arm movements. J Neurosci 1985;5:1688-1703.
       doi:10.1523/JNEUROSCI.05-07-01688.1985
    """

    def __init__(self, trials: Sequence[Trial], params: DynamicsParams) -> None:
        parts = np.array([_parts(trial, params) for trial in trials])
        self._starts_s, self._durations_s, self._spans_rad = parts.transpose(2, 1, 0)
        self._ends_s = self._starts_s + self._durations_s
        self._held_rad = np.radians([trial.movement.start_deg for trial in trials])
        nowhere_s = np.zeros(len(trials))
        self._unsteady = CurveRows([_unsteadiness(trial) for trial in trials], nowhere_s)
        self._sway = CurveRows([trial.sway for trial in trials], np.array([trial.first_s for trial in trials]))

    @property
    def held_rad(self) -> FloatArray:
        """Where each hand holds the limb at first."""
        return self._held_rad

    def intend(self, time_s: FloatArray, rows: int) -> Intended:
        """Lay out what the first hands intend at ascending times."""
        position, velocity = self._unsteady.values_and_rates(time_s, rows)
        acceleration = np.zeros_like(position)  # the hand does not anticipate its own unsteadiness
        reached = self._held_rad[:rows].copy()
        for part in range(len(_PARTS)):
            ended = self._ends_s[part, :rows] <= time_s[0]
            reached += np.where(ended, self._spans_rad[part, :rows], 0.0)
            moving = np.flatnonzero(~ended & (self._starts_s[part, :rows] < time_s[-1]))
            if moving.size:
                self._move(part, moving, time_s, (position, velocity, acceleration))
        position += reached
        return Intended(
            position_rad=position,
            velocity_rad_s=velocity,
            acceleration_rad_s2=acceleration,
            proximal_rad=self._sway.values(time_s, rows),
        )

    def _move(self, part: int, moving: NDArray[np.intp], time_s: FloatArray, movement: tuple[Steps, ...]) -> None:
        """Add one part's minimum-jerk movement where it is under way."""
        per_s = 1.0 / self._durations_s[part, moving]
        s = time_s[:, np.newaxis] - self._starts_s[part, moving]
        s *= per_s
        np.maximum(s, 0.0, out=s)
        np.minimum(s, 1.0, out=s)
        rest = 1.0 - s
        span = self._spans_rad[part, moving]
        movement[0][:, moving] += span * (s * s * s * (10.0 - 15.0 * s + 6.0 * s * s))
        rest *= s
        movement[1][:, moving] += (30.0 * span * per_s) * (rest * rest)
        movement[2][:, moving] += (60.0 * span * per_s * per_s) * (rest * (1.0 - 2.0 * s))


def _parts(trial: Trial, params: DynamicsParams) -> list[tuple[float, float, float]]:
    """List start (s), duration (s) and span (rad) of stretch, pushing on and return."""
    move = trial.movement
    stretched_s = move.lead_s + move.duration_s
    back_deg = move.back_deg - move.target_deg - move.push_deg
    pushed_s = stretched_s + move.push_pause_s if move.push_deg > 0 else stretched_s
    radians: Callable[[float], float] = np.radians
    return [
        (move.lead_s, move.duration_s, radians(move.target_deg - move.start_deg)),
        (pushed_s, params.push_s, radians(move.push_deg)),
        (stretched_s + move.hold_s, move.return_s, radians(back_deg)),
    ]


def _unsteadiness(trial: Trial) -> Curve:
    """Draw the hand's wobble (rad): a spline through random knots, at rest at both ends so that trials join."""
    rng = np.random.default_rng([*trial.seed, 7])
    total_s = trial.movement.total_s
    knots = max(4, round(total_s / trial.examiner.wobble_knot_s))
    values_deg = rng.normal(0.0, 1.0, knots) * trial.examiner.wobble_deg
    values_deg[[0, -1]] = 0.0
    return Curve.through(np.radians(values_deg)[:, np.newaxis], total_s, held=True)
