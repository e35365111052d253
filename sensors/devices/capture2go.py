"""Capture2Go (SensorStim Neurotechnology): check sums, nanosecond stamps and a clock that can be asked."""

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sensors.devices.capture2go_packages import (
    HEADER,
    PackageStream,
    SixAxisPackage,
    decode_six_axis,
    encode_package,
    split_notification,
)
from sensors.driver import Link
from sensors.errors import LinkError, RefusedError
from sensors.packets import (
    Arrival,
    BatteryLevel,
    Channel,
    ClockQuality,
    Packet,
    Pong,
    Rejected,
    Reply,
    SampleBlock,
    UnitInfo,
)

__all__ = ["KIND", "RX", "SERVICE", "TX", "Capture2GoDecoder", "Capture2GoDriver"]

KIND = "capture2go"
SERVICE = "80030001-e629-4c98-9324-aa7fc0c66de7"
RX = "80030002-e629-4c98-9324-aa7fc0c66de7"
TX = "80030003-e629-4c98-9324-aa7fc0c66de7"

_TICK_S = 1e-9
_PROTOCOL = 1
_DEVICE_INFO = struct.Struct("<H6s8s8s12s11s")
_CLOCK = struct.Struct("<4q")
_STATUS = struct.Struct("<qBB3hBBB")
_ERROR = struct.Struct("<BH")
_MODE = struct.Struct("<qBBBBBBBBHBQBBB")
_RATE_CODES = {200.0: 1, 100.0: 2, 50.0: 3, 25.0: 4, 10.0: 5, 1.0: 6}
_STATUS_EVERY_S = 1
_RECORDING = 3
_PERCENT = 0x7F
"""The highest bit of the battery's byte says that it is charging."""

Told = tuple[int, bytes]


class Capture2GoDecoder:
    """Packages out of notifications, whose pieces of the stream may end anywhere."""

    def __init__(self) -> None:
        self._stream = PackageStream()

    def feed(self, arrival: Arrival) -> list[Packet]:
        """Decode what a notification completes."""
        split = split_notification(arrival.data)
        if split is None:
            return [Rejected(reason="real-time part is damaged", data=arrival.data)]
        packages, piece = split
        more, thrown = self._stream.feed(piece)
        packets = [packet for told in (*packages, *more) for packet in _packets(told)]
        if thrown:
            packets.append(Rejected(reason="bytes that are no package", data=thrown))
        return packets


def _packets(told: Told) -> list[Packet]:
    header, payload = told
    if (package := decode_six_axis(header, payload)) is not None:
        return [_block(package)]
    if header == HEADER["clock"] and len(payload) == _CLOCK.size:
        sent_ns, received_ns, answered_ns, _ = _CLOCK.unpack(payload)
        return [Pong(sent_ns=sent_ns, received_stamp=received_ns, answered_stamp=answered_ns, tick_s=_TICK_S)]
    if header == HEADER["status"] and len(payload) == _STATUS.size:
        return [BatteryLevel(percent=float(min(_STATUS.unpack(payload)[-2] & _PERCENT, 100)))]
    if header == HEADER["error"] and len(payload) == _ERROR.size:
        code, command = _ERROR.unpack(payload)
        return [Reply(command=f"{command:#06x}", status=f"error {code:#04x}")]
    names = {code: name for name, code in HEADER.items()}
    if header in names:
        return [Reply(command=names[header], status="ok")]
    return [Reply(command=f"{header:#06x}", status="not read")]


def _block(package: SixAxisPackage) -> SampleBlock:
    return SampleBlock(
        channel=Channel.IMU_A,
        values=np.concatenate([package.acc_m_s2, package.gyr_rad_s], axis=1),
        stamp=package.stamp_ns,
        tick_s=_TICK_S,
        interval_s=1 / package.rate_hz,
        flags=package.flags,
    )


