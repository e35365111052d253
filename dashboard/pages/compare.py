"""Compare: two sessions of one patient beside each other."""

import streamlit as st

from analysis.muscles import MUSCLES
from dashboard.charts.grade import grade_chart
from dashboard.charts.overlay import overlay_chart
from dashboard.charts.palette import AFTER, BEFORE
from dashboard.components.choosing import choose, choose_patient, no_patients
from dashboard.components.guard import page
from dashboard.components.workspace import open_store
from dashboard.services.comparison import Limb, change_rows, examined_twice
from dashboard.services.exams import Exam, open_exam
from dashboard.services.overlays import resistance_overlay, stretch_overlay, velocity_overlay
from records.store import Store

GRADE_HEIGHT = 300
OVERLAY_HEIGHT = 340


def _choose(store: Store) -> tuple[Exam, Exam] | None:
    cells = st.columns([2, 2, 3, 3])
    with cells[0]:
        patient = choose_patient(store.patients())
    limbs = examined_twice(store, patient.code)
    if not limbs:
        st.info(
            "This patient has no limb that was examined in two sessions: choose another patient, or add a recording on "
            "**Patients**.",
            icon=":material/info:",
        )
        return None
    with cells[1]:
        limb = limbs[choose("limb", "Limb", list(limbs), lambda one: limbs[one].label if one in limbs else one)]
    exams = limb.exams
    with cells[2]:
        first = choose("before", "Before", list(exams), lambda one: _label(limb, one), default=0)
    with cells[3]:
        last = choose("after", "After", list(exams), lambda one: _label(limb, one), default=len(exams) - 1)
    if first == last:
        st.info("Before and after are the same exam: choose two different ones.", icon=":material/info:")
        return None
    if patient.simulated:
        st.badge("simulated", icon=":material/science:", color="violet")
    return open_exam(store, *exams[first]), open_exam(store, *exams[last])


def _label(limb: Limb, recording_id: str) -> str:
    if recording_id not in limb.exams:
        return recording_id
    session, recording = limb.exams[recording_id]
    return f"{session.phase.label}, {session.started_at:%Y-%m-%d} ({recording.name})"


def _figures(before: Exam, after: Exam) -> None:
    first, last = before.reading, after.reading
    if first is None or last is None:
        st.info(
            "One of the two exams has not been analysed: open it on **Exam** and analyse it.", icon=":material/info:"
        )
        return
    rows = change_rows(first, last, MUSCLES[before.recording.muscle_group].joint)
    table, grades = st.columns([3, 2], gap="large")
    with table:
        st.subheader("What changed", anchor=False)
        st.table(
            [
                {
                    "Measure": row.measure,
                    "Before": row.before,
                    "After": row.after,
                    "Change": row.change,
                    "Beyond measurement error": row.error,
                    "Clinically important": row.importance,
                }
                for row in rows
            ],
            border="horizontal",
            hide_index=True,
        )
        st.caption(
            "Beyond measurement error: the change exceeds the smallest detectable change (MDC95), and the scatter of "
            "the repetitions. Clinically important: it reaches a published minimal important difference (MCID). The "
            "two are judged apart; where nothing was published, that is not known."
        )
        with st.expander("Where the bounds come from"):
            for row in rows:
                if row.source:
                    st.caption(f"{row.measure}: {row.source}")
    with grades:
        _grades(before, after)


def _grades(before: Exam, after: Exam) -> None:
    st.subheader("Modified Ashworth grade", anchor=False)
    graded = [
        (name, exam.assessment.finding["mas"], colour)
        for name, exam, colour in (("before", before, BEFORE), ("after", after, AFTER))
        if exam.assessment is not None and exam.assessment.finding["mas"] is not None
    ]
    if not graded:
        st.caption("Neither exam was graded.")
        return
    st.echarts_chart(grade_chart(graded), height=GRADE_HEIGHT, alt="Probability of each grade, before and after")
    st.caption("Probability of each grade; in full colour the grades that together hold 90 %.")


def _curves(before: Exam, after: Exam) -> None:
    st.subheader("Curves from the onset of movement", anchor=False)
    velocity = st.segmented_control(
        "Stretches",
        ["V3", "V1"],
        default="V3",
        required=True,
        format_func=lambda one: "fast (V3)" if one == "V3" else "slow (V1)",
    )
    travelled = stretch_overlay(before, after, velocity)
    if not travelled:
        st.info("Neither exam has a stretch of this class that counts.", icon=":material/info:")
        return
    st.caption("Each line is one stretch; the diamond is its catch.")
    left, middle, right = st.columns(3)
    with left:
        st.markdown("**Angle travelled**")
        drawn = overlay_chart(travelled, x_name="time since onset (s)", y_name="angle along the stretch (°)")
        st.echarts_chart(drawn, height=OVERLAY_HEIGHT, alt="Angle along the stretch since onset, before and after")
    with middle:
        st.markdown("**Velocity**")
        drawn = overlay_chart(
            velocity_overlay(before, after, velocity), x_name="time since onset (s)", y_name="velocity (°/s)"
        )
        st.echarts_chart(drawn, height=OVERLAY_HEIGHT, alt="Velocity along the stretch since onset, before and after")
    with right:
        st.markdown("**Resistance**")
        resistance = resistance_overlay(before, after, velocity)
        if not resistance:
            st.caption("No force was recorded in these exams.")
            return
        drawn = overlay_chart(resistance, x_name="angle along the stretch (°)", y_name="resistance (N·m)")
        st.echarts_chart(drawn, height=OVERLAY_HEIGHT, alt="Resistance against the angle, before and after")


def _show() -> None:
    store = open_store()
    if not store.patients():
        no_patients()
        return
    chosen = _choose(store)
    if chosen is None:
        return
    _figures(*chosen)
    _curves(*chosen)


with page("Compare", "Two exams of the same limb, before and after, beside each other."):
    _show()
