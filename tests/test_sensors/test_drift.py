"""The smoother equals the solution of its own least-squares problem; noise and steps are read off planted ones."""

import numpy as np
import pytest

from sensors.drift import DriftNoise, estimate_noise, find_steps, smooth_drift

LEAST = DriftNoise(walk_deg2_s=1e-6, look_deg2=1e-6)


def dense_answer(
    series: tuple[np.ndarray, ...], step_s: float, prior: float, bias_walk: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve the normal equations of the same model over all drifts and biases at once."""
    looks, look_var, bias_looks, bias_var, walk = series
    k = looks.size
    rows, values, weights = [], [], []

    def add(entries: dict[int, float], value: float, variance: float) -> None:
        row = np.zeros(2 * k)
        for at, entry in entries.items():
            row[at] = entry
        rows.append(row)
        values.append(value)
        weights.append(1 / variance)

    add({0: 1.0}, 0.0, 1e4)
    add({k: 1.0}, 0.0, prior**2)
    for i in range(k):
        if np.isfinite(looks[i]):
            add({i: 1.0}, looks[i], look_var[i])
        if np.isfinite(bias_looks[i]):
            add({k + i: 1.0}, bias_looks[i], bias_var[i])
        if i + 1 < k:
            add({i + 1: 1.0, i: -1.0, k + i: -step_s}, 0.0, walk[i])
            add({k + i + 1: 1.0, k + i: -1.0}, 0.0, bias_walk * step_s)
    design, weight = np.array(rows), np.array(weights)
    inverse = np.linalg.inv(design.T @ (design * weight[:, None]))
    answer = inverse @ (design.T @ (weight * np.array(values)))
    return answer[:k], np.diag(inverse)[:k], answer[k:]


def test_smoother_solves_its_least_squares_problem() -> None:
    rng = np.random.default_rng(0)
    k, step_s = 40, 0.5
    looks = np.where(rng.random(k) < 0.6, rng.normal(size=k), np.nan)
    bias_looks = np.where(rng.random(k) < 0.3, rng.normal(size=k) * 0.1, np.nan)
    look_var, bias_var, walk = rng.uniform(0.5, 2, k), rng.uniform(0.01, 0.1, k), rng.uniform(0.01, 0.5, k)
    path = smooth_drift(
        looks,
        look_var,
        bias_looks,
        bias_var,
        walk,
        step_s=step_s,
        bias_prior_deg_s=0.7,
        bias_walk_deg2_s3=1e-3,
        start_var_deg2=1e4,
    )
    drift, variance, bias = dense_answer((looks, look_var, bias_looks, bias_var, walk), step_s, 0.7, 1e-3)
    np.testing.assert_allclose(path.drift_deg, drift, atol=1e-6)
    np.testing.assert_allclose(path.variance_deg2, variance, rtol=1e-5)
    np.testing.assert_allclose(path.bias_deg_s, bias, atol=1e-6)


@pytest.mark.parametrize(("walk", "look"), [(0.5, 0.1), (0.01, 4.0)])
def test_noise_is_read_off_its_scatter(walk: float, look: float) -> None:
    rng = np.random.default_rng(1)
    step_s = 0.25
    drift = np.cumsum(rng.normal(0, np.sqrt(walk * step_s), 6000)) + 0.3 * np.arange(6000)
    looks = drift + rng.normal(0, np.sqrt(look), drift.size)
    looks[rng.random(looks.size) < 0.2] = np.nan
    noise = estimate_noise(looks, step_s, lags=(1, 2, 4, 8, 16, 32, 64), least=LEAST)
    assert noise.walk_deg2_s == pytest.approx(walk, rel=0.5)
    assert noise.look_deg2 == pytest.approx(look, rel=0.3)


def test_noise_of_too_few_looks_is_the_least() -> None:
    assert estimate_noise(np.array([1.0, 2.0]), 0.25, lags=(1, 2, 4), least=LEAST) == LEAST


def test_a_step_is_found_once_and_noise_makes_none() -> None:
    rng = np.random.default_rng(2)
    looks = rng.normal(0, 1.0, 200)
    assert not find_steps(looks, 1.0, window=6, least_sd=4.5).any()
    looks[4:] += 8.0
    steps = find_steps(looks, 1.0, window=6, least_sd=4.0)
    assert np.flatnonzero(steps).size == 1
    assert abs(int(np.flatnonzero(steps)[0]) - 4) <= 1
    assert steps.sum() == pytest.approx(8.0, abs=2.0)
