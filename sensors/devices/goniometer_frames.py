"""The goniometer's bytes, both ways; hardware/gatt.yaml explains them."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import DataError
from sensors.devices import gatt

__all__ = [
    "FRAME_LAYOUTS",
    "Calibration",
    "Frame",
    "Info",
    "correct",
    "decode_calibration",
    "decode_frame",
    "decode_info",
    "decode_notice",
    "decode_pong",
    "decode_reply",
    "encode_calibration",
    "encode_command",
    "encode_frame",
    "encode_info",
    "encode_ping",
    "encode_pong",
    "encode_reply",
]

FRAME_LAYOUTS = {
    gatt.FRAME_IMU: ("<i2", 12),
    gatt.FRAME_FORCE: ("<i4", 1),
    gatt.FRAME_EMG: ("<i2", 1),
    gatt.FRAME_ORIENTATION: ("<i2", 8),
}
"""By frame type: the numpy type of one value, and the values of one sample."""
_IMU_VALUES = 12
"""Offset x y z, then a 3 × 3 matrix row by row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One notification of samples; `counts` has shape (n, values per sample), the rest is the header's."""

    kind: int
    flags: int = 0
    seq: int
    t_us: int
    dt_us: int
    lost: int = 0
    counts: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What a unit is and how it is set; fields as in gatt.yaml."""

    proto: int = gatt.PROTOCOL
    caps: int
    rate: int
    frame_max: int
    gyro_range: int
    acc_range: int
    unit_id: bytes
    cal_crc: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A unit's calibration; the four inertial parts are offset x y z (SI) and then the matrix row by row.

    Corrected = matrix · (measured − offset), force = `force_scale` · (count − `force_offset`).
    """

    parts: int
    calibrated_at: int = 0
    acc_a: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    gyr_a: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    acc_b: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    gyr_b: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    force_offset: int = 0
    force_scale: float = 0.0
    emg_scale: float = 0.0

    def __post_init__(self) -> None:
        for name in ("acc_a", "gyr_a", "acc_b", "gyr_b"):
            if len(getattr(self, name)) != _IMU_VALUES:
                raise DataError(f"expected {_IMU_VALUES} values of Calibration.{name}; got {len(getattr(self, name))}")


def encode_frame(frame: Frame) -> bytes:
    """Pack a frame as the firmware does."""
    dtype, width = FRAME_LAYOUTS[frame.kind]
    counts = np.asarray(frame.counts)
    if counts.ndim != 2 or counts.shape[1] != width:
        raise DataError(f"expected counts of shape (n, {width}); got {counts.shape}")
    head = (gatt.PROTOCOL << 4 | frame.kind, frame.flags, frame.seq, frame.t_us, frame.dt_us, len(counts), frame.lost)
    return struct.pack(gatt.HEADER_FORMAT, *head) + counts.astype(dtype).tobytes()


def decode_frame(data: bytes) -> Frame | str:
    """Unpack a frame, or say in a few words why it is none."""
    if len(data) < gatt.HEADER_BYTES:
        return f"frame of {len(data)} bytes is shorter than its header"
    version_type, flags, seq, t_us, dt_us, n, lost = struct.unpack_from(gatt.HEADER_FORMAT, data)
    version, kind = version_type >> 4, version_type & 0x0F
    if version != gatt.PROTOCOL:
        return f"frame of protocol {version}"
    if kind not in FRAME_LAYOUTS:
        return f"frame of unknown type {kind}"
    dtype, width = FRAME_LAYOUTS[kind]
    expected = gatt.HEADER_BYTES + n * width * np.dtype(dtype).itemsize
    if n == 0 or dt_us == 0 or len(data) != expected:
        return f"frame of {len(data)} bytes says {n} samples {dt_us} µs apart"
    counts = np.frombuffer(data, dtype, offset=gatt.HEADER_BYTES).astype(np.int32).reshape(n, width)
    return Frame(kind=kind, flags=flags, seq=seq, t_us=t_us, dt_us=dt_us, lost=lost, counts=counts)


def encode_info(info: Info) -> bytes:
    """Pack what a unit says of itself."""
    return struct.pack(
        gatt.INFO_FORMAT,
        info.proto,
        info.caps,
        info.rate,
        info.frame_max,
        info.gyro_range,
        info.acc_range,
        info.unit_id,
        info.cal_crc,
    )


