"""The server of the dashboard: Streamlit's own, with a route for videos and with everything kept on the machine."""

import logging
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from streamlit.runtime.pages_manager import PagesManager

from analysis.errors import CatchangleError
from dashboard.components.media import BOARD_ROUTE, PICTURE_ROUTE, VIDEO_ROUTE, tickets
from dashboard.components.theme import THEME
from dashboard.services.exams import video_file
from dashboard.services.live_board import find_live_board
from dashboard.services.live_shots import find_live_view
from dashboard.services.privacy import PRIVACY
from dashboard.services.serving import Serving
from records.home import HOME_VARIABLE, data_folder
from records.store import Store

__all__ = ["SCRIPT", "build_app", "build_routes", "run_server"]

SCRIPT = Path(__file__).resolve().parent.parent / "app.py"
LARGEST_UPLOAD_MB = 2048
OWN_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_PRIVATE = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}


def build_app() -> st.App:
    """Build the application that the server runs."""
    # What st.navigation says once it has run. Before that, Streamlit takes any folder named pages for a navigation of
    # its own, and the first visitor who asks for a page by its address would get its bare script.
    PagesManager.uses_pages_directory = False
    return st.App(
        SCRIPT,
        routes=build_routes(),
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(OWN_HOSTS), www_redirect=False)],
    )


def build_routes() -> list[Route]:
    """Build what the server answers besides Streamlit."""
    return [
        Route(f"{VIDEO_ROUTE}/{{recording_id}}", _video),
        Route(f"{PICTURE_ROUTE}/{{exam_id}}", _picture),
        Route(f"{BOARD_ROUTE}/{{board_id}}", _board),
        Route("/patients", _first_page),
    ]


def run_server(where: Serving, home: Path) -> None:
    """Serve the dashboard over that data folder until it is stopped."""
    os.environ[HOME_VARIABLE] = str(home)
    logging.getLogger("uvicorn.access").disabled = True
    build_app().run(config=_configuration(where))


def _configuration(where: Serving) -> dict[str, Any]:
    return {
        **PRIVACY,
        **THEME,
        "server.address": where.address,
        "server.port": where.port,
        "server.allowedHosts": [host.strip("[]") for host in OWN_HOSTS],
        "server.maxUploadSize": LARGEST_UPLOAD_MB,
        "logger.level": "error",
        "logger.hideWelcomeMessage": True,
    }


async def _video(request: Request) -> Response:
    """Send the video of a recording to who holds a ticket for it."""
    recording_id = request.path_params["recording_id"]
    if not tickets().admits(recording_id, request.query_params.get("ticket", "")):
        return PlainTextResponse("this link is not good, or not any more: reload the page", status_code=403)
    try:
        path = await run_in_threadpool(_find_video, recording_id)
    except CatchangleError:
        path = None
    if path is None:
        return PlainTextResponse("this recording has no video", status_code=404)
    return FileResponse(path, headers=_PRIVATE)


async def _picture(request: Request) -> Response:
    """Send the newest picture of an open camera to who holds a ticket for it, what it says in its headers."""
    exam_id = request.path_params["exam_id"]
    if not tickets().admits(exam_id, request.query_params.get("ticket", "")):
        return PlainTextResponse("this link is not good, or not any more: reload the page", status_code=403)
    exam = find_live_view(exam_id)
    if exam is None:
        return PlainTextResponse("this camera is not open", status_code=404)
    shot = exam.shot()
    said = {
        "x-number": str(shot.number),
        "x-state": shot.state.value,
        "x-words": quote(shot.words),
        "x-recorded-s": f"{shot.recorded_s:.1f}",
    }
    fresh = shot.jpeg and request.query_params.get("after") != str(shot.number)
    return Response(
        shot.jpeg if fresh else b"",
        status_code=200 if fresh else 204,
        headers={**_PRIVATE, **said},
        media_type="image/jpeg",
    )


async def _board(request: Request) -> Response:
    """Send what connected sensors say now to who holds a ticket for it."""
    board_id = request.path_params["board_id"]
    if not tickets().admits(board_id, request.query_params.get("ticket", "")):
        return PlainTextResponse("this link is not good, or not any more: reload the page", status_code=403)
    live = find_live_board(board_id)
    if live is None:
        return PlainTextResponse("these sensors are not connected", status_code=404)
    try:
        after_s = float(request.query_params.get("after", "-1"))
    except ValueError:
        return PlainTextResponse("after: expected seconds", status_code=400)
    return JSONResponse(dict(await run_in_threadpool(live.board, after_s)), headers=_PRIVATE)


def _find_video(recording_id: str) -> Path | None:
    return video_file(Store.open(data_folder()).recording(recording_id))


async def _first_page(request: Request) -> Response:
    """Lead from the first page's name to its place, so that a link to it may be written down."""
    query = request.url.query
    return RedirectResponse("/" + (f"?{query}" if query else ""))
