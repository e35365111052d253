"""A camera that looks a little from the front or the back: planted yaw, known angle."""

import numpy as np
import pytest

from capture.landmarks import POSE_LANDMARKS
from capture.tilt import Tilt, TiltParams, corrected_flexion, sagittal_tilt


def _seen(flexion_deg: np.ndarray, yaw_deg: float) -> tuple[np.ndarray, float]:
    """Directions in the image of a forearm and of an upper arm (20 degrees off the vertical), seen under a yaw."""
    shorten = np.cos(np.radians(yaw_deg))
    upper = np.array([-np.sin(np.radians(20.0)) * shorten, -np.cos(np.radians(20.0))])
    turned = np.radians(-110.0 + 180.0 - flexion_deg)
    fore = np.stack([np.cos(turned) * shorten, np.sin(turned)], axis=-1)
    return np.degrees(np.arctan2(fore[:, 1], fore[:, 0])), float(np.degrees(np.arctan2(upper[1], upper[0])))


@pytest.mark.parametrize("yaw_deg", [0.0, 15.0, 28.0])
def test_the_angle_is_corrected_for_a_known_yaw(yaw_deg: float) -> None:
    flexion = np.linspace(5, 130, 40)
    direction, reference = _seen(flexion, yaw_deg)
    found = corrected_flexion(direction, reference, Tilt(tilt_deg=yaw_deg, axis_deg=180.0), zero_deg=180.0, sense=1)
    np.testing.assert_allclose(found, flexion, atol=1e-6)


def test_the_yaw_follows_from_how_far_apart_both_sides_appear() -> None:
    params = TiltParams()
    yaw = np.radians(20.0)
    xy = np.zeros((5, 33, 2))
    for name, y, share in (("shoulder", -100.0, params.shoulders), ("hip", 0.0, params.hips)):
        half = 0.5 * share * 100.0 * np.sin(yaw)
        xy[:, POSE_LANDMARKS.index(f"left_{name}")] = [half, y]
        xy[:, POSE_LANDMARKS.index(f"right_{name}")] = [-half, y]
    tilt = sagittal_tilt(xy, params)
    assert tilt.tilt_deg == pytest.approx(20.0, abs=0.1)
    assert tilt.axis_deg == pytest.approx(0.0, abs=0.1)
    assert tilt.seen_deg == pytest.approx(20.0, abs=0.1)
