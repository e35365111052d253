"""A finding as a person reads it in a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashboard.services.wording import ABSENT, degrees, plain, protocol

__all__ = ["print_findings"]

BAR_WIDTH = 28
FILE_WIDTH = 120
NOTICE = "Research software, not a medical device."


def print_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """Print findings to stdout: stretches, summary, grade and warnings of each, the notice once."""
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    for finding in findings:
        _print_heading(console, finding)
        _print_stretches(console, finding["stretches"])
        _print_summary(console, finding)
        _print_grade(console, finding["mas"])
        for warning in finding["warnings"]:
            console.print(f"[yellow]Note:[/yellow] {escape(warning)}")
        console.print()
    console.print(NOTICE, style="dim")


def _print_heading(console: Console, finding: Mapping[str, Any]) -> None:
    angle = finding["angle"]
    console.print(f"[bold]{escape(str(finding['path']))}[/bold]", soft_wrap=True)
    console.print(
        f"{finding['side'].capitalize()} {plain(finding['muscle_group'])}, {protocol(finding['test'])}, from "
        f"{', '.join(finding['sources'])}; {angle['n']} samples at {angle['rate_hz']:.4g} Hz, "
        f"zero: {plain(angle['zero'])}"
    )


def _print_stretches(console: Console, stretches: Sequence[Mapping[str, Any]]) -> None:
    if not stretches:
        console.print("No passive stretch was found.")
        return
    table = Table("#", "time", "from", "to", "peak velocity", "class", "catch", "peak resistance", box=SIMPLE_HEAD)
    for number, stretch in enumerate(stretches, start=1):
        table.add_row(
            str(number),
            f"{stretch['start_s']:.2f}–{stretch['end_s']:.2f} s",
            degrees(stretch["start_deg"]),
            degrees(stretch["end_deg"]),
            f"{stretch['peak_velocity_deg_s']:.0f} °/s",
            stretch["velocity"],
            _catch(stretch["catch"]),
            _resistance(stretch["resistance"]),
        )
    console.print(table)
    for number, stretch in enumerate(stretches, start=1):
        if stretch["quality"]:
            console.print(f"[yellow]Left out:[/yellow] stretch {number}, {escape('; '.join(stretch['quality']))}")


def _catch(catch: Mapping[str, Any] | None) -> str:
    if catch is None:
        return ABSENT
    return f"{degrees(catch['angle_deg'])} (p {catch['probability']:.2f})"


def _resistance(resistance: Mapping[str, Any] | None) -> str:
    if resistance is None:
        return ABSENT
    return f"{resistance['peak_Nm']:.1f} N·m"


def _print_summary(console: Console, finding: Mapping[str, Any]) -> None:
    tardieu = finding["tardieu"]
    console.print(
        f"R1 {degrees(tardieu['r1_deg'])}   R2 {degrees(tardieu['r2_deg'])}   "
        f"spasticity angle {degrees(tardieu['spasticity_angle_deg'])}   "
        f"Tardieu X {ABSENT if tardieu['x'] is None else tardieu['x']}"
    )
    threshold = finding["threshold"]
    if threshold is not None:
        low, high = threshold["tsrt_ci95_deg"]
        console.print(
            f"Reflex threshold at rest {degrees(threshold['tsrt_deg'])} ({degrees(low)} to {degrees(high)}), "
            f"μ {threshold['mu_s']:.3f} s; {threshold['n']} stretches, by {threshold['method']}"
        )
    pendulum = finding["pendulum"]
    if pendulum is not None:
        console.print(
            f"Pendulum: relaxation index {pendulum['relaxation_index']:.2f}, R2n {pendulum['r2n']:.2f}, "
            f"{pendulum['swings']} swings"
        )


def _print_grade(console: Console, grade: Mapping[str, Any] | None) -> None:
    if grade is None:
        console.print("Modified Ashworth: not graded from this recording.")
        return
    console.print(f"Modified Ashworth: most probable [bold]{grade['grade']}[/bold]; 90 %: {', '.join(grade['set90'])}")
    for label, probability in grade["probabilities"].items():
        filled = round(BAR_WIDTH * probability)
        console.print(f"  {label:>2}  {'█' * filled}{'·' * (BAR_WIDTH - filled)}  {probability:.2f}", highlight=False)
