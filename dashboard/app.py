"""The dashboard: which pages there are, in which order, under which addresses."""

from pathlib import Path

import streamlit as st

ICON = Path(__file__).parent / "components" / "icon.png"

st.set_page_config(page_title="catchangle", page_icon=str(ICON), layout="wide")
st.logo(str(ICON))
st.navigation(
    [
        st.Page("pages/patients.py", title="Patients", icon=":material/groups:", url_path="patients", default=True),
        st.Page("pages/exam.py", title="Exam", icon=":material/monitoring:", url_path="exam"),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:", url_path="compare"),
        st.Page("pages/cohort.py", title="Cohort", icon=":material/scatter_plot:", url_path="cohort"),
    ],
    position="top",
).run()
