"""Landmarks to and from other tools' files: what was written comes back, what is damaged is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.model import JointAngle, Side, Source, Zero
from analysis.muscles import Joint, MuscleGroup
from capture.landmarks import POSE_LANDMARKS, LandmarkTracks
from records.errors import RecordError, StoreError
from records.landmark_files import is_landmark_file, read_markers, write_landmarks
from records.landmark_names import our_name
from records.landmark_source import measure_landmarks
from records.mot import read_mot
from records.tables import read_columns

N = 40
RATE_HZ = 50.0
TIME_S = np.arange(N) / RATE_HZ
FLEXION_DEG = 70.0 - 50.0 * TIME_S


def planted() -> LandmarkTracks:
    """Draw a left arm that extends, among landmarks that stand still; the nose is not seen in three frames."""
    rng = np.random.default_rng(3)
    xy_px = np.tile(rng.uniform(50, 400, (1, 33, 2)), (N, 1, 1))
    elbow = np.array([200.0, 200.0])
    bent = np.radians(FLEXION_DEG)
    xy_px[:, POSE_LANDMARKS.index("left_shoulder")] = elbow - (0, 120)
    xy_px[:, POSE_LANDMARKS.index("left_elbow")] = elbow
    xy_px[:, POSE_LANDMARKS.index("left_wrist")] = elbow + 100 * np.stack([np.sin(bent), np.cos(bent)], axis=1)
    confidence = np.full((N, 33), 0.9)
    xy_px[4:7, 0], confidence[4:7, 0] = np.nan, 0.0
    return LandmarkTracks(
        time_s=TIME_S, names=POSE_LANDMARKS, xy_px=xy_px, confidence=confidence, width_px=640, height_px=480
    )


def planted_angle() -> JointAngle:
    return JointAngle(
        time_s=TIME_S,
        angle_deg=FLEXION_DEG,
        sd_deg=np.full(N, 2.0),
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=25.0,
    )


@pytest.mark.parametrize(("name", "rate_hz"), [("a.csv", None), ("a.parquet", None), ("a.trc", None), ("a", RATE_HZ)])
def test_what_is_written_comes_back(tmp_path: Path, name: str, rate_hz: float | None) -> None:
    tracks = planted()
    write_landmarks(tmp_path / name, tracks)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    markers = read_markers(tmp_path / name, rate_hz=rate_hz)
    assert np.abs(markers.time_s - TIME_S).max() < 1e-4
    common = [landmark for landmark in POSE_LANDMARKS if landmark in markers.names]
    assert len(common) >= 20
    for landmark in common:
        ours = tracks.xy_px[:, POSE_LANDMARKS.index(landmark)]
        theirs = markers.xyz[:, markers.names.index(landmark), :2]
        assert np.allclose(theirs, ours, atol=1e-3, equal_nan=True), landmark
    assert (markers.confidence[4:7, markers.names.index("nose")] == 0).all()


@pytest.mark.parametrize(("name", "rate_hz"), [("a.csv", None), ("a.parquet", None), ("a.trc", None), ("a", RATE_HZ)])
def test_the_joint_is_measured_instead_of_a_video(tmp_path: Path, name: str, rate_hz: float | None) -> None:
    write_landmarks(tmp_path / name, planted())
    found = measure_landmarks(tmp_path / name, MuscleGroup.ELBOW_FLEXORS, Side.LEFT, rate_hz=rate_hz)
    assert found.angle.angle_deg == pytest.approx(FLEXION_DEG, abs=0.01)
    assert found.gradable
    assert "another program's" in found.warnings[-1]


def test_the_angle_stands_beside_the_landmarks(tmp_path: Path) -> None:
    for name in ("a.csv", "a.parquet"):
        write_landmarks(tmp_path / name, planted(), planted_angle())
        columns = read_columns(tmp_path / name, ["time_s", "angle_deg", "sd_deg", "left_wrist_x_px"])
        assert columns["angle_deg"] == pytest.approx(FLEXION_DEG, abs=1e-3)


def test_trc_is_as_opensim_reads_it(tmp_path: Path) -> None:
    write_landmarks(tmp_path / "a.trc", planted())
    lines = (tmp_path / "a.trc").read_text().splitlines()
    assert lines[0] == "PathFileType\t4\t(X/Y/Z)\ta.trc"
    assert lines[2].split("\t")[:5] == ["50", "50", str(N), "33", "px"]
    assert lines[3].split("\t")[:6] == ["Frame#", "Time", "nose", "", "", "left_eye_inner"]
    assert lines[4].split("\t")[2:5] == ["X1", "Y1", "Z1"]
    assert {len(line.split("\t")) for line in lines[6:]} == {2 + 3 * 33}  # OpenSim counts them
    assert lines[6 + 4].split("\t")[2:5] == ["nan", "nan", "nan"]


def test_openpose_has_its_25_points_and_two_hands(tmp_path: Path) -> None:
    write_landmarks(tmp_path / "film_json", planted())
    files = sorted((tmp_path / "film_json").iterdir())
    assert files[7].name == "film_json_000000000007_keypoints.json"
    (person,) = json.loads(files[5].read_text())["people"]
    assert len(person["pose_keypoints_2d"]) == 3 * 25
    assert len(person["hand_left_keypoints_2d"]) == 3 * 21
    assert person["pose_keypoints_2d"][:3] == [0, 0, 0]  # the nose was not seen
    assert person["pose_keypoints_2d"][3 * 6 : 3 * 7] == pytest.approx([200, 200, 0.9])


def test_a_folder_that_is_there_already_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(StoreError, match="is there already"):
        write_landmarks(tmp_path / "out", planted())
    assert not list((tmp_path / "out").iterdir())


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"\.trc"):
        write_landmarks(tmp_path / "a.xlsx", planted())


@pytest.mark.parametrize("name", ["RKnee", "r_knee", "knee_r", "KneeRight", "Right Knee", "rknee", "right_knee"])
def test_names_of_other_tools_are_known(name: str) -> None:
    assert our_name(name) == "right_knee"


@pytest.mark.parametrize("name", ["Neck", "marker 7", "knee", "left_right_knee", "LKnee_study"])
def test_names_that_we_have_not_stay(name: str) -> None:
    assert our_name(name) == name


def deeplabcut(path: Path, *, animals: tuple[str, ...] = (), cut: bool = False) -> Path:
    """Write what DeepLabCut exports."""
    tracks = planted()
    parts = ("shoulder_L", "elbow_L", "wrist_L")
    ours = [POSE_LANDMARKS.index(name) for name in ("left_shoulder", "left_elbow", "left_wrist")]
    owners = animals or ("",)
    columns = [(owner, part, what) for owner in owners for part in parts for what in ("x", "y", "likelihood")]
    lines = [",".join(["scorer", *["DLC_resnet50"] * len(columns)])]
    if animals:
        lines.append(",".join(["individuals", *(owner for owner, _, _ in columns)]))
    lines.append(",".join(["bodyparts", *(part for _, part, _ in columns)]))
    lines.append(",".join(["coords", *(what for _, _, what in columns)]))
    for frame in range(N):
        cells = [f"{value}" for place in ours for value in (*tracks.xy_px[frame, place], 0.95)]
        lines.append(",".join([str(frame), *(cells * len(owners))]))
    text = "\n".join(lines)
    path.write_text(text[: len(text) - 60] if cut else text + "\n")
    return path


def test_deeplabcut_is_measured(tmp_path: Path) -> None:
    path = deeplabcut(tmp_path / "dlc.csv")
    found = measure_landmarks(path, MuscleGroup.ELBOW_FLEXORS, Side.LEFT, rate_hz=RATE_HZ)
    assert found.angle.angle_deg == pytest.approx(FLEXION_DEG, abs=1e-6)
    assert found.angle.time_s == pytest.approx(TIME_S)


def test_a_frame_rate_is_asked_for_where_none_is_said_and_refused_where_one_is(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="does not say its frame rate"):
        read_markers(deeplabcut(tmp_path / "dlc.csv"))
    write_landmarks(tmp_path / "a.trc", planted())
    with pytest.raises(RecordError, match="has times of its own"):
        read_markers(tmp_path / "a.trc", rate_hz=30.0)


def test_several_animals_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="several individuals"):
        read_markers(deeplabcut(tmp_path / "dlc.csv", animals=("patient", "examiner")), rate_hz=30.0)


SPORTS2D = (
    "PathFileType\t4\t(X/Y/Z)\tdemo_px_person00.trc\n"
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
    "30\t30\t3\t3\tm\t30\t0\t3\n"
    "Frame#\tTime\tRHip\t\t\tRKnee\t\t\tRAnkle\t\t\t\n"
    "\t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3\n"
    "0\t0.0\t100.0\t100.0\t0.0\t100.0\t200.0\t0.0\t200.0\t200.0\t0.0\n"
    "1\t0.033333\t100.0\t100.0\t0.0\t100.0\t200.0\t0.0\t\t\t\n"
    "2\t0.066667\t100.0\t100.0\t0.0\t100.0\t200.0\t0.0\t150.0\t286.6025\t0.0\n"
)


def test_sports2d_trc_is_read_with_its_gaps(tmp_path: Path) -> None:
    path = tmp_path / "demo.trc"
    path.write_text(SPORTS2D)
    found = measure_landmarks(path, MuscleGroup.KNEE_FLEXORS, Side.RIGHT)
    assert found.angle.angle_deg == pytest.approx([90.0, np.nan, 30.0], abs=1e-4, nan_ok=True)


@pytest.mark.shared_data
def test_pose2sim_trc_in_metres_is_read(shared_data: Path) -> None:
    (path,) = (shared_data / "video_multiview").glob("*.trc")
    markers = read_markers(path)
    assert markers.xyz.shape == (100, 21, 3)
    assert not markers.planar
    right = measure_landmarks(path, MuscleGroup.ELBOW_FLEXORS, Side.RIGHT)
    hip, knee, ankle = (markers.xyz[:, markers.names.index(f"right_{n}")] for n in ("shoulder", "elbow", "wrist"))
    one, other = knee - hip, ankle - knee
    cosine = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert right.angle.angle_deg == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-6)


def mot(path: Path, *, degrees: bool = True) -> Path:
    values = FLEXION_DEG if degrees else np.radians(FLEXION_DEG)
    rows = [f"{time_s}\t0.0\t{value}" for time_s, value in zip(TIME_S, values, strict=True)]
    header = ["Coordinates", "version=1", f"nRows={N}", "nColumns=3", f"inDegrees={'yes' if degrees else 'no'}", ""]
    path.write_text("\n".join([*header, "endheader", "time\tright knee\tleft elbow", *rows, ""]))
    return path


@pytest.mark.parametrize("degrees", [True, False])
def test_sports2d_angles_are_taken_as_they_are(tmp_path: Path, degrees: bool) -> None:
    found = measure_landmarks(mot(tmp_path / "a.mot", degrees=degrees), MuscleGroup.ELBOW_FLEXORS, Side.LEFT)
    assert found.angle.angle_deg == pytest.approx(FLEXION_DEG, abs=1e-6)


@pytest.mark.parametrize(("joint", "message"), [(Joint.HIP, "cannot be taken"), (Joint.ANKLE, "expected columns")])
def test_angles_that_a_mot_file_has_not_are_refused(tmp_path: Path, joint: Joint, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        read_mot(mot(tmp_path / "a.mot"), joint, Side.LEFT)


def people(folder: Path, *, second: bool) -> Path:
    """Write OpenPose files in which examiner and patient change their places in the list."""
    folder.mkdir()
    for frame in range(6):
        patient = [100.0 + frame, 100.0, 0.9] * 25
        examiner = [400.0, 120.0, 0.9] * 25
        patient[3], examiner[3] = 160.0, 460.0  # give them an extent
        both = [patient, examiner] if frame % 2 else [examiner, patient]
        shown = both if second else [patient]
        text = json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": person} for person in shown]})
        (folder / f"x_{frame:012d}_keypoints.json").write_text(text)
    return folder


def test_the_patient_is_followed_whatever_the_order_of_people(tmp_path: Path) -> None:
    markers = read_markers(people(tmp_path / "two", second=True), rate_hz=30.0, patient_box=(80.0, 80.0, 100.0, 40.0))
    assert markers.xyz[:, 0, 0] == pytest.approx(100.0 + np.arange(6))


def test_among_several_people_nobody_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="2 people; say where the patient is"):
        read_markers(people(tmp_path / "two", second=True), rate_hz=30.0)
    assert read_markers(people(tmp_path / "one", second=False), rate_hz=30.0).xyz.shape[0] == 6


def broken(text: str, change: Callable[[str], str]) -> str:
    changed = change(text)
    assert changed != text
    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-40], "cut off"),
        (lambda text: text.rsplit("\n", 2)[0] + "\n", "the header says 3 frames, 2 are there"),
        (lambda text: text.replace("286.6025", "abc"), "row 8: 'abc' is not a number"),
        (lambda text: text.replace("286.6025", "inf"), "infinite"),
        (lambda text: text.replace("PathFileType", "Path"), "is no TRC file"),
        (lambda text: text.replace("0.066667", "0.01"), "increasing"),
        (lambda text: text.replace("RHip", "RKnee"), "twice"),
        (lambda text: text[:60], "is no TRC file"),
        (lambda _text: "", "is no TRC file"),
    ],
)
def test_a_damaged_trc_is_refused_in_one_line(tmp_path: Path, change: Callable[[str], str], message: str) -> None:
    path = tmp_path / "demo.trc"
    path.write_text(broken(SPORTS2D, change))
    with pytest.raises(RecordError, match=message) as caught:
        read_markers(path)
    assert "\n" not in str(caught.value)


def test_damaged_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cut off"):
        read_markers(deeplabcut(tmp_path / "dlc.csv", cut=True), rate_hz=30.0)
    folder = people(tmp_path / "one", second=False)
    victim = folder / "x_000000000003_keypoints.json"
    victim.write_text(victim.read_text()[:40])
    with pytest.raises(RecordError, match="is not JSON"):
        read_markers(folder, rate_hz=30.0)
    victim.write_text('{"people": [{}]}')
    with pytest.raises(RecordError, match="pose_keypoints_2d"):
        read_markers(folder, rate_hz=30.0)
    with pytest.raises(RecordError, match="no such file"):
        read_markers(tmp_path / "none.trc")
    (tmp_path / "empty.csv").write_text("time_s,angle_deg\n0,1\n1,2\n")
    assert not is_landmark_file(tmp_path / "empty.csv")
    with pytest.raises(RecordError, match="holds no landmarks"):
        read_markers(tmp_path / "empty.csv")
