"""Film an exam: from a camera into a recording folder, whatever happens meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capture.camera import Camera
from capture.encode import StampedImage
from capture.errors import VideoWriteError
from capture.recorder import VideoLog, record_video
from dashboard.errors import DashboardError
from records.live_folder import LiveFolder, LiveHeader

__all__ = ["Filmed", "film_exam"]

_FEWEST_FRAMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Filmed:
    """A recording folder, and how its video came about."""

    folder: Path
    video: VideoLog

    def warnings(self) -> tuple[str, ...]:
        """Return what the person who filmed should know, one sentence each."""
        said = []
        if self.video.n_dropped:
            said.append(f"{self.video.n_dropped} frames could not be saved in time: record smaller or slower pictures")
        if self.video.lost:
            said.append(f"{self.video.lost} after {self.video.duration_s:.1f} s; what was recorded is kept")
        if self.video.preview_fault:
            said.append(f"the preview stopped ({self.video.preview_fault}); the recording is whole")
        return tuple(said)


def film_exam(
    camera: Camera,
    out: Path,
    header: LiveHeader,
    *,
    stop: Callable[[float], bool],
    watch: Callable[[StampedImage], None] | None = None,
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

    Raises
    ------
    CatchangleError
        If nothing can be written, or nothing was recorded; where something was, the message says where it is.
    """
    folder = LiveFolder(out, header)
    try:
        video = record_video(camera, folder.video, stop=stop, watch=watch)
    except VideoWriteError as error:
        raise DashboardError(f"{error}; what was recorded until then is in {folder.video.parent}") from error
    if video.n_frames < _FEWEST_FRAMES:
        folder.abandon()
        raise DashboardError(video.lost or f"{out}: nothing was recorded; film for longer")
    return Filmed(folder=folder.finish(dropped_frames=video.n_dropped), video=video)
