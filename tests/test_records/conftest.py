"""Recordings and assessments that the tests of records plant."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.finding import (
    Assessment,
    Catch,
    Grade,
    Resistance,
    ResistanceCurve,
    Stretch,
    StretchFinding,
    Tardieu,
    Threshold,
    VelocityClass,
)
from analysis.model import JointAngle, Recording, Side, Source, Subject, TestKind, Zero
from analysis.muscles import MuscleGroup
from records.store import Store

SUBJECT = {"code": "P001", "sex": "female", "body_mass_kg": 61.0, "height_m": 1.68}
IMU_HEADER = "time_s,acc_x_m_s2,acc_y_m_s2,acc_z_m_s2,gyr_x_rad_s,gyr_y_rad_s,gyr_z_rad_s"


def manifest(streams: list[dict[str, Any]], **changes: object) -> dict[str, Any]:
    return {
        "format": "catchangle-recording",
        "version": 1,
        "muscle_group": "elbow_flexors",
        "side": "left",
        "test": "passive_stretch",
        "started_at": "2026-01-31T10:00:00+01:00",
        "subject": SUBJECT,
        "streams": streams,
        **changes,
    }


def write_table(path: Path, header: str, values: np.ndarray) -> Path:
    rows = [",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in values]
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def movement(time_s: np.ndarray) -> np.ndarray:
    """One slow extension of the elbow from 120 to 20 degrees and back, then a fast one."""
    slow = 100.0 * np.clip((time_s - 1.0) / 2.5, 0, 1) - 100.0 * np.clip((time_s - 5.0) / 1.5, 0, 1)
    fast = 100.0 * np.clip((time_s - 7.5) / 0.4, 0, 1)
    return 120.0 - slow - fast


def write_angle(path: Path, *, rate_hz: float = 100.0, offset_deg: float = 0.0, lag_s: float = 0.0) -> Path:
    time_s = np.arange(0.0, 10.0, 1.0 / rate_hz)
    return write_table(path, "time_s,angle_deg", np.c_[time_s, movement(time_s - lag_s) + offset_deg])


def write_imu(path: Path, *, rate_hz: float = 100.0) -> Path:
    time_s = np.arange(0.0, 10.0, 1.0 / rate_hz)
    rng = np.random.default_rng(len(path.name))
    acc = np.array([0.0, 0.0, 9.81]) + rng.normal(scale=0.02, size=(time_s.size, 3))
    return write_table(path, IMU_HEADER, np.c_[time_s, acc, rng.normal(scale=0.002, size=acc.shape)])


def write_force(path: Path, *, moment: bool = False) -> Path:
    time_s = np.arange(0.0, 10.0, 0.01)
    if not moment:
        return write_table(path, "time_s,force_N", np.c_[time_s, np.sin(time_s)])
    return write_table(path, "time_s,force_N,moment_Nm", np.c_[time_s, np.sin(time_s), np.cos(time_s)])


def make_folder(path: Path, streams: list[dict[str, Any]], **changes: object) -> Path:
    """Write a recording folder whose named stream files all exist."""
    path.mkdir(parents=True)
    writers = {"angle": write_angle, "imu": write_imu, "force": write_force}
    for stream in streams:
        if stream["kind"] in writers:
            writers[stream["kind"]](path / stream["file"])
    (path / "recording.json").write_text(json.dumps(manifest(streams, **changes)), encoding="utf-8")
    return path


ANGLE_STREAM = {"kind": "angle", "file": "angle.csv"}
FORCE_STREAM = {"kind": "force", "file": "force.csv", "lever_m": 0.25}


def planted_assessment(*, r1_deg: float = 63.0) -> Assessment:
    time_s = np.arange(0.0, 10.0, 0.005)
    angle_deg = movement(time_s)
    angle_deg[100:120] = np.nan
    angle = JointAngle(
        time_s=time_s,
        angle_deg=angle_deg,
        sd_deg=np.full(time_s.shape, 0.7),
        source=Source.IMU,
        zero=Zero.REFERENCE_POSE,
        bandwidth_hz=100.0,
    )
    recording = Recording(
        muscle_group=MuscleGroup.ELBOW_FLEXORS,
        side=Side.LEFT,
        test=TestKind.PASSIVE_STRETCH,
        subject=Subject(code="P001"),
        angle=angle,
    )
    slow = Stretch(
        start_s=1.0, peak_s=2.0, end_s=3.5, start_deg=120, end_deg=20, peak_velocity_deg_s=40, velocity=VelocityClass.V1
    )
    fast = Stretch(
        start_s=7.5,
        peak_s=7.7,
        end_s=7.9,
        start_deg=120,
        end_deg=60,
        peak_velocity_deg_s=250,
        velocity=VelocityClass.V3,
    )
    catch = Catch(
        time_s=7.74,
        angle_deg=r1_deg,
        stretch_deg=120 - r1_deg,
        angle_interval95_deg=(r1_deg - 2, r1_deg + 2),
        probability=0.97,
        method="force",
    )
    resistance = Resistance(
        peak_Nm=4.0,
        peak_excess_Nm=3.0,
        work_J=float("nan"),
        stiffness_Nm_per_rad=None,
        viscosity_Nms_per_rad=0.123456,
        kind="force",
    )
    curve = ResistanceCurve(
        stretch_deg=np.linspace(0, 60, 81), resistance_Nm=np.linspace(0, 4, 81), healthy_Nm=np.linspace(0, 1, 81)
    )
    return Assessment(
        recording=recording,
        stretches=(
            StretchFinding(stretch=slow, catch=None, resistance=None),
            StretchFinding(stretch=fast, catch=catch, resistance=resistance, quality=("too slow",)),
        ),
        curves=(None, curve),
        tardieu=Tardieu(r1_deg=r1_deg, r2_deg=20.0, spasticity_angle_deg=r1_deg - 20, x=2),
        threshold=Threshold(tsrt_deg=70.0, mu_s=0.05, tsrt_ci95_deg=(60.0, 80.0), n=4),
        pendulum=None,
        grade=Grade(probabilities={"0": 0.01, "1": 0.3, "1+": 0.62, "2": 0.05, "3": 0.02, "4": 0.0}, set90=("1", "1+")),
        warnings=("no EMG",),
    )


@pytest.fixture(name="make_folder", scope="session")
def make_folder_fixture() -> Callable[..., Path]:
    """Write a recording folder: path, streams, changes of recording.json."""
    return make_folder


@pytest.fixture(name="write_angle", scope="session")
def write_angle_fixture() -> Callable[..., Path]:
    """Write the planted movement as an angle table."""
    return write_angle


@pytest.fixture(name="write_table", scope="session")
def write_table_fixture() -> Callable[[Path, str, np.ndarray], Path]:
    """Write numbers as CSV, NaN as an empty cell."""
    return write_table


@pytest.fixture(name="write_force", scope="session")
def write_force_fixture() -> Callable[..., Path]:
    """Write a planted force table."""
    return write_force


@pytest.fixture(name="movement", scope="session")
def movement_fixture() -> Callable[[np.ndarray], np.ndarray]:
    """Return the planted movement at given times."""
    return movement


@pytest.fixture(name="planted_assessment", scope="session")
def planted_assessment_fixture() -> Callable[..., Assessment]:
    """Make an assessment by hand; R1 can be chosen."""
    return planted_assessment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a recording folder with an angle and a force."""
    return make_folder(tmp_path / "exam 1", [ANGLE_STREAM, FORCE_STREAM])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an open, empty store."""
    with Store.open(tmp_path / "home") as opened:
        yield opened
