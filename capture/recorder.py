"""From a camera to a file: every frame saved with its true time, the preview at the rate that the machine manages."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from capture.camera import Camera
from capture.container import VideoWriter, repack
from capture.encode import EncodeParams, StampedImage
from capture.errors import CameraLostError

__all__ = ["VideoLog", "Viewer", "record_video"]

_ENCODING = EncodeParams()


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoLog:
    """What was recorded.

    Attributes
    ----------
    n_frames
        Frames in the file.
    n_dropped
        Frames that the camera gave and that could not be saved in time.
    duration_s
        Time from the first to the last frame.
    width_px, height_px
        Size of the frames.
    lost
        Why the camera was lost, empty if it was not.
    preview_fault
        Why the preview ended before the recording, empty if it did not.
    """

    n_frames: int
    n_dropped: int
    duration_s: float
    width_px: int
    height_px: int
    lost: str
    preview_fault: str


def record_video(
    camera: Camera,
    path: Path,
    *,
    stop: Callable[[float], bool],
    watch: Callable[[StampedImage], None] | None = None,
    began: Callable[[float], None] | None = None,
    params: EncodeParams = _ENCODING,
) -> VideoLog:
    """Save every frame of an open camera until told to stop, or until the camera is lost.

    While it runs, the file at `path` can be read up to the last fraction of a second, whatever happens to the process.
    At the end it is put in the usual form, its index in front, without touching the encoded frames.

    Parameters
    ----------
    camera
        An open camera.
    path
        File to write.
    stop
        Asked with the time since the first frame, s, before each frame is saved: True ends the recording.
    watch
        Shown the newest frame, times since the first frame, in a thread of its own, as often as it manages; if it
        raises, it is shown no more, and the recording goes on.
    began
        Told when the first frame that is saved was taken, s of the camera's clock.
    params
        How the video is encoded.

    Raises
    ------
    VideoWriteError
        If the file cannot be written; what was written before is kept.
    """
    width, height = camera.size
    start_s: float | None = None
    saved: list[float] = []
    lost = ""
    with (
        Viewer(watch) as viewer,
        VideoWriter(path, width=width, height=height, crash_safe=True, params=params) as writer,
    ):
        try:
            for image in camera:
                start_s = image.time_s if start_s is None else start_s
                stamped = StampedImage(time_s=image.time_s - start_s, rgb=image.rgb)
                if stop(stamped.time_s):
                    break
                if began is not None and not saved:
                    began(start_s)
                writer.write(stamped)
                saved.append(stamped.time_s)
                viewer.show(stamped)
        except CameraLostError as error:
            lost = str(error)
    if saved:
        _settle(path)
    return VideoLog(
        n_frames=len(saved),
        n_dropped=camera.dropped,
        duration_s=saved[-1] - saved[0] if saved else 0.0,
        width_px=width,
        height_px=height,
        lost=lost,
        preview_fault=viewer.fault,
    )


def _settle(path: Path) -> None:
    """Put the index in front; the name changes hands only when the new file is complete."""
    settled = path.with_name(f"settled-{path.name}")
    repack(path, settled)
    settled.replace(path)


class Viewer:
    """Shows the newest frame in a thread of its own; frames that come meanwhile are passed over. A context manager."""

    def __init__(self, watch: Callable[[StampedImage], None] | None) -> None:
        self._watch = watch
        self._newest: StampedImage | None = None
        self._changed = threading.Condition()
        self._ended = False
        self.fault = ""
        self._thread = threading.Thread(target=self._run, name="preview", daemon=True)

    def __enter__(self) -> Self:
        if self._watch is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._watch is not None:
            self._thread.join()

    def show(self, image: StampedImage) -> None:
        """Hand over the newest frame, without waiting."""
        with self._changed:
            self._newest = image
            self._changed.notify()

    def _run(self) -> None:
        while (image := self._next()) is not None and self._watch is not None:
            start_s = time.monotonic()
            try:
                self._watch(image)
            except Exception as error:  # noqa: BLE001 - said in the log; the recording goes on
                self.fault = f"{type(error).__name__}: {error}"
                return
            self._rest(time.monotonic() - start_s)

    def _rest(self, seconds: float) -> None:
        """Leave the machine to the recording for as long as the last look took."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended, timeout=seconds)

    def _next(self) -> StampedImage | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._newest is not None)
            image, self._newest = self._newest, None
            return None if self._ended else image
