"""A planted rate of drift is found within its standard deviation; rests at two positions share one drift."""

import numpy as np
import pytest
from scipy import ndimage

from sensors.drift_rate import SteadyRate, fit_rate, joined
from sensors.ends import EndLooks, look_by_rests

RATE_HZ = 100.0


@pytest.mark.parametrize("memory_s", [0.0, 0.5])
def test_a_planted_rate_lies_within_its_standard_deviation(memory_s: float) -> None:
    rng = np.random.default_rng(5)
    at_s = np.arange(0.0, 30.0, 0.25)
    ratios = []
    for _ in range(200):
        noise = rng.normal(0.0, 2.0, at_s.size)
        if memory_s:
            noise = ndimage.gaussian_filter1d(noise, memory_s / 0.25)
        found = fit_rate(at_s, 0.3 * at_s + noise, rng.uniform(0.2, 1.0, at_s.size))
        ratios.append((found.rate_deg_s - 0.3) / found.sd_deg_s)
    assert 0.85 <= np.mean(np.abs(ratios) <= 1.96) <= 0.99


def test_a_rate_of_two_looks_is_unknown() -> None:
    found = fit_rate(np.arange(3.0), np.array([0.0, np.nan, 5.0]), np.ones(3))
    assert found.sd_deg_s == np.inf


def test_a_rate_joins_what_a_rest_says_by_their_variances() -> None:
    looks, var = np.full(5, np.nan), np.full(5, np.nan)
    looks[2], var[2] = 1.0, 0.04
    both = joined((looks, var), SteadyRate(rate_deg_s=0.0, sd_deg_s=0.2))
    assert both[0][2] == pytest.approx(0.5)
    assert both[1][2] == pytest.approx(0.02)
    alone = joined((np.full(5, np.nan), np.full(5, np.nan)), SteadyRate(rate_deg_s=0.7, sd_deg_s=0.1))
    assert alone[0][2] == pytest.approx(0.7)
    assert np.isnan(joined((looks, var), SteadyRate())[0][[0, 1, 3, 4]]).all()


def movement(starts_deg: list[float], ends_deg: list[float], rate_deg_s: float) -> np.ndarray:
    """Rest at each start and each end for 1.5 s, move between them in 1 s, and drift all the while."""
    places = np.array([place for pair in zip(starts_deg, ends_deg, strict=True) for place in pair])
    knots_s = np.repeat(2.5 * np.arange(places.size), 2) + np.tile([0.0, 1.5], places.size)
    at_s = np.arange(0.0, knots_s[-1], 1 / RATE_HZ)
    return np.interp(at_s, knots_s, np.repeat(places, 2)) + rate_deg_s * at_s


def slope(looks: EndLooks) -> float:
    return float(np.polyfit(looks.index / RATE_HZ, looks.drift_deg, 1)[0])


def test_rests_at_both_ends_tell_the_drift_although_one_end_wanders() -> None:
    starts = [0.0, -0.4, -0.8, -1.2, -1.6, -2.0]
    found = look_by_rests(movement(starts, [80.0] * 6, 0.3), RATE_HZ)
    assert isinstance(found, EndLooks)
    assert found.index.size == 12
    assert slope(found) == pytest.approx(
        0.3 - 0.5 * 0.4 / 5.0, abs=0.01
    )  # half of what the wander of the starts alone adds


def test_slow_stretches_that_end_elsewhere_than_fast_ones_are_not_drift() -> None:
    found = look_by_rests(movement([0.0] * 6, [70.0, 70.5, 70.0, 74.0, 74.5, 74.0], 0.3), RATE_HZ)
    assert isinstance(found, EndLooks)
    assert slope(found) == pytest.approx(0.3, abs=0.02)


def test_a_rate_from_elsewhere_contradicts_rests_that_wander() -> None:
    joint = movement([0.0, 4.0, 8.0, 12.0, 16.0, 20.0], [60.0, 70.0, 55.0, 80.0, 62.0, 77.0], 0.0)
    assert isinstance(look_by_rests(joint, RATE_HZ), str)
    wandering = movement([0.0, 2.5, 5.0, 7.5, 10.0, 12.5], [60.0, 70.0, 55.0, 80.0, 62.0, 77.0], 0.0)
    assert isinstance(look_by_rests(wandering, RATE_HZ), EndLooks)
    assert isinstance(look_by_rests(wandering, RATE_HZ, known=(0.0, 0.02)), str)
