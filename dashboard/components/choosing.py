"""Choosing a patient or an exam; the address follows, so that a link opens what was chosen."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.services.exams import exam_label
from dashboard.services.wording import ABSENT
from records.rows import PatientRow, RecordingRow, SessionRow
from records.store import Store

__all__ = ["PATIENT", "RECORDING", "choose", "choose_patient", "choose_recording", "no_patients", "session_label"]

PATIENT = "patient"
RECORDING = "recording"


def choose(name: str, label: str, options: Sequence[str], wording: Callable[[str], str], *, default: int = 0) -> str:
    """Offer options in a list that is tied to a parameter of the address.

    Parameters
    ----------
    name
        Parameter of the address.
    label
        What stands above the list.
    options
        At least one.
    wording
        How an option is said.
    default
        Place of the option that is chosen where neither the address nor the last visit says otherwise.
    """
    widget, last = f"choice-{name}", f"last-{name}"
    remembered = st.session_state.get(last)
    asked = st.query_params.get(name)
    wishes = (asked if asked != remembered else None, st.session_state.get(widget), remembered)
    # Set on every run: a list of the same name on another page would start anew and forget what was chosen.
    st.session_state[widget] = next((wish for wish in wishes if wish in options), options[default])
    chosen: str = st.selectbox(label, options, key=widget, format_func=wording)
    st.session_state[last] = chosen
    st.query_params[name] = chosen
    return chosen


def no_patients() -> None:
    """Say what to do where the store is empty."""
    st.info(
        "There are no patients yet. Add a recording on **Patients**, or run `catchangle demo` in a terminal to look at "
        "simulated exams.",
        icon=":material/info:",
    )


def choose_patient(patients: Sequence[PatientRow]) -> PatientRow:
    """Offer the patients."""
    by_code = {patient.code: patient for patient in patients}
    code = choose(
        PATIENT, "Patient", list(by_code), lambda one: f"{one} (simulated)" if by_code[one].simulated else one
    )
    return by_code[code]


def session_label(session: SessionRow) -> str:
    """Name a session by its phase and date."""
    return f"{session.phase.label}, {session.started_at:%Y-%m-%d}"


def choose_recording(store: Store, sessions: Sequence[SessionRow]) -> tuple[SessionRow, RecordingRow] | None:
    """Offer the recordings of all sessions in one list, the latest first chosen; ``None`` where there is none."""
    offered = {recording.id: (session, recording) for session in sessions for recording in store.recordings(session.id)}
    if not offered:
        return None

    def wording(recording_id: str) -> str:
        session, recording = offered.get(recording_id, (None, None))
        if session is None or recording is None:
            return ABSENT
        return f"{session_label(session)}: {exam_label(recording)}"

    return offered[choose(RECORDING, "Exam", list(offered), wording, default=len(offered) - 1)]
