"""WitMotion WT901BLE: a byte stream of 20-byte frames without stamp, number or check sum."""

import asyncio
import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from sensors.devices.units import INT16_FULL_SCALE, RAD_PER_DEG, STANDARD_GRAVITY_M_S2
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
    "NOTIFY",
    "SERVICE",
    "WRITE",
    "WitMotionDecoder",
    "WitMotionDriver",
    "battery_percent",
    "decode_motion",
    "decode_register",
    "encode_motion",
    "encode_register",
]

KIND = "witmotion"
SERVICE = "0000ffe5-0000-1000-8000-00805f9a34fb"
"""Not of the SIG's base: the vendor writes 9a34fb where that has 9b34fb."""
NOTIFY = "0000ffe4-0000-1000-8000-00805f9a34fb"
WRITE = "0000ffe9-0000-1000-8000-00805f9a34fb"

_FRAME_BYTES = 20
_HEAD = 0x55
_MOTION, _REGISTERS = 0x61, 0x71
_ACC_RANGE_G, _GYR_RANGE_DPS, _ANGLE_RANGE_DEG = 16.0, 2000.0, 180.0
_RATE_CODES = {1.0: 0x03, 5.0: 0x05, 10.0: 0x06, 50.0: 0x08, 100.0: 0x09, 200.0: 0x0B}
_REGISTER_RATE, _REGISTER_BATTERY = 0x03, 0x64
_UNLOCK = bytes.fromhex("ffaa6988b5")
_SETTLE_S = 0.1
"""The unit needs a moment between two writes (the vendor's examples wait so long)."""
_BATTERY_STEPS = (
    (3.96, 100.0),
    (3.93, 90.0),
    (3.87, 75.0),
    (3.82, 60.0),
    (3.79, 50.0),
    (3.77, 40.0),
    (3.73, 30.0),
    (3.70, 20.0),
    (3.68, 15.0),
    (3.50, 10.0),
    (3.40, 5.0),
)
"""Above so many volts, so many percent (the vendor's table)."""


def encode_motion(
    acc_m_s2: NDArray[np.float64], gyr_rad_s: NDArray[np.float64], angle_deg: NDArray[np.float64]
) -> bytes:
    """Pack one motion frame as the unit does; values beyond the full scales are clipped."""
    scaled = np.concatenate(
        [
            acc_m_s2 / (_ACC_RANGE_G * STANDARD_GRAVITY_M_S2),
            gyr_rad_s / (_GYR_RANGE_DPS * RAD_PER_DEG),
            angle_deg / _ANGLE_RANGE_DEG,
        ]
    )
    counts = np.clip(np.round(scaled * INT16_FULL_SCALE), -INT16_FULL_SCALE, INT16_FULL_SCALE - 1)
    return bytes([_HEAD, _MOTION]) + counts.astype("<i2").tobytes()


