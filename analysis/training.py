"""Training of the grade: weights fitted to exams whose truth is known, and their calibration on exams left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from analysis.errors import AnalysisError
from analysis.evidence import Evidence, Sources
from analysis.finding import GRADES
from analysis.grade_model import CatchWeights, GradeModel, GradeWeights, with_rules
from analysis.grading import GradingParams
from analysis.model import FloatArray
from analysis.ordinal import Basis, Matrix, cumulative_probabilities, design, grown_sets, linear, logistic

__all__ = [
    "GradeExample",
    "GradeScores",
    "StretchExample",
    "TrainingParams",
    "fit_mass",
    "score_grades",
    "train_grade",
    "weighted_kappa",
]

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchExample:
    """One stretch of an exam: its evidence with its exam's; the place of its catch as a share of the range, or NaN."""

    evidence: Evidence
    catch_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeExample:
    """One exam: its evidence from some sources, its grade as an index of `GRADES`, and its stretches."""

    evidence: Evidence
    grade: int
    stretches: tuple[StretchExample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingParams:
    """How weights are fitted; all chosen by us.

    Attributes
    ----------
    knots
        Quantiles of each number at which its weight may change.
    penalty, catch_penalty
        Of the squared weights, for the grade and the catch.
    folds
        Parts of the exams; each is judged by weights fitted to the others, for calibration.
    coverage
        Share of the exams left out whose set holds the true grade; a little above nine in ten, for weights fit their
        own kind of exams better than others.
    rules_share
        Say of the rules of the scale in what is calibrated, as in what is reported (`GradingParams.rules_share`).
    silent
        Share of the stretches of grade-0 exams left out in which no catch is reported.
    without_slow
        Share of the exams that are shown a second time as if there had been no slow stretch.
    strange_quantile, strange_factor
        An exam is unlike the training beyond this quantile of its distances times this factor.
    spread_ridge
        Added to the variance of each number before the covariance is inverted.
    edge_share
        Residuals of a catch's place beyond this share of the range weigh less and less.
    seed
        Of what is drawn.
    """

    knots: tuple[float, ...] = (0.25, 0.5, 0.75)
    penalty: float = 4.0
    catch_penalty: float = 12.0
    folds: int = 5
    coverage: float = 0.925
    rules_share: float = GradingParams().rules_share
    silent: float = 0.987
    without_slow: float = 0.15
    strange_quantile: float = 0.995
    strange_factor: float = 2.0
    spread_ridge: float = 0.1
    edge_share: float = 0.03
    seed: int = 1


def train_grade(
    examples: Mapping[Sources, Sequence[GradeExample]],
    *,
    version: str,
    seed: int,
    params: TrainingParams = TrainingParams(),
    on_progress: Callable[[float], None] = lambda _share: None,
) -> tuple[GradeModel, Mapping[Sources, "GradeScores"]]:
    """Fit the grade and the catch for each set of sources; the same examples give the same weights.

    Parameters
    ----------
    examples
        Exams with their truth, by sources.
    version, seed
        What the model says of itself.
    params
        How weights are fitted.
    on_progress
        Takes the share done.

    Returns
    -------
    GradeModel, Mapping of Sources to GradeScores
        The model, and how exams left out of the fit were graded.

    Raises
    ------
    AnalysisError
        If there are too few exams of some grade to leave some out.
    """
    grades, catches, scores = {}, {}, {}
    for done, (sources, exams) in enumerate(examples.items()):
        counts = np.bincount([exam.grade for exam in exams], minlength=len(GRADES))
        if counts.min() < params.folds:
            raise AnalysisError(
                f"too few exams to train on ({sources.value}): of the grades {', '.join(GRADES)} there are "
                f"{', '.join(map(str, counts))}; draw more exams"
            )
        grades[sources], scores[sources] = _train_grades(exams, sources.least_grades, params)
        catches[sources] = _train_catches(exams, params)
        on_progress((done + 1) / len(examples))
    count = max(len(exams) for exams in examples.values())
    return GradeModel(version=version, seed=seed, exams=count, grades=grades, catches=catches), scores


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeScores:
    """How well exams with a known grade were graded: weighted kappa, share of sets that hold it, their mean size."""

    exams: int
    kappa: float
    covered: float
    set_size: float


def score_grades(probabilities: Matrix, truth: Labels, runs: Labels) -> GradeScores:
    """Score probabilities of grades, shape (exams, 6), and first and last grades of their sets against true ones."""
    held = (truth >= runs[:, 0]) & (truth <= runs[:, 1])
    return GradeScores(
        exams=truth.size,
        kappa=weighted_kappa(truth, probabilities.argmax(axis=1)),
        covered=float(held.mean()),
        set_size=float((runs[:, 1] - runs[:, 0] + 1).mean()),
    )


def weighted_kappa(first: Labels, second: Labels) -> float:
    """Compute Cohen's kappa with quadratic weights (1968, doi:10.1037/h0026256); NaN where all grades are the same."""
    table = np.zeros((len(GRADES), len(GRADES)))
    np.add.at(table, (first, second), 1.0)
    ranks = np.arange(len(GRADES))
    weight = np.subtract.outer(ranks, ranks) ** 2
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    apart = float((weight * expected).sum())
    return float("nan") if apart == 0 else 1.0 - float((weight * table).sum()) / apart


def _train_grades(
    exams: Sequence[GradeExample], least: int, params: TrainingParams
) -> tuple[GradeWeights, GradeScores]:
    """Fit the cuts, and calibrate them on folds left out."""
    truth = np.array([exam.grade for exam in exams])
    rows = [exam.evidence for exam in exams]
    odds = np.zeros((truth.size, len(GRADES) - 1))
    folds = np.arange(truth.size) % params.folds
    for fold in range(params.folds):
        inside = np.flatnonzero(folds != fold)
        weights = _fit_cuts([rows[i] for i in inside], truth[inside], params)
        odds[folds == fold] = weights.log_odds([rows[i] for i in np.flatnonzero(folds == fold)])
    temperature = _fit_temperature(odds, truth)
    probabilities = with_rules(cumulative_probabilities(odds / temperature), rows, params.rules_share)
    mass = fit_mass(probabilities, truth, coverage=params.coverage, least=least)
    final = replace(_fit_cuts(rows, truth, params), temperature=temperature, mass=mass)
    return final, score_grades(probabilities, truth, grown_sets(probabilities, mass, least=least))


def _fit_cuts(rows: Sequence[Evidence], truth: Labels, params: TrainingParams) -> GradeWeights:
    """Fit the weights of each cut by penalised maximum likelihood."""
    shown, known = _with_slow_hidden(rows, truth, params)
    basis = _fit_basis(shown, params)
    columns = design(basis, shown)
    cuts = [_fit_logit(columns, known >= grade, params.penalty) for grade in range(1, len(GRADES))]
    return GradeWeights(basis=basis, cuts=np.array(cuts), temperature=1.0, shift=0.0, mass=params.coverage)


def _with_slow_hidden(rows: Sequence[Evidence], truth: Labels, params: TrainingParams) -> tuple[list[Evidence], Labels]:
    """Show some exams again as if they had no slow stretch."""
    rng = np.random.default_rng(params.seed)
    again = np.flatnonzero(rng.random(len(rows)) < params.without_slow).tolist()
    hidden = [
        {
            name: np.nan if name.startswith(("slow_", "x_slow_")) or name.endswith("fast_gap") else value
            for name, value in rows[i].items()
        }
        for i in again
    ]
    return [*rows, *hidden], np.concatenate([truth, truth[again]])


def _fit_basis(rows: Sequence[Evidence], params: TrainingParams) -> Basis:
    """Learn how numbers are standardised, where their knots lie, and how they vary together."""
    names = tuple(dict.fromkeys(name for row in rows for name, value in row.items() if np.isfinite(value)))
    raw = np.array([[row.get(name, np.nan) for name in names] for row in rows])
    mean, sd = np.nanmean(raw, axis=0), np.maximum(np.nanstd(raw, axis=0), _LEAST_SD)
    z = (raw - mean) / sd
    plain = Basis(
        names=names,
        mean=mean,
        sd=sd,
        knots=np.nanquantile(np.clip(z, -_BOUND, _BOUND), params.knots, axis=0).T,
        centre=np.zeros((len(names), 1 + len(params.knots))),
        spread=np.eye(len(names)),
        limit=np.inf,
        bound=_BOUND,
    )
    held = np.clip(z, -_BOUND, _BOUND)
    columns = np.concatenate([held[:, :, None], np.maximum(held[:, :, None] - plain.knots[None], 0.0)], axis=2)
    filled = np.nan_to_num(z)
    covariance = filled.T @ filled / len(rows) + params.spread_ridge * np.eye(len(names))
    basis = replace(plain, centre=np.nanmean(columns, axis=0), spread=np.linalg.inv(covariance))
    farthest = float(np.quantile(basis.distances(rows), params.strange_quantile))
    return replace(basis, limit=params.strange_factor * farthest)


_BOUND = 3.0
_LEAST_SD = 0.02
"""Deviation that no number undercuts: one that is the same in all training exams is not strange a little beside."""


def _fit_logit(columns: Matrix, answer: NDArray[np.bool_], penalty: float) -> FloatArray:
    """Fit a logistic regression with squared penalty; the intercept is free."""
    sign = np.where(answer, 1.0, -1.0)

    def cost(weights: FloatArray) -> tuple[float, FloatArray]:
        odds = sign * linear(columns, weights)
        slope = -sign * logistic(-odds)
        value = float(np.logaddexp(0.0, -odds).sum()) + 0.5 * penalty * float((weights[1:] ** 2).sum())
        return value, np.concatenate([[slope.sum()], columns.T @ slope + penalty * weights[1:]])

    found = optimize.minimize(
        cost, np.zeros(columns.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500}
    )
    return np.asarray(found.x, dtype=np.float64)


def _fit_temperature(odds: Matrix, truth: Labels) -> float:
    """Find the temperature at which exams left out are most likely."""

    def surprise(log_temperature: float) -> float:
        probabilities = cumulative_probabilities(odds / np.exp(log_temperature))
        return -float(np.log(np.maximum(probabilities[np.arange(truth.size), truth], 1e-6)).sum())

    found = optimize.minimize_scalar(surprise, bounds=(-1.0, 1.5), method="bounded")
    return float(np.exp(found.x))


def fit_mass(probabilities: Matrix, truth: Labels, *, coverage: float, least: int) -> float:
    """Find the least mass at which sets of exams left out hold the true grade often enough (split conformal)."""
    for mass in np.arange(0.4, 0.999, 0.005):
        runs = grown_sets(probabilities, float(mass), least=least)
        if ((truth >= runs[:, 0]) & (truth <= runs[:, 1])).mean() >= coverage:
            return float(mass)
    return 1.0


def _train_catches(exams: Sequence[GradeExample], params: TrainingParams) -> CatchWeights:
    """Fit probability, place and spread of the catch, and bound the probability on exams left out."""
    rows = [stretch.evidence for exam in exams for stretch in exam.stretches]
    share = np.array([stretch.catch_share for exam in exams for stretch in exam.stretches])
    owner = np.array([i for i, exam in enumerate(exams) for _ in exam.stretches])
    healthy = np.array([exam.grade == 0 for exam in exams])[owner]
    caught = np.isfinite(share)
    basis = _fit_basis(rows, params)
    basis = replace(basis, spread=np.zeros((len(basis.names), 0)))  # the exam as a whole tells what is unlike
    columns = design(basis, rows)
    left_out, errors = np.zeros(share.size), np.zeros(share.size)
    for fold in range(params.folds):
        inside, outside = owner % params.folds != fold, owner % params.folds == fold
        logit = _fit_logit(columns[inside], caught[inside], params.catch_penalty)
        place = _fit_place(columns[inside & caught], share[inside & caught], params)
        left_out[outside] = logistic(linear(columns[outside], logit))
        errors[outside] = np.abs(linear(columns[outside], place) - share[outside])
    log_error = np.log(np.maximum(errors[caught], _LEAST_ERROR)) + _LOG_ERROR_TO_SD
    return CatchWeights(
        basis=basis,
        caught=_fit_logit(columns, caught, params.catch_penalty),
        at=_fit_place(columns[caught], share[caught], params),
        spread=_ridge(columns[caught], log_error, np.ones(int(caught.sum())), _SPREAD_PENALTY),
        least=float(max(0.5, np.quantile(left_out[healthy], params.silent))),
    )


_LEAST_ERROR = 1e-3
_LOG_ERROR_TO_SD = 0.635
"""Mean of the logarithm of a normal variable's deviation over its size."""

_SPREAD_PENALTY = 100.0


def _fit_place(columns: Matrix, share: FloatArray, params: TrainingParams) -> FloatArray:
    """Fit the place of the catch, far ones weighing less (iterated, towards least absolute errors)."""
    weight = np.ones(share.size)
    found = np.zeros(columns.shape[1] + 1)
    for _ in range(_ROUNDS):
        found = _ridge(columns, share, weight, params.catch_penalty)
        error = np.abs(share - linear(columns, found))
        weight = np.minimum(2.0, params.edge_share / np.maximum(error, 1e-9))
    return found


_ROUNDS = 8


def _ridge(columns: Matrix, values: FloatArray, weight: FloatArray, penalty: float) -> FloatArray:
    """Fit least squares with weights and a squared penalty; the intercept is free."""
    left = np.column_stack([np.ones(len(columns)), columns])
    square = left.T @ (left * weight[:, None]) + np.diag(np.concatenate([[1e-9], np.full(columns.shape[1], penalty)]))
    return np.asarray(np.linalg.solve(square, left.T @ (weight * values)), dtype=np.float64)
