"""Recording an exam from the page: look through the camera, tap the patient, watch the sensors, record, analyse."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from analysis.errors import CatchangleError
from analysis.model import Subject
from dashboard.components.camera_view import camera_view
from dashboard.components.choosing import PATIENT, RECORDING
from dashboard.components.film_form import FilmPlan, film_form
from dashboard.components.sensor_panel import sensor_panel, sensor_tools
from dashboard.components.waiting import waiting
from dashboard.errors import DashboardError
from dashboard.services.background import Work
from dashboard.services.intake import Arrival, receive
from dashboard.services.live_shots import LiveState, filming_folder
from dashboard.services.pipeline import OnProgress
from dashboard.services.wording import plain, protocol, verbatim
from records.durable import discard
from records.live_folder import LiveHeader
from records.store import Store

if TYPE_CHECKING:
    from dashboard.services.filming import Filmed
    from dashboard.services.live_exam import LiveExam
    from dashboard.services.live_sensors import LiveSensors
    from dashboard.services.recording import Recorded

__all__ = ["FILM", "LOOK", "MODE", "film_panel"]

MODE, LOOK, FILM = "exam-mode", "Look at an exam", "Record an exam"
"""Key and choices of what the exam page does."""

_EXAM, _SENSORS, _PLAN, _FILMING = "film-exam", "film-sensors", "film-plan", "film-running"
_WORK, _LAST = "film-work", "film-last"
_LOOK_S = 0.3


def film_panel(store: Store) -> None:
    """Show the form that opens camera and sensors, or what is open."""
    plan: FilmPlan | None = st.session_state.get(_PLAN)
    if plan is None:
        _open(store)
        return
    exam = _camera()
    busy = st.session_state.get(_FILMING) or _WORK in st.session_state
    if exam is not None and exam.state is LiveState.ENDED and not busy:
        _forget()
        st.warning(verbatim(exam.fault or "the camera was closed: open it again"), icon=":material/videocam_off:")
        _last_recording()
        _open(store)
    else:
        _live(store, exam, plan)


def _camera() -> "LiveExam | None":
    exam: LiveExam | None = st.session_state.get(_EXAM)
    return exam


def _sensors() -> "LiveSensors | None":
    live: LiveSensors | None = st.session_state.get(_SENSORS)
    return live


def _open(store: Store) -> None:
    plan = film_form(store)
    if plan is None:
        return
    if plan.wish is not None:
        _connect(plan)
    if plan.source:
        with st.spinner("opening the camera …"):
            from dashboard.services.live_exam import open_live_exam  # noqa: PLC0415 (loads the pose models' library)

            st.session_state[_EXAM] = open_live_exam(plan.source, plan.muscle_group, plan.side)
    st.session_state[_PLAN] = plan
    st.rerun()


def _connect(plan: FilmPlan) -> None:
    if plan.wish is None:
        return
    with st.spinner("connecting to the sensors …"):
        from dashboard.services.live_sensors import connect_sensors  # noqa: PLC0415 (loads Bluetooth)
        from dashboard.services.sensor_choice import planning  # noqa: PLC0415 (loads Bluetooth)

        making = planning(plan.wish, plan.muscle_group)
        st.session_state[_SENSORS] = connect_sensors(making, plan.muscle_group, simulated=plan.wish.simulated)


def _live(store: Store, exam: "LiveExam | None", plan: FilmPlan) -> None:
    live = _sensors()
    *wide, narrow = st.columns([5, 5, 3] if exam is not None and plan.wish is not None else [7, 3], gap="large")
    if exam is not None:
        with wide[0]:
            tap = camera_view(exam)
            if tap is not None and not exam.tap(*tap):
                st.toast("Nobody was seen there: tap on the patient's body.", icon=":material/person_off:")
    if live is not None and plan.wish is not None:
        with wide[-1]:
            sensor_panel(live)
    with narrow:
        st.markdown(f"**{verbatim(plan.code)}**, {plan.side} {plain(plan.muscle_group)}, {protocol(plan.test.value)}")
        if plan.wish is not None and plan.wish.simulated:
            st.badge("simulated", icon=":material/science:", color="violet")
        if exam is not None:
            st.caption(
                "The patient is who you tapped on."
                if exam.tapped
                else "The patient is told from the movement. Tap on the patient in the picture if another is marked."
            )
        st.caption("What is shown live is a guide while you record; the finding is measured from the recording.")
        _buttons(store, exam, plan)
        if live is not None and _WORK not in st.session_state:
            sensor_tools(live)


def _buttons(store: Store, exam: "LiveExam | None", plan: FilmPlan) -> None:
    if _WORK in st.session_state:
        _wait()
    elif st.session_state.get(_FILMING):
        stopped = st.button("Stop and analyse", type="primary", icon=":material/stop_circle:")
        live = _sensors()
        going = exam.state if exam is not None else LiveState.ENDED if live is None else live.state
        if stopped or going is not LiveState.RECORDING:
            _finish(store, exam, plan)
    else:
        _idle(store, exam, plan)


def _idle(store: Store, exam: "LiveExam | None", plan: FilmPlan) -> None:
    live = _sensors()
    ready = plan.wish is None or (live is not None and live.state is LiveState.WATCHING)
    if not ready:
        if live is not None and live.fault:
            st.warning(verbatim(live.fault), icon=":material/sensors_off:")
        if st.button("Connect the sensors again", type="primary", icon=":material/sensors:"):
            _connect(plan)
            st.rerun()
    elif st.button("Start recording", type="primary", icon=":material/radio_button_checked:"):
        _start(store, exam, plan)
        st.rerun()
    if st.button("Close" if plan.wish is not None else "Close the camera", icon=":material/videocam_off:"):
        if exam is not None:
            exam.close()
        _forget()
        st.rerun()
    _last_recording()


def _start(store: Store, exam: "LiveExam | None", plan: FilmPlan) -> None:
    started_at = datetime.now().astimezone()
    header = LiveHeader(
        muscle_group=plan.muscle_group,
        side=plan.side,
        test=plan.test,
        started_at=started_at,
        subject=Subject(code=plan.code),
        simulated=plan.wish is not None and plan.wish.simulated,
    )
    out, live = filming_folder(store.home, plan.code, started_at), _sensors()
    if exam is None:
        if live is not None:
            live.start(out, header)
    elif live is None:
        exam.start(out, header)
    else:
        session = live.lend()
        try:
            exam.start(out, header, session)
        except CatchangleError:
            live.returned()
            raise
    st.session_state.pop(_LAST, None)
    st.session_state[_FILMING] = True


def _finish(store: Store, exam: "LiveExam | None", plan: FilmPlan) -> None:
    """End the recording and begin to analyse it, in the background: a tap or a click must not break it off."""
    st.session_state.pop(_FILMING, None)
    try:
        recorded = _stop(exam)
    except CatchangleError as error:
        st.session_state[_LAST] = _Last(said="", warnings=(str(error),), recording="", code=plan.code)
        st.rerun()
    st.session_state[_WORK] = Work(lambda tell: _analyse(store, recorded, plan, tell))
    st.rerun()


def _stop(exam: "LiveExam | None") -> "Filmed | Recorded":
    live = _sensors()
    if exam is None:
        if live is None:
            raise DashboardError("nothing was recorded: connect the sensors again")
        return live.stop()
    try:
        return exam.stop()
    finally:
        if live is not None:
            live.returned()


def _analyse(store: Store, filmed: "Filmed | Recorded", plan: FilmPlan, tell: OnProgress) -> "_Last":
    """Analyse a recording and keep it; what cannot be analysed stays where it was filmed, and that is said."""
    said = _amount(filmed)
    try:
        recording = receive(store, filmed.folder, _arrival(plan), tell)
    except CatchangleError as error:
        kept = f"{error}; what was recorded ({said}) is kept in {filmed.folder}"
        return _Last(said="", warnings=(*filmed.warnings(), kept), recording="", code=plan.code)
    said = f"{said}, kept under {plan.code}."
    if filmed.sensors is None:
        discard(filmed.folder)
    else:
        said = f"{said} Every packet as it came is in {filmed.folder}."
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


def _amount(filmed: "Filmed | Recorded") -> str:
    """Say how much was recorded."""
    video, sensors = filmed.video, filmed.sensors
    parts = [] if video is None else [f"{video.n_frames} frames, {video.duration_s:.1f} s"]
    if sensors is not None:
        lost = f"{sensors.lost} lost" if sensors.lost else "none known to be lost"
        parts.append(f"{sensors.received} samples of sensors, {sensors.seconds:.1f} s, {lost}")
    return "; ".join(parts)


def _arrival(plan: FilmPlan) -> Arrival:
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
    live = _sensors()
    if live is not None:
        live.close()
    for name in (_EXAM, _SENSORS, _PLAN, _FILMING):
        st.session_state.pop(name, None)
