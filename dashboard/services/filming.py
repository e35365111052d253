"""Film an exam: from a camera into a recording folder, whatever happens meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capture.camera import Camera
from capture.encode import StampedImage
from capture.recorder import VideoLog
from dashboard.errors import DashboardError
from dashboard.services.recording import Recorded, record_exam
from dashboard.services.sensor_session import SensorSession
from records.journal_folder import Converted
from records.live_folder import LiveHeader

__all__ = ["Filmed", "film_exam"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filmed:
    """A recording folder, and how its video came about."""

    folder: Path
    video: VideoLog
    sensors: Converted | None = None
    fault: str = ""

    def warnings(self) -> tuple[str, ...]:
        """Return what the person who filmed should know, one sentence each."""
        return Recorded(folder=self.folder, video=self.video, sensors=self.sensors, fault=self.fault).warnings()


def film_exam(
    camera: Camera,
    out: Path,
    header: LiveHeader,
    *,
    stop: Callable[[float], bool],
    watch: Callable[[StampedImage], None] | None = None,
    sensors: SensorSession | None = None,
) -> Filmed:
    """Record from an open camera into a new recording folder until told to stop, or until the camera is lost.

    Parameters
    ----------
    camera
        An open camera.
    out
        The folder; it appears when the recording is complete. Until then its name ends in ``.unfinished``.
    header
        What is known of the exam.
    stop, watch
        As for `capture.recorder.record_video`.
    sensors
        Sensors that stream; the camera must be on the clock of `time.perf_counter` then.

    Raises
    ------
    CatchangleError
        If nothing can be written, or nothing was recorded; where something was, the message says where it is.
    """
    recorded = record_exam(out, header, camera=camera, sensors=sensors, stop=stop, watch=watch)
    if recorded.video is None:
        raise DashboardError(f"{out}: nothing was recorded; film for longer")
    return Filmed(folder=recorded.folder, video=recorded.video, sensors=recorded.sensors, fault=recorded.fault)
