"""Simulated exams on disk: the contract's folder, whole or not at all, with the truth beside it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from analysis.model import Source
from analysis.muscles import MuscleGroup
from analysis.simulate import ExamPlan, VirtualExam, draw_patient, simulate_exam
from records.errors import RecordError
from records.folder import read_folder
from records.virtual import TRUTH, write_exam

STARTED = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def exam() -> VirtualExam:
    plan = ExamPlan(slow=1, fast=1, lead_s=0.6, hold_s=0.3, return_s=0.6, rest_s=0.3)
    return simulate_exam(draw_patient("2", MuscleGroup.WRIST_FLEXORS, seed=3), seed=1, plan=plan)


def test_folder_is_read_back_as_it_was_written(exam: VirtualExam, tmp_path: Path) -> None:
    folder = write_exam(exam, tmp_path / "visit", started_at=STARTED, code="SIM-1")
    found = read_folder(folder)
    assert found.simulated
    assert found.muscle_group is MuscleGroup.WRIST_FLEXORS
    assert found.side is exam.side
    assert found.started_at == STARTED
    assert (found.subject.code, found.subject.sex) == ("SIM-1", exam.patient.subject.sex)
    assert found.reference_pose is not None
    assert found.reference_pose.angle_deg == pytest.approx(exam.reference_pose.angle_deg, abs=1e-4)
    assert [stream.kind for stream in found.streams] == [Source.IMU, Source.IMU, Source.FORCE, Source.EMG]


def test_tables_hold_the_signals(exam: VirtualExam, tmp_path: Path) -> None:
    folder = write_exam(exam, tmp_path / "visit", started_at=STARTED, code="SIM-1")
    imu = np.genfromtxt(folder / "imu_distal.csv", delimiter=",", names=True)
    assert imu["time_s"] == pytest.approx(exam.imu_distal.time_s, abs=1e-5)
    assert imu["acc_y_m_s2"] == pytest.approx(exam.imu_distal.acc_m_s2[:, 1], rel=1e-5, abs=1e-5)
    assert imu["gyr_z_rad_s"] == pytest.approx(exam.imu_distal.gyr_rad_s[:, 2], rel=1e-5, abs=1e-5)
    force = np.genfromtxt(folder / "force.csv", delimiter=",", names=True)
    assert force["force_N"] == pytest.approx(exam.force.force_N, rel=1e-5, abs=1e-4)
    emg = np.genfromtxt(folder / "emg.csv", delimiter=",", names=True)
    assert emg["emg_V"] == pytest.approx(exam.emg.emg_V, rel=1e-5)
    assert (np.diff(emg["time_s"]) > 0).all()


def test_truth_says_what_was_planted(exam: VirtualExam, tmp_path: Path) -> None:
    folder = write_exam(exam, tmp_path / "visit", started_at=STARTED, code="SIM-1")
    truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
    assert truth["mas"] == exam.truth.grade
    assert truth["r2_deg"] == pytest.approx(exam.truth.r2_deg, abs=1e-4)
    assert len(truth["stretches"]) == 2
    for told, known in zip(truth["stretches"], exam.truth.stretches, strict=True):
        assert told["velocity"] == known.velocity
        assert told["peak_excess_Nm"] == pytest.approx(known.peak_excess_Nm, abs=1e-4)
        assert (told["catch_angle_deg"] is None) == (known.catch_angle_deg is None)


def test_emg_can_be_left_out(exam: VirtualExam, tmp_path: Path) -> None:
    folder = write_exam(exam, tmp_path / "visit", started_at=STARTED, code="SIM-1", with_emg=False)
    assert not (folder / "emg.csv").exists()
    assert {stream.kind for stream in read_folder(folder).streams} == {Source.IMU, Source.FORCE}


def test_existing_folder_is_kept(exam: VirtualExam, tmp_path: Path) -> None:
    taken = tmp_path / "visit"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    with pytest.raises(RecordError, match="is there already"):
        write_exam(exam, taken, started_at=STARTED, code="SIM-1")
    assert [path.name for path in taken.iterdir()] == ["mine.txt"]


def test_time_without_zone_is_refused(exam: VirtualExam, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="needs its zone"):
        write_exam(exam, tmp_path / "visit", started_at=datetime(2026, 1, 31, 10, 0), code="SIM-1")  # noqa: DTZ001
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_when_the_disk_refuses(
    exam: VirtualExam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savetxt", refuse)
    with pytest.raises(RecordError, match="No space left on device"):
        write_exam(exam, tmp_path / "visit", started_at=STARTED, code="SIM-1")
    assert not list(tmp_path.iterdir())
