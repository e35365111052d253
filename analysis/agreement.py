"""How well raters, and the objective grade, agree: on an ordered scale, and on angles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.errors import AnalysisError
from analysis.model import FloatArray

__all__ = [
    "Agreement",
    "AgreementParams",
    "LimitsOfAgreement",
    "Weights",
    "bland_altman",
    "gwet_ac2",
    "intraclass_correlation",
    "krippendorff_alpha",
    "weighted_kappa",
]

Table = NDArray[np.float64]


class Weights(StrEnum):
    """How much a disagreement counts by its distance on the scale: all alike, in proportion, or by its square."""

    NOMINAL = "nominal"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementParams:
    """How uncertain an agreement is told.

    Attributes
    ----------
    resamples, seed
        Bootstrap over the rated exams; the seed makes the interval repeatable. Chosen by us.
    level
        Probability of the intervals. Chosen by us, the usual one.
    min_units
        Fewer exams rated by two tell no agreement. Chosen by us.
    """

    resamples: int = 2000
    seed: int = 1
    level: float = 0.95
    min_units: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A coefficient of agreement.

    Attributes
    ----------
    name
        Which coefficient.
    value
        1: perfect; 0: as by chance. NaN where all ratings are one and the same, so that chance agrees too.
    interval95
        Its interval, lower bound first.
    n
        Rated exams that it was computed from.
    """

    name: str
    value: float
    interval95: tuple[float, float]
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOfAgreement:
    """Differences of two measurements of the same things (Bland and Altman).

    Attributes
    ----------
    bias, bias_interval95
        Mean of second minus first, with its interval.
    low, high
        Between these, 95 % of the differences lie.
    n
        Pairs.
    """

    bias: float
    bias_interval95: tuple[float, float]
    low: float
    high: float
    n: int


def weighted_kappa(
    first: ArrayLike,
    second: ArrayLike,
    *,
    categories: int,
    weights: Weights = Weights.QUADRATIC,
    params: AgreementParams = AgreementParams(),
) -> Agreement:
    """Cohen's weighted kappa of two raters.

    Parameters
    ----------
    first, second
        Ranks from 0 to ``categories - 1`` of the same exams, shape (n,); NaN where not rated.
    categories
        Number of the scale's labels.
    weights
        How much a disagreement counts.
    params
        How the interval is told.

    Raises
    ------
    AnalysisError
        If fewer exams than `AgreementParams.min_units` were rated by both, or a rank is off the scale.

    References
    ----------
    .. [1] Cohen J. Weighted kappa: nominal scale agreement with provision for scaled disagreement or partial credit.
       Psychol Bull 1968;70:213-220. doi:10.1037/h0026256
    """
    ratings = _ratings([first, second], categories, params)
    ratings = ratings[:, np.isfinite(ratings).all(axis=0)]
    _require_units(ratings.shape[1], params)
    distance = _disagreement(categories, weights)

    def kappa(sample: Table) -> float:
        ranks = sample.astype(int)
        seen = np.zeros((categories, categories))
        np.add.at(seen, (ranks[0], ranks[1]), 1.0 / ranks.shape[1])
        by_chance = float((distance * np.outer(seen.sum(1), seen.sum(0))).sum())
        return 1.0 - float((distance * seen).sum()) / by_chance if by_chance > 0 else float("nan")

    return _with_interval(f"weighted kappa ({weights})", kappa, ratings, params)


def gwet_ac2(
    ratings: Sequence[ArrayLike],
    *,
    categories: int,
    weights: Weights = Weights.QUADRATIC,
    params: AgreementParams = AgreementParams(),
) -> Agreement:
    """Gwet's AC2 of two or more raters; unlike kappa it stays sensible where most exams have one grade.

    Parameters
    ----------
    ratings
        Ranks of each rater, all of the same exams; NaN where not rated.
    categories, weights, params
        As in `weighted_kappa`; nominal weights make it AC1.

    Raises
    ------
    AnalysisError
        As `weighted_kappa`.

    References
    ----------
    .. [1] Gwet KL. Computing inter-rater reliability and its variance in the presence of high agreement. Br J Math Stat
       Psychol 2008;61:29-48. doi:10.1348/000711006X126600
    .. [2] Gwet KL. Handbook of Inter-Rater Reliability, 4th ed., 2014 (weighted, missing ratings).
    """
    table = _ratings(ratings, categories, params)
    table = table[:, np.isfinite(table).any(axis=0)]
    _require_units(int((np.isfinite(table).sum(axis=0) > 1).sum()), params)
    weight = 1.0 - _disagreement(categories, weights) / max(1.0, float(_disagreement(categories, weights).max()))

    def ac2(sample: Table) -> float:
        counts = np.stack([(sample == k).sum(axis=0) for k in range(categories)], axis=1).astype(np.float64)
        raters = counts.sum(axis=1)
        share = (counts / raters[:, None]).mean(axis=0)
        both = raters > 1
        if not both.any():
            return float("nan")
        weighted = counts[both] @ weight
        seen = (counts[both] * (weighted - 1.0)).sum(axis=1) / (raters[both] * (raters[both] - 1.0))
        chance = weight.sum() / (categories * (categories - 1)) * float((share * (1.0 - share)).sum())
        return float((seen.mean() - chance) / (1.0 - chance))

    return _with_interval(f"Gwet's AC2 ({weights})", ac2, table, params)


