"""Training and re-calibration on planted evidence, and the delivered weights."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.errors import AnalysisError, DataError
from analysis.evidence import Sources
from analysis.finding import GRADES
from analysis.grade_model import GradeModel, standard_model
from analysis.recalibration import RatedExam, recalibrate
from analysis.training import GradeExample, GradeScores, StretchExample, train_grade, weighted_kappa


def _examples(n: int, seed: int) -> list[GradeExample]:
    """Plant a severity that two numbers show with noise, and a catch that comes earlier the more severe it is."""
    rng = np.random.default_rng(seed)
    examples = []
    for _ in range(n):
        severity = float(rng.uniform(0.0, 6.0))
        evidence = {"reached": 1.0 - severity / 8 + rng.normal(0, 0.02), "slow_reached": 1.0 - severity / 9}
        catch = float("nan") if severity < 1 else 1.0 - severity / 8
        stretch = StretchExample(evidence={**evidence, "x_reached": evidence["reached"]}, catch_share=catch)
        examples.append(GradeExample(evidence=evidence, grade=int(severity), stretches=(stretch,)))
    return examples


@pytest.fixture(scope="module")
def trained() -> tuple[GradeModel, GradeScores]:
    model, scores = train_grade({Sources.FORCE: _examples(300, 1)}, version="test", seed=1)
    return model, scores[Sources.FORCE]


def test_training_finds_a_planted_severity(trained: tuple[GradeModel, GradeScores]) -> None:
    model, scores = trained
    assert scores.kappa > 0.9
    assert scores.covered >= 0.9
    fresh = _examples(200, 2)
    graded = [model.grade(one.evidence, Sources.FORCE)[0] for one in fresh]
    assert all(grade is not None for grade in graded)
    truth = np.array([one.grade for one in fresh])
    found = np.array([GRADES.index(grade.label) for grade in graded if grade is not None])
    assert weighted_kappa(truth, found) > 0.9
    held = [GRADES[one.grade] in grade.set90 for one, grade in zip(fresh, graded, strict=True) if grade is not None]
    assert 0.84 <= np.mean(held) <= 0.99


def test_sets_from_movement_alone_hold_two_grades_or_more_and_no_fewer_true_ones() -> None:
    model, scores = train_grade({Sources.MOVEMENT: _examples(300, 1)}, version="test", seed=1)
    graded = [model.grade(one.evidence, Sources.MOVEMENT)[0] for one in _examples(100, 2)]
    assert min(len(grade.set90) for grade in graded if grade is not None) >= 2
    assert scores[Sources.MOVEMENT].covered >= 0.9


def test_training_places_a_planted_catch_and_is_silent_in_grade_0(trained: tuple[GradeModel, GradeScores]) -> None:
    model, _ = trained
    fresh = [one.stretches[0] for one in _examples(200, 3)]
    seen = [model.catch(one.evidence, Sources.FORCE) for one in fresh]
    errors = [
        abs(s.share - one.catch_share) for s, one in zip(seen, fresh, strict=True) if np.isfinite(one.catch_share)
    ]
    assert np.median(errors) < 0.02
    assert np.mean([s.reported for s, one in zip(seen, fresh, strict=True) if np.isnan(one.catch_share)]) <= 0.06


def test_training_is_deterministic_and_survives_json(trained: tuple[GradeModel, GradeScores]) -> None:
    model, _ = trained
    again, _ = train_grade({Sources.FORCE: _examples(300, 1)}, version="test", seed=1)
    assert again.to_json() == model.to_json()
    evidence = _examples(1, 4)[0].evidence
    read = GradeModel.from_json(model.to_json()).grade(evidence, Sources.FORCE)[0]
    grade = model.grade(evidence, Sources.FORCE)[0]
    assert read is not None
    assert grade is not None
    assert list(read.probabilities.values()) == pytest.approx(list(grade.probabilities.values()), abs=1e-3)


def test_an_exam_unlike_the_training_is_not_graded(trained: tuple[GradeModel, GradeScores]) -> None:
    grade, why = trained[0].grade({"reached": 5.0, "slow_reached": -3.0}, Sources.FORCE)
    assert grade is None
    assert "unlike" in why
    assert "range" in why


def test_sources_that_were_not_trained_are_not_graded(trained: tuple[GradeModel, GradeScores]) -> None:
    grade, why = trained[0].grade(_examples(1, 5)[0].evidence, Sources.MOVEMENT)
    assert grade is None
    assert "movement" in why


def test_contributions_name_what_moved_the_grade(trained: tuple[GradeModel, GradeScores]) -> None:
    severe, mild = ({"reached": 0.3, "slow_reached": 0.4}, {"reached": 1.0, "slow_reached": 1.0})
    found = [trained[0].grade(one, Sources.FORCE)[0] for one in (severe, mild)]
    assert found[0] is not None
    assert found[1] is not None
    assert sum(found[0].contributions.values()) > 0 > sum(found[1].contributions.values())


def test_too_few_exams_are_refused() -> None:
    with pytest.raises(AnalysisError, match="too few exams"):
        train_grade({Sources.FORCE: _examples(20, 1)}, version="test", seed=1)


def _ratings(shift: int) -> list[RatedExam]:
    exams = _examples(80, 6)
    return [
        RatedExam(
            patient=f"P{i % 20}",
            rater=f"R{i % 3}",
            grade=min(5, max(0, one.grade + shift)),
            sources=Sources.FORCE,
            evidence=one.evidence,
        )
        for i, one in enumerate(exams)
    ]


def test_ratings_of_a_harder_site_move_the_grade_towards_them(trained: tuple[GradeModel, GradeScores]) -> None:
    found = recalibrate(trained[0], _ratings(shift=1))
    assert found.without_patient.kappa > found.before.kappa
    assert found.without_rater is not None
    assert found.without_rater.kappa > found.before.kappa
    assert "80 ratings of 20 patients by 3 raters" in found.model.calibration


def test_ratings_that_agree_leave_the_grade_where_it_was(trained: tuple[GradeModel, GradeScores]) -> None:
    model = trained[0]
    found = recalibrate(model, _ratings(shift=0))
    assert abs(found.model.grades[Sources.FORCE].shift) < 1.5


def test_few_ratings_are_refused(trained: tuple[GradeModel, GradeScores]) -> None:
    with pytest.raises(AnalysisError, match="rated exams"):
        recalibrate(trained[0], _ratings(shift=0)[:5])


def test_the_delivered_weights_know_every_set_of_sources() -> None:
    model = standard_model()
    assert set(model.grades) == set(Sources)
    assert set(model.catches) == set(Sources)
    assert model.exams > 0


@pytest.mark.parametrize("text", ["", "{}", '{"format": "other"}', "[1]"])
def test_what_is_no_model_is_refused_by_name(text: str) -> None:
    with pytest.raises(DataError, match=r"grade model|format"):
        GradeModel.from_json(text)


def test_recalibration_leaves_the_weights(trained: tuple[GradeModel, GradeScores]) -> None:
    before = trained[0].grades[Sources.FORCE]
    after = recalibrate(trained[0], _ratings(shift=1)).model.grades[Sources.FORCE]
    assert np.array_equal(before.cuts, after.cuts)
    assert replace(after, shift=before.shift, temperature=before.temperature, mass=before.mass).basis is before.basis
