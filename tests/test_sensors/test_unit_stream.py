"""The state machine of a unit on a hand-made air and virtual time: every ending that a link can take."""

# ruff: noqa: ARG002 - what is made by hand here takes the protocols' arguments, wanted or not

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from analysis.errors import CatchangleError
from sensors.driver import Driver, Link
from sensors.emulator.virtual_time import run_virtual
from sensors.engine import Engine
from sensors.errors import LinkError, NoRadioError, RefusedError
from sensors.packets import (
    Arrival,
    Channel,
    ClockQuality,
    LinkEvent,
    LinkEventKind,
    Packet,
    Rejected,
    SampleBlock,
    UnitInfo,
)
from sensors.streaming import FoundUnit, Listener, Sink, Stamped, StreamParams, UnitState, UnitStatus

PERIOD_S = 0.04
FOUND = FoundUnit(kind="plain", name="Plain 1", address="AA")
INFO = UnitInfo(
    kind="plain",
    unit_id="p1",
    name="Plain 1",
    channels=(Channel.IMU_A,),
    rate_hz=200.0,
    clock=ClockQuality.TWO_WAY,
    battery_percent=80.0,
)
KINDS = LinkEventKind


class PlainDecoder:
    """One byte is a sequence number; anything else is rejected."""

    def feed(self, arrival: Arrival) -> list[Packet]:
        if len(arrival.data) != 1:
            return [Rejected(reason="not one byte", data=arrival.data)]
        block = SampleBlock(
            channel=Channel.IMU_A,
            values=np.zeros((8, 6)),
            interval_s=0.005,
            sequence=arrival.data[0],
            sequence_modulo=256,
        )
        return [block]


@dataclass
class PlainDriver:
    kind: str = "plain"
    services: tuple[str, ...] = ()
    name_prefixes: tuple[str, ...] = ()
    notifies: tuple[str, ...] = ("data",)
    rates_hz: tuple[float, ...] = (100.0, 200.0)
    infos: list[UnitInfo] = field(default_factory=lambda: [INFO])
    pings: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    async def identify(self, link: Link, name: str, address: str) -> UnitInfo:
        return self.infos.pop(0) if len(self.infos) > 1 else self.infos[0]

    async def start(self, link: Link, info: UnitInfo, rate_hz: float) -> UnitInfo:
        if rate_hz not in self.rates_hz:
            raise RefusedError(f"not at {rate_hz:g} Hz")
        self.rates.append(rate_hz)
        await link.write("control", b"start", response=True)
        return replace(info, rate_hz=rate_hz)

    async def stop(self, link: Link) -> None:
        await link.write("control", b"stop", response=True)

    async def ping(self, link: Link, now_ns: int) -> None:
        self.pings.append(now_ns)

    async def inquire(self, link: Link) -> None:
        await link.write("battery", b"", response=False)

    def decoder(self, info: UnitInfo) -> PlainDecoder:
        return PlainDecoder()


@dataclass
class PlainLink:
    air: "PlainAir"
    listener: Listener
    sending: asyncio.Task[None] | None = None
    subscribed: list[str] = field(default_factory=list)

    async def read(self, characteristic: str) -> bytes:
        return b""

    async def write(self, characteristic: str, data: bytes, *, response: bool) -> None:
        if data == b"start":
            self.sending = asyncio.create_task(self.air.send(self))
        if data == b"stop" and self.sending is not None:
            self.sending.cancel()
            # What it had sent already arrives before its answer.
            self.listener.notified("data", bytes([self.air.sent % 256]))
            self.air.sent += 1

    async def ask(
        self, characteristic: str, data: bytes, *, answers_on: str, understand: Callable[[bytes], Any]
    ) -> Any:  # noqa: ANN401 - whatever the caller understands
        raise LinkError("nothing is answered")

    def forget(self) -> None:
        self.listener.forget()

    async def subscribe(self, characteristic: str) -> None:
        self.subscribed.append(characteristic)

    async def close(self) -> None:
        self.air.closed += 1
        if self.sending is not None:
            self.sending.cancel()


