"""Gaps of sensors on their way into a finding: shown, flagged, not graded."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.assess import assess
from analysis.errors import DataError
from analysis.finding import Assessment
from analysis.model import Gap
from analysis.muscles import MuscleGroup
from analysis.simulate import SensorModel, VirtualExam, draw_cohort, simulate_exam
from records.assemble import assemble
from records.copying import content_sha256, copy_recording
from records.errors import RecordError
from records.folder import read_folder
from records.gaps import step_gaps, stream_gaps
from records.virtual import write_exam


@pytest.fixture(scope="module")
def exam() -> VirtualExam:
    (patient,) = draw_cohort(1, seed=4, muscle_groups=(MuscleGroup.ELBOW_FLEXORS,))
    return simulate_exam(patient, seed=4, sensors=SensorModel(loss_fraction=0.0))


@pytest.fixture
def folder(exam: VirtualExam, tmp_path: Path) -> Path:
    return write_exam(exam, tmp_path / "exam", started_at=datetime(2026, 1, 1, tzinfo=UTC), code="V001", with_emg=False)


def cut(table: Path, from_s: float, to_s: float) -> None:
    """Lose the rows between two times."""
    header, *rows = table.read_text().splitlines()
    kept = [row for row in rows if not from_s < float(row.split(",")[0]) < to_s]
    table.write_text("\n".join([header, *kept, ""]))


def amend(folder: Path, stream: str, **keys: object) -> None:
    said = json.loads((folder / "recording.json").read_text())
    for entry in said["streams"]:
        if entry["file"] == stream:
            entry.update(keys)
    said.update({key: value for key, value in keys.items() if not stream})
    (folder / "recording.json").write_text(json.dumps(said))


def assessed(folder: Path) -> Assessment:
    return assess(assemble(read_folder(folder)).recording)


@pytest.mark.parametrize("stream", ["imu_distal.csv", "force.csv"])
@pytest.mark.parametrize("lost_s", [0.08, 0.3])
def test_a_stretch_with_a_gap_is_shown_flagged_and_left_out(folder: Path, stream: str, lost_s: float) -> None:
    whole = assessed(folder)
    graded = [found for found in whole.stretches if not found.quality]
    assert len(graded) == len(whole.stretches) >= 4
    hit = whole.stretches[1].stretch
    middle_s = 0.5 * (hit.start_s + hit.end_s)
    cut(folder / stream, middle_s - lost_s / 2, middle_s + lost_s / 2)
    holed = assessed(folder)
    flagged = [found for found in holed.stretches if found.quality]
    assert len(holed.stretches) == len(whole.stretches)
    assert len(flagged) == 1
    assert flagged[0].stretch.start_s == pytest.approx(hit.start_s, abs=0.3)
    assert "sent nothing for" in " ".join(flagged[0].quality)


def test_one_lost_packet_is_bridged(folder: Path) -> None:
    hit = assessed(folder).stretches[1].stretch
    middle_s = 0.5 * (hit.start_s + hit.end_s)
    cut(folder / "imu_distal.csv", middle_s - 0.014, middle_s + 0.014)
    assert not any(found.quality for found in assessed(folder).stretches)


def test_a_change_of_clock_within_a_stretch_is_a_gap_however_short(folder: Path) -> None:
    hit = assessed(folder).stretches[2].stretch
    middle_s = 0.5 * (hit.start_s + hit.end_s)
    amend(folder, "imu_distal.csv", segments=[[0.0, middle_s], [middle_s + 0.002, 999.0]])
    flagged = [found for found in assessed(folder).stretches if found.quality]
    assert len(flagged) == 1
    assert "changed its clock or connection" in flagged[0].quality[0]


def test_what_went_wrong_becomes_a_warning_and_survives_a_copy(folder: Path, tmp_path: Path) -> None:
    before = content_sha256(read_folder(folder))
    amend(folder, "", quality=["GONIO-1 was connected anew 2 times: each time is a gap"])
    amend(folder, "imu_distal.csv", segments=[[0.0, 5.0], [5.5, 99.0]])
    source = read_folder(folder)
    assert content_sha256(source) != before
    assert any("connected anew" in warning for warning in assemble(source).recording.warnings)
    (tmp_path / "copy").mkdir()
    copy_recording(source, tmp_path / "copy", source.subject)
    copied = read_folder(tmp_path / "copy")
    assert copied.quality == source.quality
    assert [entry.segments for entry in copied.streams] == [entry.segments for entry in source.streams]
    assert content_sha256(copied) == content_sha256(source)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("quality", "text"),
        ("quality", [1]),
        ("segments", [[1.0]]),
        ("segments", [[2.0, 1.0]]),
        ("segments", [[2, 3], [0, 1]]),
    ],
)
def test_wrong_keys_are_refused(folder: Path, key: str, value: object) -> None:
    amend(folder, "" if key == "quality" else "imu_distal.csv", **{key: value})
    with pytest.raises(RecordError, match=key):
        read_folder(folder)


@given(st.sets(st.integers(1, 998), max_size=60))
def test_every_gap_is_found_and_nothing_else(missing: set[int]) -> None:
    time_s = np.array([i * 0.005 for i in range(1000) if i not in missing])
    gaps = step_gaps(time_s, ())
    lost = np.diff(time_s)
    assert len(gaps) == (lost > 0.05).sum()
    assert all(end - start > 0.05 for start, end in gaps)


def test_gaps_name_their_sensor() -> None:
    (gap,) = stream_gaps("the distal sensor", np.array([0.0, 0.005, 0.01, 0.4, 0.405]), ())
    assert gap == Gap(start_s=0.01, end_s=0.4, reason="the distal sensor sent nothing for 390 ms")
    with pytest.raises(DataError, match="before it ends"):
        Gap(start_s=1.0, end_s=1.0, reason="")
