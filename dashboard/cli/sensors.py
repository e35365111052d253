"""``catchangle sensors``: which goniometers are in the air, what streams from them, and what each is for."""

import asyncio
import contextlib
import json
import math
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from dashboard.cli.arguments import HomeOption, JsonOption
from dashboard.cli.console import complain, say
from dashboard.cli.sensors_calibrate import calibrate_sensors
from dashboard.cli.sensors_simulate import simulate
from dashboard.errors import UsageError
from sensors.packets import Channel, Role

if TYPE_CHECKING:
    from dashboard.services.sensing import Introduced, Streamed
    from sensors.streaming import UnitStatus

__all__ = ["sensors_application"]

Answer = TypeVar("Answer")

TOLD_EVERY_S = 1.0

sensors_application = typer.Typer(
    name="sensors",
    help="Finds, shows and simulates goniometers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
sensors_application.command("simulate")(simulate)
sensors_application.command("calibrate")(calibrate_sensors)

EmulatorOption = Annotated[
    str | None,
    typer.Option(
        "--emulator",
        metavar="SET",
        help="In place of this machine's Bluetooth: virtual sensors on a virtual patient (goniometer, witmotion, dot, "
        "capture2go).",
    ),
]
LslOption = Annotated[bool, typer.Option("--lsl", help="Also look for streams of the Lab Streaming Layer.")]
ScanOption = Annotated[float, typer.Option("--scan", min=0.1, max=60.0, help="Listen so long, seconds.")]
UnitOption = Annotated[
    list[str] | None,
    typer.Option("--unit", metavar="ID", help="Only this unit (identity, name or address); repeatable."),
]


@sensors_application.command()
def scan(
    quick: Annotated[bool, typer.Option("--quick", help="Do not connect: type, name and signal only.")] = False,
    seconds: ScanOption = 5.0,
    emulator: EmulatorOption = None,
    lsl: LslOption = False,
    as_json: JsonOption = False,
) -> int:
    """List the sensors in the air: type, battery, signal, identity.

    Example: catchangle sensors scan
    """
    introduced = _run(_scan(emulator, lsl=lsl, seconds=seconds, ask=not quick))
    if as_json:
        sys.stdout.write(
            json.dumps({"units": [_described(one) for one in introduced]}, ensure_ascii=False, indent=2) + "\n"
        )
    else:
        for line in _table([_described(one) for one in introduced]):
            sys.stdout.write(line + "\n")
    for one in introduced:
        if one.trouble:
            complain(one.trouble)
    if not introduced:
        say("no sensor found; switch the sensors on, bring them closer, close other programs that hold them")
    return 0


async def _scan(emulator: str | None, *, lsl: bool, seconds: float, ask: bool) -> "tuple[Introduced, ...]":
    from dashboard.services.sensing import introduce, open_room  # noqa: PLC0415 (loads Bluetooth)

    async with open_room(emulator, lsl=lsl) as room:
        return await introduce(room, seconds, ask=ask)


def _described(one: "Introduced") -> dict[str, Any]:
    found, info = one.found, one.info
    return {
        "kind": found.kind,
        "name": found.name,
        "unit_id": info.unit_id if info else None,
        "address": found.address,
        "signal_dbm": found.signal_dbm,
        "battery_percent": info.battery_percent if info else found.battery_percent,
        "firmware": info.firmware if info else None,
        "channels": [channel.value for channel in info.channels] if info else None,
        "rate_hz": info.rate_hz if info else None,
        "clock": info.clock.value if info else None,
        "limit": str(info.details.get("limit", "")) or None if info else None,
        "trouble": one.trouble or None,
    }


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    head = ("type", "name", "identity", "battery", "signal", "channels", "firmware")
    lines = [
        (
            row["kind"],
            row["name"],
            row["unit_id"] or "-",
            _number(row["battery_percent"], " %"),
            _number(row["signal_dbm"], " dBm"),
            ",".join(row["channels"] or ["-"]),
            row["firmware"] or "-",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *lines)
    ]


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.0f}{unit}"