class Capture2GoDriver:
    """Finds, sets up and asks a Capture2Go sensor."""

    kind = KIND
    services = (SERVICE,)
    name_prefixes = ("IMU_",)
    notifies = (TX,)
    rates_hz = tuple(sorted(_RATE_CODES))

    async def identify(self, link: Link, name: str, address: str) -> UnitInfo:
        """Ask what it is and how it is."""
        del address
        payload = await _ask(link, "get_device_info", b"", "device_info", _DEVICE_INFO.size)
        protocol, serial, _, _, firmware, _ = _DEVICE_INFO.unpack(payload)
        if protocol != _PROTOCOL:
            raise RefusedError(f"{name}: speaks protocol {protocol}, catchangle speaks {_PROTOCOL}; update catchangle")
        status = _STATUS.unpack(await _ask(link, "get_status", b"", "status", _STATUS.size))
        if status[1] == _RECORDING:
            raise RefusedError(f"{name}: is recording on board; end that in the vendor's app and try again")
        return UnitInfo(
            kind=KIND,
            unit_id=f"c2g-{_text(serial)}",
            name=name,
            firmware=_text(firmware) or None,
            battery_percent=float(min(status[-2] & _PERCENT, 100)),
            channels=(Channel.IMU_A,),
            rate_hz=max(_RATE_CODES),
            clock=ClockQuality.TWO_WAY,
        )

    async def start(self, link: Link, info: UnitInfo, rate_hz: float) -> UnitInfo:
        """Set what it sends and start."""
        code = _RATE_CODES.get(rate_hz)
        if code is None:
            offered = ", ".join(f"{rate:.0f}" for rate in self.rates_hz)
            raise RefusedError(f"{info.name}: streams at {offered} Hz, not at {rate_hz:g}; choose one of them")
        await _ask(link, "stop_and_clear", b"", "stopped_and_clear", 0)
        await _ask(link, "set_mode", encode_mode(code), "mode", _MODE.size)
        link.forget()
        await _ask(link, "start", b"", "started", 0)
        return replace(info, rate_hz=rate_hz)

    async def stop(self, link: Link) -> None:
        """Stop; returns when the unit has said so, after its last package."""
        await _ask(link, "stop", b"", "stopped", 0)

    async def ping(self, link: Link, now_ns: int) -> None:
        """Send the host's time."""
        await link.write(RX, encode_package(HEADER["clock"], _CLOCK.pack(now_ns, 0, 0, 0)), response=False)

    async def inquire(self, link: Link) -> None:
        """Do nothing: its status tells every second."""

    def decoder(self, info: UnitInfo) -> Capture2GoDecoder:
        """Return a fresh decoder."""
        del info
        return Capture2GoDecoder()


def encode_mode(rate_code: int) -> bytes:
    """Pack what is to be sent: packed samples without magnetometer at this rate, and a status each second."""
    packed = (0, 0, 0, rate_code, 0, 0, 0, _STATUS_EVERY_S, 0, 0, 0, 0, 0, 0, 1)
    return _MODE.pack(*packed)


async def _ask(link: Link, command: str, payload: bytes, answer: str, size: int) -> bytes:
    found: bytes | int = await link.ask(
        RX,
        encode_package(HEADER[command], payload),
        answers_on=TX,
        understand=_answer(HEADER[command], HEADER[answer], size),
    )
    if isinstance(found, int):
        raise LinkError(
            f"the Capture2Go sensor refused {command.replace('_', ' ')} (error {found:#04x}); "
            "switch it off and on and try again"
        )
    return found


def _answer(command: int, answer: int, size: int) -> Callable[[bytes], bytes | int | None]:
    """Return what finds the answer's payload in a stream, or the code of the error that came instead."""
    stream = PackageStream()

    def understand(data: bytes) -> bytes | int | None:
        split = split_notification(data)
        if split is None:
            return None
        for header, payload in (*split[0], *stream.feed(split[1])[0]):
            if header == answer and len(payload) == size:
                return payload
            if header == HEADER["error"] and len(payload) == _ERROR.size:
                code, refused = _ERROR.unpack(payload)
                if refused == command:
                    return int(code)
        return None

    return understand


def _text(field: bytes) -> str:
    return field.decode("ascii", "replace").strip("\0 ")
