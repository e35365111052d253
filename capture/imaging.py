"""What we need of OpenCV: sampling around a joint, the camera's own movement, and its lens."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CameraParams",
    "PolarGrid",
    "brighten",
    "camera_shift_px",
    "cover",
    "distorted_points",
    "read_calibration",
    "sample_polar",
    "shrink",
    "straight_points",
    "straightening_maps",
    "warp",
]

Image = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolarGrid:
    """Where an image is sampled around a joint: distances from its centre by directions.

    Attributes
    ----------
    centre_px
        The joint's centre (x, y).
    radius_px
        Distances, shape (r,).
    direction_deg
        Directions in the image, clockwise from the x axis, shape (k,).
    """

    centre_px: Points
    radius_px: Points
    direction_deg: Points


def sample_polar(image: Image, grid: PolarGrid, *, blur_px: float = 0.0) -> NDArray[np.float32]:
    """Sample an image on a polar grid, linearly interpolated; shape (r, k, channels); the edge repeats outside.

    `blur_px` is the standard deviation of a blur that keeps the samples of a large picture from missing what is
    between them.
    """
    reach = float(grid.radius_px.max()) + 3.0 * blur_px + 2.0
    left, top = np.maximum(np.floor(grid.centre_px - reach), 0.0).astype(int)
    right, bottom = np.ceil(grid.centre_px + reach).astype(int)
    part = np.ascontiguousarray(image[top : max(bottom, top + 2), left : max(right, left + 2)])
    if blur_px > 0.0:
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), blur_px), dtype=np.uint8)
    angle = np.radians(grid.direction_deg)
    x = grid.centre_px[0] - left + grid.radius_px[:, None] * np.cos(angle)
    y = grid.centre_px[1] - top + grid.radius_px[:, None] * np.sin(angle)
    sampled = cv2.remap(
        part, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(sampled, dtype=np.float32)


def shrink(image: Image, max_side_px: int) -> Image:
    """Scale an image down so that its longer side is at most `max_side_px`; a smaller one is returned as it is."""
    scale = max_side_px / max(image.shape[:2])
    if scale >= 1.0:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def brighten(image: Image, gain: float) -> Image:
    """Multiply an image's values, up to the brightest that it can hold; a gain of 1 returns the image itself."""
    return image if gain == 1.0 else np.asarray(cv2.convertScaleAbs(image, alpha=gain), dtype=np.uint8)


def cover(image: Image, *, disc: tuple[Points, float], hull_px: Points) -> Image:
    """Copy an image with a disc (centre, radius) and the hull of some points painted in the picture's median colour."""
    colour = [float(c) for c in np.median(image[::4, ::4].reshape(-1, image.shape[-1]), axis=0)]
    covered = image.copy()
    centre, radius = disc
    cv2.circle(covered, (round(float(centre[0])), round(float(centre[1]))), max(1, round(radius)), colour, -1)
    cv2.fillConvexPoly(covered, cv2.convexHull(np.round(hull_px).astype(np.int32)), colour)
    return covered


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraParams:
    """How the camera's movement between two images is found; all chosen by us.

    Attributes
    ----------
    max_corners
        Corners that are followed.
    quality
        Least quality of a corner, relative to the best.
    distance_px
        Least distance between corners.
    tolerance_px
        Largest departure of a corner from the common movement.
    min_corners
        With fewer followed corners nothing can be said.
    """

    max_corners: int = 200
    quality: float = 0.01
    distance_px: float = 8.0
    tolerance_px: float = 1.5
    min_corners: int = 12


def camera_shift_px(first: Image, second: Image, params: CameraParams = CameraParams()) -> float:
    """Movement of the scene's majority from one grey image to another, at the corner that moves most.

    Returns
    -------
    float
        Pixels; NaN where the images have too few corners in common.
    """
    corners = cv2.goodFeaturesToTrack(first, params.max_corners, params.quality, params.distance_px)
    if corners is None or len(corners) < params.min_corners:
        return float("nan")
    followed, found, _ = cv2.calcOpticalFlowPyrLK(first, second, corners, np.empty_like(corners))
    start, end = corners[found.ravel() == 1].reshape(-1, 2), followed[found.ravel() == 1].reshape(-1, 2)
    if len(start) < params.min_corners:
        return float("nan")
    similarity, _ = cv2.estimateAffinePartial2D(start, end, ransacReprojThreshold=params.tolerance_px)
    if similarity is None:
        return float("nan")
    height, width = first.shape
    frame = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
    moved = frame @ similarity[:, :2].T + similarity[:, 2] - frame
    return float(np.hypot(*moved.T).max())


def straight_points(xy_px: Points, matrix: Points, distortion: Points, *, turn: Points, straight: Points) -> Points:
    """Map points, shape (n, 2), of a picture to that of a turned camera without distortion, of matrix `straight`."""
    mapped = cv2.undistortPoints(
        np.ascontiguousarray(xy_px, dtype=np.float64)[:, None],
        matrix,
        distortion,
        R=turn,
        P=straight,
        criteria=_ITERATE,
    )
    return np.asarray(mapped, dtype=np.float64)[:, 0]


_ITERATE = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-9)


def distorted_points(rays: Points, matrix: Points, distortion: Points) -> Points:
    """Pixels, shape (n, 2), at which a camera sees directions in its own axes, shape (n, 3)."""
    pixels, _ = cv2.projectPoints(np.ascontiguousarray(rays)[:, None], np.zeros(3), np.zeros(3), matrix, distortion)
    return np.asarray(pixels, dtype=np.float64)[:, 0]


def straightening_maps(
    matrix: Points, distortion: Points, *, turn: Points, straight: Points, size: tuple[int, int]
) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    """Where `warp` finds each pixel of the straightened picture of a size (width, height)."""
    first, second = cv2.initUndistortRectifyMap(matrix, distortion, turn, straight, size, cv2.CV_16SC2)
    return np.asarray(first, dtype=np.int16), np.asarray(second, dtype=np.uint16)


def warp(image: Image, maps: tuple[NDArray[np.int16], NDArray[np.uint16]]) -> Image:
    """Sample an image where the maps say; black outside of it."""
    return np.asarray(cv2.remap(image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), dtype=np.uint8)


def read_calibration(path: Path) -> dict[str, object]:
    """Read the entries of a calibration in OpenCV's own YAML or XML; empty if it is none.

    Returns
    -------
    dict
        Matrices as nested lists, numbers as they are; only the names that calibrations use.
    """
    try:
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    except (cv2.error, SystemError):  # its constructor raises the one inside the other
        return {}
    try:
        nodes = [(name, storage.getNode(name)) for name in storage.root().keys()]  # noqa: SIM118 - no mapping
        return {name: _node_value(node) for name, node in nodes if node.isReal() or node.isInt() or node.isMap()}
    except cv2.error:
        return {}
    finally:
        storage.release()


def _node_value(node: cv2.FileNode) -> object:
    return node.mat().tolist() if node.isMap() else node.real()
