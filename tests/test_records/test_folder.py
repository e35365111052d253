"""What a recording folder must say, and what it must not."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analysis.model import ReferencePose, Sex, Side, Source, TestKind
from analysis.muscles import MuscleGroup
from records.errors import NewerVersionError, RecordError
from records.folder import UNKNOWN_SUBJECT, bare_file, open_recording, read_folder
from records.manifest import Segment

FolderMaker = Callable[..., Path]
ANGLE = {"kind": "angle", "file": "angle.csv"}
FORCE = {"kind": "force", "file": "force.csv", "lever_m": 0.25}
PROXIMAL = {"kind": "imu", "file": "p.csv", "segment": "proximal"}
DISTAL = {"kind": "imu", "file": "d.csv", "segment": "distal"}


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def test_a_folder_says_everything_that_it_was_given(make_folder: FolderMaker, tmp_path: Path) -> None:
    path = make_folder(
        tmp_path / "exam",
        [
            PROXIMAL,
            {**DISTAL, "clock_offset_s": -0.012},
            FORCE,
            {**ANGLE, "remark": "extra keys are tolerated"},
        ],
        reference_pose={"time_s": 0.2, "angle_deg": 130.0},
        simulated=True,
        remark="extra",
    )
    found = read_folder(path)
    assert (found.name, found.muscle_group, found.side) == ("exam", MuscleGroup.ELBOW_FLEXORS, Side.LEFT)
    assert found.test is TestKind.PASSIVE_STRETCH
    assert found.simulated
    assert (found.subject.code, found.subject.sex, found.subject.height_m) == ("P001", Sex.FEMALE, 1.68)
    assert found.started_at is not None
    assert found.started_at.utcoffset() == timedelta(hours=1)
    assert found.reference_pose == ReferencePose(time_s=0.2, angle_deg=130.0)
    assert [entry.kind for entry in found.streams] == [Source.IMU, Source.IMU, Source.FORCE, Source.ANGLE]
    assert found.streams[1].segment is Segment.DISTAL
    assert found.streams[1].clock_offset_s == -0.012
    assert found.streams[2].lever_m == 0.25
    assert found.streams[2].file == (path / "force.csv").resolve()


def test_a_byte_order_mark_and_missing_optional_keys_do_no_harm(make_folder: FolderMaker, tmp_path: Path) -> None:
    path = make_folder(tmp_path / "exam", [ANGLE], started_at=None, subject={"code": "P1"})
    text = (path / "recording.json").read_text(encoding="utf-8")
    (path / "recording.json").write_text(text, encoding="utf-8-sig")
    found = read_folder(path)
    assert found.started_at is None
    assert found.subject.body_mass_kg is None


BAD_MANIFESTS: list[tuple[dict[str, Any], str]] = [
    ({"format": "other"}, "catchangle-recording"),
    ({"format": None}, "catchangle-recording"),
    ({"version": "1"}, "version"),
    ({"version": True}, "version"),
    ({"version": 0}, "version"),
    ({"muscle_group": "biceps"}, "elbow_flexors, elbow_extensors, wrist_flexors"),
    ({"muscle_group": ["elbow_flexors"]}, "elbow_flexors, elbow_extensors"),
    ({"side": "links"}, "left, right"),
    ({"test": "clonus"}, "passive_stretch, pendulum"),
    ({"subject": {}}, '"subject": "code" is missing'),
    ({"subject": {"code": " "}}, "code"),
    ({"subject": {"code": 7}}, "a text; got 7"),
    ({"subject": "P001"}, "expected an object"),
    ({"subject": {"code": "P1", "sex": "f"}}, "female, male"),
    ({"subject": {"code": "P1", "body_mass_kg": "61 kg"}}, "a number"),
    ({"subject": {"code": "P1", "height_m": 168}}, "height_m between 0.4 and 2.6"),
    ({"subject": {"code": "P1", "height_m": 10**400}}, "a number"),
    ({"started_at": "2026-01-31T10:00:00"}, "zone"),
    ({"started_at": "yesterday"}, "zone"),
    ({"started_at": 17}, "zone"),
    ({"reference_pose": {"time_s": 0.1}}, '"angle_deg" is missing'),
    ({"reference_pose": {"time_s": 0.1, "angle_deg": "130"}}, "a number"),
    ({"reference_pose": {"time_s": 0.1, "angle_deg": 13000}}, "degrees"),
    ({"simulated": "no"}, "true or false"),
    ({"streams": []}, "lists nothing"),
    ({"streams": {}}, "lists nothing"),
    ({"streams": ["angle.csv"]}, "streams[0]"),
    ({"streams": [{"kind": "sound", "file": "a.csv"}]}, "video, imu, angle, force, emg"),
    ({"streams": [{"kind": "angle"}]}, '"file" is missing'),
    ({"streams": [{"kind": "angle", "file": ""}]}, "a text"),
    ({"streams": [{**ANGLE, "clock_offset_s": "0"}]}, "a number"),
    ({"streams": [ANGLE, {"kind": "force", "file": "force.csv"}]}, '"lever_m" is missing'),
    ({"streams": [ANGLE, {**FORCE, "lever_m": 25}]}, "metres"),
    ({"streams": [ANGLE, {**FORCE, "lever_m": 0}]}, "metres"),
    ({"streams": [ANGLE, {**FORCE, "lever_m": None}]}, "a number"),
    ({"streams": [FORCE]}, "no stream gives the joint angle"),
    ({"streams": [ANGLE, FORCE, {**FORCE, "file": "force2.csv"}]}, "one force stream"),
    ({"streams": [ANGLE, ANGLE]}, "same file"),
    ({"streams": [PROXIMAL]}, 'one IMU (proximal) instead of two; add the one of the "distal" segment'),
    ({"streams": [PROXIMAL, ANGLE]}, "instead of two"),
    ({"streams": [PROXIMAL, {**DISTAL, "segment": "proximal"}]}, 'one "proximal" and one "distal"'),
    ({"streams": [PROXIMAL, DISTAL, {**DISTAL, "file": "e.csv"}]}, 'one "proximal" and one "distal"'),
    ({"streams": [PROXIMAL, {"kind": "imu", "file": "d.csv"}]}, '"segment" is missing'),
    ({"streams": [PROXIMAL, {**DISTAL, "segment": "upper arm"}]}, "proximal, distal"),
    ({"streams": [ANGLE, {"kind": "emg", "file": "emg.csv"}]}, '"muscle" is missing'),
    ({"streams": [{"kind": "video", "file": "v.mp4", "rotation_deg": 45}]}, "multiple of 90"),
    ({"streams": [{"kind": "video", "file": "v.mp4", "patient_box": [1, 2, 3]}]}, "[x, y, width, height]"),
    ({"streams": [{"kind": "video", "file": "v.mp4", "patient_box": [1, 2, 0, 4]}]}, "[x, y, width, height]"),
]


@pytest.mark.parametrize(("changes", "said"), BAD_MANIFESTS, ids=[str(number) for number in range(len(BAD_MANIFESTS))])
def test_a_manifest_that_breaks_a_rule_is_refused(
    make_folder: FolderMaker, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = make_folder(tmp_path / "exam", [ANGLE, FORCE])
    whole = json.loads((path / "recording.json").read_text(encoding="utf-8"))
    (path / "recording.json").write_text(json.dumps({**whole, **changes}), encoding="utf-8")
    with pytest.raises(RecordError) as error:
        read_folder(path)
    assert said in one_line(error)
    assert str(path / "recording.json") in str(error.value)


@pytest.mark.parametrize("key", ["muscle_group", "side", "test", "subject", "streams"])
def test_a_missing_key_is_named(make_folder: FolderMaker, tmp_path: Path, key: str) -> None:
    path = make_folder(tmp_path / "exam", [ANGLE])
    whole = json.loads((path / "recording.json").read_text(encoding="utf-8"))
    del whole[key]
    (path / "recording.json").write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(RecordError, match=f'"{key}" is missing'):
        read_folder(path)


def test_a_newer_version_is_told_from_a_damaged_one(make_folder: FolderMaker, tmp_path: Path) -> None:
    path = make_folder(tmp_path / "exam", [ANGLE], version=2, muscle_group="not known yet")
    with pytest.raises(NewerVersionError) as error:
        read_folder(path)
    assert error.value.found_version == "2"
    assert "update catchangle" in one_line(error)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "expected an object"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": ' + b"1" * 5000 + b"}", "not JSON"),
        (b" " * (2 << 20), "larger"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "recording.json").write_bytes(content)
    with pytest.raises(RecordError) as error:
        read_folder(tmp_path)
    assert said in one_line(error)


def test_a_folder_without_recording_json_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"has no recording\.json"):
        open_recording(tmp_path)
    with pytest.raises(RecordError, match="no such folder"):
        read_folder(tmp_path / "absent")


@pytest.mark.parametrize(
    "name",
    ["../angle.csv", "/etc/passwd", "sub/../../angle.csv", "..\\angle.csv", "C:\\angle.csv", "\\\\host\\a.csv", "a\n"],
)
def test_a_stream_outside_the_folder_is_refused(make_folder: FolderMaker, tmp_path: Path, name: str) -> None:
    make_folder(tmp_path / "other", [ANGLE])
    (tmp_path / "angle.csv").write_bytes((tmp_path / "other" / "angle.csv").read_bytes())
    path = make_folder(tmp_path / "exam", [ANGLE])
    whole = json.loads((path / "recording.json").read_text(encoding="utf-8"))
    whole["streams"][0]["file"] = name
    (path / "recording.json").write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(RecordError, match="outside the folder"):
        read_folder(path)


def test_a_link_that_leads_out_is_refused_and_one_inside_is_followed(make_folder: FolderMaker, tmp_path: Path) -> None:
    path = make_folder(tmp_path / "exam", [ANGLE])
    (path / "angle.csv").rename(path / "inside.csv")
    (path / "angle.csv").symlink_to(path / "inside.csv")
    assert read_folder(path).streams[0].file.name == "inside.csv"
    (path / "inside.csv").rename(tmp_path / "outside.csv")
    (path / "angle.csv").unlink()
    (path / "angle.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(RecordError, match="outside the folder"):
        read_folder(path)
    (path / "angle.csv").unlink()
    (path / "angle.csv").symlink_to(path / "angle.csv")
    with pytest.raises(RecordError):
        read_folder(path)


def test_a_missing_stream_file_is_named(make_folder: FolderMaker, tmp_path: Path) -> None:
    path = make_folder(tmp_path / "exam", [ANGLE])
    (path / "angle.csv").unlink()
    with pytest.raises(RecordError) as error:
        read_folder(path)
    assert str(path / "angle.csv") in one_line(error)
    (path / "angle.csv").mkdir()
    with pytest.raises(RecordError, match="not there"):
        read_folder(path)


def test_a_bare_table_enters_as_a_folder_of_one_stream(write_angle: FolderMaker, tmp_path: Path) -> None:
    path = write_angle(tmp_path / "trial 7.csv")
    found = open_recording(path, "knee_flexors", "right")
    assert (found.name, found.muscle_group, found.side) == ("trial 7", MuscleGroup.KNEE_FLEXORS, Side.RIGHT)
    assert found.subject.code == UNKNOWN_SUBJECT
    assert [entry.kind for entry in found.streams] == [Source.ANGLE]


def test_any_other_bare_file_is_taken_for_a_video(tmp_path: Path) -> None:
    path = tmp_path / "clip.MOV"
    path.write_bytes(b"whatever")
    found = bare_file(path, MuscleGroup.KNEE_FLEXORS, Side.LEFT)
    assert [entry.kind for entry in found.streams] == [Source.VIDEO]


def test_a_bare_table_of_something_else_is_refused(write_force: FolderMaker, tmp_path: Path) -> None:
    path = write_force(tmp_path / "force.csv")
    with pytest.raises(RecordError, match="angle_deg missing"):
        open_recording(path, "knee_flexors", "left")


@pytest.mark.parametrize(
    ("group", "side", "said"),
    [(None, "left", "--muscle-group"), ("knee_flexors", None, "--side"), ("biceps", "left", "elbow_flexors"),
     ("knee_flexors", "links", "left, right")],
)  # fmt: skip
def test_a_bare_file_needs_options_that_exist(
    write_angle: FolderMaker, tmp_path: Path, group: str | None, side: str | None, said: str
) -> None:
    with pytest.raises(RecordError) as error:
        open_recording(write_angle(tmp_path / "a.csv"), group, side)
    assert said in one_line(error)


def test_options_must_agree_with_a_folder(folder: Path) -> None:
    assert open_recording(folder / "recording.json", "elbow_flexors", "left") == open_recording(folder)
    with pytest.raises(RecordError, match="says side left, the option says right"):
        open_recording(folder, "elbow_flexors", "right")


def test_a_path_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such file"):
        open_recording(tmp_path / "absent.mp4", "knee_flexors", "left")
    with pytest.raises(RecordError, match="no such file"):
        bare_file(tmp_path / "absent.mp4", MuscleGroup.KNEE_FLEXORS, Side.LEFT)
