"""Sets of virtual units as a clinic may own them, strapped to a virtual patient."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from analysis.errors import DataError
from sensors.emulator.capture2go import VirtualCapture2Go
from sensors.emulator.dot import VirtualDot
from sensors.emulator.goniometer import VirtualGoniometer
from sensors.emulator.movement import Movement, Signal
from sensors.emulator.progressor import VirtualProgressor
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.unit import UnitPlan, VirtualUnit
from sensors.emulator.witmotion import VirtualWitMotion
from sensors.packets import Channel, Role

__all__ = ["RIGS", "Rig", "build_rig"]

_DRIFT_PPM = 40.0
"""Largest drift of a unit's clock: what cheap crystals keep (chosen by us)."""
_SIGNAL_DBM = (-75, -45)
_PAIRS: Mapping[str, type[VirtualUnit]] = MappingProxyType(
    {"witmotion": VirtualWitMotion, "dot": VirtualDot, "capture2go": VirtualCapture2Go}
)

RIGS = ("goniometer", *_PAIRS)
"""Kinds of sets: our goniometer, or two inertial units of one maker with a hand-held dynamometer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """Units on one patient.

    Attributes
    ----------
    units
        The units.
    roles
        What each unit's channels are for, by the unit's address.
    movements
        What they measure; begins when it is told to.
    """

    units: tuple[VirtualUnit, ...]
    roles: Mapping[str, Mapping[Channel, Role]]
    movements: tuple[Movement, ...]

    def begin(self, at_s: float) -> None:
        """Begin the movement at a time of the world."""
        for movement in self.movements:
            movement.begins_s = at_s


def build_rig(link: RadioLink, kind: str, signals: Mapping[Role, Signal], *, seed: int, rest_s: float = 0.0) -> Rig:
    """Put a set of units on the air.

    Parameters
    ----------
    link
        The air.
    kind
        One of `RIGS`.
    signals
        What is measured for each role.
    seed
        Source of the units' addresses, drifts and chance.
    rest_s
        The signals begin with a rest of so long (s).

    Raises
    ------
    DataError
        If there is no such set.
    """
    rng = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    if kind == "goniometer":
        rig = _single(link, signals, rng)
    elif kind in _PAIRS:
        rig = _pair(link, _PAIRS[kind], signals, rng)
    else:
        raise DataError(f"no set of sensors is called '{kind}': choose one of {', '.join(RIGS)}")
    for movement in rig.movements:
        movement.rest_s = rest_s
    return rig


def _single(link: RadioLink, signals: Mapping[Role, Signal], rng: random.Random) -> Rig:
    places = {Channel.IMU_A: Role.PROXIMAL, Channel.IMU_B: Role.DISTAL, Channel.FORCE: Role.FORCE}
    roles = {channel: role for channel, role in places.items() if role in signals}
    movement = Movement(signals={channel: signals[role] for channel, role in roles.items()})
    unit = VirtualGoniometer(link, _plan(rng, 1), movement)
    return Rig(units=(unit,), roles={unit.plan.address: roles}, movements=(movement,))


def _pair(link: RadioLink, inertial: type[VirtualUnit], signals: Mapping[Role, Signal], rng: random.Random) -> Rig:
    wanted: list[tuple[Callable[[RadioLink, UnitPlan, Movement], VirtualUnit], Channel, Role]] = [
        (inertial, Channel.IMU_A, Role.PROXIMAL),
        (inertial, Channel.IMU_A, Role.DISTAL),
        (VirtualProgressor, Channel.FORCE, Role.FORCE),
    ]
    units, roles, movements = list[VirtualUnit](), dict[str, Mapping[Channel, Role]](), list[Movement]()
    for number, (make, channel, role) in enumerate(wanted, start=1):
        if role not in signals:
            continue
        movement = Movement(signals={channel: signals[role]})
        unit = make(link, _plan(rng, number), movement)
        units.append(unit)
        movements.append(movement)
        roles[unit.plan.address] = {channel: role}
    return Rig(units=tuple(units), roles=roles, movements=tuple(movements))


def _plan(rng: random.Random, number: int) -> UnitPlan:
    return UnitPlan(
        address=f"F0:CA:7C:{rng.randrange(256):02X}:{rng.randrange(256):02X}:{number:02X}",
        unit_id=f"{rng.getrandbits(40):010x}{number:02x}",
        tag=str(number),
        drift_ppm=rng.uniform(-_DRIFT_PPM, _DRIFT_PPM),
        signal_dbm=rng.randint(*_SIGNAL_DBM),
        battery_percent=rng.randint(40, 100),
        seed=rng.getrandbits(32),
    )
