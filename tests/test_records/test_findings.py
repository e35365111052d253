"""An assessment as the contract's JSON and as a table of angles."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.finding import Assessment, Pendulum, Tardieu
from records.errors import RecordError, StoreError
from records.findings import finding_of, write_angles

Planted = Callable[..., Assessment]
KEYS = {
    "": "path muscle_group side test sources angle stretches tardieu threshold pendulum mas warnings",
    "angle": "rate_hz n zero file",
    "tardieu": "r1_deg r2_deg spasticity_angle_deg x",
    "threshold": "tsrt_deg mu_s tsrt_ci95_deg n",
    "mas": "grade probabilities set90",
}
STRETCH_KEYS = "start_s end_s start_deg end_deg peak_velocity_deg_s velocity catch resistance quality"
CATCH_KEYS = "time_s angle_deg stretch_deg probability method"
RESISTANCE_KEYS = "peak_Nm peak_excess_Nm work_J stiffness_Nm_per_rad viscosity_Nms_per_rad kind"
PENDULUM_KEYS = "a0_deg a1_deg relaxation_index r2n swings area_ratio period_s damping_ratio"


def numbers(value: Any) -> list[float]:  # noqa: ANN401
    if isinstance(value, dict):
        return [number for one in value.values() for number in numbers(one)]
    if isinstance(value, list):
        return [number for one in value for number in numbers(one)]
    return [value] if isinstance(value, float) else []


def test_the_finding_has_every_key_of_the_contract(planted_assessment: Planted) -> None:
    found = finding_of(planted_assessment(), path="somewhere/exam", angle_file=Path("angles/exam.csv"))
    for part, keys in KEYS.items():
        assert set(keys.split()) <= set(found[part] if part else found)
    slow, fast = found["stretches"]
    assert set(STRETCH_KEYS.split()) <= set(slow)
    assert set(CATCH_KEYS.split()) <= set(fast["catch"])
    assert set(RESISTANCE_KEYS.split()) == set(fast["resistance"])
    assert slow["catch"] is None
    assert slow["resistance"] is None
    assert (found["path"], found["angle"]["file"]) == ("somewhere/exam", "angles/exam.csv")
    assert found["sources"] == ["imu", "force"]
    assert found["angle"]["rate_hz"] == 200.0
    assert found["angle"]["n"] == 2000
    assert found["angle"]["zero"] == "reference_pose"
    assert found["mas"]["grade"] == "1+"
    assert list(found["mas"]["probabilities"]) == ["0", "1", "1+", "2", "3", "4"]
    assert found["warnings"] == ["no EMG"]


def test_the_finding_is_plain_json_with_finite_numbers(planted_assessment: Planted) -> None:
    found = finding_of(planted_assessment(), path="exam")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert all(math.isfinite(number) for number in numbers(found))
    assert found["stretches"][1]["resistance"]["work_J"] is None
    assert found["stretches"][1]["resistance"]["viscosity_Nms_per_rad"] == 0.1235


def test_what_was_not_found_is_null(planted_assessment: Planted) -> None:
    bare = replace(
        planted_assessment(),
        stretches=(),
        curves=(),
        tardieu=Tardieu(r1_deg=None, r2_deg=float("nan"), spasticity_angle_deg=None, x=None),
        threshold=None,
        grade=None,
    )
    found = finding_of(bare, path="exam")
    assert found["tardieu"] == {"r1_deg": None, "r2_deg": None, "spasticity_angle_deg": None, "x": None}
    assert (found["threshold"], found["pendulum"], found["mas"], found["stretches"]) == (None, None, None, [])
    assert found["sources"] == ["imu"]


def test_a_pendulum_is_printed_as_it_is(planted_assessment: Planted) -> None:
    pendulum = Pendulum(
        a0_deg=54.4, a1_deg=87.8, relaxation_index=1.61, r2n=1.01, swings=6, area_ratio=2.0, period_s=None,
        damping_ratio=0.1,
    )  # fmt: skip
    found = finding_of(replace(planted_assessment(), pendulum=pendulum), path="exam")["pendulum"]
    assert set(found) == {*PENDULUM_KEYS.split(), "release_s", "resting_deg", "peak_velocity_deg_s", "model"}
    assert found["model"] is None
    assert (found["r2n"], found["swings"], found["period_s"]) == (1.01, 6, None)


def test_the_angle_table_is_what_numpy_reads_back(planted_assessment: Planted, tmp_path: Path) -> None:
    assessment = planted_assessment()
    path = write_angles(assessment, tmp_path / "new" / "angles", "exam 1")
    assert path == tmp_path / "new" / "angles" / "exam 1.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "time_s,angle_deg,source"
    assert lines[1].endswith(",imu")
    assert lines[111] == "0.550000,,"
    table = np.genfromtxt(path, delimiter=",", names=True)
    np.testing.assert_allclose(table["time_s"], assessment.recording.angle.time_s, atol=1e-6)
    np.testing.assert_allclose(table["angle_deg"], assessment.recording.angle.angle_deg, atol=1e-6)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b"])
def test_a_name_that_is_no_file_name_is_refused(planted_assessment: Planted, tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordError, match="no name of a file"):
        write_angles(planted_assessment(), tmp_path, name)


def test_angles_are_written_whole_or_not_at_all(
    planted_assessment: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_angles(planted_assessment(), tmp_path, "exam")
    before = path.read_bytes()

    def refuse(_file: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StoreError, match="No space left on device"):
        write_angles(planted_assessment(r1_deg=50), tmp_path, "exam")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_refused(planted_assessment: Planted, tmp_path: Path) -> None:
    (tmp_path / "angles").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be written"):
        write_angles(planted_assessment(), tmp_path / "angles", "exam")
