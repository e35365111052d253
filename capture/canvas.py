"""Draw on a picture: the only module that knows Pillow."""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["Anchor", "Canvas", "Colour", "Point"]

Point = tuple[float, float]
Colour = tuple[int, int, int]
Anchor = str  # Pillow's: horizontal l, m or r, then vertical a (top), m or s (base line)

_OUTLINE: Colour = (0, 0, 0)
_READABLE_PX = 8
_JPEG_QUALITY = 92
_SCREEN_QUALITY = 80


class Canvas:
    """A picture that is drawn on; the array that it was made from stays as it is.

    Parameters
    ----------
    rgb
        Picture, shape (height, width, 3).
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._image = Image.fromarray(np.ascontiguousarray(rgb))
        self._draw = ImageDraw.Draw(self._image)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._image.size

    def pixels(self) -> NDArray[np.uint8]:
        """Return the picture as drawn, shape (height, width, 3)."""
        return np.array(self._image, dtype=np.uint8)

    def line(self, points: Sequence[Point], colour: Colour, *, width: float) -> None:
        """Join points; points that are not finite interrupt the line."""
        for run in _finite_runs(points):
            self._draw.line(run, fill=colour, width=max(1, round(width)), joint="curve")

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        if np.isfinite(centre).all():
            self._draw.circle(centre, radius, fill=colour)

    def ring(self, centre: Point, radius: float, colour: Colour, *, width: float) -> None:
        """Draw a circle."""
        if np.isfinite(centre).all():
            self._draw.circle(centre, radius, outline=colour, width=max(1, round(width)))

    def box(self, corner: Point, opposite: Point, colour: Colour) -> None:
        """Fill a rectangle."""
        self._draw.rectangle((*corner, *opposite), fill=colour)

    def text(self, at: Point, words: str, colour: Colour, *, size: float, anchor: Anchor = "la") -> None:
        """Write with a dark outline, readable on any picture."""
        height = max(_READABLE_PX, size)
        self._draw.text(
            at, words, fill=colour, font=_font(height), anchor=anchor, stroke_width=height / 10, stroke_fill=_OUTLINE
        )

    def text_width(self, words: str, *, size: float) -> float:
        """Return the width of words in pixels."""
        return self._draw.textlength(words, font=_font(max(_READABLE_PX, size)))

    def picture(self, corner: tuple[int, int], rgb: NDArray[np.uint8], *, width: int, height: int) -> None:
        """Place another picture, scaled."""
        self._image.paste(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS), corner)

    def save(self, path: Path) -> None:
        """Write the picture, in the format of the name's ending, without metadata.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        self._image.save(path, quality=_JPEG_QUALITY)

    def jpeg(self) -> bytes:
        """Encode the picture for a screen, without metadata."""
        encoded = io.BytesIO()
        self._image.save(encoded, format="JPEG", quality=_SCREEN_QUALITY)
        return encoded.getvalue()

    def obscure(self, centre: Point, radius: float, *, cells: int) -> None:
        """Replace a circle by so many averages across: what was in it cannot be brought back from this picture."""
        left, top = max(0, int(centre[0] - radius)), max(0, int(centre[1] - radius))
        right = min(self.size[0], int(np.ceil(centre[0] + radius)))
        bottom = min(self.size[1], int(np.ceil(centre[1] + radius)))
        if right - left < 1 or bottom - top < 1:
            return
        part = self._image.crop((left, top, right, bottom))
        coarse = part.resize((cells, cells), Image.Resampling.BOX).resize(part.size, Image.Resampling.BILINEAR)
        mask = Image.new("L", part.size)
        ImageDraw.Draw(mask).circle((centre[0] - left, centre[1] - top), radius, fill=255)
        self._image.paste(coarse, (left, top), mask)


def _finite_runs(points: Sequence[Point]) -> list[list[Point]]:
    runs: list[list[Point]] = [[]]
    for point in points:
        if np.isfinite(point).all():
            runs[-1].append((float(point[0]), float(point[1])))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) > 1]


@cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
