"""The open goniometer as a virtual unit: what its firmware does, written a second time from hardware/gatt.yaml."""

import asyncio
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from bumble.gatt import Service

from sensors.devices import gatt
from sensors.emulator.advertising import advertisement
from sensors.emulator.movement import Movement
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.standard_services import standard_services
from sensors.emulator.unit import Burst, Series, UnitPlan, VirtualUnit
from sensors.packets import Channel

__all__ = ["VirtualGoniometer"]

_GYRO_RANGE_DEG_S = 2000
_ACC_RANGE_G = 16
_STANDARD_GRAVITY_M_S2 = 9.80665
_FORCE_N_PER_COUNT = 0.0005
_FORCE_RATE_HZ = 80.0
_FORCE_PER_PACKET = 4
_EMG_V_PER_COUNT = 1e-7
_ANSWERS_AFTER_S = 0.0004
"""From a ping to its pong, as measured with the firmware on a host (chosen by us)."""
_IMUS = (Channel.IMU_A, Channel.IMU_B)
_CAPS = {
    Channel.IMU_A: gatt.CAP_IMU_A,
    Channel.IMU_B: gatt.CAP_IMU_B,
    Channel.FORCE: gatt.CAP_FORCE,
    Channel.EMG: gatt.CAP_EMG,
}


