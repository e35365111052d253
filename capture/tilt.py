"""The camera's yaw and pitch against the sagittal plane, and the angle that it would have seen from the side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capture.anatomy import turn_deg, wrap_deg
from capture.landmarks import POSE_LANDMARKS
from capture.patient import torso

__all__ = ["Tilt", "TiltParams", "corrected_flexion", "sagittal_tilt"]

Points = NDArray[np.float64]

_PAIRS = {
    name: [POSE_LANDMARKS.index(f"left_{name}"), POSE_LANDMARKS.index(f"right_{name}")] for name in ("shoulder", "hip")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TiltParams:
    """What a trunk measures, and how far it is believed.

    Attributes
    ----------
    shoulders, hips
        Distance between the joints' centres of both sides relative to the trunk's length: 0.34 m between shoulders and
        0.175 m between hips (regressions for the hip: Bell 1990, doi:10.1016/0021-9290(90)90054-7) on a trunk of
        0.288 of the stature (Drillis and Contini 1966), here 0.49 m.
    max_tilt_deg
        Larger tilts are not corrected further: the correction of a foreshortened limb multiplies its errors (chosen by
        us).
    """

    shoulders: float = 0.69
    hips: float = 0.36
    max_tilt_deg: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tilt:
    """How a plane is seen: shortened along `axis_deg` (in the image, clockwise from the x axis) by cos `tilt_deg`.

    `seen_deg` is the tilt before it was limited to what is corrected.
    """

    tilt_deg: float
    axis_deg: float
    seen_deg: float = float("nan")

    def unfold(self, direction_deg: Points) -> Points:
        """Direction in the plane, as a vector, of a direction in the image; shape (..., 2)."""
        angle = np.radians(direction_deg - self.axis_deg)
        return np.stack([np.cos(angle) / np.cos(np.radians(self.tilt_deg)), np.sin(angle)], axis=-1)


def sagittal_tilt(xy_px: Points, params: TiltParams = TiltParams()) -> Tilt:
    """Estimate how the sagittal plane is tilted from how far apart both shoulders, and both hips, appear.

    Seen exactly from the side they coincide. Landmarks of shape (n, 33, 2), without NaN.
    """
    length = float(np.median(np.hypot(*torso(xy_px)[1].T)))
    apart = [
        np.median(xy_px[:, left] - xy_px[:, right], axis=0) / (share * max(length, 1e-9))
        for (left, right), share in ((_PAIRS["shoulder"], params.shoulders), (_PAIRS["hip"], params.hips))
    ]
    lateral = np.mean(apart, axis=0)
    tilt = float(np.degrees(np.arcsin(min(1.0, float(np.hypot(*lateral))))))
    return Tilt(
        tilt_deg=min(tilt, params.max_tilt_deg),
        axis_deg=float(np.degrees(np.arctan2(lateral[1], lateral[0]))),
        seen_deg=tilt,
    )


def corrected_flexion(
    direction_deg: Points, reference_deg: Points | float, tilt: Tilt, *, zero_deg: float, sense: int
) -> Points:
    """Angle of a joint in the tilted plane from the directions of its segments in the image."""
    reference = tilt.unfold(np.asarray(reference_deg))
    return wrap_deg(zero_deg - sense * turn_deg(reference, tilt.unfold(direction_deg)))
