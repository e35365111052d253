"""A Movella DOT as a virtual unit, written from its service specification (XD0506P rev C): live streaming only."""

import struct
from collections.abc import Sequence

import numpy as np
from bumble.gatt import Service

from sensors.emulator.advertising import advertisement
from sensors.emulator.movement import Movement
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.unit import Burst, Series, UnitPlan, VirtualUnit
from sensors.packets import Channel

__all__ = ["VirtualDot"]

_COMPANY = 2182
_RATES_HZ = (1, 4, 10, 12, 15, 20, 30, 60, 120)
_LIVE_LIMIT_HZ = 60
_RATE_BIT, _RATE_AT, _CONTROL_OCTETS = 0x10, 24, 32
_MODE_ACC_GYR, _MODE_QUAT_ACC_GYR = 21, 26
_LEVEL = (1.0, 0.0, 0.0, 0.0)


def _uuid(code: int) -> str:
    return f"1517{code:04x}-4947-11e9-8646-d663bd873d93"


_MEASURE, _LONG, _MEDIUM, _SHORT, _BATTERY = (_uuid(code) for code in (0x2001, 0x2002, 0x2003, 0x2004, 0x3001))
_INFO, _CONTROL = _uuid(0x1001), _uuid(0x1002)


class VirtualDot(VirtualUnit):
    """One inertial unit, one sample per notification, at most 60 Hz."""

    def __init__(self, link: RadioLink, plan: UnitPlan, movement: Movement) -> None:
        self._rate_hz = _LIVE_LIMIT_HZ
        self._mode = _MODE_QUAT_ACC_GYR
        super().__init__(link, plan, movement)

    @property
    def name(self) -> str:
        """Name that it advertises."""
        return "Movella DOT"

    def advertised(self) -> bytes:
        """Return its advertisement: name and company."""
        return advertisement(name=self.name, company=_COMPANY)

    def services(self) -> Sequence[Service]:
        """Return the services of configuration, measurement and battery."""
        return [
            Service(
                _uuid(0x1000),
                [
                    self.characteristic(_INFO, "READ", read=self._info),
                    self.characteristic(_CONTROL, "READ", "WRITE", read=self._control, write=self._configured),
                    self.characteristic(_uuid(0x1004), "NOTIFY"),
                ],
            ),
            Service(
                _uuid(0x2000),
                [
                    self.characteristic(_MEASURE, "READ", "WRITE", read=self._measuring, write=self._measure),
                    *(self.characteristic(uuid, "NOTIFY") for uuid in (_LONG, _MEDIUM, _SHORT)),
                ],
            ),
            Service(
                _uuid(0x3000),
                [
                    self.characteristic(
                        _BATTERY, "READ", "NOTIFY", read=lambda: bytes([self.plan.battery_percent, self.plan.charging])
                    )
                ],
            ),
        ]

    def series(self) -> Sequence[Series]:
        """Return its one series in the mode that was started."""
        return [
            Series(
                characteristic=_LONG if self._mode == _MODE_QUAT_ACC_GYR else _MEDIUM,
                channels=(Channel.IMU_A,),
                rate_hz=float(self._rate_hz),
                per_packet=1,
                encode=self._payload,
            )
        ]

    def _info(self) -> bytes:
        """Return address, version, build date, chip and serial in the 34 octets of the specification."""
        address = bytes.fromhex(self.plan.unit_id)
        version = bytes(int(part) for part in self.plan.firmware.split("."))
        return (address + version).ljust(34, b"\0")

    def _control(self) -> bytes:
        control = bytearray(_CONTROL_OCTETS)
        struct.pack_into("<H", control, _RATE_AT, self._rate_hz)
        return bytes(control)

    def _configured(self, control: bytes) -> None:
        if len(control) != _CONTROL_OCTETS or not control[0] & _RATE_BIT:
            return
        (rate_hz,) = struct.unpack_from("<H", control, _RATE_AT)
        if rate_hz in _RATES_HZ:
            self._rate_hz = rate_hz

    def _measuring(self) -> bytes:
        return bytes([1, bool(self._streaming), self._mode])

    def _measure(self, command: bytes) -> None:
        if len(command) != 3 or command[0] != 1:
            return
        self.stop_streaming()
        if command[1] and command[2] in {_MODE_ACC_GYR, _MODE_QUAT_ACC_GYR} and self._rate_hz <= _LIVE_LIMIT_HZ:
            self._mode = command[2]
            self.start_streaming()

    def _payload(self, burst: Burst) -> bytes:
        values = burst.values[Channel.IMU_A][0]
        quaternion = _LEVEL if self._mode == _MODE_QUAT_ACC_GYR else ()
        columns = np.concatenate([quaternion, values[:3], np.degrees(values[3:])]).astype("<f4")
        stamp = self.clock.stamp(burst.own_s)
        return struct.pack("<I", stamp) + bytes(columns.tobytes())
