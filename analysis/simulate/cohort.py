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

_SEEDS_PER_PATIENT = 1000

_TRIAL_EXAM = ExamPlan(slow=1, fast=1, lead_s=0.3, hold_s=0.3, return_s=0.5, rest_s=0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortParams:
    """How a cohort is drawn.

    Attributes
    ----------
    severity
        Spread around the severity table.
    rounds
        How often a patient is drawn again whose true grade in a trial exam is not the one whose turn it is. After that
        the patient is taken as drawn.
    trial_exam
        The protocol of that trial exam, by the standard examiner.
    """

    severity: SeverityParams = STANDARD_SEVERITY
    rounds: int = 4
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
    for attempt in range(params.rounds + 1):
        open_places = [i for i in range(n) if i not in chosen]
        drawn = [_draw(i, attempt, wanted, groups, seed, params) for i in open_places]
        if attempt == params.rounds or not drawn:
            chosen.update(zip(open_places, drawn, strict=True))
            break
        truths = exam_truths(drawn, seed=seed, plan=params.trial_exam)
        tried = zip(open_places, drawn, truths, strict=True)
        chosen.update((i, patient) for i, patient, truth in tried if truth.grade == wanted[i])
    return tuple(chosen[i] for i in range(n))


def _draw(
    i: int,
    attempt: int,
    wanted: Sequence[str],
    groups: Sequence[MuscleGroup],
    seed: int,
    params: CohortParams,
) -> VirtualPatient:
    """Draw the i-th patient; each attempt has a seed of its own."""
    own_seed = (seed * _SEEDS_PER_PATIENT + i) * (params.rounds + 1) + attempt
    return draw_patient(wanted[i], groups[i % len(groups)], seed=own_seed, params=params.severity)
