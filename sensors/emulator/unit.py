"""What all virtual units share: a clock of their own, a radio, samples handed to it, and ways to fail."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bumble import att
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service

from sensors.emulator.adapter import bumble_device
from sensors.emulator.movement import Movement, Values
from sensors.emulator.radio_link import RadioLink
from sensors.packets import Channel

__all__ = ["Burst", "Ledger", "Series", "UnitClock", "UnitPlan", "VirtualUnit"]

_ADVERTISING_INTERVAL_MS = 100.0
_WAKES_LATE_S = 0.002
"""Largest time from a burst's last sample to the radio: what a small firmware's scheduler takes (chosen by us)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPlan:
    """One virtual unit.

    Attributes
    ----------
    address
        Static random Bluetooth address.
    unit_id
        Lasting identity, 6 octets in hexadecimal.
    tag
        Two characters that end its name.
    drift_ppm
        How much faster than the host's its clock runs.
    signal_dbm
        Strength at which the host hears it.
    battery_percent
        State of charge.
    mtu
        Largest MTU that it takes.
    firmware
        Version that it reports.
    charging
        Whether it hangs on USB power.
    seed
        Source of its chance.
    """

    address: str
    unit_id: str = "a1b2c3d4e5f6"
    tag: str = "1"
    drift_ppm: float = 0.0
    signal_dbm: int = -55
    battery_percent: int = 90
    mtu: int = 247
    firmware: str = "1.0.0"
    charging: bool = False
    seed: int = 0


@dataclass(slots=True, kw_only=True)
class UnitClock:
    """A unit's own clock, in seconds since it was switched on.

    Attributes
    ----------
    boot_s
        World time at which it began.
    drift_ppm
        How much faster than the world it runs.
    jumps_s
        How far off what it stamps was, in the order in which that came about; the last holds now.
    """

    boot_s: float
    drift_ppm: float
    jumps_s: list[float] = field(default_factory=lambda: [0.0])

    def own_s(self, world_s: float) -> float:
        """Return the unit's time at a time of the world."""
        return (world_s - self.boot_s) * (1.0 + self.drift_ppm * 1e-6)

    def world_s(self, own_s: Values) -> Values:
        """Return times of the world at times of the unit."""
        result: Values = self.boot_s + own_s / (1.0 + self.drift_ppm * 1e-6)
        return result

    def stamp(self, own_s: float, *, tick_s: float = 1e-6, modulo: int = 2**32) -> int:
        """Return what the unit writes for one of its times."""
        return round((own_s + self.jumps_s[-1]) / tick_s) % modulo

    def jump(self, by_s: float) -> None:
        """Stamp from now on what is off by so much more."""
        self.jumps_s.append(self.jumps_s[-1] + by_s)


