"""``catchangle pose``: landmarks of the patient frame by frame."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dashboard.cli.arguments import LensOption, MuscleGroupOption, PatientBoxOption, SideOption, parse_box
from dashboard.cli.console import complain, native_noise_silenced, progress_board
from dashboard.errors import UsageError

__all__ = ["pose"]


def pose(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="Video of the exam.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help=".csv, .parquet or .trc; without an ending an OpenPose folder."),
    ],
    muscle_group: MuscleGroupOption = None,
    side: SideOption = None,
    patient_box: PatientBoxOption = None,
    lens: LensOption = None,
) -> int:
    """Write the landmarks of the patient frame by frame, in pixels, with their confidence.

    With --muscle-group and --side the joint's angle in degrees is written beside them.

    Example: catchangle pose elbow.mp4 --out elbow_pose.csv --muscle-group elbow_flexors --side left
    """
    if (muscle_group is None) != (side is None):
        raise UsageError("--muscle-group and --side go together: both for the joint's angle, or none of them")
    box = parse_box(patient_box)
    with native_noise_silenced():
        from dashboard.services.landmarks import check_ending, landmarks_of, write_landmarks  # noqa: PLC0415 (loads cv2)
        from records.lens_file import read_lens  # noqa: PLC0415 (with what it is used)

        check_ending(out)
        calibration = None if lens is None else read_lens(lens)
        with progress_board() as board, board.step(video.name) as on_progress:
            found = landmarks_of(video, muscle_group, side, patient_box=box, lens=calibration, on_progress=on_progress)
        write_landmarks(found, out)
    for warning in found.warnings:
        complain(f"{video}: {warning}")
    sys.stdout.write(f"{out}\n")
    return 0
