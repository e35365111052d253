"""``catchangle validate``: planted agreement is told, wrong tables are refused in one line."""

import json
from pathlib import Path

import pytest

from analysis.finding import GRADES
from dashboard.cli.application import run
from records.errors import RecordError
from records.ratings import read_ratings


def write(folder: Path, rows: list[str], header: str = "recording,rater,mas,objective") -> Path:
    path = folder / "ratings.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def rated(folder: Path) -> Path:
    """Twelve exams; rater A agrees with the program throughout, B is a grade higher on every third."""
    rows = []
    for i in range(12):
        grade = GRADES[i % 6]
        higher = GRADES[min(i % 6 + (i % 3 == 0), 5)]
        rows += [f"exam_{i},A,{grade},{grade}", f"exam_{i},B,{higher},"]
    return write(folder, rows)


def test_planted_agreement_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(rated(tmp_path)), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["recordings"], report["graded"], report["raters"]) == (12, 12, ["A", "B"])
    with_a, with_b = report["objective_with_raters"]
    assert with_a["kappa_quadratic"]["value"] == pytest.approx(1.0)
    assert with_a["exact"] == 1.0
    assert with_b["exact"] == pytest.approx(8 / 12, abs=1e-3)
    assert with_b["within_one_grade"] == 1.0
    assert with_b["kappa_linear"]["value"] < with_b["kappa_quadratic"]["value"] < 1.0
    assert report["raters_with_each_other"][0]["raters"] == ["A", "B"]
    assert report["all_raters"]["krippendorff_alpha"]["value"] < 1.0


def test_a_person_reads_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(rated(tmp_path))]) == 0
    assert "catchangle – A" in capsys.readouterr().out


def test_recordings_are_analysed_and_angles_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--out", str(tmp_path / "virtual"), "--patients", "2", "--seed", "13"]) == 0
    folders = sorted(path.name for path in (tmp_path / "virtual").iterdir())
    capsys.readouterr()
    rows = [f"virtual/{name},A,2,{30 + 5 * i},{10 + 3 * i}" for i, name in enumerate(folders)]
    path = write(tmp_path, [*rows, "virtual/missing,A,1,,"], header="recording,rater,mas,r1_deg,r2_deg")
    assert run(["validate", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["recordings"] == len(folders) + 1
    assert report["graded"] == len(folders)
    assert any("missing" in warning for warning in report["warnings"])
    assert any(angle["measure"] == "r2_deg" and angle["n"] == len(folders) for angle in report["angles"])


@pytest.mark.parametrize(
    ("header", "rows", "words"),
    [
        ("recording,rater", ["a,A"], "no column mas"),
        ("recording,mas", ["a,1"], "no column rater"),
        ("recording,rater,mas", ["a,A,1.5"], r"row 2: '1\.5' is no modified Ashworth grade"),
        ("recording,rater,mas", ["a,A,1", "a,A,2"], "row 3: A rates a twice"),
        ("recording,rater,mas", ["a,,1"], "column rater, row 2: empty"),
        ("recording,rater,mas,r1_deg", ["a,A,1,ten"], "column r1_deg, row 2"),
        ("recording,rater,mas", [], "no ratings below the header"),
        ("recording,rater,mas,side", ["a,A,1,up"], "neither left nor right"),
    ],
)
def test_wrong_tables_are_refused_by_column_and_row(tmp_path: Path, header: str, rows: list[str], words: str) -> None:
    with pytest.raises(RecordError, match=words):
        read_ratings(write(tmp_path, rows, header=header))


def test_too_few_shared_recordings_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(write(tmp_path, ["a,A,1,1", "b,A,2,2"]))]) == 2
    assert "share enough" in capsys.readouterr().err
    assert run(["validate", str(tmp_path / "none.csv")]) == 2
