"""Planted errors of simulated sensors come back within 0.2 %, and a botched procedure is refused by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensors.errors import SensorError
from sensors.known_loads import (
    FACES,
    StillPosition,
    Turn,
    calibrate_accelerometer,
    calibrate_force,
    calibrate_gyroscope,
    check_hinge,
)

G = 9.80665
Array = NDArray[np.float64]
seeds = st.integers(0, 2**31)


class Sensor:
    """A sensor that measures inverse(matrix) · true + offset + noise."""

    def __init__(self, seed: int, *, offset: float, noise: float) -> None:
        self.rng = np.random.default_rng(seed)
        self.offset = self.rng.uniform(-offset, offset, 3)
        self.matrix = np.eye(3) + self.rng.uniform(-0.03, 0.03, (3, 3))
        self.noise = noise

    def measure(self, true: Array) -> Array:
        clean = true @ np.linalg.inv(self.matrix).T + self.offset
        measured: Array = clean + self.rng.normal(0.0, self.noise, clean.shape)
        return measured


def positions(acc: Sensor, gyr: Sensor, faces: Array = FACES) -> list[StillPosition]:
    n = 400  # two seconds at 200 Hz
    return [
        StillPosition(acc_m_s2=acc.measure(np.tile(face * G, (n, 1))), gyr_rad_s=gyr.measure(np.zeros((n, 3))))
        for face in faces
    ]


def turn(gyr: Sensor, axis: int, turns: float = 1.0) -> Turn:
    """Turn from rest to rest in six seconds, with the smooth speed of a hand."""
    time_s = np.arange(0.0, 6.0, 0.005)
    speed = 2 * np.pi * turns * (1 - np.cos(2 * np.pi * time_s / 6.0)) / 6.0
    true = np.zeros((time_s.size, 3))
    true[:, axis] = speed
    return Turn(axis=axis, angle_rad=2 * np.pi * turns, time_s=time_s, gyr_rad_s=gyr.measure(true))


@settings(max_examples=25)
@given(seeds)
def test_planted_errors_of_the_accelerometer_come_back(seed: int) -> None:
    acc, gyr = Sensor(seed, offset=0.5, noise=0.02), Sensor(seed + 1, offset=0.02, noise=0.002)
    found = calibrate_accelerometer(positions(acc, gyr))
    np.testing.assert_allclose(found.matrix, acc.matrix, atol=0.002)
    np.testing.assert_allclose(found.offset, acc.offset, atol=0.002 * G)
    assert found.residual < 0.01


@settings(max_examples=25)
@given(seeds)
def test_planted_errors_of_the_gyroscope_come_back(seed: int) -> None:
    acc, gyr = Sensor(seed, offset=0.5, noise=0.02), Sensor(seed + 1, offset=0.02, noise=0.002)
    turns = [turn(gyr, axis, sign) for axis in range(3) for sign in (1.0, -1.0)]
    found = calibrate_gyroscope(positions(acc, gyr)[0], turns)
    np.testing.assert_allclose(found.matrix, gyr.matrix, atol=0.002)
    np.testing.assert_allclose(found.offset, gyr.offset, atol=0.0005)


@settings(max_examples=25)
@given(seeds, st.floats(-3e-4, -1e-5) | st.floats(1e-5, 3e-4))
def test_a_planted_force_scale_comes_back(seed: int, scale_N: float) -> None:
    rng = np.random.default_rng(seed)
    loads = np.array([0.0, 9.81, 19.61, 49.03, 98.07])
    offset = rng.uniform(-1e5, 1e5)
    counts = loads / scale_N + offset + rng.normal(0.0, 0.01 / abs(scale_N), loads.size)
    found = calibrate_force(counts, loads)
    assert found.scale_N == pytest.approx(scale_N, rel=0.002)
    assert found.offset_counts == pytest.approx(offset, abs=0.03 / abs(scale_N))
    assert found.nonlinearity < 0.001


def test_the_jig_tells_gain_and_offset_apart() -> None:
    true = np.array([0.0, 45.0, 90.0, 135.0])
    found = check_hinge(1.01 * true + 3.0, true)
    assert (found.gain, found.offset_deg) == (pytest.approx(1.01), pytest.approx(3.0))
    assert found.largest_deg < 1e-9


def test_what_was_calibrated_measures_right() -> None:
    acc, gyr = Sensor(4, offset=0.5, noise=0.0), Sensor(5, offset=0.02, noise=0.0)
    found = calibrate_accelerometer(positions(acc, gyr))
    true = np.array([[1.0, -2.0, 9.0], [0.0, 5.0, 5.0]])
    np.testing.assert_allclose(found.apply(acc.measure(true)), true, atol=1e-9)


def test_a_missing_face_is_named() -> None:
    acc, gyr = Sensor(1, offset=0.5, noise=0.02), Sensor(2, offset=0.02, noise=0.002)
    with pytest.raises(SensorError, match="no position with -z upwards"):
        calibrate_accelerometer(positions(acc, gyr)[:5])


def test_a_slanted_position_is_named() -> None:
    acc, gyr = Sensor(1, offset=0.0, noise=0.02), Sensor(2, offset=0.02, noise=0.002)
    slanted = np.vstack([FACES, [[0.7, 0.7, 0.1]]])
    with pytest.raises(SensorError, match="position 7 is between two faces"):
        calibrate_accelerometer(positions(acc, gyr, slanted))


def test_a_unit_that_moved_is_refused() -> None:
    acc, gyr = Sensor(1, offset=0.5, noise=0.02), Sensor(2, offset=0.02, noise=0.2)
    with pytest.raises(SensorError, match="the unit moved"):
        calibrate_accelerometer(positions(acc, gyr))


def test_half_a_turn_taken_for_a_full_one_is_refused() -> None:
    acc, gyr = Sensor(1, offset=0.5, noise=0.02), Sensor(2, offset=0.02, noise=0.002)
    turns = [turn(gyr, axis) for axis in range(3)]
    short = turn(gyr, 2, 0.6)
    turns[2] = Turn(axis=2, angle_rad=2 * np.pi, time_s=short.time_s, gyr_rad_s=short.gyr_rad_s)
    with pytest.raises(SensorError, match="off by 39%"):
        calibrate_gyroscope(positions(acc, gyr)[0], turns)


def test_an_axis_that_was_not_turned_is_named() -> None:
    acc, gyr = Sensor(1, offset=0.5, noise=0.02), Sensor(2, offset=0.02, noise=0.002)
    with pytest.raises(SensorError, match="no turn about y"):
        calibrate_gyroscope(positions(acc, gyr)[0], [turn(gyr, 0), turn(gyr, 2)])


def test_a_force_sensor_that_does_not_follow_is_refused() -> None:
    with pytest.raises(SensorError, match="does not follow"):
        calibrate_force(np.array([1.0, 500.0, -300.0, 2.0]), np.array([0.0, 10.0, 20.0, 50.0]))
