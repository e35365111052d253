"""The lag of soft tissue: planted ones are found and taken out without delay, rigid sensors have none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.muscles import MUSCLES, MuscleGroup
from analysis.simulate import SensorModel, VirtualExam, VirtualImu, draw_patient, simulate_exam
from sensors.joint_angle import ImuAngle, angle_from_imus
from sensors.samples import ImuSamples
from sensors.soft_tissue import without_tissue_lag

SENSORS = SensorModel(imu_rate_hz=200.0)


def measure(exam: VirtualExam) -> ImuAngle:
    def samples(imu: VirtualImu) -> ImuSamples:
        return ImuSamples(time_s=imu.time_s, acc_m_s2=imu.acc_m_s2, gyr_rad_s=imu.gyr_rad_s)

    sign = MUSCLES[exam.patient.muscle_group].stretch_sign
    return angle_from_imus(samples(exam.imu_proximal), samples(exam.imu_distal), stretch_sign=sign)


@pytest.fixture(scope="module", params=[0.0, 1e-4, 1.8e-4])
def planted(request: pytest.FixtureRequest) -> tuple[float, VirtualExam]:
    """Examine an ankle, whose stretches are the quickest, through soft tissue of a known lag."""
    patient = draw_patient("1+", MuscleGroup.PLANTARFLEXORS, seed=4)
    lag_s2 = float(request.param)
    return lag_s2, simulate_exam(patient, seed=4, sensors=replace(SENSORS, soft_tissue_per_rad_s2=lag_s2))


def test_planted_lag_is_found(planted: tuple[float, VirtualExam]) -> None:
    lag_s2, exam = planted
    found = measure(exam).tissue_lag
    assert found.lag_s2 == pytest.approx(lag_s2, abs=2e-5 + 0.15 * lag_s2)


def test_peak_velocity_is_that_of_the_bone(planted: tuple[float, VirtualExam]) -> None:
    _, exam = planted
    angle = measure(exam).angle
    velocity = np.gradient(angle.angle_deg, angle.time_s)
    for stretch in exam.truth.stretches:
        if stretch.peak_velocity_deg_s < 150.0:
            continue
        here = (angle.time_s > stretch.start_s - 0.1) & (angle.time_s < stretch.end_s + 0.05)
        true = np.abs(exam.true_series.velocity_deg_s)
        there = (exam.true_angle.time_s > stretch.start_s - 0.1) & (exam.true_angle.time_s < stretch.end_s + 0.05)
        assert np.abs(velocity[here]).max() == pytest.approx(true[there].max(), rel=0.025)
        at = angle.time_s[here][np.argmax(np.abs(velocity[here]))]
        assert at == pytest.approx(exam.true_angle.time_s[there][np.argmax(true[there])], abs=0.010)


def test_a_rigid_sensor_keeps_its_peaks(plant: Callable[..., Any]) -> None:
    rigid = plant(wobble_deg=0.0, movements=((70.0, 4.0), (-70.0, 2.0), (70.0, 0.25), (-70.0, 2.0)))
    found = angle_from_imus(rigid.proximal, rigid.distal, stretch_sign=1)
    assert found.tissue_lag.lag_s2 < 1e-5
    peak = np.nanmax(np.gradient(found.angle.angle_deg, found.angle.time_s))
    assert peak == pytest.approx(np.gradient(rigid.angle_deg, rigid.fine_s).max(), rel=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_jittered_time_stamps_are_no_lag(plant: Callable[..., Any], seed: int) -> None:
    movements = ((70.0, 4.0), (-70.0, 2.0), (70.0, 0.25), (-70.0, 2.0), (70.0, 0.3), (-70.0, 2.0))
    rigid = plant(seed=seed, wobble_deg=0.0, movements=movements, jitter_s=0.002)
    assert angle_from_imus(rigid.proximal, rigid.distal, stretch_sign=1).tissue_lag.lag_s2 < 1e-5


def test_the_filter_undoes_the_lag_without_delay() -> None:
    rate_hz, lag_s2 = 200.0, 1e-4
    time_s = np.arange(0, 4, 1 / rate_hz)
    for frequency_hz in (1.0, 5.0, 10.0):
        bone = np.sin(2 * np.pi * frequency_hz * time_s)
        seen = bone * (1 + lag_s2 * (2 * np.pi * frequency_hz) ** 2)
        inner = slice(100, -100)
        np.testing.assert_allclose(without_tissue_lag(seen, lag_s2, rate_hz)[inner], bone[inner], atol=0.01)
    line = 3.0 + 40.0 * time_s
    np.testing.assert_allclose(without_tissue_lag(line, lag_s2, rate_hz)[50:-50], line[50:-50], atol=1e-6)
