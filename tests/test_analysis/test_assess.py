"""The pipeline: what it refuses, flags and says; real recordings with known figures; a virtual cohort."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.assess import assess
from analysis.errors import AnalysisError
from analysis.finding import GRADES, VelocityClass
from analysis.model import FloatArray, JointAngle, Source, TestKind, Zero
from analysis.muscles import MuscleGroup

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter

ELBOW = MuscleGroup.ELBOW_FLEXORS


def exam_of(planter: "Planter") -> FloatArray:
    return planter.exam([planter.bell(120.0, 5.0), planter.caught(120.0, 0.4, catch_share=0.5, rebound_deg=5.0)])


def test_recording_marked_not_graded_has_no_grade_and_flagged_stretches(planter: "Planter") -> None:
    found = assess(planter.recording(exam_of(planter), warnings=("not graded: the patient moved actively",)))
    assert found.grade is None
    assert all(f.quality for f in found.stretches)
    assert found.tardieu.r1_deg is None


def test_gap_inside_a_fast_stretch_flags_it_and_leaves_it_out(planter: "Planter") -> None:
    exam = planter.exam([planter.bell(120.0, 5.0), planter.bell(120.0, 0.4), planter.bell(120.0, 0.4)])
    whole = planter.recording(exam)
    peak_s = [f.stretch.peak_s for f in assess(whole).stretches]
    angle = whole.angle.angle_deg.copy()
    angle[np.abs(whole.angle.time_s - peak_s[1]) < 0.06] = np.nan
    gapped = JointAngle(
        time_s=whole.angle.time_s,
        angle_deg=angle,
        sd_deg=whole.angle.sd_deg,
        source=Source.IMU,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=100.0,
    )
    found = assess(planter.recording(np.zeros(2), angle=gapped))
    assert [bool(f.quality) for f in found.stretches] == [False, True, False]
    assert "not observed" in found.stretches[1].quality[0]


def test_only_slow_stretches_are_not_graded(planter: "Planter") -> None:
    found = assess(planter.recording(planter.exam([planter.bell(120.0, 5.0)] * 2)))
    assert found.grade is None
    assert any(w.startswith("not graded:") for w in found.warnings)
    assert found.tardieu.r2_deg == pytest.approx(20.0, abs=4.0)


def test_only_fast_stretches_say_that_the_end_of_range_is_unknown(planter: "Planter") -> None:
    found = assess(planter.recording(planter.exam([planter.bell(120.0, 0.4)] * 2)))
    assert any("no slow stretch" in w for w in found.warnings)
    assert found.tardieu.r2_deg is None


def test_nothing_that_moves_is_said(planter: "Planter") -> None:
    found = assess(planter.recording(np.zeros(1000)))
    assert found.stretches == ()
    assert found.grade is None
    assert any("no stretch was found" in w for w in found.warnings)


def test_rigid_limb_is_graded_though_it_cannot_be_moved_fast(planter: "Planter") -> None:
    found = assess(planter.recording(planter.exam([planter.bell(12.0, 3.0), planter.bell(12.0, 0.4)]), noise_deg=0.02))
    assert found.grade.label == "4"


@pytest.mark.parametrize("test", list(TestKind))
def test_nothing_observed_is_refused(planter: "Planter", test: TestKind) -> None:
    recording = planter.recording(np.zeros(100), test=test)
    object.__setattr__(recording.angle, "angle_deg", np.full(100, np.nan))  # past the type's own check
    with pytest.raises(AnalysisError, match="angle_deg"):
        assess(recording)


@pytest.mark.shared_data
def test_given_stretches_of_a_person_with_cerebral_palsy(
    planter: "Planter", given_angle: Callable[..., tuple[FloatArray, FloatArray]], shared_data: Path
) -> None:
    """Issue's figures: slow plantarflexor end +4.3 +- 1.6 deg; fast R1 -14 to -5 deg; no catch in slow trials."""
    folder = shared_data / "kuleuven_cp"
    slow_ends, fast_stops = [], []
    for trial in json.loads((folder / "trials.json").read_text()):
        group = MuscleGroup.KNEE_FLEXORS if trial["joint"] == "knee" else MuscleGroup.PLANTARFLEXORS
        found = assess(planter.read_angle(*given_angle(folder / f"{trial['trial']}.csv", "angle_deg"), group))
        assert len(found.stretches) == 1, trial["trial"]
        finding = found.stretches[0]
        if trial["speed"] == "slow":
            assert finding.stretch.velocity is VelocityClass.V1
            assert finding.catch is None
        elif trial["joint"] == "ankle":
            assert -14.0 <= finding.catch.angle_deg <= -5.0
            assert found.tardieu.x == 3  # the beats after the stop are visible in the angle
        if trial["joint"] == "ankle":
            (slow_ends if trial["speed"] == "slow" else fast_stops).append(finding.stretch.end_deg)
    assert np.mean(slow_ends) == pytest.approx(4.3, abs=1.6)
    assert np.mean(fast_stops) == pytest.approx(-6.3, abs=1.3)


