"""The moving limb: trials of many virtual patients integrated side by side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.limb import HEALTHY_LIMB, HealthyLimbParams
from analysis.model import FloatArray
from analysis.simulate.hand import Intended, intend
from analysis.simulate.rows import Rows
from analysis.simulate.trial import DYNAMICS, DynamicsParams, Motion, Trial

__all__ = ["integrate"]


def integrate(
    trials: Sequence[Trial], *, params: DynamicsParams = DYNAMICS, healthy: HealthyLimbParams = HEALTHY_LIMB
) -> tuple[Motion, ...]:
    """Integrate trials side by side with a fixed step.

    Parameters
    ----------
    trials
        Movements of any patients. All are integrated for as long as the longest takes, so that trials of similar
        duration are cheapest together.
    params, healthy
        Constants of the model.

    Returns
    -------
    tuple of Motion
        One for each trial, from its start to its end.
    """
    rows = Rows(trials, params, healthy)
    settle = round(params.settle_s / params.step_s)
    counts = [round(trial.movement.total_s / params.step_s) for trial in trials]
    states = _run(rows, intend(trials, settle + max(counts), params), params)
    first = states.pad + settle
    return tuple(states.motion(slice(first, first + count), i) for i, count in enumerate(counts))


class _States:
    """All that is recorded, shape (pad + steps, trials); the pad before the start holds the resting limb."""

    def __init__(self, rows: Rows, steps: int, rest_rad: FloatArray) -> None:
        self.pad = int(rows.delay.max())
        shape = (self.pad + steps, rest_rad.size)
        self.position = np.empty(shape)
        self.position[: self.pad] = rest_rad
        self.velocity = np.zeros(shape)
        self.acceleration = np.zeros(shape)
        self.push = np.zeros(shape)
        self.gravity = np.zeros(shape)
        self.reflex = np.zeros(shape)
        self.drive = np.zeros(shape)
        self.resistance = np.zeros(shape)

    def motion(self, when: slice, trial: int) -> Motion:
        """Take out one trial."""
        return Motion(
            position_rad=self.position[when, trial],
            velocity_rad_s=self.velocity[when, trial],
            acceleration_rad_s2=self.acceleration[when, trial],
            push_Nm=self.push[when, trial],
            gravity_Nm=self.gravity[when, trial],
            reflex_Nm=self.reflex[when, trial],
            drive_Nm=self.drive[when, trial],
            resistance_Nm=self.resistance[when, trial],
        )


def _run(rows: Rows, intended: Intended, params: DynamicsParams) -> _States:
    """Step all trials through time, semi-implicit Euler."""
    hand = _Hand(rows, intended)
    position, velocity = hand.rest_rad, np.zeros(rows.inertia.size)
    states = _States(rows, intended.position_rad.shape[0], position)
    reflex, inhibition = np.zeros_like(velocity), np.zeros_like(velocity)
    phasic = np.zeros_like(velocity)
    clonus = _ClonusClock(rows, params)
    earlier = (states.pad - rows.delay) * velocity.size + np.arange(velocity.size)
    tilt_rad = rows.tilt_rad + intended.proximal_rad
    step_s, per_slackening = params.step_s, 1.0 / params.slackening_rad_s
    per_clasp, kept = step_s / params.clasp_s, 1.0 - step_s / params.phasic_s
    for k in range(states.pad, states.position.shape[0]):
        past_velocity = states.velocity.ravel()[earlier]
        phasic = np.maximum(np.minimum(past_velocity / rows.tonic_velocity, 1.0), phasic * kept)
        drive = _drive(rows, states, earlier, past_velocity, phasic) * (1.0 - rows.clasp_depth * inhibition)
        if clonus.possible:
            clonus.add_bursts(drive, k, reflex, position)
        pull = hand.pull(k - states.pad, position, velocity)
        active = reflex * np.minimum(np.maximum(1.0 + velocity * per_slackening, 0.0), 1.0)
        gravity = -rows.weight_Nm * np.sin(tilt_rad[k - states.pad] + position)
        resistance = _passive_torque(rows, position, velocity, params.end_exponent_max) + active
        acceleration = (pull + gravity - resistance) * rows.mobility
        states.position[k], states.velocity[k], states.acceleration[k] = position, velocity, acceleration
        states.push[k], states.gravity[k] = pull - rows.hand * acceleration, gravity
        states.resistance[k], states.reflex[k], states.drive[k] = resistance, active, drive
        inhibition = inhibition + ((reflex > rows.clasp_Nm) - inhibition) * per_clasp
        reflex = reflex + (drive - reflex) * np.where(drive > reflex, rows.rise, rows.fall)
        velocity = velocity + acceleration * step_s
        position = position + velocity * step_s
        earlier += velocity.size
    return states


class _Hand:
    """The examiners' spring and damper, with what does not depend on the limb worked out before."""

    def __init__(self, rows: Rows, intended: Intended) -> None:
        self._rows = rows
        weight = -rows.weight_Nm * np.sin(rows.tilt_rad + intended.position_rad)
        self._carried = -rows.feel * weight
        self._pull = (
            rows.k_e * intended.position_rad
            + rows.b_e * intended.velocity_rad_s
            + rows.feel * (rows.inertia + rows.hand) * intended.acceleration_rad_s2
        )
        held = intended.position_rad[0]
        sag_Nm = (1.0 - rows.feel) * weight[0] - rows.k_p * np.maximum(held, 0.0)
        self.rest_rad: FloatArray = held + sag_Nm / (rows.k_e + rows.k_p)

    def pull(self, step: int, position: FloatArray, velocity: FloatArray) -> FloatArray:
        """Compute the torque of all arms: they follow the intention as strength allows, and carry the weight."""
        rows = self._rows
        follow = self._pull[step] - rows.k_e * position - rows.b_e * velocity
        pull: FloatArray = self._carried[step] + np.minimum(np.maximum(follow, -rows.limit_Nm), rows.limit_Nm)
        return pull


