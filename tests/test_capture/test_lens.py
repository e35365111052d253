"""A planted lens: what it bends is straight again, and the joint's angle is the true one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.errors import DataError
from capture.container import VideoWriter
from capture.encode import StampedImage
from capture.errors import CaptureError, VideoError
from capture.lens import Lens
from capture.straighten import straightener_for
from capture.video import VideoReader

WIDE = Lens(
    camera_matrix=((500.0, 0.0, 322.0), (0.0, 505.0, 236.0), (0.0, 0.0, 1.0)),
    distortion=(-0.28, 0.08, 0.001, -0.0005, 0.0),
    width_px=640,
    height_px=480,
)
Points = NDArray[np.float64]


def tilted(**tilt_deg: float) -> Lens:
    return Lens(camera_matrix=WIDE.camera_matrix, distortion=WIDE.distortion, width_px=640, height_px=480, **tilt_deg)


def limb(flexion_deg: Points) -> Points:
    """Shoulder, elbow and wrist in a plane one and a half metres ahead, in metres, shape (n, 3, 3)."""
    flexion = np.radians(flexion_deg)
    elbow = np.tile([0.35, 0.15, 1.5], (len(flexion), 1))
    shoulder = elbow + np.array([0.0, -0.3, 0.0])
    wrist = elbow + 0.25 * np.column_stack([np.sin(flexion), np.cos(flexion), np.zeros(len(flexion))])
    return np.stack([shoulder, elbow, wrist], axis=1)


def filmed(points_m: Points, lens: Lens) -> Points:
    """Pixels by the textbook: turn, project, bend (Brown and Conrady), scale."""
    seen = points_m @ lens.turn()
    x, y = seen[..., 0] / seen[..., 2], seen[..., 1] / seen[..., 2]
    k1, k2, p1, p2, k3 = lens.distortion
    r2 = x**2 + y**2
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    bent_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2)
    bent_y = y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y
    (fx, _, cx), (_, fy, cy), _ = lens.camera_matrix
    return np.stack([fx * bent_x + cx, fy * bent_y + cy], axis=-1)


def flexion_of(xy_px: Points) -> Points:
    upper, fore = xy_px[:, 1] - xy_px[:, 0], xy_px[:, 2] - xy_px[:, 1]
    cross = fore[:, 0] * upper[:, 1] - fore[:, 1] * upper[:, 0]
    return np.degrees(np.arctan2(cross, (upper * fore).sum(axis=1)))


@pytest.mark.parametrize("tilt", [{}, {"roll_deg": 12.0}, {"yaw_deg": 25.0, "pitch_deg": -8.0, "roll_deg": -5.0}])
def test_the_angle_behind_a_bent_and_tilted_picture_is_the_true_one(tilt: dict[str, float]) -> None:
    flexion = np.linspace(5.0, 120.0, 40)
    lens = tilted(**tilt)
    pixels = filmed(limb(flexion), lens)
    raw = flexion_of(pixels) - flexion
    straight = flexion_of(straightener_for(lens, 640, 480).straight(pixels)) - flexion
    assert np.abs(raw).max() > 1.5, "the planted lens matters"
    assert np.abs(straight).max() < 0.01


def test_a_picture_of_twice_the_size_needs_no_new_calibration() -> None:
    flexion = np.linspace(5.0, 120.0, 10)
    double = 2.0 * filmed(limb(flexion), WIDE) + 0.5
    assert np.abs(flexion_of(straightener_for(WIDE, 1280, 960).straight(double)) - flexion).max() < 0.01


@settings(max_examples=30)
@given(x=st.floats(0.0, 639.0), y=st.floats(0.0, 479.0), yaw_deg=st.floats(-30.0, 30.0), roll_deg=st.floats(-180, 180))
def test_points_come_back_and_all_of_the_picture_is_kept(x: float, y: float, yaw_deg: float, roll_deg: float) -> None:
    fitted = straightener_for(tilted(yaw_deg=yaw_deg, roll_deg=roll_deg), 640, 480)
    there = fitted.straight(np.array([[x, y], [np.nan, np.nan]]))
    assert (there[0] >= -0.5).all()
    assert (there[0] <= [639.5, 479.5]).all()
    np.testing.assert_allclose(fitted.filmed(there)[0], [x, y], atol=1e-3)
    assert np.isnan(there[1]).all()


def bent_wall() -> NDArray[np.uint8]:
    """Draw a white line that is straight in the world as the lens shows it."""
    picture = np.zeros((480, 640, 3), dtype=np.uint8)
    line = np.stack([np.full(4000, 0.5), np.linspace(-0.6, 0.6, 4000), np.ones(4000)], axis=-1)
    for x, y in filmed(line, WIDE):
        if 0 <= round(y) < 480:
            picture[round(y), max(0, round(x) - 1) : round(x) + 2] = 255
    return picture


def test_a_straight_edge_is_straight_again_in_the_frames_of_a_video(tmp_path: Path) -> None:
    wall = bent_wall()
    with VideoWriter(tmp_path / "wall.mp4", width=640, height=480) as writer:
        for k in range(3):
            writer.write(StampedImage(time_s=k / 30.0, rgb=wall))

    def bend_px(lens: Lens | None) -> float:
        with VideoReader(tmp_path / "wall.mp4", lens=lens) as reader:
            image = next(iter(reader.frames())).rgb()
        rows = [r for r in range(480) if image[r, :, 0].max() > 150]
        place = np.array([np.average(np.arange(640), weights=image[r, :, 0].astype(float) ** 2) for r in rows])
        return float(np.abs(place - np.polyval(np.polyfit(rows, place, 1), rows)).max())

    assert bend_px(None) > 4.0
    assert bend_px(WIDE) < 1.0


def test_a_calibration_of_another_picture_is_refused_with_both_sizes(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "tall.mp4", width=480, height=640) as writer:
        for k in range(2):
            writer.write(StampedImage(time_s=k / 30.0, rgb=np.zeros((640, 480, 3), dtype=np.uint8)))
    with VideoReader(tmp_path / "tall.mp4", lens=WIDE) as reader, pytest.raises(VideoError, match=r"640 x 480.*480 x"):
        next(iter(reader.frames()))


def test_a_calibration_that_folds_the_picture_is_refused() -> None:
    folding = Lens(camera_matrix=WIDE.camera_matrix, distortion=(-1.5, 0.0, 0.0, 0.0), width_px=640, height_px=480)
    with pytest.raises(CaptureError, match="edge"):
        straightener_for(folding, 640, 480)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"camera_matrix": ((1.0, 0.0), (0.0, 1.0))}, "3 x 3"),
        ({"camera_matrix": ((-1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0))}, "positive"),
        ({"distortion": (0.1, 0.2, 0.3)}, "coefficients"),
        ({"width_px": 0}, "size"),
        ({"yaw_deg": 80.0}, "yaw"),
        ({"roll_deg": float("nan")}, "roll"),
    ],
)
def test_what_is_no_calibration_is_refused(change: dict[str, object], message: str) -> None:
    whole = {"camera_matrix": WIDE.camera_matrix, "distortion": WIDE.distortion, "width_px": 640, "height_px": 480}
    with pytest.raises(DataError, match=message):
        Lens(**{**whole, **change})  # type: ignore[arg-type]
