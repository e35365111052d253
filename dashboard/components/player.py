"""The exam player: a video with its angle curve, one cursor for both."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from analysis.model import Source
from dashboard.charts.movement import MOST_POINTS
from dashboard.components.media import video_link
from dashboard.services.exams import Exam

__all__ = ["exam_player"]

_USUAL_FRAME_S = 1 / 30
_FOLDER = Path(__file__).parent


@cache
def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def exam_player(exam: Exam) -> None:
    """Show the video of an exam with its angle curve below; a cursor on the curve follows the frame that is shown."""
    player = st.components.v2.component(
        "catchangle_exam_player", html=_source("player.html"), css=_source("player.css"), js=_source("player.js")
    )
    player(data=_data(exam), key=f"player-{exam.recording.id}", height="content")


def _data(exam: Exam) -> dict[str, Any]:
    """Gather what the player draws; a link once given out stays, so that a rerun does not start the video again."""
    links: dict[str, str] = st.session_state.setdefault("video_links", {})
    link = links.setdefault(exam.recording.id, video_link(exam.recording.id))
    finding = {} if exam.assessment is None else exam.assessment.finding
    stretches = finding.get("stretches", [])
    return {
        "exam": exam.recording.id,
        "url": link,
        "offset_s": exam.video_offset_s,
        "frame_s": _frame_s(finding),
        **_curve(exam),
        "stretches": [[one["start_s"], one["end_s"], one["velocity"], bool(one["quality"])] for one in stretches],
        "catches": [
            [one["catch"]["time_s"], one["catch"]["angle_deg"]] for one in stretches if one["catch"] is not None
        ],
    }


def _frame_s(finding: Mapping[str, Any]) -> float:
    """Return the time between frames, told by the angle's rate where the video gave it."""
    if finding and finding["sources"][0] == Source.VIDEO.value:
        return 1.0 / float(finding["angle"]["rate_hz"])
    return _USUAL_FRAME_S


def _curve(exam: Exam) -> dict[str, list[float | None]]:
    if exam.series is None:
        return {"time_s": [0.0, 1.0], "angle_deg": [None, None]}
    step = max(1, -(-exam.series.time_s.size // MOST_POINTS))
    angle = exam.series.angle_deg[::step]
    return {
        "time_s": [round(float(time), 4) for time in exam.series.time_s[::step]],
        "angle_deg": [round(float(one), 2) if np.isfinite(one) else None for one in angle],
    }
