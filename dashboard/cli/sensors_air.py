"""What the commands of ``catchangle sensors`` share: where they look for units, and how they print."""

import json
import math
import sys
from typing import Annotated, Any

import typer

__all__ = ["EmulatorOption", "LslOption", "ScanOption", "UnitOption", "print_json", "rounded"]

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


def print_json(said: dict[str, Any]) -> None:
    """Print one JSON object."""
    sys.stdout.write(json.dumps(said, ensure_ascii=False, indent=2) + "\n")


def rounded(value: float | None, unit: str) -> str:
    """Write a number without decimals, or a dash where it is not known."""
    return "-" if value is None or math.isnan(value) else f"{value:.0f}{unit}"
