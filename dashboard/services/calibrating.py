"""The calibration of one goniometer, step by step: what a person does, what is found, what the unit keeps."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from dashboard.errors import UsageError
from dashboard.services.sensing import Introduced, Room
from sensors.devices import gatt
from sensors.devices.goniometer import KIND, GoniometerDecoder, calibration_of
from sensors.devices.goniometer_frames import Calibration, encode_calibration
from sensors.engine import Engine
from sensors.errors import LinkError, SensorError
from sensors.known_loads import (
    AxisCorrection,
    ForceCorrection,
    HingeCheck,
    StillPosition,
    Turn,
    calibrate_accelerometer,
    calibrate_force,
    calibrate_gyroscope,
    check_hinge,
    jig_angle_deg,
)
from sensors.packets import Arrival, Channel, SampleBlock, UnitInfo
from sensors.streaming import OpenLink, Stamped, UnitState

__all__ = ["CalibrationPlan", "Certificate", "Prompt", "calibrate"]

Prompt = Callable[[str], Awaitable[None]]
"""Tells a person what to do, and returns when it is done."""

JIG_DEG = (0.0, 45.0, 90.0, 135.0)
"""Stops of the printed jig (hardware/enclosure)."""
FACES = ("+x", "+y", "+z", "-x", "-y", "-z")
IMUS = {Channel.IMU_A: gatt.CAP_IMU_A, Channel.IMU_B: gatt.CAP_IMU_B}
STANDARD_GRAVITY_M_S2 = 9.80665
_STILL_S = 3.0
_TURN_S = 12.0
_SETTLE_S = 0.5
_LOOK_S = 0.1
_FULL_TURN_RAD = 2 * np.pi


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationPlan:
    """What is calibrated.

    Attributes
    ----------
    inertial
        Both inertial sensors: six faces, a rest, and turns about three axes.
    weights_kg
        Weights that are hung on the force handle, besides none; empty leaves force as it is.
    jig
        Whether the joint angle is checked on the hinge jig afterwards; nothing is corrected by it.
    """

    inertial: bool = True
    weights_kg: tuple[float, ...] = ()
    jig: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What was found.

    Attributes
    ----------
    unit
        The unit as it was before.
    made_at
        When, with its zone.
    calibration
        What the unit keeps now.
    acc, gyr
        Corrections by channel.
    force
        Correction of the force sensor, if it was calibrated.
    hinge
        What the jig showed, if it was used.
    written
        Whether the unit has taken it.
    """

    unit: UnitInfo
    made_at: datetime
    calibration: Calibration
    acc: dict[Channel, AxisCorrection]
    gyr: dict[Channel, AxisCorrection]
    force: ForceCorrection | None
    hinge: HingeCheck | None
    written: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Taken:
    """Uncorrected samples of one step by channel: times (s) of the unit's clock, and values."""

    time_s: dict[Channel, np.ndarray]
    values: dict[Channel, np.ndarray]

    def still(self, channel: Channel) -> StillPosition:
        values = self.values[channel]
        return StillPosition(acc_m_s2=values[:, :3], gyr_rad_s=values[:, 3:])


class _Samples:
    """Decodes what streams without the calibration that the unit has so far."""

    def __init__(self) -> None:
        self.info: UnitInfo | None = None
        self._decoder: GoniometerDecoder | None = None
        self._blocks: list[SampleBlock] = []

    def take(self, happened: Stamped) -> None:
        if isinstance(happened, UnitInfo):
            self.info = happened
            self._decoder = GoniometerDecoder(replace(happened, details={**happened.details, "calibration": ""}))
        elif isinstance(happened, Arrival) and self._decoder is not None:
            self._blocks += [one for one in self._decoder.feed(happened) if isinstance(one, SampleBlock)]

    async def during(self, seconds: float) -> _Taken:
        """Collect for so long."""
        await asyncio.sleep(_SETTLE_S)
        self._blocks.clear()
        await asyncio.sleep(seconds)
        blocks, self._blocks = self._blocks, []
        channels = {block.channel for block in blocks}
        if not channels:
            raise LinkError("the unit stopped streaming; bring it closer and begin again")
        of = {channel: [block for block in blocks if block.channel is channel] for channel in channels}
        return _Taken(
            time_s={channel: _times(those) for channel, those in of.items()},
            values={channel: np.concatenate([block.values for block in those]) for channel, those in of.items()},
        )


def _times(blocks: Sequence[SampleBlock]) -> np.ndarray:
    first = blocks[0].stamp or 0
    starts = [((block.stamp or 0) - first) % block.stamp_modulo * block.tick_s for block in blocks]
    return np.concatenate(
        [start + np.arange(len(block.values)) * block.interval_s for start, block in zip(starts, blocks, strict=True)]
    )


