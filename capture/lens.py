"""A camera's calibration: how its lens bends straight lines, and how the camera was tilted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError

__all__ = ["DISTORTION_LENGTHS", "Lens"]

Matrix = NDArray[np.float64]
DISTORTION_LENGTHS = (4, 5, 8, 12, 14)
"""Lengths of OpenCV's distortion vectors: k1, k2, p1, p2 [, k3 [, k4, k5, k6 [, s1 to s4 [, tx, ty]]]]."""
_STEEPEST_DEG = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What a calibration found, in OpenCV's model, and how the camera stood if somebody measured it.

    Attributes
    ----------
    camera_matrix
        Focal lengths and principal point in pixels: ((fx, 0, cx), (0, fy, cy), (0, 0, 1)).
    distortion
        OpenCV's coefficients k1, k2, p1, p2 and so on.
    width_px, height_px
        Size of the displayed pictures that the calibration was made with.
    roll_deg, pitch_deg, yaw_deg
        Turn of the camera against one that looks straight at the plane of movement and stands level: roll clockwise as
        seen from behind it, pitch downwards, yaw to its right.
    """

    camera_matrix: tuple[tuple[float, float, float], ...]
    distortion: tuple[float, ...]
    width_px: int
    height_px: int
    roll_deg: float = 0.0
    pitch_deg: float = 0.0
    yaw_deg: float = 0.0

    def __post_init__(self) -> None:
        matrix = np.array(self.camera_matrix, dtype=np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
            raise DataError(f"expected a camera matrix of 3 x 3 numbers; got shape {matrix.shape}")
        if not (matrix[0, 0] > 0 and matrix[1, 1] > 0 and np.allclose(matrix[2], [0, 0, 1])):
            raise DataError("expected a camera matrix [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with positive fx and fy")
        if len(self.distortion) not in DISTORTION_LENGTHS or not np.isfinite(self.distortion).all():
            raise DataError(f"expected 4, 5, 8, 12 or 14 distortion coefficients; got {len(self.distortion)}")
        if min(self.width_px, self.height_px) < 2:
            raise DataError(f"expected the size of the pictures; got {self.width_px} x {self.height_px}")
        if not abs(self.roll_deg) <= 180.0:
            raise DataError(f"expected a roll between -180 and 180 deg; got {self.roll_deg}")
        if not max(abs(self.pitch_deg), abs(self.yaw_deg)) <= _STEEPEST_DEG:
            raise DataError(f"expected pitch and yaw up to {_STEEPEST_DEG:g} deg; got {self.pitch_deg}, {self.yaw_deg}")

    def turn(self) -> Matrix:
        """Rotation from the camera's axes (x right, y down, z ahead) to those of the level one, shape (3, 3)."""
        roll, pitch, yaw = np.radians([self.roll_deg, self.pitch_deg, self.yaw_deg])
        about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
        about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        return np.asarray(about_y @ about_x @ about_z)
