"""Agreement of raters, held against published worked examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.agreement import (
    AgreementParams,
    Weights,
    bland_altman,
    gwet_ac2,
    intraclass_correlation,
    krippendorff_alpha,
    weighted_kappa,
)
from analysis.errors import AnalysisError

FEW = AgreementParams(resamples=50)

XEROMAMMOGRAMS = np.array([[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]])
"""85 films read by two radiologists (Boyd 1982, in Altman, Practical Statistics for Medical Research, 1991)."""

GWET = np.array([[13, 0, 0], [0, 20, 4], [0, 7, 56]])
"""100 subjects by two neurologists (Gwet 2014, as the R package irrCAC gives the results)."""

SHROUT = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
"""Six subjects by four judges (Shrout and Fleiss 1979, table 2)."""

X = float("nan")
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3],
        [X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X],
    ]
)
"""Twelve units by four observers (Krippendorff 2011, example C)."""


def pairs(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List the two ratings behind a table of counts."""
    rows, columns = np.indices(table.shape)
    return np.repeat(rows.ravel(), table.ravel()), np.repeat(columns.ravel(), table.ravel())


def test_weighted_kappa_is_that_of_altmans_example() -> None:
    first, second = pairs(XEROMAMMOGRAMS)
    plain = weighted_kappa(first, second, categories=4, weights=Weights.NOMINAL, params=FEW)
    linear = weighted_kappa(first, second, categories=4, weights=Weights.LINEAR, params=FEW)
    assert plain.value == pytest.approx(0.47, abs=0.005)
    assert linear.value == pytest.approx(0.57, abs=0.005)
    assert plain.n == linear.n == 85
    assert linear.interval95[0] < linear.value < linear.interval95[1]


def test_quadratic_kappa_of_many_is_their_intraclass_correlation() -> None:
    """Fleiss and Cohen 1973, doi:10.1177/001316447303300309: the two agree but for terms of 1/n."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 6, 4000)
    first, second = (np.clip(truth + rng.integers(-1, 2, truth.size), 0, 5) for _ in range(2))
    kappa = weighted_kappa(first, second, categories=6, params=AgreementParams(resamples=5))
    icc = intraclass_correlation(np.column_stack([first, second]))
    assert kappa.value == pytest.approx(icc.value, abs=1e-3)


def test_gwets_coefficients_are_those_of_his_example() -> None:
    ratings = pairs(GWET)
    assert gwet_ac2(ratings, categories=3, weights=Weights.NOMINAL, params=FEW).value == pytest.approx(
        0.84933, abs=1e-4
    )
    assert gwet_ac2(ratings, categories=3, params=FEW).value == pytest.approx(0.94024, abs=1e-4)


def test_krippendorffs_alpha_is_that_of_his_example() -> None:
    ratings = list(KRIPPENDORFF - 1)
    assert krippendorff_alpha(ratings, categories=5, ordinal=False, params=FEW).value == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(ratings, categories=5, params=FEW).value == pytest.approx(0.815, abs=5e-4)


def test_intraclass_correlation_is_that_of_shrout_and_fleiss() -> None:
    found = intraclass_correlation(SHROUT)
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert found.interval95[0] == pytest.approx(0.02, abs=0.005)
    assert found.interval95[1] == pytest.approx(0.76, abs=0.005)


def test_limits_of_agreement_of_a_planted_bias() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(40.0, 20.0, 3000)
    found = bland_altman(first, first + rng.normal(2.0, 3.0, first.size))
    assert found.bias == pytest.approx(2.0, abs=0.2)
    assert found.low == pytest.approx(2.0 - 1.96 * 3.0, abs=0.3)
    assert found.high == pytest.approx(2.0 + 1.96 * 3.0, abs=0.3)
    assert found.bias_interval95[0] < 2.0 < found.bias_interval95[1]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=30))
def test_kappa_is_symmetric_and_at_most_one(rated: list[tuple[int, int]]) -> None:
    first, second = np.array(rated).T
    params = AgreementParams(resamples=2)
    one = weighted_kappa(first, second, categories=6, params=params).value
    other = weighted_kappa(second, first, categories=6, params=params).value
    assert one == pytest.approx(other, nan_ok=True)
    assert np.isnan(one) or one <= 1.0
    same = weighted_kappa(first, first, categories=6, params=params).value
    assert np.isnan(same) or same == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: weighted_kappa([0, 1], [0, 1], categories=6), "2 exams were rated by two"),
        (lambda: weighted_kappa([0, 1, 6], [0, 1, 2], categories=6), "ranks from 0 to 5"),
        (lambda: gwet_ac2([[X, X, X], [0, 1, 2]], categories=6), "0 exams were rated by two"),
        (lambda: intraclass_correlation([[1, 2], [3, X], [4, 5]]), "values are missing"),
        (lambda: intraclass_correlation([[1], [3], [4]]), "2 raters or more"),
        (lambda: bland_altman([1, 2], [1, 2]), "2 exams"),
    ],
)
def test_what_tells_no_agreement_is_refused_by_name(work: object, words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        work()  # type: ignore[operator]
