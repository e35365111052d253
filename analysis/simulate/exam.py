"""A simulated exam: stretches, returns and rests of one limb, what sensors recorded of it, and the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from analysis.limb import Limb, healthy_torque_Nm, stretch_fraction
from analysis.model import (
    EmgSignal,
    FloatArray,
    ForceSignal,
    JointAngle,
    ReferencePose,
    Side,
    Source,
    Zero,
)
from analysis.muscles import MuscleGroup
from analysis.simulate.dynamics import DynamicsParams, Motion, Trial, integrate, joint_angle_deg, lever_m
from analysis.simulate.examiner import Examiner, ExamPlan, Movement, plan_movements
from analysis.simulate.patient import VirtualPatient
from analysis.simulate.sensing import Kinematics, SensorModel, VirtualImu, observe_emg, observe_force, observe_imu
from analysis.simulate.truth import ExamTruth, summarise, truth_of_stretch

__all__ = ["SimulationParams", "TrueSeries", "VirtualExam", "exam_truths", "simulate_exam", "simulate_exams"]

_EMG_MUSCLES = MappingProxyType(
    {
        MuscleGroup.ELBOW_FLEXORS: "biceps brachii",
        MuscleGroup.ELBOW_EXTENSORS: "triceps brachii",
        MuscleGroup.WRIST_FLEXORS: "flexor carpi radialis",
        MuscleGroup.KNEE_FLEXORS: "medial hamstrings",
        MuscleGroup.KNEE_EXTENSORS: "rectus femoris",
        MuscleGroup.PLANTARFLEXORS: "medial gastrocnemius",
        MuscleGroup.HIP_ADDUCTORS: "adductor longus",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationParams:
    """How exams are computed.

    Attributes
    ----------
    dynamics
        Constants of the limb model.
    steps_per_sample
        Integration steps between samples of the true series; 2 gives 500 Hz.
    batch
        Trials that are integrated side by side: enough to spread the cost of a step, few enough for the memory.
    reference_s
        Time of the reference pose, within the first rest.
    """

    dynamics: DynamicsParams = DynamicsParams()
    steps_per_sample: int = 2
    batch: int = 384
    reference_s: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrueSeries:
    """True movement and torques over the whole exam, at the times of `VirtualExam.true_angle`; all along the stretch.

    Attributes
    ----------
    velocity_deg_s, acceleration_deg_s2
        Movement of the joint.
    push_Nm, gravity_Nm
        Torques of examiner and weight; ``push + gravity - resistance = inertia x acceleration``.
    resistance_Nm, healthy_Nm
        Passive and reflex torque, and what a healthy limb of that size would resist in the same movement.
    proximal_deg
        Rotation of the proximal segment, along the stretch.
    """

    velocity_deg_s: FloatArray
    acceleration_deg_s2: FloatArray
    push_Nm: FloatArray
    gravity_Nm: FloatArray
    resistance_Nm: FloatArray
    healthy_Nm: FloatArray
    proximal_deg: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VirtualExam:
    """One simulated exam.

    Attributes
    ----------
    patient, side, examiner
        Who was examined, and by whom.
    true_angle
        The true joint angle, evenly sampled.
    true_series
        The true movement and torques at the same times.
    imu_proximal, imu_distal, force, emg
        What the sensors recorded, with their faults; each has its own times.
    reference_pose
        The joint's angle at one moment before the first stretch.
    truth
        Stretches, catches, grade.
    """

    patient: VirtualPatient
    side: Side
    examiner: Examiner
    true_angle: JointAngle
    true_series: TrueSeries
    imu_proximal: VirtualImu
    imu_distal: VirtualImu
    force: ForceSignal
    emg: EmgSignal
    reference_pose: ReferencePose
    truth: ExamTruth


def simulate_exam(
    patient: VirtualPatient,
    *,
    seed: int,
    examiner: Examiner = Examiner(),
    sensors: SensorModel = SensorModel(),
    plan: ExamPlan = ExamPlan(),
    params: SimulationParams = SimulationParams(),
) -> VirtualExam:
    """Simulate one exam; the same arguments give the same exam."""
    return simulate_exams([patient], seed=seed, examiners=[examiner], sensors=sensors, plan=plan, params=params)[0]


def simulate_exams(
    patients: Sequence[VirtualPatient],
    *,
    seed: int,
    examiners: Sequence[Examiner] = (Examiner(),),
    sensors: SensorModel = SensorModel(),
    plan: ExamPlan = ExamPlan(),
    params: SimulationParams = SimulationParams(),
) -> tuple[VirtualExam, ...]:
    """Simulate one exam of each patient, all side by side, which is much faster than one by one.

    Parameters
    ----------
    patients
        Who is examined; the i-th patient's exam is that of ``simulate_exam(patient, seed=seed + i)``.
    seed
        Source of all chance.
    examiners
        Who examines; the i-th patient is examined by ``examiners[i % len(examiners)]``.
    sensors, plan, params
        Sensors, protocol and computation, for all alike.
    """
    courses = _simulate_courses(patients, seed=seed, examiners=examiners, plan=plan, params=params)
    return tuple(_observe(course, sensors, params) for course in courses)


def exam_truths(
    patients: Sequence[VirtualPatient],
    *,
    seed: int,
    examiners: Sequence[Examiner] = (Examiner(),),
    plan: ExamPlan = ExamPlan(),
    params: SimulationParams = SimulationParams(),
) -> tuple[ExamTruth, ...]:
    """Simulate exams as `simulate_exams` does, for their truth alone."""
    courses = _simulate_courses(patients, seed=seed, examiners=examiners, plan=plan, params=params)
    return tuple(course.truth for course in courses)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Course:
    """The course of one exam before any sensor saw it."""

    patient: VirtualPatient
    limb: Limb
    examiner: Examiner
    seed: int
    motion: Motion
    proximal_rad: FloatArray
    truth: ExamTruth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Planned:
    """The movements of one exam, where each starts, and how the proximal segment sways."""

    movements: tuple[Movement, ...]
    first: tuple[int, ...]
    proximal_rad: FloatArray


def _plan(patient: VirtualPatient, examiner: Examiner, plan: ExamPlan, seed: int, step_s: float) -> _Planned:
    movements = plan_movements(patient.muscle_group, examiner, plan, np.random.default_rng([seed, 1]))
    counts = [round(movement.total_s / step_s) for movement in movements]
    time_s = np.arange(sum(counts)) * step_s
    rng = np.random.default_rng([seed, 2])
    sway = np.sin(2 * np.pi * rng.uniform(0.2, 1.5, (4, 1)) * time_s + rng.uniform(0, 2 * np.pi, (4, 1))).sum(axis=0)
    return _Planned(
        movements=movements,
        first=tuple(int(n) for n in np.cumsum([0, *counts[:-1]])),
        proximal_rad=np.radians(examiner.proximal_wobble_deg) * sway / 2**0.5,
    )


def _simulate_courses(
    patients: Sequence[VirtualPatient],
    *,
    seed: int,
    examiners: Sequence[Examiner],
    plan: ExamPlan,
    params: SimulationParams,
) -> list[_Course]:
    """Integrate all exams' movements in batches of similar duration, and put them together again."""
    step_s = params.dynamics.step_s
    hands = [examiners[i % len(examiners)] for i in range(len(patients))]
    planned = [
        _plan(patient, hand, plan, seed + i, step_s)
        for i, (patient, hand) in enumerate(zip(patients, hands, strict=True))
    ]
    trials = [
        Trial(
            patient=patient,
            examiner=hand,
            movement=movement,
            seed=(seed + i, number),
            proximal_rad=exam.proximal_rad[first:],
        )
        for i, (patient, hand, exam) in enumerate(zip(patients, hands, planned, strict=True))
        for number, (movement, first) in enumerate(zip(exam.movements, exam.first, strict=True))
    ]
    motions = iter(_integrate_all(trials, params))
    return [
        _join(patient, hand, exam, seed + i, [next(motions) for _ in exam.movements], step_s)
        for i, (patient, hand, exam) in enumerate(zip(patients, hands, planned, strict=True))
    ]


