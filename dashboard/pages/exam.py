"""Exam: one recording, from the movement to the grade."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.charts.grade import grade_chart
from dashboard.charts.movement import movement_chart
from dashboard.charts.palette import ANGLE
from dashboard.charts.resistance import resistance_chart
from dashboard.components.choosing import choose_patient, choose_recording, no_patients
from dashboard.components.film_panel import FILM, LOOK, MODE, film_panel
from dashboard.components.guard import page
from dashboard.components.player import exam_player
from dashboard.components.rating_form import rating_form
from dashboard.components.waiting import waiting
from dashboard.components.workspace import open_store
from dashboard.services.exams import Exam, limb_label, open_exam, reanalyse
from dashboard.services.reading import Reading
from dashboard.services.wording import ABSENT, degrees, number, plain, protocol, repetitions, verbatim
from records.store import Store

MOVEMENT_HEIGHT = 500
RESISTANCE_HEIGHT = 360
GRADE_HEIGHT = 210

METHOD = """
**Stretch.** A passive movement that lengthens the tested muscle. Its class is that of its peak velocity: V1 slow, V2 as
the limb falls, V3 fast. Pale grey: left out of the summary; the reason stands in the table.

**Catch (R1).** Where a fast stretch is first resisted: with a force sensor read off the resistance, otherwise inferred
from the movement. **R2** is the end of the slow stretch. The **spasticity angle** is what lies between them.

**Resistance.** Of the limb, with inertia and gravity removed. The dashed line is a healthy limb of that size in the
same movement.

