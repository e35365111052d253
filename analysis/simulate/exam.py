"""A simulated exam: what sensors recorded of a limb that was stretched, and the truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from analysis.limb import healthy_torque_Nm, stretch_fraction
from analysis.model import EmgSignal, FloatArray, ForceSignal, JointAngle, ReferencePose, Side, Source, Zero
from analysis.muscles import MuscleGroup
from analysis.simulate.course import STANDARD_SIMULATION, Course, SimulationParams, Sitting, run_courses
from analysis.simulate.examiner import STANDARD_EXAMINER, STANDARD_PLAN, Examiner, ExamPlan
from analysis.simulate.inertial import Kinematics, VirtualImu, draw_swing, observe_imu
from analysis.simulate.patient import VirtualPatient
from analysis.simulate.sensing import STANDARD_SENSORS, SensorModel, observe_emg, observe_force
from analysis.simulate.trial import joint_angle_deg, lever_m
from analysis.simulate.truth import ExamTruth

__all__ = ["TrueSeries", "VirtualExam", "exam_truths", "simulate_exam", "simulate_exams"]

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
    examiner: Examiner = STANDARD_EXAMINER,
    sensors: SensorModel = STANDARD_SENSORS,
    plan: ExamPlan = STANDARD_PLAN,
    params: SimulationParams = STANDARD_SIMULATION,
) -> VirtualExam:
    """Simulate one exam; the same arguments give the same exam."""
    exams = simulate_exams([patient], seed=seed, examiners=[examiner], sensors=sensors, plan=plan, params=params)
    return next(exams)


def simulate_exams(
    patients: Sequence[VirtualPatient],
    *,
    seed: int,
    examiners: Sequence[Examiner] = (STANDARD_EXAMINER,),
    sensors: SensorModel = STANDARD_SENSORS,
    plan: ExamPlan = STANDARD_PLAN,
    params: SimulationParams = STANDARD_SIMULATION,
) -> Iterator[VirtualExam]:
    """Simulate one exam of each patient, many side by side, which is much faster than one by one.

    Parameters
    ----------
    patients
        Who is examined; the i-th patient's exam is that of ``simulate_exam(patient, seed=seed + i)``.
    seed
        Source of all chance.
    examiners
        Who examines; the i-th patient is examined by ``examiners[i % len(examiners)]``.
    sensors, plan, params
        Sensors, protocol and computation, the same for all.

    Yields
    ------
    VirtualExam
        The exams, in the order of the patients.
    """
    for course in run_courses(_sittings(patients, examiners, seed), plan, params):
        yield _observe(course, sensors, params)


def exam_truths(
    patients: Sequence[VirtualPatient],
    *,
    seed: int,
    examiners: Sequence[Examiner] = (STANDARD_EXAMINER,),
    plan: ExamPlan = STANDARD_PLAN,
    params: SimulationParams = STANDARD_SIMULATION,
) -> tuple[ExamTruth, ...]:
    """Simulate exams as `simulate_exams` does, for their truth alone."""
    return tuple(course.truth for course in run_courses(_sittings(patients, examiners, seed), plan, params))


def _sittings(patients: Sequence[VirtualPatient], examiners: Sequence[Examiner], seed: int) -> list[Sitting]:
    return [
        Sitting(patient=patient, examiner=examiners[i % len(examiners)], seed=seed + i)
        for i, patient in enumerate(patients)
    ]


def _observe(course: Course, sensors: SensorModel, params: SimulationParams) -> VirtualExam:
    """Let the sensors record one exam."""
    patient, seed = course.sitting.patient, course.sitting.seed
    motion = _kinematics(course, params)
    angle, series = _true_series(course, params)
    rng = [np.random.default_rng([seed, 10 + i]) for i in range(5)]
    swing = draw_swing(motion.end_s, sensors, np.random.default_rng([seed, 20]))
    seen_s = min(params.reference_s, float(angle.time_s[-1]))
    return VirtualExam(
        patient=patient,
        side=patient.side,
        examiner=course.sitting.examiner,
        true_angle=angle,
        true_series=series,
        imu_proximal=observe_imu(motion, "proximal", sensors=sensors, rng=rng[0], swing=swing),
        imu_distal=observe_imu(motion, "distal", sensors=sensors, rng=rng[1], swing=swing),
        force=observe_force(
            partial(_push_Nm, course, motion),
            end_s=motion.end_s,
            lever_m=lever_m(patient.muscle_group, course.limb),
            sensors=sensors,
            rng=rng[2],
        ),
        emg=observe_emg(
            course.motion.drive_Nm / course.limb.noticeable_Nm,
            rate_hz=motion.rate_hz,
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


def _kinematics(course: Course, params: SimulationParams) -> Kinematics:
    posture = course.sitting.patient.posture
    return Kinematics(
        rate_hz=1.0 / params.dynamics.step_s,
        tilt_rad=np.radians(posture.tilt_start_deg) + course.motion.position_rad,
        velocity_rad_s=course.motion.velocity_rad_s,
        acceleration_rad_s2=course.motion.acceleration_rad_s2,
        sway=course.sway,
        plane_tilt_rad=float(np.radians(posture.plane_tilt_deg)),
        segment_length_m=course.limb.segment_length_m,
        handed=1 if course.sitting.patient.side is Side.LEFT else -1,
    )


def _push_Nm(course: Course, motion: Kinematics, at_s: FloatArray) -> FloatArray:  # noqa: N802 - a unit's capital
    """Work out the torque that the examiner's hand exerts on the limb at some times."""
    tilt_rad, acceleration, resistance = motion.between(
        at_s, motion.tilt_rad, motion.acceleration_rad_s2, course.resistance_Nm
    )
    gravity_Nm = _gravity_Nm(course, tilt_rad + course.sway(at_s)[0])
    push_Nm: FloatArray = course.limb.inertia_kg_m2 * acceleration - gravity_Nm + resistance
    return push_Nm


