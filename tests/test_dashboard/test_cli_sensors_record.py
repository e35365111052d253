"""``record`` with virtual sensors, what a kill leaves of it, and ``recover``."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dashboard.cli.application import run
from records.folder import read_folder
from records.journal import JOURNAL_FILE, read_journal
from records.streams import read_emg, read_force, read_imu
from sensors.packets import Arrival

EXAM = ["--muscle-group", "elbow_flexors", "--side", "left", "--code", "V001"]
OUTLET = Path(__file__).resolve().parents[1] / "emg_outlet.py"
CAMERA = ["--camera", "test-pattern", "--width", "160", "--height", "120", "--rate", "15"]


def test_sensors_and_camera_are_one_recording(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "exam"
    code = run(["record", *CAMERA, *EXAM, "--emulator", "goniometer", "--out", str(out), "--seconds", "4", "--json"])
    said = json.loads(capfd.readouterr().out)
    assert code == 0, said
    assert [path.name for path in tmp_path.iterdir()] == ["exam"]
    folder = read_folder(out)
    streams = {entry.file.name: entry for entry in folder.streams}
    assert set(streams) == {"video.mp4", "imu_proximal.parquet", "imu_distal.parquet", "force.parquet"}
    distal = read_imu(streams["imu_distal.parquet"]).signal
    force = read_force(streams["force.parquet"]).signal
    assert 3.0 < distal.time_s[-1] < 60.0
    assert distal.time_s[0] >= 0
    assert np.median(np.diff(distal.time_s)) == pytest.approx(0.005, rel=0.01)
    assert abs(force.time_s[-1] - distal.time_s[-1]) < 1.0
    video = streams["video.mp4"]
    assert distal.time_s[0] < video.clock_offset_s < distal.time_s[-1]
    assert said["sensors"]["lost"] == 0
    assert (out / JOURNAL_FILE).exists()


def test_an_emg_of_the_lab_streaming_layer_is_recorded_with_all_else_on_one_clock(tmp_path: Path) -> None:
    out = tmp_path / "exam"
    asked = ["--emulator", "goniometer", "--sensor", "emg=Planted", "--muscle", "biceps", "--seconds", "4", "--json"]
    command = [sys.executable, "-m", "dashboard.cli", "record", *CAMERA, *EXAM, *asked, "--out", str(out)]
    with subprocess.Popen([sys.executable, str(OUTLET), "Planted", "300"]) as outlet:
        try:
            recorded = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
        finally:
            outlet.kill()
    assert recorded.returncode == 0, recorded.stderr
    streams = {entry.file.name: entry for entry in read_folder(out).streams}
    inertial = {"imu_proximal.parquet", "imu_distal.parquet"}
    assert set(streams) == {"video.mp4", "force.parquet", "emg.parquet", *inertial}
    emg = read_emg(streams["emg.parquet"]).signal
    assert emg.muscle == "biceps"
    assert np.diff(emg.emg_V) == pytest.approx(0.001, abs=1e-6)  # none lost, none twice
    started_s = read_journal(out / JOURNAL_FILE).header.started_ns * 1e-9
    assert np.abs(emg.time_s - (emg.emg_V - started_s)).max() < 0.02  # each sample says when it was taken
    distal = read_imu(streams["imu_distal.parquet"]).signal
    video_s = streams["video.mp4"].clock_offset_s
    for time_s in (emg.time_s, distal.time_s):
        assert time_s[0] < video_s + 0.5
        assert time_s[-1] > video_s + 3.0


def test_a_killed_recording_of_sensors_is_recovered(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "exam"
    unfinished = tmp_path / "exam.unfinished"
    command = [sys.executable, "-m", "dashboard.cli", "record", "--no-camera", *EXAM, "--emulator", "goniometer"]
    with subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.PIPE, text=True) as process:
        for _ in range(1200):
            if (unfinished / JOURNAL_FILE).exists():
                break
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        time.sleep(3.0)
        process.send_signal(signal.SIGKILL)
        killed_ns = time.perf_counter_ns()
    journal = read_journal(unfinished / JOURNAL_FILE)
    last_ns = max(record.arrival_ns for record in journal.records if isinstance(record, Arrival))
    assert killed_ns - last_ns < 1.5e9
    assert run(["analyze", str(unfinished)]) == 2
    assert "catchangle recover" in capfd.readouterr().err
    assert run(["recover", str(tmp_path)]) == 2
    assert "still being recorded" in capfd.readouterr().err
    later_s = time.time() + 3600.0
    os.utime(unfinished / JOURNAL_FILE, (later_s, later_s))  # the computer's clock was set back since
    assert run(["recover", str(tmp_path), "--json"]) == 0
    said = json.loads(capfd.readouterr().out)["recovered"]
    assert [one["folder"] for one in said] == [str(out)]
    assert any("without being stopped" in sentence for sentence in said[0]["quality"])
    folder = read_folder(out)
    assert len(folder.streams) == 3
    assert folder.quality == tuple(said[0]["quality"])
    assert run(["recover", str(tmp_path)]) == 0
    assert "no unfinished recording" in capfd.readouterr().err


@pytest.mark.parametrize("taken", ["exam", "exam.unfinished"])
def test_a_name_that_is_taken_is_refused_before_a_minute_is_spent_on_connecting(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], taken: str
) -> None:
    (tmp_path / taken).mkdir()
    out = str(tmp_path / "exam")
    assert run(["record", "--no-camera", *EXAM, "--emulator", "goniometer", "--out", out]) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert taken in said


def test_a_recording_says_what_its_sensors_are_for_and_cannot_show(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "exam"
    asked = ["--emulator", "dot", "--out", str(out), "--seconds", "2"]
    assert run(["record", "--no-camera", *EXAM, *asked]) == 0
    (roles,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("sensors that stream")]
    assert all(f"{role} " in roles for role in ("proximal", "distal", "force"))
    told = [sentence for sentence in read_folder(out).quality if "60 Hz" in sentence]
    assert len(told) == 1
    assert "catchangle sensors onboard" in told[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no-camera"], "nothing to record"),
        (["--sensor", "knee=X"], "expected ROLE=UNIT"),
        (["--sensor", "force=X"], "--lever is missing"),
        (["--sensor", "emg=X"], "--muscle is missing"),
        (["--sensor", "distal=X", "--sensor", "distal=Y"], "same role"),
        (["--emulator", "toaster"], "expected one of goniometer"),
        (["--emulator", "dot", "--sensors"], "brings its own"),
    ],
)
def test_unusable_sensor_options_are_refused(
    arguments: list[str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["record", *EXAM, *arguments, "--out", str(tmp_path / "exam")]) == 2
    assert message in capfd.readouterr().err
    assert not list(tmp_path.iterdir())