async def steadily(link: PlainLink) -> None:
    """Send a frame per period."""
    while True:
        await asyncio.sleep(PERIOD_S)
        link.listener.notified("data", bytes([link.air.sent % 256]))
        link.air.sent += 1


@dataclass
class PlainAir:
    driver: PlainDriver = field(default_factory=PlainDriver)
    scripts: list[Callable[[PlainLink], Coroutine[Any, Any, None]]] = field(default_factory=lambda: [steadily])
    open_errors: list[Exception | None] = field(default_factory=list)
    heard: bool = True
    connect_s: float = 0.1
    closed: int = 0
    sent: int = 0
    looked: int = 0

    @property
    def drivers(self) -> Mapping[str, Driver]:
        return {"plain": self.driver}

    async def scan(self, seconds: float) -> tuple[FoundUnit, ...]:
        await asyncio.sleep(seconds)
        return (FOUND,)

    async def find(self, found: FoundUnit, seconds: float) -> FoundUnit | None:
        self.looked += 1
        await asyncio.sleep(0.1 if self.heard else seconds)
        return found if self.heard else None

    async def open(self, found: FoundUnit, listener: Listener) -> PlainLink:
        await asyncio.sleep(self.connect_s)
        error = self.open_errors.pop(0) if self.open_errors else None
        if error is not None:
            raise error
        return PlainLink(air=self, listener=listener)

    async def send(self, link: PlainLink) -> None:
        self.sent = 0
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        await script(link)


def play(
    air: PlainAir, seconds: float, *, sink: Sink | None = None, params: StreamParams | None = None
) -> tuple[list[Stamped], UnitStatus]:
    """Stream for so long on virtual time."""
    taken: list[Stamped] = []

    async def main() -> UnitStatus:
        loop = asyncio.get_running_loop()
        engine = Engine([air], sink or taken.append, params=params, clock_ns=lambda: round(loop.time() * 1e9))
        for found in await engine.scan(0.1):
            engine.add(found)
        running = asyncio.ensure_future(engine.run())
        await asyncio.wait([running], timeout=seconds)
        engine.stop()
        await running
        return engine.status()[0]

    return taken, run_virtual(main())


def events(taken: list[Stamped]) -> list[tuple[int, LinkEventKind]]:
    return [(event.segment, event.kind) for event in taken if isinstance(event, LinkEvent)]


def test_a_unit_is_announced_before_anything_of_it_and_every_frame_is_handed_on() -> None:
    air = PlainAir()
    taken, status = play(air, 5.0)
    assert isinstance(taken[0], UnitInfo)
    arrivals = [record for record in taken if isinstance(record, Arrival)]
    assert [arrival.data[0] for arrival in arrivals] == list(range(air.sent))
    assert all(arrival.unit_id == "p1" and arrival.segment == 0 for arrival in arrivals)
    assert np.all(np.diff([arrival.arrival_ns for arrival in arrivals]) > 0)
    assert events(taken) == [(0, KINDS.CONNECTED), (0, KINDS.STARTED), (0, KINDS.STOPPED)]
    assert status.state is UnitState.STOPPED
    assert status.received == {Channel.IMU_A: 8 * air.sent}
    assert status.lost == {Channel.IMU_A: 0}
    assert status.rate_hz == pytest.approx(200.0, rel=0.02)
    assert status.battery_percent == 80.0
    assert air.closed == 1


def test_the_highest_rate_is_asked_unless_another_is_wanted() -> None:
    fast, chosen = PlainAir(), PlainAir()
    play(fast, 1.0)
    play(chosen, 1.0, params=StreamParams(rate_hz=100.0))
    assert (fast.driver.rates, chosen.driver.rates) == ([200.0], [100.0])


def test_it_is_pinged_twice_a_second_out_of_step_with_the_radio() -> None:
    """Even pings would meet a connection interval of 30 ms at three phases only, uneven ones meet all of it."""
    air = PlainAir()
    play(air, 60.0)
    steps_s = np.diff(air.driver.pings) * 1e-9
    assert len(air.driver.pings) == pytest.approx(119, abs=3)
    assert (np.abs(steps_s - 0.5) < 0.1251).all()
    phases_s = np.sort(np.array(air.driver.pings) * 1e-9 % 0.03)
    assert np.diff(phases_s).max() < 0.003


