"""Our own goniometer: two inertial sensors, force and EMG on one clock."""

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from sensors.devices import gatt
from sensors.devices.goniometer_frames import (
    Calibration,
    Frame,
    Info,
    correct,
    decode_calibration,
    decode_frame,
    decode_info,
    decode_notice,
    decode_pong,
    decode_reply,
    encode_command,
    encode_ping,
)
from sensors.devices.units import INT16_FULL_SCALE, RAD_PER_DEG, STANDARD_GRAVITY_M_S2
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

__all__ = ["KIND", "GoniometerDecoder", "GoniometerDriver", "calibration_of"]

KIND = "goniometer"
_CLOCK_MODULO = 2**32
_SEQUENCE_MODULO = 2**16
_LOST_MAX = 255
_CHANNELS = {
    gatt.CAP_IMU_A: Channel.IMU_A,
    gatt.CAP_IMU_B: Channel.IMU_B,
    gatt.CAP_FORCE: Channel.FORCE,
    gatt.CAP_EMG: Channel.EMG,
}
_MISSING = {Channel.IMU_A: gatt.FLAG_IMU_A_MISSING, Channel.IMU_B: gatt.FLAG_IMU_B_MISSING}
_REMEDIES = {
    gatt.STATUS_MTU_TOO_SMALL: "the radio link carries too small packets; use another Bluetooth adapter, or remove "
    "the device in the system's Bluetooth settings and try again",
    gatt.STATUS_CHARGING: "it is being charged and must not be worn; unplug its cable and try again",
    gatt.STATUS_IMU_MISSING: "its inertial sensors do not answer; check their cable, then switch it off and on",
    gatt.STATUS_BUS_STUCK: "its sensors' cable is shorted or broken; check it, then switch it off and on",
    gatt.STATUS_FORCE_MISSING: "its force sensor does not answer; check its cable, then switch it off and on",
    gatt.STATUS_STORAGE: "its calibration is damaged; calibrate it anew",
    gatt.STATUS_BATTERY_LOW: "its battery is empty; charge it",
    gatt.STATUS_BUSY: "it is busy; wait a few seconds, or switch it off and on",
    gatt.STATUS_BAD_OP: "its firmware does not know this command; update it (hardware/firmware)",
    gatt.STATUS_BAD_ARGUMENT: "its firmware does not take this setting; update it (hardware/firmware)",
}


