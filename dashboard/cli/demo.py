"""``catchangle demo``: the sample exams, analysed and shown."""

import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.arguments import HomeOption
from dashboard.cli.console import native_noise_silenced, progress_board, say
from dashboard.cli.serve import PortOption

if TYPE_CHECKING:
    from dashboard.services.serving import Serving

__all__ = ["demo"]

DEMO_FOLDER = "demo"


def demo(
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Do all of it but the open browser, say what was found, and leave.")
    ] = False,
    port: PortOption = 0,
    home: HomeOption = None,
) -> int:
    """Show what catchangle does on simulated exams: analyse them, keep them, open the dashboard.

    The exams are rendered videos and virtual patients before and after a baclofen pump. They are kept apart from real
    patients, in the folder "demo" of the data folder; a second start does not analyse them again.

    Example: catchangle demo
    """
    from records.home import data_folder  # noqa: PLC0415 (loaded when it is needed)

    folder = data_folder(home) if home is not None else data_folder() / DEMO_FOLDER
    added, kept = _prepare(folder)
    sys.stdout.write(f"{added} simulated exams analysed, {kept} were there already; kept in {folder}\n")
    sys.stdout.flush()
    from dashboard.services.serving import serving_at  # noqa: PLC0415 (loaded when it is needed)

    where = serving_at("127.0.0.1", port)
    if check:
        return _check(where, folder)
    from dashboard.components.server import run_server  # noqa: PLC0415 (loaded when it is needed)

    say(f"catchangle dashboard: {where.url} (stop with Ctrl+C)")
    if not no_browser:
        _open_when_ready(where)
    run_server(where, folder)
    return 0


def _prepare(folder: Path) -> tuple[int, int]:
    """Bring the sample exams into the store; return how many were added, and how many were there."""
    with native_noise_silenced():
        from dashboard.services.samples import add_sample, is_there, sample_exams  # noqa: PLC0415 (loaded when it is needed)
        from records.store import Store  # noqa: PLC0415 (loaded when it is needed)

        exams = sample_exams()
        with Store.open(folder) as store, progress_board(plain_lines=True) as board:
            missing = [exam for exam in exams if not is_there(store, exam)]
            for exam in missing:
                with board.step(exam.label) as on_progress:
                    add_sample(store, exam, on_progress)
    return len(missing), len(exams) - len(missing)


def _open_when_ready(where: "Serving") -> None:
    """Open the browser as soon as the server answers, beside the server that is about to take this thread."""
    from dashboard.services.serving import wait_until_healthy  # noqa: PLC0415 (loaded when it is needed)

    def open_it() -> None:
        if wait_until_healthy(where):
            webbrowser.open(where.url)

    threading.Thread(target=open_it, daemon=True).start()


def _check(where: "Serving", folder: Path) -> int:
    """Start the server beside us, ask it for a page, render every page, and say what was found."""
    from dashboard.components.rehearsal import rehearse  # noqa: PLC0415 (loaded when it is needed)

    for line in rehearse(where, folder):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0