def decode_info(data: bytes) -> Info:
    """Unpack what a unit says of itself; later protocols may append to it.

    Raises
    ------
    DataError
        If it is too short.
    """
    if len(data) < gatt.INFO_BYTES:
        raise DataError(f"expected {gatt.INFO_BYTES} bytes of a goniometer's info; got {len(data)}")
    proto, caps, rate, frame_max, gyro_range, acc_range, unit_id, cal_crc = struct.unpack_from(gatt.INFO_FORMAT, data)
    return Info(
        proto=proto,
        caps=caps,
        rate=rate,
        frame_max=frame_max,
        gyro_range=gyro_range,
        acc_range=acc_range,
        unit_id=unit_id,
        cal_crc=cal_crc,
    )


def encode_calibration(calibration: Calibration) -> bytes:
    """Pack a calibration with its check sum."""
    body = struct.pack(
        gatt.CAL_FORMAT,
        gatt.CAL_VERSION,
        calibration.parts,
        0,
        calibration.calibrated_at,
        *calibration.acc_a,
        *calibration.gyr_a,
        *calibration.acc_b,
        *calibration.gyr_b,
        calibration.force_offset,
        calibration.force_scale,
        calibration.emg_scale,
    )
    return body + struct.pack(gatt.CAL_CRC_FORMAT, zlib.crc32(body))


def decode_calibration(data: bytes) -> Calibration | None:
    """Unpack a calibration; ``None`` for a unit that was never calibrated.

    Raises
    ------
    DataError
        If it is damaged or of another layout.
    """
    if not data:
        return None
    expected = gatt.CAL_BYTES + struct.calcsize(gatt.CAL_CRC_FORMAT)
    if len(data) != expected:
        raise DataError(f"expected {expected} bytes of a goniometer's calibration; got {len(data)}")
    body = data[: gatt.CAL_BYTES]
    if zlib.crc32(body) != struct.unpack(gatt.CAL_CRC_FORMAT, data[gatt.CAL_BYTES :])[0]:
        raise DataError("the goniometer's calibration is damaged (its check sum is wrong); calibrate it anew")
    values = struct.unpack(gatt.CAL_FORMAT, body)
    if values[0] != gatt.CAL_VERSION:
        raise DataError(f"expected version {gatt.CAL_VERSION} of a goniometer's calibration; got {values[0]}")
    parts = [tuple(values[start : start + _IMU_VALUES]) for start in range(4, 4 + 4 * _IMU_VALUES, _IMU_VALUES)]
    return Calibration(
        parts=values[1],
        calibrated_at=values[3],
        acc_a=parts[0],
        gyr_a=parts[1],
        acc_b=parts[2],
        gyr_b=parts[3],
        force_offset=values[-3],
        force_scale=values[-2],
        emg_scale=values[-1],
    )


def encode_command(op: int, arguments: bytes = b"") -> bytes:
    """Pack a command."""
    return bytes([op]) + arguments


def encode_reply(op: int, status: int) -> bytes:
    """Pack the answer to a command."""
    return bytes([op | gatt.REPLY_BIT, status])


def decode_reply(data: bytes) -> tuple[int, int] | None:
    """Unpack the answer to a command: (op, status); ``None`` where it is none."""
    if len(data) < 2 or not data[0] & gatt.REPLY_BIT or data[0] == gatt.NOTICE_OP:
        return None
    return data[0] & ~gatt.REPLY_BIT, data[1]


def decode_notice(data: bytes) -> int | None:
    """Unpack what the unit says unasked: a status, ok when the fault has ended; ``None`` where it is none."""
    return data[1] if len(data) >= 2 and data[0] == gatt.NOTICE_OP else None


def encode_ping(sent_ns: int) -> bytes:
    """Pack a ping."""
    return struct.pack(gatt.PING_FORMAT, sent_ns)


def encode_pong(sent_ns: int, received_us: int, answered_us: int) -> bytes:
    """Pack the answer to a ping; the unit's times wrap at 2^32."""
    wrapped = (received_us % 2**32, answered_us % 2**32)
    return struct.pack(gatt.PONG_FORMAT, sent_ns, *wrapped)


def decode_pong(data: bytes) -> tuple[int, int, int] | None:
    """Unpack the answer to a ping: (sent ns, received µs, answered µs); ``None`` where it is none."""
    if len(data) != gatt.PONG_BYTES:
        return None
    sent_ns, received_us, answered_us = struct.unpack(gatt.PONG_FORMAT, data)
    return sent_ns, received_us, answered_us


def correct(measured: NDArray[np.float64], part: ArrayLike) -> NDArray[np.float64]:
    """Apply one inertial part of a calibration to measured values, shape (n, 3)."""
    values = np.asarray(part, dtype=np.float64)
    corrected: NDArray[np.float64] = (measured - values[:3]) @ values[3:].reshape(3, 3).T
    return corrected
