"""Several units at once: found in the air, streamed to one sink, each with its own fate."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sensors.errors import LinkError
from sensors.inbox import Inbox
from sensors.packets import UnitInfo
from sensors.streaming import Air, FoundUnit, OpenLink, Sink, StreamParams, UnitStatus, Watch
from sensors.unit_stream import UnitStream

__all__ = ["Engine"]

Answer = TypeVar("Answer")

_FEW = 16
"""Notifications that are kept of a unit that is only asked what it is."""


class Engine:
    """Streams units of one or more airs; made and used within one running event loop.

    Parameters
    ----------
    airs
        Where units are found.
    sink
        Takes all that happens.
    watch
        Sees the decoded packets, for live views.
    params
        When units are given up, and how often they are asked.
    clock_ns
        The host's monotonic clock (ns); a virtual one in tests.
    """

    def __init__(
        self,
        airs: Sequence[Air],
        sink: Sink,
        *,
        watch: Watch | None = None,
        params: StreamParams | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._airs = tuple(airs)
        self._sink = sink
        self._watch = watch
        self._params = params or StreamParams()
        self._clock_ns = clock_ns
        self._streams: list[UnitStream] = []

    async def scan(self, seconds: float) -> tuple[FoundUnit, ...]:
        """Listen in all airs; one that cannot be used counts only if none can.

        Raises
        ------
        NoRadioError
            If no air can be used.
        """
        found, failed = list[FoundUnit](), list[LinkError]()
        for air in self._airs:
            try:
                found += await air.scan(seconds)
            except LinkError as error:
                failed.append(error)
        if failed and len(failed) == len(self._airs):
            raise failed[0]
        return tuple(found)

    async def identify(self, found: FoundUnit) -> UnitInfo:
        """Connect to a unit, ask what it is, and let it go.

        Raises
        ------
        LinkError
            If it cannot be reached, or is none that its driver knows.
        """
        driver = self._air_of(found).drivers[found.kind]
        return await self.converse(found, lambda link: driver.identify(link, found.name, found.address))

    async def converse(self, found: FoundUnit, talk: Callable[[OpenLink], Awaitable[Answer]]) -> Answer:
        """Connect to a unit, talk to it, and let it go.

        Raises
        ------
        LinkError
            If it cannot be reached, or what `talk` raises.
        """
        air = self._air_of(found)
        link = await air.open(found, Inbox(_FEW, self._clock_ns))
        try:
            for characteristic in air.drivers[found.kind].notifies:
                await link.subscribe(characteristic)
            return await talk(link)
        finally:
            await link.close()

    def add(self, found: FoundUnit) -> None:
        """Take a unit in, before `run`."""
        air = self._air_of(found)
        stream = UnitStream(air, found, self._sink, watch=self._watch, params=self._params, clock_ns=self._clock_ns)
        self._streams.append(stream)

    def _air_of(self, found: FoundUnit) -> Air:
        air = next((air for air in self._airs if found.kind in air.drivers), None)
        if air is None:
            raise LinkError(f"{found.name}: nothing here can open a {found.kind}; scan again")
        return air

    async def run(self) -> None:
        """Stream all units until `stop`, or until none is left that could.

        Raises
        ------
        NoRadioError
            If this machine has no usable radio.
        CatchangleError
            Whatever the sink raises; the units are stopped first.
        """
        tasks = [asyncio.create_task(stream.run()) for stream in self._streams]
        try:
            await asyncio.gather(*tasks)
        finally:
            self.stop()
            for task in tasks:
                if not task.done() and not task.cancelled():
                    await asyncio.wait([task], timeout=self._params.stop_s)
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """End the streaming; `run` returns soon."""
        for stream in self._streams:
            stream.stop()

    def status(self) -> tuple[UnitStatus, ...]:
        """Tell what is known of each unit now."""
        return tuple(stream.status() for stream in self._streams)
