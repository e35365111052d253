"""Sensors of this machine's air, or of an emulated one: what is there, and what streams from it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from dashboard.errors import UsageError
from sensors.engine import Engine
from sensors.errors import LinkError, NoRadioError
from sensors.live_joint import LiveJoint
from sensors.packets import Channel, LinkEvent, Role, UnitInfo
from sensors.radio import Radio
from sensors.roles import ChannelKey, RoleMap, assign_roles
from sensors.streaming import Air, FoundUnit, Stamped, StreamParams, UnitState, UnitStatus

if TYPE_CHECKING:
    from sensors.emulator.movement import Signal

__all__ = [
    "Introduced",
    "Room",
    "Streamed",
    "introduce",
    "open_room",
    "select",
    "stream",
]

_EMULATED_SEED = 1
_NOT_YET = {UnitState.IDLE, UnitState.SCANNING, UnitState.CONNECTING, UnitState.CONFIGURING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where sensors are looked for.

    Attributes
    ----------
    airs
        Bluetooth, LSL, or what is emulated.
    begin
        Sets an emulated patient going.
    roles
        Where emulated units sit on that patient, by address.
    """

    airs: tuple[Air, ...]
    begin: Callable[[], None]
    roles: Mapping[str, Mapping[Channel, Role]] = field(default_factory=dict)


@asynccontextmanager
async def open_room(emulator: str | None, *, lsl: bool = False) -> AsyncIterator[Room]:
    """Open this machine's Bluetooth, or an emulated set of sensors on a virtual patient, and LSL if asked for.

    Raises
    ------
    LinkError
        If the extra that is needed is not installed.
    """
    async with AsyncExitStack() as stack:
        airs: list[Air] = []
        begin, roles = _nobody, dict[str, Mapping[Channel, Role]]()
        if emulator is None:
            airs.append(Radio())
        else:
            radio, begin, roles = await stack.enter_async_context(_emulated(emulator))
            airs.append(radio)
        if lsl:
            from sensors.lsl import LslAir  # noqa: PLC0415 (an optional extra)

            airs.append(LslAir())
        yield Room(airs=tuple(airs), begin=begin, roles=roles)


def _nobody() -> None:
    """Set nobody going: the patient is a real one."""


