"""``catchangle simulate``: recordings of virtual patients with their truth."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from dashboard.cli.arguments import JsonOption, MuscleGroupOption
from dashboard.cli.console import progress_board
from dashboard.errors import UsageError
from records.rows import Phase

__all__ = ["simulate"]


def simulate(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that the recordings are written to.")],
    patients: Annotated[int, typer.Option("--patients", min=1, max=10_000, help="Number of virtual patients.")] = 4,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed writes the same recordings.")] = 1,
    muscle_group: MuscleGroupOption = None,
    as_json: JsonOption = False,
) -> int:
    """Write recordings of virtual patients before and after a baclofen pump, with the truth beside them.

    Each patient gets two folders, DIR/V001_baseline and DIR/V001_year_1; truth.json says what was planted.

    Example: catchangle simulate --out virtual --patients 4 --seed 1
    """
    from dashboard.services.virtual_clinic import plan_visits, write_visits  # noqa: PLC0415 (loaded when it is needed)

    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: this is a file; name a folder")
    visits = plan_visits(patients, seed=seed, phases=(Phase.BASELINE, Phase.YEAR_1), muscle_group=muscle_group)
    taken = next((out / visit.name for visit in visits if (out / visit.name).exists()), None)
    if taken is not None:
        raise UsageError(f"--out {out}: {taken} is there already; name another folder or remove it")
    written = []
    with progress_board() as board, board.step("virtual exams") as on_progress:
        for folder in write_visits(visits, out, seed=seed):
            written.append(folder)
            on_progress(len(written) / len(visits))
    if as_json:
        sys.stdout.write(json.dumps({"recordings": [str(folder) for folder in written]}, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{folder}\n" for folder in written)
    return 0
