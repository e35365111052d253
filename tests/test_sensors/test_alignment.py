"""Lags that were planted between two streams of one movement."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt

from sensors.alignment import Alignment, align_rates, align_turned_together
from sensors.errors import SensorError
from sensors.samples import ImuSamples


def movement(time_s: np.ndarray, seed: int) -> np.ndarray:
    """Angular velocity (rad/s) of a limb that is carried to and fro: smooth, below 6 Hz."""
    rng = np.random.default_rng(seed)
    fine_s = np.arange(-5.0, time_s[-1] + 5.0, 0.002)
    smooth = sosfiltfilt(butter(4, 4.0, fs=500.0, output="sos"), rng.normal(size=fine_s.size))
    return np.asarray(np.interp(time_s, fine_s, smooth / smooth.std() * 1.5))


def aligned(
    lag_s: float, *, seed: int = 0, noise: float = 0.02, second_hz: float = 60.0, length_s: float = 20.0
) -> Alignment:
    rng = np.random.default_rng(seed + 1)
    first_s = np.sort(rng.uniform(0, 0.005, round(length_s * 200))) + np.arange(round(length_s * 200)) / 200.0
    second_s = np.arange(0.3, length_s - 0.2, 1.0 / second_hz)
    first = movement(first_s, seed) + noise * rng.normal(size=first_s.size)
    second = 0.9 * movement(second_s - lag_s, seed) + 0.1 + noise * rng.normal(size=second_s.size)
    return align_rates(first_s, first, second_s, second)


@settings(max_examples=40)
@given(lag_s=st.floats(-0.4, 0.4), seed=st.integers(0, 500), second_hz=st.sampled_from([30.0, 60.0, 200.0]))
def test_a_planted_lag_is_found_to_a_fraction_of_a_sample(lag_s: float, seed: int, second_hz: float) -> None:
    found = aligned(lag_s, seed=seed, second_hz=second_hz)
    assert found.lag_s == pytest.approx(lag_s, abs=0.004)
    assert found.sd_s < 0.004
    assert found.gain == pytest.approx(0.9, abs=0.05)


def test_the_stated_deviation_is_that_of_the_error() -> None:
    seeds = range(40)
    found = [aligned(0.05, seed=seed, noise=0.3, second_hz=200.0) for seed in seeds]
    errors = np.array([one.lag_s - 0.05 for one in found])
    stated = np.array([one.sd_s for one in found])
    assert 0.4 < np.std(errors) / np.median(stated) < 1.8
    assert np.mean(np.abs(errors) < 2.5 * stated) > 0.85


def test_gaps_count_for_nothing() -> None:
    time_s = np.arange(0.0, 20.0, 0.005)
    kept = (time_s < 6.0) | (time_s > 8.0)
    found = align_rates(time_s, movement(time_s, 3), time_s[kept], movement(time_s - 0.03, 3)[kept])
    assert found.lag_s == pytest.approx(0.03, abs=0.001)


def test_without_movement_it_is_refused() -> None:
    time_s = np.arange(0.0, 10.0, 0.005)
    still = 0.01 * np.random.default_rng(0).normal(size=time_s.size)
    with pytest.raises(SensorError, match="no movement"):
        align_rates(time_s, still, time_s, movement(time_s, 0))
    with pytest.raises(SensorError, match="same movement"):
        align_rates(time_s, movement(time_s, 1), time_s, movement(time_s, 2))
    with pytest.raises(SensorError, match="in common"):
        align_rates(time_s, still, time_s + 9.5, still)


def imus(lag_s: float, *, together: bool) -> tuple[ImuSamples, ImuSamples]:
    """Two sensors, strapped on anyhow; twisted together for 10 s at the start, if at all."""
    time_s = np.arange(0.0, 40.0, 0.005)
    rng = np.random.default_rng(5)
    streams = []
    for number, shift_s in enumerate((0.0, lag_s)):
        axis = np.linalg.qr(rng.normal(size=(3, 3)))[0][0]
        twist = 3.0 * movement(time_s - shift_s, 7)
        twisted = (time_s - shift_s < 12.0) & (time_s - shift_s > 2.0) & together
        other = movement(time_s, 20) if number else np.zeros(time_s.size)
        rate = np.where(twisted, twist, other)
        gyr = rate[:, None] * axis + 0.01 * rng.normal(size=(time_s.size, 3))
        streams.append(ImuSamples(time_s=time_s, acc_m_s2=np.tile([0.0, 0.0, 9.81], (time_s.size, 1)), gyr_rad_s=gyr))
    return streams[0], streams[1]


@pytest.mark.parametrize("lag_s", [-0.08, 0.0, 0.023])
def test_a_twist_of_both_in_one_hand_tells_their_lag(lag_s: float) -> None:
    found = align_turned_together(*imus(lag_s, together=True))
    assert found.lag_s == pytest.approx(lag_s, abs=0.002)
    assert found.sd_s < 0.002


def test_an_exam_without_a_twist_tells_none() -> None:
    with pytest.raises(SensorError, match="never turned together"):
        align_turned_together(*imus(0.05, together=False))
