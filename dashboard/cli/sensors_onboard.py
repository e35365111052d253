"""``catchangle sensors onboard``: let sensors that are too slow live record in their own memories."""

import asyncio
import sys
import time
from typing import Annotated

import typer

from dashboard.cli.arguments import JsonOption
from dashboard.cli.sensors_air import ScanOption, UnitOption, print_json

__all__ = ["onboard"]


def onboard(
    seconds: Annotated[int, typer.Option("--seconds", min=1, max=3600, help="Record so long.")] = 600,
    unit: UnitOption = None,
    scan_s: ScanOption = 5.0,
    as_json: JsonOption = False,
) -> int:
    """Let Movella DOTs record on board at 120 Hz, which shows a catch that their 60 Hz live cannot.

    Afterwards export the recordings with Movella's app, name the columns as docs/formats.md says, and analyse them.

    Example: catchangle sensors onboard --seconds 120
    """
    names = asyncio.run(_record(unit or [], seconds, scan_s))
    if as_json:
        print_json({"recording": list(names), "seconds": seconds})
    else:
        for name in names:
            sys.stdout.write(f"{name}: records for {seconds} s\n")
    return 0


async def _record(wanted: list[str], seconds: int, scan_s: float) -> tuple[str, ...]:
    from dashboard.services import sensing, sensor_setup  # noqa: PLC0415 (loads Bluetooth)

    async with sensing.open_room(None) as room:
        introduced = await sensing.introduce(room, scan_s, ask=bool(wanted))
        chosen = sensing.select(introduced, wanted)
        return await sensor_setup.record_on_board(room, chosen, seconds=seconds, now_unix_s=round(time.time()))
