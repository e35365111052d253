"""Movella (Xsens) DOT: one sample per notification with the unit's stamp, at most 60 Hz live."""

import struct
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from sensors.devices.dot_messages import decode_message, start_recording, stop_recording
from sensors.devices.units import RAD_PER_DEG
from sensors.driver import Link
from sensors.errors import LinkError, RefusedError
from sensors.packets import (
    Arrival,
    BatteryLevel,
    Channel,
    ClockQuality,
    Packet,
    Rejected,
    Reply,
    SampleBlock,
    UnitInfo,
)

__all__ = [
    "KIND",
    "LIVE_LIMIT",
    "MODES",
    "SERVICE",
    "DotDecoder",
    "DotDriver",
    "DotMode",
    "decode_payload",
    "encode_payload",
    "uuid",
]

KIND = "dot"


def uuid(code: int) -> str:
    """Put a 16-bit code into the vendor's base."""
    return f"1517{code:04x}-4947-11e9-8646-d663bd873d93"


SERVICE = uuid(0x1000)
_DEVICE_INFO, _DEVICE_CONTROL = uuid(0x1001), uuid(0x1002)
_MEASURE = uuid(0x2001)
_LONG, _MEDIUM, _SHORT = uuid(0x2002), uuid(0x2003), uuid(0x2004)
_BATTERY = uuid(0x3001)
_MESSAGE_CONTROL, _MESSAGE_ACK, _MESSAGE_NOTIFY = uuid(0x7001), uuid(0x7002), uuid(0x7003)

