"""A person's walk through the dashboard in a real browser, listening for what goes wrong on the way."""

import http.client
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from analysis.finding import Assessment
from analysis.model import Side, Subject
from analysis.muscles import MuscleGroup
from dashboard.services.samples import CLIPS
from dashboard.services.serving import Serving, serving_at, wait_until_healthy
from records.folder import bare_file
from records.rows import Phase
from records.store import Store

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE_MS = 120_000
ANALYSIS_MS = 600_000
PRESSES = 4
NOTICE = "Research software, not a medical device"
# Streamlit's page looks for its server below the page's own address first, and finds it at the root.
EXPECTED_MISSES = ("/_stcore/health", "/_stcore/host-config")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)"),
]


@contextmanager
def serving(home: Path) -> Iterator[Serving]:
    """Serve the dashboard over a data folder as the command does."""
    where = serving_at("127.0.0.1", 0)
    command = [sys.executable, "-m", "dashboard.cli", "serve", "--port", str(where.port), "--home", str(home)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_until_healthy(where, alive=lambda: process.poll() is None)
        yield where
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def server(clinic: Store) -> Iterator[Serving]:
    """Serve three patients before and after."""
    with serving(clinic.home) as where:
        yield where


class Witness:
    """Notes what a page asks for and complains of."""

    def __init__(self, page: "playwright.Page", where: Serving) -> None:
        self.strangers: list[str] = []
        self.complaints: list[str] = []
        self._host = f"{where.address}:{where.port}"
        page.on("request", self._asked)
        page.on("response", self._answered)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _asked(self, request: "playwright.Request") -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self._host:
            self.strangers.append(request.url)

    def _answered(self, response: "playwright.Response") -> None:
        if response.status >= 400 and not response.url.endswith(EXPECTED_MISSES):
            self.complaints.append(f"{response.status} {response.url}")

    def _said(self, message: "playwright.ConsoleMessage") -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


def shown(page: "playwright.Page", text: str) -> None:
    page.get_by_text(text).first.wait_for(timeout=PATIENCE_MS)


def start_recording(page: "playwright.Page") -> None:
    """Press the button as a person does: once more if the page was just being drawn and did not take it."""
    stop = page.get_by_role("button", name="Stop and analyse")
    for _ in range(PRESSES):
        try:
            page.get_by_role("button", name="Start recording").click(timeout=PATIENCE_MS / PRESSES)
            stop.wait_for(timeout=PATIENCE_MS / PRESSES)
        except playwright.TimeoutError:
            continue
        return
    stop.wait_for(timeout=PATIENCE_MS)


def settled(page: "playwright.Page", folder: Path, name: str) -> None:
    shown(page, NOTICE)
    assert page.get_by_text(NOTICE).count() == 1
    assert page.get_by_test_id("stException").count() == 0
    page.screenshot(path=folder / f"{name}.png", full_page=True)
    assert (folder / f"{name}.png").stat().st_size > 10_000


def test_patients_to_exam_to_compare_to_cohort(server: Serving, tmp_path: Path) -> None:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 1100})
        witness = Witness(page, server)

        page.goto(f"{server.url}/patients?patient=P002", timeout=PATIENCE_MS)
        shown(page, "Baseline, 2024-01-31")
        settled(page, tmp_path, "patients")

        page.get_by_text("left elbow flexors: grade 3").first.click()
        shown(page, "Rater's own grade")
        shown(page, "80.0°")
        page.locator("canvas").first.wait_for(timeout=PATIENCE_MS)
        assert "patient=P002" in page.url
        settled(page, tmp_path, "exam")

        page.get_by_role("link", name="Compare").first.click()
        shown(page, "What changed")
        shown(page, "−20.0°")
        assert "patient=P002" in page.url, "the patient is kept from page to page"
        settled(page, tmp_path, "compare")

        page.get_by_role("link", name="Cohort").first.click()
        shown(page, "Before against after")
        shown(page, "−20.0 (−25.0 to −15.0)")
        settled(page, tmp_path, "cohort")

        browser.close()
    assert witness.strangers == [], "nothing is asked of other hosts"
    assert witness.complaints == []


