"""How an exam is graded: which of its stretches, from which evidence, and when not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.catch import MovementView
from analysis.evidence import EvidenceParams
from analysis.exam import NOT_GRADED, Exam
from analysis.exam_evidence import ExamEvidence, ExamView, gather_evidence
from analysis.finding import Grade, Resistance, VelocityClass
from analysis.grade_model import GradeModel, SeenCatch, standard_model
from analysis.grading import GradingParams, grade_by_force
from analysis.resistance import ResistanceParams, fast_evidence

__all__ = ["ExamGrade", "ExamGradeParams", "grade_exam"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamGradeParams:
    """Parameters of a grade.

    Attributes
    ----------
    grading, resistance, evidence
        See the steps.
    model
        The trained grade.
    """

    grading: GradingParams = field(default_factory=GradingParams)
    resistance: ResistanceParams = field(default_factory=ResistanceParams)
    evidence: EvidenceParams = field(default_factory=EvidenceParams)
    model: GradeModel = field(default_factory=standard_model)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamGrade:
    """A grade with what it was read from, or why there is none.

    Attributes
    ----------
    grade, evidence
        ``None`` where the exam is not graded, or shows nothing to grade.
    judged
        What the trained model says of the catch of each stretch; empty where it does not grade the exam.
    warnings
        What limits the grade, or keeps it from being given.
    """

    grade: Grade | None = None
    evidence: ExamEvidence | None = None
    judged: tuple[SeenCatch | None, ...] = ()
    warnings: tuple[str, ...] = ()


def grade_exam(
    exam: Exam,
    views: Sequence[MovementView],
    resistances: Sequence[Resistance | None],
    params: ExamGradeParams = ExamGradeParams(),
) -> ExamGrade:
    """Grade an exam from what was recorded, or say why not.

    Parameters
    ----------
    exam
        The exam.
    views, resistances
        What the movement of each of its stretches shows, and its resistance, ``None`` where it was not measured.
    params
        How it is graded.
    """
    if not exam.legs or exam.refused:
        return ExamGrade()
    fast = exam.of(VelocityClass.V3)
    why: tuple[str, ...] = ()
    if not fast:
        fast, why = _substitute(exam, params.grading)
    if not fast:
        return ExamGrade(warnings=(*why, f"{NOT_GRADED} the scale is defined for a fast stretch"))
    measured = tuple(i for i in fast if resistances[i] is not None)
    view = ExamView(
        recording=exam.recording,
        motion=exam.motion,
        limb=exam.limb,
        legs=exam.legs,
        departures=tuple(one.departure for one in views),
        load=exam.load,
        graded=measured or fast,
        slow=exam.of(VelocityClass.V1),
        rules=_rules(exam, measured, params),
    )
    evidence = gather_evidence(view, params.evidence)
    grade, strange = params.model.grade(evidence.exam, evidence.sources, rules_share=params.grading.rules_share)
    if strange:
        why = (*why, f"{NOT_GRADED} {strange}")
    elif not evidence.sources.has_force:
        why = (*why, "the grade is inferred from movement alone: resistance was not measured")
    return ExamGrade(grade=grade, evidence=evidence, judged=_judged(evidence, grade, params.model), warnings=why)


def _judged(evidence: ExamEvidence, grade: Grade | None, model: GradeModel) -> tuple[SeenCatch | None, ...]:
    """Ask the trained model for the catch of each stretch; it is silent on exams that it does not grade."""
    if grade is None:
        return ()
    return tuple(None if one is None else model.catch(one, evidence.sources) for one in evidence.stretches)


def _rules(exam: Exam, measured: Sequence[int], params: ExamGradeParams) -> Grade | None:
    """Carry the measured resistance through the rules of the scale, ``None`` where it was not measured."""
    if exam.load is None or not measured:
        return None
    range_deg = exam.recording.muscle.healthy_range_deg
    slow = [exam.range_share(i) for i in exam.of(VelocityClass.V1)]
    return grade_by_force(
        [
            fast_evidence(exam.motion, exam.legs[i], exam.load, healthy_range_deg=range_deg, params=params.resistance)
            for i in measured
        ],
        slow_share=float(np.median(slow)) if slow else None,
        limb=exam.limb,
        params=params.grading,
    )


def _substitute(exam: Exam, params: GradingParams) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Choose the stretches to grade by where none was fast: a limb that cannot be moved far cannot be moved fast."""
    usable = [i for i in range(len(exam.legs)) if not exam.quality[i]]
    widest = max((exam.range_share(i) for i in usable), default=1.0)
    if widest >= params.stiff_ratio * params.rigid_share:
        return (), ()
    quickest = max(usable, key=lambda i: exam.stretches[i].peak_velocity_deg_s)
    return (quickest,), ("no fast stretch was possible in this range: graded by the quickest",)
