"""A Capture2Go as a virtual unit, written from the layouts that its maker publishes: packages in a stream of octets."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from bumble.gatt import Service

from sensors.emulator.advertising import advertisement
from sensors.emulator.movement import Movement
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.unit import Burst, Series, UnitPlan, VirtualUnit
from sensors.packets import Channel

__all__ = ["VirtualCapture2Go"]

_SERVICE = "80030001-e629-4c98-9324-aa7fc0c66de7"
_RX = "80030002-e629-4c98-9324-aa7fc0c66de7"
_TX = "80030003-e629-4c98-9324-aa7fc0c66de7"
_START_OCTET = 0x02
_FRAMING = struct.Struct("<BIB")
_NO_REAL_TIME_PACKAGES = b"\xff"
_GET_INFO, _INFO = 0x0070, 0x0071
_SET_MODE, _GET_MODE, _MODE = 0x0120, 0x0121, 0x0122
_START, _STARTED, _STOP, _STOPPED = 0x0150, 0x0151, 0x0152, 0x0153
_SET_TIME, _TIME = 0x0170, 0x0171
_ROUND_TRIP = 0x0172
_CLEAR, _CLEARED = 0x0158, 0x0159
_GET_STATUS, _STATUS = 0x0200, 0x0201
_FULL_6D_PACKED = 0x0230
"""Header of the packed packages without magnetic field, to which the mode of the rate is added."""
_RATES_HZ = {1: 200.0, 2: 100.0, 3: 50.0, 4: 25.0, 5: 10.0}
_PACKED_MODE_AT = 10
_MODE_OCTETS = 30
_PER_PACKAGE = 8
_GYR_RANGE_RAD_S = np.radians(2000.0)
_ACC_RANGE_M_S2 = 16 * 9.81
_LEVEL_QUATERNION = 0x80000_80000_80000
"""Identity in the maker's packing: the largest of four is the first, the others are at their middle."""


class VirtualCapture2Go(VirtualUnit):
    """One inertial unit with nanosecond stamps and a check sum on each package."""

    def __init__(self, link: RadioLink, plan: UnitPlan, movement: Movement) -> None:
        self._mode = bytes(_MODE_OCTETS)
        self._received = bytearray()
        super().__init__(link, plan, movement)

    @property
    def name(self) -> str:
        """Name that it advertises."""
        return f"IMU_{self.plan.unit_id[:5]}"

    @property
    def wraps_at_s(self) -> float | None:
        """Return nothing: 64 bits of nanoseconds never wrap."""
        return None

    def advertised(self) -> bytes:
        """Return its advertisement; the service is what it is found by, the name comes with the information."""
        return advertisement(name=self.name[:8], service=_SERVICE)

    def services(self) -> Sequence[Service]:
        """Return its one service."""
        return [
            Service(
                _SERVICE,
                [
                    self.characteristic(_RX, "WRITE", "WRITE_WITHOUT_RESPONSE", write=self._written),
                    self.characteristic(_TX, "NOTIFY"),
                ],
            )
        ]

    def series(self) -> Sequence[Series]:
        """Return its one series, if the mode that was set has one."""
        rate_hz = _RATES_HZ.get(self._mode[_PACKED_MODE_AT])
        if rate_hz is None:
            return []
        return [
            Series(
                characteristic=_TX,
                channels=(Channel.IMU_A,),
                rate_hz=rate_hz,
                per_packet=_PER_PACKAGE,
                encode=lambda burst: _NO_REAL_TIME_PACKAGES + self._measured(burst),
            )
        ]

    def _written(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= _FRAMING.size + 2:
            start, check, length = _FRAMING.unpack_from(self._received)
            end = _FRAMING.size + 2 + length
            if start != _START_OCTET:
                self._received.clear()
            if len(self._received) < end:
                return
            body = bytes(self._received[_FRAMING.size : end])
            del self._received[:end]
            if zlib.crc32(body) == check:
                self.soon(self._obey(int.from_bytes(body[:2], "little"), body[2:]))

    async def _obey(self, header: int, payload: bytes) -> None:
        received_ns = self._stamp_ns(self.own_now_s())
        if header == _SET_MODE and len(payload) == _MODE_OCTETS:
            self._mode = payload
        if header in {_STOP, _CLEAR}:
            self.stop_streaming()
        answers = {
            _GET_INFO: (_INFO, self._info()),
            _SET_MODE: (_MODE, self._mode),
            _GET_MODE: (_MODE, self._mode),
            _START: (_STARTED, b""),
            _STOP: (_STOPPED, b""),
            _CLEAR: (_CLEARED, b""),
            _SET_TIME: (_TIME, payload),
            _GET_STATUS: (_STATUS, self._status()),
        }
        if header == _ROUND_TRIP and not self.stalled:
            sent_ns = int.from_bytes(payload[:8], "little", signed=True)
            answered_ns = self._stamp_ns(self.own_now_s())
            answers[_ROUND_TRIP] = (_ROUND_TRIP, struct.pack("<qqqq", sent_ns, received_ns, answered_ns, 0))
        if header in answers:
            await self.notify(_TX, _NO_REAL_TIME_PACKAGES + _package(*answers[header]))
        if header == _START:
            self.start_streaming()

    def _info(self) -> bytes:
        texts = (self.plan.unit_id[:6], "virtual", "1", self.plan.firmware, "2026-01-01")
        return struct.pack("<H6s8s8s12s11s", 1, *(text.encode() for text in texts))

    def _status(self) -> bytes:
        battery = self.plan.battery_percent + 0x80 * self.plan.charging
        return struct.pack("<qBBhhhBBB", self._stamp_ns(self.own_now_s()), 0, 0, 0, 0, 0, 0, battery, 100)

    def _stamp_ns(self, own_s: float) -> int:
        return self.clock.stamp(own_s, tick_s=1e-9, modulo=2**63)

    def _measured(self, burst: Burst) -> bytes:
        values = burst.values[Channel.IMU_A]
        counts = [
            np.clip(np.rint(part * 32768), -32768, 32767).astype("<i2").tobytes()
            for part in (values[:, 3:] / _GYR_RANGE_RAD_S, values[:, :3] / _ACC_RANGE_M_S2)
        ]
        stamp = struct.pack("<q", self._stamp_ns(burst.own_s))
        time_gap = bool(burst.missed)
        rest = struct.pack("<QhB", _LEVEL_QUATERNION, 0, time_gap)
        return _package(_FULL_6D_PACKED + self._mode[_PACKED_MODE_AT], stamp + b"".join(counts) + rest)


def _package(header: int, payload: bytes) -> bytes:
    body = header.to_bytes(2, "little") + payload
    return _FRAMING.pack(_START_OCTET, zlib.crc32(body), len(payload)) + body
