"""What two findings, and all patients' findings, say beside each other."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.finding import GRADES, Assessment
from analysis.muscles import Joint, MuscleGroup
from dashboard.services.cohort import CohortChoice, SignedRankParams, compare_cohort, signed_rank
from dashboard.services.comparison import aligned_stretches, chance_of_lower, change_rows, examined_twice
from dashboard.services.exams import Exam, open_exam
from dashboard.services.overlays import resistance_overlay, stretch_overlay, velocity_overlay
from dashboard.services.reading import read
from records.findings import finding_of
from records.folder import read_folder
from records.rows import Phase
from records.store import Store


def both_exams(store: Store, code: str) -> tuple[Exam, Exam]:
    limb = next(iter(examined_twice(store, code).values()))
    before, after = limb.exams.values()
    return open_exam(store, *before), open_exam(store, *after)


def test_each_change_is_after_minus_before(make_assessment: Callable[..., Assessment]) -> None:
    before = read(finding_of(make_assessment(catch_deg=80.0, grade="3", excess_Nm=6.0), path="x"))
    after = read(finding_of(make_assessment(catch_deg=50.0, grade="1", excess_Nm=1.5), path="x"))
    rows = {row.measure.split(",")[0]: row for row in change_rows(before, after, Joint.ELBOW)}
    assert (rows["R1"].before, rows["R1"].after, rows["R1"].change) == ("80.0°", "50.0°", "−30.0°")
    assert rows["R2"].change == "0.0°"
    assert rows["Spasticity angle"].change == "−30.0°"
    assert rows["Peak excess over a healthy limb"].change == "−4.50 N·m"
    assert rows["Modified Ashworth grade"].change == "lower with probability 1.00"


def test_error_and_importance_are_two_statements(make_assessment: Callable[..., Assessment]) -> None:
    before = read(finding_of(make_assessment(catch_deg=80.0, grade="3", excess_Nm=6.0), path="x"))
    after = read(finding_of(make_assessment(catch_deg=50.0, grade="1", excess_Nm=1.5), path="x"))
    rows = {row.measure.split(",")[0]: row for row in change_rows(before, after, Joint.ELBOW)}
    assert rows["R1"].error == "yes (MDC95 8.9°)"
    assert rows["R1"].importance == "not known"
    assert "Choi 2018" in rows["R1"].source
    assert rows["R2"].error == "no (MDC95 8.9°)"
    assert rows["Peak excess over a healthy limb"].error in {"not known", "no"}
    assert rows["Modified Ashworth grade"].error == "yes"
    assert rows["Modified Ashworth grade"].importance.startswith("yes (MCID 0.48")


def test_what_was_not_measured_has_no_change(make_assessment: Callable[..., Assessment]) -> None:
    before = read(finding_of(make_assessment(), path="x"))
    after = read(finding_of(make_assessment(catch_deg=None, grade=None, excess_Nm=None), path="x"))
    changes = {row.measure.split(",")[0]: row.change for row in change_rows(before, after, Joint.ELBOW)}
    assert changes["R1"] == changes["Modified Ashworth grade"] == changes["Peak resistance"] == "–"


@given(st.sampled_from(GRADES), st.sampled_from(GRADES))
def test_a_certain_grade_is_lower_or_not(first: str, last: str) -> None:
    def certain(label: str) -> dict[str, float]:
        return {grade: float(grade == label) for grade in GRADES}

    expected = float(GRADES.index(last) < GRADES.index(first))
    assert chance_of_lower(certain(first), certain(last)) == expected


def test_the_same_uncertain_grade_is_as_often_lower_as_higher() -> None:
    even = {grade: 1 / len(GRADES) for grade in GRADES}
    assert chance_of_lower(even, even) == pytest.approx((1 - 1 / len(GRADES)) / 2)


def test_stretches_start_at_their_onset(clinic: Store) -> None:
    before, after = both_exams(clinic, "P002")
    (fast,) = aligned_stretches(before, "V3")
    assert fast.time_s[0] == pytest.approx(0, abs=0.02)
    assert fast.stretch_deg[0] == pytest.approx(0, abs=2)
    assert fast.stretch_deg[-1] == pytest.approx(100, abs=3), (
        "extension lengthens the elbow flexors: travelled is positive"
    )
    assert fast.catch is not None
    assert fast.catch[1] == pytest.approx(40.0), "from 120 to 80 degrees"
    assert len(stretch_overlay(before, after, "V3")) == len(velocity_overlay(before, after, "V3")) == 2
    assert len(resistance_overlay(before, after, "V3")) == 2
    assert resistance_overlay(before, after, "V1") == (), "the slow stretch has no curve"


def test_a_limb_examined_once_cannot_be_compared(
    store: Store, write_recording: Callable[..., Path], tmp_path: Path
) -> None:
    folder = read_folder(write_recording(tmp_path / "once"))
    store.save_patient(folder.subject)
    session = store.add_session("P001", Phase.BASELINE, datetime(2024, 1, 1, tzinfo=UTC))
    store.import_recording(session.id, folder)
    assert examined_twice(store, "P001") == {}


def test_cohort_pairs_each_patient_once(clinic: Store) -> None:
    choice = CohortChoice(before=Phase.BASELINE, after=Phase.YEAR_1, simulated=False)
    spasticity, grade, excess, _catch = compare_cohort(clinic, choice)
    assert spasticity.pairs == (("P001", 60.0, 50.0), ("P002", 60.0, 40.0), ("P003", 60.0, 30.0))
    assert spasticity.change_quartiles == (-25.0, -20.0, -15.0)
    assert spasticity.p == pytest.approx(0.25), "three of three fell: 2 / 2**3"
    assert grade.pairs[0] == ("P001", 4.0, 2.0)
    assert excess.n == 3
    assert excess.without == 0


def test_cohort_counts_who_shows_a_measure_only_once(clinic: Store, make_assessment: Callable[..., Assessment]) -> None:
    after = clinic.recordings(clinic.sessions("P003")[-1].id)[0]
    clinic.save_assessment(after.id, make_assessment(code="P003", catch_deg=None), version="0.0.0")
    choice = CohortChoice(before=Phase.BASELINE, after=Phase.YEAR_1, simulated=False)
    spasticity = compare_cohort(clinic, choice)[0]
    assert (spasticity.n, spasticity.without) == (2, 1)


def test_simulated_and_real_patients_are_not_mixed(clinic: Store) -> None:
    choice = CohortChoice(before=Phase.BASELINE, after=Phase.YEAR_1, simulated=True)
    assert all(result.n == 0 and result.p is None for result in compare_cohort(clinic, choice))


def test_another_muscle_group_has_nobody(clinic: Store) -> None:
    choice = CohortChoice(
        before=Phase.BASELINE, after=Phase.YEAR_1, simulated=False, muscle_group=MuscleGroup.KNEE_FLEXORS
    )
    assert all(result.n == 0 for result in compare_cohort(clinic, choice))


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=8))
def test_signed_rank_counts_all_sign_patterns(differences: list[int]) -> None:
    """Against counting by hand, with ties and zeros, where scipy's own "exact" goes wrong."""
    values = np.array(differences, dtype=float)
    p, exact = signed_rank(np.zeros(values.size), values)
    differing = values[values != 0]
    if differing.size == 0:
        assert p is None
        return
    magnitudes = np.abs(differing)
    ranks = np.array([(magnitudes < one).sum() + ((magnitudes == one).sum() + 1) / 2 for one in magnitudes])
    sums = np.array([ranks[np.array(signs)].sum() for signs in itertools.product([False, True], repeat=ranks.size)])
    observed = ranks[differing > 0].sum()
    expected = min(1.0, 2 * min((sums >= observed - 1e-9).mean(), (sums <= observed + 1e-9).mean()))
    assert exact
    assert p == pytest.approx(expected)


def test_signed_rank_of_many_pairs_is_sampled_and_repeatable() -> None:
    rng = np.random.default_rng(3)
    before, change = rng.normal(size=40), rng.normal(loc=-0.6, size=40)
    params = SignedRankParams(resamples=2000)
    first, exact = signed_rank(before, before + change, params)
    assert not exact
    assert first == signed_rank(before, before + change, params)[0]
    assert first is not None
    assert first < 0.05
