"""What every command says to a person: progress and complaints on stderr, one line each."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["ProgressBoard", "complain", "debugging", "internal_fault", "native_noise_silenced", "progress_board", "say"]


def debugging() -> bool:
    """Tell whether the person asked for tracebacks (CATCHANGLE_DEBUG=1)."""
    return os.environ.get("CATCHANGLE_DEBUG", "") not in {"", "0"}


def say(line: str) -> None:
    """Write one line for a person to stderr."""
    sys.stderr.write(" ".join(line.split()) + "\n")
    sys.stderr.flush()


def complain(line: str) -> None:
    """Write one line that says what went wrong to stderr."""
    say(f"catchangle: {line}")


def internal_fault(error: BaseException, where: str = "") -> None:
    """Say in one line that a fault of ours was met, and how to see more of it."""
    place = f"{where}: " if where else ""
    complain(f"{place}internal fault ({type(error).__name__}: {error}); run again with CATCHANGLE_DEBUG=1 to see where")


@contextmanager
def native_noise_silenced() -> Iterator[None]:
    """Keep what native libraries (TensorFlow Lite, FFmpeg) write to file descriptor 2 away from the person.

    Python's own stderr stays what it was, on a copy of the descriptor. With CATCHANGLE_DEBUG nothing is silenced.
    """
    if debugging():
        yield
        return
    sys.stderr.flush()
    python_stderr = sys.stderr
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    with os.fdopen(os.dup(kept), "w", encoding="utf-8", errors="replace", buffering=1) as ours:
        sys.stderr = ours
        try:
            yield
        finally:
            sys.stderr = python_stderr
            os.dup2(kept, 2)
            os.close(kept)


class ProgressBoard:
    """Bars on a terminal; where stderr is none, plain lines if asked for, else nothing."""

    def __init__(self, bars: Progress | None, *, plain_lines: bool) -> None:
        self._bars = bars
        self._plain_lines = plain_lines

    @contextmanager
    def step(self, label: str) -> Iterator[Callable[[float], None]]:
        """Show one piece of work; the callable that it gives takes the share done, 0 to 1."""
        if self._bars is None:
            if self._plain_lines:
                say(label)
            yield lambda _share: None
            return
        task: TaskID = self._bars.add_task(label, total=1.0)
        bars = self._bars
        yield lambda share: bars.update(task, completed=min(max(share, 0.0), 1.0))
        bars.update(task, completed=1.0)


@contextmanager
def progress_board(*, plain_lines: bool = False) -> Iterator[ProgressBoard]:
    """Open a board of progress bars on stderr.

    Parameters
    ----------
    plain_lines
        Whether to write one line per step where stderr is not a terminal.
    """
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield ProgressBoard(None, plain_lines=plain_lines)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        yield ProgressBoard(bars, plain_lines=plain_lines)
