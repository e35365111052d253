"""The film of an exam for people to look at: what was measured drawn on it, heads obscured, sound and metadata gone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capture.container import VideoWriter
from capture.drawing import ExamFilm
from capture.encode import StampedImage
from capture.errors import VideoWriteError
from capture.heads import HeadTracks
from capture.video import VideoReader

__all__ = ["OverlayLog", "write_overlay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayLog:
    """What was written.

    Attributes
    ----------
    n_frames
        Frames in the film.
    uncovered_s
        Runs of time, first and last frame, in which no head was found to be obscured; empty if heads were not to be.
    warnings
        What the person who passes the film on should know.
    """

    n_frames: int
    uncovered_s: tuple[tuple[float, float], ...]
    warnings: tuple[str, ...]


def write_overlay(
    video: Path,
    out: Path,
    film: ExamFilm,
    *,
    heads: HeadTracks | None,
    rotation_deg: int | None = None,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> OverlayLog:
    """Draw an exam on its video, frame by frame with their own times.

    Parameters
    ----------
    video
        The recorded video; it is not changed.
    out
        MP4 file to write; it appears when it is complete.
    film
        What is drawn, on the video's clock.
    heads
        Heads to be obscured, on the video's clock; ``None`` leaves faces recognisable, which is a decision.
    rotation_deg
        As for `capture.video.VideoReader`.
    on_progress
        Told the share done.

    Raises
    ------
    VideoError
        If the video cannot be read.
    VideoWriteError
        If the film cannot be written; nothing is left then.
    """
    partial = out.with_name(f".partial-{out.name}")
    try:
        with VideoReader(video, rotation_deg=rotation_deg) as reader:
            bare_s, last_s = _draw_all(reader, partial, film, heads, on_progress)
            timing = reader.timing()
        partial.replace(out)
    except OSError as error:
        raise VideoWriteError(out, f"cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    uncovered = () if heads is None else _runs(bare_s, last_s)
    warnings = _head_warnings(heads, uncovered)
    if not timing.complete:
        warnings.append(
            f"{video}: only {timing.decoded_s:.2f} s could be decoded; the film ends there "
            f"({timing.fault or 'the file was cut off'})"
        )
    return OverlayLog(n_frames=timing.n_frames, uncovered_s=uncovered, warnings=tuple(warnings))


def _draw_all(
    reader: VideoReader,
    partial: Path,
    film: ExamFilm,
    heads: HeadTracks | None,
    on_progress: Callable[[float], None],
) -> tuple[list[float], list[float]]:
    """Write the film; return the times of frames without a head to obscure, and of all frames."""
    writer: VideoWriter | None = None
    bare_s: list[float] = []
    all_s: list[float] = []
    try:
        for frame in reader.frames():
            covered = [] if heads is None else heads.at(frame.time_s)
            rgb = film.draw(frame.rgb(), frame.time_s, heads=covered)
            writer = writer or VideoWriter(partial, width=rgb.shape[1], height=rgb.shape[0])
            writer.write(StampedImage(time_s=frame.time_s, rgb=rgb))
            all_s.append(frame.time_s)
            if not covered:
                bare_s.append(frame.time_s)
            on_progress(min(1.0, frame.time_s / reader.declared_s) if reader.declared_s > 0 else 0.0)
    finally:
        if writer is not None:
            writer.close()
    return bare_s, all_s


def _runs(some_s: list[float], all_s: list[float]) -> tuple[tuple[float, float], ...]:
    """Join neighbouring frames' times to runs, first and last."""
    chosen = set(some_s)
    runs: list[tuple[float, float]] = []
    before = False
    for time_s in all_s:
        if time_s in chosen:
            runs[-1:] = [(runs[-1][0], time_s)] if before else [*runs[-1:], (time_s, time_s)]
        before = time_s in chosen
    return tuple(runs)


def _head_warnings(heads: HeadTracks | None, uncovered: tuple[tuple[float, float], ...]) -> list[str]:
    if heads is None:
        return ["faces are recognisable: heads were not obscured"]
    warnings = []
    if uncovered:
        spans = _told([f"{first:.1f} to {last:.1f} s" for first, last in uncovered])
        warnings.append(f"no head was found at {spans}: look at the film there before you pass it on")
    if heads.headless_s:
        times = _told(list(dict.fromkeys(f"{time_s:.1f} s" for time_s in sorted(heads.headless_s))))
        warnings.append(f"a person was found without a head at {times}: look at the film there before you pass it on")
    return warnings


def _told(moments: list[str]) -> str:
    more = f" and {len(moments) - _SPANS_TOLD} more" if len(moments) > _SPANS_TOLD else ""
    return ", ".join(moments[:_SPANS_TOLD]) + more


_SPANS_TOLD = 5
