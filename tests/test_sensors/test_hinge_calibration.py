"""Guided calibration: axes, direction and zero of planted hinges, carried over to what is recorded afterwards."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.errors import DataError
from analysis.model import ReferencePose, Zero
from sensors.calibration import HingeCalibration, calibrate_hinge, pose_by_gravity
from sensors.errors import SensorError
from sensors.joint_angle import angle_from_imus
from sensors.live_angle import LiveHingeAngle
from sensors.packets import Role
from sensors.samples import ImuSamples

SLOW = ((60.0, 2.0), (-60.0, 2.0)) * 3
EXAM = ((-15.0, 1.0), (70.0, 3.0), (-70.0, 2.0), (70.0, 0.4), (-70.0, 2.0))
SPLIT_S = 16.1
Streams = tuple[ImuSamples, ImuSamples]


def part(samples: ImuSamples, keep: np.ndarray) -> ImuSamples:
    return ImuSamples(time_s=samples.time_s[keep], acc_m_s2=samples.acc_m_s2[keep], gyr_rad_s=samples.gyr_rad_s[keep])


@pytest.fixture(scope="module")
def recorded(plant: Callable[..., Any]) -> Any:  # noqa: ANN401 (what the suite's own fixture plants)
    """Six slow flexions, then an exam that begins with an extension."""
    return plant(
        movements=SLOW + EXAM, rest_s=0.6, axis=(0.7, 0.5, 0.3), proximal_deg=8.0, proximal_axis=(0.6, 0.2, 0.5)
    )


@pytest.fixture(scope="module")
def early(recorded: Any) -> Streams:  # noqa: ANN401
    return part(recorded.proximal, recorded.proximal.time_s < SPLIT_S), part(
        recorded.distal, recorded.distal.time_s < SPLIT_S
    )


@pytest.fixture(scope="module")
def late(recorded: Any) -> Streams:  # noqa: ANN401
    return part(recorded.proximal, recorded.proximal.time_s >= SPLIT_S), part(
        recorded.distal, recorded.distal.time_s >= SPLIT_S
    )


@pytest.fixture(scope="module")
def calibration(recorded: Any, early: Streams) -> HingeCalibration:  # noqa: ANN401
    pose = ReferencePose(time_s=0.3, angle_deg=float(recorded.truth(np.array([0.3]))[0]))
    return calibrate_hinge(*early, pose=pose)


def test_it_gives_sign_and_zero_to_an_exam_that_begins_the_other_way(
    recorded: Any,  # noqa: ANN401
    late: Streams,
    calibration: HingeCalibration,
) -> None:
    pose = pose_by_gravity(*late, calibration)
    assert pose.angle_deg == pytest.approx(float(recorded.truth(np.array([pose.time_s]))[0]), abs=3.0)
    found = angle_from_imus(*late, stretch_sign=1, hinge=calibration.hinge, reference_pose=pose).angle
    assert found.zero is Zero.REFERENCE_POSE
    error = found.angle_deg - recorded.truth(found.time_s)
    assert np.sqrt(np.nanmean(error**2)) < 3.5
    assert np.sqrt(np.nanmean((error - np.nanmedian(error)) ** 2)) < 1.0


def test_the_live_angle_is_ready_at_once(recorded: Any, late: Streams, calibration: HingeCalibration) -> None:  # noqa: ANN401
    live = LiveHingeAngle(hinge=calibration.hinge)
    for role, stream in ((Role.PROXIMAL, late[0]), (Role.DISTAL, late[1])):
        found = live.update(role, stream.time_s, stream.acc_m_s2, stream.gyr_rad_s)
    assert np.isfinite(found.angle_deg[100])
    seen = np.isfinite(found.angle_deg)
    assert np.corrcoef(found.angle_deg[seen], recorded.truth(found.time_s[seen]))[0, 1] > 0.99


def test_it_says_what_it_improved(calibration: HingeCalibration) -> None:
    assert calibration.axis_sd_deg < calibration.axis_sd_first_deg
    assert calibration.axis_sd_deg < 6.0
    assert calibration.zero_sd_deg < 6.0


def test_it_survives_json(calibration: HingeCalibration) -> None:
    assert HingeCalibration.from_plain(json.loads(json.dumps(calibration.to_plain()))) == calibration
    plain = calibration.to_plain()
    del plain["axis_distal"]
    with pytest.raises(DataError, match="axis_distal"):
        HingeCalibration.from_plain(plain)
    with pytest.raises(DataError, match="unit vector"):
        HingeCalibration.from_plain({**calibration.to_plain(), "axis_distal": [0.0, 2.0, 0.0]})


def test_without_a_posture_there_is_no_zero(early: Streams) -> None:
    calibration = calibrate_hinge(*early)
    assert "zero_deg" not in calibration.to_plain()
    with pytest.raises(SensorError, match="known posture"):
        pose_by_gravity(*early, calibration)