def krippendorff_alpha(
    ratings: Sequence[ArrayLike],
    *,
    categories: int,
    ordinal: bool = True,
    params: AgreementParams = AgreementParams(),
) -> Agreement:
    """Krippendorff's alpha of two or more raters, for ordered labels (or, not ordinal, for mere names).

    Parameters
    ----------
    ratings
        Ranks of each rater, all of the same exams; NaN where not rated.
    categories, params
        As in `weighted_kappa`.
    ordinal
        Whether the distance of two labels is that of their places among all ratings.

    Raises
    ------
    AnalysisError
        As `weighted_kappa`.

    References
    ----------
    .. [1] Krippendorff K. Computing Krippendorff's alpha-reliability. University of Pennsylvania, 2011.
       https://repository.upenn.edu/asc_papers/43
    """
    table = _ratings(ratings, categories, params)
    table = table[:, np.isfinite(table).sum(axis=0) > 1]
    _require_units(table.shape[1], params)

    def alpha(sample: Table) -> float:
        counts = np.stack([(sample == k).sum(axis=0) for k in range(categories)], axis=1).astype(np.float64)
        raters = counts.sum(axis=1)
        pairs = np.einsum("uc,uk->uck", counts, counts) - np.einsum("uc,ck->uck", counts, np.eye(categories))
        coincidence = (pairs / (raters - 1.0)[:, None, None]).sum(axis=0)
        total = coincidence.sum(axis=1)
        distance = _ordinal_distance(total) if ordinal else 1.0 - np.eye(categories)
        expected = float((distance * np.outer(total, total)).sum())
        seen = float((distance * coincidence).sum()) * (total.sum() - 1.0)
        return 1.0 - seen / expected if expected > 0 else float("nan")

    return _with_interval(f"Krippendorff's alpha ({'ordinal' if ordinal else 'nominal'})", alpha, table, params)


def _ordinal_distance(total: FloatArray) -> Table:
    """Square of the number of ratings between two labels, half of each label's own included."""
    place = np.cumsum(total) - total / 2.0
    return np.asarray(np.subtract.outer(place, place) ** 2, dtype=np.float64)


def intraclass_correlation(values: ArrayLike, params: AgreementParams = AgreementParams()) -> Agreement:
    """ICC(2,1): absolute agreement of single measurements by raters who stand for all raters.

    Parameters
    ----------
    values
        One row per exam, one column per rater, complete, shape (n, k).
    params
        Level of the interval, which follows McGraw and Wong.

    Raises
    ------
    AnalysisError
        If values are missing, or there are too few.

    References
    ----------
    .. [1] Shrout PE, Fleiss JL. Intraclass correlations: uses in assessing rater reliability. Psychol Bull
       1979;86:420-428. doi:10.1037/0033-2909.86.2.420
    .. [2] McGraw KO, Wong SP. Forming inferences about some intraclass correlation coefficients. Psychol Methods
       1996;1:30-46. doi:10.1037/1082-989X.1.1.30
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise AnalysisError(f"expected one row per exam and a column for each of 2 raters or more; got {table.shape}")
    if not np.isfinite(table).all():
        raise AnalysisError("values are missing (NaN): leave out exams that not every rater measured")
    n, k = table.shape
    _require_units(n, params)
    grand = table.mean()
    rows = k * float(((table.mean(axis=1) - grand) ** 2).sum()) / (n - 1)
    columns = n * float(((table.mean(axis=0) - grand) ** 2).sum()) / (k - 1)
    left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + grand
    error = float((left**2).sum()) / ((n - 1) * (k - 1))
    total = rows + (k - 1) * error + k * (columns - error) / n
    value = (rows - error) / total if total > 0 else float("nan")
    return Agreement(
        name="ICC(2,1)", value=value, interval95=_icc_interval(value, (rows, columns, error), n, k, params), n=n
    )


def _icc_interval(
    value: float, squares: tuple[float, float, float], n: int, k: int, params: AgreementParams
) -> tuple[float, float]:
    """Bound ICC(2,1) by F, with Satterthwaite's degrees of freedom (Shrout and Fleiss, 1979)."""
    rows, columns, error = squares
    if not np.isfinite(value) or error <= 0:
        return value, value
    ratio = columns / error
    shrunk = k * value * ratio
    per_row = n * (1.0 + (k - 1) * value) - k * value
    freedom = (k - 1) * (n - 1) * (shrunk + per_row) ** 2 / ((n - 1) * shrunk**2 + per_row**2)
    tail = 0.5 * (1.0 - params.level)
    upper = float(stats.f.ppf(1.0 - tail, n - 1, freedom))
    lower = float(stats.f.ppf(1.0 - tail, freedom, n - 1))
    between = k * columns + (k * n - k - n) * error
    return (
        n * (rows - upper * error) / (upper * between + n * rows),
        n * (lower * rows - error) / (between + n * lower * rows),
    )


