"""Cohort: all patients, before against after."""

import streamlit as st

from analysis.muscles import MuscleGroup
from dashboard.charts.slope import slope_chart
from dashboard.components.choosing import no_patients
from dashboard.components.guard import page
from dashboard.components.workspace import open_store
from dashboard.services.cohort import CohortChoice, CohortResult, compare_cohort
from dashboard.services.wording import ABSENT, number, plain, signed
from records.rows import Phase
from records.store import Store

CHART_HEIGHT = 320
ALL = "all"


def _choose(store: Store) -> CohortChoice:
    cells = st.columns(4)
    phases = list(Phase)
    before = cells[0].selectbox("Before", phases, index=0, format_func=lambda one: one.label)
    after = cells[1].selectbox("After", phases, index=phases.index(Phase.YEAR_1), format_func=lambda one: one.label)
    group = cells[2].selectbox("Muscle group", [ALL, *MuscleGroup], format_func=lambda one: plain(str(one)))
    kinds = sorted({patient.simulated for patient in store.patients()})
    simulated = cells[3].selectbox(
        "Patients",
        kinds,
        format_func=lambda one: "simulated" if one else "real",
        help="Simulated and real patients are never mixed.",
    )
    if simulated:
        st.badge("simulated", icon=":material/science:", color="violet")
    return CohortChoice(
        before=before, after=after, simulated=simulated, muscle_group=None if group == ALL else MuscleGroup(group)
    )


def _table(results: tuple[CohortResult, ...], choice: CohortChoice) -> None:
    st.subheader("Before against after", anchor=False)
    st.table([_row(result, choice) for result in results], border="horizontal", hide_index=True)
    st.caption(
        "n counts patients examined in both phases who show the measure in both; each counts once. Median (lower to "
        "upper quartile). p: Wilcoxon signed-rank test, two-sided, by permutation of signs, not corrected for the "
        "number of measures. Grades enter by their rank: 0, 1, 1+, 2, 3, 4 are ranks 0 to 5."
    )


def _row(result: CohortResult, choice: CohortChoice) -> dict[str, str]:
    digits = result.measure.digits
    return {
        "Measure": f"{result.measure.name} ({'rank' if result.measure.ticks else result.measure.unit})",
        "n": str(result.n),
        "Not shown in both": str(result.without),
        choice.before.label: _spread(result.before_quartiles, digits),
        f"{choice.after.label} ": _spread(result.after_quartiles, digits),
        "Change": _change(result.change_quartiles, digits),
        "p": _p(result),
    }


def _spread(quartiles: tuple[float, float, float] | None, digits: int) -> str:
    if quartiles is None:
        return ABSENT
    low, middle, high = (number(one, digits=digits) for one in quartiles)
    return f"{middle} ({low} to {high})"


def _change(quartiles: tuple[float, float, float] | None, digits: int) -> str:
    if quartiles is None:
        return ABSENT
    low, middle, high = (signed(one, digits=digits) for one in quartiles)
    return f"{middle} ({low} to {high})"


def _p(result: CohortResult) -> str:
    if result.p is None:
        return ABSENT
    return f"{result.p:.3f}" if result.exact else f"{result.p:.3f} (sampled)"


def _charts(results: tuple[CohortResult, ...], choice: CohortChoice) -> None:
    shown = [result for result in results if result.n]
    for place in range(0, len(shown), 2):
        for column, result in zip(st.columns(2, gap="large"), shown[place : place + 2], strict=False):
            with column:
                unit = "" if result.measure.ticks else f" ({result.measure.unit})"
                st.markdown(f"**{result.measure.name}{unit}**")
                st.echarts_chart(
                    slope_chart(
                        result.pairs,
                        before=choice.before.label,
                        after=choice.after.label,
                        ticks=result.measure.ticks,
                    ),
                    height=CHART_HEIGHT,
                    alt=f"{result.measure.name} of each patient before and after",
                )


def _show() -> None:
    store = open_store()
    if not store.patients():
        no_patients()
        return
    choice = _choose(store)
    if choice.before is choice.after:
        st.info("Before and after are the same phase: choose two different ones.", icon=":material/info:")
        return
    results = compare_cohort(store, choice)
    if not any(result.n for result in results):
        st.info(
            "No patient has been examined in both phases yet: choose other phases or another muscle group.",
            icon=":material/info:",
        )
        return
    _table(results, choice)
    _charts(results, choice)


with page("Cohort", "All patients, before against after: one line is one patient."):
    _show()
