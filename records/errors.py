"""Errors of files and of the store."""

from pathlib import Path

from analysis.errors import CatchangleError

__all__ = ["NewerVersionError", "RecordError", "StoreError"]


class RecordError(CatchangleError):
    """A file or folder is missing, damaged or not what it should be; `path` names it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class NewerVersionError(RecordError):
    """A file or database was written by a newer version of the program; `found_version` is the version in it."""

    def __init__(self, path: Path, what: str, found_version: str) -> None:
        super().__init__(path, what)
        self.found_version = found_version


class StoreError(RecordError):
    """The store cannot be opened or written."""
