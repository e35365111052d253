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
    help="Finds, shows and simulates goniometers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for command in (scan, stream, assign, onboard, simulate):
    sensors_application.command(command.__name__)(command)
sensors_application.command("calibrate")(calibrate_sensors)
