"""``catchangle sensors``: its commands by name."""

import typer

from dashboard.cli.sensors_assign import assign
from dashboard.cli.sensors_calibrate import calibrate_sensors
from dashboard.cli.sensors_onboard import onboard
from dashboard.cli.sensors_scan import scan
from dashboard.cli.sensors_simulate import simulate
from dashboard.cli.sensors_stream import stream

__all__ = ["sensors_application"]

sensors_application = typer.Typer(
    name="sensors",
    help="Finds, shows and simulates goniometers.\n\nExample: catchangle sensors scan",
    rich_markup_mode=None,
)
for command in (scan, stream, assign, onboard, simulate):
    sensors_application.command(command.__name__)(command)
sensors_application.command("calibrate")(calibrate_sensors)


@sensors_application.callback(invoke_without_command=True)
def _sensors(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
