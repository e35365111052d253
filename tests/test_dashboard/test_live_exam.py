"""The camera behind the exam page: pictures, the tap, the recording; a file, a pattern or a failing device films."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from analysis.model import Side, Subject, TestKind
from analysis.muscles import MuscleGroup
from capture.camera import CameraParams
from capture.container import VideoWriter
from capture.encode import StampedImage
from capture.errors import CameraLostError, CameraUnavailableError
from dashboard.errors import DashboardError
from dashboard.services.background import Work
from dashboard.services.live_exam import LiveExam, LiveExamParams, open_live_exam
from dashboard.services.live_shots import LiveState, find_live_view
from records.folder import read_folder
from records.live_folder import LiveHeader

SMALL = LiveExamParams(camera=CameraParams(width=320, height=240, rate_hz=30.0), patience_s=30.0)
HEADER = LiveHeader(
    muscle_group=MuscleGroup.ELBOW_FLEXORS,
    side=Side.LEFT,
    test=TestKind.PASSIVE_STRETCH,
    started_at=datetime(2026, 1, 31, tzinfo=UTC),
    subject=Subject(code="P001"),
)
Opening = Callable[..., LiveExam]


@pytest.fixture
def opening() -> Iterator[Opening]:
    opened: list[LiveExam] = []

    def open_exam(source: str, params: LiveExamParams = SMALL) -> LiveExam:
        opened.append(open_live_exam(source, MuscleGroup.ELBOW_FLEXORS, Side.LEFT, params))
        return opened[-1]

    yield open_exam
    for exam in opened:
        exam.close()


def until(met: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not met() and time.monotonic() < end:
        time.sleep(0.05)
    return met()


def test_pictures_come_and_a_recording_becomes_a_folder(opening: Opening, tmp_path: Path) -> None:
    exam = opening("test-pattern")
    assert find_live_view(exam.id) is exam
    assert until(lambda: exam.shot().number > 1)
    shot = exam.shot()
    assert shot.jpeg.startswith(b"\xff\xd8")
    assert shot.words == "elbow flexion: not seen"
    assert not exam.tap(0.5, 0.5), "nobody is there to be tapped on"
    exam.start(tmp_path / "exam", HEADER)
    assert exam.state is LiveState.RECORDING
    assert until(lambda: exam.shot().recorded_s > 0.5)
    filmed = exam.stop()
    assert filmed.video.n_frames > 10
    assert read_folder(tmp_path / "exam").subject.code == "P001"
    assert exam.state is LiveState.WATCHING, "it can film again"
    exam.start(tmp_path / "again", HEADER)
    assert until(lambda: exam.shot().recorded_s > 0.1)
    assert exam.stop().folder == tmp_path / "again"


def test_a_recording_over_another_is_refused_and_the_camera_stays(opening: Opening, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    exam = opening("test-pattern")
    exam.start(tmp_path / "taken", HEADER)
    with pytest.raises(DashboardError, match="is there already"):
        exam.stop()
    assert until(lambda: exam.state is LiveState.WATCHING)


def test_a_file_in_the_cameras_place_is_recorded_from_its_beginning_to_its_end(
    opening: Opening, tmp_path: Path
) -> None:
    with VideoWriter(tmp_path / "film.mp4", width=64, height=48) as writer:
        for k in range(30):
            writer.write(StampedImage(time_s=k / 30.0, rgb=np.full((48, 64, 3), 8 * k, dtype=np.uint8)))
    exam = opening(str(tmp_path / "film.mp4"))
    assert until(lambda: exam.shot().number > 0)
    exam.start(tmp_path / "exam", HEADER)
    assert until(lambda: exam.state is not LiveState.RECORDING)
    assert exam.stop().video.n_frames == 30
    assert exam.state is LiveState.WATCHING, "it begins again"


def test_a_camera_that_disappears_keeps_what_was_recorded(
    opening: Opening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[bool] = []

    def device(camera: str, **_asked: object) -> Iterator[StampedImage]:
        for k in range(10_000):
            if gone:
                raise CameraLostError(camera, "stopped giving pictures (unplugged)")
            time.sleep(0.01)
            yield StampedImage(time_s=k / 100.0, rgb=np.zeros((48, 64, 3), dtype=np.uint8))

    monkeypatch.setattr("capture.camera.read_camera", device)
    exam = opening("7")
    exam.start(tmp_path / "exam", HEADER)
    assert until(lambda: exam.shot().recorded_s > 0.2)
    gone.append(True)
    assert until(lambda: exam.state is LiveState.ENDED)
    filmed = exam.stop()
    assert filmed.video.n_frames > 5
    assert "unplugged" in filmed.warnings()[0]
    assert "what was recorded is kept" in filmed.warnings()[0]
    assert (tmp_path / "exam" / "video.mp4").stat().st_size > 0
    with pytest.raises(DashboardError, match="unplugged"):
        exam.start(tmp_path / "next", HEADER)


def test_a_camera_nobody_looks_through_is_let_go(opening: Opening) -> None:
    params = LiveExamParams(camera=SMALL.camera, unseen_s=0.3, patience_s=30.0)
    exam = opening("test-pattern", params)
    assert until(lambda: exam.state is LiveState.ENDED)
    assert "nobody looked" in exam.fault


def test_the_same_camera_opened_again_is_taken_from_the_first_page(opening: Opening) -> None:
    first = opening("test-pattern")
    second = opening("test-pattern")
    assert first.state is LiveState.ENDED
    assert find_live_view(first.id) is None
    assert second.state is LiveState.WATCHING


def test_a_camera_that_is_not_there_is_said(opening: Opening) -> None:
    with pytest.raises(CameraUnavailableError):
        opening("63")


def test_work_goes_on_whoever_waits() -> None:
    def slow(tell: Callable[[float], None]) -> str:
        tell(0.5)
        time.sleep(0.1)
        return "done"

    work = Work(slow)
    work.wait(0.0)
    assert work.result() == "done"
    assert work.share == 0.5

    def wrong(_tell: Callable[[float], None]) -> str:
        raise DashboardError("no")

    with pytest.raises(DashboardError, match="no"):
        Work(wrong).result()


def test_a_recording_that_is_stopped_at_once_leaves_nothing(opening: Opening, tmp_path: Path) -> None:
    exam = opening("test-pattern")
    exam.start(tmp_path / "exam", HEADER)
    with pytest.raises(DashboardError, match="nothing was recorded"):
        exam.stop()
    assert list(tmp_path.iterdir()) == []
