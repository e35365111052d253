"""What is put into the store comes out again."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from analysis.finding import Assessment
from analysis.model import Sex, Side, Subject
from analysis.muscles import MuscleGroup
from capture.landmarks import LandmarkTracks
from records.errors import RecordError, StoreError
from records.folder import bare_file, read_folder
from records.home import HOME_VARIABLE
from records.rows import Phase, RecordingRow
from records.store import Store
from records.tables import read_columns

FolderMaker = Callable[..., Path]
Planted = Callable[..., Assessment]
MORNING = datetime(2026, 1, 31, 10, 0, tzinfo=timezone(timedelta(hours=1)))
ANGLE = {"kind": "angle", "file": "angle.csv"}


def imported(store: Store, folder: Path) -> RecordingRow:
    store.save_patient(Subject(code="P001"))
    return store.import_recording(store.add_session("P001", Phase.BASELINE, MORNING).id, read_folder(folder))


def files(home: Path) -> list[str]:
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())


def test_patients_come_back_and_fill_in(store: Store) -> None:
    assert store.patients() == ()
    store.save_patient(Subject(code="P2", sex=Sex.MALE))
    store.save_patient(Subject(code="P1", body_mass_kg=61.5), simulated=True)
    store.save_patient(Subject(code="P2", height_m=1.8))
    assert [one.code for one in store.patients()] == ["P1", "P2"]
    second = store.patient("P2")
    assert (second.sex, second.height_m, second.body_mass_kg, second.simulated) == (Sex.MALE, 1.8, None, False)
    assert store.patient("P1").simulated
    assert store.patient("P2").subject == Subject(code="P2", sex=Sex.MALE, height_m=1.8)


@pytest.mark.parametrize("code", ["Jan Novak", "unknown", "../P1", "P" * 33, "Nováková", "P1\n", "-P1"])
def test_what_could_be_a_name_or_a_path_is_no_code(store: Store, code: str) -> None:
    with pytest.raises(StoreError, match="no patient code") as error:
        store.save_patient(Subject(code=code))
    assert "\n" not in str(error.value)
    assert store.patients() == ()


def test_simulated_and_real_patients_stay_apart(store: Store, folder: Path) -> None:
    store.save_patient(Subject(code="P001"))
    with pytest.raises(StoreError, match="already there and real"):
        store.save_patient(Subject(code="P001"), simulated=True)
    session = store.add_session("P001", Phase.BASELINE, MORNING)
    with pytest.raises(StoreError, match="keep them apart"):
        store.import_recording(session.id, replace(read_folder(folder), simulated=True))


def test_sessions_are_idempotent_and_ordered_in_time(store: Store) -> None:
    store.save_patient(Subject(code="P001"))
    later = store.add_session("P001", Phase.YEAR_1, MORNING + timedelta(days=365))
    first = store.add_session("P001", Phase.BASELINE, MORNING)
    assert store.add_session("P001", Phase.BASELINE, MORNING) == first
    assert store.add_session("P001", Phase.BASELINE, MORNING.astimezone(UTC)) == first
    assert store.add_session("P001", Phase.SCREENING_BOLUS, MORNING) != first
    assert [one.phase for one in store.sessions("P001")][-1] is Phase.YEAR_1
    assert len(store.sessions("P001")) == 3
    assert store.session(later.id) == later
    assert store.sessions("P001")[0].started_at.utcoffset() == timedelta(hours=1)
    assert [phase.label for phase in Phase] == [
        "Baseline", "Screening bolus", "Titration", "1 year", "5 years", "10 years", "Other",
    ]  # fmt: skip


def test_a_session_needs_a_patient_and_a_zone(store: Store) -> None:
    with pytest.raises(StoreError, match="no patient 'P9'"):
        store.add_session("P9", Phase.OTHER, MORNING)
    store.save_patient(Subject(code="P9"))
    with pytest.raises(StoreError, match="no zone"):
        store.add_session("P9", Phase.OTHER, datetime(2026, 1, 1))  # noqa: DTZ001 (the fault that is tested)


def test_a_recording_is_copied_under_generated_names(store: Store, folder: Path) -> None:
    row = imported(store, folder)
    assert (row.name, row.muscle_group, row.side, row.simulated) == (
        "exam 1", MuscleGroup.ELBOW_FLEXORS, Side.LEFT, False,
    )  # fmt: skip
    assert row.folder == store.home / "recordings" / row.id
    copied, source = read_folder(row.folder), read_folder(folder)
    assert [entry.file.name for entry in copied.streams] == ["00_angle.csv", "01_force.csv"]
    assert replace(copied, path=source.path, name=source.name, streams=()) == replace(source, streams=())
    for copy, original in zip(copied.streams, source.streams, strict=True):
        assert copy.file.read_bytes() == original.file.read_bytes()
        assert replace(copy, file=original.file) == original
    assert store.recording(row.id) == row
    assert store.recordings(row.session_id) == (row,)


def test_nothing_that_a_person_wrote_gets_into_a_path(store: Store, make_folder: FolderMaker, tmp_path: Path) -> None:
    path = make_folder(tmp_path / "Jan Novak 1970", [{**ANGLE, "file": "Jan Novak.csv"}])
    imported(store, path)
    assert not [name for name in files(store.home) if "novak" in name.lower()]


def test_the_same_content_of_a_patient_is_kept_once(store: Store, folder: Path, tmp_path: Path) -> None:
    first = imported(store, folder)
    folder.rename(tmp_path / "renamed")
    (tmp_path / "renamed" / "angle.csv").rename(tmp_path / "renamed" / "other.csv")
    manifest = json.loads((tmp_path / "renamed" / "recording.json").read_text(encoding="utf-8"))
    manifest["streams"][0]["file"] = "other.csv"
    (tmp_path / "renamed" / "recording.json").write_text(json.dumps(manifest), encoding="utf-8")
    before = files(store.home)
    follow_up = store.add_session("P001", Phase.YEAR_1, MORNING + timedelta(days=400))
    assert store.import_recording(follow_up.id, read_folder(tmp_path / "renamed")) == first
    assert files(store.home) == before


@pytest.mark.parametrize(
    "change",
    [{"side": "right"}, {"subject": {"code": "P001", "body_mass_kg": 70.0}},
     {"reference_pose": {"time_s": 0.0, "angle_deg": 120.0}}],
)  # fmt: skip
def test_other_content_is_another_recording(
    store: Store, folder: Path, make_folder: FolderMaker, tmp_path: Path, change: dict[str, object]
) -> None:
    first = imported(store, folder)
    streams = [ANGLE, {"kind": "force", "file": "force.csv", "lever_m": 0.25}]
    changed = make_folder(tmp_path / "changed", streams, **change)
    assert imported(store, changed).id != first.id


def test_two_patients_may_have_equal_files(store: Store, write_angle: FolderMaker, tmp_path: Path) -> None:
    bare = bare_file(write_angle(tmp_path / "a.csv"), MuscleGroup.KNEE_FLEXORS, Side.LEFT)
    rows = []
    for code in ("P1", "P2"):
        store.save_patient(Subject(code=code, height_m=1.7))
        rows.append(store.import_recording(store.add_session(code, Phase.BASELINE, MORNING).id, bare))
    assert rows[0].sha256 == rows[1].sha256
    assert rows[0].id != rows[1].id
    assert [read_folder(row.folder).subject for row in rows] == [
        Subject(code="P1", height_m=1.7), Subject(code="P2", height_m=1.7),
    ]  # fmt: skip


def test_a_recording_of_another_patient_is_refused(store: Store, folder: Path) -> None:
    store.save_patient(Subject(code="P002"))
    session = store.add_session("P002", Phase.BASELINE, MORNING)
    with pytest.raises(StoreError, match="is a recording of 'P001', the session is of 'P002'"):
        store.import_recording(session.id, read_folder(folder))
    assert store.recordings(session.id) == ()


def test_ids_that_do_not_exist_are_refused(store: Store, folder: Path, planted_assessment: Planted) -> None:
    for ask in (
        lambda: store.patient("P9"),
        lambda: store.session("no"),
        lambda: store.recording("no"),
        lambda: store.series("no"),
        lambda: store.tracks("../recordings"),
        lambda: store.import_recording("no", read_folder(folder)),
        lambda: store.save_assessment("no", planted_assessment(), version="1"),
        lambda: store.add_rating("no", rater="R1", scale="mas", grade="1"),
    ):
        with pytest.raises(StoreError, match="there is no"):
            ask()
    assert store.latest_assessment("no") is None


def test_an_assessment_comes_back_with_its_series(store: Store, folder: Path, planted_assessment: Planted) -> None:
    row = imported(store, folder)
    planted = planted_assessment()
    saved = store.save_assessment(row.id, planted, version="0.1.0")
    assert store.latest_assessment(row.id) == saved
    assert saved.finding["mas"]["grade"] == "1+"
    assert (saved.finding["path"], saved.version, saved.made_at.utcoffset()) == ("exam 1", "0.1.0", timedelta(0))
    series = store.series(saved.id)
    angle = planted.recording.angle
    np.testing.assert_array_equal(series.time_s, angle.time_s)
    np.testing.assert_array_equal(series.angle_deg, angle.angle_deg)
    np.testing.assert_array_equal(series.sd_deg, angle.sd_deg)
    assert np.isnan(series.velocity_deg_s[100:120]).all()
    assert series.velocity_deg_s[400] == pytest.approx(-40.0, abs=0.5)
    assert series.curves[0] is None
    planted_curve, curve = planted.curves[1], series.curves[1]
    assert planted_curve is not None
    assert curve is not None
    np.testing.assert_array_equal(curve.stretch_deg, planted_curve.stretch_deg)
    np.testing.assert_array_equal(curve.resistance_Nm, planted_curve.resistance_Nm)
    np.testing.assert_array_equal(curve.healthy_Nm, planted_curve.healthy_Nm)
    assert store.tracks(saved.id) is None


def test_an_assessment_without_stretches_comes_back(store: Store, folder: Path, planted_assessment: Planted) -> None:
    row = imported(store, folder)
    saved = store.save_assessment(row.id, replace(planted_assessment(), stretches=(), curves=()), version="1")
    assert store.series(saved.id).curves == ()


def test_analysing_again_keeps_the_old_assessment(store: Store, folder: Path, planted_assessment: Planted) -> None:
    row = imported(store, folder)
    first = store.save_assessment(row.id, planted_assessment(r1_deg=63.0), version="0.1.0")
    second = store.save_assessment(row.id, planted_assessment(r1_deg=60.0), version="0.2.0")
    assert store.assessments(row.id) == (second, first)
    assert [one.finding["tardieu"]["r1_deg"] for one in store.assessments(row.id)] == [60.0, 63.0]
    assert store.series(first.id).time_s.size == store.series(second.id).time_s.size


def test_landmarks_come_back(store: Store, folder: Path, planted_assessment: Planted) -> None:
    rng = np.random.default_rng(2)
    xy_px = rng.uniform(0, 1920, (7, 2, 2))
    xy_px[3] = np.nan
    tracks = LandmarkTracks(
        time_s=np.arange(7.0),
        names=("left_knee", "left_ankle"),
        xy_px=xy_px,
        confidence=rng.uniform(size=(7, 2)),
        width_px=1920,
        height_px=1080,
    )
    saved = store.save_assessment(imported(store, folder).id, planted_assessment(), version="1", tracks=tracks)
    found = store.tracks(saved.id)
    assert found is not None
    assert (found.names, found.width_px, found.height_px) == (tracks.names, 1920, 1080)
    np.testing.assert_array_equal(found.xy_px, xy_px)
    np.testing.assert_array_equal(found.confidence, tracks.confidence)


@pytest.mark.parametrize(
    ("scale", "grades"), [("mas", "0 1 1+ 2 3 4"), ("ashworth_0_4", "0 1 2 3 4"), ("ashworth_1_5", "1 2 3 4 5")]
)
def test_ratings_stay_on_their_own_scale(store: Store, folder: Path, scale: str, grades: str) -> None:
    row = imported(store, folder)
    for grade in grades.split():
        store.add_rating(row.id, rater="R1", scale=scale, grade=grade)
    assert [(one.scale, one.grade) for one in store.ratings(row.id)] == [(scale, grade) for grade in grades.split()]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"grade": "1.5"}, "0, 1, 1\\+, 2, 3, 4"), ({"scale": "ashworth_0_4", "grade": "1+"}, "no grade '1\\+'"),
     ({"scale": "ashworth_1_5", "grade": "0"}, "no grade '0'"), ({"scale": "tardieu"}, "mas, ashworth_0_4"),
     ({"rater": "Jan Novak"}, "no rater's code"), ({"given_at": datetime(2026, 1, 1)}, "no zone")],  # noqa: DTZ001
)  # fmt: skip
def test_a_rating_that_no_scale_has_is_refused(
    store: Store, folder: Path, change: dict[str, object], said: str
) -> None:
    row = imported(store, folder)
    with pytest.raises(StoreError, match=said):
        store.add_rating(row.id, **{"rater": "R1", "scale": "mas", "grade": "1", **change})  # type: ignore[arg-type]
    assert store.ratings(row.id) == ()


def test_the_store_lives_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "elsewhere"))
    with Store.open() as opened:
        assert opened.home == tmp_path / "elsewhere"
        opened.save_patient(Subject(code="P1"))
    with Store.open(tmp_path / "elsewhere") as again:
        assert [one.code for one in again.patients()] == ["P1"]


def test_series_that_were_damaged_are_refused(store: Store, folder: Path, planted_assessment: Planted) -> None:
    saved = store.save_assessment(imported(store, folder).id, planted_assessment(), version="1")
    path = store.home / "assessments" / saved.id / "series.parquet"
    assert read_columns(path, ["time_s"])["time_s"].size == 2000
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RecordError, match="Parquet"):
        store.series(saved.id)
