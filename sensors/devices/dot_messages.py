"""Messages of a Movella DOT: its on-board recording, which alone is fast enough for a catch."""

import struct
from dataclasses import dataclass

from analysis.errors import DataError

__all__ = ["DotMessage", "decode_message", "encode_message", "start_recording", "stop_recording"]

_RECORDING = 0x01
_START_RECORDING, _STOP_RECORDING = 0x40, 0x41
_OVERHEAD = 3
_MAX_BYTES = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class DotMessage:
    """One message: which part of the unit it concerns, and its content."""

    part: int
    data: bytes


def encode_message(message: DotMessage) -> bytes:
    """Pack a message; all its bytes sum to 0 modulo 256.

    Notes
    -----
    The specification (XD0506P rev C) prints StartRecording as ``010740DF503B5B0807E0``, which sums to 0xFC; by its own
    rule, and by every other of its examples, the last byte is 0xE4.
    """
    body = bytes([message.part, len(message.data)]) + message.data
    if len(body) >= _MAX_BYTES:
        raise DataError(f"expected a message of at most {_MAX_BYTES} bytes; got {len(body) + 1}")
    return body + bytes([-sum(body) % 256])


def decode_message(data: bytes) -> DotMessage | None:
    """Unpack a message; ``None`` where length or check sum are wrong."""
    if len(data) < _OVERHEAD or len(data) != data[1] + _OVERHEAD or sum(data) % 256:
        return None
    return DotMessage(part=data[0], data=data[2:-1])


def start_recording(start_unix_s: int, duration_s: int) -> bytes:
    """Pack the command to record on board."""
    content = struct.pack("<BIH", _START_RECORDING, start_unix_s, duration_s)
    return encode_message(DotMessage(part=_RECORDING, data=content))


def stop_recording() -> bytes:
    """Pack the command to end the recording on board."""
    return encode_message(DotMessage(part=_RECORDING, data=bytes([_STOP_RECORDING])))
