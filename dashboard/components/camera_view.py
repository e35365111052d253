"""The picture of an open camera on a page, and the taps on it."""

from functools import cache
from pathlib import Path

import streamlit as st

from dashboard.components.media import picture_link
from dashboard.services.live_shots import LiveView

__all__ = ["camera_view"]

_FOLDER = Path(__file__).parent


@cache
def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def camera_view(exam: LiveView) -> tuple[float, float] | None:
    """Show what the camera sees; return where it was tapped just now, in shares of the picture's width and height."""
    view = st.components.v2.component(
        "catchangle_camera_view",
        html=_source("camera_view.html"),
        css=_source("camera_view.css"),
        js=_source("camera_view.js"),
    )
    links: dict[str, str] = st.session_state.setdefault("picture_links", {})
    link = links.setdefault(exam.id, picture_link(exam.id))
    told = view(
        data={"exam": exam.id, "url": link, "state": exam.state.value},
        key=f"camera-{exam.id}",
        on_tap_change=_nothing,
        on_changed_change=_nothing,
        height="content",
    )
    tap = told.tap
    return None if tap is None else (float(tap["x"]), float(tap["y"]))


def _nothing() -> None:
    """Let the page run again; what was told is read there."""
