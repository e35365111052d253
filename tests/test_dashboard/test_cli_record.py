"""``record``, ``overlay`` and ``landmarks`` as programs: what they leave, say and return."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from capture.container import VideoWriter
from capture.encode import StampedImage
from capture.landmarks import LandmarkTracks
from capture.video import VideoReader
from dashboard.cli.application import run
from records.folder import read_folder
from records.landmark_files import write_landmarks

EXAM = ["--muscle-group", "elbow_flexors", "--side", "left"]
SMALL = ["--camera", "test-pattern", "--width", "160", "--height", "120", "--rate", "30"]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "dashboard.cli", *map(str, arguments)]


def times(video: Path) -> np.ndarray:
    with VideoReader(video) as reader:
        return np.array([frame.time_s for frame in reader.frames()])


def test_a_recording_is_a_folder_of_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "exam"
    assert run(["record", *SMALL, *EXAM, "--code", "P001", "--out", str(out), "--seconds", "0.99", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["path"] == str(out)
    assert (said["frames"], said["dropped_frames"], said["warnings"]) == (30, 0, [])
    assert [path.name for path in tmp_path.iterdir()] == ["exam"]
    folder = read_folder(out)
    assert (folder.muscle_group, folder.side, folder.subject.code) == ("elbow_flexors", "left", "P001")
    assert folder.started_at is not None
    assert np.abs(times(folder.streams[0].file) - np.arange(30) / 30).max() < 1e-3


def test_a_file_stands_in_for_the_camera(tmp_path: Path) -> None:
    film, out = tmp_path / "film.mp4", tmp_path / "exam"
    taken_s = [0.0, 0.05, 0.08, 0.2, 0.31]
    with VideoWriter(film, width=64, height=48) as writer:
        for time_s in taken_s:
            writer.write(StampedImage(time_s=time_s, rgb=np.zeros((48, 64, 3), np.uint8)))
    assert run(["record", "--camera", str(film), *EXAM, "--out", str(out)]) == 0
    assert times(out / "video.mp4") == pytest.approx(taken_s, abs=1e-3)


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    for _ in range(600):
        if path.exists() and path.stat().st_size > 0:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pytest.fail(f"{path} did not appear")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_stop_finishes_the_recording(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "exam"
    with subprocess.Popen(
        command("record", *SMALL, *EXAM, "--out", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(tmp_path / "exam.unfinished" / "video.mp4", process)
        time.sleep(0.6)
        process.send_signal(number)
        said, complaints = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, f"{out}\n"), complaints
    assert times(out / "video.mp4").size > 10


def test_a_killed_recording_is_kept_and_can_be_read(tmp_path: Path) -> None:
    out = tmp_path / "exam"
    with subprocess.Popen(
        command("record", *SMALL, *EXAM, "--out", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(tmp_path / "exam.unfinished" / "video.mp4", process)
        time.sleep(1.5)
        process.kill()
    folder = read_folder(tmp_path / "exam.unfinished")
    assert times(folder.streams[0].file)[-1] > 0.4
    again = subprocess.run(
        command("record", *SMALL, *EXAM, "--out", out), capture_output=True, text=True, check=False, timeout=60
    )
    assert again.returncode == 2
    assert "was left by a recording that was not finished" in again.stderr


def test_a_missing_camera_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["record", "--camera", "97", *EXAM, "--out", str(tmp_path / "exam")]) == 2
    assert "camera 97: there is none" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "exam").mkdir()
    assert run(["record", *SMALL, *EXAM, "--out", str(tmp_path / "exam"), "--seconds", "0.2"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert not list((tmp_path / "exam").iterdir())


def test_no_folder_can_be_made_inside_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(["record", *SMALL, *EXAM, "--out", str(tmp_path / "file" / "exam"), "--seconds", "0.2"]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "film.avi"], "end its name with .mp4"),
        (["--out", "film.mp4", "--sheet", "sheet.pdf"], "expected a file that ends in .png"),
        (["--out", "exam.mp4"], "is the recording itself"),
        (["--out", "film.mp4"], "there is no such file"),
    ],
)
def test_a_film_with_unusable_arguments_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["overlay", "exam.mp4", *EXAM, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_landmarks_are_converted_and_come_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xy_px = np.random.default_rng(2).uniform(50, 400, (12, 3, 2))
    tracks = LandmarkTracks(
        time_s=np.arange(12) / 60.0,
        names=("left_shoulder", "left_elbow", "left_wrist"),
        xy_px=xy_px,
        confidence=np.full((12, 3), 0.8),
        width_px=640,
        height_px=480,
    )
    write_landmarks(tmp_path / "json", tracks)
    assert run(["landmarks", str(tmp_path / "json"), "--rate-hz", "60", "--out", str(tmp_path / "a.trc")]) == 0
    assert run(["landmarks", str(tmp_path / "a.trc"), "--out", str(tmp_path / "a.csv")]) == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "a.trc"), str(tmp_path / "a.csv")]
    header, first = (tmp_path / "a.csv").read_text().splitlines()[:2]
    row = dict(zip(header.split(","), first.split(","), strict=True))
    assert float(row["left_elbow_x_px"]) == pytest.approx(xy_px[0, 1, 0], abs=1e-3)
    assert run(["landmarks", str(tmp_path / "json"), "--out", str(tmp_path / "b.trc")]) == 2
    assert "--rate-hz" in capsys.readouterr().err
