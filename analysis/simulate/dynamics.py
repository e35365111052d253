"""The moving limb: trials of many virtual patients integrated side by side."""

from collections.abc import Sequence

import numpy as np

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
    intended = intend(trials, settle + max(counts), params)
    states = _run(rows, intended, params)
    first = states.pad + settle
    return tuple(
        states.motion(
            slice(first, first + count),
            i,
            rows,
            rows.tilt_rad[i] + intended.proximal_rad[settle : settle + count, i],
            params,
        )
        for i, count in enumerate(counts)
    )


class _States:
    """What is recorded of each step, shape (pad + steps + 1, trials); the pad before the start holds the resting limb.

    All else follows from it: one array operation over all steps is cheaper than one a step.
    """

    def __init__(self, rows: Rows, steps: int, rest_rad: FloatArray) -> None:
        self.pad = int(rows.delay.max())
        shape = (self.pad + steps + 1, rest_rad.size)
        self.position = np.empty(shape)
        self.position[: self.pad + 1] = rest_rad
        self.velocity = np.zeros(shape)
        self.reflex = np.zeros(shape)
        self.drive = np.zeros(shape)

    def motion(self, when: slice, trial: int, rows: Rows, tilt_rad: FloatArray, params: DynamicsParams) -> Motion:
        """Take out one trial and work out its torques."""
        position, velocity = self.position[when, trial], self.velocity[when, trial]
        after = self.velocity[when.start + 1 : when.stop + 1, trial]
        acceleration = (after - velocity) / params.step_s
        gravity = -rows.weight_Nm[trial] * np.sin(tilt_rad + position)
        resistance = rows.tissue.of(trial).torque(position, velocity, params.end_exponent_max)
        resistance += self.reflex[when, trial]
        total_inertia = 1.0 / rows.mobility[trial]
        return Motion(
            position_rad=position,
            velocity_rad_s=velocity,
            acceleration_rad_s2=acceleration,
            push_Nm=(total_inertia - rows.hand[trial]) * acceleration - gravity + resistance,
            gravity_Nm=gravity,
            reflex_Nm=self.reflex[when, trial],
            drive_Nm=self.drive[when, trial],
            resistance_Nm=resistance,
        )


def _run(rows: Rows, intended: Intended, params: DynamicsParams) -> _States:
    """Step all trials through time, semi-implicit Euler; every array is made once and written into."""
    hand = _Hand(rows, intended)
    size = rows.inertia.size
    position, velocity = hand.rest_rad.copy(), np.zeros(size)
    states = _States(rows, intended.position_rad.shape[0], position)
    reflex, inhibition, spare, torque = np.zeros(size), np.zeros(size), np.empty(size), np.empty(size)
    above = np.empty(size, dtype=bool)
    reflexes = _Reflexes(rows, states, params)
    clonus = _ClonusClock(rows, params)
    tilt_rad = rows.tilt_rad + intended.proximal_rad
    step_s, per_slackening, per_clasp = params.step_s, 1.0 / params.slackening_rad_s, params.step_s / params.clasp_s
    for k in range(states.pad, states.position.shape[0] - 1):
        drive = reflexes.drive(k)
        np.multiply(inhibition, rows.clasp_depth, out=spare)
        np.subtract(1.0, spare, out=spare)
        drive *= spare
        if clonus.possible:
            clonus.add_bursts(drive, k, reflex, position)
        active = _pulling(reflex, velocity, per_slackening, states.reflex[k])
        hand.pull(k - states.pad, position, velocity, torque)
        np.add(tilt_rad[k - states.pad], position, out=spare)
        np.sin(spare, out=spare)
        spare *= rows.weight_Nm
        torque -= spare
        torque -= rows.tissue.torque(position, velocity, params.end_exponent_max)
        torque -= active
        torque *= rows.mobility
        np.greater(reflex, rows.clasp_Nm, out=above)
        np.subtract(above, inhibition, out=spare)
        spare *= per_clasp
        inhibition += spare
        np.greater(drive, reflex, out=above)
        np.subtract(drive, reflex, out=spare)
        spare *= np.where(above, rows.rise, rows.fall)
        reflex += spare
        torque *= step_s
        velocity += torque
        np.multiply(velocity, step_s, out=spare)
        position += spare
        states.position[k + 1], states.velocity[k + 1] = position, velocity
    return states


def _pulling(reflex: FloatArray, velocity: FloatArray, per_slackening: float, out: FloatArray) -> FloatArray:
    """Compute the torque of the active muscle, which a quickly shortening one loses, into its record."""
    np.multiply(velocity, per_slackening, out=out)
    out += 1.0
    np.maximum(out, 0.0, out=out)
    np.minimum(out, 1.0, out=out)
    out *= reflex
    return out


class _Hand:
    """The examiners' spring and damper, with what does not depend on the limb worked out before."""

    def __init__(self, rows: Rows, intended: Intended) -> None:
        self._rows, self._spare, self._weakest = rows, np.empty(rows.inertia.size), -rows.limit_Nm
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

    def pull(self, step: int, position: FloatArray, velocity: FloatArray, out: FloatArray) -> None:
        """Compute the torque of all arms: they follow the intention as strength allows, and carry the weight."""
        rows = self._rows
        np.multiply(position, rows.k_e, out=self._spare)
        np.subtract(self._pull[step], self._spare, out=out)
        np.multiply(velocity, rows.b_e, out=self._spare)
        out -= self._spare
        np.maximum(out, self._weakest, out=out)
        np.minimum(out, rows.limit_Nm, out=out)
        out += self._carried[step]


class _Reflexes:
    """The neural drive of the stretch reflexes from delayed movement, all laws in their common terms."""

    def __init__(self, rows: Rows, states: _States, params: DynamicsParams) -> None:
        size = rows.inertia.size
        self._rows, self._states, self._step_s = rows, states, params.step_s
        self._kept = 1.0 - params.step_s / params.phasic_s
        self._earlier = (states.pad - rows.delay) * size + np.arange(size)
        self._position, self._velocity = states.position.reshape(-1), states.velocity.reshape(-1)
        self._phasic, self._lengthening, self._over = np.zeros(size), np.empty(size), np.empty(size)
        self._spare, self._per_tonic = np.empty(size), 1.0 / rows.tonic_velocity

    def drive(self, step: int) -> FloatArray:
        """Compute the drive of one step into its record, and move on by one step."""
        rows, lengthening, over, spare = self._rows, self._lengthening, self._over, self._spare
        velocity = self._velocity.take(self._earlier)
        np.multiply(velocity, self._per_tonic, out=spare)
        np.minimum(spare, 1.0, out=spare)
        self._phasic *= self._kept
        np.maximum(spare, self._phasic, out=self._phasic)
        np.maximum(velocity, 0.0, out=lengthening)
        np.multiply(lengthening, rows.mu, out=over)
        over += self._position.take(self._earlier)
        over -= rows.threshold
        np.maximum(over, 0.0, out=over)
        drive: FloatArray = self._states.drive[step]
        np.multiply(self._phasic, rows.k_r_phasic, out=drive)
        drive += rows.k_r_tonic
        np.multiply(lengthening, rows.k_v, out=spare)
        drive += spare
        drive *= over
        np.multiply(lengthening, rows.b_r, out=spare)
        if rows.any_force:
            after = self._velocity.take(self._earlier + velocity.size)
            spare += rows.a_r * np.maximum((after - velocity) / self._step_s, 0.0)
        spare *= over > 0
        drive += spare
        if rows.any_velocity:
            drive += rows.g_v * np.maximum(velocity - rows.onset_velocity, 0.0)
        self._earlier += velocity.size
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
