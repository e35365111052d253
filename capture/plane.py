"""How far a limb's movement is from the image plane: an angle in an image is only true in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.model import Side
from analysis.muscles import Joint
from capture.anatomy import limb_vectors

__all__ = ["PlaneCheck", "PlaneParams", "check_plane"]

Points = NDArray[np.float64]


_TWO_BONES = (Joint.ELBOW, Joint.KNEE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneParams:
    """When a movement is off the image plane.

    Attributes
    ----------
    max_trunk_deg
        Angle between the trunk's sagittal plane and the image plane, by how far apart both shoulders and both hips
        appear, from which on a limb that moves in the sagittal plane is flagged. In 224 renderings of 8 bodies it
        read below 41 deg in nine of ten within 30 deg of the side, and above 51 deg in nine of ten beyond 45 deg
        (chosen by us).
    max_tilt_deg
        Angle between the plane of movement and the image plane, by the pose model's guess of depth, from which on a
        recording is flagged. The guess is a hint only: in the same pictures it reached 68 deg for limbs filmed within
        30 deg of the plane, so that the limit lies beyond that (chosen by us).
    max_shortening
        Change of the moved segment's length in the image over the recording, 1 - shortest / longest (chosen by us).
    length_ratio
        Length of the moved segment over the resting one's in the image that is anatomically possible in the plane, for
        elbow and knee; forearm and shank measure 0.8 to 1.0 of upper arm and thigh (de Leva 1996,
        doi:10.1016/0021-9290(95)00178-6), with a margin (chosen by us).
    bent_deg
        Poses whose limb is at least so far from straight define the plane of movement (chosen by us).
    """

    max_trunk_deg: float = 45.0
    max_tilt_deg: float = 70.0
    max_shortening: float = 0.35
    length_ratio: tuple[float, float] = (0.5, 1.6)
    bent_deg: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneCheck:
    """What is known about the plane of movement.

    Attributes
    ----------
    tilt_deg
        Angle between the plane of movement and the image plane by the pose model's three-dimensional guess, NaN where
        the limb never bends.
    trunk_deg
        Angle between the trunk's sagittal plane and the image plane, NaN where it does not matter.
    shortening
        Change of the moved segment's length in the image, 0 (none) to 1.
    off_plane
        Whether a limit is exceeded.
    """

    tilt_deg: float
    trunk_deg: float
    shortening: float
    off_plane: bool


def check_plane(
    world_m: Points,
    xy_px: Points,
    *,
    joint: Joint,
    side: Side,
    trunk_deg: float = float("nan"),
    params: PlaneParams = PlaneParams(),
) -> PlaneCheck:
    """Estimate the tilt of the plane of movement from poses that agree, shape (n, 33, 3) and (n, 33, 2).

    `trunk_deg` is the tilt of the sagittal plane against the image plane, for limbs that move in it.
    """
    reference, moved = limb_vectors(world_m, joint=joint, side=side)
    normal = np.cross(reference, moved)
    area = np.linalg.norm(normal, axis=1)
    sine = area / np.maximum(np.linalg.norm(reference, axis=1) * np.linalg.norm(moved, axis=1), 1e-9)
    bent = sine > np.sin(np.radians(params.bent_deg))
    tilt = float("nan")
    if bent.any():
        tilt = float(np.median(np.degrees(np.arccos(np.clip(np.abs(normal[bent, 2]) / area[bent], 0.0, 1.0)))))
    resting, moving = limb_vectors(xy_px, joint=joint, side=side)
    length = np.hypot(*moving.T)
    ratio = float(np.median(length) / max(float(np.median(np.hypot(*resting.T))), 1e-9))
    unlike = joint in _TWO_BONES and not params.length_ratio[0] < ratio < params.length_ratio[1]
    low, high = np.percentile(length, [10, 90])
    shortening = float(1.0 - low / max(high, 1e-9))
    return PlaneCheck(
        tilt_deg=tilt,
        trunk_deg=trunk_deg,
        shortening=shortening,
        off_plane=bool(
            unlike
            or tilt > params.max_tilt_deg
            or trunk_deg > params.max_trunk_deg
            or shortening > params.max_shortening
        ),
    )