@pytest.mark.shared_data
def test_given_healthy_elbow_moved_by_a_robot_has_no_catch(
    planter: "Planter", given_angle: Callable[..., tuple[FloatArray, FloatArray]], shared_data: Path
) -> None:
    for path in sorted((shared_data / "passive_elbow").glob("v*.csv")):
        time_s, angle_deg = given_angle(path, "elbow_angle_deg")
        found = assess(planter.read_angle(time_s, 180.0 - angle_deg, ELBOW))
        assert [f.catch for f in found.stretches] == [None], path.stem


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "a0", "a1", "ri", "r2n", "swings"),
    [("pendulum_cp1_right", 44.3, 53.7, 1.21, 0.76, 4), ("pendulum_cp2_right", 54.4, 87.8, 1.61, 1.01, 6)],
)
def test_given_pendulum_tests(
    planter: "Planter",
    *,
    given_angle: Callable[..., tuple[FloatArray, FloatArray]],
    shared_data: Path,
    name: str,
    a0: float,
    a1: float,
    ri: float,
    r2n: float,
    swings: int,
) -> None:
    """Figures of the data's own description, within 2 %."""
    time_s, angle_deg = given_angle(shared_data / "kuleuven_cp" / f"{name}.csv", "knee_angle_deg")
    found = assess(planter.read_angle(time_s, -angle_deg, MuscleGroup.KNEE_EXTENSORS, test=TestKind.PENDULUM)).pendulum
    assert (found.a0_deg, found.a1_deg) == pytest.approx((a0, a1), rel=0.02)
    assert (found.relaxation_index, found.r2n) == pytest.approx((ri, r2n), rel=0.02, abs=0.005)
    assert found.swings == swings
    mistaken = assess(planter.read_angle(time_s, -angle_deg, MuscleGroup.KNEE_EXTENSORS))
    assert mistaken.stretches == ()


def test_virtual_cohort_is_graded_as_planted(planter: "Planter") -> None:
    """True angle and tilt with small noise, recorded force: what the analysis adds to the error, not the sensors."""
    from analysis.simulate import draw_cohort, draw_examiner, simulate_exams  # noqa: PLC0415 - heavy, one test

    patients = draw_cohort(36, seed=8)
    exams = simulate_exams(patients, seed=3, examiners=[draw_examiner(i) for i in range(36)])
    rng = np.random.default_rng(0)
    true, given, errors = [], [], []
    for exam in exams:
        time_s = exam.true_angle.time_s[::2]
        angle_deg = exam.true_angle.angle_deg[::2] + rng.normal(0.0, 0.02, time_s.size)
        in_plane = float(np.cos(np.radians(exam.patient.posture.plane_tilt_deg)))
        found = assess(
            planter.recording(
                np.zeros(2),
                group=exam.patient.muscle_group,
                subject=exam.patient.subject,
                angle=JointAngle(
                    time_s=time_s,
                    angle_deg=angle_deg,
                    sd_deg=np.full(time_s.size, 0.5),
                    source=Source.IMU,
                    zero=Zero.REFERENCE_POSE,
                    bandwidth_hz=60.0,
                ),
                force=exam.force,
                tilt=planter.tilt(time_s, angle_deg + 33.0, in_plane=in_plane),
            )
        )
        true.append(GRADES.index(exam.truth.grade))
        given.append(GRADES.index(found.grade.label))
        if exam.truth.r1_deg is not None and found.tardieu.r1_deg is not None:
            errors.append(abs(found.tardieu.r1_deg - exam.truth.r1_deg))
    assert quadratic_kappa(true, given) >= 0.9
    assert np.median(errors) <= 3.0


def quadratic_kappa(first: list[int], second: list[int]) -> float:
    """Cohen's kappa with quadratic weights."""
    counts = np.zeros((len(GRADES), len(GRADES)))
    np.add.at(counts, (first, second), 1)
    weights = np.subtract.outer(np.arange(len(GRADES)), np.arange(len(GRADES))) ** 2
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    return 1.0 - (weights * counts).sum() / (weights * expected).sum()