def test_a_pause_is_told_and_so_is_its_end() -> None:
    async def pausing(link: PlainLink) -> None:
        for number in range(20):
            await asyncio.sleep(PERIOD_S if number != 10 else 1.0)
            link.listener.notified("data", bytes([number]))
        await steadily(link)

    taken, status = play(PlainAir(scripts=[pausing]), 1.7)
    assert (0, KINDS.STALLED) in events(taken)
    assert events(taken).index((0, KINDS.RESUMED)) == events(taken).index((0, KINDS.STALLED)) + 1
    assert status.segment == 0
    stalled, resumed = (
        next(event.at_ns for event in taken if isinstance(event, LinkEvent) and event.kind is kind)
        for kind in (KINDS.STALLED, KINDS.RESUMED)
    )
    # Five frame periods, or the floor, after the last frame; the end is the next frame's own arrival.
    assert (resumed - stalled) * 1e-9 == pytest.approx(0.8, abs=0.05)


def test_a_silent_unit_is_connected_anew_as_a_new_segment() -> None:
    async def silent(link: PlainLink) -> None:
        for number in range(5):
            await asyncio.sleep(PERIOD_S)
            link.listener.notified("data", bytes([number]))

    air = PlainAir(scripts=[silent, steadily])
    taken, status = play(air, 8.0)
    assert events(taken) == [
        (0, KINDS.CONNECTED),
        (0, KINDS.STARTED),
        (0, KINDS.STALLED),
        (0, KINDS.LOST),
        (1, KINDS.CONNECTED),
        (1, KINDS.STARTED),
        (1, KINDS.STOPPED),
    ]
    assert {record.segment for record in taken if isinstance(record, Arrival)} == {0, 1}
    assert status.received[Channel.IMU_A] == 8 * (5 + air.sent)
    assert status.lost == {Channel.IMU_A: 0}
    assert sum(isinstance(record, UnitInfo) for record in taken) == 1
    assert air.looked == 1
    assert air.closed == 2


def test_a_lost_connection_is_told_at_once() -> None:
    async def dropping(link: PlainLink) -> None:
        await asyncio.sleep(0.1)
        link.listener.notified("data", b"\x00")
        link.listener.lost()

    taken, _ = play(PlainAir(scripts=[dropping, steadily]), 3.0)
    assert events(taken)[2] == (0, KINDS.LOST)
    kinds = [type(record) for record in taken]
    assert kinds.index(Arrival) < next(
        at for at, record in enumerate(taken) if isinstance(record, LinkEvent) and record.kind is KINDS.LOST
    )


def test_a_changed_unit_is_announced_again() -> None:
    async def dropping(link: PlainLink) -> None:
        await asyncio.sleep(0.1)
        link.listener.lost()

    air = PlainAir(scripts=[dropping, steadily])
    air.driver.infos = [INFO, replace(INFO, battery_percent=70.0)]
    taken, status = play(air, 3.0)
    assert [record.battery_percent for record in taken if isinstance(record, UnitInfo)] == [80.0, 70.0]
    assert status.battery_percent == 70.0


def test_another_unit_at_the_same_address_is_not_taken_for_it() -> None:
    async def dropping(link: PlainLink) -> None:
        await asyncio.sleep(0.1)
        link.listener.lost()

    air = PlainAir(scripts=[dropping, steadily])
    air.driver.infos = [INFO, replace(INFO, unit_id="other")]
    taken, status = play(air, 4.0)
    assert {record.unit_id for record in taken} == {"p1"}
    assert "another unit" in status.message


def test_what_cannot_be_done_is_said_and_not_tried_again() -> None:
    air = PlainAir()
    taken, status = play(air, 5.0, params=StreamParams(rate_hz=300.0))
    assert taken == []
    assert status.state is UnitState.REFUSED
    assert status.message == "not at 300 Hz"
    assert air.closed == 1


