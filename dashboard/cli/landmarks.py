"""``catchangle landmarks``: landmarks from one program's format to another's."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dashboard.cli.arguments import PatientBoxOption, parse_box

__all__ = ["landmarks"]


def landmarks(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="TRC, DeepLabCut CSV, OpenPose folder, or a table of ours.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help=".csv, .parquet or .trc; without an ending an OpenPose folder."),
    ],
    rate_hz: Annotated[
        float | None, typer.Option("--rate-hz", min=1.0, help="Frame rate, where the source does not say it.")
    ] = None,
    patient_box: PatientBoxOption = None,
) -> int:
    """Convert landmarks between this program, OpenPose, DeepLabCut, Sports2D and OpenSim (TRC).

    A table (.csv, .parquet) can be given to analyze like a video. Points in space are laid on their widest plane.

    Example: catchangle landmarks openpose_json --rate-hz 60 --patient-box 300,80,250,360 --out landmarks.csv
    """
    from capture.markers import picture_of_markers  # noqa: PLC0415 (loads what only this command needs)
    from records.landmark_files import read_markers, write_landmarks  # noqa: PLC0415 (loads pyarrow)

    markers = read_markers(source, rate_hz=rate_hz, patient_box=parse_box(patient_box))
    write_landmarks(out, picture_of_markers(markers))
    sys.stdout.write(f"{out}\n")
    return 0