async def calibrate(
    room: Room, one: Introduced, plan: CalibrationPlan, prompt: Prompt, *, write: bool = True
) -> Certificate:
    """Lead through the steps, compute, and let the unit keep the result.

    Parameters
    ----------
    room, one
        Where the unit is, and which.
    plan
        What is calibrated.
    prompt
        Tells each step.
    write
        Whether the unit is to keep it.

    Raises
    ------
    UsageError
        If the unit is none of ours, or nothing was planned.
    SensorError
        If a step did not show what it should; the unit keeps what it had.
    """
    info = one.info
    if info is None or info.kind != KIND:
        raise UsageError(f"{one.found.name}: only our own goniometer keeps a calibration")
    if not plan.inertial and not plan.weights_kg and not plan.jig:
        raise UsageError("nothing to calibrate: leave --no-inertial out, or give --weight or --jig")
    samples = _Samples()
    engine = Engine(room.airs, samples.take)
    engine.add(one.found)
    running = asyncio.ensure_future(engine.run())
    try:
        await _until_streaming(engine, running)
        acc, gyr = await _inertial(samples, info, prompt) if plan.inertial else ({}, {})
        force = await _force(samples, plan.weights_kg, prompt) if plan.weights_kg else None
        hinge = await _jig(samples, prompt, acc) if plan.jig else None
    finally:
        engine.stop()
        await running
    made_at = datetime.now().astimezone()
    found = _merged(calibration_of(info), acc, gyr, force, int(made_at.timestamp()))
    written = write and bool(acc or force)
    if written:
        await engine.converse(one.found, lambda link: _write(link, found))
    return Certificate(
        unit=info, made_at=made_at, calibration=found, acc=acc, gyr=gyr, force=force, hinge=hinge, written=written
    )


async def _until_streaming(engine: Engine, running: "asyncio.Future[None]") -> None:
    while engine.status()[0].state is not UnitState.STREAMING:
        if running.done():
            raise LinkError(engine.status()[0].message or "the unit does not stream; switch it off and on")
        await asyncio.sleep(_LOOK_S)


async def _inertial(
    samples: _Samples, info: UnitInfo, prompt: Prompt
) -> tuple[dict[Channel, AxisCorrection], dict[Channel, AxisCorrection]]:
    channels = [channel for channel in IMUS if channel in info.channels]
    positions = []
    for face in FACES:
        await prompt(f"lay both nodes down with their {face} side upwards, and leave them alone for 4 s")
        positions.append(await samples.during(_STILL_S))
    turns = []
    for axis, name in enumerate("xyz"):
        for sign, way in ((1.0, "forwards"), (-1.0, "back")):
            await prompt(
                f"hold both nodes still with their {name} axis upright, then turn them one full turn {way} about it "
                f"(forwards is against the clock from above) and hold them still; you have {_TURN_S:.0f} s"
            )
            turns.append((axis, sign, await samples.during(_TURN_S)))
    acc = {one: calibrate_accelerometer([taken.still(one) for taken in positions]) for one in channels}
    gyr = {
        one: calibrate_gyroscope(
            positions[0].still(one),
            [
                Turn(
                    axis=axis,
                    angle_rad=sign * _FULL_TURN_RAD,
                    time_s=taken.time_s[one],
                    gyr_rad_s=taken.values[one][:, 3:],
                )
                for axis, sign, taken in turns
            ],
        )
        for one in channels
    }
    return acc, gyr


async def _force(samples: _Samples, weights_kg: Sequence[float], prompt: Prompt) -> ForceCorrection:
    counts, loads = [], []
    for weight_kg in (0.0, *weights_kg):
        what = f"hang {weight_kg:g} kg on" if weight_kg else "take everything off"
        await prompt(f"{what} the force handle, and wait until it hangs still")
        taken = await samples.during(_STILL_S)
        if Channel.FORCE not in taken.values:
            raise SensorError("the force handle does not answer; check its cable")
        counts.append(float(taken.values[Channel.FORCE].mean()))
        loads.append(weight_kg * STANDARD_GRAVITY_M_S2)
    return calibrate_force(np.array(counts), np.array(loads))


async def _jig(samples: _Samples, prompt: Prompt, acc: dict[Channel, AxisCorrection]) -> HingeCheck:
    """Hold the moving node's turn against the jig's stops, by what was just calibrated."""
    stops = []
    for angle_deg in JIG_DEG:
        await prompt(
            f"strap the nodes to the jig's arms, stand it with its axle level and the proximal arm at rest, pin it at "
            f"{angle_deg:g} degrees, and leave it alone for 4 s"
        )
        stops.append((await samples.during(_STILL_S)).still(Channel.IMU_B))
    known = acc.get(Channel.IMU_B)
    if known is not None:
        stops = [StillPosition(acc_m_s2=known.apply(one.acc_m_s2), gyr_rad_s=one.gyr_rad_s) for one in stops]
    measured = [jig_angle_deg(stops[0], stop) for stop in stops]
    return check_hinge(np.array(measured), np.array(JIG_DEG))


def _merged(
    before: Calibration | None,
    acc: dict[Channel, AxisCorrection],
    gyr: dict[Channel, AxisCorrection],
    force: ForceCorrection | None,
    at_s: int,
) -> Calibration:
    """Return the old calibration with all that was found now."""
    found = replace(before or Calibration(parts=0), calibrated_at=at_s)
    for channel, cap in IMUS.items():
        if channel in acc:
            letter = channel.value[-1]
            numbers = {f"acc_{letter}": acc[channel].numbers(), f"gyr_{letter}": gyr[channel].numbers()}
            found = replace(found, parts=found.parts | cap, **numbers)  # type: ignore[arg-type]
    if force is not None:
        found = replace(
            found,
            parts=found.parts | gatt.CAP_FORCE,
            force_offset=round(force.offset_counts),
            force_scale=force.scale_N,
        )
    return found


async def _write(link: OpenLink, calibration: Calibration) -> None:
    blob = encode_calibration(calibration)
    await link.write(gatt.CHARACTERISTIC_CAL, blob, response=True)
    if await link.read(gatt.CHARACTERISTIC_CAL) != blob:
        raise LinkError("the unit did not keep the calibration; switch it off and on, and write it again")