def _integrate_all(trials: list[Trial], params: SimulationParams) -> list[Motion]:
    """Integrate trials in batches of similar duration; results in the order of the trials."""
    order = sorted(range(len(trials)), key=lambda i: trials[i].movement.total_s)
    found: dict[int, Motion] = {}
    for first in range(0, len(order), params.batch):
        chosen = order[first : first + params.batch]
        found.update(zip(chosen, integrate([trials[i] for i in chosen], params=params.dynamics), strict=True))
    return [found[i] for i in range(len(trials))]


def _join(
    patient: VirtualPatient, examiner: Examiner, exam: _Planned, seed: int, motions: list[Motion], step_s: float
) -> _Course:
    """Put the movements of one exam together, with their truth."""
    limb = patient.limb
    stretches = [
        truth_of_stretch(patient, limb, movement, motion, step_s=step_s, offset_s=first * step_s)
        for movement, motion, first in zip(exam.movements, motions, exam.first, strict=True)
    ]
    return _Course(
        patient=patient,
        limb=limb,
        examiner=examiner,
        seed=seed,
        motion=Motion.joined(motions),
        proximal_rad=exam.proximal_rad,
        truth=summarise(patient, stretches),
    )


def _observe(course: _Course, sensors: SensorModel, params: SimulationParams) -> VirtualExam:
    """Let the sensors record one exam."""
    patient, seed = course.patient, course.seed
    motion = course.motion.every(params.steps_per_sample)
    proximal_rad = course.proximal_rad[:: params.steps_per_sample]
    rate_hz = 1.0 / (params.dynamics.step_s * params.steps_per_sample)
    angle = _true_angle(patient, motion, rate_hz)
    kinematics = _kinematics(course, motion, proximal_rad, rate_hz)
    rng = [np.random.default_rng([seed, 10 + i]) for i in range(5)]
    swing_seed = (seed, 20)
    seen_s = min(params.reference_s, float(angle.time_s[-1]))
    return VirtualExam(
        patient=patient,
        side=patient.side,
        examiner=course.examiner,
        true_angle=angle,
        true_series=_true_series(course.limb, angle, motion, proximal_rad),
        imu_proximal=observe_imu(kinematics, "proximal", sensors=sensors, rng=rng[0], swing_seed=swing_seed),
        imu_distal=observe_imu(kinematics, "distal", sensors=sensors, rng=rng[1], swing_seed=swing_seed),
        force=observe_force(
            motion.push_Nm,
            rate_hz=rate_hz,
            lever_m=lever_m(patient.muscle_group, course.limb),
            sensors=sensors,
            rng=rng[2],
        ),
        emg=observe_emg(
            motion.drive_Nm / course.limb.noticeable_Nm,
            rate_hz=rate_hz,
            muscle=_EMG_MUSCLES[patient.muscle_group],
            sensors=sensors,
            rng=rng[3],
        ),
        reference_pose=ReferencePose(
            time_s=seen_s,
            angle_deg=float(np.interp(seen_s, angle.time_s, angle.angle_deg))
            + float(rng[4].normal(0.0, sensors.reference_error_deg)),
        ),
        truth=course.truth,
    )


