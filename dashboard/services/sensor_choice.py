"""Which sensors a page records: what is in the air and its remembered roles, or an emulated set without hardware."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.muscles import MuscleGroup
from dashboard.errors import DashboardError
from dashboard.services.sensing import Introduced, introduce, open_room
from dashboard.services.sensor_session import SensorChoice, SensorPlan, real_airs
from records.rows import PatientRow
from records.sensor_roles import load_roles, save_roles
from sensors.errors import LinkError
from sensors.packets import Channel, Role
from sensors.roles import ChannelKey, RoleMap, assign_roles, possible_roles

__all__ = ["EMULATED", "SensorWish", "channels_for", "check_simulated", "known_roles", "planning", "scan", "wish_for"]

EMULATED = ("goniometer", "witmotion", "dot", "capture2go")
"""Sets that can be tried without hardware; `sensors.emulator.rig.RIGS` without loading the emulator."""

_SCAN_S = 5.0
"""How long a page listens for sensors (chosen by us)."""
_WITHOUT = "or choose 'Try without hardware'"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorWish:
    """What is to be recorded from sensors.

    Attributes
    ----------
    emulator
        A set of `EMULATED`, empty for real sensors.
    choices
        Real sensors and what they are for.
    lever_m
        Distance of the force sensor from the joint's axis, m.
    seed
        Source of all chance of an emulated set.
    """

    emulator: str = ""
    choices: tuple[SensorChoice, ...] = ()
    lever_m: float | None = None
    seed: int = 1

    @property
    def simulated(self) -> bool:
        """Whether the patient is a virtual one."""
        return bool(self.emulator)


def scan(seconds: float = _SCAN_S, *, emulator: str | None = None) -> tuple[Introduced, ...]:
    """Listen for sensors and ask each what it is.

    Raises
    ------
    LinkError
        If this machine has no usable Bluetooth, or nothing was found; the message says what to do.
    """

    async def listen() -> tuple[Introduced, ...]:
        async with open_room(emulator) as room:
            return await introduce(room, seconds)

    try:
        found = asyncio.run(listen())
    except LinkError as error:
        raise LinkError(f"{error}; {_WITHOUT}") from error
    if not found:
        raise LinkError(
            f"no sensor was found: switch them on, bring them closer, close other programs that hold them, {_WITHOUT}"
        )
    return found


def channels_for(role: Role, found: Sequence[Introduced]) -> tuple[ChannelKey, ...]:
    """List what can have a role."""
    infos = [one.info for one in found if one.info is not None]
    return tuple(
        (info.unit_id, channel) for info in infos for channel in info.channels if role in possible_roles(channel)
    )


def known_roles(home: Path, found: Sequence[Introduced]) -> dict[Role, ChannelKey]:
    """Return the roles that are remembered, or certain by themselves.

    Raises
    ------
    RecordError
        If what is remembered is damaged.
    """
    infos = [one.info for one in found if one.info is not None]
    return {role: key for key, role in assign_roles(infos, load_roles(home)).items()}


def wish_for(
    home: Path, found: Sequence[Introduced], roles: Mapping[Role, ChannelKey], lever_m: float | None
) -> SensorWish:
    """Make a wish of the roles that were chosen, and remember them.

    Raises
    ------
    DashboardError
        If they do not fit together.
    """
    if len(set(roles.values())) < len(roles):
        raise DashboardError("one sensor has two roles: give each role its own sensor")
    if not {Role.PROXIMAL, Role.DISTAL} <= set(roles):
        raise DashboardError("an angle needs a proximal and a distal sensor: choose both")
    if Role.FORCE in roles and not lever_m:
        raise DashboardError("the force sensor's lever is missing: enter its distance from the joint's axis")
    present = [(one.info.unit_id, channel) for one in found if one.info is not None for channel in one.info.channels]
    told = load_roles(home)
    for role, key in roles.items():
        told = told.told(key, role, present)
    save_roles(home, RoleMap(roles=told.roles))
    addresses = {one.info.unit_id: one.found.address for one in found if one.info is not None}
    choices = tuple(
        SensorChoice(role=role, unit=addresses[unit_id], channel=Channel(channel))
        for role, (unit_id, channel) in roles.items()
    )
    return SensorWish(choices=choices, lever_m=lever_m if Role.FORCE in roles else None)


def planning(wish: SensorWish, muscle_group: MuscleGroup) -> Callable[[], SensorPlan]:
    """Return what makes a fresh plan for each connection."""

    def plan() -> SensorPlan:
        if not wish.emulator:
            settings = {} if wish.lever_m is None else {"lever_m": wish.lever_m}
            return SensorPlan(airs=real_airs, choices=wish.choices, settings=settings)
        try:
            from dashboard.services.virtual_sensors import virtual_plan  # noqa: PLC0415 (an optional extra)
        except ModuleNotFoundError as error:
            raise DashboardError("the emulator is not installed: pip install 'catchangle[emulator]'") from error
        return virtual_plan(wish.emulator, muscle_group, seed=wish.seed)

    return plan


def check_simulated(code: str, patients: Sequence[PatientRow], *, simulated: bool) -> None:
    """Keep virtual patients and real ones apart, before anything is recorded.

    Raises
    ------
    CatchangleError
        If the code is that of a patient of the other kind.
    """
    known = {patient.code: patient.simulated for patient in patients}.get(code)
    if known is None or known == simulated:
        return
    kind, other = ("a virtual", "real") if simulated else ("a real", "virtual")
    raise DashboardError(f"patient '{code}' is {other}: choose another code for {kind} one")
