"""Landmarks of the people in one image, by MediaPipe's PoseLandmarker with the models that the package ships."""

import contextlib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray

from capture.errors import CaptureError, PoseModelMissingError
from capture.landmarks import POSE_LANDMARKS

__all__ = ["ModelSize", "Pose", "PoseModel", "PoseModelParams"]

Image = NDArray[np.uint8]
Points = NDArray[np.float64]


class ModelSize(StrEnum):
    """Which of the shipped models (`capture/models/README.md` has their accuracy and cost)."""

    FULL = "full"
    HEAVY = "heavy"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseModelParams:
    """How sure the model must be.

    Attributes
    ----------
    detection_confidence
        Least confidence of the person detector; MediaPipe's own default is 0.5, lowered because lying people score
        low and wrong people are sorted out afterwards (chosen by us).
    presence_confidence
        Least confidence that the landmarks belong to a person (same reason).
    """

    detection_confidence: float = 0.3
    presence_confidence: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pose:
    """One person in one image.

    Attributes
    ----------
    xy_px
        33 landmarks in pixels of the image, shape (33, 2).
    confidence
        The model's visibility of each landmark, 0 to 1, shape (33,).
    world_m
        The model's guess in metres about the middle of the hips, camera axes, shape (33, 3): a hint, not a measurement.
    """

    xy_px: Points
    confidence: Points
    world_m: Points

    def seen_in_mirror(self) -> "Pose":
        """Exchange left and right of a person who was found in a mirrored image; `xy_px` is only named anew."""
        return Pose(
            xy_px=self.xy_px[_OPPOSITE],
            confidence=self.confidence[_OPPOSITE],
            world_m=self.world_m[_OPPOSITE] * np.array([-1.0, 1.0, 1.0]),
        )


def _opposite(name: str) -> str:
    swapped = {"left": "right", "right": "left"}
    return "_".join(swapped.get(part, part) for part in name.split("_"))


_OPPOSITE = [POSE_LANDMARKS.index(_opposite(name)) for name in POSE_LANDMARKS]


class PoseModel:
    """A loaded model; a context manager that frees it.

    Raises
    ------
    PoseModelMissingError
        If the installation lacks the model's file.
    """

    def __init__(self, size: ModelSize, *, max_people: int, params: PoseModelParams = PoseModelParams()) -> None:
        path = Path(str(files("capture") / "models" / f"pose_landmarker_{size}.task"))
        if not path.is_file():
            raise PoseModelMissingError(path)
        options = vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(path)),
            running_mode=vision.RunningMode.IMAGE,
            num_poses=max_people,
            min_pose_detection_confidence=params.detection_confidence,
            min_pose_presence_confidence=params.presence_confidence,
        )
        try:
            self._landmarker = vision.PoseLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise CaptureError(f"pose model {path} cannot be loaded ({error}): reinstall catchangle") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(RuntimeError):
            self._landmarker.close()

    def find(self, image: Image) -> list[Pose]:
        """Find people in an image of shape (height, width, 3), most certain first; empty where there are none."""
        height, width = image.shape[:2]
        found = self._landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(image)))
        return [
            Pose(
                xy_px=np.array([(p.x * width, p.y * height) for p in person]),
                confidence=np.array([p.visibility for p in person]),
                world_m=np.array([(p.x, p.y, p.z) for p in world]),
            )
            for person, world in zip(found.pose_landmarks, found.pose_world_landmarks, strict=True)
        ]
