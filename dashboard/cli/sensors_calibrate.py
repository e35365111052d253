"""``catchangle sensors calibrate``: leads through the calibration of our own goniometer."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.console import say
from dashboard.errors import UsageError

if TYPE_CHECKING:
    from dashboard.services.calibrating import CalibrationPlan, Certificate

__all__ = ["calibrate_sensors"]


def calibrate_sensors(  # noqa: PLR0917 (typer takes an argument per option)
    unit: Annotated[str | None, typer.Option("--unit", metavar="ID", help="Which unit, if several are on.")] = None,
    weight: Annotated[
        list[float] | None,
        typer.Option("--weight", min=0.01, max=30.0, help="Weight for the force handle, kg; repeat, at least twice."),
    ] = None,
    inertial: Annotated[bool, typer.Option(help="Calibrate both inertial sensors.")] = True,
    jig: Annotated[bool, typer.Option("--jig", help="Check the joint angle on the printed hinge jig.")] = False,
    write: Annotated[bool, typer.Option(help="Let the unit keep the result.")] = True,
    out: Annotated[Path | None, typer.Option("--out", help="Write the certificate there; else to stdout.")] = None,
    scan_s: Annotated[float, typer.Option("--scan", min=0.1, max=60.0, help="Listen so long, seconds.")] = 5.0,
) -> int:
    """Calibrate the open goniometer step by step, let it keep the result, and print a certificate.

    Each step waits for Enter. hardware/calibration.md says what is needed: a table, a straight edge, weights.

    Example: catchangle sensors calibrate --weight 1 --weight 2 --weight 5 --out certificate.md
    """
    from dashboard.services.calibrating import CalibrationPlan  # noqa: PLC0415 (loads Bluetooth)
    from dashboard.services.certificate import render_certificate  # noqa: PLC0415 (with what it is used)

    if out is not None and (out.exists() or not out.parent.is_dir()):
        raise UsageError(f"{out} is there already, or its folder is not; name another file")
    plan = CalibrationPlan(inertial=inertial, weights_kg=tuple(weight or ()), jig=jig)
    text = render_certificate(asyncio.run(_calibrate(unit, plan, scan_s=scan_s, write=write)))
    if out is None:
        sys.stdout.write(text)
    else:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{out}: cannot be written ({error.strerror}); the certificate is lost") from error
        sys.stdout.write(f"{out}\n")
    return 0


async def _calibrate(unit: str | None, plan: "CalibrationPlan", *, scan_s: float, write: bool) -> "Certificate":
    from dashboard.services import calibrating, sensing  # noqa: PLC0415 (loads Bluetooth)
    from sensors.devices.goniometer import KIND  # noqa: PLC0415 (with what it is used)

    async with sensing.open_room(None) as room:
        chosen = sensing.select(await sensing.introduce(room, scan_s), [unit] if unit else [])
        ours = [one for one in chosen if one.found.kind == KIND]
        if len(ours) != 1:
            names = ", ".join(one.info.unit_id if one.info else one.found.name for one in chosen)
            raise UsageError(f"found {names}: say with --unit which goniometer of ours to calibrate")
        return await calibrating.calibrate(room, ours[0], plan, _prompt, write=write)


async def _prompt(text: str) -> None:
    say(f"{text}; then press Enter")
    if not await asyncio.to_thread(sys.stdin.readline):
        raise UsageError("the steps need somebody at the keyboard: run this in a terminal")