def test_a_unit_out_of_reach_is_tried_again_with_growing_patience() -> None:
    air = PlainAir(open_errors=[LinkError("out of range")] * 3)
    taken, status = play(air, 10.0)
    assert status.state is UnitState.STOPPED
    assert air.looked == 3
    assert events(taken)[0] == (0, KINDS.CONNECTED)
    # 0.5, 1 and 2 s of patience, three scans and four connections.
    connected = next(record for record in taken if isinstance(record, LinkEvent))
    assert connected.at_ns * 1e-9 - 1000.1 == pytest.approx(3.5 + 3 * 0.1 + 4 * 0.1, abs=0.01)


def test_without_a_radio_the_first_attempt_says_so() -> None:
    with pytest.raises(NoRadioError, match="no adapter"):
        play(PlainAir(open_errors=[NoRadioError("no adapter")]), 5.0)


def test_a_radio_that_comes_back_is_waited_for() -> None:
    async def dropping(link: PlainLink) -> None:
        await asyncio.sleep(0.1)
        link.listener.lost()

    air = PlainAir(scripts=[dropping, steadily], open_errors=[None, NoRadioError("adapter gone")])
    taken, status = play(air, 6.0)
    assert (1, KINDS.STARTED) in events(taken)
    assert status.segment == 1


def test_what_nobody_takes_in_time_is_counted() -> None:
    async def flooding(link: PlainLink) -> None:
        for number in range(50):
            link.listener.notified("data", bytes([number]))
        await steadily(link)

    params = StreamParams(inbox_s=1.0, inbox_per_s=20.0)
    air = PlainAir(scripts=[flooding, steadily])
    taken, status = play(air, 0.5, params=params)
    told = [event for event in taken if isinstance(event, LinkEvent) and event.kind is KINDS.OVERFLOW]
    assert status.overflowed == 30
    assert [event.detail for event in told] == ["30 notifications were dropped"]


def test_messages_that_are_none_are_counted_and_kept() -> None:
    async def babbling(link: PlainLink) -> None:
        link.listener.notified("data", b"what")
        await steadily(link)

    taken, status = play(PlainAir(scripts=[babbling]), 1.0)
    assert status.rejected == 1
    assert b"what" in [record.data for record in taken if isinstance(record, Arrival)]


def test_what_the_sink_raises_ends_the_streaming_and_closes_the_link() -> None:
    class DiskFullError(CatchangleError):
        pass

    def full(record: Stamped) -> None:
        if isinstance(record, Arrival) and record.data[0] == 10:
            raise DiskFullError("no space")

    air = PlainAir()
    with pytest.raises(DiskFullError):
        play(air, 5.0, sink=full)
    assert air.closed == 1


def test_stopping_does_not_wait_for_a_connection() -> None:
    air = PlainAir(connect_s=1000.0)
    taken, status = play(air, 1.0)
    assert taken == []
    assert status.state is UnitState.STOPPED


def test_a_unit_that_says_only_what_cannot_be_read_is_not_called_silent() -> None:
    """Packets cut short by a small MTU, or a firmware of another version, arrive all the same."""

    async def foreign(link: PlainLink) -> None:
        link.listener.notified("data", b"\x00")
        while True:
            await asyncio.sleep(PERIOD_S)
            link.listener.notified("data", b"what")

    taken, status = play(PlainAir(scripts=[foreign, steadily]), 8.0)
    lost = [event.detail for event in taken if isinstance(event, LinkEvent) and event.kind is KINDS.LOST]
    assert len(lost) == 1
    assert "49 other messages" in lost[0] or "50 other messages" in lost[0]
    assert "update its firmware" in lost[0]
    assert "adapter" in lost[0]
    assert status.segment == 1
    # Those of the first connection are no reason to blame the second one's bytes.
    assert status.rejected >= 49


def test_what_keeps_a_unit_from_streaming_is_said_after_the_end_too() -> None:
    _, status = play(PlainAir(open_errors=[LinkError("out of range")] * 99, heard=False), 4.0)
    assert status.state is UnitState.STOPPED
    assert "out of range" in status.message