class GoniometerDecoder:
    """Frames, pongs, replies and battery levels of one goniometer; one connection's."""

    def __init__(self, info: UnitInfo) -> None:
        details = info.details
        self._channels = frozenset(info.channels)
        self._gyr_rad_s = float(details["gyro_range_dps"]) * RAD_PER_DEG / INT16_FULL_SCALE
        self._acc_m_s2 = float(details["acc_range_g"]) * STANDARD_GRAVITY_M_S2 / INT16_FULL_SCALE
        self._calibration = calibration_of(info)

    def feed(self, arrival: Arrival) -> list[Packet]:
        """Decode one notification: each is complete."""
        data = arrival.data
        if arrival.characteristic in {gatt.CHARACTERISTIC_DATA, gatt.CHARACTERISTIC_ANALOG}:
            return self._frame(data)
        if arrival.characteristic == gatt.CHARACTERISTIC_SYNC and (pong := decode_pong(data)):
            sent_ns, received, answered = pong
            return [Pong(sent_ns=sent_ns, received_stamp=received, answered_stamp=answered, stamp_modulo=_CLOCK_MODULO)]
        if arrival.characteristic == gatt.CHARACTERISTIC_CONTROL and (reply := _reply(data)):
            return [reply]
        if arrival.characteristic == gatt.BATTERY_LEVEL and len(data) == 1 and data[0] <= 100:
            return [BatteryLevel(percent=float(data[0]))]
        return [Rejected(reason="no message of a goniometer", data=data)]

    def _frame(self, data: bytes) -> list[Packet]:
        frame = decode_frame(data)
        if isinstance(frame, str):
            return [Rejected(reason=frame, data=data)]
        if frame.kind == gatt.FRAME_IMU:
            return [
                self._block(frame, channel, self._inertial(channel, frame.counts[:, columns]))
                for channel, columns in ((Channel.IMU_A, slice(0, 6)), (Channel.IMU_B, slice(6, 12)))
                if channel in self._channels and not frame.flags & _MISSING[channel]
            ]
        if frame.kind == gatt.FRAME_FORCE:
            return [self._force(frame)]
        if frame.kind == gatt.FRAME_EMG:
            return [self._emg(frame)]
        return [Rejected(reason="orientation frames are not read", data=data)]

    def _inertial(self, channel: Channel, counts: NDArray[np.int32]) -> NDArray[np.float64]:
        values = counts.astype(np.float64)
        gyr, acc = values[:, :3] * self._gyr_rad_s, values[:, 3:] * self._acc_m_s2
        known = self._calibration
        cap = gatt.CAP_IMU_A if channel is Channel.IMU_A else gatt.CAP_IMU_B
        if known is not None and known.parts & cap:
            first = channel is Channel.IMU_A
            acc = correct(acc, known.acc_a if first else known.acc_b)
            gyr = correct(gyr, known.gyr_a if first else known.gyr_b)
        return np.concatenate([acc, gyr], axis=1)

    def _force(self, frame: Frame) -> SampleBlock:
        known, counts = self._calibration, frame.counts.astype(np.float64)
        if known is None or not known.parts & gatt.CAP_FORCE:
            return self._block(frame, Channel.FORCE, counts, "uncalibrated")
        return self._block(frame, Channel.FORCE, (counts - float(known.force_offset)) * known.force_scale)

    def _emg(self, frame: Frame) -> SampleBlock:
        known, counts = self._calibration, frame.counts.astype(np.float64)
        if known is None or not known.parts & gatt.CAP_EMG:
            return self._block(frame, Channel.EMG, counts, "uncalibrated")
        return self._block(frame, Channel.EMG, counts * known.emg_scale)

    @staticmethod
    def _block(frame: Frame, channel: Channel, values: NDArray[np.float64], *more: str) -> SampleBlock:
        flags = {name for bit, name in gatt.FLAG_NAMES.items() if frame.flags & bit} | set(more)
        if frame.lost == _LOST_MAX:
            flags.add("lost_at_least")
        return SampleBlock(
            channel=channel,
            values=values,
            stamp=frame.t_us,
            stamp_modulo=_CLOCK_MODULO,
            interval_s=frame.dt_us * 1e-6,
            sequence=frame.seq,
            sequence_modulo=_SEQUENCE_MODULO,
            lost=frame.lost,
            flags=frozenset(flags),
        )


