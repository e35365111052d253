"""The moving limb: many stretches of many virtual patients integrated side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from analysis.limb import HEALTHY_ENDS_DEG, HealthyLimbParams, Limb, healthy_scale, limb_of
from analysis.model import FloatArray, Subject
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.simulate.examiner import Examiner, Movement, minimum_jerk
from analysis.simulate.patient import ReflexLaw, VirtualPatient

__all__ = ["DynamicsParams", "Motion", "Trial", "integrate", "joint_angle_deg", "lever_m"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicsParams:
    """Constants of the model and of its integration.

    Attributes
    ----------
    step_s
        Fixed step of the semi-implicit Euler integration; chosen by us: the stiffest healthy end of range turns at
        less than half a radian a step.
    settle_s
        Time given to each stretch to settle before it is recorded; chosen by us.
    tonic_velocity_rad_s
        Velocity at and above which the whole reflex gain acts, about 5 deg/s (section 3 of the dossier).
    clasp_s
        Time constant of the clasp-knife inhibition (same source).
    velocity_law_onset
        Fraction of the healthy range at which the threshold velocity of the velocity law equals that of the
        length-velocity law; chosen by us.
    velocity_law_floor_rad_s
        Lowest threshold velocity of the velocity law; chosen by us.
    push_s
        Duration of pushing the limb on after a stretch; chosen by us.
    end_exponent_max
        Bound of the exponent at the end of range, so that nothing overflows.
    """

    step_s: float = 0.001
    settle_s: float = 0.4
    tonic_velocity_rad_s: float = 0.0873
    clasp_s: float = 0.08
    velocity_law_onset: float = 0.6
    velocity_law_floor_rad_s: float = 0.7
    push_s: float = 0.5
    end_exponent_max: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One movement of one patient by one examiner, with the seed of the hand's unsteadiness."""

    patient: VirtualPatient
    examiner: Examiner
    movement: Movement
    seed: tuple[int, ...]
    proximal_rad: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """What a limb did in one trial, at every integration step; angles from the shortened end of the healthy range.

    Attributes
    ----------
    position_rad, velocity_rad_s, acceleration_rad_s2
        Movement along the stretch, shape (n,).
    push_Nm
        The examiner's torque.
    gravity_Nm
        Gravity's torque along the stretch.
    reflex_Nm, drive_Nm
        Torque of the reflex, and the neural drive that it follows with the muscle's activation.
    resistance_Nm
        Passive and reflex torque together, positive against the stretch.
    """

    position_rad: FloatArray
    velocity_rad_s: FloatArray
    acceleration_rad_s2: FloatArray
    push_Nm: FloatArray
    gravity_Nm: FloatArray
    reflex_Nm: FloatArray
    drive_Nm: FloatArray
    resistance_Nm: FloatArray

    @classmethod
    def joined(cls, parts: Sequence["Motion"]) -> "Motion":
        """Put movements one after another."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def every(self, steps: int) -> "Motion":
        """Keep every n-th step."""
        return Motion(**{f.name: getattr(self, f.name)[::steps] for f in fields(self)})


class _Rows:
    """Constants of all trials of a batch, one entry of each vector a trial."""

    def __init__(self, trials: Sequence[Trial], params: DynamicsParams, healthy: HealthyLimbParams) -> None:
        patients = [trial.patient for trial in trials]
        limbs = [patient.limb for patient in patients]
        torque_scale = np.array([healthy_scale(limb) for limb in limbs])
        range_rad = np.radians([patient.muscle.healthy_range_deg for patient in patients])
        self._inertial(limbs, patients)
        self._passive(patients, torque_scale, range_rad, healthy)
        self._reflex(trials, params, range_rad)
        self._activation(patients, params)
        self._examiner(trials, limbs, torque_scale)

    def _inertial(self, limbs: list[Limb], patients: list[VirtualPatient]) -> None:
        self.inertia = np.array([limb.inertia_kg_m2 for limb in limbs])
        in_plane = np.cos(np.radians([patient.posture.plane_tilt_deg for patient in patients]))
        self.weight_Nm = np.array([limb.gravity_moment_Nm for limb in limbs]) * in_plane
        self.tilt_rad = np.radians([patient.posture.tilt_start_deg for patient in patients])

    def _passive(
        self,
        patients: list[VirtualPatient],
        torque_scale: FloatArray,
        range_rad: FloatArray,
        healthy: HealthyLimbParams,
    ) -> None:
        self.k_p = np.array([patient.k_p_Nm_per_rad for patient in patients])
        self.b_p = np.array([patient.b_p_Nms_per_rad for patient in patients])
        elbow_rad = np.radians(MUSCLES[MuscleGroup.ELBOW_FLEXORS].healthy_range_deg)
        rom_rad = np.radians([patient.rom_deg for patient in patients])
        self.end_onset = rom_rad - healthy.end_approach_fraction * range_rad
        self.end_rate = healthy.end_rate_per_rad * elbow_rad / range_rad
        self.end_torque = healthy.end_torque_Nm * torque_scale

    def _reflex(self, trials: Sequence[Trial], params: DynamicsParams, range_rad: FloatArray) -> None:
        gains = [_reflex_gains(trial, params, span) for trial, span in zip(trials, range_rad, strict=True)]
        columns = np.array(gains, dtype=np.float64).T
        self.threshold, self.mu, self.k_r, self.k_v, self.b_r, self.a_r, self.g_v, self.onset_velocity = columns

    def _activation(self, patients: list[VirtualPatient], params: DynamicsParams) -> None:
        self.tonic = np.array([patient.tonic_fraction for patient in patients])
        self.delay = np.array([max(1, round(patient.delay_s / params.step_s)) for patient in patients])
        self.rise = params.step_s / np.array([patient.rise_s for patient in patients])
        self.fall = params.step_s / np.array([patient.fall_s for patient in patients])
        self.clasp_Nm = np.array([patient.clasp_Nm for patient in patients])
        self.clasp_depth = np.array([patient.clasp_depth for patient in patients])
        clonus = [patient.clonus for patient in patients]
        self.clonus_Nm = np.array([0.0 if c is None else c.amplitude_Nm for c in clonus])
        self.clonus_rad_s = 2 * np.pi * np.array([1.0 if c is None else c.frequency_hz for c in clonus])
        self.clonus_decay_s = np.array([1.0 if c is None else c.decay_s for c in clonus])

    def _examiner(self, trials: Sequence[Trial], limbs: list[Limb], torque_scale: FloatArray) -> None:
        reference = limb_of(MuscleGroup.ELBOW_FLEXORS, Subject(code="reference")).inertia_kg_m2
        firmness = np.maximum(torque_scale, np.sqrt(torque_scale * self.inertia / reference))
        self.k_e = firmness * np.array([trial.examiner.stiffness_Nm_per_rad for trial in trials])
        self.b_e = firmness * np.array([trial.examiner.damping_Nms_per_rad for trial in trials])
        self.feel = np.array([trial.examiner.feel for trial in trials])
        self.limit_Nm = np.array(
            [
                trial.examiner.end_feel_Nm * scale
                if trial.movement.is_slow
                else trial.examiner.strength_N * lever_m(trial.patient.muscle_group, limb)
                for trial, limb, scale in zip(trials, limbs, torque_scale, strict=True)
            ]
        )


_LEVER_FRACTION = {MuscleGroup.PLANTARFLEXORS: 0.6}
_LEVER_FRACTION_ELSEWHERE = 0.9


def lever_m(group: MuscleGroup, limb: Limb) -> float:
    """Distance from the joint at which the examiner pushes: near the segment's end, at the ball of the foot."""
    return _LEVER_FRACTION.get(group, _LEVER_FRACTION_ELSEWHERE) * limb.segment_length_m


