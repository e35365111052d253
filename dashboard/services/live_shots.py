"""What an open camera shows, and which cameras are open: light enough for the server, which shows it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar

__all__ = ["LiveShot", "LiveState", "LiveView", "filming_folder", "find_live_view", "open_live_view"]


class LiveState(StrEnum):
    """What a camera that a page looks through is doing."""

    WATCHING = "watching"
    RECORDING = "recording"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveShot:
    """The newest picture, as a page shows it.

    Attributes
    ----------
    number
        Grows with every picture.
    jpeg
        The picture with skeleton and numbers; empty before the first one.
    words
        The angle and its velocity.
    state
        What the camera is doing.
    recorded_s
        Length of the recording so far, 0 while none runs.
    """

    number: int
    jpeg: bytes
    words: str
    state: LiveState
    recorded_s: float


class LiveView(Protocol):
    """An open camera, as the server sees it."""

    @property
    def id(self) -> str:
        """Unguessable name of this opening."""

    @property
    def source(self) -> str:
        """Which camera it is."""

    @property
    def state(self) -> LiveState:
        """What it is doing."""

    def shot(self) -> LiveShot:
        """Return the newest picture."""

    def close(self) -> None:
        """Let the camera go."""


View = TypeVar("View", bound=LiveView)
_OPEN: dict[str, LiveView] = {}
_OPENING = threading.Lock()


def open_live_view(source: str, opening: Callable[[], View]) -> View:
    """Open a camera for a page; another page that looked through the same one loses it."""
    with _OPENING:
        for known in list(_OPEN.values()):
            if known.source == source or known.state is LiveState.ENDED:
                known.close()
                del _OPEN[known.id]
        view = opening()
        _OPEN[view.id] = view
        return view


def find_live_view(view_id: str) -> LiveView | None:
    """Return the open camera of that id, ``None`` if there is none."""
    return _OPEN.get(view_id)


def filming_folder(home: Path, code: str, started_at: datetime) -> Path:
    """Name a folder for a new recording."""
    return home / "filmed" / f"{started_at:%Y%m%d-%H%M%S}-{code}"
