"""Faces in one picture, by the CenterFace network that is shipped with the package."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capture.imaging import Network

__all__ = ["Face", "FaceModel", "FaceParams"]

_STRIDE = 4  # the network answers at a quarter of the size
_MULTIPLE = 32  # its sides must divide by this
_OUTPUTS = ("537", "538", "539", "540")  # heat map, logarithm of the size, offset, facial landmarks


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceParams:
    """How faces are looked for.

    Attributes
    ----------
    confidence
        Least confidence. The package it comes from takes 0.2; a face too many only blurs too much, but 0.3 already
        found every face that we looked for (chosen by us).
    max_side_px
        Pictures are scaled down to this; a face of 1/40 of the longer side is still found (chosen by us).
    overlap
        Of two boxes that share more than this part of their union, the surer one stays (usual in detection).
    """

    confidence: float = 0.3
    max_side_px: int = 512
    overlap: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A face: the middle of its box, its size in pixels, and how sure the network is, 0 to 1."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float
    confidence: float


class FaceModel:
    """The loaded network.

    Raises
    ------
    CaptureError
        If the installation lacks the network's file, or it cannot be read.
    """

    def __init__(self, params: FaceParams = FaceParams()) -> None:
        path = Path(str(files("capture") / "models" / "centerface" / "centerface.onnx"))
        self._network = Network(path, _OUTPUTS)
        self._params = params

    def find(self, rgb: NDArray[np.uint8], *, side_px: int | None = None) -> list[Face]:
        """Find upright faces in an image of shape (height, width, 3), surest first.

        Parameters
        ----------
        rgb
            The image.
        side_px
            Length that the longer side is scaled to, up or down; by default it is only scaled down, to the limit of
            the parameters.
        """
        height, width = rgb.shape[:2]
        longer = max(height, width)
        scale = (side_px or min(longer, self._params.max_side_px)) / longer
        inner = (_rounded(width * scale), _rounded(height * scale))
        heat, size, offset, _ = self._network.run(rgb, width=inner[0], height=inner[1])
        rows, columns = np.nonzero(heat[0] > self._params.confidence)
        faces = [
            Face(
                x_px=float((column + offset[1, row, column] + 0.5) * _STRIDE * width / inner[0]),
                y_px=float((row + offset[0, row, column] + 0.5) * _STRIDE * height / inner[1]),
                width_px=float(np.exp(size[1, row, column]) * _STRIDE * width / inner[0]),
                height_px=float(np.exp(size[0, row, column]) * _STRIDE * height / inner[1]),
                confidence=float(heat[0, row, column]),
            )
            for row, column in zip(rows, columns, strict=True)
        ]
        return _separate(faces, self._params.overlap)


def _rounded(length_px: float) -> int:
    return max(_MULTIPLE, int(np.ceil(length_px / _MULTIPLE)) * _MULTIPLE)


def _separate(faces: list[Face], overlap: float) -> list[Face]:
    """Keep the surest of faces that overlap."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(_shared(face, other) < overlap for other in kept):
            kept.append(face)
    return kept


def _shared(one: Face, other: Face) -> float:
    """Return the shared part of two boxes' union."""
    width = min(one.x_px + one.width_px / 2, other.x_px + other.width_px / 2) - max(
        one.x_px - one.width_px / 2, other.x_px - other.width_px / 2
    )
    height = min(one.y_px + one.height_px / 2, other.y_px + other.height_px / 2) - max(
        one.y_px - one.height_px / 2, other.y_px - other.height_px / 2
    )
    shared = max(0.0, width) * max(0.0, height)
    return shared / (one.width_px * one.height_px + other.width_px * other.height_px - shared)
