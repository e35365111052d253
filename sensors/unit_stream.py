"""One unit from found to stopped: connect, set up, stream, and connect anew when it is lost."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from sensors.driver import Decoder, Driver
from sensors.errors import LinkError, NoRadioError, RefusedError
from sensors.inbox import Inbox, Notified
from sensors.packets import Arrival, Channel, ClockQuality, LinkEvent, LinkEventKind, Packet, SampleBlock, UnitInfo
from sensors.streaming import Air, FoundUnit, OpenLink, Sink, StreamParams, UnitState, UnitStatus, Watch
from sensors.unit_account import UnitAccount

__all__ = ["UnitStream"]

Answer = TypeVar("Answer")

_GOLDEN = 0.6180339887498949
"""Multiples of it, wrapped, fill an interval evenly however many there are (Weyl 1916, doi:10.1007/BF01475864)."""
_INERTIAL = {Channel.IMU_A, Channel.IMU_B}


class UnitStream:
    """Keeps one unit streaming until it is told to stop, or until the unit refuses."""

    def __init__(
        self,
        air: Air,
        found: FoundUnit,
        sink: Sink,
        *,
        watch: Watch | None,
        params: StreamParams,
        clock_ns: Callable[[], int],
    ) -> None:
        self._air = air
        self._found = found
        self._driver: Driver = air.drivers[found.kind]
        self._sink = sink
        self._watch = watch
        self._params = params
        self._clock_ns = clock_ns
        self._account = UnitAccount(found, params)
        self._inbox = self._new_inbox()
        self._overflowed = self._told_overflowed = 0
        self._info: UnitInfo | None = None
        self._segment = -1
        self._failed = False
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End the streaming; `run` returns soon."""
        self._stopping.set()
        self._inbox.wake()

    def status(self) -> UnitStatus:
        """Tell what is known now."""
        return self._account.status(self._clock_ns(), self._overflowed + self._inbox.overflowed)

    async def run(self) -> None:
        """Stream until stopped or refused.

        Raises
        ------
        NoRadioError
            If this machine has no usable radio, and the unit never streamed.
        """
        wait_s = self._params.backoff_s
        while not self._stopping.is_set():
            segment = self._segment
            try:
                await self._connect_and_stream()
            except RefusedError as error:
                self._refused(str(error))
                return
            except LinkError as error:
                if isinstance(error, NoRadioError) and self._segment < 0:
                    raise
                if not self._stopping.is_set():  # what kept it from streaming says more than that it was stopped
                    self._account.enter(UnitState.LOST, str(error))
            if self._stopping.is_set():
                break
            wait_s = self._params.backoff_s if self._segment > segment else wait_s
            await self._pause(wait_s)
            wait_s = min(2 * wait_s, self._params.backoff_max_s)
        self._account.enter(UnitState.STOPPED)

    def _refused(self, why: str) -> None:
        self._account.enter(UnitState.REFUSED, why)
        if self._info is not None:
            self._tell(LinkEventKind.REFUSED, why)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _connect_and_stream(self) -> None:
        if self._failed:
            await self._unless_stopped(self._look_again())
        self._failed = True
        self._account.enter(UnitState.CONNECTING)
        self._overflowed += self._inbox.overflowed
        self._inbox, self._told_overflowed = self._new_inbox(), 0
        link = await self._unless_stopped(self._air.open(self._found, self._inbox))
        try:
            info = await self._unless_stopped(self._set_up(link))
            await self._stream(link, info)
        finally:
            await link.close()

    async def _unless_stopped(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Wait for something that may take long, but not once the streaming is to end."""
        tasks = asyncio.create_task(work), asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not tasks[0].done():
                raise LinkError(f"{self._found.name}: was stopped before it streamed")
            return tasks[0].result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_again(self) -> None:
        """Scan for the unit: the operating system may have forgotten it when it was lost."""
        self._account.enter(UnitState.SCANNING)
        found = await self._air.find(self._found, self._params.scan_s)
        if found is None:
            raise LinkError(f"{self._found.name}: is out of range or switched off; bring it closer and switch it on")
        self._found = found

    async def _set_up(self, link: OpenLink) -> UnitInfo:
        connected_ns = self._clock_ns()
        self._account.enter(UnitState.CONFIGURING)
        for characteristic in self._driver.notifies:
            await link.subscribe(characteristic)
        info = await self._driver.identify(link, self._found.name, self._found.address)
        if self._info is not None and info.unit_id != self._info.unit_id:
            raise LinkError(f"{self._found.name}: another unit answers at its address; switch that one off")
        self._inbox.forget()
        info = await self._driver.start(link, info, self._rate_for(info))
        self._begin(info, connected_ns)
        return info

    def _rate_for(self, info: UnitInfo) -> float:
        wanted = self._params.rate_hz
        if wanted is not None and _INERTIAL.intersection(info.channels):
            return wanted
        return max(self._driver.rates_hz, default=info.rate_hz)

    def _begin(self, info: UnitInfo, connected_ns: int) -> None:
        self._segment += 1
        if info != self._info:
            self._sink(info)
        self._info = info
        self._account.begin(info, self._segment)
        self._account.enter(UnitState.STREAMING, self._limit())
        self._tell(LinkEventKind.CONNECTED, at_ns=connected_ns)
        self._tell(LinkEventKind.STARTED, f"{info.rate_hz:g} Hz")

    def _limit(self) -> str:
        """Say what the unit cannot do even when all is well."""
        return "" if self._info is None else str(self._info.details.get("limit", ""))

    async def _stream(self, link: OpenLink, info: UnitInfo) -> None:
        decoder = self._driver.decoder(info)
        asking = asyncio.create_task(self._ask_regularly(link, info))
        try:
            why = await self._listen(decoder, info)
            if why:
                self._tell(LinkEventKind.LOST, why)
                self._account.enter(UnitState.LOST, f"{info.name}: {why}; connecting again")
                return
            await self._end(link, decoder)
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking

    async def _listen(self, decoder: Decoder, info: UnitInfo) -> str:
        """Pass on what comes until told to stop; return why the unit was lost, or nothing."""
        silence = _Silence(self._params, self._clock_ns(), self._params.frame_samples / info.rate_hz)
        silence.rejected = self._account.rejected
        while True:
            await self._inbox.wait(silence.next_s(self._clock_ns()))
            is_lost = self._inbox.is_lost
            self._pass_all(decoder, silence)
            if self._stopping.is_set():
                return ""
            if is_lost:
                return "the connection was lost"
            silent_s = silence.lasts_s(self._clock_ns())
            if silent_s >= silence.lost_s:
                return self._why_silent(silence, silent_s)
            if not silence.noticed and silent_s >= silence.stall_s:
                silence.noticed = True
                self._account.enter(UnitState.STALLED, f"nothing came for {silent_s * 1e3:.0f} ms")
                self._tell(LinkEventKind.STALLED, f"nothing came for {silent_s * 1e3:.0f} ms")

    def _why_silent(self, silence: "_Silence", silent_s: float) -> str:
        """Tell a unit that says nothing from one that says what its decoder does not know."""
        unreadable = self._account.rejected - silence.rejected
        if not unreadable:
            return f"nothing came for {silent_s:.1f} s"
        return (
            f"nothing that can be read came for {silent_s:.1f} s, but {unreadable} other messages: update its "
            "firmware, or use another Bluetooth adapter if this one's packets are too small"
        )

    def _pass_all(self, decoder: Decoder, silence: "_Silence") -> None:
        """Pass on what waits, and tell what it ends or what was turned away."""
        for notified in self._inbox.take():
            span_s = self._pass_on(notified, decoder)
            if span_s is None:
                continue
            if silence.noticed:
                self._account.enter(UnitState.STREAMING, self._limit())
                self._tell(LinkEventKind.RESUMED, at_ns=notified.arrival_ns)
            silence.end(notified.arrival_ns, span_s)
            silence.rejected = self._account.rejected
        dropped = self._inbox.overflowed - self._told_overflowed
        if dropped:
            self._told_overflowed += dropped
            self._tell(LinkEventKind.OVERFLOW, f"{dropped} notifications were dropped")

    def _pass_on(self, notified: Notified, decoder: Decoder) -> float | None:
        """Hand an arrival on; return the time its samples span (s), if it has any."""
        if self._info is None:
            return None
        arrival = Arrival(
            unit_id=self._info.unit_id,
            segment=self._segment,
            characteristic=notified.characteristic,
            arrival_ns=notified.arrival_ns,
            data=notified.data,
        )
        self._sink(arrival)
        packets = decoder.feed(arrival)
        if self._watch is not None:
            self._watch(self._info, arrival, packets)
        return _span_s(packets) if self._account.observe(notified.arrival_ns, packets) else None

    async def _end(self, link: OpenLink, decoder: Decoder) -> None:
        """Stop the unit, and pass on what it still sent before it answered."""
        why = ""
        try:
            async with asyncio.timeout(self._params.stop_s):
                await self._driver.stop(link)
        except (LinkError, TimeoutError) as error:
            why = str(error) or "it did not answer"
        for notified in self._inbox.take():
            self._pass_on(notified, decoder)
        self._tell(LinkEventKind.STOPPED, why)

    async def _ask_regularly(self, link: OpenLink, info: UnitInfo) -> None:
        """Ping, and ask for the battery now and then; where that fails, the silence or the lost link will tell."""
        two_way = info.clock is ClockQuality.TWO_WAY
        since_s, asked = 0.0, 0
        while True:
            with suppress(LinkError):
                if two_way:
                    await self._driver.ping(link, self._clock_ns())
                if since_s >= self._params.inquire_s:
                    since_s = 0.0
                    await self._driver.inquire(link)
            # Questions in step with the radio would all wait equally long for it, and that would shift the clock.
            asked += 1
            pause_s = self._params.ping_s * (0.75 + 0.5 * (asked * _GOLDEN % 1.0))
            await asyncio.sleep(pause_s)
            since_s += pause_s

    def _tell(self, kind: LinkEventKind, detail: str = "", at_ns: int | None = None) -> None:
        if self._info is None:
            return
        at_ns = self._clock_ns() if at_ns is None else at_ns
        unit_id = self._info.unit_id
        self._sink(LinkEvent(unit_id=unit_id, segment=self._segment, at_ns=at_ns, kind=kind, detail=detail))

    def _new_inbox(self) -> Inbox:
        return Inbox(max(1, round(self._params.inbox_s * self._params.inbox_per_s)), self._clock_ns)


class _Silence:
    """Time since the last samples, and when it is called a stall or a loss."""

    def __init__(self, params: StreamParams, heard_ns: int, span_s: float) -> None:
        self._params = params
        self.rejected = 0
        self.end(heard_ns, span_s)

    def end(self, heard_ns: int, span_s: float) -> None:
        self.noticed = False
        self._heard_ns = heard_ns
        self.stall_s = max(self._params.stall_floor_s, self._params.stall_frames * span_s)
        self.lost_s = max(self._params.lost_s, 2 * self.stall_s)

    def lasts_s(self, now_ns: int) -> float:
        return (now_ns - self._heard_ns) * 1e-9

    def next_s(self, now_ns: int) -> float:
        return (self.lost_s if self.noticed else self.stall_s) - self.lasts_s(now_ns)


def _span_s(packets: list[Packet]) -> float:
    return max(len(packet.values) * packet.interval_s for packet in packets if isinstance(packet, SampleBlock))
