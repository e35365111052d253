"""``catchangle train``: the grade's weights, from virtual exams or a site's own ratings."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from dashboard.cli.arguments import JsonOption
from dashboard.cli.console import progress_board
from dashboard.errors import UsageError

__all__ = ["train"]


def train(
    out: Annotated[Path, typer.Option("--out", metavar="FILE.json", help="File that the weights are written to.")],
    exams: Annotated[int, typer.Option("--exams", min=200, max=100_000, help="Virtual exams to train on.")] = 800,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed trains the same weights.")] = 11,
    workers: Annotated[int, typer.Option("--workers", min=1, max=256, help="Processes that draw exams.")] = 2,
    ratings: Annotated[
        Path | None,
        typer.Option(
            "--ratings",
            metavar="RATINGS.csv",
            help="Instead: fit the delivered weights to rated exams (columns recording, patient, rater, grade).",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Train the modified Ashworth grade on virtual exams, or re-calibrate it with a site's own rated exams.

    Prints how exams left out of the fit were graded; with --ratings, also by patients and by raters left out. The
    analysis uses the file that the environment variable CATCHANGLE_GRADE_MODEL names.

    Example: catchangle train --out weights.json --ratings ratings.csv
    """
    if out.is_dir() or not out.parent.is_dir():
        raise UsageError(f"--out {out}: name a file in a folder that is there")
    from dashboard.services.grade_training import (  # noqa: PLC0415 (loaded when it is needed)
        recalibrate_on_ratings,
        train_on_virtual_exams,
    )

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with progress_board() as board, board.step("training") as on_progress:
        if ratings is None:
            model, found = train_on_virtual_exams(exams, seed=seed, workers=workers, on_progress=on_progress)
            scores = {sources.value: score for sources, score in found.items()}
        else:
            model, told_scores = recalibrate_on_ratings(ratings, on_progress)
            scores = dict(told_scores)
    out.write_text(model.to_json(), encoding="utf-8")
    if as_json:
        told = {name: {f: getattr(score, f) for f in score.__slots__} for name, score in scores.items()}
        sys.stdout.write(json.dumps({"weights": str(out), "left_out": told}, indent=2) + "\n")
        return 0
    for name, score in scores.items():
        sys.stdout.write(
            f"{name}: {score.exams} exams, weighted kappa {score.kappa:.3f}, sets hold {score.covered:.1%} with "
            f"{score.set_size:.2f} grades on average\n"
        )
    return 0
