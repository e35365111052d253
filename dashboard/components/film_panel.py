"""Filming an exam from the page: look through the camera, tap the patient, record, and see what was found."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from analysis.errors import CatchangleError
from analysis.model import Side, Subject, TestKind
from analysis.muscles import MuscleGroup
from dashboard.components.camera_view import camera_view
from dashboard.components.choosing import PATIENT, RECORDING
from dashboard.components.waiting import waiting
from dashboard.services.background import Work
from dashboard.services.intake import Arrival, receive
from dashboard.services.live_shots import LiveState
from dashboard.services.pipeline import OnProgress
from dashboard.services.wording import plain, protocol, verbatim
from records.durable import discard
from records.live_folder import LiveHeader
from records.rows import Phase
from records.rules import check_patient_code
from records.store import Store

if TYPE_CHECKING:
    from dashboard.services.filming import Filmed
    from dashboard.services.live_exam import LiveExam

__all__ = ["FILM", "LOOK", "MODE", "film_panel"]

MODE, LOOK, FILM = "exam-mode", "Look at an exam", "Film an exam"
"""Key and choices of what the exam page does."""

_EXAM, _PLAN, _FILMING = "film-exam", "film-plan", "film-running"
_WORK, _LAST = "film-work", "film-last"
_LOOK_S = 0.3
_CAMERA, _FILE, _PATTERN = "Camera", "A video file in its place", "Test pattern"
_TEST_PATTERN = "test-pattern"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is to be filmed, as the form says."""

    source: str
    code: str
    phase: Phase
    muscle_group: MuscleGroup
    side: Side
    test: TestKind


def film_panel(store: Store) -> None:
    """Show the form that opens a camera, or the camera that is open."""
    exam: LiveExam | None = st.session_state.get(_EXAM)
    plan: _Plan | None = st.session_state.get(_PLAN)
    if exam is None or plan is None:
        _open(store)
    elif exam.state is LiveState.ENDED and not (st.session_state.get(_FILMING) or _WORK in st.session_state):
        _forget()
        st.warning(verbatim(exam.fault or "the camera was closed: open it again"), icon=":material/videocam_off:")
        _last_recording()
        _open(store)
    else:
        _live(store, exam, plan)


def _open(store: Store) -> None:
    kind = st.segmented_control(
        "What films?", [_CAMERA, _FILE, _PATTERN], default=_CAMERA, required=True, key="film-kind"
    )
    with st.form("film", border=False):
        plan = _plan_form(str(kind))
        sent = st.form_submit_button("Open the camera", type="primary", icon=":material/videocam:")
    if not sent:
        return
    check_patient_code(store.home, plan.code)
    with st.spinner("opening the camera …"):
        from dashboard.services.live_exam import open_live_exam  # noqa: PLC0415 (loads the pose models' library)

        st.session_state[_EXAM] = open_live_exam(plan.source, plan.muscle_group, plan.side)
        st.session_state[_PLAN] = plan
    st.rerun()


def _plan_form(kind: str) -> _Plan:
    one, two, three = st.columns(3)
    source = _TEST_PATTERN
    if kind == _CAMERA:
        source = str(one.number_input("Number of the camera", min_value=0, max_value=63, value=0))
    elif kind == _FILE:
        source = one.text_input("Path of the video file", placeholder="/data/elbow.mp4").strip()
    code = two.text_input("Patient code", placeholder="P001", help="A code of yours, never a name.").strip()
    phase = three.selectbox("Phase", list(Phase), format_func=lambda phase: phase.label)
    group = one.selectbox("Muscle group", list(MuscleGroup), format_func=plain)
    side = two.selectbox("Side", list(Side), format_func=str)
    test = three.selectbox("Protocol", list(TestKind), format_func=lambda test: protocol(test.value))
    return _Plan(
        source=source,
        code=code,
        phase=phase or Phase.OTHER,
        muscle_group=group or MuscleGroup.ELBOW_FLEXORS,
        side=side or Side.LEFT,
        test=test or TestKind.PASSIVE_STRETCH,
    )


def _live(store: Store, exam: "LiveExam", plan: _Plan) -> None:
    wide, narrow = st.columns([7, 3], gap="large")
    with wide:
        tap = camera_view(exam)
        if tap is not None and not exam.tap(*tap):
            st.toast("Nobody was seen there: tap on the patient's body.", icon=":material/person_off:")
    with narrow:
        st.markdown(f"**{verbatim(plan.code)}**, {plan.side} {plain(plan.muscle_group)}, {protocol(plan.test.value)}")
        st.caption(
            "The patient is who you tapped on."
            if exam.tapped
            else "The patient is told from the movement. Tap on the patient in the picture if it is the wrong person."
        )
        st.caption("Numbers and skeleton are a guide while you film; the finding is measured from the recording.")
        _buttons(store, exam, plan)


