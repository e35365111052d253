"""Poses found in a mirror are turned and named back, and a hinge lies half way between them and the others."""

import numpy as np
import pytest

from analysis.model import Side
from analysis.muscles import Joint
from capture.joint_centres import JointCentreParams, joint_centres
from capture.landmarks import POSE_LANDMARKS
from capture.limb import fit_hinge
from capture.patient import torso
from capture.pose_model import Pose
from capture.upright import View

LEFT = {name: POSE_LANDMARKS.index(f"left_{name}") for name in ("shoulder", "elbow", "wrist", "hip")}
RIGHT = {name: POSE_LANDMARKS.index(f"right_{name}") for name in ("shoulder", "elbow", "wrist", "hip")}


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_point_of_a_view_is_mapped_back_to_where_it_was(turns: int, *, mirrored: bool) -> None:
    image = np.zeros((50, 80, 3), dtype=np.uint8)
    x, y = 37, 21
    image[y, x] = 255
    view = View(x_px=10, y_px=-5, width_px=60, height_px=40, turns=turns, mirrored=mirrored)
    rows, columns = np.nonzero(view.cut(image)[..., 0])
    found = view.back(np.array([[columns[0], rows[0]]], dtype=np.float64), image)
    np.testing.assert_allclose(found, [[x, y]])


def test_left_and_right_are_exchanged_for_a_person_in_a_mirror() -> None:
    xy = np.arange(66, dtype=np.float64).reshape(33, 2)
    world = np.ones((33, 3))
    pose = Pose(xy_px=xy, confidence=np.linspace(0, 1, 33), world_m=world).seen_in_mirror()
    np.testing.assert_array_equal(pose.xy_px[LEFT["wrist"]], xy[RIGHT["wrist"]])
    np.testing.assert_array_equal(pose.xy_px[POSE_LANDMARKS.index("mouth_left")], xy[10])
    np.testing.assert_array_equal(pose.xy_px[0], xy[0])
    np.testing.assert_array_equal(pose.world_m[:, 0], -world[:, 0])
    np.testing.assert_array_equal(pose.seen_in_mirror().xy_px, xy)


def test_a_hinge_lies_half_way_between_poses_that_a_mirror_moved_apart() -> None:
    mirrored = np.arange(40) % 4 == 0  # not as many as the others
    angle = np.radians(np.linspace(100.0, 10.0, 40))
    xy = np.zeros((40, 33, 2))
    xy[:, LEFT["shoulder"]] = [100.0, 30.0]
    xy[:, LEFT["elbow"]] = [100.0, 100.0]
    xy[:, LEFT["wrist"]] = np.stack([100.0 + 60.0 * np.sin(angle), 100.0 + 60.0 * np.cos(angle)], axis=1)
    xy[mirrored, LEFT["shoulder"]] += [4.0, 0.0]
    xy[:, RIGHT["elbow"]] = [900.0, 900.0]
    hinge = fit_hinge(xy, np.full((40, 33), 0.9), joint=Joint.ELBOW, side=Side.LEFT, mirrored=mirrored)
    assert hinge is not None
    np.testing.assert_allclose(hinge.reference_px, [102.0, 30.0])
    np.testing.assert_allclose(hinge.centre_px, [100.0, 100.0])


def test_shoulders_are_moved_towards_the_hips_and_apart_and_nothing_else_is() -> None:
    xy = np.random.default_rng(1).normal(200.0, 30.0, (3, 33, 2))
    xy[:, LEFT["shoulder"]], xy[:, RIGHT["shoulder"]] = [110.0, 50.0], [90.0, 50.0]
    xy[:, LEFT["hip"]], xy[:, RIGHT["hip"]] = [105.0, 150.0], [95.0, 150.0]
    xy[2] = np.nan
    moved = joint_centres(xy, JointCentreParams(below=0.1, outward=0.2))
    np.testing.assert_allclose(moved[0, [LEFT["shoulder"], RIGHT["shoulder"]]], [[112.0, 60.0], [88.0, 60.0]])
    others = [k for k in range(33) if k not in {LEFT["shoulder"], RIGHT["shoulder"]}]
    np.testing.assert_array_equal(moved[:, others], xy[:, others])
    assert np.isnan(moved[2]).all()
    np.testing.assert_allclose(np.hypot(*torso(moved[0])[1]), 90.0)