**Grade.** A probability for each grade of the modified Ashworth scale; in full colour those that together hold 90 %.
"""


def _figures(found: Reading) -> None:
    cells = st.columns(6)
    cells[0].metric("R1, catch", degrees(found.r1_deg), help="Joint angle of the catch in fast stretches.")
    cells[1].metric("R2, slow end", degrees(found.r2_deg), help="Joint angle at the end of the slow stretch.")
    cells[2].metric("Spasticity angle", degrees(found.spasticity_angle_deg), help="R2 − R1 along the stretch.")
    cells[3].metric(
        "Tardieu X",
        ABSENT if found.x is None else str(found.x),
        help="Quality of the muscle reaction, 0 (no resistance) to 4 (clonus that does not tire).",
    )
    cells[4].metric(
        "Peak resistance",
        number(found.peak_Nm, " N·m", digits=1),
        help="Largest resistance in fast stretches; only with a force sensor.",
    )
    cells[5].metric("Most probable grade", found.grade or ABSENT, help="Modified Ashworth scale.")


def _movement(exam: Exam, finding: Mapping[str, Any]) -> None:
    st.subheader("Movement", anchor=False)
    if exam.video is not None:
        exam_player(exam)
    if exam.series is not None:
        st.echarts_chart(
            movement_chart(exam.series, finding),
            height=MOVEMENT_HEIGHT,
            alt="Joint angle and angular velocity over time with the stretches, the catch, R1 and R2",
        )
    _stretch_table(finding["stretches"])
    if said := repetitions(finding):
        st.caption(said)


def _stretch_table(stretches: Sequence[Mapping[str, Any]]) -> None:
    if not stretches:
        st.info("No passive stretch was found in this recording.", icon=":material/info:")
        return
    st.dataframe(
        [_stretch_row(place, stretch) for place, stretch in enumerate(stretches, start=1)],
        hide_index=True,
        height="content",
        alt="The stretches of this recording",
    )


def _stretch_row(place: int, stretch: Mapping[str, Any]) -> dict[str, str]:
    catch, resistance = stretch["catch"], stretch["resistance"]
    return {
        "Stretch": str(place),
        "Time": f"{stretch['start_s']:.2f}–{stretch['end_s']:.2f} s",
        "From": degrees(stretch["start_deg"]),
        "To": degrees(stretch["end_deg"]),
        "Peak velocity": f"{stretch['peak_velocity_deg_s']:.0f} °/s",
        "Class": stretch["velocity"],
        "Catch": ABSENT if catch is None else degrees(catch["angle_deg"]),
        "Probability": ABSENT if catch is None else f"{catch['probability']:.2f}",
        "Peak resistance": ABSENT if resistance is None else number(resistance["peak_Nm"], " N·m", digits=2),
        "Peak excess": ABSENT if resistance is None else number(resistance["peak_excess_Nm"], " N·m", digits=2),
        "Left out because": "; ".join(stretch["quality"]),
    }


def _resistance(exam: Exam, finding: Mapping[str, Any]) -> None:
    drawn = None if exam.series is None else resistance_chart(exam.series.curves, finding["stretches"])
    st.subheader("Resistance", anchor=False)
    if drawn is None:
        st.caption("No force was recorded: moments are not known. Catch and grade come from the movement alone.")
        return
    st.echarts_chart(
        drawn, height=RESISTANCE_HEIGHT, alt="Resistance against the angle along the stretch, beside a healthy limb"
    )


def _grade(finding: Mapping[str, Any]) -> None:
    st.subheader("Grade", anchor=False)
    if finding["mas"] is None:
        st.caption("This recording was not graded; the notes below say why.")
        return
    drawn = grade_chart([("probability", finding["mas"], ANGLE)])
    st.echarts_chart(drawn, height=GRADE_HEIGHT, alt="Probability of each modified Ashworth grade")
    st.caption(
        f"In full colour: {', '.join(finding['mas']['set90'])}: nine in ten times the true grade is one of them."
    )


def _pendulum(finding: Mapping[str, Any]) -> None:
    pendulum = finding["pendulum"]
    if pendulum is None:
        return
    st.subheader("Pendulum test", anchor=False)
    cells = st.columns(4)
    cells[0].metric("Relaxation index", number(pendulum["relaxation_index"], digits=2))
    cells[1].metric("R2n", number(pendulum["r2n"], digits=2))
    cells[2].metric("Swings", str(pendulum["swings"]))
    cells[3].metric("Period", number(pendulum["period_s"], " s", digits=2))


def _quality(finding: Mapping[str, Any]) -> None:
    st.subheader("Quality", anchor=False)
    angle = finding["angle"]
    st.caption(
        f"From {', '.join(finding['sources'])}; {angle['n']} samples at {angle['rate_hz']:.4g} Hz; zero of the angle: "
        f"{plain(angle['zero'])}."
    )
    for warning in finding["warnings"]:
        st.warning(verbatim(warning), icon=":material/warning:")
    if not finding["warnings"]:
        st.success("Nothing limits this finding.", icon=":material/check:")


def _again(store: Store, exam: Exam) -> None:
    row = exam.assessment
    if row is not None:
        st.caption(f"Analysed {row.made_at:%Y-%m-%d %H:%M} by version {row.version}; {exam.assessments} in all.")
    if st.button("Analyse again", icon=":material/refresh:", help="Adds a new finding; earlier ones stay."):
        with waiting("analysing …") as on_progress:
            reanalyse(store, exam.recording, on_progress)
        st.rerun()


def _show() -> None:
    store = open_store()
    asked = st.segmented_control(
        "What do you want to do?",
        [LOOK, FILM],
        default=LOOK,
        required=True,
        key=MODE,
        label_visibility="collapsed",
    )
    if asked == FILM:
        film_panel(store)
    else:
        _look(store)


def _look(store: Store) -> None:
    patients = store.patients()
    if not patients:
        no_patients()
        return
    left, right = st.columns([1, 2])
    with left:
        patient = choose_patient(patients)
    with right:
        chosen = choose_recording(store, store.sessions(patient.code))
    if chosen is None:
        st.info("This patient has no exams yet: open **Patients** and add a recording.", icon=":material/info:")
        return
    exam = open_exam(store, *chosen)
    if exam.patient.simulated:
        st.badge("simulated", icon=":material/science:", color="violet")
    st.markdown(
        f"**{limb_label(exam.recording).capitalize()}**, {protocol(exam.recording.test.value)}, "
        f"{exam.session.phase.label.lower()}, {exam.session.started_at:%Y-%m-%d %H:%M}"
    )
    _finding(store, exam)


def _finding(store: Store, exam: Exam) -> None:
    if exam.assessment is None or exam.reading is None:
        st.info("This recording has not been analysed yet.", icon=":material/info:")
        if exam.video is not None:
            exam_player(exam)
        _again(store, exam)
        return
    finding = exam.assessment.finding
    _figures(exam.reading)
    wide, narrow = st.columns([7, 3], gap="large")
    with wide:
        _movement(exam, finding)
        _pendulum(finding)
        _resistance(exam, finding)
    with narrow:
        _grade(finding)
        rating_form(store, exam)
        _quality(finding)
        _again(store, exam)
    with st.expander("How to read this page", icon=":material/help:"):
        st.markdown(METHOD)


with page("Exam", "One recording: the movement, the catch, the resistance and the grade."):
    _show()
