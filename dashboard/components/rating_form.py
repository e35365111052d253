"""The rater's own grade, next to the objective one and never replaced by it."""

from types import MappingProxyType

import streamlit as st

from dashboard.services.exams import Exam
from dashboard.services.wording import verbatim
from records.rows import SCALES
from records.store import Store

__all__ = ["SCALE_NAMES", "rating_form"]

SCALE_NAMES = MappingProxyType(
    {"mas": "Modified Ashworth (0–4)", "ashworth_0_4": "Ashworth (0–4)", "ashworth_1_5": "Ashworth (1–5)"}
)


def rating_form(store: Store, exam: Exam) -> None:
    """List the raters' grades of an exam and take another one."""
    st.markdown("**Rater's own grade**")
    for rating in exam.ratings:
        st.caption(
            f"{verbatim(rating.rater)}: **{verbatim(rating.grade)}** on {SCALE_NAMES.get(rating.scale, rating.scale)}, "
            f"{rating.given_at:%Y-%m-%d}"
        )
    with st.popover("Enter a grade", icon=":material/edit:"):
        scale = st.selectbox("Scale", list(SCALES), format_func=lambda one: SCALE_NAMES.get(one, one))
        grade = st.segmented_control("Grade", SCALES[scale], key=f"grade-{scale}-{exam.recording.id}")
        rater = st.text_input("Rater", placeholder="R1", help="A code of yours, never a name.")
        if st.button("Keep this grade", type="primary", disabled=grade is None or not rater.strip()):
            store.add_rating(exam.recording.id, rater=rater.strip(), scale=scale, grade=str(grade))
            st.rerun()
