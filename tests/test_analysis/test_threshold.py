"""The reflex threshold: planted lines are recovered, and what cannot tell one is refused by name."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.assess import AssessParams, assess
from analysis.errors import AnalysisError
from analysis.model import EmgSignal, Recording, Side, TestKind
from analysis.muscles import MuscleGroup
from analysis.simulate import ExamPlan, ReflexLaw, SeverityParams, draw_patient, simulate_exams
from analysis.threshold import ReflexPoint, fit_threshold

VELOCITIES = (60.0, 105.0, 155.0, 200.0, 250.0, 300.0, 350.0, 400.0)


def planted(
    tsrt_deg: float, mu_s: float, *, timing_s: float = 0.0, scatter_deg: float = 0.0, seed: int = 0
) -> list[ReflexPoint]:
    """Cross a threshold at eight velocities; a wrong instant errs along the movement, whose velocity is rising."""
    rng = np.random.default_rng(seed)
    points = []
    for velocity in VELOCITIES:
        acceleration = 4.0 * velocity
        late_s, scatter = rng.normal(0.0, 1.0, 2) * (timing_s, scatter_deg)
        points.append(
            ReflexPoint(
                velocity_deg_s=velocity + acceleration * late_s,
                stretch_deg=tsrt_deg - mu_s * velocity + scatter + velocity * late_s,
                velocity_sd_deg_s=acceleration * max(timing_s, 0.001),
                stretch_sd_deg=velocity * max(timing_s, 0.001),
                covariance_deg2_s=acceleration * velocity * max(timing_s, 0.001) ** 2,
            )
        )
    return points


@settings(max_examples=30)
@given(tsrt_deg=st.floats(20, 140), mu_s=st.floats(0.02, 0.3), sign=st.sampled_from([-1, 1]))
def test_planted_line_is_recovered_as_a_joint_angle(tsrt_deg: float, mu_s: float, sign: int) -> None:
    found = fit_threshold(planted(tsrt_deg, mu_s), stretch_sign=sign)
    assert found.tsrt_deg == pytest.approx(sign * tsrt_deg, abs=1e-3)
    assert found.mu_s == pytest.approx(mu_s, abs=1e-5)
    assert found.n == len(VELOCITIES)
    assert found.tsrt_ci95_deg[0] <= found.tsrt_deg <= found.tsrt_ci95_deg[1]


def test_errors_in_both_variables_leave_no_bias_and_the_interval_holds_the_truth() -> None:
    fits = [
        fit_threshold(planted(100.0, 0.15, timing_s=0.012, scatter_deg=2.5, seed=seed), stretch_sign=1)
        for seed in range(120)
    ]
    tsrt = np.array([fit.tsrt_deg for fit in fits])
    mu = np.array([fit.mu_s for fit in fits])
    assert np.median(np.abs(tsrt - 100.0)) <= 3.0
    assert np.median(np.abs(mu - 0.15)) <= 0.02
    assert abs(np.median(tsrt) - 100.0) <= 1.0
    assert abs(np.median(mu) - 0.15) <= 0.005
    covered = np.mean([fit.tsrt_ci95_deg[0] <= 100.0 <= fit.tsrt_ci95_deg[1] for fit in fits])
    assert 0.85 <= covered <= 1.0


def test_one_stretch_off_the_line_is_left_out() -> None:
    points = planted(100.0, 0.15, scatter_deg=0.5)
    wrong = replace(points[3], stretch_deg=points[3].stretch_deg + 40.0)
    found = fit_threshold([*points[:3], wrong, *points[4:]], stretch_sign=1)
    assert found.n == len(VELOCITIES) - 1
    assert found.tsrt_deg == pytest.approx(100.0, abs=2.0)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (planted(100.0, 0.15)[:5], "began in 5 usable stretches, 6"),
        ([replace(p, velocity_deg_s=200 + p.velocity_deg_s / 10) for p in planted(100.0, 0.15)], "range of at least 3"),
        (planted(100.0, 0.15, scatter_deg=60.0, seed=3), "interval of 95 %"),
    ],
)
def test_what_cannot_tell_a_threshold_is_refused_by_name(points: list[ReflexPoint], words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        fit_threshold(points, stretch_sign=1)


PLAN = ExamPlan(slow=2, fast=0, peak_velocities_deg_s=VELOCITIES)
SPASTIC = SeverityParams(laws=(ReflexLaw.LENGTH_VELOCITY,))


def exams(*, with_emg: bool = True) -> list[tuple[Recording, float, float]]:
    patients = [
        draw_patient(grade, group, seed=5, params=SPASTIC)
        for grade in ("1+", "2")
        for group in (MuscleGroup.ELBOW_FLEXORS, MuscleGroup.KNEE_EXTENSORS, MuscleGroup.WRIST_FLEXORS)
    ]
    made = []
    for exam in simulate_exams(patients, seed=9, plan=PLAN):
        truth = exam.truth
        assert truth.lambda0_deg is not None
        assert truth.mu_s is not None
        recording = Recording(
            muscle_group=exam.patient.muscle_group,
            side=Side.LEFT,
            test=TestKind.PASSIVE_STRETCH,
            subject=exam.patient.subject,
            angle=exam.true_angle,
            emg=(exam.emg,) if with_emg else (),
        )
        made.append((recording, truth.lambda0_deg, truth.mu_s))
    return made


def test_whole_exams_with_emg_tell_the_planted_threshold() -> None:
    errors = []
    for recording, lambda0_deg, mu_s in exams():
        found = assess(recording).threshold
        assert found is not None
        assert found.method == "emg"
        errors.append((found.tsrt_deg - lambda0_deg, found.mu_s - mu_s))
    tsrt, mu = np.median(np.abs(errors), axis=0)
    assert tsrt <= 3.0
    assert mu <= 0.02


def test_an_antagonists_emg_tells_no_threshold_and_an_unknown_name_is_said() -> None:
    recording, *_ = exams()[0]
    emg = recording.emg[0]

    def named(muscle: str) -> EmgSignal:
        return EmgSignal(time_s=emg.time_s, emg_V=emg.emg_V, muscle=muscle)

    antagonist = assess(replace(recording, emg=(named("triceps brachii"),)))
    assert antagonist.threshold is None or antagonist.threshold.method != "emg"
    assert not any(found.emg for found in antagonist.stretches)
    unknown = assess(replace(recording, emg=(named("channel 1"),)))
    assert any("'channel 1'" in warning for warning in unknown.warnings)
    assert any(found.emg for found in unknown.stretches)


def test_few_stretches_make_no_threshold_and_no_fuss() -> None:
    exam = next(simulate_exams([draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=1)], seed=2))
    recording = replace(exams()[0][0], angle=exam.true_angle, emg=(exam.emg,))
    found = assess(recording, AssessParams())
    assert found.threshold is None
    assert not any("threshold" in warning for warning in found.warnings)
