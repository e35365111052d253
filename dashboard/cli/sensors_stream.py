"""``catchangle sensors stream``: what streams from the sensors, and the joint's angle."""

import asyncio
import contextlib
import math
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dashboard.cli.arguments import HomeOption, JsonOption
from dashboard.cli.console import say
from dashboard.cli.sensor_messages import MessageTeller
from dashboard.cli.sensors_air import EmulatorOption, LslOption, ScanOption, UnitOption, print_json, rounded

if TYPE_CHECKING:
    from dashboard.services.sensing import Streamed
    from sensors.streaming import UnitStatus

__all__ = ["stream"]

TOLD_EVERY_S = 1.0


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
    teller = MessageTeller()
    streamed = asyncio.run(
        _stream(unit or [], seconds, rate, teller, scan_s=scan_s, emulator=emulator, lsl=lsl, home=home)
    )
    if as_json:
        print_json(_summed(streamed))
    else:
        for status in streamed.units:
            sys.stdout.write(_line(status) + "\n")
    teller.tell(streamed.units)
    return 0


async def _stream(
    wanted: Sequence[str],
    seconds: float | None,
    rate_hz: float | None,
    teller: MessageTeller,
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

    stopped = asyncio.Event()

    def tell(now: "Streamed") -> bool:
        if not stopped.is_set():
            for status in now.units:
                say(f"{now.seconds:5.0f} s  {_line(status)}")
            say(f"         {_angle_line(now)}")
            teller.tell(now.units)
        return not stopped.is_set() and (seconds is None or now.seconds < seconds)

    async with sensing.open_room(emulator, lsl=lsl) as room:
        # Only who was named must say what it is before it streams.
        introduced = await sensing.introduce(room, scan_s, ask=bool(wanted) or emulator is not None)
        _set_by_signals(stopped)
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
        rounded(status.rate_hz, " Hz"),
        f"received {received}",
        f"lost {lost} ({100 * lost / (received + lost):.1f} %)" if status.lost and received else "loss not known",
        *(f"{count} {what}" for count, what in _faults(status) if count),
        f"late {rounded(status.arrival_p99_ms, ' ms')}",
        f"battery {rounded(status.battery_percent, ' %')}",
        f"clock {status.clock.value}" if status.clock else "clock -",
    ]
    return "  ".join(parts)


def _faults(status: "UnitStatus") -> tuple[tuple[int, str], ...]:
    return (
        (status.duplicated, "came twice"),
        (status.rejected, "cannot be read"),
        (status.overflowed, "dropped: this computer is too slow"),
    )


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


def _set_by_signals(stopped: asyncio.Event) -> None:
    """Let Ctrl-C and a polite kill end the streaming instead of the program, where the loop can."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
