"""What comes from a sensor over the air, before and after decoding; nothing here touches a radio."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError

__all__ = [
    "Arrival",
    "BatteryLevel",
    "Channel",
    "ClockQuality",
    "LinkEvent",
    "LinkEventKind",
    "Packet",
    "Pong",
    "Rejected",
    "Reply",
    "Role",
    "SampleBlock",
    "UnitInfo",
]


class ClockQuality(StrEnum):
    """How well a device's clock can be laid on the host's; the class travels with the data."""

    TWO_WAY = "two-way"
    """Time stamps and a ping: bounded from both sides."""
    ONE_WAY = "one-way"
    """Time stamps only: late by the shortest way that a packet took."""
    NOMINAL = "nominal"
    """Neither: samples are counted from their arrival at the rate that was set."""


class Channel(StrEnum):
    """What one unit measures; a unit may have several."""

    IMU_A = "imu_a"
    IMU_B = "imu_b"
    FORCE = "force"
    EMG = "emg"


class Role(StrEnum):
    """What a channel is for in the exam."""

    PROXIMAL = "proximal"
    DISTAL = "distal"
    FORCE = "force"
    EMG = "emg"


class LinkEventKind(StrEnum):
    """What happened to a unit's link."""

    CONNECTED = "connected"
    STARTED = "started"
    STALLED = "stalled"
    RESUMED = "resumed"
    LOST = "lost"
    OVERFLOW = "overflow"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitInfo:
    """One unit and all that its decoder needs; goes as JSON into the journal's header.

    Attributes
    ----------
    kind
        Name of the driver: ``goniometer``, ``witmotion``, ``dot``, ``capture2go``, ``progressor``, ``lsl``.
    unit_id
        The unit's own, lasting identity; never its address, which changes from host to host.
    name
        What a person reads.
    firmware
        Version that the unit reports, if it does.
    battery_percent
        State of charge when the unit was opened, if it tells.
    channels
        What it measures.
    rate_hz
        Rate of its samples as set.
    clock
        What its time stamps allow.
    details
        What only its own decoder understands (full scales, payload mode, calibration).
    """

    kind: str
    unit_id: str
    name: str
    firmware: str | None = None
    battery_percent: float | None = None
    channels: tuple[Channel, ...]
    rate_hz: float
    clock: ClockQuality
    details: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One notification as it came, with the host's monotonic time; kept raw, so that decoders can be mended later.

    Attributes
    ----------
    unit_id
        Which unit sent it.
    segment
        Counts the unit's connections from 0: its clock and its counters start anew with each.
    characteristic
        UUID it came from, lower case.
    arrival_ns
        `time.perf_counter_ns` when it arrived.
    data
        The bytes.
    """

    unit_id: str
    segment: int
    characteristic: str
    arrival_ns: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEvent:
    """Something happened to a unit's link at a moment of the host's monotonic clock; `detail` is for a person."""

    unit_id: str
    segment: int
    at_ns: int
    kind: LinkEventKind
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleBlock:
    """Samples of one channel out of one notification, in SI units and in the sensor's own axes.

    Attributes
    ----------
    channel
        What was measured.
    values
        IMU: acc (m/s²) x, y, z and gyr (rad/s) x, y, z; force: N (or raw counts where no calibration is known, said
        by `flags`); EMG: V. Shape (n, 6) or (n, 1).
    stamp
        The device's counter at the first sample as it was sent (it wraps at `stamp_modulo`); ``None`` without one.
    stamp_modulo
        Value at which the counter wraps, 0 if it never does.
    tick_s
        Length of one count (s).
    interval_s
        Time from one sample of the block to the next (s).
    sequence
        Number of the block as sent, ``None`` without one; wraps at `sequence_modulo`.
    sequence_modulo
        Value at which it wraps.
    lost
        Samples that the device says it dropped before this block, beyond what `sequence` shows.
    flags
        What the device says of the block: ``gyro_clip``, ``acc_clip``, ``sync``, ``usb``, ``missing``, ``time_gap``, …
    """

    channel: Channel
    values: NDArray[np.float64]
    stamp: int | None = None
    stamp_modulo: int = 0
    tick_s: float = 1e-6
    interval_s: float
    sequence: int | None = None
    sequence_modulo: int = 0
    lost: int = 0
    flags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        width = 6 if self.channel in {Channel.IMU_A, Channel.IMU_B} else 1
        if values.ndim != 2 or values.shape[1] != width:
            raise DataError(f"expected (n, {width}) values of {self.channel}; got {values.shape}")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """Answer to a ping: the host's time it was sent (ns), and the device's times of receiving and answering.

    The device's times are counts of `tick_s` seconds that wrap at `stamp_modulo` (0: never), as in `SampleBlock`.
    """

    sent_ns: int
    received_stamp: int
    answered_stamp: int
    stamp_modulo: int = 0
    tick_s: float = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Answer to a command: which, and how it went (``ok``, or the reason by name)."""

    command: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryLevel:
    """State of charge in percent."""

    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Bytes that are no message of this device; counted and shown, never guessed at."""

    reason: str
    data: bytes


Packet = SampleBlock | Pong | Reply | BatteryLevel | Rejected
