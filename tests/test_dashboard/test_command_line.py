"""The command line as a program: exit codes, one line for what went wrong, JSON as the contract says."""

import csv
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from capture.landmarks import POSE_LANDMARKS, LandmarkTracks
from dashboard.cli import main
from dashboard.cli.application import run
from dashboard.services import landmarks
from dashboard.services.landmarks import PatientLandmarks
from records.rows import Phase
from records.store import Store

HEAVY = ("cv2", "mediapipe", "streamlit", "av", "sqlalchemy", "pyarrow", "matplotlib", "alembic", "typst")
COMMANDS = ("demo", "analyze", "pose", "simulate", "serve", "doctor")


def catchangle(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dashboard.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
        check=False,
    )


def complaint_of(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("catchangle: ")
    assert "Traceback" not in done.stderr
    return line


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from dashboard.cli.application import run\n"
        "code = run(['--help'])\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'loaded {loaded}' if loaded else code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert command in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = catchangle(command, "--help")
    assert done.returncode == 0
    assert f"Example: catchangle {command}" in done.stdout
    assert done.stderr == ""


def test_the_version_is_the_distribution() -> None:
    done = catchangle("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"catchangle {version('catchangle')}")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["analyze"],
        ["analyze", "x", "--nonsense"],
        ["analyze", "x.mp4", "--muscle-group", "brain", "--side", "left"],
        ["analyze", "x.mp4", "--muscle-group", "elbow_flexors", "--side", "up"],
        ["analyze", "x.mp4", "--patient-box", "1,2,3"],
        ["analyze", "x.mp4", "--patient", "P001"],
        ["analyze", "a/x.csv", "b/x.csv", "--angles", "out"],
        ["pose", "x.mp4"],
        ["pose", "x.mp4", "--out", "x.csv", "--side", "left"],
        ["simulate"],
        ["simulate", "--out", "x", "--patients", "0"],
        ["serve", "--address", "192.168.0.1"],
        ["serve", "--port", "99999"],
    ],
)
def test_unusable_arguments_are_one_line_and_exit_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATCHANGLE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["catchangle", *arguments])
    with pytest.raises(SystemExit) as ended, warnings.catch_warnings():
        main()
    out, err = capsys.readouterr()
    complaint_of(subprocess.CompletedProcess(arguments, int(str(ended.value.code)), out, err))
    assert out == ""


def test_a_path_to_nothing_is_one_line_that_names_it() -> None:
    done = catchangle("analyze", "no/such/thing", "--json")
    assert complaint_of(done).startswith("catchangle: no/such/thing: there is no such file or folder")
    assert done.stdout == ""


def test_analyze_prints_the_contract(write_recording: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "visit")
    done = catchangle("analyze", folder, "--json", "--angles", tmp_path / "angles")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (found,) = json.loads(done.stdout)["recordings"]
    assert found["path"] == str(folder)
    assert (found["muscle_group"], found["side"], found["test"]) == ("elbow_flexors", "left", "passive_stretch")
    assert found["sources"] == ["angle"]
    assert found["angle"]["file"] == str(tmp_path / "angles" / "visit.csv")
    assert [stretch["velocity"] for stretch in found["stretches"]] == ["V1", "V3"]
    assert set(found["tardieu"]) == {"r1_deg", "r2_deg", "spasticity_angle_deg", "x"}
    assert {"threshold", "pendulum", "mas", "warnings"} <= set(found)
    with (tmp_path / "angles" / "visit.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found["angle"]["n"]
    assert set(rows[0]) == {"time_s", "angle_deg", "source"}


def test_a_table_for_people_says_the_notice_once(write_recording: Callable[..., Path], tmp_path: Path) -> None:
    one, two = write_recording(tmp_path / "one"), write_recording(tmp_path / "two")
    done = catchangle("analyze", one, two)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not a medical device") == 1
    # the made-up movement is unlike any that the grade was trained on, and the table says so instead of grading it
    assert done.stdout.count("Modified Ashworth: not graded") == 2
    assert done.stdout.count("unlike all that the grade was trained on") == 2
    assert len(re.findall(r"^R1 .* R2 \d+\.\d° ", done.stdout, flags=re.MULTILINE)) == 2


def test_one_bad_recording_does_not_stop_the_others(write_recording: Callable[..., Path], tmp_path: Path) -> None:
    good, also_good, bad = (
        write_recording(tmp_path / "a"),
        write_recording(tmp_path / "c"),
        write_recording(tmp_path / "b"),
    )
    (bad / "angle.csv").write_text("time_s,angle_deg\n0,x\n1,2\n", encoding="utf-8")
    done = catchangle("analyze", good, bad, also_good, "--json", "--angles", tmp_path / "out")
    assert "angle.csv" in complaint_of(done)
    assert [one["path"] for one in json.loads(done.stdout)["recordings"]] == [str(good), str(also_good)]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.csv", "c.csv"]


def test_a_fault_of_ours_is_exit_1_with_a_hint(write_recording: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "visit")
    script = (
        "import sys, dashboard.services.pipeline as pipeline\n"
        "def broken(*_): raise ZeroDivisionError('planted')\n"
        "pipeline.assess = broken\n"
        f"sys.argv = ['catchangle', 'analyze', {str(folder)!r}]\n"
        "from dashboard.cli import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert "CATCHANGLE_DEBUG=1" in complaint_of(done, 1)
    assert done.stdout == ""
    shown = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "CATCHANGLE_DEBUG": "1"},
        check=False,
    )
    assert shown.returncode == 1
    assert "ZeroDivisionError: planted" in shown.stderr
    assert "Traceback" in shown.stderr


