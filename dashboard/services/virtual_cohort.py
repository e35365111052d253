"""Virtual exams as each set of sensors records them: what the grade is trained on and measured with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.model import JointAngle, Recording, Source, TestKind, Zero
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.simulate import (
    ExamPlan,
    ExamTruth,
    SensorModel,
    VirtualExam,
    VirtualPatient,
    draw_examiner,
    draw_patient,
    simulate_exams,
)
from analysis.simulate.severity import grades_in_turn
from sensors.errors import SensorError
from sensors.joint_angle import angle_from_imus
from sensors.samples import ImuSamples

__all__ = ["CohortFaults", "SeenExam", "draw_seen_exams", "see_exam", "see_exams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortFaults:
    """How far protocols and sensors differ from exam to exam; all chosen by us.

    Attributes
    ----------
    slow, fast, medium
        Bounds of the number of stretches, both included.
    gain
        Bounds of the factor on the noise, bias and skin movement of the sensors.
    loss
        Bounds of the share of lost samples.
    lever_error, reference_error_deg
        Bounds of the deviation of the lever's and the reference pose's error.
    unreferenced
        Share of the exams without a reference pose.
    unsized
        Share of the exams whose subject's mass and height are unknown.
    video_rates_hz, video_noise_deg, video_wander_deg, video_offset_deg
        Frame rates, bounds of the white noise and of the slow error of a video's angle, and deviation of its zero.
    wander_knot_s
        Time between the knots of that slow error.
    """

    slow: tuple[int, int] = (1, 3)
    fast: tuple[int, int] = (2, 4)
    medium: tuple[int, int] = (0, 1)
    gain: tuple[float, float] = (0.5, 2.0)
    loss: tuple[float, float] = (0.0, 0.04)
    lever_error: tuple[float, float] = (0.0, 0.03)
    reference_error_deg: tuple[float, float] = (0.0, 5.0)
    unreferenced: float = 0.3
    unsized: float = 0.05
    video_rates_hz: tuple[float, ...] = (30.0, 60.0, 60.0)
    video_noise_deg: tuple[float, float] = (0.5, 4.0)
    video_wander_deg: tuple[float, float] = (0.0, 2.0)
    video_offset_deg: float = 3.0
    wander_knot_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenExam:
    """One virtual exam as recorded.

    Attributes
    ----------
    truth
        What was planted.
    inertial
        Joint angle of two inertial units, with force and EMG; ``None`` where the units showed no angle.
    video
        Joint angle as a video might show it, alone.
    """

    truth: ExamTruth
    inertial: Recording | None
    video: Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Exams that share protocol and sensors."""

    patients: tuple[VirtualPatient, ...]
    plan: ExamPlan
    sensors: SensorModel
    seed: int


_EXAMS_A_BATCH = 14
"""Two of each muscle group."""


def draw_seen_exams(
    n: int, *, seed: int, faults: CohortFaults = CohortFaults(), examiner_seeds: tuple[int, int] = (0, 100_000)
) -> Iterator[SeenExam]:
    """Draw virtual patients of all grades and muscle groups, examiners and faulty sensors, and record the exams.

    Parameters
    ----------
    n
        How many exams.
    seed
        Source of all chance.
    faults
        How far protocols and sensors differ.
    examiner_seeds
        Bounds between which the seeds of the examiners are drawn: disjoint bounds, disjoint examiners.
    """
    rng = np.random.default_rng([seed, 1])
    groups = tuple(MuscleGroup)
    rows = grades_in_turn(n, rng)
    for first in range(0, n, _EXAMS_A_BATCH):
        places = range(first, min(n, first + _EXAMS_A_BATCH))
        patients = tuple(draw_patient(rows[i], groups[i % len(groups)], seed=_seed(seed, i)) for i in places)
        batch = _Batch(
            patients=patients, plan=_plan(rng, faults), sensors=_sensors(rng, faults), seed=_seed(seed, first)
        )
        examiners = [draw_examiner(int(rng.integers(*examiner_seeds))) for _ in patients]
        exams = simulate_exams(
            batch.patients, seed=batch.seed, examiners=examiners, sensors=batch.sensors, plan=batch.plan
        )
        for exam in exams:
            yield see_exam(exam, rng=rng, faults=faults)


def see_exams(exams: Sequence[VirtualExam], *, seed: int, faults: CohortFaults) -> Iterator[SeenExam]:
    """Record exams one after another; the same seed gives the same recordings."""
    for i, exam in enumerate(exams):
        yield see_exam(exam, rng=np.random.default_rng([seed, i, 5]), faults=faults)


