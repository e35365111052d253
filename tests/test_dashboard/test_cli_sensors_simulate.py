"""``catchangle sensors simulate``: a whole exam without hardware, accounted for, and its catch found again."""

import json
from pathlib import Path

import pytest

from dashboard.cli.application import UNUSABLE, run

CATCH_DEG, CATCH_S = 5.0, 0.05


def test_a_virtual_exam_is_streamed_accounted_for_and_analysed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "exam"
    assert run(["sensors", "simulate", "--out", str(out), "--seed", "2", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["recording"] == str(out)
    assert said["quality"] == []
    (unit,) = said["units"]
    assert unit["clock"] == "two-way"
    assert unit["clock_residual_ms"] <= min(unit["clock_error_ms"], 5.0)
    assert [one["channel"] for one in unit["channels"]] == ["imu_a", "imu_b", "force"]
    assert all(one["received"] + one["lost"] == one["sent"] > 2000 for one in unit["channels"])

    assert run(["analyze", str(out), "--json"]) == 0
    (recording,) = json.loads(capsys.readouterr().out)["recordings"]
    truth = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    assert recording["sources"] == ["imu", "force"]
    assert len(recording["stretches"]) == len(truth["stretches"])
    caught = [one for one in truth["stretches"] if one["catch_time_s"] is not None]
    assert caught
    for found, planted in zip(recording["stretches"], truth["stretches"], strict=True):
        assert found["velocity"] == planted["velocity"]
        if planted["catch_time_s"] is None:
            assert found["catch"] is None
        else:
            assert found["catch"]["angle_deg"] == pytest.approx(planted["catch_angle_deg"], abs=CATCH_DEG)
            assert found["catch"]["time_s"] == pytest.approx(planted["catch_time_s"], abs=CATCH_S)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--sensors", "abacus"], "goniometer, witmotion, dot, capture2go"),
        (["--grade", "7"], "0, 1, 1+, 2, 3, 4"),
        (["--loss", "1.5"], "--loss"),
    ],
)
def test_unusable_arguments_are_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert run(["sensors", "simulate", "--out", str(tmp_path / "exam"), *arguments]) == UNUSABLE
    complaint = capsys.readouterr().err
    assert told in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "exam").exists()


def test_a_folder_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sensors", "simulate", "--out", str(tmp_path)]) == UNUSABLE
    assert "is there already" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