def _kinematics(course: _Course, motion: Motion, proximal_rad: FloatArray, rate_hz: float) -> Kinematics:
    posture = course.patient.posture
    return Kinematics(
        rate_hz=rate_hz,
        tilt_rad=np.radians(posture.tilt_start_deg) + motion.position_rad,
        velocity_rad_s=motion.velocity_rad_s,
        acceleration_rad_s2=motion.acceleration_rad_s2,
        proximal_rad=proximal_rad,
        plane_tilt_rad=float(np.radians(posture.plane_tilt_deg)),
        segment_length_m=course.limb.segment_length_m,
        handed=1 if course.patient.side is Side.LEFT else -1,
    )


def _true_angle(patient: VirtualPatient, motion: Motion, rate_hz: float) -> JointAngle:
    angle_deg = joint_angle_deg(patient.muscle_group, motion.position_rad)
    return JointAngle(
        time_s=np.arange(angle_deg.size) / rate_hz,
        angle_deg=angle_deg,
        sd_deg=np.zeros(angle_deg.size),
        source=Source.ANGLE,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=0.5 * rate_hz,
    )


def _true_series(limb: Limb, angle: JointAngle, motion: Motion, proximal_rad: FloatArray) -> TrueSeries:
    fraction = stretch_fraction(limb.muscle_group, angle.angle_deg)
    return TrueSeries(
        velocity_deg_s=np.degrees(motion.velocity_rad_s),
        acceleration_deg_s2=np.degrees(motion.acceleration_rad_s2),
        push_Nm=motion.push_Nm,
        gravity_Nm=motion.gravity_Nm,
        resistance_Nm=motion.resistance_Nm,
        healthy_Nm=healthy_torque_Nm(limb, fraction, motion.velocity_rad_s),
        proximal_deg=np.degrees(proximal_rad),
    )