class VirtualGoniometer(VirtualUnit):
    """Two inertial units, and force or EMG where the movement has them, on one clock."""

    def __init__(self, link: RadioLink, plan: UnitPlan, movement: Movement) -> None:
        self._rate_hz = gatt.RATES_HZ[-1]
        self._streams = False
        self._written_cal: bytes | None = None
        self.standard_gravity_m_s2 = _STANDARD_GRAVITY_M_S2
        super().__init__(link, plan, movement)

    @property
    def name(self) -> str:
        """Name that it advertises."""
        return f"{gatt.NAME_PREFIX}{self.plan.tag}"[: gatt.NAME_MAX_BYTES]

    def advertised(self) -> bytes:
        """Return its advertisement."""
        return advertisement(name=self.name, service=gatt.SERVICE)

    def services(self) -> Sequence[Service]:
        """Return its own service and the standard ones."""
        own = Service(
            gatt.SERVICE,
            [
                self.characteristic(gatt.CHARACTERISTIC_DATA, "NOTIFY"),
                self.characteristic(gatt.CHARACTERISTIC_ANALOG, "NOTIFY"),
                self.characteristic(gatt.CHARACTERISTIC_CONTROL, "WRITE", "NOTIFY", write=self._commanded),
                self.characteristic(gatt.CHARACTERISTIC_INFO, "READ", read=self._info),
                self.characteristic(gatt.CHARACTERISTIC_SYNC, "WRITE_WITHOUT_RESPONSE", "NOTIFY", write=self._pinged),
                self.characteristic(gatt.CHARACTERISTIC_CAL, "READ", "WRITE", read=self._cal, write=self._keep_cal),
            ],
        )
        return [own, *standard_services(self, model="goniometer")]

    def series(self) -> Sequence[Series]:
        """Return the inertial series, and force and EMG where there are any."""
        per_packet = min(gatt.SAMPLES_MAX, (self.frame_octets - gatt.HEADER_BYTES) // gatt.SAMPLE_BYTES_IMU)
        listed = [
            Series(
                characteristic=gatt.CHARACTERISTIC_DATA,
                channels=_IMUS,
                rate_hz=float(self._rate_hz),
                per_packet=per_packet,
                encode=self._imu_frame,
            )
        ]
        if Channel.FORCE in self.movement.signals:
            listed.append(
                Series(
                    characteristic=gatt.CHARACTERISTIC_ANALOG,
                    channels=(Channel.FORCE,),
                    rate_hz=_FORCE_RATE_HZ,
                    per_packet=_FORCE_PER_PACKET,
                    encode=self._force_frame,
                )
            )
        return listed

    def stop_streaming(self) -> None:
        """End all series."""
        self._streams = False
        super().stop_streaming()

    def _caps(self) -> int:
        return sum(_CAPS[channel] for channel in self.movement.signals)

    def _info(self) -> bytes:
        cal = self._cal()
        frame_max = gatt.HEADER_BYTES + gatt.SAMPLES_MAX * gatt.SAMPLE_BYTES_IMU
        return struct.pack(
            gatt.INFO_FORMAT,
            gatt.PROTOCOL,
            self._caps(),
            self._rate_hz,
            min(self.frame_octets, frame_max),
            _GYRO_RANGE_DEG_S,
            _ACC_RANGE_G,
            bytes.fromhex(self.plan.unit_id),
            zlib.crc32(cal[:-4]) & 0xFFFF if cal else 0,
        )

    def _keep_cal(self, data: bytes) -> None:
        self._written_cal = data

    def _cal(self) -> bytes:
        """Return what was written; else a calibration of the force alone: the inertial units keep their faults."""
        if self._written_cal is not None:
            return self._written_cal
        if Channel.FORCE not in self.movement.signals:
            return b""
        identity = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
        fields = struct.pack(
            gatt.CAL_FORMAT,
            gatt.CAL_VERSION,
            gatt.CAP_FORCE,
            0,
            0,
            *(identity * 4),
            0,
            _FORCE_N_PER_COUNT,
            _EMG_V_PER_COUNT,
        )
        return fields + struct.pack(gatt.CAL_CRC_FORMAT, zlib.crc32(fields))

    def _commanded(self, command: bytes) -> None:
        self.soon(self._obey(command))

    async def _obey(self, command: bytes) -> None:
        operation = command[0] if command else 0xFF
        status = self._carry_out(operation, command[1:])
        reply = bytes([(operation | gatt.REPLY_BIT) & 0xFF, status])
        await self.notify(gatt.CHARACTERISTIC_CONTROL, reply)
        if operation == gatt.COMMAND_START and status == gatt.STATUS_OK:
            self.start_streaming()
            self._streams = True

    def _carry_out(self, operation: int, arguments: bytes) -> int:
        if operation == gatt.COMMAND_STOP:
            self.stop_streaming()
        elif operation == gatt.COMMAND_START:
            return self._may_start()
        elif operation == gatt.COMMAND_SET_RATE:
            return self._set_rate(arguments)
        elif operation not in gatt.COMMAND_NAMES:
            return gatt.STATUS_BAD_OP
        return gatt.STATUS_OK

    def _may_start(self) -> int:
        if self.frame_octets + gatt.MTU_ATT_OVERHEAD < gatt.MTU_SMALLEST:
            return gatt.STATUS_MTU_TOO_SMALL
        return gatt.STATUS_CHARGING if self.plan.charging else gatt.STATUS_OK

    def _set_rate(self, arguments: bytes) -> int:
        if len(arguments) != struct.calcsize(gatt.ARGUMENTS_SET_RATE):
            return gatt.STATUS_BAD_ARGUMENT
        (rate_hz,) = struct.unpack(gatt.ARGUMENTS_SET_RATE, arguments)
        if rate_hz not in gatt.RATES_HZ:
            return gatt.STATUS_BAD_ARGUMENT
        if self._streams:
            return gatt.STATUS_BUSY
        self._rate_hz = rate_hz
        return gatt.STATUS_OK

    def _pinged(self, ping: bytes) -> None:
        if len(ping) == gatt.PING_BYTES and not self.stalled:
            self.soon(self._answer(ping))

    async def _answer(self, ping: bytes) -> None:
        (sent_ns,) = struct.unpack(gatt.PING_FORMAT, ping)
        received = self.clock.stamp(self.own_now_s())
        await asyncio.sleep(_ANSWERS_AFTER_S)
        answered = self.clock.stamp(self.own_now_s())
        await self.notify(gatt.CHARACTERISTIC_SYNC, struct.pack(gatt.PONG_FORMAT, sent_ns, received, answered))

    def _header(self, kind: int, flags: int, burst: Burst, interval_s: float, samples: int) -> bytes:
        return struct.pack(
            gatt.HEADER_FORMAT,
            gatt.PROTOCOL << 4 | kind,
            flags,
            burst.sequence % 2**16,
            self.clock.stamp(burst.own_s),
            round(interval_s * 1e6),
            samples,
            min(burst.missed, 255),
        )

    def _imu_frame(self, burst: Burst) -> bytes:
        columns = np.hstack([burst.values[channel][:, [3, 4, 5, 0, 1, 2]] for channel in _IMUS])
        gyr = gatt.FULL_SCALE_COUNTS / np.radians(_GYRO_RANGE_DEG_S)
        acc = gatt.FULL_SCALE_COUNTS / (_ACC_RANGE_G * self.standard_gravity_m_s2)
        counts = np.rint(columns * np.repeat([gyr, acc, gyr, acc], 3))
        clipped = np.abs(counts) >= gatt.FULL_SCALE_COUNTS
        flags = gatt.FLAG_GYRO_CLIP * bool(clipped[:, [0, 1, 2, 6, 7, 8]].any())
        flags |= gatt.FLAG_ACC_CLIP * bool(clipped[:, [3, 4, 5, 9, 10, 11]].any())
        flags |= gatt.FLAG_USB * self.plan.charging
        packed: bytes = np.clip(counts, -gatt.FULL_SCALE_COUNTS, gatt.FULL_SCALE_COUNTS - 1).astype("<i2").tobytes()
        return self._header(gatt.FRAME_IMU, flags, burst, 1.0 / self._rate_hz, len(counts)) + packed

    def _force_frame(self, burst: Burst) -> bytes:
        counts = np.rint(burst.values[Channel.FORCE][:, 0] / _FORCE_N_PER_COUNT).astype("<i4")
        header = self._header(gatt.FRAME_FORCE, 0, burst, 1.0 / _FORCE_RATE_HZ, counts.size)
        return header + counts.tobytes()
