"""A site's own raters: the grade's odds widened and shifted to their ratings, judged on those left out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from scipy import optimize

from analysis.errors import AnalysisError
from analysis.evidence import Evidence, Sources
from analysis.grade_model import GradeModel, GradeWeights, with_rules
from analysis.grading import GradingParams
from analysis.model import FloatArray
from analysis.ordinal import Matrix, cumulative_probabilities, grown_sets
from analysis.training import GradeScores, fit_mass, score_grades

__all__ = ["RatedExam", "Recalibrated", "RecalibrationParams", "recalibrate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedExam:
    """One exam as one rater graded it: its evidence, and the grade as an index of `GRADES`."""

    patient: str
    rater: str
    grade: int
    sources: Sources
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalibrationParams:
    """How far ratings may move the grade; chosen by us.

    Attributes
    ----------
    least_exams
        Fewer rated exams of a set of sources leave it as it is.
    shift_sd, log_temperature_sd
        Prior deviations of the shift of the log-odds and of the logarithm of their temperature about the model's.
    coverage
        Share of the rated exams whose set holds the rater's grade.
    rules_share
        Say of the rules of the scale, as in what is reported (`GradingParams.rules_share`).
    """

    least_exams: int = 12
    shift_sd: float = 1.5
    log_temperature_sd: float = 0.7
    coverage: float = 0.90
    rules_share: float = GradingParams().rules_share


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibrated:
    """A model that fits a site's ratings, and scores on what was left out: before, by patient, by rater."""

    model: GradeModel
    before: GradeScores
    without_patient: GradeScores
    without_rater: GradeScores | None


def recalibrate(
    model: GradeModel, rated: Sequence[RatedExam], params: RecalibrationParams = RecalibrationParams()
) -> Recalibrated:
    """Shift and widen the grade's odds to a site's ratings.

    Two numbers are fitted for each set of sources, by maximum likelihood under a prior; the weights stay. Scores are of
    exams of patients, and of raters, that the fit has not seen.

    Raises
    ------
    AnalysisError
        If there are too few ratings, or all are of one patient.
    """
    patients = sorted({exam.patient for exam in rated})
    raters = sorted({exam.rater for exam in rated})
    if len(rated) < params.least_exams or len(patients) < _FEWEST:
        raise AnalysisError(
            f"{len(rated)} rated exams of {len(patients)} patients; needed: {params.least_exams} of {_FEWEST} or more"
        )
    grades = dict(model.grades)
    for sources in model.grades:
        exams = [exam for exam in rated if exam.sources is sources]
        if len(exams) >= params.least_exams:
            grades[sources] = _fitted(model.grades[sources], exams, params)
    said = f"recalibrated by {len(rated)} ratings of {len(patients)} patients by {len(raters)} raters"
    return Recalibrated(
        model=replace(model, grades=MappingProxyType(grades), calibration=said),
        before=_score(rated, [model] * len(rated), params),
        without_patient=_left_out(model, rated, [exam.patient for exam in rated], params),
        without_rater=None
        if len(raters) < _FEWEST
        else _left_out(model, rated, [exam.rater for exam in rated], params),
    )


_FEWEST = 2
"""Patients or raters below which none can be left out."""


def _left_out(
    model: GradeModel, rated: Sequence[RatedExam], owners: Sequence[str], params: RecalibrationParams
) -> GradeScores:
    """Grade the exams of each owner by a model fitted to the others."""
    fitted: dict[tuple[str, Sources], GradeWeights] = {}
    for owner in set(owners):
        for sources in {exam.sources for exam in rated}:
            others = [e for e, o in zip(rated, owners, strict=True) if o != owner and e.sources is sources]
            weights = model.grades[sources]
            fitted[owner, sources] = (
                _fitted(weights, others, params) if len(others) >= params.least_exams - 1 else weights
            )
    models = [
        replace(model, grades={exam.sources: fitted[owner, exam.sources]})
        for exam, owner in zip(rated, owners, strict=True)
    ]
    return _score(rated, models, params)


def _score(rated: Sequence[RatedExam], models: Sequence[GradeModel], params: RecalibrationParams) -> GradeScores:
    """Score each exam by a model of its own; sets are grown to that model's mass."""
    probabilities, runs = [], []
    for one, exam in zip(models, rated, strict=True):
        weights = one.grades[exam.sources]
        told = with_rules(weights.probabilities([exam.evidence]), [exam.evidence], params.rules_share)
        probabilities.append(told)
        runs.append(grown_sets(told, weights.mass, least=exam.sources.least_grades))
    return score_grades(np.vstack(probabilities), np.array([exam.grade for exam in rated]), np.vstack(runs))


def _fitted(weights: GradeWeights, exams: Sequence[RatedExam], params: RecalibrationParams) -> GradeWeights:
    """Fit shift and temperature, then the mass of the sets."""
    rows = [exam.evidence for exam in exams]
    odds = weights.log_odds(rows)
    truth = np.array([exam.grade for exam in exams])

    def surprise(change: FloatArray) -> float:
        found = _moved(odds, change)[np.arange(truth.size), truth]
        prior = (change[0] / params.shift_sd) ** 2 + (change[1] / params.log_temperature_sd) ** 2
        return -float(np.log(np.maximum(found, 1e-6)).sum()) + 0.5 * float(prior)

    change = optimize.minimize(surprise, np.zeros(2), method="Nelder-Mead").x
    stretched = float(np.exp(change[1]))
    return replace(
        weights,
        temperature=weights.temperature * stretched,
        shift=weights.shift + float(change[0]) * weights.temperature,
        mass=fit_mass(
            with_rules(_moved(odds, change), rows, params.rules_share),
            truth,
            coverage=min(1.0, params.coverage * (truth.size + 1) / truth.size),  # one exam more than there are
            least=exams[0].sources.least_grades,
        ),
    )


def _moved(odds: Matrix, change: FloatArray) -> Matrix:
    """Shift log-odds by the first number and divide them by the exponential of the second."""
    return cumulative_probabilities((odds + change[0]) / np.exp(change[1]))
