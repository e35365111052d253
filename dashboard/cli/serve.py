"""``catchangle serve``: the dashboard for a clinic, on this machine."""

from typing import Annotated

import typer

from dashboard.cli.arguments import HomeOption
from dashboard.cli.console import say

__all__ = ["serve"]

PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")]
AddressOption = Annotated[
    str, typer.Option("--address", help="Address to listen on; only this machine's own are taken.")
]


def serve(port: PortOption = 8501, address: AddressOption = "127.0.0.1", home: HomeOption = None) -> int:
    """Serve the dashboard until it is stopped (Ctrl+C).

    Nothing leaves the machine: the dashboard has no sign-in yet, so it listens on this machine's own address only.

    Example: catchangle serve --port 8501
    """
    from dashboard.services.serving import serving_at  # noqa: PLC0415 (loaded when it is needed)
    from records.home import data_folder  # noqa: PLC0415 (loaded when it is needed)
    from records.store import Store  # noqa: PLC0415 (loaded when it is needed)

    where = serving_at(address, port)
    folder = data_folder(home)
    Store.open(folder).close()  # a store that cannot be opened is said here, not on a page
    from dashboard.components.server import run_server  # noqa: PLC0415 (loaded when it is needed)

    say(f"catchangle dashboard: {where.url} (stop with Ctrl+C)")
    run_server(where, folder)
    return 0