def _passive_torque(rows: Rows, position: FloatArray, velocity: FloatArray, exponent_max: float) -> FloatArray:
    """Compute elastic, viscous and end-of-range torque."""
    exponent = np.minimum(np.maximum(rows.end_rate * (position - rows.end_onset), 0.0), exponent_max)
    elastic = rows.k_p * np.maximum(position, 0.0)
    torque: FloatArray = elastic + rows.b_p * velocity + rows.end_torque * np.expm1(exponent)
    return torque


def _drive(
    rows: Rows, states: _States, earlier: NDArray[np.int64], velocity: FloatArray, phasic: FloatArray
) -> FloatArray:
    """Compute the neural drive of the stretch reflex from delayed movement, all laws in their common terms."""
    lengthening = np.maximum(velocity, 0.0)
    over = np.maximum(states.position.ravel()[earlier] - rows.threshold + rows.mu * lengthening, 0.0)
    gain = rows.k_r_tonic + rows.k_r_phasic * phasic + rows.k_v * lengthening
    burst = rows.b_r * lengthening
    if rows.any_force:
        burst = burst + rows.a_r * np.maximum(states.acceleration.ravel()[earlier], 0.0)
    drive: FloatArray = gain * over + burst * (over > 0)
    if rows.any_velocity:
        drive = drive + rows.g_v * np.maximum(velocity - rows.onset_velocity, 0.0)
    return drive


class _ClonusClock:
    """Remembers when each trial's clonus was set off; knows only the trials that can have one."""

    def __init__(self, rows: Rows, params: DynamicsParams) -> None:
        self._where = np.flatnonzero(rows.clonus_Nm > 0)
        self.possible = self._where.size > 0
        self._amplitude_Nm = rows.clonus_Nm[self._where]
        self._rate = rows.clonus_rad_s[self._where] * params.step_s
        self._fading = params.step_s / rows.clonus_decay_s[self._where]
        self._delay = rows.delay[self._where]
        self._threshold = rows.clonus_threshold[self._where]
        self._start = np.full(self._where.size, np.inf)

    def add_bursts(self, drive: FloatArray, step: int, reflex: FloatArray, position: FloatArray) -> None:
        """Add bursts to the drive: set off by a reflex of half their height, fading, while the muscle is held long."""
        set_off = (reflex[self._where] > 0.5 * self._amplitude_Nm) & np.isinf(self._start)
        if set_off.any():
            self._start[set_off] = step + self._delay[set_off]
        since = step - self._start
        active = (since > 0) & (position[self._where] > self._threshold)
        if active.any():
            bursting = np.flatnonzero(active)
            since = since[bursting]
            wave = np.maximum(np.sin(self._rate[bursting] * since), 0.0) * np.exp(-self._fading[bursting] * since)
            drive[self._where[bursting]] += self._amplitude_Nm[bursting] * wave
