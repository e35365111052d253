"""The commands by name, and what becomes of their errors: exit 0, 2 (arguments or input) or 1 (a fault of ours)."""

import contextlib
import os
import sys
import traceback
import warnings
from importlib.metadata import version
from typing import Annotated

import typer

from analysis.errors import CatchangleError
from dashboard.cli.analyze import analyze
from dashboard.cli.console import complain, debugging, internal_fault
from dashboard.cli.demo import demo
from dashboard.cli.doctor import doctor
from dashboard.cli.landmarks import landmarks
from dashboard.cli.overlay import overlay
from dashboard.cli.pose import pose
from dashboard.cli.record import record
from dashboard.cli.recover import recover
from dashboard.cli.sensors_group import sensors_application
from dashboard.cli.serve import serve
from dashboard.cli.simulate import simulate
from dashboard.cli.train import train
from dashboard.cli.validate import validate

__all__ = ["INTERNAL_FAULT", "UNUSABLE", "application", "main"]

INTERNAL_FAULT = 1
UNUSABLE = 2
INTERRUPTED = 130

application = typer.Typer(
    name="catchangle",
    help="Objective assessment of spasticity from video, inertial and force sensors. Research software, not a medical "
    "device.",
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
for command in (demo, analyze, pose, landmarks, overlay, record, recover, simulate, train, validate, serve, doctor):
    application.command(command.__name__)(command)
application.add_typer(sensors_application)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"catchangle {version('catchangle')}")
        raise typer.Exit


@application.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)
    ] = False,
) -> None:
    _print_version(wanted=show_version)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code, with at most one line on stderr for what went wrong."""
    try:
        code = typer.main.get_command(application).main(arguments, prog_name="catchangle", standalone_mode=False)
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "catchangle")
        complain(f"{error.format_message().strip().rstrip('.')} (try: {command} --help)".replace("Value error, ", ""))
        return UNUSABLE
    except typer.Abort:
        return INTERRUPTED
    except CatchangleError as error:
        if debugging():
            traceback.print_exc()
        complain(str(error))
        return UNUSABLE
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command line as a program."""
    if not debugging():
        warnings.simplefilter("ignore")
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has left; what it wanted it has, and flushing at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        complain(f"{error.filename or 'the output'}: {error.strerror or error}; make room or check the permissions")
        code = UNUSABLE
    except Exception as error:  # noqa: BLE001 - the last line of defence: a fault of ours, said in one line
        if debugging():
            traceback.print_exc()
        internal_fault(error)
        code = INTERNAL_FAULT
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    sys.exit(code)
