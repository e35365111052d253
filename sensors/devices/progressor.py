"""Tindeq Progressor: hand-held force, each sample with the unit's own stamp."""

import struct
from dataclasses import replace

import numpy as np

from sensors.devices.units import STANDARD_GRAVITY_M_S2
from sensors.driver import Link
from sensors.errors import RefusedError
from sensors.packets import Arrival, Channel, ClockQuality, Packet, Rejected, Reply, SampleBlock, UnitInfo

__all__ = [
    "CONTROL",
    "DATA",
    "KIND",
    "SERVICE",
    "ProgressorDecoder",
    "ProgressorDriver",
    "encode_reply",
    "encode_weights",
]

KIND = "progressor"
SERVICE = "7e4e1701-1ea6-40c9-9dcc-13d34ffead57"
DATA = "7e4e1702-1ea6-40c9-9dcc-13d34ffead57"
CONTROL = "7e4e1703-1ea6-40c9-9dcc-13d34ffead57"

_TARE, _START, _STOP, _VERSION, _IDENTITY = 0x64, 0x65, 0x66, 0x6B, 0x70
_CODE_REPLY, _CODE_WEIGHTS, _CODE_LOW_BATTERY = 0, 1, 4
_SAMPLE = struct.Struct("<fI")
_RATE_HZ = 80.0
_CLOCK_MODULO = 2**32


def encode_weights(samples: list[tuple[float, int]]) -> bytes:
    """Pack samples (force in N, stamp in µs) as the unit does, in kilograms."""
    body = b"".join(_SAMPLE.pack(force_N / STANDARD_GRAVITY_M_S2, stamp % _CLOCK_MODULO) for force_N, stamp in samples)
    return bytes([_CODE_WEIGHTS, len(body)]) + body


def encode_reply(value: bytes) -> bytes:
    """Pack the answer to a command."""
    return bytes([_CODE_REPLY, len(value)]) + value


class ProgressorDecoder:
    """Type, length, value; each notification is complete."""

    def feed(self, arrival: Arrival) -> list[Packet]:
        """Decode one notification; each sample is a block, for the unit stamps each."""
        data = arrival.data
        if arrival.characteristic != DATA or len(data) < 2 or len(data) != 2 + data[1]:
            return [Rejected(reason="length is not what it says", data=data)]
        value = data[2:]
        if data[0] == _CODE_WEIGHTS and value and len(value) % _SAMPLE.size == 0:
            samples = list(_SAMPLE.iter_unpack(value))
            if np.isfinite([weight_kg for weight_kg, _ in samples]).all():
                return [_block(weight_kg, stamp) for weight_kg, stamp in samples]
            return [Rejected(reason="a weight that is no number", data=data)]
        if data[0] == _CODE_REPLY:
            return [Reply(command="command", status=value.hex() or "ok")]
        if data[0] == _CODE_LOW_BATTERY:
            return [Reply(command="battery", status="low")]
        return [Rejected(reason=f"message of unknown type {data[0]}", data=data)]


def _block(weight_kg: float, stamp: int) -> SampleBlock:
    return SampleBlock(
        channel=Channel.FORCE,
        values=np.array([[weight_kg * STANDARD_GRAVITY_M_S2]]),
        stamp=stamp,
        stamp_modulo=_CLOCK_MODULO,
        interval_s=1 / _RATE_HZ,
    )


class ProgressorDriver:
    """Finds, sets up and asks a Progressor."""

    kind = KIND
    services = (SERVICE,)
    name_prefixes = ("Progressor",)
    notifies = (DATA,)
    rates_hz = (_RATE_HZ,)

    async def identify(self, link: Link, name: str, address: str) -> UnitInfo:
        """Ask for its identity and its version."""
        del address
        identity = await _ask(link, _IDENTITY)
        version = await _ask(link, _VERSION)
        return UnitInfo(
            kind=KIND,
            unit_id=f"progressor-{identity.hex()}",
            name=name,
            firmware=version.decode("ascii", "replace").strip("\0 ") or None,
            channels=(Channel.FORCE,),
            rate_hz=_RATE_HZ,
            clock=ClockQuality.ONE_WAY,
        )

    async def start(self, link: Link, info: UnitInfo, rate_hz: float) -> UnitInfo:
        """Start; its rate cannot be set."""
        if rate_hz != _RATE_HZ:
            raise RefusedError(f"{info.name}: streams at {_RATE_HZ:.0f} Hz only, not at {rate_hz:g}; choose that")
        await link.write(CONTROL, bytes([_STOP]), response=True)
        link.forget()
        await link.write(CONTROL, bytes([_START]), response=True)
        return replace(info, rate_hz=rate_hz)

    async def stop(self, link: Link) -> None:
        """Stop."""
        await link.write(CONTROL, bytes([_STOP]), response=True)

    async def ping(self, link: Link, now_ns: int) -> None:
        """Do nothing: its clock cannot be asked."""

    async def inquire(self, link: Link) -> None:
        """Do nothing: it tells when its battery runs low, and its voltage says no percent."""

    async def tare(self, link: Link) -> None:
        """Take the present force for zero."""
        await link.write(CONTROL, bytes([_TARE]), response=True)

    def decoder(self, info: UnitInfo) -> ProgressorDecoder:
        """Return a fresh decoder."""
        del info
        return ProgressorDecoder()


async def _ask(link: Link, command: int) -> bytes:
    return await link.ask(CONTROL, bytes([command]), answers_on=DATA, understand=_value)


def _value(data: bytes) -> bytes | None:
    return data[2:] if len(data) >= 2 and data[0] == _CODE_REPLY and len(data) == 2 + data[1] else None