def test_the_video_and_its_curve_share_one_cursor(
    home: Path, make_assessment: Callable[..., Assessment], tmp_path: Path
) -> None:
    with Store.open(home) as store:
        film = replace(
            bare_file(CLIPS / "elbow_a.mp4", MuscleGroup.ELBOW_FLEXORS, Side.LEFT), subject=Subject(code="P001")
        )
        store.save_patient(film.subject)
        session = store.add_session("P001", Phase.BASELINE, datetime(2024, 1, 31, tzinfo=UTC))
        recording = store.import_recording(session.id, film)
        store.save_assessment(recording.id, make_assessment(), version="0.0.0")
    with serving(home) as where, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 1100})
        witness = Witness(page, where)
        page.goto(f"{where.url}/exam?patient=P001&recording={recording.id}", timeout=PATIENCE_MS)
        page.get_by_role("link", name="Cohort").first.wait_for(timeout=PATIENCE_MS)
        assert page.get_by_role("link", name="app", exact=True).count() == 0, "the first page asked for is framed too"
        video = page.locator("video")
        video.wait_for(timeout=PATIENCE_MS)
        page.wait_for_function("() => document.querySelector('canvas')", timeout=PATIENCE_MS)
        seconds = "video => new Promise(done => { const look = () => video.readyState >= 2 ? done(video.duration) : "
        duration = video.evaluate(seconds + "setTimeout(look, 100); look(); })")
        assert duration > 5, "the clip is there and can be played"
        strip = page.get_by_role("img", name="Joint angle over time; a click shows that moment in the video")
        strip.scroll_into_view_if_needed()
        box = strip.bounding_box()
        assert box is not None
        strip.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
        page.wait_for_timeout(1000)
        middle = video.evaluate("video => video.currentTime")
        assert 3.0 < middle < 5.0, "a click in the middle of the curve shows its middle"
        readout = page.get_by_label("Time and joint angle of the frame shown").text_content()
        assert readout is not None
        assert abs(float(readout.split(" s")[0]) - middle) < 0.1
        settled(page, tmp_path, "exam-video")
        browser.close()
    assert witness.strangers == []
    assert witness.complaints == []


def test_a_foreign_host_name_is_refused(server: Serving) -> None:
    """A page of another site that maps its name to this machine must not reach the dashboard (DNS rebinding)."""
    connection = http.client.HTTPConnection(server.address, server.port, timeout=20)
    for path, host, status in (("/", "evil.example", 400), ("/", f"127.0.0.1:{server.port}", 200)):
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.request("GET", "/exam-video/0123456789abcdef?ticket=1.2")
    assert connection.getresponse().status == 403, "a video needs a ticket"
    connection.close()


