"""Words, tickets, addresses, uploads and health."""

import math
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.cli.arguments import parse_box
from dashboard.errors import DashboardError, UsageError
from dashboard.services import health
from dashboard.services.health import HealthParams, Verdict, check_health
from dashboard.services.intake import Uploaded, place_uploads
from dashboard.services.privacy import PRIVACY
from dashboard.services.serving import serving_at
from dashboard.services.tickets import Tickets
from dashboard.services.wording import degrees, number, repetitions, signed, verbatim
from records.store import DATABASE_NAME


@pytest.mark.parametrize(
    ("value", "said"), [(None, "–"), (math.nan, "–"), (-0.04, "0.0°"), (-3.25, "−3.2°"), (12.0, "12.0°")]
)
def test_angles_are_said_with_a_real_minus(value: float | None, said: str) -> None:
    assert degrees(value) == said


def test_a_difference_has_its_sign() -> None:
    assert (signed(2.0, "°"), signed(-2.0, "°"), signed(0.01, "°")) == ("+2.0°", "−2.0°", "0.0°")
    assert number(1.234, " N·m", digits=2) == "1.23 N·m"


def test_repetitions_are_told_with_their_spread_where_there_are_some() -> None:
    found = {"fast": 3, "peak_velocity_deg_s": 310.2, "peak_velocity_cv": 0.12, "r1_sd_deg": 2.5, "r2_sd_deg": None}
    said = repetitions({"repeatability": found})
    assert "3 fast stretches" in said
    assert "310 °/s" in said
    assert "12%" in said
    assert "R1 2.5°" in said
    assert "R2" not in said
    assert repetitions({"repeatability": {**found, "peak_velocity_cv": None}}) == repetitions({}) == ""


@given(st.text())
def test_verbatim_leaves_nothing_that_markdown_reads(text: str) -> None:
    said = verbatim(text)
    bare = said.replace("\\\\", "")
    for letter in "`*_[]<>:$":
        assert bare.count(letter) == bare.count(f"\\{letter}")


def test_a_ticket_is_good_for_its_subject_and_time_only() -> None:
    now = 1000.0
    tickets = Tickets(lifetime_s=60, clock=lambda: now)
    ticket = tickets.issue("rec-1")
    assert tickets.admits("rec-1", ticket)
    assert not tickets.admits("rec-2", ticket)
    assert not Tickets(lifetime_s=60, clock=lambda: now).admits("rec-1", ticket), "another server, another secret"
    now = 1061.0
    assert not tickets.admits("rec-1", ticket)


@pytest.mark.parametrize("forged", ["", ".", "x.y", "99999999999.", "²²²²²²²²²²².abc", "99999999999.00"])
def test_a_forged_ticket_is_refused(forged: str) -> None:
    assert not Tickets().admits("rec-1", forged)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.4", "::", "clinic.local"])  # noqa: S104 - what is refused
def test_the_dashboard_listens_to_this_machine_only(address: str) -> None:
    with pytest.raises(DashboardError, match="--address"):
        serving_at(address, 0)


def test_a_free_port_is_found_and_a_taken_one_refused() -> None:
    where = serving_at("localhost", 0)
    assert where.url == f"http://127.0.0.1:{where.port}"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(DashboardError, match="--port"):
            serving_at("127.0.0.1", taken.getsockname()[1])


def test_usage_statistics_and_help_links_are_off() -> None:
    assert PRIVACY["browser.gatherUsageStats"] is False
    assert PRIVACY["client.showErrorLinks"] is False
    assert PRIVACY["client.showErrorDetails"] == "none"


@pytest.mark.parametrize(
    "name", ["../x.mp4", "a/b.mp4", "a\x00.mp4", "<img onerror>.mp4", ".hidden", "", "..\\win.mp4"]
)
def test_an_upload_never_chooses_its_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(DashboardError, match="rename"):
        place_uploads([Uploaded(name=name, content=b"x")], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_file_is_a_recording_and_several_need_their_manifest(tmp_path: Path) -> None:
    one = Uploaded(name="elbow.mp4", content=b"x")
    assert place_uploads([one], tmp_path) == tmp_path / "elbow.mp4"
    with pytest.raises(DashboardError, match=r"recording\.json"):
        place_uploads([one, Uploaded(name="b.csv", content=b"x")], tmp_path)
    assert place_uploads([one, Uploaded(name="recording.json", content=b"{}")], tmp_path) == tmp_path


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,x", "1,2,0,4", "-1,2,3,4", "nan,1,2,3"])
def test_a_box_without_four_numbers_or_area_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--patient-box"):
        parse_box(text)


def test_a_box_is_read() -> None:
    assert parse_box("10,20, 30.5,40") == (10.0, 20.0, 30.5, 40.0)
    assert parse_box(None) is None


def verdicts(home: Path) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in check_health(home)}


def test_a_second_cv2_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    owners = {"cv2": ["opencv-python", "opencv-contrib-python"]}
    monkeypatch.setattr(health.metadata, "packages_distributions", lambda: owners)
    (clash,) = [check for check in check_health(tmp_path) if check.name == "cv2"]
    assert clash.verdict is Verdict.BROKEN
    assert "pip uninstall" in clash.advice


def test_a_mediapipe_that_reports_its_use_is_broken(tmp_path: Path) -> None:
    quiet = HealthParams(quiet_mediapipe=(0, 10, 33))
    (found,) = [check for check in check_health(tmp_path, quiet) if check.name == "mediapipe"]
    assert found.verdict is Verdict.BROKEN


def test_a_changed_model_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "SHA256SUMS").write_text(f"{'0' * 64}  a.task\n{'1' * 64}  b.task\n", encoding="ascii")
    (models / "a.task").write_bytes(b"changed")
    monkeypatch.setattr(health, "files", lambda _package: tmp_path)
    found = verdicts(tmp_path)
    assert found["pose model a.task"] is Verdict.BROKEN, "its content differs"
    assert found["pose model b.task"] is Verdict.BROKEN, "it is missing"


def test_a_damaged_database_is_broken(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(b"no database at all" * 100)
    assert verdicts(tmp_path)["database"] is Verdict.BROKEN


def test_a_sound_database_is_in_order(home: Path, store: object) -> None:
    assert store is not None
    assert verdicts(home)["database"] is Verdict.OK
