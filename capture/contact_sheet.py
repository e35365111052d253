"""One picture of an exam: the frames at the start, the catch and the end of each stretch, labelled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.finding import StretchFinding
from capture.canvas import Canvas, Colour
from capture.drawing import ExamFilm
from capture.errors import VideoWriteError
from capture.heads import HeadTracks
from capture.video import VideoReader

__all__ = ["SheetParams", "write_contact_sheet"]

Image = NDArray[np.uint8]

_WORDS: Colour = (240, 240, 240)
_GROUND: Colour = (24, 26, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetParams:
    """How the sheet is laid out; all chosen by us.

    Attributes
    ----------
    tile_px
        Width of one frame.
    text_px
        Height of the labels.
    """

    tile_px: int = 420
    text_px: int = 20


def write_contact_sheet(  # noqa: PLR0913 - the film, its pages and its layout
    video: Path,
    out: Path,
    film: ExamFilm,
    findings: Sequence[StretchFinding],
    *,
    heads: HeadTracks | None,
    rotation_deg: int | None = None,
    params: SheetParams = SheetParams(),
) -> None:
    """Write the frames at start, catch and end of each stretch as one picture, a row for each stretch.

    Parameters
    ----------
    video
        The recorded video.
    out
        PNG or JPEG file to write, told by its ending; it appears when it is complete.
    film
        What is drawn on each frame, on the video's clock.
    findings
        The stretches, on the same clock.
    heads
        Heads to be obscured; ``None`` leaves faces recognisable, which is a decision.
    rotation_deg
        As for `capture.video.VideoReader`.
    params
        Layout.

    Raises
    ------
    AnalysisError
        If there is no stretch.
    VideoError
        If the video cannot be read.
    VideoWriteError
        If the picture cannot be written, or its ending names no format that is written.
    """
    if out.suffix.lower() not in {".png", ".jpg", ".jpeg"}:
        raise VideoWriteError(out, "a contact sheet is a picture: end its name with .png or .jpg")
    if not findings:
        raise AnalysisError(f"{video}: no stretch was found, so there is nothing to put on a contact sheet")
    wanted = [_moments(found) for found in findings]
    with VideoReader(video, rotation_deg=rotation_deg) as reader:
        pictures = _pick(
            reader,
            sorted({time_s for row in wanted for _, time_s in row}),
            lambda rgb, time_s: film.draw(rgb, time_s, heads=heads.at(time_s) if heads else []),
        )
    _save(out, _lay_out(findings, wanted, pictures, film, params))


def _moments(found: StretchFinding) -> list[tuple[str, float]]:
    """Name the moments of a stretch, in order of time."""
    moments = [("start", found.stretch.start_s)]
    if found.catch is not None:
        moments.append(("catch", found.catch.time_s))
    return [*moments, ("end", found.stretch.end_s)]


def _pick(reader: VideoReader, times_s: list[float], draw: Callable[[Image, float], Image]) -> dict[float, Image]:
    """Return for each time the frame that is nearest to it, drawn."""
    picked: dict[float, Image] = {}
    waiting = list(times_s)
    before = None
    for frame in reader.frames():
        while waiting and frame.time_s >= waiting[0]:
            nearer = before if before and waiting[0] - before.time_s < frame.time_s - waiting[0] else frame
            picked[waiting.pop(0)] = draw(nearer.rgb(), nearer.time_s)
        if not waiting:
            break
        before = frame
    for time_s in waiting:  # after the last frame
        if before is not None:
            picked[time_s] = draw(before.rgb(), before.time_s)
    return picked


def _lay_out(
    findings: Sequence[StretchFinding],
    wanted: list[list[tuple[str, float]]],
    pictures: dict[float, Image],
    film: ExamFilm,
    params: SheetParams,
) -> Canvas:
    columns = max(len(row) for row in wanted)
    height, width = next(iter(pictures.values())).shape[:2]
    tile_px = round(params.tile_px * height / width)
    label_px = 2 * params.text_px
    row_px = tile_px + label_px
    ground = np.full((row_px * len(wanted), params.tile_px * columns, 3), _GROUND, np.uint8)
    sheet = Canvas(ground)
    for place, (found, row) in enumerate(zip(findings, wanted, strict=True)):
        for column, (name, time_s) in enumerate(row):
            left, top = column * params.tile_px, place * row_px
            sheet.picture((left, top + label_px), pictures[time_s], width=params.tile_px, height=tile_px)
            angle, _ = film.words(film.moment(time_s))
            words = f"{place + 1} · {found.stretch.velocity} · {name} at {time_s:.2f} s · {angle}"
            sheet.text((left + params.text_px / 2, top + params.text_px / 2), words, _WORDS, size=0.8 * params.text_px)
    return sheet


def _save(out: Path, sheet: Canvas) -> None:
    partial = out.with_name(f".partial-{out.name}")
    try:
        sheet.save(partial)
        partial.replace(out)
    except OSError as error:
        raise VideoWriteError(out, f"cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
