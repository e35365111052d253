"""From a folder to one typed recording."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from analysis.errors import CatchangleError
from analysis.model import JointAngle, Side, Source, Zero
from analysis.muscles import Joint
from capture.errors import NoPatientError, VideoError
from capture.landmarks import LandmarkTracks
from capture.video_angle import VideoMeasurement
from records.assemble import assemble
from records.columns import IMU_COLUMNS
from records.errors import RecordError
from records.folder import RecordingFolder, StreamEntry, open_recording, read_folder

FolderMaker = Callable[..., Path]
TableWriter = Callable[[Path, str, np.ndarray], Path]
Movement = Callable[[np.ndarray], np.ndarray]
ANGLE = {"kind": "angle", "file": "angle.csv"}
FORCE = {"kind": "force", "file": "force.csv", "lever_m": 0.25}
VIDEO = {"kind": "video", "file": "clip.mp4"}
IMUS = [
    {"kind": "imu", "file": "imu_proximal.csv", "segment": "proximal"},
    {"kind": "imu", "file": "imu_distal.csv", "segment": "distal"},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedVideo:
    """What a video would have been measured to be."""

    angle: JointAngle
    gradable: bool = True
    warnings: tuple[str, ...] = ()


@pytest.fixture
def plant_video(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], PlantedVideo]], None]:
    """Stand in for the measurement of videos, which needs neither a decoder nor a pose model then."""

    def plant(measure: Callable[[], PlantedVideo]) -> None:
        module = ModuleType("records.video_source")

        def measure_stream(
            _folder: RecordingFolder, _entry: StreamEntry, on_progress: Callable[[float], None]
        ) -> PlantedVideo:
            on_progress(0.5)
            return measure()

        module.measure_stream = measure_stream  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "records.video_source", module)

    return plant


def video_angle(movement: Movement, *, scale: float = 1.0) -> JointAngle:
    time_s = np.arange(0.0, 10.0, 1 / 30)
    return JointAngle(
        time_s=time_s,
        angle_deg=scale * movement(time_s),
        sd_deg=np.full(time_s.shape, 4.0),
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=15.0,
    )


def folder_with_video(make_folder: FolderMaker, path: Path, streams: list[dict[str, object]]) -> RecordingFolder:
    made = make_folder(path, [*streams, VIDEO])
    (made / "clip.mp4").write_bytes(b"frames")
    return read_folder(made)


def write_hinge(folder: Path, write_table: TableWriter, movement: Movement, *, lost: int = 0) -> None:
    """Two IMUs, the proximal one still, the distal one turning about a horizontal axis as planted."""
    time_s = np.arange(0.0, 10.0, 0.01)
    smooth_deg = np.convolve(np.pad(movement(time_s), 10, mode="edge"), np.hanning(21) / np.hanning(21).sum(), "valid")
    turn = np.deg2rad(smooth_deg)
    still = np.zeros_like(time_s)
    up = np.full_like(time_s, 9.81)
    proximal = np.c_[time_s, still, still, up, still, still, still]
    rate = np.gradient(turn, time_s)
    distal = np.c_[time_s, still, 9.81 * np.sin(turn), 9.81 * np.cos(turn), rate, still, still]
    rng = np.random.default_rng(1)
    for name, values in (("imu_proximal.csv", proximal), ("imu_distal.csv", distal)):
        values[:, 1:4] += rng.normal(scale=0.02, size=(time_s.size, 3))
        values[:, 4:] += rng.normal(scale=0.002, size=(time_s.size, 3))
        values[rng.choice(time_s.size, lost, replace=False), 1:] = np.nan
        write_table(folder / name, ",".join(IMU_COLUMNS), values)


def test_a_ready_angle_with_force_and_emg(make_folder: FolderMaker, write_table: TableWriter, tmp_path: Path) -> None:
    emg = {"kind": "emg", "file": "e.csv", "muscle": "biceps"}
    path = make_folder(tmp_path / "exam", [ANGLE, {**FORCE, "clock_offset_s": 0.5}, emg])
    write_table(path / "e.csv", "time_s,emg_V", np.c_[np.arange(100) * 1e-3, np.sin(np.arange(100))])
    shares: list[float] = []
    found = assemble(read_folder(path), on_progress=shares.append)
    recording = found.recording
    assert found.video is None
    assert (recording.angle.source, recording.angle.zero) == (Source.ANGLE, Zero.ANATOMICAL)
    assert recording.alternatives == ()
    assert recording.force is not None
    assert (recording.force.lever_m, recording.force.time_s[0]) == (0.25, 0.5)
    assert [one.muscle for one in recording.emg] == ["biceps"]
    assert recording.tilt is None
    assert recording.warnings == ()
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_a_recording_without_video_loads_no_decoder(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from records.assemble import assemble;"
        "from records.folder import read_folder; assemble(read_folder(Path(sys.argv[1])));"
        "sys.exit(' '.join({'cv2', 'mediapipe', 'av', 'vqf', 'sqlalchemy'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_two_imus_give_the_planted_angle_from_the_reference_pose(
    make_folder: FolderMaker, write_table: TableWriter, movement: Movement, tmp_path: Path
) -> None:
    path = make_folder(tmp_path / "exam", [*IMUS], reference_pose={"time_s": 0.5, "angle_deg": 120.0})
    write_hinge(path, write_table, movement, lost=5)
    recording = assemble(read_folder(path)).recording
    assert (recording.angle.source, recording.angle.zero) == (Source.IMU, Zero.REFERENCE_POSE)
    planted = movement(recording.angle.time_s)
    settled = (np.abs(np.gradient(planted)) < 1e-9) & np.isfinite(recording.angle.angle_deg)
    assert np.median(np.abs(recording.angle.angle_deg - planted)[settled]) < 2.0
    assert recording.tilt is not None
    assert any("the proximal IMU lost 5 of 1000 packets" in warning for warning in recording.warnings)
    assert any("the distal IMU lost 5 of 1000 packets" in warning for warning in recording.warnings)


def test_a_ready_angle_leads_before_imus_which_are_compared(
    make_folder: FolderMaker, write_table: TableWriter, movement: Movement, tmp_path: Path
) -> None:
    path = make_folder(tmp_path / "exam", [*IMUS, ANGLE])
    write_hinge(path, write_table, lambda time_s: 0.7 * movement(time_s))
    recording = assemble(read_folder(path)).recording
    assert recording.angle.source is Source.ANGLE
    assert [one.source for one in recording.alternatives] == [Source.IMU]
    assert any("the inertial angle disagrees with the angle stream" in warning for warning in recording.warnings)


def test_a_clock_offset_moves_both_imus(
    make_folder: FolderMaker, write_table: TableWriter, movement: Movement, tmp_path: Path
) -> None:
    path = make_folder(tmp_path / "exam", [{**one, "clock_offset_s": 2.0} for one in IMUS])
    write_hinge(path, write_table, movement)
    angle = assemble(read_folder(path)).recording.angle
    assert angle.zero is Zero.RELATIVE
    assert angle.time_s[0] == pytest.approx(2.0, abs=0.05)


def test_imus_that_do_not_move_say_so(make_folder: FolderMaker, tmp_path: Path) -> None:
    with pytest.raises(RecordError) as error:
        assemble(read_folder(make_folder(tmp_path / "exam", [*IMUS])))
    assert str(tmp_path / "exam") in str(error.value)
    assert "\n" not in str(error.value)


def test_imus_that_do_not_move_are_left_out_where_another_source_remains(
    make_folder: FolderMaker, tmp_path: Path
) -> None:
    recording = assemble(read_folder(make_folder(tmp_path / "exam", [*IMUS, ANGLE]))).recording
    assert recording.angle.source is Source.ANGLE
    assert any(warning.startswith("a source is left out: ") for warning in recording.warnings)


def test_a_video_beside_imus_is_an_alternative(
    make_folder: FolderMaker, write_table: TableWriter, movement: Movement, tmp_path: Path,
    plant_video: Callable[..., None],
) -> None:  # fmt: skip
    plant_video(lambda: PlantedVideo(angle=video_angle(movement), warnings=("the light is poor",)))
    read = folder_with_video(make_folder, tmp_path / "exam", [*IMUS])
    write_hinge(tmp_path / "exam", write_table, movement)
    shares: list[float] = []
    found = assemble(read, on_progress=shares.append)
    assert found.video is not None
    assert found.recording.angle.source is Source.IMU
    assert [one.source for one in found.recording.alternatives] == [Source.VIDEO]
    assert "the light is poor" in found.recording.warnings
    assert shares == [0.0, 0.5, 1.0]
    assert any('"reference_pose": {"time_s"' in warning for warning in found.recording.warnings)


def test_a_video_that_is_not_gradable_spoils_the_grade_only_where_it_leads(
    make_folder: FolderMaker, movement: Movement, tmp_path: Path, plant_video: Callable[..., None]
) -> None:
    plant_video(
        lambda: PlantedVideo(
            angle=video_angle(movement),
            gradable=False,
            warnings=("the light is poor", "the limb moves off the plane; not graded"),
        )
    )
    alone = assemble(folder_with_video(make_folder, tmp_path / "alone", []))
    assert alone.recording.warnings == ("not graded: the limb moves off the plane", "the light is poor")
    beside = assemble(folder_with_video(make_folder, tmp_path / "beside", [ANGLE]))
    assert beside.recording.angle.source is Source.ANGLE
    assert not [warning for warning in beside.recording.warnings if warning.startswith("not graded")]
    assert "the video is for display only: the limb moves off the plane" in beside.recording.warnings


def test_a_video_without_the_patient_is_left_out_where_another_source_remains(
    make_folder: FolderMaker, tmp_path: Path, plant_video: Callable[..., None]
) -> None:
    def nobody() -> PlantedVideo:
        raise NoPatientError(Path("clip.mp4"), "nobody is in the picture")

    plant_video(nobody)
    beside = assemble(folder_with_video(make_folder, tmp_path / "beside", [ANGLE]))
    assert beside.video is None
    assert any("nobody is in the picture" in warning for warning in beside.recording.warnings)
    with pytest.raises(NoPatientError):
        assemble(folder_with_video(make_folder, tmp_path / "alone", []))


def test_a_damaged_video_is_refused_even_beside_another_source(
    make_folder: FolderMaker, tmp_path: Path, plant_video: Callable[..., None]
) -> None:
    def damaged() -> PlantedVideo:
        raise VideoError(Path("clip.mp4"), "is no video")

    plant_video(damaged)
    with pytest.raises(VideoError):
        assemble(folder_with_video(make_folder, tmp_path / "exam", [ANGLE]))


def test_a_video_is_measured_as_recording_json_says_and_put_on_its_clock(
    make_folder: FolderMaker, movement: Movement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}
    angle = video_angle(movement)
    tracks = LandmarkTracks(
        time_s=angle.time_s,
        names=("left_wrist",),
        xy_px=np.zeros((angle.time_s.size, 1, 2)),
        confidence=np.zeros((angle.time_s.size, 1)),
        width_px=640,
        height_px=480,
    )

    def measure_video(path: Path, **options: object) -> VideoMeasurement:
        asked.update(options, path=path)
        return VideoMeasurement(angle=angle, tracks=tracks, patient_box=(1, 2, 3, 4), gradable=True, warnings=())

    monkeypatch.setattr("records.video_source.measure_video", measure_video)
    stream = {**VIDEO, "rotation_deg": 90, "patient_box": [1, 2, 3, 4], "clock_offset_s": 1.5}
    path = make_folder(tmp_path / "exam", [stream], side="right")
    (path / "clip.mp4").write_bytes(b"frames")
    found = assemble(read_folder(path))
    assert asked["path"] == path / "clip.mp4"
    assert (asked["joint"], asked["side"], asked["stretch_sign"]) == (Joint.ELBOW, Side.RIGHT, -1)
    assert (asked["rotation_deg"], asked["patient_box"]) == (90, (1.0, 2.0, 3.0, 4.0))
    np.testing.assert_allclose(found.recording.angle.time_s, angle.time_s + 1.5)
    np.testing.assert_allclose(found.video.tracks.time_s, angle.time_s + 1.5)


@pytest.mark.parametrize("kind", ["angle", "force", "imu"])
@pytest.mark.parametrize("content", [b"", b"junk", b"time_s,angle_deg,force_N\n0,x,1\n", b"\x00" * 100])
def test_a_damaged_stream_is_named_whatever_it_is(
    make_folder: FolderMaker, tmp_path: Path, kind: str, content: bytes
) -> None:
    streams = {"angle": [ANGLE], "force": [ANGLE, FORCE], "imu": [*IMUS]}[kind]
    path = make_folder(tmp_path / "exam", streams)
    broken = path / str(streams[-1]["file"])
    broken.write_bytes(content)
    with pytest.raises(CatchangleError) as error:
        assemble(read_folder(path))
    assert str(broken) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.shared_data
def test_measured_trials_enter_as_bare_tables(shared_data: Path) -> None:
    trials = json.loads((shared_data / "kuleuven_cp" / "trials.json").read_text(encoding="utf-8"))
    for trial in trials:
        path = shared_data / "kuleuven_cp" / f"{trial['trial']}.csv"
        recording = assemble(open_recording(path, "plantarflexors", "right")).recording
        assert recording.angle.rate_hz == pytest.approx(200.0)