def decode_motion(frame: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Unpack one motion frame: acc (m/s²), gyr (rad/s) and the unit's own angles (deg).

    Raises
    ------
    DataError
        If it is no whole motion frame.
    """
    if len(frame) != _FRAME_BYTES or frame[:2] != bytes([_HEAD, _MOTION]):
        raise DataError(f"expected a motion frame of {_FRAME_BYTES} bytes; got {frame[:2].hex()}…, {len(frame)} bytes")
    shares = np.frombuffer(frame, "<i2", offset=2).astype(np.float64) / INT16_FULL_SCALE
    return (
        shares[:3] * (_ACC_RANGE_G * STANDARD_GRAVITY_M_S2),
        shares[3:6] * (_GYR_RANGE_DPS * RAD_PER_DEG),
        shares[6:] * _ANGLE_RANGE_DEG,
    )


def encode_register(register: int, values: tuple[int, ...]) -> bytes:
    """Pack the answer to a question for a register: it and the seven after it."""
    return bytes([_HEAD, _REGISTERS]) + struct.pack("<H8h", register, *values)


def decode_register(frame: bytes) -> tuple[int, tuple[int, ...]] | None:
    """Unpack the answer to a question for a register: (register, it and the seven after it)."""
    if len(frame) != _FRAME_BYTES or frame[:2] != bytes([_HEAD, _REGISTERS]):
        return None
    register, *values = struct.unpack_from("<H8h", frame, 2)
    return register, tuple(values)


def battery_percent(centivolts: int) -> float:
    """Return the state of charge that the vendor's table gives for a voltage."""
    volts = centivolts / 100
    return next((percent for above, percent in _BATTERY_STEPS if volts > above), 0.0)


class WitMotionDecoder:
    """Frames out of a byte stream.

    Frames have no check sum. One that holds what may be another's head counts only if a third follows right after it;
    else it was cut off, and is thrown out and not joined to what follows. How the stream is split into notifications
    makes no difference.
    """

    def __init__(self, info: UnitInfo) -> None:
        self._interval_s = 1 / info.rate_hz
        self._pending = bytearray()

    def feed(self, arrival: Arrival) -> list[Packet]:
        """Decode what a notification completes; all its motion frames make one block."""
        self._pending += arrival.data
        motions, packets = [], list[Packet]()
        thrown = bytearray()
        while frame := self._next(thrown):
            if frame[1] == _MOTION:
                acc, gyr, _ = decode_motion(frame)
                motions.append(np.concatenate([acc, gyr]))
            elif answer := decode_register(frame):
                packets.append(_told(*answer))
        if thrown:
            packets.append(Rejected(reason="bytes between two frames", data=bytes(thrown)))
        if motions:
            block = SampleBlock(channel=Channel.IMU_A, values=np.array(motions), interval_s=self._interval_s)
            packets.insert(0, block)
        return packets

    def _next(self, thrown: bytearray) -> bytes | None:
        """Take the next whole frame off the pending bytes; move what cannot begin one to `thrown`."""
        pending = self._pending
        while True:
            start = _first_head(pending, 0)
            thrown += pending[:start]
            del pending[:start]
            if len(pending) < _FRAME_BYTES:
                return None
            # A head inside may be data, or the frame after a cut one: what follows the 20 bytes tells which.
            if _first_head(pending[:_FRAME_BYTES], 1) < _FRAME_BYTES:
                if len(pending) < _FRAME_BYTES + 2:
                    return None
                if not _may_be_head(bytes(pending[_FRAME_BYTES : _FRAME_BYTES + 2])):
                    thrown.append(pending.pop(0))
                    continue
            frame = bytes(pending[:_FRAME_BYTES])
            del pending[:_FRAME_BYTES]
            return frame


def _may_be_head(data: bytes) -> bool:
    return data[:1] in {b"", bytes([_HEAD])} and (len(data) < 2 or data[1] in {_MOTION, _REGISTERS})


def _first_head(data: bytes | bytearray, start: int) -> int:
    """Return where the first head, or its first half at the end, begins; the length where there is none."""
    return next((at for at in range(start, len(data)) if _may_be_head(bytes(data[at : at + 2]))), len(data))


def _told(register: int, values: tuple[int, ...]) -> Packet:
    if register == _REGISTER_BATTERY:
        return BatteryLevel(percent=battery_percent(values[0]))
    return Reply(command=f"register {register:#04x}", status=",".join(str(value) for value in values))


class WitMotionDriver:
    """Finds, sets up and asks a WT901BLE. It has no identity of its own but its address."""

    kind = KIND
    services = (SERVICE,)
    name_prefixes = ("WT",)
    notifies = (NOTIFY,)
    rates_hz = tuple(sorted(_RATE_CODES))

    async def identify(self, link: Link, name: str, address: str) -> UnitInfo:
        """Ask for the battery, which also shows that it is one."""
        values = await _ask_register(link, _REGISTER_BATTERY)
        return UnitInfo(
            kind=KIND,
            unit_id=f"wt-{address.replace(':', '').lower()}",
            name=name,
            battery_percent=battery_percent(values[0]),
            channels=(Channel.IMU_A,),
            rate_hz=10.0,
            clock=ClockQuality.NOMINAL,
        )

    async def start(self, link: Link, info: UnitInfo, rate_hz: float) -> UnitInfo:
        """Set the rate and read it back; the unit streams from the moment that it is connected."""
        code = _RATE_CODES.get(rate_hz)
        if code is None:
            offered = ", ".join(f"{rate:.0f}" for rate in self.rates_hz)
            raise RefusedError(f"{info.name}: streams at {offered} Hz, not at {rate_hz:g}; choose one of them")
        await link.write(WRITE, _UNLOCK, response=False)
        await asyncio.sleep(_SETTLE_S)
        await link.write(WRITE, bytes([0xFF, 0xAA, _REGISTER_RATE, code, 0x00]), response=False)
        await asyncio.sleep(_SETTLE_S)
        values = await _ask_register(link, _REGISTER_RATE)
        if values[0] != code:
            raise LinkError(
                f"{info.name}: did not take the rate of {rate_hz:g} Hz; switch it off and on, and try again"
            )
        link.forget()
        return replace(info, rate_hz=rate_hz)

    async def stop(self, link: Link) -> None:
        """Do nothing: it streams as long as it is connected."""

    async def ping(self, link: Link, now_ns: int) -> None:
        """Do nothing: it has no clock."""

    async def inquire(self, link: Link) -> None:
        """Ask for the battery."""
        await link.write(WRITE, _question(_REGISTER_BATTERY), response=False)

    def decoder(self, info: UnitInfo) -> WitMotionDecoder:
        """Return a fresh decoder."""
        return WitMotionDecoder(info)


def _question(register: int) -> bytes:
    return bytes([0xFF, 0xAA, 0x27, register, 0x00])


async def _ask_register(link: Link, register: int) -> tuple[int, ...]:
    return await link.ask(WRITE, _question(register), answers_on=NOTIFY, understand=_answer_about(register))


def _answer_about(register: int) -> Callable[[bytes], tuple[int, ...] | None]:
    stream = bytearray()

    def understand(data: bytes) -> tuple[int, ...] | None:
        nonlocal stream
        stream += data
        for at in range(len(stream) - _FRAME_BYTES + 1):
            answer = decode_register(bytes(stream[at : at + _FRAME_BYTES]))
            if answer is not None and answer[0] == register:
                return answer[1]
        stream = stream[-(_FRAME_BYTES - 1) :]
        return None

    return understand
