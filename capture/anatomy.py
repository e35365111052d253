"""Which landmarks make up a joint, and how its angle follows from them in the image plane."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from analysis.model import Side
from analysis.muscles import Joint
from capture.landmarks import POSE_LANDMARKS

__all__ = ["JOINTS", "JointGeometry", "LimbPoints", "limb_points", "limb_vectors", "other_side", "turn_deg", "wrap_deg"]

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointGeometry:
    """How one joint is read off landmarks; names without their side, ``other_`` for the opposite side.

    Attributes
    ----------
    reference
        The resting direction runs from the first to the second of these points (averages of those named).
    joint
        Centre of rotation.
    moved
        The moved direction runs from the first to the second of these points.
    zero_deg
        Unsigned angle between the two directions at the anatomical position. Flexion (dorsiflexion, abduction) is
        `zero_deg` minus the angle.
    signed_by_stretch
        Whether the picture does not tell which way is flexion (the palm's side), so that the first large movement does.
    range_deg
        Flexion that is anatomically possible, with a margin (chosen by us after the ranges of the American Academy of
        Orthopaedic Surgeons).
    """

    reference: tuple[tuple[str, ...], tuple[str, ...]]
    joint: tuple[str, ...]
    moved: tuple[tuple[str, ...], tuple[str, ...]]
    zero_deg: float
    signed_by_stretch: bool
    range_deg: tuple[float, float]


JOINTS = MappingProxyType(
    {
        Joint.ELBOW: JointGeometry(
            reference=(("elbow",), ("shoulder",)),
            joint=("elbow",),
            moved=(("elbow",), ("wrist",)),
            zero_deg=180.0,
            signed_by_stretch=False,
            range_deg=(-30.0, 165.0),
        ),
        Joint.WRIST: JointGeometry(
            reference=(("wrist",), ("elbow",)),
            joint=("wrist",),
            moved=(("wrist",), ("index", "pinky")),
            zero_deg=180.0,
            signed_by_stretch=True,
            range_deg=(-100.0, 110.0),
        ),
        Joint.KNEE: JointGeometry(
            reference=(("knee",), ("hip",)),
            joint=("knee",),
            moved=(("knee",), ("ankle",)),
            zero_deg=180.0,
            signed_by_stretch=False,
            range_deg=(-30.0, 165.0),
        ),
        Joint.ANKLE: JointGeometry(
            reference=(("ankle",), ("knee",)),
            joint=("ankle",),
            moved=(("heel",), ("foot_index",)),
            zero_deg=90.0,
            signed_by_stretch=False,
            range_deg=(-80.0, 60.0),
        ),
        Joint.HIP: JointGeometry(
            reference=(("other_hip",), ("hip",)),
            joint=("hip",),
            moved=(("hip",), ("knee",)),
            zero_deg=90.0,
            signed_by_stretch=False,
            range_deg=(-50.0, 90.0),
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimbPoints:
    """The points of one limb in many poses.

    Attributes
    ----------
    joint_px, reference_px, moved_px
        Centre of rotation, resting direction and moved direction (both as vectors), shape (n, 2).
    confidence
        The least confidence of the landmarks involved, shape (n,).
    """

    joint_px: Points
    reference_px: Points
    moved_px: Points
    confidence: Points

    def outside(self, width: float, height: float) -> NDArray[np.bool_]:
        """Whether the joint or an end of the limb lies outside of a picture, shape (n,); False for NaN."""
        points = np.stack([self.joint_px, self.joint_px + self.reference_px, self.joint_px + self.moved_px])
        return np.asarray(((points < 0) | (points > np.array([width, height]))).any(axis=(0, 2)))


def other_side(side: Side) -> Side:
    """Return the opposite side."""
    return Side.LEFT if side is Side.RIGHT else Side.RIGHT


def limb_points(xy_px: Points, confidence: Points, *, joint: Joint, side: Side) -> LimbPoints:
    """Pick the limb's points from landmarks of shape (n, 33, 2) and their confidence of shape (n, 33)."""
    geometry = JOINTS[joint]
    reference, moved = limb_vectors(xy_px, joint=joint, side=side)
    used = [*geometry.reference, geometry.joint, *geometry.moved]
    rows = sorted({row for names in used for row in _rows(names, side)})
    return LimbPoints(
        joint_px=_at(xy_px, geometry.joint, side),
        reference_px=reference,
        moved_px=moved,
        confidence=confidence[:, rows].min(axis=1),
    )


def limb_vectors(points: Points, *, joint: Joint, side: Side) -> tuple[Points, Points]:
    """Resting and moved direction of a limb, of landmarks of shape (n, 33, d), as vectors of shape (n, d)."""
    geometry = JOINTS[joint]
    start, end = geometry.reference
    near, far = geometry.moved
    return (
        _at(points, end, side) - _at(points, start, side),
        _at(points, far, side) - _at(points, near, side),
    )


def _at(points: Points, names: tuple[str, ...], side: Side) -> Points:
    return np.asarray(points[:, _rows(names, side)].mean(axis=1))


def _rows(names: tuple[str, ...], side: Side) -> list[int]:
    return [
        POSE_LANDMARKS.index(
            f"{other_side(side)}_{name.removeprefix('other_')}" if name.startswith("other_") else f"{side}_{name}"
        )
        for name in names
    ]


def turn_deg(start: Points, end: Points) -> Points:
    """Angle from one direction to another in the image, -180 to 180, positive clockwise as seen (y runs down)."""
    cross = start[..., 0] * end[..., 1] - start[..., 1] * end[..., 0]
    dot = start[..., 0] * end[..., 0] + start[..., 1] * end[..., 1]
    return np.asarray(np.degrees(np.arctan2(cross, dot)))


def wrap_deg(angle_deg: Points) -> Points:
    """Bring angles into -180 to 180."""
    return np.asarray((np.asarray(angle_deg) + 180.0) % 360.0 - 180.0)
