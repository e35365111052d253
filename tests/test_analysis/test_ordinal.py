"""The regressions that grade: bounded, blind to what is missing, with sets that grow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.ordinal import Basis, cumulative_probabilities, design, grown_sets


def _basis(limit: float = 2.0) -> Basis:
    return Basis(
        names=("range", "speed"),
        mean=np.array([1.0, 2.0]),
        sd=np.array([0.5, 1.0]),
        knots=np.array([[-0.5, 0.0, 0.5], [-0.5, 0.0, 0.5]]),
        centre=np.zeros((2, 4)),
        spread=np.eye(2),
        limit=limit,
    )


def test_design_is_bounded_and_takes_a_missing_number_for_the_average() -> None:
    basis = _basis()
    far, farther, missing = design(basis, [{"range": 4.0, "speed": 2.0}, {"range": 1e6, "speed": 2.0}, {"speed": 2.0}])
    assert np.array_equal(far, farther)
    assert np.array_equal(missing[:4], np.zeros(4))


def test_distance_grows_with_strangeness_and_counts_only_what_was_seen() -> None:
    near, far, unseen = _basis().distances(
        [{"range": 1.0, "speed": 2.0}, {"range": 4.0, "speed": 2.0}, {"range": np.nan, "speed": 2.0}]
    )
    assert near == 0.0
    assert far == pytest.approx(6.0 / np.sqrt(2))
    assert unseen == 0.0


def test_basis_survives_json() -> None:
    basis = _basis()
    again = Basis.from_json(basis.to_json())
    row = [{"range": 1.3, "speed": 2.9}]
    assert np.array_equal(design(basis, row), design(again, row))
    assert np.array_equal(basis.distances(row), again.distances(row))


def test_basis_refuses_numbers_that_do_not_fit() -> None:
    with pytest.raises(DataError, match=r"Basis\.mean"):
        Basis(
            names=("range", "speed"),
            mean=np.array([1.0]),
            sd=np.ones(2),
            knots=np.zeros((2, 3)),
            centre=np.zeros((2, 4)),
            spread=np.eye(2),
            limit=1.0,
        )


@given(st.lists(st.floats(-50, 50), min_size=5, max_size=5))
def test_cumulative_probabilities_are_a_distribution_whatever_the_cuts_say(odds: list[float]) -> None:
    (found,) = cumulative_probabilities(np.array([odds]))
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1.0)


@given(st.lists(st.floats(0.001, 1.0), min_size=6, max_size=6), st.floats(0.3, 0.99))
def test_grown_sets_hold_the_most_probable_grade_and_the_mass(raw: list[float], mass: float) -> None:
    probabilities = np.array([raw]) / sum(raw)
    low, high = grown_sets(probabilities, mass)[0]
    assert low <= probabilities[0].argmax() <= high
    assert probabilities[0, low : high + 1].sum() >= mass - 1e-9
    wider_low, wider_high = grown_sets(probabilities, min(1.0, mass + 0.05))[0]
    assert wider_low <= low <= high <= wider_high
