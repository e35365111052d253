"""Change of one patient: error and importance are two statements, and an unchanged patient stays unchanged."""

import numpy as np
import pytest

from analysis.change import (
    ERRORS,
    Measure,
    MeasurementError,
    judge_change,
    judge_course,
    judge_grade,
    measurement_error,
    minimal_detectable_change,
)
from analysis.errors import AnalysisError, DataError
from analysis.finding import GRADES
from analysis.muscles import Joint


def certain(label: str) -> dict[str, float]:
    return {grade: float(grade == label) for grade in GRADES}


def test_published_figures_come_back() -> None:
    assert ERRORS[Measure.TSRT].mdc95 == pytest.approx(32.4)
    assert minimal_detectable_change(1.0) == pytest.approx(2.77, abs=0.005)
    assert set(ERRORS) == set(Measure)
    assert all(error.source for error in ERRORS.values() if error.sem is not None)


def test_beyond_error_and_important_are_told_apart() -> None:
    error = MeasurementError(sem=1.0, mcid=10.0, source="s", mcid_source="m")
    small, real, large = (judge_change(0.0, value, error) for value in (2.0, -5.0, 12.0))
    assert (small.beyond_error, small.important) == (False, False)
    assert (real.beyond_error, real.important) == (True, False)
    assert (large.beyond_error, large.important) == (True, True)
    imprecise = judge_change(0.0, 12.0, MeasurementError(sem=10.0, mcid=10.0))
    assert (imprecise.beyond_error, imprecise.important) == (False, True)


def test_what_is_not_known_is_not_claimed() -> None:
    unknown = judge_change(1.0, 4.0, ERRORS[Measure.PEAK_EXCESS])
    assert (unknown.beyond_error, unknown.important, unknown.mdc95) == (None, None, None)
    scattered = judge_change(1.0, 4.0, ERRORS[Measure.PEAK_EXCESS], before_sd=2.0, after_sd=1.0)
    assert scattered.beyond_error is False
    steady = judge_change(1.0, 4.0, ERRORS[Measure.PEAK_EXCESS], before_sd=0.1, after_sd=0.1)
    assert steady.beyond_error is None
    with pytest.raises(DataError, match="two values"):
        judge_change(1.0, float("nan"), ERRORS[Measure.R1])


def test_repetitions_that_scatter_widen_the_bound() -> None:
    assert judge_change(0.0, 12.0, ERRORS[Measure.R1]).beyond_error is True
    wide = judge_change(0.0, 12.0, ERRORS[Measure.R1], before_sd=8.0, after_sd=8.0)
    assert wide.beyond_error is False
    assert "repetitions" in wide.source


def test_an_unchanged_patient_is_called_changed_in_one_course_of_twenty() -> None:
    rng = np.random.default_rng(2)
    error = MeasurementError(sem=3.0)
    courses = rng.normal(40.0, 3.0, (3000, 4))
    alarms = np.mean([any(one.beyond_error for one in judge_course(list(course), error)) for course in courses])
    assert 0.02 <= alarms <= 0.055
    with pytest.raises(DataError, match="2 sessions"):
        judge_course([1.0], error)


def test_a_sites_own_error_is_that_planted() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(50.0, 20.0, 400)
    found = measurement_error(truth + rng.normal(0, 4.0, 400), truth + rng.normal(0, 4.0, 400))
    assert found.sem == pytest.approx(4.0, rel=0.1)
    assert found.mdc95 == pytest.approx(11.1, rel=0.1)
    with pytest.raises(AnalysisError, match="3 patients"):
        measurement_error([1, 2, 3], [1, 2, 4])


def test_grades_change_by_probability_and_by_what_matters() -> None:
    fallen = judge_grade(certain("3"), certain("1"), joint=Joint.ELBOW)
    assert (fallen.lower, fallen.higher, fallen.beyond_error, fallen.important) == (1.0, 0.0, True, True)
    assert fallen.expected == pytest.approx(-2.0)
    even = {grade: 1 / len(GRADES) for grade in GRADES}
    vague = judge_grade(even, even, joint=Joint.KNEE)
    assert not vague.beyond_error
    assert not vague.important
    assert judge_grade(certain("1"), certain("1+"), joint=Joint.ANKLE).important
    with pytest.raises(DataError, match="probability of each"):
        judge_grade({"0": 1.0}, certain("1"), joint=Joint.KNEE)
