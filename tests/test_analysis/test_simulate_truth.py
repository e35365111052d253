"""The truth of simulated exams, worked out a second time, and how it follows severity and treatment."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.finding import GRADES, VelocityClass
from analysis.limb import HEALTHY_ENDS_DEG, limb_of
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.simulate import (
    Examiner,
    ExamPlan,
    ReflexLaw,
    SensorModel,
    SeverityParams,
    VirtualExam,
    after_baclofen,
    draw_cohort,
    draw_examiner,
    draw_patient,
    exam_truths,
    operational_grade,
    simulate_exam,
    simulate_exams,
)
from analysis.simulate.course import STANDARD_SIMULATION

SHORT = ExamPlan(slow=1, fast=2, lead_s=0.6, hold_s=0.4, return_s=0.8, rest_s=0.4)
GROUPS = tuple(MuscleGroup)


@pytest.fixture(scope="module")
def exams() -> tuple[VirtualExam, ...]:
    patients = [draw_patient(grade, GROUPS[i % len(GROUPS)], seed=i) for i, grade in enumerate(GRADES * 2)]
    return tuple(simulate_exams(patients, seed=1, sensors=SensorModel.perfect(), plan=SHORT))


@pytest.mark.parametrize(
    ("facts", "grade"),
    [
        ({}, "0"),
        ({"p_noticeable": 0.99, "f": 0.9}, "0"),
        ({"p_noticeable": 1.0, "f": 0.10}, "1"),
        ({"p_noticeable": 3.0, "p_considerable": 0.5, "f": 0.15}, "1+"),
        ({"p_noticeable": 3.0, "p_considerable": 0.5, "f": 0.49}, "1+"),
        ({"p_noticeable": 3.0, "p_considerable": 0.5, "f": 0.50}, "2"),
        ({"p_noticeable": 6.0, "p_considerable": 1.0, "f": 0.10}, "3"),
        ({"p_noticeable": 2.0, "p_considerable": 0.3, "f": 0.6, "stop_fraction": 0.59}, "3"),
        ({"p_noticeable": 6.0, "p_considerable": 1.0, "f": 0.9, "slow_fraction": 0.149}, "4"),
    ],
)
def test_operational_scale_is_the_table_read_from_the_bottom_up(facts: dict[str, float], grade: str) -> None:
    easy = {"p_noticeable": 0.2, "p_considerable": 0.03, "f": 0.05, "stop_fraction": 0.95, "slow_fraction": 0.95}
    assert operational_grade(**{**easy, **facts}) == grade


def test_stretch_truth_is_what_the_series_show(exams: tuple[VirtualExam, ...]) -> None:
    for exam in exams:
        limb = limb_of(exam.patient.muscle_group, exam.patient.subject)
        noticeable = limb.scale_m * MUSCLES[exam.patient.muscle_group].noticeable_Nm
        time_s, angle_deg = exam.true_angle.time_s, exam.true_angle.angle_deg
        start_deg, end_deg = HEALTHY_ENDS_DEG[exam.patient.muscle_group]
        for stretch in exam.truth.stretches:
            inside = (time_s >= stretch.start_s) & (time_s <= stretch.end_s)
            series = exam.true_series
            excess = np.maximum(series.resistance_Nm - series.healthy_Nm, 0.0)[inside]
            assert excess.max() == pytest.approx(stretch.peak_excess_Nm, rel=0.05, abs=0.05)
            assert series.velocity_deg_s[inside].max() == pytest.approx(stretch.peak_velocity_deg_s, rel=0.03)
            noticed = excess >= noticeable
            s = (angle_deg[inside] - start_deg) / (end_deg - start_deg)
            f = np.diff(np.maximum.accumulate(s))[noticed[1:]].sum() + max(0.0, 1.0 - s.max())
            assert stretch.f == pytest.approx(min(f, 1.0), abs=0.01 + 1.5 * np.diff(s).max())
            if stretch.catch_angle_deg is None:
                assert stretch.velocity is VelocityClass.V1 or not noticed.any()
            else:
                first = int(np.argmax(noticed))
                assert angle_deg[inside][first] == pytest.approx(stretch.catch_angle_deg, abs=2.5)
                assert time_s[inside][first] == pytest.approx(stretch.catch_time_s, abs=0.005)


def test_exam_truth_summarises_its_stretches(exams: tuple[VirtualExam, ...]) -> None:
    for exam in exams:
        truth = exam.truth
        slow = [stretch for stretch in truth.stretches if stretch.velocity is VelocityClass.V1]
        assert truth.r2_deg == pytest.approx(np.median([stretch.end_deg for stretch in slow])) if slow else True
        assert (truth.r1_deg is None) >= (truth.grade == "0")
        if exam.patient.law is ReflexLaw.VELOCITY:
            assert truth.lambda0_deg is None
            assert truth.mu_s is None
        else:
            start_deg, _ = HEALTHY_ENDS_DEG[exam.patient.muscle_group]
            travelled = MUSCLES[exam.patient.muscle_group].stretch_sign * (truth.lambda0_deg - start_deg)
            assert travelled == pytest.approx(exam.patient.lambda0_deg)


def test_classes_of_velocity_follow_the_plan() -> None:
    plan = replace(SHORT, slow=1, medium=1, fast=1)
    stretches = exam_truths([draw_patient("0", MuscleGroup.ELBOW_FLEXORS, seed=1)], seed=1, plan=plan)[0].stretches
    assert [stretch.velocity for stretch in stretches] == ["V1", "V2", "V3"]


def test_stretches_reach_the_velocities_that_are_asked_for() -> None:
    asked = (60.0, 120.0, 200.0, 300.0, 400.0)
    plan = replace(SHORT, slow=0, fast=0, peak_velocities_deg_s=asked, pace_spread=0.0)
    steady = Examiner(wobble_deg=0.0)
    patient = draw_patient("0", MuscleGroup.ELBOW_FLEXORS, seed=1)
    stretches = exam_truths([patient], seed=1, plan=plan, examiners=[steady])[0].stretches
    assert [stretch.peak_velocity_deg_s for stretch in stretches] == pytest.approx(asked, rel=0.1)


def test_healthy_rows_have_no_catch_in_any_group() -> None:
    patients = [draw_patient("0", group, seed=seed) for group in GROUPS for seed in range(3)]
    healthy = [replace(patient, k_r_Nm_per_rad=0.0, k_v_Nms_per_rad2=0.0, b_r_Nms_per_rad=0.0) for patient in patients]
    scaled = [
        replace(patient, k_p_Nm_per_rad=0.9 * patient.k_p_Nm_per_rad, rom_deg=patient.muscle.healthy_range_deg)
        for patient in healthy
    ]
    for truth in exam_truths(scaled, seed=4, plan=SHORT):
        assert truth.grade == "0"
        assert truth.r1_deg is None


def test_true_grade_grows_with_the_severity_drawn() -> None:
    seeds = range(3)
    patients = [draw_patient(grade, group, seed=seed) for grade in GRADES for group in GROUPS for seed in seeds]
    truths = exam_truths(patients, seed=1, plan=SHORT)
    ranks = np.array([GRADES.index(truth.grade) for truth in truths]).reshape(len(GRADES), -1)
    means = ranks.mean(axis=1)
    assert (np.diff(means) > 0.2).all(), means
    assert means[0] < 0.6
    assert means[-1] > 4.5


def test_baclofen_raises_the_threshold_scales_the_gains_and_leaves_passive_tissue() -> None:
    for group in GROUPS:
        old = draw_patient("2", group, seed=1)
        new = after_baclofen(old, seed=9)
        raised = (new.lambda0_deg - old.lambda0_deg) * 130.0 / old.muscle.healthy_range_deg
        assert 10 <= raised <= 30
        kept = new.k_r_Nm_per_rad / old.k_r_Nm_per_rad
        assert 0.3 <= kept <= 0.7
        assert new.k_v_Nms_per_rad2 == pytest.approx(kept * old.k_v_Nms_per_rad2)
        assert new.b_r_Nms_per_rad == pytest.approx(kept * old.b_r_Nms_per_rad)
        passive = ("rom_deg", "k_p_Nm_per_rad", "b_p_Nms_per_rad", "posture", "subject")
        assert [getattr(new, name) for name in passive] == [getattr(old, name) for name in passive]


def test_baclofen_lowers_the_excess_and_moves_the_catch_on() -> None:
    params = SeverityParams(laws=(ReflexLaw.LENGTH_VELOCITY,), contracture_share=0.0, clonus_share=0.0)
    before = [draw_patient("2", group, seed=seed, params=params) for group in GROUPS for seed in (1, 2)]
    after = [after_baclofen(patient, seed=9) for patient in before]
    old, new = exam_truths(before, seed=1, plan=SHORT), exam_truths(after, seed=1, plan=SHORT)
    lower = [b.peak_excess_Nm < a.peak_excess_Nm for a, b in zip(old, new, strict=True)]
    assert np.mean(lower) >= 0.85
    shrunk = np.array([a.f - b.f for a, b in zip(old, new, strict=True)])
    assert shrunk.min() > -0.01  # where passive damping alone is noticeable, baclofen cannot move the catch
    assert np.mean(shrunk > 0.02) > 0.5


def test_cohort_meets_every_grade_and_group_about_equally_often() -> None:
    cohort = draw_cohort(36, seed=2)
    truths = exam_truths(cohort, seed=8, plan=SHORT)
    counts = [sum(truth.grade == grade for truth in truths) for grade in GRADES]
    assert min(counts) >= 3, counts
    assert {patient.muscle_group for patient in cohort} == set(MuscleGroup)
    assert {patient.law for patient in cohort} == set(ReflexLaw)


def test_cohort_of_one_group_and_bad_requests() -> None:
    cohort = draw_cohort(3, seed=2, muscle_groups=[MuscleGroup.WRIST_FLEXORS])
    assert {patient.muscle_group for patient in cohort} == {MuscleGroup.WRIST_FLEXORS}
    with pytest.raises(AnalysisError, match="at least one patient"):
        draw_cohort(0, seed=1)
    with pytest.raises(AnalysisError, match="no severity row '5'"):
        draw_patient("5", MuscleGroup.WRIST_FLEXORS, seed=1)


def test_same_seed_gives_the_same_exam_and_another_another() -> None:
    patient = draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=7)
    assert patient == draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=7)
    assert patient != draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=8)
    assert draw_cohort(2, seed=1) == draw_cohort(2, seed=1)
    assert draw_examiner(1) == draw_examiner(1) != draw_examiner(2)
    plan = replace(SHORT, slow=0, fast=1)
    first, again, other = (simulate_exam(patient, seed=seed, plan=plan) for seed in (4, 4, 5))
    assert np.array_equal(first.imu_distal.gyr_rad_s, again.imu_distal.gyr_rad_s)
    assert np.array_equal(first.force.force_N, again.force.force_N)
    assert first.truth == again.truth
    assert first.truth != other.truth


def test_exams_side_by_side_are_those_one_by_one() -> None:
    patients = [draw_patient("1+", group, seed=3) for group in (MuscleGroup.ELBOW_FLEXORS, MuscleGroup.PLANTARFLEXORS)]
    together = list(simulate_exams(patients, seed=10, plan=SHORT))
    alone = simulate_exam(patients[1], seed=11, plan=SHORT)
    assert together[1].true_angle.angle_deg == pytest.approx(alone.true_angle.angle_deg, abs=1e-6)
    assert np.array_equal(together[1].imu_distal.time_s, alone.imu_distal.time_s)


def test_an_exam_does_not_depend_on_those_beside_it() -> None:
    patients = [draw_patient(grade, group, seed=6) for group in GROUPS for grade in ("1", "2", "3")]
    together = list(simulate_exams(patients, seed=10, plan=SHORT))
    for i in (0, 7, len(patients) - 1):
        alone = simulate_exam(patients[i], seed=10 + i, plan=SHORT)
        assert alone.truth == together[i].truth
        assert np.array_equal(alone.true_series.resistance_Nm, together[i].true_series.resistance_Nm)
        assert np.array_equal(alone.imu_distal.acc_m_s2, together[i].imu_distal.acc_m_s2)
        assert np.array_equal(alone.force.force_N, together[i].force.force_N)
        assert np.array_equal(alone.emg.emg_V, together[i].emg.emg_V)


def test_half_the_step_gives_the_same_catch_and_excess() -> None:
    patients = [draw_patient(grade, group, seed=6) for group in GROUPS for grade in ("1+", "3")]
    fine = replace(STANDARD_SIMULATION, dynamics=replace(STANDARD_SIMULATION.dynamics, step_s=0.0005))
    found = [exam_truths(patients, seed=3, plan=SHORT, params=params) for params in (STANDARD_SIMULATION, fine)]
    coarse, finer = ([stretch for truth in truths for stretch in truth.stretches] for truths in found)
    caught = [
        abs(a.catch_angle_deg - b.catch_angle_deg)
        for a, b in zip(coarse, finer, strict=True)
        if a.catch_angle_deg is not None and b.catch_angle_deg is not None
    ]
    assert len(caught) > 10
    assert np.median(caught) < 0.1
    excess_Nm = np.array([[a.peak_excess_Nm, b.peak_excess_Nm] for a, b in zip(coarse, finer, strict=True)])
    assert np.median(np.abs(excess_Nm[:, 0] / excess_Nm[:, 1] - 1.0)) < 0.01
