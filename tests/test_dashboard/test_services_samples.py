"""The demo's exams, and what landmarks are not written to."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analysis.model import Subject
from dashboard.errors import UsageError
from dashboard.services.landmarks import check_ending
from dashboard.services.samples import CLIPS, SampleExam, add_sample, is_there, sample_exams
from records.folder import read_folder
from records.rows import Phase
from records.store import Store


def test_every_sample_is_simulated_and_named_once() -> None:
    exams = sample_exams()
    assert len({(exam.subject.code, exam.name) for exam in exams}) == len(exams)
    assert all(exam.subject.code.startswith("SIM-") for exam in exams)
    phases = {exam.subject.code: set() for exam in exams}
    for exam in exams:
        phases[exam.subject.code].add(exam.phase)
    compared = [code for code, seen in phases.items() if {Phase.BASELINE, Phase.YEAR_1} <= seen]
    assert len(compared) >= 4


def test_the_clips_are_shipped_with_their_licence(tmp_path: Path) -> None:
    assert "CC0" in (CLIPS.parent / "README.md").read_text(encoding="utf-8")
    films = [exam.make(tmp_path) for exam in sample_exams() if exam.subject.code.startswith("SIM-VIDEO")]
    assert {film.name for film in films} == {"elbow_a", "elbow_b", "knee_a", "knee_b"}
    assert all(film.simulated for film in films)


def test_a_second_start_neither_imports_nor_analyses_again(store: Store, write_recording: Callable[..., Path]) -> None:
    exam = SampleExam(
        name="visit",
        subject=Subject(code="SIM-9"),
        phase=Phase.BASELINE,
        started_at=datetime(2024, 1, 1, tzinfo=UTC),
        make=lambda folder: read_folder(write_recording(folder / "visit", code="SIM-9", simulated=True)),
    )
    assert not is_there(store, exam)
    add_sample(store, exam)
    assert is_there(store, exam)
    (session,) = store.sessions("SIM-9")
    (recording,) = store.recordings(session.id)
    assert store.patient("SIM-9").simulated
    assert len(store.assessments(recording.id)) == 1


def test_an_interrupted_start_goes_on_without_importing_twice(
    store: Store, write_recording: Callable[..., Path], tmp_path: Path
) -> None:
    """The recording came in, the analysis did not finish."""
    folder = write_recording(tmp_path / "visit", code="SIM-9", simulated=True)
    exam = SampleExam(
        name="visit",
        subject=Subject(code="SIM-9"),
        phase=Phase.BASELINE,
        started_at=datetime(2024, 1, 1, tzinfo=UTC),
        make=lambda _folder: pytest.fail("made again"),
    )
    store.save_patient(exam.subject, simulated=True)
    session = store.add_session("SIM-9", exam.phase, exam.started_at)
    store.import_recording(session.id, read_folder(folder))
    assert not is_there(store, exam)
    add_sample(store, exam)
    assert is_there(store, exam)
    assert len(store.recordings(session.id)) == 1


@pytest.mark.parametrize("name", ["pose.xlsx", "pose.json", "pose.c3d"])
def test_a_file_of_no_known_format_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--out .* ends in \.csv"):
        check_ending(tmp_path / name)
