"""Pictures and points as a camera without lens errors, standing straight, would have seen them; and the way back."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from capture.errors import CaptureError
from capture.imaging import distorted_points, straight_points, straightening_maps, warp
from capture.landmarks import LandmarkTracks
from capture.lens import Lens

__all__ = ["StraightenParams", "Straightener", "straightener_for"]

Image = NDArray[np.uint8]
Points = NDArray[np.float64]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class StraightenParams:
    """When a calibration does not fit a video; chosen by us.

    Attributes
    ----------
    aspect_tolerance
        Difference of width / height between calibration and video, relative.
    border_points
        Points along each edge of the picture at which the calibration is tried.
    border_error_px
        Points there that are straightened and bent back return to their place within this distance; a polynomial that
        was fitted in the middle of the picture only does not.
    least_scale
        Straightened pictures keep all that was filmed and are scaled down for that, to this scale at most.
    """

    aspect_tolerance: float = 0.02
    border_points: int = 41
    border_error_px: float = 1.0
    least_scale: float = 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class Straightener:
    """Straightens the pictures of one size and maps points there and back.

    Attributes
    ----------
    lens
        The calibration.
    width_px, height_px
        Size of the pictures as displayed; straightened pictures have the same.
    matrix
        Camera matrix of the pictures as filmed, shape (3, 3).
    straight_matrix
        Camera matrix of the straightened ones, shape (3, 3).
    """

    lens: Lens
    width_px: int
    height_px: int
    matrix: Points
    straight_matrix: Points

    def straight(self, xy_px: Points) -> Points:
        """Map points of the filmed picture, shape (..., 2), to the straightened one; NaN stays NaN."""
        flat = xy_px.reshape(-1, 2)
        known = np.isfinite(flat).all(axis=1)
        mapped = np.full(flat.shape, np.nan)
        if known.any():
            mapped[known] = straight_points(
                flat[known],
                self.matrix,
                np.array(self.lens.distortion),
                turn=self.lens.turn(),
                straight=self.straight_matrix,
            )
        return mapped.reshape(xy_px.shape)

    def filmed(self, xy_px: Points) -> Points:
        """Map points of the straightened picture, shape (..., 2), to the filmed one; NaN stays NaN."""
        flat = xy_px.reshape(-1, 2)
        known = np.isfinite(flat).all(axis=1)
        mapped = np.full(flat.shape, np.nan)
        if known.any():
            rays = np.column_stack([flat[known], np.ones(int(known.sum()))]) @ np.linalg.inv(self.straight_matrix).T
            mapped[known] = distorted_points(rays @ self.lens.turn(), self.matrix, np.array(self.lens.distortion))
        return mapped.reshape(xy_px.shape)

    def picture(self, image: Image) -> Image:
        """Straighten a picture, which may be scaled; what was not filmed is black."""
        height, width = image.shape[:2]
        maps = self._maps.get((width, height))
        if maps is None:
            maps = self._maps[width, height] = straightening_maps(
                _scaled(self.matrix, width / self.width_px, height / self.height_px),
                np.array(self.lens.distortion),
                turn=self.lens.turn(),
                straight=_scaled(self.straight_matrix, width / self.width_px, height / self.height_px),
                size=(width, height),
            )
        return warp(image, maps)

    @cached_property
    def _maps(self) -> dict[tuple[int, int], tuple[NDArray[np.int16], NDArray[np.uint16]]]:
        return {}

    def straight_box(self, box: Box) -> Box:
        """Map a box of the filmed picture to the one around it in the straightened picture."""
        x, y, width, height = box
        corners = self.straight(np.array([[x, y], [x + width, y], [x, y + height], [x + width, y + height]]))
        return _around(corners)

    def filmed_box(self, box: Box) -> Box:
        """Map a box of the straightened picture to the one around it in the filmed picture."""
        x, y, width, height = box
        return _around(self.filmed(np.array([[x, y], [x + width, y], [x, y + height], [x + width, y + height]])))

    def filmed_tracks(self, tracks: LandmarkTracks) -> LandmarkTracks:
        """Map landmarks to the picture as it was filmed, where people look at them."""
        return replace(tracks, xy_px=self.filmed(tracks.xy_px))


def _around(corners: Points) -> Box:
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)


def straightener_for(
    lens: Lens, width_px: int, height_px: int, params: StraightenParams = StraightenParams()
) -> Straightener:
    """Fit a calibration to pictures of a size.

    Raises
    ------
    CaptureError
        If the calibration was made with pictures of another shape, or does not hold up to the picture's edge.
    """
    across, down = width_px / lens.width_px, height_px / lens.height_px
    if abs(across / down - 1.0) > params.aspect_tolerance:
        raise CaptureError(
            f"the lens was calibrated with pictures of {lens.width_px} x {lens.height_px}, the video shows "
            f"{width_px} x {height_px}: calibrate with the same camera held the same way"
        )
    matrix = _scaled(np.array(lens.camera_matrix), across, down)
    edge = _border(width_px, height_px, params.border_points)
    seen = straight_points(edge, matrix, np.array(lens.distortion), turn=lens.turn(), straight=np.eye(3))
    low, high = seen.min(axis=0), seen.max(axis=0)
    size = np.array([width_px - 1.0, height_px - 1.0])
    focal = float(min(matrix[0, 0], matrix[1, 1], *(size / np.maximum(high - low, 1e-9))))
    centre = size / 2.0 - focal * (low + high) / 2.0
    fitted = Straightener(
        lens=lens,
        width_px=width_px,
        height_px=height_px,
        matrix=matrix,
        straight_matrix=np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]]),
    )
    astray = float(np.abs(fitted.filmed(fitted.straight(edge)) - edge).max())
    if not astray <= params.border_error_px or focal < params.least_scale * min(matrix[0, 0], matrix[1, 1]):
        raise CaptureError(
            "the lens calibration does not hold up to the picture's edge, or the tilt is too steep: calibrate again, "
            "with the board in the corners, too"
        )
    return fitted


def _scaled(matrix: Points, across: float, down: float) -> Points:
    """Camera matrix of pictures that are scaled; a pixel's centre has whole coordinates."""
    scaled: Points = matrix * np.array([[across], [down], [1.0]])
    scaled[0, 2] += 0.5 * across - 0.5
    scaled[1, 2] += 0.5 * down - 0.5
    return scaled


def _border(width_px: int, height_px: int, n: int) -> Points:
    x, y = np.linspace(0.0, width_px - 1.0, n), np.linspace(0.0, height_px - 1.0, n)
    sides = [(x, np.zeros(n)), (x, np.full(n, height_px - 1.0)), (np.zeros(n), y), (np.full(n, width_px - 1.0), y)]
    border: Points = np.concatenate([np.column_stack(side) for side in sides])
    return border
