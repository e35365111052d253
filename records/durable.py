"""Files and folders that appear whole or not at all, also when the power fails or the disk is full."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from records.errors import StoreError

__all__ = ["PARTIAL", "discard", "new_folder", "place_folder", "refusal", "write_file"]

PARTIAL = ".partial-"
"""Beginning of the names of files and folders that are still being written."""


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, bring it to the disk, and give it its name at once.

    Raises
    ------
    StoreError
        If the disk refuses; `path` is then as it was before.
    """
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.parent / f"{PARTIAL}{uuid4().hex}{path.suffix}"
        write(partial)
        _sync(partial)
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(path, refusal(error)) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def new_folder(parent: Path) -> Path:
    """Make a temporary folder that `place_folder` gives its name later.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        partial = parent / f"{PARTIAL}{uuid4().hex}"
        partial.mkdir()
    except OSError as error:
        raise StoreError(parent, refusal(error)) from error
    return partial


def place_folder(partial: Path, path: Path) -> None:
    """Bring the files of a flat folder to the disk and give the folder its name at once.

    Raises
    ------
    StoreError
        If the disk refuses; `path` does not exist then.
    """
    try:
        for file in partial.iterdir():
            _sync(file)
        _sync_folder(partial)
        partial.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(path, refusal(error)) from error


def refusal(error: OSError) -> str:
    """Say why the disk refused, and what to do."""
    return f"cannot be written ({error.strerror or error}); free space on the disk or choose another folder"


def discard(folder: Path) -> None:
    """Remove a folder that was not completed; what cannot be removed is left for the next start."""
    shutil.rmtree(folder, ignore_errors=True)


def _sync(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open folders; its journal orders renames by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
