"""Decode a video file frame by frame: true times, displayed orientation, and what was wrong with the file."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from capture.container import Picture, VideoInput
from capture.errors import CaptureError, VideoError
from capture.lens import Lens
from capture.straighten import Straightener, straightener_for

__all__ = ["Frame", "Timing", "TimingParams", "VideoReader"]

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingParams:
    """When the intervals between frames are called uneven.

    Attributes
    ----------
    dropped_ratio
        An interval of at least so many usual intervals holds frames that were dropped (chosen by us).
    variable_share
        Share of intervals that differ from the usual one by more than `variable_ratio`, from which on the frame rate is
        called variable (chosen by us).
    variable_ratio
        See `variable_share`; relative to the usual interval (chosen by us).
    complete_share
        Share of the declared duration that must have been decoded for a file to be complete (chosen by us: containers
        round the duration to a frame or so).
    still_level, moving_level
        Mean absolute difference of small grey images (0-255) below which two frames are the same picture, and above
        which the picture moves. A same picture between moving ones is a duplicated frame (chosen by us).
    """

    dropped_ratio: float = 1.7
    variable_share: float = 0.05
    variable_ratio: float = 0.1
    complete_share: float = 0.98
    still_level: float = 0.02
    moving_level: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a complete pass over a video found out about its time.

    Attributes
    ----------
    n_frames
        Frames that were decoded.
    decoded_s, declared_s
        Time from the first to the end of the last decoded frame, and the duration that the file declares (NaN where
        it declares none).
    interval_s
        Usual interval between frames (median).
    n_dropped
        Frames that are missing between the decoded ones.
    n_repeated
        Frames that show the picture before them while the scene moves.
    n_unordered
        Frames without a time stamp, or with one that does not grow; they were left out.
    variable_rate
        Whether the frame rate varies.
    fault
        Why decoding ended early, empty if it did not.
    complete
        Whether the whole declared duration was decoded.
    """

    n_frames: int
    decoded_s: float
    declared_s: float
    interval_s: float
    n_dropped: int
    n_repeated: int
    n_unordered: int
    variable_rate: bool
    fault: str
    complete: bool


class Frame:
    """One decoded frame; pixels are converted only when they are asked for.

    Attributes
    ----------
    time_s
        Time since the first frame.
    index
        Number of the frame, 0 for the first.
    width_px, height_px
        Size as displayed, rotation applied.
    """

    __slots__ = ("_source", "_straightener", "_turns", "height_px", "index", "time_s", "width_px")

    def __init__(self, source: Picture, *, time_s: float, index: int, turns: int) -> None:
        self._source = source
        self._turns = turns
        self._straightener: Straightener | None = None
        self.time_s = time_s
        self.index = index
        upright = turns % 2 == 0
        self.width_px = source.width_px if upright else source.height_px
        self.height_px = source.height_px if upright else source.width_px

    def rgb(self, *, max_side_px: int | None = None) -> Image:
        """Return displayed pixels (height, width, 3), scaled down so that the longer side is at most `max_side_px`."""
        image = self._pixels("rgb24", max_side_px)
        return image if self._straightener is None else self._straightener.picture(image)

    def straightened(self, straightener: Straightener) -> "Frame":
        """Let `rgb` show what a camera without lens errors, standing straight, would have seen."""
        self._straightener = straightener
        return self

    def grey(self, *, max_side_px: int | None = None) -> Image:
        """Brightness as displayed, shape (height, width), scaled down like `rgb`."""
        return self._pixels("gray", max_side_px)

    def _pixels(self, layout: str, max_side_px: int | None) -> Image:
        width, height = self._source.width_px, self._source.height_px
        scale = min(1.0, (max_side_px or max(width, height)) / max(width, height))
        small = self._source.pixels(
            layout, width_px=max(2, round(width * scale)), height_px=max(2, round(height * scale))
        )
        return np.ascontiguousarray(np.rot90(small, self._turns))


