"""Where notifications wait between the radio's callback and whoever decodes them: stamped first, bounded, counted."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Inbox", "Notified"]


@dataclass(frozen=True, slots=True)
class Notified:
    """One notification and the host's time (ns) when it came."""

    characteristic: str
    arrival_ns: int
    data: bytes


class Inbox:
    """The listener of one connection; what is full keeps what it has, and counts what it turns away.

    Attributes
    ----------
    is_lost
        Whether the connection is gone.
    overflowed
        Notifications that were turned away.
    """

    def __init__(self, capacity: int, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._waiting: deque[Notified] = deque()
        self._capacity = capacity
        self._wake = asyncio.Event()
        self.is_lost = False
        self.overflowed = 0

    def notified(self, characteristic: str, data: bytes | bytearray) -> None:
        """Stamp a notification and keep it."""
        arrival_ns = self._clock_ns()
        if len(self._waiting) >= self._capacity:
            self.overflowed += 1
        else:
            self._waiting.append(Notified(characteristic, arrival_ns, bytes(data)))
        self._wake.set()

    def forget(self) -> None:
        """Drop what waits."""
        self._waiting.clear()

    def lost(self) -> None:
        """Learn that the connection is gone."""
        self.is_lost = True
        self._wake.set()

    def wake(self) -> None:
        """Let `wait` return."""
        self._wake.set()

    async def wait(self, seconds: float) -> None:
        """Return when something came, the connection is lost, `wake` was called, or the time is over."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            return

    def take(self) -> list[Notified]:
        """Return what waits, oldest first, and keep it no longer."""
        taken = list(self._waiting)
        self._waiting.clear()
        self._wake.clear()
        return taken
