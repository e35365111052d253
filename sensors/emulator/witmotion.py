"""A WitMotion WT901BLE as a virtual unit, written from the vendor's protocol: it streams as long as it is connected."""

from collections.abc import Sequence

import numpy as np
from bumble.device import Connection
from bumble.gatt import Service

from sensors.emulator.advertising import advertisement
from sensors.emulator.movement import Movement
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.unit import Burst, Series, UnitPlan, VirtualUnit
from sensors.packets import Channel

__all__ = ["VirtualWitMotion"]

_SERVICE = "0000ffe5-0000-1000-8000-00805f9a34fb"
_NOTIFY = "0000ffe4-0000-1000-8000-00805f9a34fb"
_WRITE = "0000ffe9-0000-1000-8000-00805f9a34fb"
_RATES_HZ = {0x03: 1.0, 0x05: 5.0, 0x06: 10.0, 0x08: 50.0, 0x09: 100.0, 0x0B: 200.0}
_DEFAULT_RATE_CODE = 0x06
_RATE_REGISTER, _BATTERY_REGISTER = 0x03, 0x64
_UNLOCK, _READ = 0x69, 0x27
_PREFIX = b"\xff\xaa"
_ACC_RANGE_M_S2 = 16 * 9.80665
_GYR_RANGE_RAD_S = np.radians(2000.0)
_PACKET_S = 0.04
"""Samples of so long go into one notification: eight frames at 200 Hz, as real units send."""
_FULL_CENTIVOLTS = 410
_REGISTERS_TOLD = 8


class VirtualWitMotion(VirtualUnit):
    """One inertial unit without stamps, numbers or check sums."""

    def __init__(self, link: RadioLink, plan: UnitPlan, movement: Movement) -> None:
        self._rate_code = _DEFAULT_RATE_CODE
        self._unlocked = False
        super().__init__(link, plan, movement)

    @property
    def name(self) -> str:
        """Name that it advertises."""
        return "WT901BLE68"

    def advertised(self) -> bytes:
        """Return its advertisement; the service does not fit beside the name, as on the real one."""
        return advertisement(name=self.name)

    def services(self) -> Sequence[Service]:
        """Return its one service."""
        return [
            Service(
                _SERVICE,
                [
                    self.characteristic(_NOTIFY, "NOTIFY"),
                    self.characteristic(_WRITE, "WRITE", "WRITE_WITHOUT_RESPONSE", write=self._written),
                ],
            )
        ]

    def series(self) -> Sequence[Series]:
        """Return its one series at the rate that is set."""
        rate_hz = _RATES_HZ[self._rate_code]
        return [
            Series(
                characteristic=_NOTIFY,
                channels=(Channel.IMU_A,),
                rate_hz=rate_hz,
                per_packet=max(1, round(rate_hz * _PACKET_S)),
                encode=_frames,
            )
        ]

    def _connected(self, connection: Connection) -> None:
        super()._connected(connection)
        self._unlocked = False
        self.start_streaming()

    def _written(self, command: bytes) -> None:
        if len(command) != 5 or command[:2] != _PREFIX:
            return
        register, low = command[2], command[3]
        if register == _UNLOCK:
            self._unlocked = True
        elif register == _READ:
            self.soon(self._tell(low))
        elif register == _RATE_REGISTER and self._unlocked and low in _RATES_HZ:
            self._rate_code = low
            self.start_streaming()

    async def _tell(self, register: int) -> None:
        known = {_RATE_REGISTER: self._rate_code, _BATTERY_REGISTER: _FULL_CENTIVOLTS}
        values = [known.get(register + i, 0) for i in range(_REGISTERS_TOLD)]
        told = b"".join(value.to_bytes(2, "little", signed=True) for value in values)
        await self.notify(_NOTIFY, bytes([0x55, 0x71, register, 0x00]) + told)


def _frames(burst: Burst) -> bytes:
    values = burst.values[Channel.IMU_A]
    # The unit's own angles are not used by anybody here; they are left at zero.
    scaled = np.hstack([values[:, :3] / _ACC_RANGE_M_S2, values[:, 3:] / _GYR_RANGE_RAD_S, np.zeros((len(values), 3))])
    counts = np.clip(np.rint(scaled * 32768), -32768, 32767).astype("<i2")
    return b"".join(b"\x55\x61" + row.tobytes() for row in counts)