class VideoReader:
    """Streams the frames of a video file, as often as it is iterated; nothing is kept but the times.

    The display rotation that the container declares is applied once, here, and nowhere else.

    Parameters
    ----------
    path
        The file.
    rotation_deg
        Clockwise rotation that makes the picture upright, in place of the one that the container declares; a multiple
        of 90.
    lens
        Calibration of the camera: frames show what a straight camera without lens errors would have seen.

    Attributes
    ----------
    straightener
        Maps points of those frames to the filmed ones and back, once the first frame is read; ``None`` without a
        calibration.

    Raises
    ------
    VideoError
        If the file is missing, empty, cannot be read as a video, or holds no moving pictures.
    """

    def __init__(
        self,
        path: Path,
        *,
        rotation_deg: int | None = None,
        lens: Lens | None = None,
        params: TimingParams = TimingParams(),
    ) -> None:
        if rotation_deg is not None and rotation_deg % 90:
            raise VideoError(path, f"expected a rotation of 0, 90, 180 or 270 degrees; got {rotation_deg}")
        self.path = path
        self.straightener: Straightener | None = None
        self._lens = lens
        self._override = rotation_deg
        self._params = params
        self._input = VideoInput(path)
        self._times = array("d")  # an hour's are many
        self._changes = array("d")
        self._unordered = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._input.close()

    @property
    def declared_s(self) -> float:
        """Duration that the file declares, NaN where it declares none."""
        return self._input.declared_s

    def frames(self, *, watch_changes: bool = False) -> Iterator[Frame]:
        """Decode from the start; `timing` describes the pass once it has ended.

        Parameters
        ----------
        watch_changes
            Compare neighbouring frames, to find repeated ones.

        Raises
        ------
        VideoError
            If not a single frame can be decoded, or the lens calibration does not fit the frames.
        """
        self._rewind()
        before: Image | None = None
        origin_s = 0.0
        for source in self._input.pictures():
            stamp_s = source.time_s
            if stamp_s is None or (self._times and stamp_s - origin_s <= self._times[-1]):
                self._unordered += 1
                continue
            if not self._times:
                origin_s = stamp_s
            self._times.append(stamp_s - origin_s)
            frame = Frame(source, time_s=self._times[-1], index=len(self._times) - 1, turns=self._turns(source))
            if watch_changes:
                before = self._note_change(frame, before)
            yield self._straightened(frame)
        if not self._times:
            raise VideoError(self.path, f"no frame could be decoded ({self._input.fault or 'the stream is empty'})")

    def timing(self) -> Timing:
        """Describe what the last complete pass found out about the time stamps."""
        p = self._params
        steps = np.diff(self._times) if len(self._times) > 1 else np.array([1.0 / 30.0])
        usual = float(np.median(steps))
        decoded = self._times[-1] + usual
        gaps = steps[steps >= p.dropped_ratio * usual]
        uneven = float(np.mean(np.abs(steps / usual - 1.0) > p.variable_ratio))
        declared = self.declared_s
        whole = not np.isfinite(declared) or decoded >= p.complete_share * declared - usual
        return Timing(
            n_frames=len(self._times),
            decoded_s=decoded,
            declared_s=declared,
            interval_s=usual,
            n_dropped=int(np.sum(np.round(gaps / usual) - 1)),
            n_repeated=_count_repeated(np.array(self._changes), p),
            n_unordered=self._unordered,
            variable_rate=uneven > p.variable_share,
            fault=self._input.fault,
            complete=whole and not self._input.fault,
        )

    def _rewind(self) -> None:
        if self._times or self._input.fault:
            self._input.close()
            self._input = VideoInput(self.path)
        self._times, self._changes, self._unordered = array("d"), array("d"), 0

    def _straightened(self, frame: Frame) -> Frame:
        if self._lens is None:
            return frame
        if self.straightener is None:
            try:
                self.straightener = straightener_for(self._lens, frame.width_px, frame.height_px)
            except CaptureError as error:
                raise VideoError(self.path, str(error)) from error
        return frame.straightened(self.straightener)

    def _turns(self, source: Picture) -> int:
        """Quarter turns anticlockwise, as `numpy.rot90` counts them."""
        if self._override is not None:
            return (-self._override // 90) % 4
        return round(source.rotation_deg / 90) % 4

    def _note_change(self, frame: Frame, before: Image | None) -> Image:
        small = frame.grey(max_side_px=_CHANGE_SIDE_PX)
        if before is not None:
            self._changes.append(float(np.abs(small.astype(np.int16) - before).mean()))
        return small


_CHANGE_SIDE_PX = 160


def _count_repeated(changes: NDArray[np.float64], params: TimingParams) -> int:
    if changes.size < 3:
        return 0
    still = changes[1:-1] < params.still_level
    moving = np.minimum(changes[:-2], changes[2:]) > params.moving_level
    return int((still & moving).sum())
