"""From where the pose model puts a landmark to the centre of the joint beneath it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capture.landmarks import POSE_LANDMARKS
from capture.patient import torso

__all__ = ["JointCentreParams", "joint_centres"]

Points = NDArray[np.float64]

_LEFT, _RIGHT = POSE_LANDMARKS.index("left_shoulder"), POSE_LANDMARKS.index("right_shoulder")


@dataclass(frozen=True, slots=True, kw_only=True)
class JointCentreParams:
    """Where the centres of the shoulders lie, seen from BlazePose's landmarks.

    Measured by us with the heavy model on 616 pictures of 14 bodies of a free parametric model (Anny), rendered from
    within 28 deg of the side, sitting and lying (docs/methods/video_angle.md); the standard deviation between bodies
    is in brackets.

    Attributes
    ----------
    below
        The centres lie so far below the landmarks, towards the hips, relative to the trunk's length (0.02).
    outward
        ... and so much farther apart than these, relative to half of their distance in the image.
    """

    below: float = 0.06
    outward: float = 0.12


def joint_centres(xy_px: Points, params: JointCentreParams = JointCentreParams()) -> Points:
    """Move the shoulders of landmarks, shape (n, 33, 2), to the joints' centres; NaN stays."""
    _, trunk = torso(xy_px)
    apart = (xy_px[:, _LEFT] - xy_px[:, _RIGHT]) / 2.0
    moved = xy_px.copy()
    moved[:, _LEFT] += params.outward * apart - params.below * trunk
    moved[:, _RIGHT] -= params.outward * apart + params.below * trunk
    return moved
