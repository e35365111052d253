"""Options of `catchangle record` that say which sensors are recorded, and what they become."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.muscles import MuscleGroup
from dashboard.errors import UsageError
from sensors.packets import Channel, Role

if TYPE_CHECKING:
    from dashboard.services.sensor_session import SensorChoice, SensorPlan

__all__ = [
    "EmulatorOption",
    "LeverOption",
    "LslOption",
    "MuscleOption",
    "SeedOption",
    "SensorOption",
    "SensorsOption",
    "sensor_plan",
]

LONGEST_LEVER_M = 1.5

SensorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sensor",
        metavar="ROLE=UNIT",
        help="Record a sensor: proximal, distal, force or emg, and its name, address or identity; UNIT:CHANNEL where "
        "it has several. Repeat it.",
    ),
]
SensorsOption = Annotated[
    bool, typer.Option("--sensors", help="Record all sensors that are in the air, in the roles told before.")
]
LslOption = Annotated[
    bool, typer.Option("--lsl", help="Look for streams of the Lab Streaming Layer, too (EMG); asks the local network.")
]
EmulatorOption = Annotated[
    str | None,
    typer.Option(
        "--emulator",
        metavar="RIG",
        help="Record virtual sensors on a virtual patient: goniometer, witmotion, dot or capture2go. A real EMG may be "
        "recorded beside them (--sensor emg=STREAM).",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of --emulator.")]
LeverOption = Annotated[
    float | None,
    typer.Option("--lever", metavar="METRES", help="From the joint's axis to the force sensor; needed with a force."),
]
MuscleOption = Annotated[
    str | None, typer.Option("--muscle", metavar="NAME", help="Muscle under the EMG; needed with an EMG.")
]


def sensor_plan(
    named: Sequence[str] | None,
    *,
    every: bool,
    lsl: bool,
    emulator: tuple[str | None, int],
    settings: tuple[float | None, str | None],
    group: MuscleGroup,
    home: Path | None,
) -> "SensorPlan | None":
    """Make a plan of the options; ``None`` where no sensor is asked for.

    Raises
    ------
    CatchangleError
        If an option cannot be understood, or one is missing.
    """
    rig, seed = emulator
    if rig is None and not named and not every:
        return None
    choices = tuple(_choice(one) for one in named or ())
    said = _settings(choices, *settings)
    if rig is not None:
        if every or any(choice.role is not Role.EMG for choice in choices):
            raise UsageError("--emulator brings its own sensors; leave --sensors out, and --sensor but for an EMG")
        return _virtual(rig, group, seed, choices, said)
    from dashboard.services.sensor_session import SensorPlan, real_airs  # noqa: PLC0415 (with what it is used)
    from records.home import data_folder  # noqa: PLC0415 (with what it is used)
    from records.sensor_roles import load_roles  # noqa: PLC0415 (with what it is used)

    return SensorPlan(
        airs=partial(real_airs, with_lsl=lsl or any(choice.role is Role.EMG for choice in choices)),
        choices=choices,
        remembered=load_roles(data_folder(home)),
        settings=said,
    )


def _settings(choices: Sequence["SensorChoice"], lever_m: float | None, muscle: str | None) -> dict[str, Any]:
    """Return what the streams' keys need besides; refuses what is missing.

    Raises
    ------
    UsageError
        If two sensors have one role, or a lever or a muscle is missing or impossible.
    """
    roles = {choice.role for choice in choices}
    if len(roles) < len(choices):
        raise UsageError("--sensor: two sensors have the same role; give each its own")
    if Role.FORCE in roles and lever_m is None:
        raise UsageError("--lever is missing: the distance from the joint's axis to the force sensor, in metres")
    if lever_m is not None and not 0 < lever_m <= LONGEST_LEVER_M:
        raise UsageError(f"--lever: expected metres, above 0 and up to {LONGEST_LEVER_M:g}; got {lever_m:g}")
    if Role.EMG in roles and not muscle:
        raise UsageError("--muscle is missing: the name of the muscle under the EMG")
    said = {"lever_m": lever_m, "muscle": muscle}
    return {key: value for key, value in said.items() if value is not None}


def _virtual(
    rig: str, group: MuscleGroup, seed: int, beside: Sequence["SensorChoice"], settings: dict[str, Any]
) -> "SensorPlan":
    try:
        from dashboard.services.virtual_sensors import RIGS, virtual_plan  # noqa: PLC0415 (an optional extra)
    except ModuleNotFoundError as error:
        raise UsageError("--emulator needs an extra: pip install 'catchangle[emulator]'") from error
    if rig not in RIGS:
        raise UsageError(f"--emulator: expected one of {', '.join(RIGS)}; got '{rig}'")
    return virtual_plan(rig, group, seed=seed, beside=beside, settings=settings)


def _choice(text: str) -> "SensorChoice":
    """Read "role=unit" or "role=unit:channel"; addresses have colons of their own."""
    from dashboard.services.sensor_session import SensorChoice  # noqa: PLC0415 (with what it is used)

    role, given, unit = text.partition("=")
    name, _, last = unit.rpartition(":")
    channel = Channel(last) if name and last in set(Channel) else None
    if not given or not unit.strip() or role not in set(Role):
        raise UsageError(f"--sensor: expected ROLE=UNIT, the role one of {', '.join(Role)}; got '{text}'")
    return SensorChoice(role=Role(role), unit=name if channel else unit, channel=channel)