def bland_altman(first: ArrayLike, second: ArrayLike, params: AgreementParams = AgreementParams()) -> LimitsOfAgreement:
    """Bias and limits of agreement of two measurements; pairs with a missing value are left out.

    Raises
    ------
    AnalysisError
        If there are too few pairs.

    References
    ----------
    .. [1] Bland JM, Altman DG. Statistical methods for assessing agreement between two methods of clinical measurement.
       Lancet 1986;327:307-310. doi:10.1016/S0140-6736(86)90837-8
    """
    apart = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    apart = apart[np.isfinite(apart)]
    _require_units(apart.size, params)
    bias, sd = float(apart.mean()), float(apart.std(ddof=1))
    half = float(stats.t.ppf(0.5 * (1.0 + params.level), apart.size - 1)) * sd / float(np.sqrt(apart.size))
    return LimitsOfAgreement(
        bias=bias,
        bias_interval95=(bias - half, bias + half),
        low=bias - 1.96 * sd,
        high=bias + 1.96 * sd,
        n=apart.size,
    )


def _ratings(ratings: Sequence[ArrayLike], categories: int, params: AgreementParams) -> Table:
    """Stack ranks, one row per rater, and check them."""
    table = np.array([np.asarray(one, dtype=np.float64) for one in ratings])
    if table.ndim != 2 or table.shape[0] < 2:
        raise AnalysisError(f"expected the ranks of 2 raters or more for the same exams; got shape {table.shape}")
    ranks = table[np.isfinite(table)]
    if ranks.size == 0:
        _require_units(0, params)
    if (ranks < 0).any() or (ranks >= categories).any() or (ranks != np.round(ranks)).any():
        raise AnalysisError(f"expected ranks from 0 to {categories - 1}; got {sorted(set(ranks.tolist()))}")
    return table


def _require_units(count: int, params: AgreementParams) -> None:
    if count < params.min_units:
        raise AnalysisError(
            f"{count} exams were rated by two: at least {params.min_units} are needed to tell agreement"
        )


def _disagreement(categories: int, weights: Weights) -> Table:
    """Weigh each pair of labels by its distance."""
    rank = np.arange(categories, dtype=np.float64)
    apart = np.abs(np.subtract.outer(rank, rank))
    match weights:
        case Weights.NOMINAL:
            return (apart > 0).astype(np.float64)
        case Weights.LINEAR:
            return apart
        case Weights.QUADRATIC:
            return apart**2


def _with_interval(name: str, statistic: Callable[[Table], float], table: Table, params: AgreementParams) -> Agreement:
    """Compute a coefficient, and its interval by drawing the exams anew."""
    n = table.shape[1]
    rng = np.random.default_rng(params.seed)
    drawn = np.array([statistic(table[:, rng.integers(n, size=n)]) for _ in range(params.resamples)])
    drawn = drawn[np.isfinite(drawn)]
    tail = 50.0 * (1.0 - params.level)
    low, high = np.percentile(drawn, [tail, 100.0 - tail]) if drawn.size else (np.nan, np.nan)
    return Agreement(name=name, value=statistic(table), interval95=(float(low), float(high)), n=n)
