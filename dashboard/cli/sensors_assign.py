"""``catchangle sensors assign``: what each sensor is for."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.arguments import HomeOption, JsonOption
from dashboard.cli.console import say
from dashboard.cli.sensors_air import EmulatorOption, LslOption, ScanOption, print_json
from dashboard.errors import UsageError
from sensors.packets import Channel, Role

if TYPE_CHECKING:
    from dashboard.services.sensing import Introduced

__all__ = ["assign"]


def assign(  # noqa: PLR0917 (typer takes an argument per option)
    role: Annotated[Role, typer.Argument(help="What the sensor is for.")],
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="ID", help="Which unit; else shake, tap or push it when asked.")
    ] = None,
    channel: Annotated[
        Channel | None, typer.Option("--channel", help="Which of its channels, if it has several.")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, help="Wait so long for the shake.")] = 20.0,
    scan_s: ScanOption = 5.0,
    emulator: EmulatorOption = None,
    lsl: LslOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Remember what a sensor is for: shake, tap or push it, or name it with --unit.

    Example: catchangle sensors assign distal
    """
    key = asyncio.run(_find_key(role, unit, channel, seconds, scan_s=scan_s, emulator=emulator, lsl=lsl, home=home))
    if as_json:
        print_json({"unit_id": key[0], "channel": key[1].value, "role": role.value})
    else:
        sys.stdout.write(f"{key[0]} {key[1].value}: {role.value}\n")
    return 0


async def _find_key(
    role: Role,
    unit: str | None,
    channel: Channel | None,
    seconds: float,
    *,
    scan_s: float,
    emulator: str | None,
    lsl: bool,
    home: Path | None,
) -> tuple[str, Channel]:
    from dashboard.services import sensing, sensor_setup  # noqa: PLC0415 (loads Bluetooth)
    from records.home import data_folder  # noqa: PLC0415 (with what it is used)
    from records.sensor_roles import load_roles, save_roles  # noqa: PLC0415 (with what it is used)

    async with sensing.open_room(emulator, lsl=lsl) as room:
        introduced = await sensing.introduce(room, scan_s)
        chosen = sensing.select(introduced, [unit] if unit else [])
        if unit is None:
            say(f"shake, tap or push the {role.value} sensor for two seconds, and keep the others still")
            key = await sensor_setup.find_role(room, chosen, seconds=seconds)
        else:
            key = _named(chosen[0], role, channel)
    folder = data_folder(home)
    present = [(one.info.unit_id, other) for one in introduced if one.info for other in one.info.channels]
    save_roles(folder, load_roles(folder).told(key, role, present))
    return key


def _named(one: "Introduced", role: Role, channel: Channel | None) -> tuple[str, Channel]:
    from sensors.roles import possible_roles  # noqa: PLC0415 (with what it is used)

    if one.info is None:
        raise UsageError(one.trouble or f"{one.found.name}: does not say what it is; switch it off and on")
    fitting = [own for own in one.info.channels if role in possible_roles(own) and channel in {None, own}]
    if len(fitting) != 1:
        has = ", ".join(own.value for own in one.info.channels)
        raise UsageError(f"{one.info.unit_id} has {has}: say with --channel which of them is {role.value}")
    return one.info.unit_id, fitting[0]
