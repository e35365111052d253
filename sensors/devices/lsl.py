"""A stream of the Lab Streaming Layer as a unit: EMG, force or an inertial sensor of any maker.

What is pulled from the network is packed into arrivals like any notification, so that a journal keeps it raw: the
stream's own stamps and values, and the network's estimate of the stream's clock.
"""

import itertools
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensors.devices.units import RAD_PER_DEG, STANDARD_GRAVITY_M_S2
from sensors.driver import Link
from sensors.errors import RefusedError
from sensors.packets import Arrival, Channel, ClockQuality, Packet, Pong, Rejected, SampleBlock, UnitInfo

__all__ = [
    "CLOCK",
    "CONTROL",
    "DESCRIPTION",
    "KIND",
    "SAMPLES",
    "LslDecoder",
    "LslDescription",
    "LslDriver",
    "encode_clock",
    "encode_samples",
]

KIND = "lsl"
DESCRIPTION, CONTROL, SAMPLES, CLOCK = "lsl/description", "lsl/control", "lsl/samples", "lsl/clock"
"""Where another unit has characteristics, a stream has these."""

_HEAD = struct.Struct("<HH")
_PONG = struct.Struct("<qd")
_TICK_S = 1e-6
_GAP_INTERVALS = 1.5
"""Stamps further apart than so many intervals have a gap between them (chosen by us)."""
_IMU_COLUMNS = 6
_CHANNELS = {"emg": Channel.EMG, "force": Channel.FORCE, "imu": Channel.IMU_A}
_FACTORS: Mapping[str, float] = {
    "v": 1.0,
    "volt": 1.0,
    "volts": 1.0,
    "mv": 1e-3,
    "millivolt": 1e-3,
    "millivolts": 1e-3,
    "uv": 1e-6,
    "µv": 1e-6,
    "microvolt": 1e-6,
    "microvolts": 1e-6,
    "n": 1.0,
    "newton": 1.0,
    "newtons": 1.0,
    "kg": STANDARD_GRAVITY_M_S2,
    "kgf": STANDARD_GRAVITY_M_S2,
    "m/s2": 1.0,
    "m/s^2": 1.0,
    "m/s²": 1.0,
    "g": STANDARD_GRAVITY_M_S2,
    "rad/s": 1.0,
    "deg/s": RAD_PER_DEG,
    "°/s": RAD_PER_DEG,
    "dps": RAD_PER_DEG,
}
"""From units as streams call them to SI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LslDescription:
    """What a stream says of itself.

    Attributes
    ----------
    name, source_id
        As the stream calls itself, and its lasting identity if it has one.
    content
        Its type, lower case: ``emg``, ``force`` or ``imu``.
    column
        Which of its channels (EMG and force have one each); -1 for all (an inertial sensor).
    label
        What it calls that channel.
    units
        Units of the channels that are read, as it calls them; empty ones where it does not say.
    rate_hz
        Nominal rate; 0 for an irregular one.
    """

    name: str
    source_id: str
    content: str
    column: int
    label: str
    units: tuple[str, ...]
    rate_hz: float


def encode_samples(stamps_s: NDArray[np.float64], values: NDArray[np.float64]) -> bytes:
    """Pack what one pull gave: stamps (n,) on the stream's clock and values (n, channels) in the stream's units."""
    return _HEAD.pack(*values.shape) + stamps_s.astype("<f8").tobytes() + values.astype("<f8").tobytes()


def encode_clock(sent_ns: int, stream_s: float) -> bytes:
    """Pack an estimate of the stream's clock: no earlier than `sent_ns` on the host's."""
    return _PONG.pack(sent_ns, stream_s)


class LslDecoder:
    """Pulls of one stream."""

    def __init__(self, info: UnitInfo) -> None:
        self._channel = info.channels[0]
        self._interval_s = 1 / info.rate_hz
        self._factors = np.array([float(factor) for factor in str(info.details["factors"]).split()])
        self._flags = frozenset({"uncalibrated"} if info.details.get("uncalibrated") else ())

    def feed(self, arrival: Arrival) -> list[Packet]:
        """Decode one pull; a gap in its stamps begins a new block."""
        data = arrival.data
        if arrival.characteristic == CLOCK and len(data) == _PONG.size:
            sent_ns, stream_s = _PONG.unpack(data)
            stamp = round(stream_s / _TICK_S)
            return [Pong(sent_ns=sent_ns, received_stamp=stamp, answered_stamp=stamp, tick_s=_TICK_S)]
        if arrival.characteristic != SAMPLES or len(data) < _HEAD.size:
            return [Rejected(reason="no message of a stream", data=data)]
        n, width = _HEAD.unpack_from(data)
        if n == 0 or width != self._factors.size or len(data) != _HEAD.size + 8 * n * (1 + width):
            return [Rejected(reason="length is not what it says", data=data)]
        numbers = np.frombuffer(data, "<f8", offset=_HEAD.size).astype(np.float64)
        if not np.isfinite(numbers).all():
            return [Rejected(reason="values that are no numbers", data=data)]
        return list(self._blocks(numbers[:n], numbers[n:].reshape(n, width) * self._factors))

    def _blocks(self, stamps_s: NDArray[np.float64], values: NDArray[np.float64]) -> list[SampleBlock]:
        steps = np.diff(stamps_s)
        breaks = np.flatnonzero((steps > _GAP_INTERVALS * self._interval_s) | (steps <= 0)) + 1
        bounds = [0, *breaks.tolist(), stamps_s.size]
        return [self._block(stamps_s[start:end], values[start:end]) for start, end in itertools.pairwise(bounds)]

    def _block(self, stamps_s: NDArray[np.float64], values: NDArray[np.float64]) -> SampleBlock:
        span_s = float(stamps_s[-1] - stamps_s[0])
        return SampleBlock(
            channel=self._channel,
            values=values,
            stamp=round(float(stamps_s[0]) / _TICK_S),
            tick_s=_TICK_S,
            interval_s=span_s / (stamps_s.size - 1) if stamps_s.size > 1 else self._interval_s,
            flags=self._flags,
        )


class LslDriver:
    """Reads what a stream says of itself, and has it pulled; nothing of it can be set."""

    kind = KIND
    services: tuple[str, ...] = ()
    name_prefixes: tuple[str, ...] = ()
    notifies: tuple[str, ...] = ()
    rates_hz: tuple[float, ...] = ()

    async def identify(self, link: Link, name: str, address: str) -> UnitInfo:
        """Read the stream's description."""
        del address
        read = json.loads(await link.read(DESCRIPTION))
        said = LslDescription(**{**read, "units": tuple(read["units"])})
        if said.rate_hz <= 0:
            raise RefusedError(f"{name}: has no regular rate; let its program name a nominal one")
        factors, uncalibrated = _factors(said, name)
        return UnitInfo(
            kind=KIND,
            unit_id=f"lsl-{said.source_id or said.name}" + (f"-{said.column}" if said.column >= 0 else ""),
            name=name,
            channels=(_CHANNELS[said.content],),
            rate_hz=said.rate_hz,
            clock=ClockQuality.TWO_WAY,
            details={"factors": " ".join(repr(factor) for factor in factors), "uncalibrated": float(uncalibrated)},
        )

    async def start(self, link: Link, info: UnitInfo, rate_hz: float) -> UnitInfo:
        """Begin to pull; the stream's rate is its own."""
        del rate_hz
        await link.write(CONTROL, b"start", response=True)
        return replace(info)

    async def stop(self, link: Link) -> None:
        """End pulling."""
        await link.write(CONTROL, b"stop", response=True)

    async def ping(self, link: Link, now_ns: int) -> None:
        """Ask the network for the stream's clock."""
        await link.write(CLOCK, struct.pack("<q", now_ns), response=False)

    async def inquire(self, link: Link) -> None:
        """Do nothing: a stream has no battery."""

    def decoder(self, info: UnitInfo) -> LslDecoder:
        """Return a fresh decoder."""
        return LslDecoder(info)


def encode_description(said: LslDescription) -> bytes:
    """Pack what a stream says of itself."""
    return json.dumps(asdict(said)).encode()


def _factors(said: LslDescription, name: str) -> tuple[list[float], bool]:
    """Return what makes SI of each channel, and whether that is unknown."""
    known = [_FACTORS.get(unit.strip().lower()) for unit in said.units]
    if all(factor is not None for factor in known):
        return [factor for factor in known if factor is not None], False
    if said.content == "imu":
        raise RefusedError(
            f"{name}: its channels' units are {', '.join(unit or 'not named' for unit in said.units)}; let its program "
            "name m/s^2 or g, and rad/s or deg/s, for acceleration x y z and then angular rate x y z"
        )
    return [1.0 for _ in said.units], True
