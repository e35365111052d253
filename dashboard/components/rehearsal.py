"""A rehearsal of the dashboard without a browser: the server answers, and every page renders with what is stored."""

import http.client
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamlit.logger import set_log_level
from streamlit.testing.v1 import AppTest

from dashboard.components.server import SCRIPT
from dashboard.errors import DashboardError
from dashboard.services.serving import Serving, ask, wait_until_healthy
from records.home import HOME_VARIABLE

__all__ = ["PAGES", "rehearse"]

PAGES = ("patients", "exam", "compare", "cohort")
RENDER_S = 60.0
STOP_S = 10.0


def rehearse(where: Serving, home: Path) -> Iterator[str]:
    """Start the server, ask it, render every page, stop it; yields what was found, line by line.

    Raises
    ------
    DashboardError
        If the server does not answer, or a page shows an error.
    """
    with _server(where, home) as server:
        if not wait_until_healthy(where, alive=lambda: server.poll() is None):
            raise DashboardError(f"the dashboard did not start at {where.url}; try `catchangle serve` to see why")
        yield f"the server answers at {where.url}"
        for path in ("/", *(f"/{page}" for page in PAGES)):
            status, _ = ask(where, path)
            if status not in {http.client.OK, http.client.TEMPORARY_REDIRECT}:
                raise DashboardError(f"{where.url}{path} answers with status {status}")
    yield "every address answers"
    for name in PAGES:
        yield _render(name, home)


@contextmanager
def _server(where: Serving, home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "dashboard.cli", "serve", "--address", where.address, "--port", str(where.port)]
    server = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [*command, "--home", str(home)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _render(name: str, home: Path) -> str:
    os.environ[HOME_VARIABLE] = str(home)
    set_log_level(logging.ERROR)
    page = AppTest.from_file(SCRIPT, default_timeout=RENDER_S)
    page.run()
    if name != PAGES[0]:
        page.switch_page(f"pages/{name}.py").run()
    broken = [*(str(one.message) for one in page.exception), *(str(one.value) for one in page.error)]
    if broken:
        raise DashboardError(f"the page {name} shows an error: {broken[0]}")
    return f"page {name}: renders, {len(page.metric)} figures and {len(page.dataframe) + len(page.table)} tables"