@sensors_application.command()
def stream(  # noqa: PLR0917 (typer takes an argument per option)
    unit: UnitOption = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.1, help="Stop after so long; else Ctrl-C stops.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", min=1.0, help="Samples per second of inertial sensors; else their fastest."),
    ] = None,
    scan_s: ScanOption = 5.0,
    emulator: EmulatorOption = None,
    lsl: LslOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show what streams: rate, loss, delay and battery of each sensor, and the angle of two.

    Each second one line on stderr; at the end the sums on stdout. Nothing is recorded.

    Example: catchangle sensors stream --seconds 30
    """
    streamed = _run(_stream(unit or [], seconds, rate, scan_s=scan_s, emulator=emulator, lsl=lsl, home=home))
    if as_json:
        _print_json(_summed(streamed))
    else:
        for status in streamed.units:
            sys.stdout.write(_line(status) + "\n")
    for status in streamed.units:
        if status.message:
            complain(status.message)
    return 0


async def _stream(
    wanted: Sequence[str],
    seconds: float | None,
    rate_hz: float | None,
    *,
    scan_s: float,
    emulator: str | None,
    lsl: bool,
    home: Path | None,
) -> "Streamed":
    from dashboard.services import sensing  # noqa: PLC0415 (loads Bluetooth)
    from records.home import data_folder  # noqa: PLC0415 (with what it is used)
    from records.sensor_roles import load_roles  # noqa: PLC0415 (with what it is used)
    from sensors.streaming import StreamParams  # noqa: PLC0415 (with what it is used)

    stopped = _stopped_by_signals()

    def tell(now: "Streamed") -> bool:
        if not stopped.is_set():
            for status in now.units:
                say(f"{now.seconds:5.0f} s  {_line(status)}")
            say(f"         {_angle_line(now)}")
        return not stopped.is_set() and (seconds is None or now.seconds < seconds)

    async with sensing.open_room(emulator, lsl=lsl) as room:
        # Only who was named must say what it is before it streams.
        introduced = await sensing.introduce(room, scan_s, ask=bool(wanted) or emulator is not None)
        return await sensing.stream(
            room,
            sensing.select(introduced, wanted),
            load_roles(data_folder(home)),
            params=StreamParams(rate_hz=rate_hz),
            tell=tell,
            every_s=min(TOLD_EVERY_S, seconds or TOLD_EVERY_S),
        )


def _line(status: "UnitStatus") -> str:
    """Say what is known of a unit in one line."""
    lost = sum(status.lost.values())
    received = sum(status.received.values())
    parts = [
        f"{status.name} ({status.unit_id})" if status.unit_id else status.name,
        status.state.value,
        _number(status.rate_hz, " Hz"),
        f"received {received}",
        f"lost {lost} ({100 * lost / (received + lost):.1f} %)" if status.lost and received else "loss not known",
        f"late {_number(status.arrival_p99_ms, ' ms')}",
        f"battery {_number(status.battery_percent, ' %')}",
        f"clock {status.clock.value}" if status.clock else "clock -",
    ]
    return "  ".join(parts)


def _angle_line(now: "Streamed") -> str:
    if now.angle_deg is None or now.velocity_deg_s is None:
        return now.no_angle
    return f"angle {now.angle_deg:.1f}°, {now.velocity_deg_s:.0f} °/s"


def _summed(streamed: "Streamed") -> dict[str, Any]:
    angle = {"angle_deg": streamed.angle_deg, "velocity_deg_s": streamed.velocity_deg_s}
    return {
        "seconds": round(streamed.seconds, 3),
        "units": [_status(status) for status in streamed.units],
        "roles": [
            {"unit_id": unit_id, "channel": channel.value, "role": role.value}
            for (unit_id, channel), role in streamed.roles.items()
        ],
        "angle": angle if streamed.angle_deg is not None else None,
        "no_angle": streamed.no_angle or None,
        "events": [
            {"unit_id": event.unit_id, "segment": event.segment, "kind": event.kind.value, "detail": event.detail}
            for event in streamed.events
        ],
    }


def _status(status: "UnitStatus") -> dict[str, Any]:
    return {
        "unit_id": status.unit_id or None,
        "name": status.name,
        "kind": status.kind,
        "state": status.state.value,
        "segments": status.segment + 1,
        "received": {channel.value: count for channel, count in status.received.items()},
        "lost": {channel.value: count for channel, count in status.lost.items()},
        "duplicated": status.duplicated,
        "rejected": status.rejected,
        "overflowed": status.overflowed,
        "rate_hz": None if math.isnan(status.rate_hz) else round(status.rate_hz, 3),
        "arrival_p99_ms": None if math.isnan(status.arrival_p99_ms) else round(status.arrival_p99_ms, 3),
        "battery_percent": status.battery_percent,
        "clock": status.clock.value if status.clock else None,
        "message": status.message or None,
    }


@sensors_application.command()
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
    key = _run(_find_key(role, unit, channel, seconds, scan_s=scan_s, emulator=emulator, lsl=lsl, home=home))
    if as_json:
        _print_json({"unit_id": key[0], "channel": key[1].value, "role": role.value})
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
    from dashboard.services import sensing  # noqa: PLC0415 (loads Bluetooth)
    from records.home import data_folder  # noqa: PLC0415 (with what it is used)
    from records.sensor_roles import load_roles, save_roles  # noqa: PLC0415 (with what it is used)

    async with sensing.open_room(emulator, lsl=lsl) as room:
        introduced = await sensing.introduce(room, scan_s)
        chosen = sensing.select(introduced, [unit] if unit else [])
        if unit is None:
            say(f"shake, tap or push the {role.value} sensor for two seconds, and keep the others still")
            key = await sensing.find_role(room, chosen, seconds=seconds)
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


def _print_json(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said, ensure_ascii=False, indent=2) + "\n")


def _run(work: Coroutine[Any, Any, Answer]) -> Answer:
    return asyncio.run(work)


def _stopped_by_signals() -> asyncio.Event:
    """Let Ctrl-C and a polite kill end the streaming instead of the program, where the loop can."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
    return stopped
