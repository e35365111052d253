"""Errors of cameras, video files and pose models."""

from pathlib import Path

from analysis.errors import CatchangleError

__all__ = [
    "CameraLostError",
    "CameraUnavailableError",
    "CaptureError",
    "NoPatientError",
    "PoseModelMissingError",
    "VideoError",
    "VideoWriteError",
]


class CaptureError(CatchangleError):
    """A video or camera cannot be measured."""


class VideoError(CaptureError):
    """A file cannot be read as video; `path` names it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class NoPatientError(VideoError):
    """No patient can be followed in a video; `path` names it."""


class PoseModelMissingError(CaptureError):
    """A pose model is not where the installation should have put it; `path` is where it was looked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"pose model {path} is missing: reinstall catchangle (pip install --force-reinstall catchangle)"
        )
        self.path = path


class VideoWriteError(CaptureError):
    """A video cannot be written; `path` names it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class CameraUnavailableError(CaptureError):
    """A camera cannot be opened; `camera` is what was asked for."""

    def __init__(self, camera: str, what: str) -> None:
        super().__init__(f"camera {camera}: {what}")
        self.camera = camera


class CameraLostError(CaptureError):
    """A camera stopped giving pictures while it was used; `camera` is its name."""

    def __init__(self, camera: str, what: str) -> None:
        super().__init__(f"camera {camera}: {what}")
        self.camera = camera
