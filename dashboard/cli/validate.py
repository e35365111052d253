"""``catchangle validate``: how well the objective grade agrees with raters, and raters with each other."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashboard.cli.arguments import JsonOption
from dashboard.cli.console import native_noise_silenced, progress_board

__all__ = ["validate"]

FILE_WIDTH = 120


def validate(
    ratings: Annotated[
        Path, typer.Argument(metavar="RATINGS.csv", help="recording, rater, mas [, r1_deg, r2_deg, objective …].")
    ],
    as_json: JsonOption = False,
) -> int:
    """Tell the agreement of the objective grade with raters, and of the raters with each other.

    Each row is one rater's modified Ashworth grade of one recording; paths are relative to the table. Recordings are
    analysed unless the column `objective` brings their grade. Weighted kappa (quadratic and linear), Gwet's AC2,
    Krippendorff's alpha; for the angles R1 and R2 Bland and Altman's limits and ICC(2,1). See docs/formats.md.

    Example: catchangle validate ratings.csv --json
    """
    with native_noise_silenced():
        from dashboard.services.validation import judge_recordings, validate_ratings  # noqa: PLC0415 (loads analysis)
        from records.ratings import read_ratings  # noqa: PLC0415 (loaded when it is needed)

        rated = read_ratings(ratings)
        with progress_board() as board, board.step("rated recordings") as on_progress:
            objective = judge_recordings(rated, on_progress)
        report = validate_ratings(rated, objective)
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        _print(report)
    return 0


def _print(report: Mapping[str, Any]) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    console.print(
        f"{report['recordings']} recordings, {report['graded']} graded, raters: {escape(', '.join(report['raters']))}"
    )
    table = Table("who", "n", "κ quadratic", "κ linear", "AC2", "exact", "within one", box=SIMPLE_HEAD)
    for pair in (*report["objective_with_raters"], *report["raters_with_each_other"]):
        table.add_row(
            escape(" – ".join(pair["raters"])),
            str(pair["n"]),
            _coefficient(pair["kappa_quadratic"]),
            _coefficient(pair["kappa_linear"]),
            _coefficient(pair["gwet_ac2"]),
            f"{pair['exact']:.0%}",
            f"{pair['within_one_grade']:.0%}",
        )
    console.print(table)
    together = report["all_raters"]
    if together is not None:
        console.print(
            f"All raters: AC2 {_coefficient(together['gwet_ac2'])}, Krippendorff's α "
            f"{_coefficient(together['krippendorff_alpha'])}"
        )
    for angle in report["angles"]:
        low, high = angle["limits_of_agreement_deg"]
        console.print(
            f"{angle['measure'][:2].upper()}, catchangle − {escape(angle['rater'])}: bias {angle['bias_deg']:+.1f}°, "
            f"limits {low:+.1f}° to {high:+.1f}°, ICC(2,1) {_coefficient(angle['icc_2_1'])} (n = {angle['n']})"
        )
    for warning in report["warnings"]:
        console.print(f"[yellow]Note:[/yellow] {escape(warning)}")


def _coefficient(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "–"
    low, high = found["interval95"]
    between = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
    return f"{found['value']:.2f}{between}"