def see_exam(exam: VirtualExam, *, rng: np.random.Generator, faults: CohortFaults = CohortFaults()) -> SeenExam:
    """Record one exam by two inertial units with force and EMG, and by a video."""
    patient = exam.patient
    subject = patient.subject
    if rng.random() < faults.unsized:
        subject = replace(subject, body_mass_kg=None, height_m=None)
    base = Recording(
        muscle_group=patient.muscle_group,
        side=exam.side,
        test=TestKind.PASSIVE_STRETCH,
        subject=subject,
        angle=_filmed(exam, rng, faults),
    )
    pose = None if rng.random() < faults.unreferenced else exam.reference_pose
    try:
        measured = angle_from_imus(
            ImuSamples(
                time_s=exam.imu_proximal.time_s,
                acc_m_s2=exam.imu_proximal.acc_m_s2,
                gyr_rad_s=exam.imu_proximal.gyr_rad_s,
            ),
            ImuSamples(
                time_s=exam.imu_distal.time_s, acc_m_s2=exam.imu_distal.acc_m_s2, gyr_rad_s=exam.imu_distal.gyr_rad_s
            ),
            stretch_sign=MUSCLES[patient.muscle_group].stretch_sign,
            reference_pose=pose,
        )
    except SensorError:
        return SeenExam(truth=exam.truth, inertial=None, video=base)
    inertial = replace(
        base,
        angle=measured.angle,
        tilt=measured.tilt,
        force=exam.force,
        emg=(exam.emg,),
        warnings=measured.warnings,
    )
    return SeenExam(truth=exam.truth, inertial=inertial, video=base)


def _seed(seed: int, place: int) -> int:
    """Give each place of each cohort a seed of its own."""
    return seed * 100_003 + place


def _plan(rng: np.random.Generator, faults: CohortFaults) -> ExamPlan:
    slow, medium, fast = (int(rng.integers(low, high + 1)) for low, high in (faults.slow, faults.medium, faults.fast))
    return ExamPlan(slow=slow, medium=medium, fast=fast)


def _sensors(rng: np.random.Generator, faults: CohortFaults) -> SensorModel:
    """Draw sensors: each fault is worse or milder by a factor of its own."""
    standard = SensorModel()
    mild, bad = (float(np.log(bound)) for bound in faults.gain)
    factors = np.exp(rng.uniform(mild, bad, len(_SCALED)))
    scaled = {name: getattr(standard, name) * float(factor) for name, factor in zip(_SCALED, factors, strict=True)}
    rates_hz = rng.choice([100.0, 200.0], 2)
    return replace(
        standard,
        **scaled,
        imu_rate_hz=float(rates_hz[0]),
        force_rate_hz=float(rates_hz[1]),
        loss_fraction=float(rng.uniform(*faults.loss)),
        lever_error=float(rng.uniform(*faults.lever_error)),
        reference_error_deg=float(rng.uniform(*faults.reference_error_deg)),
    )


_SCALED = (
    "acc_noise_m_s2",
    "gyr_noise_rad_s",
    "acc_bias_m_s2",
    "gyr_bias_rad_s",
    "soft_tissue_deg",
    "proximal_swing_deg",
    "sync_s",
    "force_noise_N",
    "force_bias_N",
    "off_axis_deg",
)


def _filmed(exam: VirtualExam, rng: np.random.Generator, faults: CohortFaults) -> JointAngle:
    """Read the true angle as a video might: at its frame rate, with white and slow errors and a zero of its own."""
    true = exam.true_angle
    rate_hz = float(rng.choice(faults.video_rates_hz))
    time_s = np.arange(float(rng.uniform(0.0, 1.0 / rate_hz)), true.time_s[-1], 1.0 / rate_hz)
    white_deg, wander_deg = float(rng.uniform(*faults.video_noise_deg)), float(rng.uniform(*faults.video_wander_deg))
    knots_s = np.arange(0.0, time_s[-1] + faults.wander_knot_s, faults.wander_knot_s)
    error_deg = (
        rng.normal(0.0, white_deg, time_s.size)
        + np.interp(time_s, knots_s, rng.normal(0.0, wander_deg, knots_s.size))
        + rng.normal(0.0, faults.video_offset_deg)
    )
    return JointAngle(
        time_s=time_s,
        angle_deg=np.interp(time_s, true.time_s, true.angle_deg) + error_deg,
        sd_deg=np.full(time_s.size, np.nan),
        source=Source.ANGLE,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=0.5 * rate_hz,
    )