class GoniometerDriver:
    """Finds, sets up and asks a goniometer."""

    kind = KIND
    services = (gatt.SERVICE,)
    name_prefixes = (gatt.NAME_PREFIX,)
    notifies = (
        gatt.CHARACTERISTIC_DATA,
        gatt.CHARACTERISTIC_ANALOG,
        gatt.CHARACTERISTIC_CONTROL,
        gatt.CHARACTERISTIC_SYNC,
        gatt.BATTERY_LEVEL,
    )
    rates_hz = tuple(float(rate) for rate in gatt.RATES_HZ)

    async def identify(self, link: Link, name: str, address: str) -> UnitInfo:
        """Read what the unit is, its calibration and its battery."""
        del address
        info = _known_info(await link.read(gatt.CHARACTERISTIC_INFO), name)
        blob = await link.read(gatt.CHARACTERISTIC_CAL)
        try:
            decode_calibration(blob)
        except DataError as error:
            raise RefusedError(f"{name}: {error}") from error
        firmware = (await link.read(gatt.FIRMWARE_REVISION)).decode("utf-8", "replace").strip("\0 ")
        battery = await link.read(gatt.BATTERY_LEVEL)
        return UnitInfo(
            kind=KIND,
            unit_id=info.unit_id.hex(),
            name=name,
            firmware=firmware or None,
            battery_percent=float(battery[0]) if battery else None,
            channels=tuple(channel for cap, channel in _CHANNELS.items() if info.caps & cap),
            rate_hz=float(info.rate),
            clock=ClockQuality.TWO_WAY,
            details={
                "gyro_range_dps": float(info.gyro_range),
                "acc_range_g": float(info.acc_range),
                "frame_max": float(info.frame_max),
                "calibration": blob.hex(),
            },
        )

    async def start(self, link: Link, info: UnitInfo, rate_hz: float) -> UnitInfo:
        """Set the rate and start."""
        if rate_hz not in self.rates_hz:
            offered = ", ".join(f"{rate:.0f}" for rate in self.rates_hz)
            raise RefusedError(f"{info.name}: streams at {offered} Hz, not at {rate_hz:g}; choose one of them")
        smallest = gatt.HEADER_BYTES + gatt.SAMPLE_BYTES_IMU
        if float(info.details["frame_max"]) < smallest:
            raise RefusedError(f"{info.name}: {_REMEDIES[gatt.STATUS_MTU_TOO_SMALL]}")
        # A unit whose host vanished without a word still streams, and would refuse the rate.
        await self.stop(link)
        await _command(link, gatt.COMMAND_SET_RATE, struct.pack(gatt.ARGUMENTS_SET_RATE, int(rate_hz)), info.name)
        # What came before belongs to the stream before; from here on every frame counts.
        link.forget()
        await _command(link, gatt.COMMAND_START, b"", info.name)
        return replace(info, rate_hz=rate_hz)

    async def stop(self, link: Link) -> None:
        """Stop; returns when the unit has said so, after its last frame."""
        await _command(link, gatt.COMMAND_STOP, b"", "the goniometer")

    async def ping(self, link: Link, now_ns: int) -> None:
        """Send the host's time."""
        await link.write(gatt.CHARACTERISTIC_SYNC, encode_ping(now_ns), response=False)

    async def inquire(self, link: Link) -> None:
        """Do nothing: the battery service tells by itself."""

    async def identify_by_light(self, link: Link, seconds: int) -> None:
        """Let the unit blink, so that a person sees which it is; 0 ends it."""
        await _command(link, gatt.COMMAND_IDENTIFY, struct.pack(gatt.ARGUMENTS_IDENTIFY, seconds), "the goniometer")

    async def tare(self, link: Link) -> None:
        """Take the present force for zero."""
        await _command(link, gatt.COMMAND_TARE, b"", "the goniometer")

    def decoder(self, info: UnitInfo) -> GoniometerDecoder:
        """Return a fresh decoder."""
        return GoniometerDecoder(info)


def _known_info(data: bytes, name: str) -> Info:
    try:
        info = decode_info(data)
    except DataError as error:
        raise RefusedError(f"{name}: {error}; update its firmware (hardware/firmware)") from error
    if info.proto != gatt.PROTOCOL:
        older = "its firmware" if info.proto < gatt.PROTOCOL else "catchangle"
        raise RefusedError(f"{name}: speaks protocol {info.proto}, catchangle speaks {gatt.PROTOCOL}; update {older}")
    return info


def _reply(data: bytes) -> Reply | None:
    if (notice := decode_notice(data)) is not None:
        return Reply(command="notice", status=_name(gatt.STATUS_NAMES, notice))
    if (reply := decode_reply(data)) is not None:
        return Reply(command=_name(gatt.COMMAND_NAMES, reply[0]), status=_name(gatt.STATUS_NAMES, reply[1]))
    return None


async def _command(link: Link, op: int, arguments: bytes, name: str) -> None:
    status = await link.ask(
        gatt.CHARACTERISTIC_CONTROL,
        encode_command(op, arguments),
        answers_on=gatt.CHARACTERISTIC_CONTROL,
        understand=_answer_to(op),
    )
    if status == gatt.STATUS_OK:
        return
    said = _REMEDIES.get(status, f"it answered with an unknown status {status}; update its firmware")
    error = LinkError if status == gatt.STATUS_BUSY else RefusedError
    raise error(f"{name}: {gatt.COMMAND_NAMES[op].replace('_', ' ')} refused: {said}")


def _answer_to(op: int) -> Callable[[bytes], int | None]:
    def understand(data: bytes) -> int | None:
        reply = decode_reply(data)
        return reply[1] if reply is not None and reply[0] == op else None

    return understand


def _name(names: dict[int, str], code: int) -> str:
    return names.get(code, f"unknown {code}")


def calibration_of(info: UnitInfo) -> Calibration | None:
    """Return the calibration that travels with a unit's info."""
    return decode_calibration(bytes.fromhex(str(info.details.get("calibration", ""))))
