"""``catchangle overlay``: the film of an exam, with what was measured drawn on it and faces blurred."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dashboard.cli.arguments import MuscleGroupOption, PatientBoxOption, SideOption, parse_box
from dashboard.cli.console import complain, native_noise_silenced, progress_board
from dashboard.errors import UsageError

__all__ = ["overlay"]

SHEET_ENDINGS = (".png", ".jpg", ".jpeg")


def overlay(  # noqa: PLR0917 (typer takes an argument per option)
    recording: Annotated[Path, typer.Argument(metavar="PATH", help="Recording folder with a video, or a bare video.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.mp4", help="Film to write.")],
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet", metavar="FILE.png", help="Also write a contact sheet: start, catch, end (.png or .jpg)."
        ),
    ] = None,
    muscle_group: MuscleGroupOption = None,
    side: SideOption = None,
    patient_box: PatientBoxOption = None,
    blur: Annotated[bool, typer.Option("--blur/--no-blur", help="Make all heads unrecognisable.")] = True,
) -> int:
    """Write the film of an exam for people to look at: skeleton, angle, velocity and catch drawn on each frame.

    The heads of patient, examiner and bystanders are blurred unless --no-blur is given; sound and metadata are left
    out; the frames keep their times. Look at the film before you pass it on: a body can be recognised, too.

    Example: catchangle overlay elbow.mp4 --muscle-group elbow_flexors --side left --out film.mp4 --sheet film.png
    """
    if out.suffix.lower() != ".mp4":
        raise UsageError(f"--out {out}: the film is an MP4 file; end its name with .mp4")
    if sheet is not None and sheet.suffix.lower() not in SHEET_ENDINGS:
        raise UsageError(f"--sheet {sheet}: expected a file that ends in {', '.join(SHEET_ENDINGS)}")
    if out.resolve() == recording.resolve():
        raise UsageError(f"--out {out}: is the recording itself; name another file")
    box = parse_box(patient_box)
    with native_noise_silenced():
        from dashboard.services.exam_film import write_film  # noqa: PLC0415 (loads cv2 and mediapipe)
        from dashboard.services.pipeline import analyse_path  # noqa: PLC0415 (loads the analysis)

        with progress_board() as board:
            with board.step("measuring") as on_progress:
                analysed = analyse_path(recording, muscle_group, side, patient_box=box, on_progress=on_progress)
            with board.step("drawing") as on_progress:
                log = write_film(analysed, out, sheet=sheet, blur_heads=blur, on_progress=on_progress)
    for warning in (*(f"{recording}: {one}" for one in analysed.assessment.warnings), *log.warnings):
        complain(warning)
    sys.stdout.writelines(f"{file}\n" for file in (out, sheet) if file is not None)
    return 0