def test_analyze_keeps_a_recording_once(write_recording: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "visit")
    home = tmp_path / "home"
    for _ in range(2):
        done = catchangle("analyze", folder, "--store", "--patient", "P042", "--phase", "baseline", "--home", home)
        assert done.returncode == 0, done.stderr
    with Store.open(home) as store:
        (session,) = store.sessions("P042")
        assert session.phase is Phase.BASELINE
        (recording,) = store.recordings(session.id)
        assert len(store.assessments(recording.id)) == 2


def test_a_database_of_a_newer_version_is_left_alone(write_recording: Callable[..., Path], tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 (for this test only)

    from records.store import DATABASE_NAME  # noqa: PLC0415 (for this test only)

    home = tmp_path / "home"
    with Store.open(home):
        pass
    with sqlite3.connect(home / DATABASE_NAME) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    done = catchangle("analyze", write_recording(tmp_path / "v"), "--store", "--patient", "P1", "--home", home)
    assert "newer" in complaint_of(done)
    assert "newer" in complaint_of(catchangle("serve", "--port", 0, "--home", home))


def test_simulate_writes_recordings_that_analyze_reads(tmp_path: Path) -> None:
    out = tmp_path / "virtual"
    options = ("--out", out, "--patients", 1, "--seed", 4, "--muscle-group", "elbow_flexors")
    done = catchangle("simulate", *options, "--json")
    assert done.returncode == 0, done.stderr
    folders = json.loads(done.stdout)["recordings"]
    assert folders == [str(out / "V001_baseline"), str(out / "V001_year_1")]
    truth = json.loads((out / "V001_baseline" / "truth.json").read_text(encoding="utf-8"))
    assert truth
    found = catchangle("analyze", *folders, "--json")
    assert found.returncode == 0, found.stderr
    assert [one["sources"][0] for one in json.loads(found.stdout)["recordings"]] == ["imu", "imu"]
    again = catchangle("simulate", *options)
    assert "already" in complaint_of(again)


def test_doctor_says_what_it_looked_at(tmp_path: Path) -> None:
    done = catchangle("doctor", "--json", "--home", tmp_path)
    report = json.loads(done.stdout)
    verdicts = {check["name"]: check["verdict"] for check in report["checks"]}
    assert {"cv2", "mediapipe", "database", "disk", "cameras", "usage statistics"} <= set(verdicts)
    assert done.returncode == (0 if report["in_order"] else 2)
    assert report["in_order"] == ("broken" not in verdicts.values())
    assert list(tmp_path.iterdir()) == [], "the doctor writes nothing"


def test_output_into_a_closed_pipe_is_no_fault() -> None:
    shell = f"{sys.executable} -m dashboard.cli --help | head -1"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("Usage: catchangle")
    assert done.stderr == ""


def test_pose_says_what_speaks_against_its_landmarks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A film that was cut off is measured as far as it goes, but never without a word."""
    doubted = PatientLandmarks(tracks=_one_frame(), angle=None, warnings=("the file is incomplete",))
    monkeypatch.setattr(landmarks, "landmarks_of", lambda *_, **__: doubted)
    assert run(["pose", "cut.mp4", "--out", str(tmp_path / "cut.csv")]) == 0
    told = capsys.readouterr()
    assert "catchangle: cut.mp4: the file is incomplete\n" in told.err
    assert told.out == f"{tmp_path / 'cut.csv'}\n"


def _one_frame() -> LandmarkTracks:
    n = len(POSE_LANDMARKS)
    return LandmarkTracks(
        time_s=np.zeros(1),
        names=POSE_LANDMARKS,
        xy_px=np.ones((1, n, 2)),
        confidence=np.ones((1, n)),
        width_px=8,
        height_px=8,
    )
