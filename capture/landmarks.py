"""Landmarks of one person over time, as the pose model and other people's tools name them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from analysis.model import FloatArray, readonly

__all__ = ["POSE_LANDMARKS", "LandmarkTracks"]

POSE_LANDMARKS = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
"""The 33 landmarks of BlazePose in the model's order (Bazarevsky et al. 2020, arXiv:2006.10204)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LandmarkTracks:
    """Landmarks of one person in the upright image, frame by frame.

    Attributes
    ----------
    time_s
        Times of the frames from the container's time stamps, strictly increasing, shape (n,).
    names
        Names of the landmarks, shape (k,).
    xy_px
        Positions in pixels of the displayed image (rotation applied), x right, y down, NaN where the person was not
        found, shape (n, k, 2).
    confidence
        0 to 1 each, 0 where the person was not found, shape (n, k).
    width_px, height_px
        Size of the displayed image.
    """

    time_s: FloatArray
    names: tuple[str, ...]
    xy_px: NDArray[np.float64]
    confidence: NDArray[np.float64]
    width_px: int
    height_px: int

    def __post_init__(self) -> None:
        time = readonly(self.time_s, "LandmarkTracks.time_s")
        if not (np.diff(time) > 0).all():
            raise DataError("expected strictly increasing times in LandmarkTracks; got some that do not")
        object.__setattr__(self, "time_s", time)
        for name, shape in (
            ("xy_px", (time.size, len(self.names), 2)),
            ("confidence", (time.size, len(self.names))),
        ):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.shape != shape:
                raise DataError(f"expected LandmarkTracks.{name} of shape {shape}; got {values.shape}")
            if values.flags.writeable or values.base is not None:  # an hour's are not copied without need
                values = values.copy()
                values.setflags(write=False)
            object.__setattr__(self, name, values)
