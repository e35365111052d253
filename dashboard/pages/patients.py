"""Patients: who was examined, when, what was found; and where recordings come in."""

import streamlit as st

from dashboard.components.choosing import PATIENT, RECORDING, choose_patient, no_patients, session_label
from dashboard.components.guard import page
from dashboard.components.intake_form import intake_form
from dashboard.components.workspace import open_store
from dashboard.services.exams import limb_label
from dashboard.services.roster import Entry, ListedExam, ListedSession, describe, list_patients
from dashboard.services.wording import ABSENT

COLUMNS_OF_SESSIONS = 3


def _overview(entries: tuple[Entry, ...]) -> None:
    st.dataframe(
        [
            {
                "Patient": entry.patient.code,
                "Kind": "simulated" if entry.patient.simulated else "real",
                "Sessions": str(len(entry.sessions)),
                "Exams": str(entry.exams),
                "Phases": entry.phases,
                "Last session": entry.last_date,
                "Last grades": entry.last_grades,
            }
            for entry in entries
        ],
        hide_index=True,
        height="content",
        alt="All patients with their sessions",
    )


def _details(entry: Entry) -> None:
    if entry.patient.simulated:
        st.badge("simulated", icon=":material/science:", color="violet")
    st.caption(describe(entry.patient))
    if not entry.sessions:
        st.info("This patient has no sessions yet: add a recording below.", icon=":material/info:")
        return
    for first in range(0, len(entry.sessions), COLUMNS_OF_SESSIONS):
        row = entry.sessions[first : first + COLUMNS_OF_SESSIONS]
        for column, session in zip(st.columns(COLUMNS_OF_SESSIONS), row, strict=False):
            with column, st.container(border=True):
                _session(session)
    if len(entry.sessions) > 1:
        st.page_link(
            "pages/compare.py",
            label="Compare two sessions",
            icon=":material/compare_arrows:",
            query_params={PATIENT: entry.patient.code},
        )


def _session(listed: ListedSession) -> None:
    st.markdown(f"**{session_label(listed.session)}**")
    if not listed.exams:
        st.caption("no exams")
    for exam in listed.exams:
        _exam(listed, exam)


def _exam(listed: ListedSession, exam: ListedExam) -> None:
    found = exam.reading
    if found is None:
        said = "not analysed yet"
    elif found.grade is None:
        said = "not graded"
    else:
        said = f"grade {found.grade} (90 %: {', '.join(found.set90)})"
    st.page_link(
        "pages/exam.py",
        label=f"{limb_label(exam.recording)}: {said}",
        icon=":material/monitoring:",
        query_params={PATIENT: listed.session.patient_code, RECORDING: exam.recording.id},
    )


def _show() -> None:
    store = open_store()
    entries = list_patients(store)
    if not entries:
        no_patients()
    else:
        _overview(entries)
        patient = choose_patient([entry.patient for entry in entries])
        _details(next(entry for entry in entries if entry.patient.code == patient.code))
    intake_form(store, expanded=not entries)


with page("Patients", f"Who was examined, when, and what was found. {ABSENT} means: not measured."):
    _show()