@asynccontextmanager
async def _emulated(kind: str) -> AsyncIterator[tuple[Radio, Callable[[], None], dict[str, Mapping[Channel, Role]]]]:
    try:
        from sensors.emulator.backend import client_backend, scanner_backend  # noqa: PLC0415 (an optional extra)
        from sensors.emulator.rig import RIGS, Rig, build_rig  # noqa: PLC0415 (an optional extra)
        from sensors.emulator.world import emulated_world  # noqa: PLC0415 (an optional extra)
    except ImportError as error:
        raise NoRadioError("the emulator is not installed: pip install 'catchangle[emulator]'") from error
    if kind not in RIGS:
        raise UsageError(f"--emulator: no set of sensors is called '{kind}'; choose one of {', '.join(RIGS)}")
    # What the emulated stack says of its own links is no news to whoever tries an exam.
    logging.getLogger("bumble").setLevel(logging.CRITICAL)
    signals = _virtual_signals()
    rigs: list[Rig] = []

    def furnish(link):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 (the emulator's own types are not loaded)
        rigs.append(build_rig(link, kind, signals, seed=_EMULATED_SEED))
        return rigs[0].units

    async with emulated_world(furnish, seed=_EMULATED_SEED) as world:
        radio = Radio(client_backend=client_backend(world.adapter), scanner_backend=scanner_backend(world.adapter))
        yield radio, lambda: rigs[0].begin(asyncio.get_running_loop().time()), dict(rigs[0].roles)


@lru_cache(maxsize=1)
def _virtual_signals() -> "dict[Role, Signal]":
    """Return what a virtual patient's sensors measure in one exam: always the same one."""
    from analysis.muscles import MuscleGroup  # noqa: PLC0415 (with what it is used)
    from analysis.simulate import draw_patient  # noqa: PLC0415 (with what it is used)
    from sensors.emulator.patient import replayable_exam, signals_of  # noqa: PLC0415 (an optional extra)

    patient = draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=_EMULATED_SEED)
    return signals_of(replayable_exam(patient, seed=_EMULATED_SEED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduced:
    """A unit that was found, and what it says of itself, or why it says nothing."""

    found: FoundUnit
    info: UnitInfo | None = None
    trouble: str = ""


async def introduce(room: Room, seconds: float, *, ask: bool = True) -> tuple[Introduced, ...]:
    """Scan, and ask each unit in turn what it is.

    Parameters
    ----------
    room
        Where to look.
    seconds
        How long to listen.
    ask
        Whether to connect to the units; without, only what they advertise is known.

    Raises
    ------
    NoRadioError
        If this machine has no usable radio.
    """
    engine = Engine(room.airs, ignore)
    introduced = []
    for found in await engine.scan(seconds):
        info, trouble = None, ""
        if ask:
            try:
                info = await engine.identify(found)
            except LinkError as error:
                trouble = str(error)
        introduced.append(Introduced(found=found, info=info, trouble=trouble))
    return tuple(introduced)


def ignore(_happened: Stamped) -> None:
    """Take what nobody wants."""


def select(introduced: Sequence[Introduced], wanted: Sequence[str]) -> tuple[Introduced, ...]:
    """Return the units that are wanted by identity, name or address; all where none is named.

    Raises
    ------
    LinkError
        If one is not there, or none is.
    """
    if not introduced:
        raise LinkError(
            "no sensor found; switch the sensors on, bring them closer, and close other programs that hold them"
        )
    chosen = []
    for name in wanted:
        match = [one for one in introduced if name in _names(one)]
        if not match:
            there = ", ".join(one.info.unit_id if one.info else one.found.name for one in introduced)
            raise LinkError(f"no sensor '{name}' found, but {there}; switch it on, or choose one of these")
        chosen += [one for one in match if one not in chosen]
    return tuple(chosen) if wanted else tuple(introduced)


def _names(one: Introduced) -> set[str]:
    return {one.found.name, one.found.address, one.info.unit_id if one.info else ""} - {""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """What is known of all that streams, and of the joint; `seconds` count from when all units were tried."""

    seconds: float
    units: tuple[UnitStatus, ...]
    roles: dict[ChannelKey, Role]
    angle_deg: float | None = None
    velocity_deg_s: float | None = None
    no_angle: str = ""
    events: tuple[LinkEvent, ...] = ()


class _Listener:
    """Keeps what the engine tells: units, events, the joint."""

    def __init__(self, remembered: RoleMap) -> None:
        self._remembered = remembered
        self.infos: dict[str, UnitInfo] = {}
        self.events: list[LinkEvent] = []
        self.roles: dict[ChannelKey, Role] = {}
        self.joint = LiveJoint(self._role_of)

    def take(self, happened: Stamped) -> None:
        if isinstance(happened, UnitInfo):
            self.infos[happened.unit_id] = happened
            self.roles = assign_roles(tuple(self.infos.values()), self._remembered)
        elif isinstance(happened, LinkEvent):
            self.events.append(happened)

    def _role_of(self, key: ChannelKey) -> Role | None:
        return self.roles.get(key)

    def said(self, seconds: float, units: tuple[UnitStatus, ...]) -> Streamed:
        angle, velocity, reason = None, None, ""
        if not self.infos:
            reason = "connecting"
        elif not {Role.PROXIMAL, Role.DISTAL} <= set(self.roles.values()):
            reason = "no angle: which sensor is proximal and which distal is not known (catchangle sensors assign)"
        elif self.joint.latest is None or not self.joint.latest.angle_deg.size:
            reason = "no angle yet"
        elif np.isfinite(self.joint.latest.angle_deg[-1]):
            angle = float(self.joint.latest.angle_deg[-1])
            velocity = float(self.joint.latest.velocity_deg_s[-1])
        else:
            reason = f"no angle: {self.joint.latest.reason}"
        return Streamed(
            seconds=seconds,
            units=units,
            roles=dict(self.roles),
            angle_deg=angle,
            velocity_deg_s=velocity,
            no_angle=reason,
            events=tuple(self.events),
        )


async def stream(
    room: Room,
    chosen: Sequence[Introduced],
    remembered: RoleMap,
    *,
    params: StreamParams,
    tell: Callable[[Streamed], bool],
    every_s: float,
) -> Streamed:
    """Stream units until `tell`, which is called every so often, returns false, or none is left.

    Time counts from when each unit has streamed or has failed once: one that is out of reach holds nobody up.

    Raises
    ------
    LinkError
        If none of the units could be streamed; the message is the first's.
    """
    listener = _Listener(_with_emulated(remembered, room, chosen))
    engine = Engine(room.airs, listener.take, watch=listener.joint, params=params)
    for one in chosen:
        engine.add(one.found)
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(engine.run())
    room.begin()
    begun_s, now = loop.time(), listener.said(0.0, engine.status())
    try:
        while not running.done():
            await asyncio.wait([running], timeout=every_s)
            units = engine.status()
            if any(unit.state in _NOT_YET and not unit.message for unit in units if unit.segment < 0):
                begun_s = loop.time()
            now = listener.said(loop.time() - begun_s, units)
            if running.done() or not tell(now):
                break
    finally:
        engine.stop()
        await running
    units = engine.status()
    if all(unit.segment < 0 for unit in units):
        raise LinkError(next((unit.message for unit in units if unit.message), "stopped before any sensor streamed"))
    return listener.said(now.seconds, units)


def _with_emulated(remembered: RoleMap, room: Room, chosen: Sequence[Introduced]) -> RoleMap:
    """Add where emulated units sit: nobody can strap them elsewhere."""
    emulated = {
        (one.info.unit_id, channel): role
        for one in chosen
        if one.info is not None
        for channel, role in room.roles.get(one.found.address, {}).items()
    }
    return RoleMap(roles={**remembered.roles, **emulated})
