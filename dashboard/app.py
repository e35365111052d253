"""The dashboard: which pages there are, in which order, under which addresses."""

import streamlit as st

st.set_page_config(page_title="catchangle", page_icon=":material/accessibility_new:", layout="wide")
st.navigation(
    [
        st.Page("pages/patients.py", title="Patients", icon=":material/groups:", url_path="patients", default=True),
        st.Page("pages/exam.py", title="Exam", icon=":material/monitoring:", url_path="exam"),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:", url_path="compare"),
        st.Page("pages/cohort.py", title="Cohort", icon=":material/scatter_plot:", url_path="cohort"),
    ],
    position="top",
).run()