def _gravity_Nm(course: Course, tilt_rad: FloatArray) -> FloatArray:  # noqa: N802 - a unit's capital
    """Work out gravity's torque along the stretch."""
    in_plane = np.cos(np.radians(course.sitting.patient.posture.plane_tilt_deg))
    gravity_Nm: FloatArray = -course.limb.gravity_moment_Nm * in_plane * np.sin(tilt_rad)
    return gravity_Nm


def _true_series(course: Course, params: SimulationParams) -> tuple[JointAngle, TrueSeries]:
    """Thin out what happened to the rate of the true series."""
    patient, limb = course.sitting.patient, course.limb
    every = slice(None, None, params.steps_per_sample)
    motion, resistance_Nm = course.motion.within(every), course.resistance_Nm[every]
    rate_hz = 1.0 / (params.dynamics.step_s * params.steps_per_sample)
    angle_deg = joint_angle_deg(patient.muscle_group, motion.position_rad)
    time_s = np.arange(angle_deg.size) / rate_hz
    sway_rad = course.sway(time_s)[0]
    tilt_rad = np.radians(patient.posture.tilt_start_deg) + sway_rad + motion.position_rad
    gravity_Nm = _gravity_Nm(course, tilt_rad)
    angle = JointAngle(
        time_s=time_s,
        angle_deg=angle_deg,
        sd_deg=np.zeros(angle_deg.size),
        source=Source.ANGLE,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=0.5 * rate_hz,
    )
    fraction = stretch_fraction(patient.muscle_group, angle_deg)
    series = TrueSeries(
        velocity_deg_s=np.degrees(motion.velocity_rad_s),
        acceleration_deg_s2=np.degrees(motion.acceleration_rad_s2),
        push_Nm=limb.inertia_kg_m2 * motion.acceleration_rad_s2 - gravity_Nm + resistance_Nm,
        gravity_Nm=gravity_Nm,
        resistance_Nm=resistance_Nm,
        healthy_Nm=healthy_torque_Nm(limb, fraction, motion.velocity_rad_s),
        proximal_deg=np.degrees(sway_rad),
    )
    return angle, series
