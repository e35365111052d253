"""Options that several commands share, declared once so that they read alike everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from analysis.model import Side
from analysis.muscles import MuscleGroup
from dashboard.errors import UsageError

__all__ = ["HomeOption", "JsonOption", "LensOption", "MuscleGroupOption", "PatientBoxOption", "SideOption", "parse_box"]

MuscleGroupOption = Annotated[
    MuscleGroup | None, typer.Option("--muscle-group", help="Tested muscle group (for a bare video or CSV).")
]
SideOption = Annotated[Side | None, typer.Option("--side", help="Side of the tested limb (for a bare video or CSV).")]
PatientBoxOption = Annotated[
    str | None,
    typer.Option(
        "--patient-box", metavar="X,Y,W,H", help="Where the patient is in the first frame, in pixels (video only)."
    ),
]
LensOption = Annotated[
    Path | None,
    typer.Option(
        "--lens", metavar="FILE", help="Calibration of the camera (JSON, or OpenCV's YAML or XML; docs/formats.md)."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout.")]
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the database (else CATCHANGLE_HOME, else the platform's data folder)."),
]


def parse_box(text: str | None) -> tuple[float, float, float, float] | None:
    """Read "x,y,w,h" in pixels.

    Raises
    ------
    UsageError
        If the text is not four numbers, or the box has no area.
    """
    if text is None:
        return None
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--patient-box: expected four numbers x,y,w,h in pixels; got '{text}'") from None
    if not (width > 0 and height > 0 and x >= 0 and y >= 0):
        raise UsageError(f"--patient-box: expected a box inside the image with an area; got '{text}'")
    return x, y, width, height