@dataclass(slots=True, kw_only=True)
class Ledger:
    """What became of the samples of one connection, by channel: the truth that a receiver's account is held against.

    Attributes
    ----------
    clock
        The clock by which they were measured.
    measured
        Samples that were due since streaming began, up to the last burst: a unit that falls silent tells no more.
    handed
        Those that the unit's radio took.
    """

    clock: UnitClock
    measured: Counter[Channel] = field(default_factory=Counter)
    handed: Counter[Channel] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Burst:
    """Samples that go into one notification."""

    sequence: int
    own_s: float
    """The unit's time of the first sample, before any jump."""
    missed: int
    """Samples that were due since the last burst and were never measured."""
    values: dict[Channel, Values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Channels that are measured together and go out together."""

    characteristic: str
    channels: tuple[Channel, ...]
    rate_hz: float
    per_packet: int
    encode: Callable[[Burst], bytes]


class VirtualUnit(ABC):
    """A peripheral on the emulated air.

    Parameters
    ----------
    link
        The air.
    plan
        Which unit.
    movement
        What it measures.
    """

    def __init__(self, link: RadioLink, plan: UnitPlan, movement: Movement) -> None:
        self.link, self.plan, self.movement = link, plan, movement
        self.clock = UnitClock(boot_s=0.0, drift_ppm=plan.drift_ppm)
        self.ledgers: list[Ledger] = []
        self.stalled = False
        self.random = random.Random(plan.seed)  # noqa: S311 - a simulation, not a secret
        self.connection: Connection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._streaming: list[asyncio.Task[None]] = []
        self._characteristics: dict[str, Characteristic[bytes]] = {}
        self.device, self.controller = bumble_device(link, self.name, plan.address)
        self.device.on(self.device.EVENT_CONNECTION, self._connected)

    @property
    @abstractmethod
    def name(self) -> str:
        """Name that it advertises."""

    @property
    def wraps_at_s(self) -> float | None:
        """Time after which its stamps begin anew (s), ``None`` for never."""
        return 2**32 * 1e-6

    @abstractmethod
    def advertised(self) -> bytes:
        """Return its advertisement."""

    @abstractmethod
    def services(self) -> Sequence[Service]:
        """Return its services, made of `characteristic`."""

    @abstractmethod
    def series(self) -> Sequence[Series]:
        """Return what it streams, as it is set now."""

    async def power_on(self) -> None:
        """Switch the unit on: its clock starts, it advertises."""
        self.clock.boot_s = asyncio.get_running_loop().time() - self.random.uniform(1.0, 3000.0)
        self.link.signal_dbm[self.plan.address] = self.plan.signal_dbm
        self.device.gatt_server.max_mtu = self.plan.mtu
        self.device.add_services(list(self.services()))
        await self.device.power_on()
        await self.device.start_advertising(
            auto_restart=True,
            advertising_data=self.advertised(),
            advertising_interval_min=_ADVERTISING_INTERVAL_MS,
            advertising_interval_max=_ADVERTISING_INTERVAL_MS,
        )

    def power_off(self) -> None:
        """Let the battery run out: the unit falls silent at once, and the host finds out later."""
        self.stop_streaming()
        self.link.hide(self.controller)

    def revive(self) -> None:
        """Put a full battery in: the unit starts anew, with a new clock."""
        self.clock = UnitClock(boot_s=asyncio.get_running_loop().time(), drift_ppm=self.plan.drift_ppm)
        self.stalled = False
        self.link.show(self.controller)

    def start_streaming(self) -> None:
        """Stream all series from now on."""
        self.stop_streaming()
        self.ledgers.append(Ledger(clock=self.clock))
        self._streaming = [asyncio.ensure_future(self._stream(one, self.ledgers[-1])) for one in self.series()]

    def stop_streaming(self) -> None:
        """End all series."""
        for task in self._streaming:
            task.cancel()
        self._streaming = []

    def characteristic(
        self,
        uuid: str,
        *properties: str,
        read: Callable[[], bytes] | None = None,
        write: Callable[[bytes], None] | None = None,
    ) -> Characteristic[bytes]:
        """Make a characteristic that calls back; what it raises becomes the answer."""
        flags = Characteristic.Properties(0)
        for name in properties:
            flags |= Characteristic.Properties[name]
        # bumble asks no permission and answers nothing to what it has no function for: refuse in its place.
        value: CharacteristicValue[bytes] = CharacteristicValue(
            read=lambda _connection: (read or _not_readable)(),
            write=lambda _connection, data: (write or _not_writable)(bytes(data)),
        )
        permissions = Characteristic.Permissions.READABLE | Characteristic.Permissions.WRITEABLE
        made: Characteristic[bytes] = Characteristic(uuid, flags, permissions, value)
        self._characteristics[uuid] = made
        return made

    async def notify(self, characteristic: str, data: bytes) -> bool:
        """Hand a notification to the radio; false where its queue is full or nobody has subscribed."""
        connection = self.connection
        if connection is None or not self._wanted(connection, characteristic):
            return False
        if self.link.waiting(self.controller) >= self.link.params.queue_packets:
            return False
        await self.device.notify_subscriber(connection, self._characteristics[characteristic], data)
        return True

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside what is going on."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def own_now_s(self) -> float:
        """Return the unit's own time now."""
        return self.clock.own_s(asyncio.get_running_loop().time())

    @property
    def frame_octets(self) -> int:
        """Longest notification that the present connection carries."""
        return (self.connection.att_mtu if self.connection else self.plan.mtu) - 3

    async def _stream(self, series: Series, ledger: Ledger) -> None:
        loop, interval_s = asyncio.get_running_loop(), 1.0 / series.rate_hz
        begun_s, index, missed, sequence = self.own_now_s(), 0, 0, 0
        steps: Values = np.arange(series.per_packet, dtype=np.float64)
        while True:
            own_s = begun_s + (index + steps) * interval_s
            world_s = self.clock.world_s(own_s)
            wake_s = float(world_s[-1]) + self.random.uniform(0.0, _WAKES_LATE_S)
            await asyncio.sleep(max(wake_s - loop.time(), 0.0))
            index += series.per_packet
            if self.stalled:
                missed += series.per_packet
                continue
            ledger.measured.update(dict.fromkeys(series.channels, series.per_packet + missed))
            values = {channel: self.movement.read(channel, world_s) for channel in series.channels}
            burst = Burst(sequence=sequence, own_s=float(own_s[0]), missed=missed, values=values)
            # A burst that the radio refuses takes its number with it, so that the receiver sees what is missing.
            sequence += 1
            missed = 0
            if await self.notify(series.characteristic, series.encode(burst)):
                ledger.handed.update(dict.fromkeys(series.channels, series.per_packet))

    def _wanted(self, connection: Connection, characteristic: str) -> bool:
        """Tell whether somebody has subscribed to the notifications of a characteristic."""
        subscribed = self.device.gatt_server.subscribers.get(connection, {})
        return bool(subscribed.get(self._characteristics[characteristic].handle, b"\0")[0])

    def _connected(self, connection: Connection) -> None:
        self.connection = connection
        connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)

    def _disconnected(self, _reason: int) -> None:
        self.connection = None
        self.stop_streaming()


def _not_readable() -> bytes:
    raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)


def _not_writable(_data: bytes) -> None:
    raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)
