"""Packages of a Capture2Go sensor, both ways, and how they are found again in a stream that lost bytes."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from sensors.devices.units import INT16_FULL_SCALE, RAD_PER_DEG

__all__ = [
    "HEADER",
    "PackageStream",
    "SixAxisPackage",
    "decode_six_axis",
    "encode_notification",
    "encode_package",
    "encode_six_axis",
    "split_notification",
]

HEADER = {
    "get_device_info": 0x0070,
    "device_info": 0x0071,
    "set_mode": 0x0120,
    "mode": 0x0122,
    "start": 0x0150,
    "started": 0x0151,
    "stop": 0x0152,
    "stopped": 0x0153,
    "stop_and_clear": 0x0158,
    "stopped_and_clear": 0x0159,
    "clock": 0x0172,
    "get_status": 0x0200,
    "status": 0x0201,
    "error": 0xFFFF,
}
"""Packages that catchangle sends or reads, by what they say."""

_START = 0x02
_FRAME = struct.Struct("<BIBH")
_CRC_FROM = 6
"""The check sum covers what follows it and the length: header and payload."""
_PAYLOAD_MAX = 236
_SAMPLES = 8
_GYR_RANGE_DPS, _ACC_RANGE_M_S2 = 2000.0, 16 * 9.81
"""The vendor counts a g as 9.81 m/s²."""
_SIX_AXIS = struct.Struct("<q24h24hQhB")
_NINE_AXIS = struct.Struct("<q24h24h24hQhB")
_SIX_AXIS_BASE, _NINE_AXIS_BASE = 0x0230, 0x0220
_RATES_HZ = {1: 200.0, 2: 100.0, 3: 50.0, 4: 25.0, 5: 10.0, 6: 1.0}
_FLAGS = {0x01: "time_gap", 0x02: "gyro_clip", 0x04: "acc_clip", 0x08: "mag_clip", 0x10: "processing"}
_COUNTER_NONE = 0xFF
_REAL_TIME_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SixAxisPackage:
    """Eight samples and the time of the first (ns)."""

    stamp_ns: int
    rate_hz: float
    acc_m_s2: NDArray[np.float64]
    gyr_rad_s: NDArray[np.float64]
    flags: frozenset[str] = frozenset()


def encode_package(header: int, payload: bytes = b"") -> bytes:
    """Pack a package with its check sum."""
    if len(payload) > _PAYLOAD_MAX:
        raise DataError(f"expected a payload of at most {_PAYLOAD_MAX} bytes; got {len(payload)}")
    covered = struct.pack("<H", header) + payload
    return struct.pack("<BIB", _START, zlib.crc32(covered), len(payload)) + covered


def encode_notification(stream: bytes, real_time: tuple[bytes, ...] = ()) -> bytes:
    """Pack a notification: how many real-time packages, these, and then a piece of the stream of all others."""
    return bytes([_COUNTER_NONE - len(real_time)]) + b"".join(real_time) + stream


def split_notification(data: bytes) -> tuple[list[tuple[int, bytes]], bytes] | None:
    """Unpack a notification into its real-time packages (header, payload) and its piece of the stream.

    ``None`` where it is damaged: nobody knows then where its piece of the stream begins.
    """
    if not data or data[0] < _COUNTER_NONE - _REAL_TIME_MAX:
        return None
    packages, start = [], 1
    for _ in range(_COUNTER_NONE - data[0]):
        package = _package_at(data, start)
        if package is None:
            return None
        packages.append(package)
        start += _FRAME.size + len(package[1])
    return packages, data[start:]


def _package_at(data: bytes | bytearray, start: int) -> tuple[int, bytes] | None:
    """Return (header, payload) of the whole and undamaged package that begins here."""
    if len(data) < start + _FRAME.size:
        return None
    mark, crc, length, header = _FRAME.unpack_from(data, start)
    end = start + _FRAME.size + length
    if mark != _START or length > _PAYLOAD_MAX or len(data) < end:
        return None
    if zlib.crc32(data[start + _CRC_FROM : end]) != crc:
        return None
    return header, bytes(data[start + _FRAME.size : end])


class PackageStream:
    """Packages out of a byte stream; what belongs to none is thrown out, byte by byte, until one is whole again."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
        """Take more of the stream; return the packages it completes (header, payload) and the bytes thrown out."""
        self._pending += data
        pending, found, thrown = self._pending, list[tuple[int, bytes]](), bytearray()
        while pending:
            package = _package_at(pending, 0)
            if package is not None:
                found.append(package)
                del pending[: _FRAME.size + len(package[1])]
            elif _may_grow(pending):
                break
            else:
                thrown.append(pending.pop(0))
        return found, bytes(thrown)


def _may_grow(pending: bytearray) -> bool:
    """Tell whether more bytes could make these a package."""
    if pending[0] != _START:
        return False
    if len(pending) < _CRC_FROM:
        return True
    return pending[5] <= _PAYLOAD_MAX and len(pending) < _FRAME.size + pending[5]


def encode_six_axis(package: SixAxisPackage) -> bytes:
    """Pack eight samples without magnetometer as the unit does; values beyond the full scales are clipped."""
    code = next(code for code, rate in _RATES_HZ.items() if rate == package.rate_hz)
    flags = sum(bit for bit, name in _FLAGS.items() if name in package.flags)
    gyr = _counts(package.gyr_rad_s, _GYR_RANGE_DPS * RAD_PER_DEG)
    acc = _counts(package.acc_m_s2, _ACC_RANGE_M_S2)
    return encode_package(_SIX_AXIS_BASE + code, _SIX_AXIS.pack(package.stamp_ns, *gyr, *acc, 0, 0, flags))


def _counts(values: NDArray[np.float64], full_scale: float) -> list[int]:
    scaled = np.round(values.ravel() / full_scale * INT16_FULL_SCALE)
    return [int(count) for count in np.clip(scaled, -INT16_FULL_SCALE, INT16_FULL_SCALE - 1)]


def decode_six_axis(header: int, payload: bytes) -> SixAxisPackage | None:
    """Unpack eight samples with or without magnetometer; ``None`` where the package is another."""
    rate_hz = _RATES_HZ.get(header & 0x0F)
    layouts = {_SIX_AXIS_BASE: _SIX_AXIS, _NINE_AXIS_BASE: _NINE_AXIS}
    layout = layouts.get(header & ~0x0F)
    if rate_hz is None or layout is None or len(payload) != layout.size:
        return None
    values = layout.unpack(payload)
    shares = np.array(values[1 : 1 + 6 * _SAMPLES], dtype=np.float64).reshape(2, _SAMPLES, 3) / INT16_FULL_SCALE
    return SixAxisPackage(
        stamp_ns=values[0],
        rate_hz=rate_hz,
        gyr_rad_s=shares[0] * (_GYR_RANGE_DPS * RAD_PER_DEG),
        acc_m_s2=shares[1] * _ACC_RANGE_M_S2,
        flags=frozenset(name for bit, name in _FLAGS.items() if values[-1] & bit),
    )
