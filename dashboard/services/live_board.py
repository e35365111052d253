"""Which sensors a page looks at, and where the server finds what they show: light enough for the server."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from dashboard.services.live_shots import LiveState

__all__ = ["LiveBoard", "find_live_board", "open_live_board"]


class LiveBoard(Protocol):
    """Sensors that stream, as the server sees them."""

    @property
    def id(self) -> str:
        """Unguessable name of this connection."""

    @property
    def state(self) -> LiveState:
        """What they are doing."""

    def board(self, after_s: float) -> Mapping[str, Any]:
        """Return what is to be shown, as JSON knows it; of the trace what came after a time."""

    def close(self) -> None:
        """Let the sensors go."""


Board = TypeVar("Board", bound=LiveBoard)
_OPEN: dict[str, LiveBoard] = {}
_OPENING = threading.Lock()


def open_live_board(opening: Callable[[], Board]) -> Board:
    """Connect to sensors for a page; another page that looked at sensors and does not record loses them.

    A sensor takes one connection, and so does the radio's patience: there is one board at a time.

    Raises
    ------
    CatchangleError
        If the sensors cannot be connected to.
    """
    with _OPENING:
        for known in list(_OPEN.values()):
            if known.state is not LiveState.RECORDING:
                known.close()
                del _OPEN[known.id]
        board = opening()
        _OPEN[board.id] = board
        return board


def find_live_board(board_id: str) -> LiveBoard | None:
    """Return the connection of that id, ``None`` if there is none."""
    return _OPEN.get(board_id)