@pytest.mark.slow
def test_an_exam_is_filmed_from_the_page(home: Path, tmp_path: Path) -> None:
    """Look through the camera (a clip in its place), tap the patient, record, and open what was found."""
    with serving(home) as where, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 1100})
        witness = Witness(page, where)
        page.goto(f"{where.url}/exam", timeout=PATIENCE_MS)
        page.get_by_text("Record an exam").click(timeout=PATIENCE_MS)
        page.get_by_text("A video file in its place").click(timeout=PATIENCE_MS)
        page.get_by_role("textbox", name="Path of the video file").fill(str(CLIPS / "elbow_a.mp4"))
        page.get_by_role("textbox", name="Patient code").fill("P001")
        page.get_by_role("button", name="Open the camera").click()
        words = page.get_by_label("Joint angle and velocity now")
        words.filter(has_text="°").wait_for(timeout=PATIENCE_MS)
        picture = page.get_by_role("button", name="Picture of the camera")
        assert picture.evaluate("image => image.naturalWidth") > 100, "the camera's picture is there"
        box = picture.bounding_box()
        assert box is not None
        picture.click(position={"x": 0.02 * box["width"], "y": 0.02 * box["height"]})
        shown(page, "Nobody was seen there")
        picture.click(position={"x": 0.57 * box["width"], "y": 0.5 * box["height"]})
        shown(page, "The patient is who you tapped on")
        start_recording(page)
        page.get_by_label("What the camera is doing").filter(has_text="recording").wait_for(timeout=PATIENCE_MS)
        page.screenshot(path=tmp_path / "filming.png")
        page.get_by_text("kept under P001").first.wait_for(timeout=ANALYSIS_MS)  # the clip ends, and the recording
        page.get_by_role("button", name="Open the exam").click()
        shown(page, "Rater's own grade")
        settled(page, tmp_path, "filmed")
        browser.close()
    assert witness.strangers == []
    assert witness.complaints == []
    assert list((home / "filmed").iterdir()) == [], "what the store holds is not kept twice"


def connect_emulated_goniometer(page: "playwright.Page", where: Serving) -> None:
    page.goto(f"{where.url}/exam", timeout=PATIENCE_MS)
    page.get_by_text("Record an exam").click(timeout=PATIENCE_MS)
    page.get_by_text("No camera", exact=True).click()
    page.get_by_text("Try without hardware").click()
    shown(page, "Emulated set")
    page.get_by_role("textbox", name="Patient code").fill("V001")
    page.get_by_role("button", name="Connect the sensors").click()
    page.get_by_label("What the sensors are doing").filter(has_text="live").wait_for(timeout=PATIENCE_MS)
    page.get_by_test_id("stButtonGroup").get_by_text("V3", exact=True).click()
    shown(page, "from one beat to the next")


def assert_a_simulated_exam_with_slow_and_fast_stretches(home: Path) -> None:
    with Store.open(home) as store:
        (patient,) = store.patients()
        assert patient.simulated
        (recording,) = store.recordings(store.sessions("V001")[0].id)
        assessment = store.latest_assessment(recording.id)
        assert assessment is not None
        assert {"V1", "V3"} <= {one["velocity"] for one in assessment.finding["stretches"]}


@pytest.mark.slow
def test_an_exam_of_emulated_sensors_is_watched_recorded_and_analysed(home: Path, tmp_path: Path) -> None:
    """See the angle of a virtual elbow move, the verdict on a slow stretch, and the finding after the stop."""
    pytest.importorskip("bumble")
    with serving(home) as where, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 1100})
        witness = Witness(page, where)
        connect_emulated_goniometer(page, where)
        start_recording(page)
        angle = page.get_by_label("Joint angle from the sensors")
        angle.filter(has_text="1").wait_for(timeout=PATIENCE_MS)
        before = angle.text_content()
        verdict = page.get_by_label("Verdict on the repetition")
        verdict.filter(has_text="too slow for V3").wait_for(timeout=PATIENCE_MS)
        assert "of 150 °/s, repeat" in (verdict.text_content() or "")
        assert angle.text_content() != before, "the angle has moved"
        shown(page, "two-way")
        page.screenshot(path=tmp_path / "sensors.png")
        verdict.filter(has_text="good").wait_for(timeout=PATIENCE_MS)
        page.wait_for_timeout(4000)
        page.get_by_role("button", name="Stop and analyse").click()
        page.get_by_text("kept under V001").first.wait_for(timeout=ANALYSIS_MS)
        page.get_by_role("button", name="Open the exam").click()
        shown(page, "Rater's own grade")
        page.locator("canvas").first.wait_for(timeout=PATIENCE_MS)
        settled(page, tmp_path, "sensors-exam")
        browser.close()
    assert witness.strangers == []
    assert witness.complaints == []
    assert_a_simulated_exam_with_slow_and_fast_stretches(home)
