"""Every page, empty and with patients whose findings were put there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analysis.finding import Assessment
from dashboard.components.rehearsal import PAGES
from dashboard.services.cohort import CohortChoice, compare_cohort
from records.rows import Phase
from records.store import Store

streamlit_testing = pytest.importorskip("streamlit.testing.v1")
APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
NOTICE = "Research software, not a medical device"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    """Let each test open its own store: the pages keep theirs open for as long as the process runs."""
    import streamlit as st  # noqa: PLC0415 (only the tests of pages may load it)

    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def render(name: str, **query: str) -> "streamlit_testing.AppTest":
    page = streamlit_testing.AppTest.from_file(APP, default_timeout=60)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    if name != PAGES[0]:
        page.switch_page(f"pages/{name}.py")
        for key, value in query.items():
            page.query_params[key] = value
        page.run()
    assert not page.exception, page.exception
    return page


def said(page: "streamlit_testing.AppTest") -> str:
    parts = [*page.title, *page.markdown, *page.caption, *page.info, *page.error, *page.warning, *page.success]
    return "\n".join(str(part.value) for part in parts)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("name", PAGES)
def test_an_empty_page_says_what_to_do(name: str) -> None:
    page = render(name)
    assert not page.error
    assert "catchangle demo" in said(page)


@pytest.mark.parametrize("name", PAGES)
def test_the_notice_stands_once(clinic: Store, name: str) -> None:
    assert clinic.patients()
    page = render(name)
    assert not page.error
    assert said(page).count(NOTICE) == 1


@pytest.mark.usefixtures("clinic")
def test_patients_are_listed_with_sessions_and_grades() -> None:
    page = render("patients", patient="P002")
    table = page.dataframe[0].value
    assert list(table["Patient"]) == ["P001", "P002", "P003"]
    assert list(table["Last grades"]) == ["1+", "1+", "1+"]
    assert page.selectbox(key="choice-patient").value == "P002"
    assert "Baseline, 2024-01-31" in said(page)


def test_a_link_opens_the_exam_that_it_names(clinic: Store) -> None:
    baseline = clinic.recordings(clinic.sessions("P003")[0].id)[0]
    page = render("exam", patient="P003", recording=baseline.id)
    figures = {metric.label: metric.value for metric in page.metric}
    assert figures["R1, catch"] == "80.0°"
    assert figures["R2, slow end"] == "20.0°"
    assert figures["Spasticity angle"] == "60.0°"
    assert figures["Peak resistance"] == "7.0 N·m"
    assert figures["Most probable grade"] == "3"
    assert "In full colour: 2, 3, 4" in said(page)


def test_warnings_are_shown_as_text_and_not_interpreted(
    clinic: Store, make_assessment: Callable[..., Assessment]
) -> None:
    recording = clinic.recordings(clinic.sessions("P001")[0].id)[0]
    hostile = "![x](http://example.org/x.png) <b>bold</b> $x$"
    clinic.save_assessment(recording.id, make_assessment(code="P001", warnings=(hostile,)), version="0.0.0")
    page = render("exam", patient="P001", recording=recording.id)
    (shown,) = [str(warning.value) for warning in page.warning]
    assert hostile not in shown
    assert r"\!\[x\]" in shown


def test_a_rater_grades_next_to_the_objective_grade(clinic: Store) -> None:
    recording = clinic.recordings(clinic.sessions("P001")[0].id)[0]
    page = render("exam", patient="P001", recording=recording.id)
    clinic.add_rating(recording.id, rater="R1", scale="mas", grade="1+")
    page.run()
    assert "R1: **1\\+** on Modified Ashworth" in said(page)
    assert {metric.label: metric.value for metric in page.metric}["Most probable grade"] == "3"


def test_analysing_again_adds_a_finding_and_keeps_the_old_one(clinic: Store) -> None:
    recording = clinic.recordings(clinic.sessions("P001")[0].id)[0]
    page = render("exam", patient="P001", recording=recording.id)
    next(button for button in page.button if button.label == "Analyse again").click()
    page.run(timeout=120)
    assert not page.exception
    assert not page.error
    assert len(clinic.assessments(recording.id)) == 2
    assert "2 in all" in said(page)


@pytest.mark.usefixtures("clinic")
def test_compare_shows_the_change_of_each_measure() -> None:
    page = render("compare", patient="P002")
    table = page.table[0].value.set_index("Measure")
    assert list(table.loc["R1, angle of catch", ["Before", "After", "Change"]]) == ["80.0°", "60.0°", "−20.0°"]
    assert table.loc["R2, end of the slow stretch", "Change"] == "0.0°"
    assert table.loc["Spasticity angle, R2 − R1", "Change"] == "−20.0°"


def test_cohort_shows_what_the_service_found(clinic: Store) -> None:
    expected = compare_cohort(clinic, CohortChoice(before=Phase.BASELINE, after=Phase.YEAR_1, simulated=False))
    page = render("cohort")
    table = page.table[0].value
    assert list(table["n"]) == [str(result.n) for result in expected]
    assert table["Change"][0] == "−20.0 (−25.0 to −15.0)"
    assert table["p"][0] == "0.250"


def test_a_recording_comes_in_by_its_path(store: Store, write_recording: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "visit", code="X9")
    page = render("patients")
    fields = {field.label: field for field in page.text_input}
    fields["Path"].set_value(str(folder))
    fields["Patient code"].set_value("P777")
    page.button[0].click()
    page.run(timeout=120)
    assert not page.exception
    assert not page.error, said(page)
    (session,) = store.sessions("P777")
    (recording,) = store.recordings(session.id)
    assert recording.name == "visit"
    assert store.latest_assessment(recording.id) is not None


@pytest.mark.parametrize(
    ("path", "code", "complaint"),
    [("/nowhere/at/all", "P1", "no such file"), ("/nowhere", "", "code is missing"), ("", "P1", "enter a path")],
)
def test_what_cannot_come_in_is_said_in_a_sentence(store: Store, path: str, code: str, complaint: str) -> None:
    page = render("patients")
    fields = {field.label: field for field in page.text_input}
    fields["Path"].set_value(path)
    fields["Patient code"].set_value(code)
    page.button[0].click()
    page.run(timeout=60)
    assert not page.exception
    (error,) = [str(one.value) for one in page.error]
    assert complaint in error
    assert store.patients() == ()