def _reflex_gains(trial: Trial, params: DynamicsParams, range_rad: float) -> tuple[float, ...]:
    """Express a reflex law in the common terms: threshold, mu, k_r, k_v, b_r, a_r, g_v, threshold velocity."""
    patient = trial.patient
    threshold = float(np.radians(patient.lambda0_deg + trial.movement.threshold_shift_deg))
    k_r, k_v, b_r = patient.k_r_Nm_per_rad, patient.k_v_Nms_per_rad2, patient.b_r_Nms_per_rad
    mu_s = patient.sensitivity_s or 0.0
    match patient.law:
        case ReflexLaw.LENGTH_VELOCITY:
            return threshold, mu_s, k_r, k_v, b_r, 0.0, 0.0, np.inf
        case ReflexLaw.FORCE:
            return threshold, mu_s, k_r, 0.0, b_r, b_r * mu_s, 0.0, np.inf
        case ReflexLaw.VELOCITY:
            onset = (threshold - params.velocity_law_onset * range_rad) / max(patient.mu_s, params.step_s)
            gain = k_r * patient.mu_s + b_r
            return np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, gain, max(onset, params.velocity_law_floor_rad_s)


def integrate(
    trials: Sequence[Trial],
    *,
    params: DynamicsParams = DynamicsParams(),
    healthy: HealthyLimbParams = HealthyLimbParams(),
) -> tuple[Motion, ...]:
    """Integrate trials side by side with a fixed step.

    Parameters
    ----------
    trials
        Movements of any patients; they are integrated as long as the longest of them, so similar durations are cheapest.
    params, healthy
        Constants of the model.

    Returns
    -------
    tuple of Motion
        One for each trial, from its start to its end.
    """
    rows = _Rows(trials, params, healthy)
    settle = round(params.settle_s / params.step_s)
    counts = [round(trial.movement.total_s / params.step_s) for trial in trials]
    intended = _intend(trials, settle + max(counts), params)
    states = _run(rows, intended, params)
    resistance = _passive_torque(rows, states.position, states.velocity, params) + states.reflex
    return tuple(
        Motion(
            position_rad=states.position[settle : settle + n, i],
            velocity_rad_s=states.velocity[settle : settle + n, i],
            acceleration_rad_s2=states.acceleration[settle : settle + n, i],
            push_Nm=states.push[settle : settle + n, i],
            gravity_Nm=states.gravity[settle : settle + n, i],
            reflex_Nm=states.reflex[settle : settle + n, i],
            drive_Nm=states.drive[settle : settle + n, i],
            resistance_Nm=resistance[settle : settle + n, i],
        )
        for i, n in enumerate(counts)
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Intended:
    """Intended movement of all rows, shape (steps, rows), and the proximal segment's rotation along the stretch."""

    position: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    proximal: FloatArray


def _intend(trials: Sequence[Trial], steps: int, params: DynamicsParams) -> _Intended:
    """Lay out what the examiners' hands intend."""
    shape = (steps, len(trials))
    intended = _Intended(
        position=np.empty(shape), velocity=np.empty(shape), acceleration=np.empty(shape), proximal=np.zeros(shape)
    )
    time_s = np.arange(steps) * params.step_s - params.settle_s
    for i, trial in enumerate(trials):
        position, velocity, acceleration = _hand(trial, time_s, params)
        intended.position[:, i] = position
        intended.velocity[:, i] = velocity
        intended.acceleration[:, i] = acceleration
        if trial.proximal_rad is not None:
            first = steps - time_s[time_s >= -0.5 * params.step_s].size
            known = trial.proximal_rad[: steps - first]
            intended.proximal[first : first + known.size, i] = known
            intended.proximal[:first, i] = known[0]
            intended.proximal[first + known.size :, i] = known[-1]
    return intended


def _hand(trial: Trial, time_s: FloatArray, params: DynamicsParams) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Position, velocity and acceleration (rad) that the hand intends in one trial."""
    move = trial.movement
    stretched_s = move.lead_s + move.duration_s
    parts = [(move.lead_s, move.duration_s, move.target_deg - move.start_deg)]
    if move.push_deg > 0:
        parts.append((stretched_s + move.push_pause_s, params.push_s, move.push_deg))
    parts.append((stretched_s + move.hold_s, move.return_s, move.back_deg - move.target_deg - move.push_deg))
    total = np.zeros((3, time_s.size))
    total[0] = move.start_deg
    for start_s, duration_s, span_deg in parts:
        shape = minimum_jerk((time_s - start_s) / duration_s)
        for order in range(3):
            total[order] += span_deg * shape[order] / duration_s**order
    total[:2] += _unsteadiness(trial, time_s)
    position, velocity, acceleration = np.radians(total)
    return position, velocity, acceleration


def _unsteadiness(trial: Trial, time_s: FloatArray) -> FloatArray:
    """Position and velocity (deg) of the hand's wobble, 0 at both ends of the trial so that trials join."""
    rng = np.random.default_rng([*trial.seed, 7])
    frequency_hz = rng.uniform(0.6, 3.0, 4)
    phase = rng.uniform(0, 2 * np.pi, 4)
    amplitude_deg = trial.examiner.wobble_deg * rng.dirichlet(np.ones(4)) ** 0.5 * 2**0.5
    angle = 2 * np.pi * frequency_hz[:, None] * time_s + phase[:, None]
    move = trial.movement
    rise_s = 0.5 * move.rest_s
    into, into_rate, _ = minimum_jerk(time_s / max(move.lead_s, 0.2))
    out, out_rate, _ = minimum_jerk((move.total_s - time_s) / rise_s)
    gate = into * out
    gate_rate = into_rate / max(move.lead_s, 0.2) * out - into * out_rate / rise_s
    sway = amplitude_deg @ np.sin(angle)
    sway_rate = (amplitude_deg * 2 * np.pi * frequency_hz) @ np.cos(angle)
    return np.stack([gate * sway, gate * sway_rate + gate_rate * sway])


class _States:
    """Everything that is recorded at each step, shape (steps, rows)."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.position = np.zeros(shape)
        self.velocity = np.zeros(shape)
        self.acceleration = np.zeros(shape)
        self.push = np.zeros(shape)
        self.gravity = np.zeros(shape)
        self.reflex = np.zeros(shape)
        self.drive = np.zeros(shape)


def _passive_torque(rows: _Rows, position: FloatArray, velocity: FloatArray, params: DynamicsParams) -> FloatArray:
    """Elastic, viscous and end-of-range torque."""
    exponent = np.clip(rows.end_rate * (position - rows.end_onset), 0.0, params.end_exponent_max)
    torque: FloatArray = (
        rows.k_p * np.maximum(position, 0.0) + rows.b_p * velocity + rows.end_torque * np.expm1(exponent)
    )
    return torque


def _run(rows: _Rows, intended: _Intended, params: DynamicsParams) -> _States:
    """Step all rows through time."""
    steps, count = intended.position.shape
    states = _States((steps, count))
    index = np.arange(count)
    position, velocity = _equilibrium(rows, intended), np.zeros(count)
    reflex, inhibition = np.zeros(count), np.zeros(count)
    clonus = _ClonusClock(rows, params)
    intended_weight = -rows.weight_Nm * np.sin(rows.tilt_rad + intended.position)
    carried = -rows.feel * intended_weight
    forward = rows.feel * rows.inertia * intended.acceleration
    for k in range(steps):
        earlier = np.maximum(k - rows.delay, 0)
        drive = _drive(
            rows,
            states.position[earlier, index] if k else position,
            states.velocity[earlier, index],
            states.acceleration[earlier, index],
            params,
        )
        drive = drive * (1.0 - rows.clasp_depth * inhibition)
        if clonus.possible:
            drive = drive + clonus.bursts(k * params.step_s, reflex, position)
        follow = rows.k_e * (intended.position[k] - position) + rows.b_e * (intended.velocity[k] - velocity)
        follow = follow + forward[k]
        push = carried[k] + np.minimum(np.maximum(follow, -rows.limit_Nm), rows.limit_Nm)
        gravity = -rows.weight_Nm * np.sin(rows.tilt_rad + position + intended.proximal[k])
        resistance = _passive_torque(rows, position, velocity, params) + reflex
        acceleration = (push + gravity - resistance) / rows.inertia
        states.position[k], states.velocity[k], states.acceleration[k] = position, velocity, acceleration
        states.push[k], states.gravity[k], states.reflex[k], states.drive[k] = push, gravity, reflex, drive
        inhibition = inhibition + ((reflex > rows.clasp_Nm) - inhibition) * (params.step_s / params.clasp_s)
        reflex = reflex + (drive - reflex) * np.where(drive > reflex, rows.rise, rows.fall)
        velocity = velocity + acceleration * params.step_s
        position = position + velocity * params.step_s
    return states


def _drive(
    rows: _Rows, position: FloatArray, velocity: FloatArray, acceleration: FloatArray, params: DynamicsParams
) -> FloatArray:
    """Neural drive of the stretch reflex from delayed movement, all laws in their common terms."""
    lengthening = np.maximum(velocity, 0.0)
    over = np.maximum(position - rows.threshold + rows.mu * lengthening, 0.0)
    awake = rows.tonic + (1.0 - rows.tonic) * np.minimum(lengthening / params.tonic_velocity_rad_s, 1.0)
    burst = rows.b_r * lengthening + rows.a_r * np.maximum(acceleration, 0.0)
    drive: FloatArray = (
        (rows.k_r * awake + rows.k_v * lengthening) * over
        + burst * (over > 0)
        + rows.g_v * np.maximum(velocity - rows.onset_velocity, 0.0)
    )
    return drive


def _equilibrium(rows: _Rows, intended: _Intended) -> FloatArray:
    """Position at which the limb rests in the examiner's hand before it is moved, to first order."""
    held = intended.position[0]
    sag = -(1.0 - rows.feel) * rows.weight_Nm * np.sin(rows.tilt_rad + held) - rows.k_p * np.maximum(held, 0.0)
    rest: FloatArray = held + sag / (rows.k_e + rows.k_p)
    return rest


class _ClonusClock:
    """Remembers when each row's clonus was set off."""

    def __init__(self, rows: _Rows, params: DynamicsParams) -> None:
        self.possible = bool((rows.clonus_Nm > 0).any())
        self._rows = rows
        self._params = params
        self._since_s = np.full(rows.clonus_Nm.shape, np.inf)

    def bursts(self, now_s: float, reflex: FloatArray, position: FloatArray) -> FloatArray:
        """Drive of the bursts now: set off by a reflex of half their height, fading, while the muscle is held long."""
        rows = self._rows
        started = (reflex > 0.5 * rows.clonus_Nm) & np.isinf(self._since_s) & (rows.clonus_Nm > 0)
        self._since_s[started] = now_s + rows.delay[started] * self._params.step_s
        since = np.where(np.isfinite(self._since_s), now_s - self._since_s, -1.0)
        active = (since > 0) & (position > rows.threshold)
        wave = np.maximum(np.sin(rows.clonus_rad_s * since), 0.0) * np.exp(-np.maximum(since, 0) / rows.clonus_decay_s)
        drive: FloatArray = np.where(active, rows.clonus_Nm * wave, 0.0)
        return drive


def joint_angle_deg(group: MuscleGroup, position_rad: FloatArray) -> FloatArray:
    """Joint angle at positions travelled from the shortened end of the healthy range."""
    return HEALTHY_ENDS_DEG[group][0] + MUSCLES[group].stretch_sign * np.degrees(position_rad)
