"""Errors of cameras, video files and pose models."""

from pathlib import Path

from analysis.errors import CatchangleError

__all__ = ["CaptureError", "NoPatientError", "PoseModelMissingError", "VideoError"]


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
