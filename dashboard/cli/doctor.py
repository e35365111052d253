"""``catchangle doctor``: is this installation in order."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from dashboard.cli.arguments import HomeOption, JsonOption

if TYPE_CHECKING:
    from dashboard.services.health import Check

__all__ = ["doctor"]

UNUSABLE = 2
STYLES = {"ok": "green", "note": "yellow", "broken": "bold red"}


def doctor(as_json: JsonOption = False, home: HomeOption = None) -> int:
    """Look at the installation: versions, package clashes, pose models, database, disk, cameras, privacy.

    Exit code 0 where all is in order, 2 where something is broken.

    Example: catchangle doctor --json
    """
    from dashboard.services.health import Verdict, check_health  # noqa: PLC0415 (loaded when it is needed)
    from records.home import data_folder  # noqa: PLC0415 (loaded when it is needed)

    folder = data_folder(home)
    checks = check_health(folder)
    broken = any(check.verdict is Verdict.BROKEN for check in checks)
    if as_json:
        report = {"in_order": not broken, "home": str(folder), "checks": [asdict(check) for check in checks]}
        sys.stdout.write(json.dumps(report, ensure_ascii=False, indent=2) + "\n")
    else:
        _print_table(checks)
    return UNUSABLE if broken else 0


def _print_table(checks: "Sequence[Check]") -> None:
    from rich.console import Console  # noqa: PLC0415 (loaded when it is needed)
    from rich.markup import escape  # noqa: PLC0415 (loaded when it is needed)

    console = Console()
    for check in checks:
        style = STYLES[check.verdict.value]
        console.print(
            f"[{style}]{check.verdict.value:>6}[/{style}]  [bold]{escape(check.name)}[/bold]: {escape(check.detail)}",
            soft_wrap=True,
        )
        if check.advice:
            console.print(f"        {escape(check.advice)}", style="dim", soft_wrap=True)