LIVE_LIMIT = (
    "a DOT streams at most 60 Hz live: at 300 °/s that is a sample every 5°, too few for the angle of catch; range "
    "and slow stretches can be read. For the catch let it record on board at 120 Hz (catchangle sensors onboard) and "
    "export that recording with Movella's app, or take a sensor that streams 100 Hz or more"
)
_LIVE_RATES_HZ = (1.0, 4.0, 10.0, 12.0, 15.0, 20.0, 30.0, 60.0)
_RECORDING_RATE_HZ = 120.0
_CLOCK_MODULO = 2**32
_INFO_BYTES, _CONTROL_BYTES, _RATE_OFFSET, _VISIT_RATE = 34, 32, 24, 0x10
_START_MEASURING, _STOP_MEASURING = 1, 0
_WIDTHS = {"quat": 4, "euler_deg": 3, "free_acc_m_s2": 3, "acc_m_s2": 3, "gyr_deg_s": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class DotMode:
    """One payload: the characteristic that carries it, its fields in order, and whether a status follows."""

    characteristic: str
    fields: tuple[str, ...]
    status: bool = False

    @property
    def length(self) -> int:
        """Bytes of a notification."""
        return 4 + 4 * sum(_WIDTHS[name] for name in self.fields) + 4 * self.status


MODES = {
    2: DotMode(characteristic=_MEDIUM, fields=("quat", "free_acc_m_s2"), status=True),
    3: DotMode(characteristic=_MEDIUM, fields=("quat", "free_acc_m_s2")),
    4: DotMode(characteristic=_SHORT, fields=("euler_deg",)),
    5: DotMode(characteristic=_SHORT, fields=("quat",)),
    6: DotMode(characteristic=_SHORT, fields=("free_acc_m_s2",)),
    21: DotMode(characteristic=_MEDIUM, fields=("acc_m_s2", "gyr_deg_s")),
    22: DotMode(characteristic=_MEDIUM, fields=("euler_deg", "free_acc_m_s2", "gyr_deg_s")),
    24: DotMode(characteristic=_MEDIUM, fields=("quat", "gyr_deg_s")),
    26: DotMode(characteristic=_LONG, fields=("quat", "acc_m_s2", "gyr_deg_s")),
}
"""Payloads by number (XD0506P rev C); 26 is the one that catchangle streams."""
_STREAMED_MODE = 26
_CAPACITY = {_SHORT: 20, _MEDIUM: 40, _LONG: 63}
"""Bytes of the characteristics; a shorter payload may come with zeros behind up to there."""


def encode_payload(mode: int, stamp_us: int, values: dict[str, NDArray[np.float64]]) -> bytes:
    """Pack one notification as the unit does."""
    layout = MODES[mode]
    body = np.concatenate([np.asarray(values[name], dtype="<f4") for name in layout.fields]).astype("<f4")
    status = bytes(4) if layout.status else b""
    return struct.pack("<I", stamp_us % _CLOCK_MODULO) + body.tobytes() + status


def decode_payload(mode: int, data: bytes) -> tuple[int, dict[str, NDArray[np.float64]]]:
    """Unpack one notification: the stamp (µs) and the fields by name.

    Raises
    ------
    DataError
        If the mode is unknown, or the length is not the mode's (a payload may have zeros behind it).
    """
    layout = MODES.get(mode)
    if layout is None:
        raise DataError(f"expected a DOT payload of mode {', '.join(str(known) for known in MODES)}; got {mode}")
    padded = len(data) == _CAPACITY[layout.characteristic] and not any(data[layout.length :])
    if len(data) != layout.length and not padded:
        raise DataError(f"expected {layout.length} bytes of a DOT payload of mode {mode}; got {len(data)}")
    (stamp,) = struct.unpack_from("<I", data)
    fields, start = dict[str, NDArray[np.float64]](), 4
    for name in layout.fields:
        fields[name] = np.frombuffer(data, "<f4", count=_WIDTHS[name], offset=start).astype(np.float64)
        start += 4 * _WIDTHS[name]
    if not all(np.isfinite(values).all() for values in fields.values()):
        raise DataError(f"expected finite numbers in a DOT payload of mode {mode}")
    return stamp, fields


class DotDecoder:
    """Payloads of one mode, battery levels and messages."""

    def __init__(self, info: UnitInfo) -> None:
        self._mode = int(info.details["payload_mode"])
        self._interval_s = 1 / info.rate_hz

    def feed(self, arrival: Arrival) -> list[Packet]:
        """Decode one notification: each is complete."""
        data = arrival.data
        if arrival.characteristic == MODES[self._mode].characteristic:
            return self._sample(data)
        if arrival.characteristic == _BATTERY and len(data) == 2 and data[0] <= 100:
            return [BatteryLevel(percent=float(data[0]))]
        if arrival.characteristic == _MESSAGE_NOTIFY and (message := decode_message(data)):
            return [Reply(command=f"message {message.part}", status=message.data.hex())]
        return [Rejected(reason="no message of a DOT in this mode", data=data)]

    def _sample(self, data: bytes) -> list[Packet]:
        try:
            stamp, fields = decode_payload(self._mode, data)
        except DataError as error:
            return [Rejected(reason=str(error), data=data)]
        if "acc_m_s2" not in fields or "gyr_deg_s" not in fields:
            return [Rejected(reason=f"mode {self._mode} lacks acceleration or angular rate", data=data)]
        values = np.concatenate([fields["acc_m_s2"], fields["gyr_deg_s"] * RAD_PER_DEG])[np.newaxis]
        block = SampleBlock(
            channel=Channel.IMU_A,
            values=values,
            stamp=stamp,
            stamp_modulo=_CLOCK_MODULO,
            interval_s=self._interval_s,
        )
        return [block]


class DotDriver:
    """Finds, sets up and asks a DOT."""

    kind = KIND
    services = (SERVICE,)
    name_prefixes = ("Movella DOT", "Xsens DOT")
    notifies = (MODES[_STREAMED_MODE].characteristic, _BATTERY)
    rates_hz = _LIVE_RATES_HZ

    async def identify(self, link: Link, name: str, address: str) -> UnitInfo:
        """Read its address (which the host may hide), its firmware and its battery."""
        del address
        data = await link.read(_DEVICE_INFO)
        if len(data) < _INFO_BYTES:
            raise RefusedError(f"{name}: its firmware is older than catchangle knows; update it with Movella's app")
        battery = await link.read(_BATTERY)
        return UnitInfo(
            kind=KIND,
            unit_id=f"dot-{data[:6].hex()}",
            name=name,
            firmware=".".join(str(part) for part in data[6:9]),
            battery_percent=float(battery[0]) if battery else None,
            channels=(Channel.IMU_A,),
            rate_hz=_LIVE_RATES_HZ[-1],
            clock=ClockQuality.ONE_WAY,
            details={"payload_mode": float(_STREAMED_MODE), "limit": LIVE_LIMIT},
        )

    async def start(self, link: Link, info: UnitInfo, rate_hz: float) -> UnitInfo:
        """Set the rate and start."""
        if rate_hz not in _LIVE_RATES_HZ:
            raise RefusedError(f"{info.name}: does not stream at {rate_hz:g} Hz: {LIVE_LIMIT}")
        await self.stop(link)
        await self._set_rate(link, rate_hz)
        link.forget()
        await link.write(_MEASURE, bytes([1, _START_MEASURING, _STREAMED_MODE]), response=True)
        return replace(info, rate_hz=rate_hz)

    async def stop(self, link: Link) -> None:
        """Stop."""
        await link.write(_MEASURE, bytes([1, _STOP_MEASURING, _STREAMED_MODE]), response=True)

    async def ping(self, link: Link, now_ns: int) -> None:
        """Do nothing: its clock cannot be asked."""

    async def inquire(self, link: Link) -> None:
        """Do nothing: it tells by itself."""

    async def record_on_board(self, link: Link, start_unix_s: int, duration_s: int) -> None:
        """Record at 120 Hz in the unit's own memory; it must not be streaming."""
        await self._set_rate(link, _RECORDING_RATE_HZ)
        await self._message(link, start_recording(start_unix_s, duration_s))

    async def end_recording(self, link: Link) -> None:
        """End the recording on board."""
        await self._message(link, stop_recording())

    @staticmethod
    async def _set_rate(link: Link, rate_hz: float) -> None:
        control = bytearray(_CONTROL_BYTES)
        control[0] = _VISIT_RATE
        struct.pack_into("<H", control, _RATE_OFFSET, int(rate_hz))
        await link.write(_DEVICE_CONTROL, bytes(control), response=True)

    @staticmethod
    async def _message(link: Link, message: bytes) -> None:
        await link.write(_MESSAGE_CONTROL, message, response=True)
        answer = decode_message(await link.read(_MESSAGE_ACK))
        # An acknowledgement says 01, how it went (00: well) and what it answers.
        if answer is None or answer.data != bytes([0x01, 0x00, message[2]]):
            told = "nothing" if answer is None else answer.data.hex()
            raise LinkError(
                f"the DOT did not take the command to record (it answered {told}); end what it records in Movella's "
                "app, free its memory and try again"
            )

    def decoder(self, info: UnitInfo) -> DotDecoder:
        """Return a fresh decoder."""
        return DotDecoder(info)
