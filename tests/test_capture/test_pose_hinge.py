"""The hinge, its picture and its course against limbs that were drawn: their angle is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.model import Side
from analysis.muscles import Joint
from capture.imaging import PolarGrid, sample_polar
from capture.landmarks import POSE_LANDMARKS
from capture.limb import fit_hinge
from capture.plane import check_plane
from capture.registration import RegistrationParams, angle_costs, hinge_offset, learn_template
from capture.smoothing import best_course, smooth

CENTRE = np.array([100.0, 90.0])
LENGTH = 60.0
PARAMS = RegistrationParams()
TEXTURE = np.random.default_rng(3).uniform(60, 200, (200, 200))


def _row(name: str) -> int:
    return POSE_LANDMARKS.index(name)


def _poses(flexion_deg: NDArray[np.float64], rng: np.random.Generator, noise_px: float) -> NDArray[np.float64]:
    """Landmarks of a person whose left elbow bends clockwise in the image, the upper arm hanging from (100, 30)."""
    xy = rng.uniform(0, 200, (len(flexion_deg), 33, 2))
    xy[:, _row("left_elbow")] = CENTRE
    xy[:, _row("left_shoulder")] = CENTRE - [0.0, 60.0]
    turned = np.radians(90.0 - flexion_deg)  # straight: the forearm hangs down
    xy[:, _row("left_wrist")] = CENTRE + LENGTH * np.stack([np.cos(turned), np.sin(turned)], axis=-1)
    return np.asarray(xy + rng.normal(0, noise_px, xy.shape))


def test_the_hinge_is_found_among_swapped_limbs() -> None:
    rng = np.random.default_rng(1)
    flexion = np.linspace(10, 120, 60)
    xy = _poses(flexion, rng, 1.5)
    swapped = np.arange(60) % 4 == 0
    for name in ("shoulder", "elbow", "wrist"):
        left, right = _row(f"left_{name}"), _row(f"right_{name}")
        xy[swapped, left], xy[swapped, right] = xy[swapped, right].copy(), xy[swapped, left].copy()
    hinge = fit_hinge(xy, np.full((60, 33), 0.9), joint=Joint.ELBOW, side=Side.LEFT)
    assert hinge is not None
    assert np.hypot(*(hinge.centre_px - CENTRE)) < 1.5
    assert hinge.length_px == pytest.approx(LENGTH, abs=1.5)
    assert np.nanmax(np.abs(hinge.flexion_deg - flexion)) < 8.0
    assert hinge.swapped[swapped].all()
    assert not hinge.swapped[~swapped].any()


def test_no_hinge_where_nothing_agrees() -> None:
    rng = np.random.default_rng(2)
    xy = rng.uniform(0, 2000, (12, 33, 2))
    hinge = fit_hinge(xy, np.full((12, 33), 0.9), joint=Joint.KNEE, side=Side.LEFT)
    assert hinge is None or hinge.agreeing < 0.5


def _draw(flexion_deg: float, centre: NDArray[np.float64] = CENTRE) -> NDArray[np.uint8]:
    """Picture of a patterned bar that turns about a centre before a patterned wall."""
    y, x = np.mgrid[0:200, 0:200].astype(float)
    direction = np.radians(90.0 - flexion_deg)
    along = (x - centre[0]) * np.cos(direction) + (y - centre[1]) * np.sin(direction)
    across = -(x - centre[0]) * np.sin(direction) + (y - centre[1]) * np.cos(direction)
    limb = (along > -8) & (along < LENGTH) & (np.abs(across) < 9)
    skin = 150 + 40 * np.sin(along / 5.0) + 4 * across
    picture = np.where(limb, skin, TEXTURE * 0.5)
    return np.clip(picture, 0, 255).astype(np.uint8)[..., None]


def _grid(flexion_deg: NDArray[np.float64], centre: NDArray[np.float64] = CENTRE) -> PolarGrid:
    return PolarGrid(
        centre_px=centre,
        radius_px=np.linspace(*PARAMS.radius_range, PARAMS.n_radii) * LENGTH,
        direction_deg=90.0 - flexion_deg,
    )


def _pictures(angles: NDArray[np.float64], grid: PolarGrid) -> NDArray[np.float32]:
    return np.stack([sample_polar(_draw(a), grid).reshape(PARAMS.n_radii, -1, 1) for a in angles])


def test_registration_follows_a_fast_stretch_that_was_never_posed() -> None:
    rng = np.random.default_rng(4)
    grid_deg = np.arange(-40.0, 171.0)
    grid = _grid(grid_deg)
    posed = np.linspace(10, 120, 30)
    template, _ = learn_template(_pictures(posed, grid), posed + rng.normal(0, 4, 30), grid_deg, PARAMS)
    time_s = np.arange(40) / 60.0
    truth = 120.0 - 110.0 / (1 + np.exp(-(time_s - 0.33) * 18.0))  # 500 deg/s at its fastest
    columns = np.arange(PARAMS.half_width_deg, len(grid_deg) - PARAMS.half_width_deg)
    costs = np.stack([angle_costs(p, template, columns, PARAMS) for p in _pictures(truth, grid)])
    course, sd = best_course(costs, time_s, grid_deg[columns])
    smoothed, _ = smooth(time_s, course, np.maximum(sd, 0.4))
    error = smoothed - truth
    assert np.abs(error - np.median(error)).max() < 2.5
    peak = np.abs(np.gradient(smoothed, time_s)).max()
    assert peak == pytest.approx(np.abs(np.gradient(truth, time_s)).max(), rel=0.1)


def test_the_picture_corrects_a_misplaced_centre() -> None:
    grid_deg = np.arange(-40.0, 171.0)
    wrong = np.add(CENTRE, [2.0, -2.0])
    grid = _grid(grid_deg, wrong)
    posed = np.linspace(5, 125, 40)
    pictures = _pictures(posed, grid)
    template, angle = learn_template(pictures, posed, grid_deg, PARAMS)
    offset = hinge_offset(
        pictures,
        angle,
        grid_deg,
        direction_deg=90.0 - angle,
        radius=grid.radius_px / LENGTH,
        template=template,
        moved=np.zeros(2),
        params=PARAMS,
    )
    left = np.hypot(*(wrong + offset * LENGTH - CENTRE))
    assert left < 0.75 * np.hypot(2.0, 2.0)


def test_smoothing_keeps_time_and_bridges_gaps() -> None:
    time_s = np.arange(120) / 60.0
    truth = 60 + 50 * np.sin(2 * np.pi * 0.8 * time_s)
    seen = truth + np.random.default_rng(5).normal(0, 1.0, 120)
    seen[50:54] = np.nan
    smoothed, sd = smooth(time_s, seen, np.full(120, 1.0))
    assert np.abs(smoothed - truth)[5:-5].max() < 4.0
    assert sd[52] > 1.5 * sd[30]


@pytest.mark.parametrize(("yaw_deg", "flagged"), [(0.0, False), (25.0, False), (75.0, True)])
def test_a_movement_off_the_image_plane_is_flagged(yaw_deg: float, *, flagged: bool) -> None:
    flexion = np.radians(np.linspace(20, 110, 40))
    world = np.zeros((40, 33, 3))
    world[:, _row("left_shoulder")] = [0.0, -0.3, 0.0]
    world[:, _row("left_wrist")] = 0.27 * np.stack([np.sin(flexion), np.cos(flexion), np.zeros(40)], axis=-1)
    yaw = np.radians(yaw_deg)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    seen = world @ turn.T
    check = check_plane(seen, 200 * seen[..., :2], joint=Joint.ELBOW, side=Side.LEFT)
    assert check.tilt_deg == pytest.approx(yaw_deg, abs=1.0)
    assert check.off_plane == flagged
    turned_away = check_plane(seen, 200 * seen[..., :2], joint=Joint.ELBOW, side=Side.LEFT, trunk_deg=60.0)
    assert turned_away.off_plane
