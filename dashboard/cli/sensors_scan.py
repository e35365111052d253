"""``catchangle sensors scan``: which sensors are in the air."""

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dashboard.cli.arguments import JsonOption
from dashboard.cli.console import complain, say
from dashboard.cli.sensors_air import EmulatorOption, LslOption, ScanOption, print_json, rounded

if TYPE_CHECKING:
    from dashboard.services.sensing import Introduced

__all__ = ["scan"]


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
    introduced = asyncio.run(_scan(emulator, lsl=lsl, seconds=seconds, ask=not quick))
    rows = [_described(one) for one in introduced]
    if as_json:
        print_json({"units": rows})
    else:
        for line in _table(rows):
            sys.stdout.write(line + "\n")
    for said in dict.fromkeys(said for row in rows for said in (row["trouble"], row["limit"]) if said):
        complain(said)
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
            rounded(row["battery_percent"], " %"),
            rounded(row["signal_dbm"], " dBm"),
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
