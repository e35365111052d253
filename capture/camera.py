"""The live camera: frames stamped on the computer's monotonic clock; a slow reader never makes the camera wait."""

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from capture.container import TEST_PATTERN, read_camera
from capture.encode import StampedImage
from capture.errors import CameraLostError, CameraUnavailableError, CaptureError
from capture.video import VideoReader

__all__ = ["Camera", "CameraParams", "ClockFit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraParams:
    """What is asked of a camera, and how long it is waited for.

    Attributes
    ----------
    width, height
        Size asked for, pixels; the camera gives the nearest that it can (chosen by us: 720p shows a limb well).
    rate_hz
        Frame rate asked for, Hz: below 60 Hz video loses accuracy in fast movement (Sports2D's documentation).
    queue_frames
        Frames that may wait for the reader before new ones are dropped and counted: a second (chosen by us; 165 MB).
    open_timeout_s
        Longest time from opening to the first frame, s: some cameras take seconds to start (chosen by us).
    stall_timeout_s
        A camera that gives nothing for this long is lost, s (chosen by us).
    clock_window_s
        The camera's clock is laid on the computer's over this much of the past, s: long against the jitter of
        delivery, short against the drift of a crystal, 50 ppm of 10 s is 0.5 ms (chosen by us).
    """

    width: int = 1280
    height: int = 720
    rate_hz: float = 60.0
    queue_frames: int = 60
    open_timeout_s: float = 10.0
    stall_timeout_s: float = 3.0
    clock_window_s: float = 10.0


class ClockFit:
    """Lay a device's clock on the computer's, frame by frame.

    A frame arrives late by a varying delay, never early: the smallest difference between arrival and device time in
    the recent past is the offset of the clocks, and the jitter of delivery falls away.

    Parameters
    ----------
    window_s
        How much of the past is looked at, s.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._candidates: deque[tuple[float, float]] = deque()  # (arrival, offset), offsets growing
        self._last_s = float("-inf")

    def stamp(self, device_s: float, arrival_s: float) -> float:
        """Return the time of a frame on the computer's clock: not after its arrival, and after the frame before.

        Frames that were held up arrive all at once; they are kept so far apart that a file can tell them apart.
        """
        offset_s = arrival_s - device_s
        while self._candidates and self._candidates[-1][1] >= offset_s:
            self._candidates.pop()
        self._candidates.append((arrival_s, offset_s))
        while arrival_s - self._candidates[0][0] > self._window_s:
            self._candidates.popleft()
        stamped_s = device_s + self._candidates[0][1]
        if stamped_s <= self._last_s:  # the device's clock stood still or went back: the arrival is all that is known
            stamped_s = arrival_s
        self._last_s = max(stamped_s, self._last_s + _LEAST_STEP_S)
        return self._last_s


_LEAST_STEP_S = 1e-4  # the ticks of a written file are 11 µs


class Camera:
    """A camera, or a video file or test pattern in its place, read in the background.

    A context manager and an iterator of `StampedImage`, whose times are on the monotonic clock. The iterator ends when
    a file in the camera's place does, or after `close`.

    Parameters
    ----------
    source
        Index or name of a camera, the path of a video file, or "test-pattern".
    params
        What is asked of it.
    clock
        The computer's clock, s.

    Raises
    ------
    CameraUnavailableError
        On entering, if it cannot be opened or gives no picture.
    CameraLostError
        While iterating, if the camera stops giving pictures; the frames before it have been given.
    """

    def __init__(
        self, source: str, params: CameraParams = CameraParams(), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.source = source
        self._params = params
        self._clock = clock
        self._waiting: queue.Queue[StampedImage | CaptureError | None] = queue.Queue(params.queue_frames)
        self._first: StampedImage | None = None
        self._size: tuple[int, int] | None = None
        self._began_s: float | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self._dropped = 0
        self._stands_in = source == TEST_PATTERN or Path(source).is_file()

    @property
    def dropped(self) -> int:
        """Frames that the camera gave and nobody fetched in time; what stands in for a camera waits, and drops none."""
        return self._dropped

    @property
    def began_s(self) -> float:
        """When the first frame was taken, s of the camera's clock."""
        if self._began_s is None:
            raise CameraUnavailableError(self.source, "is not open")
        return self._began_s

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames."""
        if self._size is None:
            raise CameraUnavailableError(self.source, "is not open")
        return self._size

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            first = self._waiting.get(timeout=self._params.open_timeout_s)
        except queue.Empty:
            self.close()
            waited = f"{self._params.open_timeout_s:g} s"
            raise CameraUnavailableError(self.source, f"gave no picture within {waited}; is its lens open?") from None
        if not isinstance(first, StampedImage):
            self.close()
            raise first or CameraUnavailableError(self.source, "gave no picture")
        self._first = first
        self._began_s = first.time_s
        self._size = (first.rgb.shape[1], first.rgb.shape[0])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[StampedImage]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        while not self._closed.is_set():
            try:
                item = self._waiting.get(timeout=self._params.stall_timeout_s)
            except queue.Empty:
                waited = f"{self._params.stall_timeout_s:g} s"
                raise CameraLostError(self.source, f"gave no picture for {waited}") from None
            if item is None:
                return
            if isinstance(item, CaptureError):
                raise item
            yield item

    def close(self) -> None:
        """Let the camera go; what waits is still lost to the reader."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._params.stall_timeout_s)

    def _read(self) -> None:
        """Read until told to stop (runs in its own thread)."""
        end: CaptureError | None = None
        try:
            with closing(self._frames()) as frames:
                for frame in frames:
                    if self._closed.is_set():
                        return
                    self._offer(frame)
        except CaptureError as error:
            end = error
        self._hand_over(end)

    def _offer(self, frame: StampedImage) -> None:
        """Hand over a frame: a camera does not wait for the reader, what stands in for one does."""
        if self._stands_in:
            self._hand_over(frame)
            return
        try:
            self._waiting.put_nowait(frame)
        except queue.Full:
            self._dropped += 1

    def _hand_over(self, item: StampedImage | CaptureError | None) -> None:
        """Put something behind the frames that still wait, as soon as there is room."""
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._waiting.put(item, timeout=self._params.stall_timeout_s)
                return

    def _frames(self) -> Generator[StampedImage, None, None]:
        """Yield frames stamped on the computer's clock."""
        if self._stands_in:
            yield from self._paced()
            return
        fit = ClockFit(self._params.clock_window_s)
        for image in self._device():
            yield StampedImage(time_s=fit.stamp(image.time_s, self._clock()), rgb=image.rgb)

    def _device(self) -> Iterator[StampedImage]:
        p = self._params
        return read_camera(self.source, width=p.width, height=p.height, rate_hz=p.rate_hz)

    def _paced(self) -> Generator[StampedImage, None, None]:
        """Let a file or the test pattern come as a camera's pictures would: in its own time."""
        start_s = self._clock()
        for image in self._device() if self.source == TEST_PATTERN else _file_images(Path(self.source)):
            due_s = start_s + image.time_s
            self._closed.wait(max(0.0, due_s - self._clock()))
            yield StampedImage(time_s=due_s, rgb=image.rgb)


def _file_images(path: Path) -> Iterator[StampedImage]:
    with VideoReader(path) as reader:
        for frame in reader.frames():
            yield StampedImage(time_s=frame.time_s, rgb=frame.rgb())
