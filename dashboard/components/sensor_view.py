"""The sensors that stream, live on a page: angle, velocity gauge, pace, verdict and the state of each sensor."""

from functools import cache
from pathlib import Path

import streamlit as st

from dashboard.components.media import board_link
from dashboard.services.live_board import LiveBoard

__all__ = ["sensor_view"]

_FOLDER = Path(__file__).parent


@cache
def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def sensor_view(board: LiveBoard) -> None:
    """Show what the sensors say; the page runs again only when a recording begins or ends."""
    view = st.components.v2.component(
        "catchangle_sensor_view",
        html=_source("sensor_view.html"),
        css=_source("sensor_view.css"),
        js=_source("sensor_view.js"),
    )
    links: dict[str, str] = st.session_state.setdefault("board_links", {})
    link = links.setdefault(board.id, board_link(board.id))
    view(
        data={"board": board.id, "url": link, "state": board.state.value},
        key=f"sensors-{board.id}",
        on_changed_change=_nothing,
        height="content",
    )


def _nothing() -> None:
    """Let the page run again."""
