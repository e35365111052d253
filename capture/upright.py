"""Views of an image: a rectangle cut out and turned by quarter turns, and the way back for points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SearchParams", "View", "search_views", "view_around"]

Image = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A rectangle of an image, turned anticlockwise by `turns` quarter turns (lying people are found when upright).

    A mirrored view is then flipped from left to right.
    """

    x_px: int
    y_px: int
    width_px: int
    height_px: int
    turns: int
    mirrored: bool = False

    def cut(self, image: Image) -> Image:
        """Show what the view sees; parts outside of the image are left out."""
        rows = slice(max(0, self.y_px), max(0, self.y_px + self.height_px))
        columns = slice(max(0, self.x_px), max(0, self.x_px + self.width_px))
        turned = np.rot90(image[rows, columns], self.turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)

    def back(self, xy_px: Points, image: Image) -> Points:
        """Map points of the view, shape (..., 2), to the image that it was cut from."""
        left, top = max(0, self.x_px), max(0, self.y_px)
        width = min(self.x_px + self.width_px, image.shape[1]) - left
        height = min(self.y_px + self.height_px, image.shape[0]) - top
        x, y = xy_px[..., 0], xy_px[..., 1]
        if self.mirrored:
            x = (height if self.turns % 2 else width) - 1 - x
        turned = {
            0: (x, y),
            1: (width - 1 - y, x),
            2: (width - 1 - x, height - 1 - y),
            3: (y, height - 1 - x),
        }[self.turns]
        return np.stack([turned[0] + left, turned[1] + top], axis=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchParams:
    """Where people are searched.

    Attributes
    ----------
    strip_share
        Width of the strips that are searched beside the whole image, relative to its longer side. A person whom another
        one overlaps is found where the other one is cut off (chosen by us).
    n_strips
        Strips, evenly placed along the longer side (chosen by us).
    """

    strip_share: float = 0.6
    n_strips: int = 3


def search_views(width_px: int, height_px: int, params: SearchParams = SearchParams()) -> list[View]:
    """List the views in which people are searched: the image and strips along its longer side, each four ways up.

    Each run of ``n_strips + 1`` entries holds every rectangle once, in different rotations.
    """
    wide = width_px >= height_px
    width = round(width_px * params.strip_share) if wide else width_px
    height = height_px if wide else round(height_px * params.strip_share)
    steps = [k / max(params.n_strips - 1, 1) for k in range(params.n_strips)]
    rectangles = [(0, 0, width_px, height_px)]
    rectangles += [(round((width_px - width) * k), round((height_px - height) * k), width, height) for k in steps]
    return [
        View(x_px=x, y_px=y, width_px=w, height_px=h, turns=(turn + which) % 4)
        for turn in range(4)
        for which, (x, y, w, h) in enumerate(rectangles)
    ]


def view_around(xy_px: Points, *, margin: float, turns: int) -> View:
    """View that holds all points, shape (n, 2), grown by `margin` times its longer side on every side."""
    low, high = np.nanmin(xy_px, axis=0), np.nanmax(xy_px, axis=0)
    grow = margin * float((high - low).max())
    x, y = np.floor(low - grow).astype(int)
    right, bottom = np.ceil(high + grow).astype(int)
    return View(x_px=int(x), y_px=int(y), width_px=int(right - x), height_px=int(bottom - y), turns=turns)
