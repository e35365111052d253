"""What streams from units to whoever wants it, and what is known of each unit while it does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from sensors.driver import Driver, Link
from sensors.packets import Arrival, Channel, ClockQuality, LinkEvent, Packet, UnitInfo

__all__ = [
    "Air",
    "FoundUnit",
    "Listener",
    "OpenLink",
    "Sink",
    "Stamped",
    "StreamParams",
    "UnitState",
    "UnitStatus",
    "Watch",
]

Stamped = UnitInfo | Arrival | LinkEvent
Sink = Callable[[Stamped], None]
"""Takes all that happens, in order. A unit's `UnitInfo` comes before its first `Arrival` or `LinkEvent`, and again
before the first of a later segment in which it differs. It is called in the event loop: it must return at once. What it
raises ends the streaming and reaches the caller."""
Watch = Callable[[UnitInfo, Arrival, Sequence[Packet]], None]
"""Sees what each arrival was decoded to, after the sink had it; for live views. It must return at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundUnit:
    """A unit that was heard of.

    Attributes
    ----------
    kind
        Name of its driver.
    name
        What it calls itself.
    address
        Where the operating system finds it; differs from host to host.
    signal_dbm
        Strength of its signal, ``None`` where it has none.
    battery_percent
        State of charge, where it advertises it.
    handle
        What its `Air` needs to open it.
    """

    kind: str
    name: str
    address: str
    signal_dbm: float | None = None
    battery_percent: float | None = None
    handle: object = field(default=None, compare=False, repr=False)


class Listener(Protocol):
    """Who holds a connection; called in the event loop, and returns at once."""

    def notified(self, characteristic: str, data: bytes | bytearray) -> None:
        """Take a notification."""

    def forget(self) -> None:
        """Drop the notifications that came so far."""

    def lost(self) -> None:
        """Learn that the connection is gone, other than by `OpenLink.close`."""


class OpenLink(Link, Protocol):
    """A connection that somebody holds, and must close."""

    async def subscribe(self, characteristic: str) -> None:
        """Have the notifications of a characteristic handed to the listener."""

    async def close(self) -> None:
        """Disconnect; never raises, and does nothing to a connection that is already lost."""


class Air(Protocol):
    """Where units are found: Bluetooth, or a network of LSL streams. Its errors are `sensors.errors.LinkError`."""

    @property
    def drivers(self) -> Mapping[str, Driver]:
        """Drivers of the kinds that it finds, by name."""

    async def scan(self, seconds: float) -> tuple[FoundUnit, ...]:
        """Listen for units."""

    async def find(self, found: FoundUnit, seconds: float) -> FoundUnit | None:
        """Listen for one unit that was found before, and return as soon as it is heard."""

    async def open(self, found: FoundUnit, listener: Listener) -> OpenLink:
        """Connect to a unit that a scan has found."""


class UnitState(StrEnum):
    """Where a unit is between found and stopped."""

    IDLE = "idle"
    SCANNING = "scanning"
    CONNECTING = "connecting"
    CONFIGURING = "configuring"
    STREAMING = "streaming"
    STALLED = "stalled"
    LOST = "lost"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStatus:
    """What is known of one unit now.

    Attributes
    ----------
    unit_id, name, kind
        As in `UnitInfo`; `unit_id` is empty until the unit has told it.
    state
        Where it is.
    segment
        Its connection, counted from 0; -1 before the first.
    received, lost
        Samples by channel over all segments: that came, and that are known to be missing. A channel that cannot tell
        what it lost is not in `lost`.
    duplicated
        Notifications' blocks that came twice and count once.
    rejected
        Pieces of bytes that were no message.
    overflowed
        Notifications that were dropped because nobody took them in time.
    rate_hz
        Samples per second of its fastest channel over the last seconds; NaN before the first.
    arrival_p99_ms
        How late the latest hundredth of its packets came after its own clock's best; NaN before the first.
    battery_percent
        State of charge, where known.
    clock
        What its time stamps allow, once known.
    message
        One line for a person on what is wrong, else empty.
    """

    unit_id: str
    name: str
    kind: str
    state: UnitState
    segment: int = -1
    received: Mapping[Channel, int] = field(default_factory=dict)
    lost: Mapping[Channel, int] = field(default_factory=dict)
    duplicated: int = 0
    rejected: int = 0
    overflowed: int = 0
    rate_hz: float = float("nan")
    arrival_p99_ms: float = float("nan")
    battery_percent: float | None = None
    clock: ClockQuality | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamParams:
    """When a silent unit is given up, and how often it is asked; all values chosen by us but where said.

    Attributes
    ----------
    rate_hz
        Rate asked of inertial units (Hz); ``None`` for the highest that each has.
    stall_frames
        A unit is stalled after so many frame periods without a frame.
    stall_floor_s
        It is never called stalled earlier than this (s): a packet waits that long on a busy radio.
    frame_samples
        Before the first frame it is thought to hold so many samples.
    lost_s
        After so long without a frame (s), but not before twice the time to a stall, it is connected anew.
    ping_s
        Time between two questions for its clock (s).
    inquire_s
        Time between two questions for its battery (s).
    scan_s
        How long a lost unit is listened for at a time (s).
    backoff_s, backoff_max_s
        Wait before the second attempt to connect (s); it doubles up to the longest wait.
    inbox_s
        Notifications of so long (s) are kept where nobody takes them.
    inbox_per_s
        Notifications per second that the inbox is laid out for.
    rate_window_s
        The measured rate is the mean over so long (s).
    stop_s
        How long a unit has to stop (s).
    """

    rate_hz: float | None = None
    stall_frames: float = 5.0
    stall_floor_s: float = 0.2
    frame_samples: int = 8
    lost_s: float = 2.0
    ping_s: float = 0.5
    inquire_s: float = 30.0
    scan_s: float = 3.0
    backoff_s: float = 0.5
    backoff_max_s: float = 5.0
    inbox_s: float = 30.0
    inbox_per_s: float = 100.0
    rate_window_s: float = 3.0
    stop_s: float = 2.0
