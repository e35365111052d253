"""Record an exam: camera, sensors or both on one clock, into a recording folder, whatever happens meanwhile."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capture.camera import Camera
from capture.encode import StampedImage
from capture.errors import VideoWriteError
from capture.recorder import VideoLog, record_video
from dashboard.errors import DashboardError
from dashboard.services.sensor_session import SensorSession
from records.errors import StoreError
from records.journal_folder import Converted
from records.live_folder import LiveFolder, LiveHeader

__all__ = ["Recorded", "record_exam"]

_FEWEST_FRAMES = 2
_LOOK_S = 0.05
"""How often it is asked whether to stop, where no camera sets the pace (chosen by us)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A recording folder, and how it came about; what was not recorded is ``None``."""

    folder: Path
    video: VideoLog | None
    sensors: Converted | None
    fault: str = ""

    def warnings(self) -> tuple[str, ...]:
        """Return what the person who recorded should know, one sentence each."""
        said = [self.fault] if self.fault else []
        if self.video is not None:
            said += _of_video(self.video)
        if self.sensors is not None:
            said += self.sensors.quality
        return tuple(said)


def _of_video(video: VideoLog) -> list[str]:
    said = []
    if video.n_dropped:
        said.append(f"{video.n_dropped} frames could not be saved in time: record smaller or slower pictures")
    if video.lost:
        said.append(f"{video.lost} after {video.duration_s:.1f} s; what was recorded is kept")
    if video.preview_fault:
        said.append(f"the preview stopped ({video.preview_fault}); the recording is whole")
    return said


def record_exam(
    out: Path,
    header: LiveHeader,
    *,
    camera: Camera | None = None,
    sensors: SensorSession | None = None,
    stop: Callable[[float], bool],
    watch: Callable[[StampedImage], None] | None = None,
) -> Recorded:
    """Record into a new folder until told to stop, or until the camera or the journal of the sensors is lost.

    Parameters
    ----------
    out
        The folder; it appears when the recording is complete. Until then its name ends in ``.unfinished``.
    header
        What is known of the exam.
    camera
        An open camera, on the clock of `time.perf_counter` where sensors are recorded beside it.
    sensors
        Sensors that stream.
    stop
        Asked with the seconds since the start: True ends the recording.
    watch
        As for `capture.recorder.record_video`.

    Raises
    ------
    CatchangleError
        If nothing can be written, or nothing was recorded; where something was, the message says where it is.
    """
    folder = LiveFolder(out, header, with_video=camera is not None)
    try:
        if sensors is not None:
            sensors.record(folder.journal, folder.exam())
    except BaseException:
        folder.abandon()
        raise
    video = _film(folder, camera, sensors, stop=stop, watch=watch)
    fault = "" if sensors is None else sensors.fault
    if sensors is not None:
        sensors.stop()
    if sensors is None and (video is None or video.n_frames < _FEWEST_FRAMES):
        folder.abandon()
        lost = "" if video is None else video.lost
        raise DashboardError(lost or f"{out}: nothing was recorded; film for longer")
    if sensors is not None and video is not None and video.n_frames < _FEWEST_FRAMES:
        folder.without_video()
    try:
        finished = folder.finish(dropped_frames=0 if video is None else video.n_dropped)
    except StoreError as error:
        raise DashboardError(f"{error}; what was recorded is in {folder.video.parent}: `catchangle recover`") from error
    return Recorded(folder=finished, video=video, sensors=folder.converted, fault=fault)


def _film(
    folder: LiveFolder,
    camera: Camera | None,
    sensors: SensorSession | None,
    *,
    stop: Callable[[float], bool],
    watch: Callable[[StampedImage], None] | None,
) -> VideoLog | None:
    """Record until told to stop, or until the sensors can no longer be recorded."""

    def enough(time_s: float) -> bool:
        return stop(time_s) or (sensors is not None and bool(sensors.fault))

    if camera is None:
        start_s = time.monotonic()
        while not enough(time.monotonic() - start_s):
            time.sleep(_LOOK_S)
        return None
    began = None if sensors is None else sensors.video_began  # a camera that was looked through began long before
    try:
        return record_video(camera, folder.video, stop=enough, watch=watch, began=began)
    except VideoWriteError as error:
        raise DashboardError(f"{error}; what was recorded until then is in {folder.video.parent}") from error