def _buttons(store: Store, exam: "LiveExam", plan: _Plan) -> None:
    if _WORK in st.session_state:
        _wait()
    elif st.session_state.get(_FILMING):
        stopped = st.button("Stop and analyse", type="primary", icon=":material/stop_circle:")
        if stopped or exam.state is not LiveState.RECORDING:
            _finish(store, exam, plan)
    else:
        _idle(store, exam, plan)


def _idle(store: Store, exam: "LiveExam", plan: _Plan) -> None:
    if st.button("Start recording", type="primary", icon=":material/radio_button_checked:"):
        _start(store, exam, plan)
        st.rerun()
    if st.button("Close the camera", icon=":material/videocam_off:"):
        exam.close()
        _forget()
        st.rerun()
    _last_recording()


def _start(store: Store, exam: "LiveExam", plan: _Plan) -> None:
    from dashboard.services.live_exam import filming_folder  # noqa: PLC0415 (loaded already: the camera is open)

    started_at = datetime.now().astimezone()
    header = LiveHeader(
        muscle_group=plan.muscle_group,
        side=plan.side,
        test=plan.test,
        started_at=started_at,
        subject=Subject(code=plan.code),
    )
    exam.start(filming_folder(store.home, plan.code, started_at), header)
    st.session_state.pop(_LAST, None)
    st.session_state[_FILMING] = True


def _finish(store: Store, exam: "LiveExam", plan: _Plan) -> None:
    """End the recording and begin to analyse it, in the background: a tap or a click must not break it off."""
    st.session_state.pop(_FILMING, None)
    try:
        filmed = exam.stop()
    except CatchangleError as error:
        st.session_state[_LAST] = _Last(said="", warnings=(str(error),), recording="", code=plan.code)
        st.rerun()
    st.session_state[_WORK] = Work(lambda tell: _analyse(store, filmed, plan, tell))
    st.rerun()


def _analyse(store: Store, filmed: "Filmed", plan: _Plan, tell: OnProgress) -> "_Last":
    """Analyse a recording and keep it; what cannot be analysed stays where it was filmed, and that is said."""
    video = filmed.video
    said = f"{video.n_frames} frames, {video.duration_s:.1f} s"
    try:
        recording = receive(store, filmed.folder, _arrival(plan), tell)
    except CatchangleError as error:
        kept = f"{error}; what was recorded ({said}) is kept in {filmed.folder}"
        return _Last(said="", warnings=(*filmed.warnings(), kept), recording="", code=plan.code)
    discard(filmed.folder)
    said = f"{said}, kept under {plan.code}."
    return _Last(said=said, warnings=filmed.warnings(), recording=recording.id, code=plan.code)


def _wait() -> None:
    """Show how far the analysis is; a page that is drawn anew meanwhile finds it again."""
    work: Work[_Last] = st.session_state[_WORK]
    with waiting("analysing …") as on_progress:
        while not work.wait(_LOOK_S):
            on_progress(work.share)
    del st.session_state[_WORK]
    st.session_state[_LAST] = work.result()
    st.rerun()


def _arrival(plan: _Plan) -> Arrival:
    return Arrival(
        code=plan.code,
        phase=plan.phase,
        started_at=datetime.now(UTC),
        muscle_group=plan.muscle_group,
        side=plan.side,
        subject=Subject(code=plan.code),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """What became of the last recording; `recording` is empty where it could not be analysed."""

    said: str
    warnings: tuple[str, ...]
    recording: str
    code: str


def _last_recording() -> None:
    last: _Last | None = st.session_state.get(_LAST)
    if last is None:
        return
    if last.said:
        st.success(verbatim(last.said), icon=":material/check:")
    for warning in last.warnings:
        st.warning(verbatim(warning), icon=":material/warning:")
    if last.recording:
        st.button("Open the exam", icon=":material/monitoring:", on_click=_open_exam, args=(last.code, last.recording))


def _open_exam(code: str, recording: str) -> None:
    st.session_state[MODE] = LOOK
    st.query_params.update({PATIENT: code, RECORDING: recording})


def _forget() -> None:
    for name in (_EXAM, _PLAN, _FILMING):
        st.session_state.pop(name, None)
