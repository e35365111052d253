"""Measured sensors against an optical encoder and an optical orientation."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io as sio

from sensors.joint_angle import ImuAngle, angle_from_imus
from sensors.orientation import inclination
from sensors.samples import ImuSamples

pytestmark = pytest.mark.shared_data

G_M_S2 = 9.80665
TRIALS = ("roll_slow", "roll_medium", "pitch_medium", "yaw_slow", "yaw_fast")


def read_encoder(folder: Path, trial: str, until_s: float) -> tuple[ImuSamples, ImuSamples, np.ndarray, np.ndarray]:
    raw = sio.loadmat(folder / "imu_encoder" / f"raw_{trial}.mat")
    n = min(values.size for key, values in raw.items() if key.startswith("all_"))
    column = {key: values.ravel()[:n].astype(float) for key, values in raw.items() if key.startswith("all_")}
    time = column["all_time"]
    keep = np.isfinite(time) & np.r_[True, np.diff(time) > 1e-6]
    keep &= time - time[keep][0] < until_s
    time = time[keep] - time[keep][0]
    sensors = [
        ImuSamples(
            time_s=time,
            acc_m_s2=np.stack([column[f"all_accel_{i}_{a}"][keep] for a in "xyz"], axis=1) * G_M_S2,
            gyr_rad_s=np.deg2rad(np.stack([column[f"all_gyro_{i}_{a}"][keep] for a in "xyz"], axis=1)),
        )
        for i in (1, 2)
    ]
    return sensors[0], sensors[1], time, column["all_encoder"][keep]


def errors_and_sd(found: ImuAngle, time_s: np.ndarray, encoder_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Error after one constant offset (of the first 3 s), one sign and one constant lag within 20 ms."""
    angle = found.angle
    best = None
    for sign in (1, -1):
        for lag_s in np.arange(-0.02, 0.0201, 0.002):
            error = sign * np.interp(time_s + lag_s, angle.time_s, angle.angle_deg) - encoder_deg
            error -= np.median(error[time_s < 3])
            if best is None or np.mean(error**2) < np.mean(best[0] ** 2):
                best = error, np.interp(time_s + lag_s, angle.time_s, angle.sd_deg)
    assert best is not None
    return best


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


@pytest.mark.parametrize("trial", TRIALS)
def test_first_minute_of_the_encoder(shared_data: Path, trial: str) -> None:
    proximal, distal, time, encoder = read_encoder(shared_data, trial, 60.0)
    error, sd = errors_and_sd(angle_from_imus(proximal, distal, stretch_sign=1), time, encoder)
    assert rms(error) < 2.0
    assert np.mean(np.abs(error) < 1.96 * sd) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("trial", TRIALS)
def test_25_minutes_of_the_encoder(shared_data: Path, trial: str) -> None:
    proximal, distal, time, encoder = read_encoder(shared_data, trial, np.inf)
    found = angle_from_imus(proximal, distal, stretch_sign=1)
    error, sd = errors_and_sd(found, time, encoder)
    assert rms(error) < (6.0 if trial.startswith("yaw") else 2.0)
    assert rms(error[time < 60]) < 2.0
    assert rms(error[time > time[-1] - 300]) < rms(error[time < 300]) + 0.5
    assert np.mean(np.abs(error) < 1.96 * sd) > 0.9
    assert rms(sd) < 2 * rms(error)
    assert any("same positions" in warning for warning in found.warnings) == trial.startswith("yaw")


@pytest.mark.parametrize(
    ("name", "limit_deg"), [("03_undisturbed_slow_rotation_C", 0.6), ("24_disturbed_tapping_A", 0.8)]
)
def test_inclination_against_optical_orientation(shared_data: Path, name: str, limit_deg: float) -> None:
    with h5py.File(shared_data / "imu_inclination" / f"{name}.hdf5") as file:
        rate_hz = float(file.attrs["sampling_rate"])
        acc, gyr = file["imu_acc"][:], file["imu_gyr"][:]
        optical, moving = file["opt_quat"][:], file["movement"][:].astype(bool)
    samples = ImuSamples(time_s=np.arange(acc.shape[0]) / rate_hz, acc_m_s2=acc, gyr_rad_s=gyr)
    w, x, y, z = (inclination(samples) * [1, 1, 1, 1]).T
    a, b, c, d = (optical * [1, -1, -1, -1]).T
    about_up = np.hypot(w * a - x * b - y * c - z * d, w * d + x * c - y * b + z * a)
    error = 2 * np.rad2deg(np.arccos(np.clip(about_up, 0, 1)))
    assert rms(error[moving & np.isfinite(error)]) < limit_deg
