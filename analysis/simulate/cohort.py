"""A cohort of virtual patients in which every grade is met about equally often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.muscles import MuscleGroup
from analysis.simulate.exam import exam_truths
from analysis.simulate.examiner import ExamPlan
from analysis.simulate.patient import VirtualPatient
from analysis.simulate.severity import STANDARD_SEVERITY, SeverityParams, draw_patient, grades_in_turn

__all__ = ["CohortParams", "draw_cohort"]

_PLACES_PER_SEED = 1000

_TRIAL_EXAM = ExamPlan(slow=1, fast=1, lead_s=0.3, hold_s=0.3, return_s=0.5, rest_s=0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortParams:
    """How a cohort is drawn.

    Attributes
    ----------
    severity
        Spread around the severity table.
    rounds
        How often patients are drawn again whose true grade in a trial exam is not the one whose turn it is. After that
        a patient is taken as drawn.
    tried_at_once
        About how many patients are tried in each of these rounds: where few places are open, several for each.
    tries
        At most how many patients are tried for one place in one round.
    trial_exam
        The protocol of the trial exam, by the standard examiner.
    """

    severity: SeverityParams = STANDARD_SEVERITY
    rounds: int = 3
    tried_at_once: int = 100
    tries: int = 8
    trial_exam: ExamPlan = _TRIAL_EXAM


def draw_cohort(
    n: int,
    *,
    seed: int,
    muscle_groups: Sequence[MuscleGroup] | None = None,
    params: CohortParams = CohortParams(),
) -> tuple[VirtualPatient, ...]:
    """Draw patients so that all grades and muscle groups are met about equally often.

    Rows of the severity table do not fix the true grade; patients are drawn until a trial exam shows the grade whose
    turn it is. Their grade in another exam, by another examiner, may still be another one.

    Parameters
    ----------
    n
        How many.
    seed
        Source of all chance.
    muscle_groups
        Which groups, in turn; all by default.
    params
        How they are drawn.

    Raises
    ------
    AnalysisError
        If no patient or no muscle group is asked for.
    """
    groups = tuple(MuscleGroup) if muscle_groups is None else tuple(muscle_groups)
    if n < 1 or not groups:
        raise AnalysisError(f"expected at least one patient and one muscle group; got {n} and {len(groups)}")
    wanted = grades_in_turn(n, np.random.default_rng([seed, 3]))
    chosen: dict[int, VirtualPatient] = {}
    for number in range(params.rounds):
        places = [i for i in range(n) if i not in chosen]
        tries = max(1, min(params.tries, params.tried_at_once // max(len(places), 1)))
        drawn = [
            (i, _draw(i, number * params.tries + attempt, wanted[i], groups, seed, params))
            for i in places
            for attempt in range(tries)
        ]
        truths = exam_truths([patient for _, patient in drawn], seed=seed, plan=params.trial_exam)
        for (i, patient), truth in zip(drawn, truths, strict=True):
            if truth.grade == wanted[i]:
                chosen.setdefault(i, patient)
    last = params.rounds * params.tries
    return tuple(chosen.get(i) or _draw(i, last, wanted[i], groups, seed, params) for i in range(n))


def _draw(
    place: int, attempt: int, grade: str, groups: Sequence[MuscleGroup], seed: int, params: CohortParams
) -> VirtualPatient:
    """Draw a patient for one place; each attempt has a seed of its own."""
    attempts = params.rounds * params.tries + 1
    own_seed = (seed * _PLACES_PER_SEED + place) * attempts + attempt
    return draw_patient(grade, groups[place % len(groups)], seed=own_seed, params=params.severity)
